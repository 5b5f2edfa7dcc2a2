//! An output that is slow, closed or full.

use std::{
    fs::File,
    io::{self, Read as _},
    net::{IpAddr, UdpSocket},
};

use sensor_tests::{
    netns::v4,
    require, requires,
    road::{EAST_V4, Road},
    sensor::{Ended, Launch, Lines, Sensor, Signal},
    traffic, wait,
};

const WATCHED: [&str; 2] = ["198.51.100.7", "203.0.113.0/24"];

fn far() -> impl Iterator<Item = IpAddr> {
    (0..250).map(|host| v4([203, 0, 113, host]))
}

/// Sends until the sensor sees traffic it records, whether or not it can say so.
fn send_until_ended(road: &Road, sensor: &mut Sensor) {
    let (west, east) = (road.west_socket(EAST_V4), road.east_socket(EAST_V4, 5000));
    wait::until("the sensor ends because it cannot write", || {
        traffic::datagrams(&west, &east, EAST_V4, 1, 10);
        sensor.has_ended().then_some(())
    });
}

fn failed_to_write(road: &Road, ended: &Ended) {
    assert_eq!(ended.status, Some(12), "{}", ended.stderr);
    let errors: Vec<&str> = ended
        .stderr
        .lines()
        .filter(|line| line.starts_with("sekisho: "))
        .collect();
    assert_eq!(errors.len(), 1, "{}", ended.stderr);
    assert!(
        errors[0].contains("records cannot be written"),
        "{}",
        ended.stderr
    );
    assert!(!ended.stderr.contains("panicked"), "{}", ended.stderr);
    assert_eq!(road.barrier.attached("r0"), None);
}

#[test]
fn a_closed_pipe_ends_the_run_with_its_own_status() {
    require!(privilege);
    let road = Road::v4();
    let (reader, writer) = io::pipe().unwrap();
    drop(reader);
    let launch = Launch::new(&road.barrier, &["r0"], &WATCHED)
        .args("--tick 20")
        .stdout(writer);
    let mut sensor = launch.ready();
    send_until_ended(&road, &mut sensor);
    failed_to_write(&road, &sensor.end());
}

#[test]
fn a_full_disk_ends_the_run_with_its_own_status() {
    require!(privilege);
    let road = Road::v4();
    let full = File::options().write(true).open("/dev/full").unwrap();
    let launch = Launch::new(&road.barrier, &["r0"], &WATCHED)
        .args("--tick 20")
        .stdout(full);
    let mut sensor = launch.ready();
    send_until_ended(&road, &mut sensor);
    failed_to_write(&road, &sensor.end());
}

/// Starts a sensor that writes to a pipe nobody reads, and sends more flows than the pipe
/// holds lines. Returns how many packets were sent.
fn fill(road: &Road, writer: io::PipeWriter) -> (Sensor, u64) {
    let launch = Launch::new(&road.barrier, &["r0"], &WATCHED)
        .args("--tick 20 --idle-timeout 0")
        .stdout(writer);
    let sensor = launch.ready();
    let east: UdpSocket = road.east_socket(EAST_V4, 5000);
    let mut sent = 0;
    for _ in 0..6 {
        let west = road.west_socket(EAST_V4);
        for address in far() {
            traffic::datagrams(&west, &east, address, 1, 10);
            sent += 1;
        }
    }
    (sensor, sent)
}

#[test]
fn a_reader_that_wakes_up_late_still_gets_every_record() {
    require!(privilege);
    let road = Road::v4();
    let (mut reader, writer) = io::pipe().unwrap();
    let (sensor, sent) = fill(&road, writer);
    sensor.signal(Signal::SIGTERM);
    wait::until("the sensor lets go of the interface", || {
        road.barrier.attached("r0").is_none().then_some(())
    });
    let written = sekisho::capped::read_from(&mut reader, 1 << 30).unwrap();
    let ended = sensor.end();
    assert_eq!(ended.status, Some(0), "{}", ended.stderr);
    let lines = Lines::parse(std::str::from_utf8(&written).unwrap());
    lines.account();
    assert_eq!(lines.summary()["seen"], sent);
}

#[test]
fn a_reader_that_leaves_after_a_long_sleep_ends_the_run() {
    require!(privilege);
    let road = Road::v4();
    let (mut reader, writer) = io::pipe().unwrap();
    let (sensor, _) = fill(&road, writer);
    sensor.signal(Signal::SIGTERM);
    let mut first = [0; 1];
    reader.read_exact(&mut first).unwrap();
    assert_eq!(first, *b"{");
    drop(reader);
    failed_to_write(&road, &sensor.end());
}

#[test]
fn a_second_signal_does_not_wait_for_the_reader() {
    require!(privilege);
    let road = Road::v4();
    let (reader, writer) = io::pipe().unwrap();
    let (mut sensor, _) = fill(&road, writer);
    sensor.signal(Signal::SIGTERM);
    wait::until("the sensor lets go of the interface", || {
        road.barrier.attached("r0").is_none().then_some(())
    });
    // A signal that comes before the second one is listened for is taken with the first.
    wait::until("the sensor ends", || {
        sensor.signal(Signal::SIGINT);
        sensor.has_ended().then_some(())
    });
    let ended = sensor.end();
    assert_eq!(ended.status, Some(12), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("at the second signal"),
        "{}",
        ended.stderr
    );
    drop(reader);
}

#[test]
fn a_standard_error_that_nobody_reads_is_no_reason_to_end() {
    require!(privilege);
    let road = Road::v4();
    let folder = tempfile::tempdir().unwrap();
    let (feed, output) = (folder.path().join("feed"), folder.path().join("output"));
    std::fs::write(&feed, "198.51.100.7\nno address\n").unwrap();
    let (reader, writer) = io::pipe().unwrap();
    drop(reader);
    let status = (road.barrier.command(requires::binary()))
        .args(["run", "--lab", "--interface", "r0", "--duration", "1"])
        .arg("--runtime-dir")
        .arg(folder.path().join("run"))
        .arg("--state-dir")
        .arg(folder.path().join("state"))
        .arg("--feed")
        .arg(&feed)
        .arg("--output")
        .arg(&output)
        .stderr(writer)
        .status()
        .unwrap();
    assert_eq!(status.code(), Some(0));
    let lines = sekisho::capped::read_to_string(&output, 1 << 20).unwrap();
    Lines::parse(&lines).account();
}

#[test]
fn a_second_run_on_the_interface_leaves_the_output_of_the_first_alone() {
    require!(privilege);
    let road = Road::v4();
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("output");
    let launch = || {
        Launch::new(&road.barrier, &["r0"], &WATCHED)
            .args(&format!("--tick 20 --output {}", output.display()))
    };
    let first = launch().ready();
    road.cross(10);
    wait::until("the first has written", || {
        (std::fs::metadata(&output).unwrap().len() > 0).then_some(())
    });
    let before = sekisho::capped::read(&output, 1 << 20).unwrap();
    let second = launch().start().end();
    assert_eq!(second.status, Some(6), "{}", second.stderr);
    let after = sekisho::capped::read(&output, 1 << 20).unwrap();
    assert_eq!(before, after);
    assert_eq!(first.stop(Signal::SIGTERM).status, Some(0));
    let lines = sekisho::capped::read_to_string(&output, 1 << 20).unwrap();
    Lines::parse(&lines).account();
}
