//! What people and programs read.

use sensor_common::{Class, Fields, Slot, Verdict};

use super::*;
use crate::watchlist::{Limits, PortRule, Prefixes};

/// Two approvals: one of everything for two hours, one of the class `relay` that has ended.
fn two() -> Loaded {
    let relay = Slot {
        end: 988 * SECOND,
        classes: only_class(Class::Relay),
        ..everything()
    };
    loaded(&[
        approval("transit-7", &[0, 1, 2, 3, 4, 5], everything()),
        approval("relay-2", &[1, 2], relay),
    ])
}

#[test]
fn recorded() {
    let packet = "11.1.1.5:443 > 41.5.0.7:50000 tcp on eth0 vlan 10";
    insta::assert_snapshot!(ask(&two(), packet, ATTENDED), @r"
    recorded: counted in a flow under transit-7

    packet       11.1.1.5:443 > 41.5.0.7:50000 tcp on eth0 vlan 10
    interface    eth0: watched
    source       11.1.1.5: foreign
                   by territory 7: 11.0.0.0/8 foreign, apnic.txt line 1
                   watched: 11.1.1.0/24, feed.txt line 7, named by transit-7 and relay-2
                   watched: 11.1.0.0/16, wide.txt line 3, named by transit-7
    destination  41.5.0.7: domestic
                   by territory 7: 41.0.0.0/8 domestic, apnic.txt line 2
                   watched: 41.5.0.0/16, feed.txt line 8, named by transit-7 and relay-2
    class        relay, inbound: foreign to domestic
    approvals    transit-7: allows it; ends in 59m 58s, 2026-09-21 15:29:58 UTC
                 relay-2: ended 12 s ago, 2026-09-21 14:29:48 UTC
    record       addresses, interface, class, times, packets, octets; the domestic address not in clear
                 under transit-7: also ports 443 to 50000, protocol tcp, tcp_flags, ttl, vlan 10 and fragment
    loaded       generation 4; a sensor is running; as of 2026-09-21 14:30:00 UTC
    ");
}

#[test]
fn recorded_between_operator_and_foreign_with_few_fields() {
    let few = Slot {
        fields: Fields::PROTOCOL.union(Fields::PORTS),
        ..everything()
    };
    let loaded = loaded(&[approval("grid", &[5, 0], few)]);
    insta::assert_snapshot!(ask(&loaded, "41.1.2.3 > 11.1.1.5 47 on eth1", ATTENDED), @r"
    recorded: counted in a flow under grid

    packet       41.1.2.3 > 11.1.1.5 47 on eth1
    interface    eth1: watched
    source       41.1.2.3: domestic, operator denryoku
                   by operator denryoku: 41.1.0.0/16
                   not by territory 7: 41.0.0.0/8 domestic, apnic.txt line 2
                   not watched
    destination  11.1.1.5: foreign
                   by territory 7: 11.0.0.0/8 foreign, apnic.txt line 1
                   watched: 11.1.0.0/16, wide.txt line 3, named by grid
                   not watched: 11.1.1.0/24, feed.txt line 7, named by no approval
    class        infrastructure, outbound: operator denryoku to foreign
    approvals    grid: allows it; ends in 59m 58s, 2026-09-21 15:29:58 UTC
    record       addresses, interface, class, times, packets, octets; the domestic address not in clear
                 under grid: also ports (of tcp, udp, dccp, sctp and udplite only) and protocol 47
    loaded       generation 4; a sensor is running; as of 2026-09-21 14:30:00 UTC
    ");
}

#[test]
fn not_watched_at_all() {
    insta::assert_snapshot!(ask(&two(), "11.2.0.1 > 41.6.0.1 on eth0", ATTENDED), @r"
    no_match: nothing is watched at either address; one counter is all that is kept

    packet       11.2.0.1 > 41.6.0.1 on eth0
    interface    eth0: watched
    source       11.2.0.1: foreign
                   by territory 7: 11.0.0.0/8 foreign, apnic.txt line 1
                   not watched
    destination  41.6.0.1: domestic
                   by territory 7: 41.0.0.0/8 domestic, apnic.txt line 2
                   not watched
    class        relay, inbound: foreign to domestic
    loaded       generation 4; a sensor is running; as of 2026-09-21 14:30:00 UTC
    ");
}

#[test]
fn in_a_feed_but_named_by_no_approval() {
    let loaded = loaded(&[approval("transit-7", &[0], everything())]);
    insta::assert_snapshot!(ask(&loaded, "11.1.1.5 > 12.0.0.1 on eth0", ATTENDED), @r"
    unknown: the destination is placed by nobody; it is never recorded

    packet       11.1.1.5 > 12.0.0.1 on eth0
    interface    eth0: watched
    source       11.1.1.5: foreign
                   by territory 7: 11.0.0.0/8 foreign, apnic.txt line 1
                   watched: 11.1.0.0/16, wide.txt line 3, named by transit-7
                   not watched: 11.1.1.0/24, feed.txt line 7, named by no approval
    destination  12.0.0.1: unknown
                   by territory 7: no row names it
                   not watched: 12.0.0.0/8, feed.txt line 11, named by no approval
    loaded       generation 4; a sensor is running; as of 2026-09-21 14:30:00 UTC
    ");
}

/// Indicator 1 counts on two ports, indicator 2 on one.
fn with_ports() -> Loaded {
    let mut loaded = two();
    let mut feed = Prefixes::default();
    for (id, indicator) in loaded.watchlist.iter().skip(1) {
        let ports: &[(u8, u16)] = match id {
            IndicatorId(1) => &[(6, 443), (17, 53)],
            IndicatorId(2) => &[(6, 50_000)],
            _ => &[],
        };
        let ports = ports.iter();
        let ports = ports.map(|&(protocol, port)| PortRule { protocol, port });
        let limits = Limits {
            validity: None,
            ports: ports.collect(),
        };
        feed.push_limited(indicator.prefix, indicator.line, &limits);
    }
    let mut watchlist = Watchlist::default();
    watchlist.add_feed("wide.txt".into(), [(prefix("11.1.0.0/16"), 3)]);
    watchlist.share_feed("feed.txt".into(), feed.into());
    loaded.watchlist = watchlist;
    loaded
}

#[test]
fn on_their_ports_and_on_others() {
    let packet = "11.1.1.5:443 > 41.5.0.7:443 tcp on eth0";
    insta::assert_snapshot!(ask(&with_ports(), packet, ATTENDED), @r"
    recorded: counted in a flow under transit-7

    packet       11.1.1.5:443 > 41.5.0.7:443 tcp on eth0
    interface    eth0: watched
    source       11.1.1.5: foreign
                   by territory 7: 11.0.0.0/8 foreign, apnic.txt line 1
                   watched: 11.1.1.0/24, feed.txt line 7, named by transit-7 and relay-2, on tcp/443 and udp/53 only
                   watched: 11.1.0.0/16, wide.txt line 3, named by transit-7
    destination  41.5.0.7: domestic
                   by territory 7: 41.0.0.0/8 domestic, apnic.txt line 2
                   not watched: 41.5.0.0/16, feed.txt line 8, named by transit-7 and relay-2, on tcp/50000 only
    class        relay, inbound: foreign to domestic
    approvals    transit-7: allows it; ends in 59m 58s, 2026-09-21 15:29:58 UTC
                 relay-2: ended 12 s ago, 2026-09-21 14:29:48 UTC
    record       addresses, interface, class, times, packets, octets; the domestic address not in clear
                 under transit-7: also ports 443 to 443, protocol tcp, tcp_flags, ttl, vlan and fragment
    loaded       generation 4; a sensor is running; as of 2026-09-21 14:30:00 UTC
    ");
}

#[test]
fn ports_that_are_not_given_are_said_to_matter() {
    insta::assert_snapshot!(ask(&with_ports(), "11.2.0.1 > 41.5.0.7 on eth0", ATTENDED), @r"
    no_match: what covers an address counts on some ports only, and not all are given

    packet       11.2.0.1 > 41.5.0.7 on eth0
    interface    eth0: watched
    source       11.2.0.1: foreign
                   by territory 7: 11.0.0.0/8 foreign, apnic.txt line 1
                   not watched
    destination  41.5.0.7: domestic
                   by territory 7: 41.0.0.0/8 domestic, apnic.txt line 2
                   may be watched: 41.5.0.0/16, feed.txt line 8, named by transit-7 and relay-2, on tcp/50000 only
    ports        not all given, and the verdict may depend on them: write 'SRC:PORT > DST:PORT tcp'
    class        relay, inbound: foreign to domestic
    loaded       generation 4; a sensor is running; as of 2026-09-21 14:30:00 UTC
    ");
    let told = ask(
        &with_ports(),
        "11.2.0.1:1 > 41.5.0.7:2 tcp on eth0",
        ATTENDED,
    );
    assert_eq!(
        (told.verdict, told.depends_on_ports()),
        (Some(Verdict::NoMatch), false)
    );
    let none = ask(&with_ports(), "11.2.0.1 > 41.5.0.7 icmp on eth0", ATTENDED);
    assert_eq!(
        (none.verdict, none.depends_on_ports()),
        (Some(Verdict::NoMatch), false)
    );
    let own = ask(
        &with_ports(),
        "11.2.0.1 > 41.5.0.7:50000 tcp on eth0",
        ATTENDED,
    );
    assert_eq!(
        (own.verdict, own.depends_on_ports()),
        (Some(Verdict::Recorded), false)
    );
    let open = ask(&with_ports(), "11.2.0.1 > 41.5.0.7:50000 on eth0", ATTENDED);
    assert!(open.depends_on_ports(), "the protocol is not given");
    let udp = ask(&with_ports(), "11.2.0.1 > 41.5.0.7 udp on eth0", ATTENDED);
    assert!(!udp.depends_on_ports(), "it counts on no port of UDP");
}

#[test]
fn excluded() {
    insta::assert_snapshot!(ask(&two(), "11.9.0.1 > 41.5.0.1 on eth0", ATTENDED), @r"
    excluded: the source is excluded, which no approval changes; it is never recorded

    packet       11.9.0.1 > 41.5.0.1 on eth0
    interface    eth0: watched
    source       11.9.0.1: excluded
                   by exclusion 11.9.0.0/16: hospitals.txt line 2
                   not by territory 7: 11.0.0.0/8 foreign, apnic.txt line 1
                   watched: 11.9.0.0/16, feed.txt line 9, named by transit-7
    destination  41.5.0.1: domestic
                   by territory 7: 41.0.0.0/8 domestic, apnic.txt line 2
                   watched: 41.5.0.0/16, feed.txt line 8, named by transit-7 and relay-2
    loaded       generation 4; a sensor is running; as of 2026-09-21 14:30:00 UTC
    ");
}

#[test]
fn of_the_wrong_operator() {
    insta::assert_snapshot!(ask(&two(), "11.1.1.5 > 41.2.0.1 on eth0", ATTENDED), @r"
    class: no approval that names it covers its class with operator gas, so it is not recorded

    packet       11.1.1.5 > 41.2.0.1 on eth0
    interface    eth0: watched
    source       11.1.1.5: foreign
                   by territory 7: 11.0.0.0/8 foreign, apnic.txt line 1
                   watched: 11.1.1.0/24, feed.txt line 7, named by transit-7 and relay-2
                   watched: 11.1.0.0/16, wide.txt line 3, named by transit-7
    destination  41.2.0.1: domestic, operator gas
                   by operator gas: 41.2.0.0/16
                   not by territory 7: 41.0.0.0/8 domestic, apnic.txt line 2
                   not watched
    class        infrastructure, inbound: foreign to operator gas
    approvals    transit-7: the prefix is of gas, not the operator it has the consent of, denryoku
                 relay-2: ended 12 s ago, 2026-09-21 14:29:48 UTC
    loaded       generation 4; a sensor is running; as of 2026-09-21 14:30:00 UTC
    ");
}

#[test]
fn on_an_interface_that_is_not_watched() {
    insta::assert_snapshot!(ask(&two(), "11.1.1.5 > 11.2.0.1 on wlan0", ATTENDED), @r"
    not seen: wlan0 is not watched, so no packet on it is looked at; watched: eth0 and eth1

    packet       11.1.1.5 > 11.2.0.1 on wlan0
    interface    wlan0: not watched
    source       11.1.1.5: foreign
                   by territory 7: 11.0.0.0/8 foreign, apnic.txt line 1
                   watched: 11.1.1.0/24, feed.txt line 7, named by transit-7 and relay-2
                   watched: 11.1.0.0/16, wide.txt line 3, named by transit-7
    destination  11.2.0.1: foreign
                   by territory 7: 11.0.0.0/8 foreign, apnic.txt line 1
                   not watched
    class        transit, through: foreign to foreign
    loaded       generation 4; a sensor is running; as of 2026-09-21 14:30:00 UTC
    ");
}

#[test]
fn lab_without_a_sensor() {
    let mut loaded = two();
    loaded.lab = true;
    loaded.layers = Layers::lab();
    loaded.interfaces.truncate(1);
    loaded.approvals.truncate(1);
    loaded.approvals[0].approval.id = ApprovalId("lab".into());
    let moment = Moment {
        attended: false,
        ..ATTENDED
    };
    insta::assert_snapshot!(ask(&loaded, "2400:1::5 > 2400:2::7 icmpv6", moment), @r"
    unattended: no approval that names it is attended by a sensor, so it is not recorded

    packet       2400:1::5 > 2400:2::7 icmpv6 on eth0
    interface    eth0: watched, the only one
    source       2400:1::5: foreign
                   by lab without a territory: every address is foreign
                   watched: 2400:1::/32, feed.txt line 12, named by lab
    destination  2400:2::7: foreign
                   by lab without a territory: every address is foreign
                   not watched
    class        transit, through: foreign to foreign
    approvals    lab: no sensor runs to renew its lease, and lab ends with it
    loaded       generation 4, lab; no sensor is running; as of 2026-09-21 14:30:00 UTC
    ");
}

#[test]
fn what_a_feed_is_called_moves_no_cursor() {
    let mut loaded = two();
    let mut renamed = Watchlist::default();
    for (id, indicator) in loaded.watchlist.iter() {
        let name = match id {
            IndicatorId(0) => "evil\u{1b}[2J\nfeed",
            _ => loaded.watchlist.feed_of(&indicator),
        };
        renamed.add_feed(name.into(), [(indicator.prefix, indicator.line)]);
    }
    loaded.watchlist = renamed;
    let text = ask(&loaded, "11.1.1.5 > 11.2.0.1 on eth0", ATTENDED).to_string();
    assert!(
        !text.replace('\n', "").contains(char::is_control),
        "{text:?}"
    );
    assert!(!text.contains("\nfeed"), "{text:?}");
}

/// A line for each member.
fn members(answer: &Answer) -> String {
    let value = serde_json::to_value(answer).unwrap();
    let members = value.as_object().unwrap().iter();
    let lines: Vec<String> = members
        .map(|(name, member)| format!("{name}: {member}"))
        .collect();
    lines.join("\n")
}

#[test]
fn json() {
    let packet = "11.1.1.5:443 > 41.5.0.7:50000 tcp on eth0 vlan 10";
    insta::assert_snapshot!(members(&ask(&two(), packet, ATTENDED)), @r#"
    approvals: [{"fields":["ports","protocol","tcp_flags","ttl","vlan","fragment"],"name":"transit-7","reached":"recorded","slot":0,"why":"allows it; ends in 59m 58s, 2026-09-21 15:29:58 UTC"},{"fields":[],"name":"relay-2","reached":"expired","slot":1,"why":"ended 12 s ago, 2026-09-21 14:29:48 UTC"}]
    attended: true
    boot_ns: 1000000000000
    class: "relay"
    depends_on_ports: false
    destination: {"address":"41.5.0.7","beat":[],"match":{"indicators":[{"approvals":["transit-7","relay-2"],"feed":"feed.txt","line":8,"ports":[],"prefix":"41.5.0.0/16"}],"set":5},"open":[],"other_ports":[],"place":"domestic","port":50000,"rule":{"by":"territory","file":"apnic.txt","line":2,"number":7,"place":"domestic","prefix":"41.0.0.0/8","source":{"kind":"cidr","place":"foreign"}},"unnamed":[]}
    direction: "inbound"
    fields: ["ports","protocol","tcp_flags","ttl","vlan","fragment"]
    generation: 4
    interface: {"assumed":false,"name":"eth0","slot":0,"watched":true}
    lab: false
    meaning: "recorded: counted in a flow under transit-7"
    operator: null
    packet: "11.1.1.5:443 > 41.5.0.7:50000 tcp on eth0 vlan 10"
    protocol: 6
    recorded: true
    source: {"address":"11.1.1.5","beat":[],"match":{"indicators":[{"approvals":["transit-7","relay-2"],"feed":"feed.txt","line":7,"ports":[],"prefix":"11.1.1.0/24"},{"approvals":["transit-7"],"feed":"wide.txt","line":3,"ports":[],"prefix":"11.1.0.0/16"}],"set":2},"open":[],"other_ports":[],"place":"foreign","port":443,"rule":{"by":"territory","file":"apnic.txt","line":1,"number":7,"place":"foreign","prefix":"11.0.0.0/8","source":{"kind":"cidr","place":"foreign"}},"unnamed":[]}
    time: "2026-09-21T14:30:00Z"
    verdict: "recorded"
    vlan: [10]
    "#);
}

#[test]
fn json_of_what_is_not_seen() {
    let packet = "2400:1::5 > 2400:2::5 on wlan0";
    insta::assert_snapshot!(members(&ask(&two(), packet, ATTENDED)), @r#"
    approvals: []
    attended: true
    boot_ns: 1000000000000
    class: "transit"
    depends_on_ports: false
    destination: {"address":"2400:2::5","beat":[],"match":null,"open":[],"other_ports":[],"place":"foreign","port":null,"rule":{"by":"territory","file":"apnic.txt","line":3,"number":7,"place":"foreign","prefix":"2400::/16","source":{"kind":"cidr","place":"foreign"}},"unnamed":[]}
    direction: "through"
    fields: []
    generation: 4
    interface: {"assumed":false,"name":"wlan0","slot":null,"watched":false}
    lab: false
    meaning: "not seen: wlan0 is not watched, so no packet on it is looked at; watched: eth0 and eth1"
    operator: null
    packet: "2400:1::5 > 2400:2::5 on wlan0"
    protocol: null
    recorded: false
    source: {"address":"2400:1::5","beat":[],"match":{"indicators":[{"approvals":["transit-7"],"feed":"feed.txt","line":12,"ports":[],"prefix":"2400:1::/32"}],"set":6},"open":[],"other_ports":[],"place":"foreign","port":null,"rule":{"by":"territory","file":"apnic.txt","line":3,"number":7,"place":"foreign","prefix":"2400::/16","source":{"kind":"cidr","place":"foreign"}},"unnamed":[]}
    time: "2026-09-21T14:30:00Z"
    verdict: null
    vlan: []
    "#);
}
