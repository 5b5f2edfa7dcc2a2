use super::{
    super::network::{TO_DOMESTIC, TO_FOREIGN},
    *,
};

fn flow(source: &str, destination: &str, protocol: u8, ports: Option<(u16, u16)>) -> Flow {
    let (source, destination) = (source.parse().unwrap(), destination.parse().unwrap());
    Flow {
        source,
        destination,
        protocol,
        ports,
    }
}

fn both() -> (Records, [(&'static str, Counts); 2]) {
    let out = flow("2001:db8:d0::10", "2001:db8:bad::7", 6, Some((40000, 443)));
    let back = flow("203.0.113.7", "10.77.0.10", 1, None);
    let count = |packets| Count {
        packets,
        octets: packets * 100,
    };
    let other = flow("192.0.2.80", "10.77.0.10", 17, Some((53, 50000)));
    let records = Records {
        flows: [(TO_DOMESTIC, out, 7), (TO_FOREIGN, back, 3)]
            .map(|(interface, flow, n)| (interface.to_owned(), Counts::from([(flow, count(n))])))
            .into(),
        indicators: [(out, "2001:db8:bad::/48"), (back, "203.0.113.7/32")]
            .map(|(flow, prefix)| (flow, [prefix.to_owned()].into()))
            .into(),
        classes: ["transit".to_owned()].into(),
        seen: 15,
        verdicts: [("no_match".to_owned(), 5), ("recorded".to_owned(), 10)].into(),
        lost: [("limiter".to_owned(), 0)].into(),
    };
    let counted = [
        (TO_DOMESTIC, [(out, count(7))].into()),
        (TO_FOREIGN, [(back, count(3)), (other, count(5))].into()),
    ];
    (records, counted)
}

#[test]
fn readers_that_agree() {
    let (records, counted) = both();
    let report = Report::new(records, &counted);
    report.conclude().unwrap();
    let text = report.to_string();
    for line in [
        "  source                   destination            protocol  packets  octets  on the feed",
        "  [2001:db8:d0::10]:40000  [2001:db8:bad::7]:443  TCP             7     700  2001:db8:bad::/48",
        "         5  no_match    neither end is on the feed: only this number was kept",
        "    counted at the receivers       7 packets,    700 octets",
        "Flow by flow they are the same, to the packet and to the octet.",
        "Between hosts on no list it counted 5 packets, as many as got the verdict no_match.",
    ] {
        assert!(
            text.lines().any(|l| l == line),
            "no line {line:?} in:\n{text}"
        );
    }
    assert!(
        text.lines().all(|line| line.chars().count() <= 100),
        "{text}"
    );
}

#[test]
fn one_octet_of_difference_is_an_error_and_shown() {
    let (records, mut counted) = both();
    let back = flow("203.0.113.7", "10.77.0.10", 1, None);
    counted[1].1.get_mut(&back).unwrap().octets += 1;
    let report = Report::new(records, &counted);
    assert!(report.conclude().is_err());
    let text = report.to_string();
    assert!(
        text.contains("DIFFERENT, c-foreign: ICMP from 203.0.113.7 to 10.77.0.10:"),
        "{text}"
    );
}

#[test]
fn a_flow_that_only_one_reader_has_is_a_difference() {
    let (records, _) = both();
    assert_eq!(Report::new(records, &[]).differences.len(), 2);
}

#[test]
fn sums_that_contradict_each_other_are_an_error() {
    let (mut records, counted) = both();
    records.seen += 1;
    assert!(Report::new(records, &counted).conclude().is_err());
}

#[test]
fn a_flow_at_the_wrong_interface_is_a_difference() {
    let (mut records, counted) = both();
    let flows = records.flows.remove(TO_FOREIGN).unwrap();
    records.flows.insert("c-other".to_owned(), flows);
    assert_eq!(Report::new(records, &counted).differences.len(), 2);
}
