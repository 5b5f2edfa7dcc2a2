use super::*;
use crate::commands::oracle::compare::fold;

/// A line of tshark with these fields.
fn line(fields: &[(&str, &str)]) -> String {
    let columns = FIELDS.map(|name| {
        let field = fields.iter().find(|(field, _)| *field == name);
        field.map_or("", |(_, value)| value)
    });
    columns.join("\t")
}

/// Source, destination, protocol and octets.
type Read = (String, String, u8, u64);

/// What is read of the outermost IP header.
fn read(fields: &[(&str, &str)]) -> Option<Read> {
    let line = line(fields);
    let packet = Row::new(&line).unwrap().packet()?;
    let Packet { flow, octets } = packet;
    let (source, destination) = (flow.source_end(), flow.destination_end());
    Some((source, destination, flow.protocol, octets))
}

fn ipv4<'a>(layers: &'a str, more: &[(&'a str, &'a str)]) -> Read {
    let mut fields = more.to_vec();
    fields.extend([
        ("frame.protocols", layers),
        ("ip.src", "192.0.2.1,10.0.0.1"),
        ("ip.dst", "192.0.2.2,10.0.0.2"),
        ("ip.len", "60,40"),
    ]);
    read(&fields).unwrap()
}

fn ipv6<'a>(layers: &'a str, more: &[(&'a str, &'a str)]) -> Read {
    let mut fields = more.to_vec();
    fields.extend([
        ("frame.protocols", layers),
        ("ipv6.src", "2001:db8::1"),
        ("ipv6.dst", "2001:db8::2"),
    ]);
    read(&fields).unwrap()
}

fn is(source: &str, destination: &str, protocol: u8, octets: u64) -> Read {
    (source.to_owned(), destination.to_owned(), protocol, octets)
}

const PORTS: [(&str, &str); 2] = [("udp.srcport", "53"), ("udp.dstport", "1024")];

#[test]
fn ports_are_those_next_to_the_outermost_header() {
    let proto = |number| [&[("ip.proto", number)][..], &PORTS].concat();
    assert_eq!(
        ipv4("eth:ethertype:vlan:ethertype:ip:udp:dns", &proto("17")),
        is("192.0.2.1:53", "192.0.2.2:1024", 17, 60)
    );
    let none = |protocol| is("192.0.2.1", "192.0.2.2", protocol, 60);
    // An error that quotes a packet, a tunnel, IPsec, a later fragment.
    assert_eq!(
        ipv4("eth:ethertype:ip:icmp:ip:udp", &proto("1,17")),
        none(1)
    );
    assert_eq!(
        ipv4("eth:ethertype:ip:gre:ip:udp", &proto("47,17")),
        none(47)
    );
    assert_eq!(ipv4("eth:ethertype:ip:ah:udp", &proto("51")), none(51));
    assert_eq!(
        ipv4("eth:ethertype:ip:data", &[("ip.proto", "17")]),
        none(17)
    );
}

#[test]
fn a_transport_header_that_is_cut_has_the_ports_that_tshark_shows() {
    let cut = [("ip.proto", "17"), ("udp.srcport", "53")];
    assert_eq!(
        ipv4("eth:ethertype:ip:udp", &cut),
        is("192.0.2.1", "192.0.2.2", 17, 60)
    );
}

#[test]
fn a_source_route_leaves_the_destination_of_the_header() {
    let routed = [("ip.proto", "1"), ("ip.cur_rt", "192.0.2.9")];
    assert_eq!(
        ipv4("eth:ethertype:ip:icmp", &routed),
        is("192.0.2.1", "192.0.2.9", 1, 60)
    );
}

#[test]
fn of_ip_in_ip_the_first_layer_counts() {
    let outer = [("ipv6.nxt", "4"), ("ipv6.plen", "52"), ("ip.proto", "6")];
    assert_eq!(
        ipv6("eth:ethertype:ipv6:ip:tcp", &outer),
        is("2001:db8::1", "2001:db8::2", 4, 92)
    );
}

#[test]
fn ipv6_where_ipv4_is_announced_is_in_no_flow() {
    let read_of = |layers| {
        read(&[
            ("frame.protocols", layers),
            ("ipv6.src", "2001:db8::1"),
            ("ipv6.dst", "2001:db8::2"),
            ("ipv6.nxt", "58"),
            ("ipv6.plen", "8"),
        ])
    };
    assert_eq!(read_of("eth:ethertype:ip:ipv6:icmpv6"), None);
    assert!(read_of("eth:ethertype:ipv6:icmpv6").is_some());
}

#[test]
fn remarks_of_tshark_are_contradictions() {
    let contradicts = |fields: &[(&str, &str)]| Row::new(&line(fields)).unwrap().contradicts();
    for field in ["ip.bogus_ip_length", "ipv6.plen_exceeds_framing"] {
        assert!(contradicts(&[("ip.len", "60"), (field, "1")]), "{field}");
    }
    assert!(contradicts(&[("pppoe.version", "2"), ("pppoe.type", "1")]));
    assert!(!contradicts(&[("pppoe.version", "1"), ("pppoe.type", "1")]));
    assert!(!contradicts(&[("ip.len", "60")]));
}

#[test]
fn extension_headers_are_passed_over() {
    let fields = [
        ("ipv6.nxt", "0"),
        ("ipv6.plen", "68"),
        ("ipv6.hopopts.nxt", "60"),
        ("ipv6.dstopts.nxt", "51,17"),
        ("ah.next_header", "60"),
    ];
    let fields = [&fields[..], &PORTS].concat();
    let layers = "eth:ethertype:ipv6:ipv6.hopopts:ipv6.dstopts:ah:ipv6.dstopts:udp";
    assert_eq!(
        ipv6(layers, &fields),
        is("[2001:db8::1]:53", "[2001:db8::2]:1024", 17, 108)
    );
    // tshark stopped in the second.
    let layers = "eth:ethertype:ipv6:ipv6.hopopts:ipv6.routing";
    assert_eq!(
        ipv6(layers, &fields),
        is("2001:db8::1", "2001:db8::2", 60, 108)
    );
}

#[test]
fn an_ipv6_jumbo_payload_has_its_length_in_the_option() {
    let fields = [
        ("ipv6.nxt", "0"),
        ("ipv6.plen", "0"),
        ("ipv6.hopopts.nxt", "59"),
        ("ipv6.opt.jumbo", "70000"),
    ];
    assert_eq!(
        ipv6("eth:ethertype:ipv6:ipv6.hopopts", &fields),
        is("2001:db8::1", "2001:db8::2", 59, 70_040)
    );
}

#[test]
fn what_has_no_whole_ip_header_is_no_packet() {
    assert_eq!(read(&[("frame.protocols", "eth:ethertype:arp")]), None);
    assert_eq!(read(&[("frame.protocols", "eth:ethertype:ip")]), None);
    let cut = [
        ("frame.protocols", "eth:ethertype:ip"),
        ("ip.src", "192.0.2.1"),
    ];
    assert_eq!(read(&cut), None);
}

#[test]
fn frames_are_taken_in_their_order_with_their_times() {
    let frame = |number, time| {
        line(&[
            ("frame.number", number),
            ("frame.time_epoch", time),
            ("frame.protocols", "eth:ethertype:ip:icmp"),
            ("ip.src", "192.0.2.1"),
            ("ip.dst", "192.0.2.2"),
            ("ip.proto", "1"),
            ("ip.len", "28"),
        ])
    };
    let mut shown = Shown::default();
    shown.add(&frame("1", "1700000000.250000000")).unwrap();
    shown.add(&frame("2", "1.0")).unwrap();
    assert_eq!(shown.times, [1_700_000_000, 1]);
    let flows = fold(shown.frames.iter().flatten());
    assert_eq!(flows.values().next().unwrap().octets, 56);
    assert!(shown.add(&frame("4", "1.0")).is_err());
    assert!(shown.add("3\t").is_err());
}
