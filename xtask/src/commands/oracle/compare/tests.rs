use super::*;

fn flow(last: u8, ports: Option<(u16, u16)>) -> Flow {
    Flow {
        source: [192, 0, 2, last].into(),
        destination: [198, 51, 100, 7].into(),
        protocol: 17,
        ports,
    }
}

fn packet(last: u8, octets: u64) -> Packet {
    Packet {
        flow: flow(last, Some((1, 2))),
        octets,
    }
}

fn recorded(packets: &[(u64, Packet)]) -> BTreeMap<u64, Packet> {
    packets.iter().copied().collect()
}

fn count(packets: u64, octets: u64) -> Count {
    Count { packets, octets }
}

#[test]
fn packets_of_a_flow_add_up() {
    let flows = fold(&[packet(1, 28), packet(2, 30), packet(1, 40)]);
    let expected = [
        (flow(1, Some((1, 2))), count(2, 68)),
        (flow(2, Some((1, 2))), count(1, 30)),
    ];
    assert_eq!(flows, Counts::from(expected));
}

#[test]
fn flows_differ_by_count_or_because_one_reader_has_none() {
    let tshark = fold(&[packet(1, 28), packet(2, 30), packet(3, 50)]);
    let sensor = fold(&[packet(1, 28), packet(2, 31), packet(4, 50)]);
    let differences = by_flow(&tshark, &sensor);
    let has: Vec<(bool, bool)> = differences
        .iter()
        .map(|difference| (difference.tshark.is_some(), difference.sensor.is_some()))
        .collect();
    assert_eq!(has, [(true, true), (true, false), (false, true)]);
    assert_eq!(by_flow(&tshark, &tshark), []);
}

#[test]
fn frames_that_differ_alike_are_one_difference() {
    let shown = [1, 9, 1, 1].map(|last| Some(packet(last, 28)));
    let all = "1-4".parse().unwrap();
    let differences = by_frame(
        (&shown, &BTreeSet::new()),
        &recorded(&[(2, packet(9, 28))]),
        &all,
    );
    assert_eq!(differences.len(), 1);
    assert_eq!(differences[0].frames.to_string(), "1,3-4");
    assert_eq!(
        differences[0].tshark,
        Some((flow(1, Some((1, 2))), count(3, 84)))
    );
    assert_eq!(differences[0].sensor, None);
}

#[test]
fn another_flow_or_other_octets_are_differences() {
    let without_ports = Packet {
        flow: flow(1, None),
        octets: 28,
    };
    let shown = [Some(without_ports), Some(packet(2, 28)), None];
    let sensor = recorded(&[(1, packet(1, 28)), (2, packet(2, 29)), (3, packet(3, 28))]);
    let differences = by_frame((&shown, &BTreeSet::new()), &sensor, &"1-3".parse().unwrap());
    let frames: Vec<String> = differences
        .iter()
        .map(|difference| difference.frames.to_string())
        .collect();
    assert_eq!(frames, ["3", "1", "2"]);
}

#[test]
fn a_flow_whose_frames_do_not_account_for_it_is_left() {
    let shown = [Some(packet(1, 28)), Some(packet(1, 28))];
    let tshark = fold(shown.iter().flatten());
    let sensor = recorded(&[(1, packet(1, 28))]);
    let frames = by_frame((&shown, &BTreeSet::new()), &sensor, &"1-2".parse().unwrap());
    let flows = by_flow(&tshark, &fold(sensor.values()));
    assert_eq!(left(&flows, &frames), []);
    let nothing = by_flow(&tshark, &Counts::new());
    assert_eq!(left(&nothing, &frames), nothing);
    assert_eq!(left(&flows, &[]), flows);
}

#[test]
fn only_frames_that_may_differ_are_looked_at() {
    let shown = [
        Some(packet(1, 28)),
        Some(packet(2, 28)),
        None,
        Some(packet(1, 30)),
    ];
    let tshark = fold(shown.iter().flatten());
    let agreed = fold(&[packet(2, 28)]);
    let fewer = by_flow(&tshark, &agreed);
    assert_eq!(suspects(&shown, &fewer, 9).to_string(), "1,4");
    assert_eq!(suspects(&shown, &fewer, 1).to_string(), "1");
    let more = by_flow(&tshark, &fold(&[packet(2, 28), packet(3, 28)]));
    assert_eq!(suspects(&shown, &more, 9).to_string(), "1,3-4");
}
