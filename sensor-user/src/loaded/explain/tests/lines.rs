//! The line that describes a packet.

use proptest::prelude::*;

use crate::loaded::explain::{LineError, PacketLine};

fn parse(text: &str) -> Result<PacketLine, LineError> {
    text.parse()
}

#[test]
fn what_is_understood_is_printed_as_it_is_written() {
    for text in [
        "203.0.113.5:443 > 198.51.100.7:50000 tcp on eth0 vlan 10",
        "203.0.113.5 > 198.51.100.7",
        "203.0.113.5:0 > 198.51.100.7",
        "203.0.113.5 > 198.51.100.7:65535 on eth0",
        "2001:db8::1 > 2001:db8::2 icmpv6",
        "[2001:db8::1]:443 > [2001:db8::2]:50000 udp vlan 0 vlan 4095",
        "192.0.2.1 > 192.0.2.2 icmp",
        "192.0.2.1:5 > 192.0.2.2:6 sctp",
        "192.0.2.1 > 192.0.2.2 47 on tunl0",
        "::ffff:192.0.2.1 > ::1 255 vlan 1",
        "192.0.2.1 > 192.0.2.2 on on vlan 7",
    ] {
        assert_eq!(parse(text).unwrap().to_string(), text);
    }
}

#[test]
fn other_ways_of_writing_are_understood() {
    for (text, printed) in [
        ("  192.0.2.1>192.0.2.2 ", "192.0.2.1 > 192.0.2.2"),
        ("192.0.2.1 > 192.0.2.2 TCP", "192.0.2.1 > 192.0.2.2 tcp"),
        ("192.0.2.1 > 192.0.2.2 6", "192.0.2.1 > 192.0.2.2 tcp"),
        ("[2001:DB8:0::1] > [::]", "2001:db8::1 > ::"),
        ("192.0.2.1\t>\n192.0.2.2", "192.0.2.1 > 192.0.2.2"),
    ] {
        assert_eq!(parse(text).unwrap().to_string(), printed);
    }
}

const NOT_UNDERSTOOD: [&str; 32] = [
    "",
    "203.0.113.5:443",
    "203.0.113.5:443 tcp on eth0",
    "> 198.51.100.7",
    "203.0.113.5 >",
    "203.0.113.5 tcp > 198.51.100.7",
    "example.org > 198.51.100.7",
    "203.0.113.555 > 198.51.100.7",
    "203.0.113.0/24 > 198.51.100.7",
    "203.0.113.5 > 198.51.100.7:",
    "203.0.113.5 > 198.51.100.7:+1",
    "203.0.113.5:65536 > 198.51.100.7",
    "203.0.113.5 > 2001:db8::1",
    "[2001:db8::1]443 > 2001:db8::1",
    "[2001:db8::1 > 2001:db8::1",
    "[192.0.2.1]:443 > 192.0.2.2",
    "fe80::1%eth0 > fe80::2",
    "203.0.113.5 > 198.51.100.7 quic",
    "203.0.113.5 > 198.51.100.7 256",
    "203.0.113.5 > 198.51.100.7 tcp eth0",
    "203.0.113.5 > 198.51.100.7 tcp udp",
    "203.0.113.5 > 198.51.100.7 on",
    "203.0.113.5 > 198.51.100.7 on an-interface-with-a-long-name",
    "203.0.113.5 > 198.51.100.7 on eth0 tcp",
    "203.0.113.5 > 198.51.100.7 on eth0 on eth1",
    "203.0.113.5 > 198.51.100.7 vlan",
    "203.0.113.5 > 198.51.100.7 vlan 4096",
    "203.0.113.5 > 198.51.100.7 vlan 1 on eth0",
    "203.0.113.5 > 198.51.100.7 vlan 1 vlan 2 vlan 3",
    "203.0.113.5:8 > 198.51.100.7 icmp",
    "203.0.113.5 > 198.51.100.7 > 192.0.2.1",
    "203.0.113.5 > \u{1b}[2J",
];

#[test]
fn what_is_not_understood_says_what_was_expected_where() {
    let mut told = String::new();
    for text in NOT_UNDERSTOOD {
        let error = parse(text).unwrap_err();
        told.push_str(&format!("{text}\n    {error}\n").replace('\u{1b}', "ESC"));
    }
    insta::assert_snapshot!(told, @r"

        no '>' between source and destination; write the packet in quotes, since a shell takes '>' for itself: 'SRC > DST'
    203.0.113.5:443
        no '>' between source and destination; write the packet in quotes, since a shell takes '>' for itself: 'SRC > DST'
    203.0.113.5:443 tcp on eth0
        no '>' between source and destination; write the packet in quotes, since a shell takes '>' for itself: 'SRC > DST'
    > 198.51.100.7
        no source; expected SRC > DST, each an address
    203.0.113.5 >
        no destination; expected SRC > DST, each an address
    203.0.113.5 tcp > 198.51.100.7
        'tcp' is not understood; expected '>' after the source
    example.org > 198.51.100.7
        source: 'example.org' is no address; expected one like 203.0.113.5, 203.0.113.5:443, 2001:db8::1 or [2001:db8::1]:443
    203.0.113.555 > 198.51.100.7
        source: '203.0.113.555' is no address; expected one like 203.0.113.5, 203.0.113.5:443, 2001:db8::1 or [2001:db8::1]:443
    203.0.113.0/24 > 198.51.100.7
        source: '203.0.113.0/24' is a prefix; a packet has one address, so name one of it
    203.0.113.5 > 198.51.100.7:
        destination: '' is no port; expected a number from 0 to 65535
    203.0.113.5 > 198.51.100.7:+1
        destination: '+1' is no port; expected a number from 0 to 65535
    203.0.113.5:65536 > 198.51.100.7
        source: '65536' is no port; expected a number from 0 to 65535
    203.0.113.5 > 2001:db8::1
        an IPv4 address and an IPv6 address; both ends of a packet have the same version
    [2001:db8::1]443 > 2001:db8::1
        source: '[2001:db8::1]443' is no address; expected one like 203.0.113.5, 203.0.113.5:443, 2001:db8::1 or [2001:db8::1]:443
    [2001:db8::1 > 2001:db8::1
        source: '[2001:db8::1' is no address; expected one like 203.0.113.5, 203.0.113.5:443, 2001:db8::1 or [2001:db8::1]:443
    [192.0.2.1]:443 > 192.0.2.2
        source: '[192.0.2.1]:443' is no address; expected one like 203.0.113.5, 203.0.113.5:443, 2001:db8::1 or [2001:db8::1]:443
    fe80::1%eth0 > fe80::2
        source: 'fe80::1%eth0' is no address; expected one like 203.0.113.5, 203.0.113.5:443, 2001:db8::1 or [2001:db8::1]:443
    203.0.113.5 > 198.51.100.7 quic
        'quic' is not understood; expected a protocol (tcp, udp, icmp, icmpv6, sctp or a number up to 255), 'on INTERFACE', 'vlan N' or the end
    203.0.113.5 > 198.51.100.7 256
        '256' is not understood; expected a protocol (tcp, udp, icmp, icmpv6, sctp or a number up to 255), 'on INTERFACE', 'vlan N' or the end
    203.0.113.5 > 198.51.100.7 tcp eth0
        'eth0' is not understood; expected 'on INTERFACE', 'vlan N' or the end
    203.0.113.5 > 198.51.100.7 tcp udp
        'udp' is not understood; expected 'on INTERFACE', 'vlan N' or the end
    203.0.113.5 > 198.51.100.7 on
        nothing after 'on'; expected the name of an interface
    203.0.113.5 > 198.51.100.7 on an-interface-with-a-long-name
        'an-interface-with-a-long-name' is not understood; expected the name of an interface, 15 bytes at most
    203.0.113.5 > 198.51.100.7 on eth0 tcp
        'tcp' is not understood; expected 'vlan N' or the end
    203.0.113.5 > 198.51.100.7 on eth0 on eth1
        'on' is not understood; expected 'vlan N' or the end
    203.0.113.5 > 198.51.100.7 vlan
        nothing after 'vlan'; expected a number from 0 to 4095
    203.0.113.5 > 198.51.100.7 vlan 4096
        '4096' is not understood; expected a VLAN identifier from 0 to 4095
    203.0.113.5 > 198.51.100.7 vlan 1 on eth0
        'on' is not understood; expected a second 'vlan N' or the end
    203.0.113.5 > 198.51.100.7 vlan 1 vlan 2 vlan 3
        'vlan' is not understood; expected the end, after two VLANs
    203.0.113.5:8 > 198.51.100.7 icmp
        a packet of protocol icmp has no ports; leave them out
    203.0.113.5 > 198.51.100.7 > 192.0.2.1
        '>' is not understood; expected a protocol (tcp, udp, icmp, icmpv6, sctp or a number up to 255), 'on INTERFACE', 'vlan N' or the end
    203.0.113.5 > ESC[2J
        destination: '\u{1b}[2J' is no address; expected one like 203.0.113.5, 203.0.113.5:443, 2001:db8::1 or [2001:db8::1]:443
    ");
}

fn line() -> impl Strategy<Value = String> {
    let port = || {
        prop_oneof![
            Just(String::new()),
            any::<u16>().prop_map(|p| format!(":{p}"))
        ]
    };
    let v4 = (any::<[u8; 4]>(), any::<[u8; 4]>(), port(), port()).prop_map(|(a, b, p, q)| {
        let (a, b) = (std::net::Ipv4Addr::from(a), std::net::Ipv4Addr::from(b));
        format!("{a}{p} > {b}{q}")
    });
    let v6 = (any::<[u8; 16]>(), any::<[u8; 16]>(), port(), port()).prop_map(|(a, b, p, q)| {
        let (a, b) = (std::net::Ipv6Addr::from(a), std::net::Ipv6Addr::from(b));
        format!("[{a}]{p} > [{b}]{q}")
    });
    let protocol = prop_oneof![
        Just(String::new()),
        Just(" tcp".to_owned()),
        Just(" 132".to_owned())
    ];
    let interface = prop_oneof![
        Just(String::new()),
        "[a-z][a-z0-9.-]{0,14}".prop_map(|n| format!(" on {n}"))
    ];
    let vlan = proptest::collection::vec((0..4096u16).prop_map(|id| format!(" vlan {id}")), 0..=2)
        .prop_map(|tags| tags.concat());
    (prop_oneof![v4, v6], protocol, interface, vlan)
        .prop_map(|(ends, protocol, interface, vlan)| format!("{ends}{protocol}{interface}{vlan}"))
}

proptest! {
    #[test]
    fn every_line_is_understood_and_what_is_printed_is_the_same_line(text in line()) {
        let line = parse(&text).unwrap();
        prop_assert_eq!(parse(&line.to_string()).unwrap(), line);
    }

    #[test]
    fn no_text_panics_and_what_is_understood_is_printed_and_read_back(
        words in proptest::collection::vec(
            prop_oneof![
                Just("192.0.2.1".to_owned()),
                Just("[2001:db8::1]:443".to_owned()),
                Just("2001:db8::1".to_owned()),
                Just("on".to_owned()),
                Just("vlan".to_owned()),
                Just(">".to_owned()),
                Just("tcp".to_owned()),
                Just("10".to_owned()),
                ".{0,6}",
                "[0-9a-f.:\\[\\]/>]{0,12}",
            ],
            0..9,
        ),
    ) {
        match parse(&words.join(" ")) {
            Ok(line) => prop_assert_eq!(parse(&line.to_string()).unwrap(), line),
            Err(error) => {
                let text = error.to_string();
                prop_assert!(!text.contains(char::is_control), "{:?}", text);
            }
        }
    }
}
