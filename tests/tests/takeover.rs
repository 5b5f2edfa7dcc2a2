//! The next agent takes over what a dead one left: no packet goes unseen, and what was
//! counted is read once.

#![expect(clippy::unwrap_used, reason = "an unwrap in a test says what is wrong")]

use std::{sync::Arc, thread, time::Duration};

use sekisho::{
    kernel::{AttachMode, Datapath as _, Kernel, Options, PinFolder, Recovered, boot_now, probe},
    places::Flat,
    settings::lab,
    watchlist::{Moment, Tables, Watchlist, compile, in_order},
};
use sensor_common::{Place, Stat, Verdict};
use sensor_tests::{
    netns::v4,
    pins::Pins,
    require,
    road::{EAST_V4, Road},
    sensor::{Launch, Signal},
    traffic, wait,
};

const SECOND: u64 = 1_000_000_000;
const OPTIONS: Options = Options {
    flow_capacity: 4096,
    ..Options::new(true)
};

fn tables(generation: u64) -> Arc<Tables> {
    let mut watchlist = Watchlist::default();
    watchlist.add_feed("test".into(), [("198.51.100.0/24".parse().unwrap(), 1)]);
    let approval = lab::live(boot_now().unwrap(), lab::LONGEST, 1, 0);
    let places = Arc::new(Flat::everywhere(Place::Foreign));
    compile(
        &watchlist,
        &in_order(&[approval]),
        places,
        generation,
        Moment::default(),
    )
    .tables
}

/// An agent that begins to record on `r0`, with what the one before left.
fn begin(road: &Road, folder: &PinFolder) -> (Kernel, Vec<Recovered>) {
    let mut remains = folder.remains().unwrap();
    road.barrier.run(|| {
        let mut kernel = Kernel::load_pinned(OPTIONS, folder, &mut remains).unwrap();
        let number = kernel.next_generation();
        kernel.publish(&tables(number)).unwrap();
        kernel.attend(boot_now().unwrap() + 50 * SECOND).unwrap();
        let index = probe::interface_index("r0").unwrap();
        kernel.attach("r0", index, 0, AttachMode::Native).unwrap();
        let (recovered, taken) = kernel.take_over(remains, |_| None).unwrap();
        taken.remove().unwrap();
        (kernel, recovered)
    })
}

#[test]
fn agents_die_one_after_the_other_under_traffic_and_no_packet_is_lost() {
    require!(privilege);
    let (road, pins) = (Road::v4(), Pins::new());
    let (from, to) = (road.west_socket(EAST_V4), road.east_socket(EAST_V4, 9));
    let mut folder = PinFolder::lock(&pins.pins()).unwrap();
    let (mut kernel, recovered) = begin(&road, &folder);
    assert!(recovered.is_empty());
    let before = traffic::sent(&road.west, "w0").0;
    let (mut seen, mut recorded, mut in_flows) = (0, 0, 0);
    let mut kernel = traffic::meanwhile(&from, &to, EAST_V4, || {
        for generation in 2..10 {
            thread::sleep(Duration::from_millis(30));
            // It dies: its descriptors go, its pins and its link stay.
            std::mem::forget(kernel);
            drop(folder);
            folder = PinFolder::lock(&pins.pins()).unwrap();
            let recovered;
            (kernel, recovered) = begin(&road, &folder);
            let [recovered] = &recovered[..] else {
                panic!("{recovered:?}");
            };
            assert_eq!(recovered.generation, generation - 1);
            let counters = recovered.counters.unwrap();
            seen += counters[Stat::Seen.cell()];
            recorded += counters[Stat::Verdict(Verdict::Recorded).cell()];
            in_flows += recovered
                .flows
                .iter()
                .map(|part| part.value.packets)
                .sum::<u64>();
            let counted: u64 = (recovered.slot_counts.iter())
                .map(|counts| counts.of(Verdict::Recorded))
                .sum();
            assert_eq!(counted, counters[Stat::Verdict(Verdict::Recorded).cell()]);
        }
        drop(folder);
        kernel
    });
    wait::until("every packet has come in", || {
        let counters = kernel.counters().unwrap();
        let sent = traffic::sent(&road.west, "w0").0 - before;
        (seen + counters[Stat::Seen.cell()] == sent).then_some(())
    });
    let counters = kernel.counters().unwrap();
    recorded += counters[Stat::Verdict(Verdict::Recorded).cell()];
    kernel
        .take(&mut |part| in_flows += part.value.packets)
        .unwrap();
    let sent = traffic::sent(&road.west, "w0").0 - before;
    assert_eq!((recorded, in_flows), (sent, sent));
    assert!(sent > 1000, "{sent}");
}

#[test]
fn what_a_killed_sensor_had_not_read_is_written_by_the_next_under_its_names() {
    require!(privilege);
    let (road, pins) = (Road::v4(), Pins::new());
    let launch = |feed: &str| {
        Launch::new(&road.barrier, &["r0"], &[feed])
            .pinned(&pins)
            .args("--tick 10000 --lease 60")
    };
    let sensor = launch("198.51.100.0/24").ready();
    // The first reading is over; the next is ten seconds away.
    wait::until("the sensor sleeps", || {
        road.cross(1);
        let view = sekisho::kernel::View::read(&pins.pins()).unwrap();
        (view.counters[Stat::Verdict(Verdict::Recorded).cell()] > 0).then_some(())
    });
    road.cross(50);
    let killed = sensor.stop(Signal::SIGKILL);
    assert_eq!(killed.status, None);
    assert!(road.barrier.attached("r0").is_some(), "the link goes on");

    // The next one watches for something else.
    let next = launch("203.0.113.0/24").ready();
    assert!(
        next.stderr().contains("an agent ended without detaching"),
        "{}",
        next.stderr()
    );
    let (from, to) = (road.west_socket(EAST_V4), road.east_socket(EAST_V4, 10));
    traffic::datagrams(&from, &to, v4([203, 0, 113, 1]), 7, 10);
    road.cross(5);
    let ended = next.stop(Signal::SIGTERM);
    let lines = ended.well();
    assert_eq!(lines.verdict("recorded"), 7);
    let recovered = lines.summary()["recovered"].as_u64().unwrap();
    assert!(recovered >= 50, "{recovered}");
    let old: Vec<_> = lines
        .flows()
        .filter(|flow| flow["dst"] == "198.51.100.7")
        .collect();
    assert!(!old.is_empty());
    for flow in old {
        assert_eq!(flow["indicators"][0]["prefix"], "198.51.100.0/24", "{flow}");
        assert_eq!(flow["approvals"][0], "lab");
        assert_eq!(flow["interface"], "r0");
    }
    assert_eq!(road.barrier.attached("r0"), None);
    assert!(pins.all().is_empty(), "{:?}", pins.all());
}

#[test]
fn pins_of_another_version_and_a_running_sensor_are_refused() {
    require!(privilege);
    let (road, pins) = (Road::v4(), Pins::new());
    let launch = || Launch::new(&road.barrier, &["r0"], &["198.51.100.7"]).pinned(&pins);
    let other = pins.pins().join("wire-1-1");
    std::fs::create_dir_all(&other).unwrap();
    let refused = launch().start().end();
    assert!(
        refused
            .stderr
            .contains("was left by a sensor whose maps have version 1"),
        "{}",
        refused.stderr
    );
    assert!(
        refused.stderr.contains("sekisho detach"),
        "{}",
        refused.stderr
    );
    assert_ne!(refused.status, Some(0));
    std::fs::remove_dir(other).unwrap();

    let sensor = launch().ready();
    let second = launch().start().end();
    assert!(
        second.stderr.contains("another sensor is running"),
        "{}",
        second.stderr
    );
    assert_ne!(second.status, Some(0));
    road.cross(3);
    let ended = sensor.stop(Signal::SIGTERM);
    assert_eq!(ended.well().verdict("recorded"), 3);
}

/// A sensor on `r0` that is killed while it records.
fn killed(road: &Road, pins: &Pins, arguments: &str) {
    let sensor = Launch::new(&road.barrier, &["r0"], &["198.51.100.0/24"])
        .pinned(pins)
        .args(arguments)
        .ready();
    road.cross(10);
    sensor.stop(Signal::SIGKILL);
}

/// An index means something in one network namespace only.
#[test]
fn a_link_in_another_network_namespace_is_let_go_and_not_taken_over() {
    require!(privilege);
    let (one, other, pins) = (Road::v4(), Road::v4(), Pins::new());
    let index = |road: &Road| road.barrier.run(|| probe::interface_index("r0").unwrap());
    assert_eq!(index(&one), index(&other), "or this test shows nothing");
    killed(&one, &pins, "--tick 5000 --lease 60");
    assert!(one.barrier.attached("r0").is_some());
    let next = Launch::new(&other.barrier, &["r0"], &["198.51.100.0/24"])
        .pinned(&pins)
        .args("--tick 20")
        .ready();
    assert_eq!(one.barrier.attached("r0"), None);
    assert!(other.barrier.attached("r0").is_some());
    one.cross(20);
    other.cross(7);
    let ended = next.stop(Signal::SIGTERM);
    assert_eq!(ended.well().verdict("recorded"), 7);
}

#[test]
fn the_next_one_may_attach_in_the_other_mode() {
    require!(privilege);
    let (road, pins) = (Road::v4(), Pins::new());
    killed(&road, &pins, "--tick 5000 --lease 60 --generic");
    let next = Launch::new(&road.barrier, &["r0"], &["198.51.100.0/24"])
        .pinned(&pins)
        .args("--tick 20")
        .ready();
    road.cross(5);
    let ended = next.stop(Signal::SIGTERM);
    assert_eq!(ended.well().verdict("recorded"), 5);
}

#[test]
fn a_link_whose_interface_is_gone_stands_in_nobodys_way() {
    require!(privilege);
    let (road, pins) = (Road::v4(), Pins::new());
    let index = road.barrier.run(|| probe::interface_index("r0").unwrap());
    killed(&road, &pins, "--tick 5000 --lease 60");
    road.barrier.ip("link del r0");
    road.barrier
        .ip(&format!("link add r0 index {index} type veth peer name p0"));
    road.barrier.ip("link set dev r0 up");
    let next = Launch::new(&road.barrier, &["r0"], &["198.51.100.0/24"])
        .pinned(&pins)
        .args("--tick 20")
        .ready();
    let ended = next.stop(Signal::SIGTERM);
    let lines = ended.well();
    assert!(lines.summary()["recovered"].as_u64().unwrap() >= 10);
    assert!(pins.all().is_empty(), "{:?}", pins.all());
}

/// Another sensor has used the runtime folder meanwhile.
#[test]
fn the_snapshot_of_another_run_gives_no_names() {
    require!(privilege);
    let (road, pins, others) = (Road::v4(), Pins::new(), Pins::new());
    killed(&road, &pins, "--tick 5000 --lease 60");
    let run = |pins: &Pins, interface: &str, watched: &str| {
        Launch::new(&road.barrier, &[interface], &[watched])
            .pinned(pins)
            .args("--tick 5000 --lease 60")
    };
    // It is killed too, and leaves a snapshot of the same generation.
    run(&others, "r1", "192.0.2.0/24")
        .ready()
        .stop(Signal::SIGKILL);
    for entry in std::fs::read_dir(others.runtime()).unwrap().flatten() {
        std::fs::copy(entry.path(), pins.runtime().join(entry.file_name())).unwrap();
    }
    let next = run(&pins, "r0", "203.0.113.0/24").ready();
    assert!(
        next.stderr().contains("no snapshot of its generation 1"),
        "{}",
        next.stderr()
    );
    let ended = next.stop(Signal::SIGTERM);
    assert_eq!(ended.status, Some(0), "{}", ended.stderr);
    let flows: Vec<_> = ended.lines.flows().collect();
    assert!(!flows.is_empty());
    for flow in flows {
        assert_eq!(flow["approvals"][0], "slot 0 of generation 1", "{flow}");
        assert_eq!(flow["indicators"], serde_json::json!([]), "{flow}");
        assert_eq!(flow["proto"], 17, "what its slot let it say: {flow}");
    }
}

/// A lab approval ends with its lease: a sensor that sleeps past it does not go on.
#[test]
fn a_lab_sensor_that_wakes_up_after_its_lease_ends_and_records_nothing_more() {
    require!(privilege);
    let road = Road::v4();
    let sensor = Launch::new(&road.barrier, &["r0"], &["198.51.100.0/24"])
        .args("--tick 20 --lease 2")
        .ready();
    road.cross(10);
    sensor.signal(Signal::SIGSTOP);
    thread::sleep(Duration::from_secs(3));
    road.cross(20);
    sensor.signal(Signal::SIGCONT);
    let ended = sensor.end();
    let lines = ended.well();
    assert_eq!(lines.verdict("recorded"), 10);
    assert_eq!(lines.verdict("unattended"), 20);
    assert!(lines.all().iter().any(|line| line["about"] == "lease"));
}

#[test]
fn a_signal_while_it_starts_leaves_nothing() {
    require!(privilege);
    let (road, pins) = (Road::v4(), Pins::new());
    // Many prefixes, so that starting takes a while.
    let many: Vec<String> = (0..60_000u32)
        .map(|n| format!("20.{}.{}.{}", n >> 14 & 255, n >> 6 & 255, n << 2 & 255))
        .collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let sensor = Launch::new(&road.barrier, &["r0"], &many)
        .pinned(&pins)
        .start();
    wait::until("its pins are made", || {
        (!pins.all().is_empty()).then_some(())
    });
    thread::sleep(Duration::from_millis(20));
    let ended = sensor.stop(Signal::SIGTERM);
    assert_eq!(ended.status, Some(0), "{}", ended.stderr);
    assert!(pins.all().is_empty(), "{:?}", pins.all());
    assert_eq!(road.barrier.attached("r0"), None);
}
