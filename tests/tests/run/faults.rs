//! A store whose disk fails: the sensor says what is wrong, loses nothing, and goes on by itself.
//!
//! `SEKISHO_FAULTS` says how often each happens.

use std::{
    fs::{self, File},
    io::Write as _,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use sensor_tests::{
    require,
    road::{EAST_V4, Road},
    sensor::{Launch, Sensor, Signal},
    slow_disk, traffic, wait,
};

use crate::kept::{number, stored};

const FAULTS: u64 = 2;

/// A guard against a hang.
const LIMIT: Duration = Duration::from_secs(60);

/// A small disk, gone when it is dropped.
struct Disk(PathBuf);

impl Disk {
    fn new(at: &Path) -> Self {
        fs::create_dir_all(at).unwrap();
        let options = Some("size=2m");
        mount(Some("tmpfs"), at, Some("tmpfs"), MsFlags::empty(), options).unwrap();
        Self(at.into())
    }

    /// Leaves no room on it.
    fn fill(&self) {
        let mut filler = File::create(self.filler()).unwrap();
        for size in [1 << 16, 1 << 12] {
            while filler.write_all(&vec![0; size]).is_ok() {}
        }
    }

    fn filler(&self) -> PathBuf {
        self.0.join("filler")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = umount2(&self.0, MntFlags::MNT_DETACH);
    }
}

fn alarms(sensor: &Sensor, text: &str) -> usize {
    let lines = sensor.lines();
    let about = |line: &&serde_json::Value| {
        line["about"] == "store"
            && line["text"]
                .as_str()
                .is_some_and(|said| said.contains(text))
    };
    lines.all().iter().filter(about).count()
}

#[test]
fn a_disk_that_is_full_stops_no_counting_and_what_was_counted_is_stored_when_there_is_room() {
    require!(privilege);
    let (road, folder) = (Road::v4(), tempfile::tempdir().unwrap());
    let disk = Disk::new(&folder.path().join("disk"));
    let store = disk.0.join("store");
    let sensor = Launch::new(&road.barrier, &["r0"], &["198.51.100.0/24"])
        .args("--tick 5 --idle-timeout 1 --active-timeout 1 --store")
        .args(store.to_str().unwrap())
        .ready();
    let before = traffic::sent(&road.west, "w0").0;
    for round in 1..=number("SEKISHO_FAULTS", FAULTS) {
        disk.fill();
        let full = Instant::now();
        while alarms(&sensor, "the disk is full") < usize::try_from(round).unwrap() {
            for _ in 0..20 {
                road.cross(1);
            }
            assert!(full.elapsed() < LIMIT, "no alarm: {}", sensor.stderr());
        }
        road.cross(500);
        fs::remove_file(disk.filler()).unwrap();
        wait::until("the store takes records again", || {
            let again = alarms(&sensor, "takes records again");
            (again >= usize::try_from(round).unwrap()).then_some(())
        });
    }
    let sent = traffic::sent(&road.west, "w0").0 - before;
    let ended = sensor.stop(Signal::SIGTERM);
    let lines = ended.well();
    assert_eq!(lines.summary()["lost"]["flow_table"], 0);
    assert_eq!(stored(&store).0, sent);
}

#[test]
fn a_disk_that_is_full_at_the_end_leaves_what_is_left_to_the_next_sensor() {
    require!(privilege);
    let (road, folder) = (Road::v4(), tempfile::tempdir().unwrap());
    let pins = sensor_tests::pins::Pins::new();
    let disk = Disk::new(&folder.path().join("disk"));
    let store = disk.0.join("store");
    let launch = || {
        Launch::new(&road.barrier, &["r0"], &["198.51.100.0/24"])
            .pinned(&pins)
            .args("--tick 5 --idle-timeout 1 --active-timeout 1 --store")
            .args(store.to_str().unwrap())
    };
    let sensor = launch().ready();
    let before = traffic::sent(&road.west, "w0").0;
    disk.fill();
    let full = Instant::now();
    while alarms(&sensor, "the disk is full") < 1 {
        for _ in 0..20 {
            road.cross(1);
        }
        assert!(full.elapsed() < LIMIT, "no alarm: {}", sensor.stderr());
    }
    road.cross(500);
    let ended = sensor.stop(Signal::SIGTERM);
    assert_eq!(ended.status, Some(22), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("it stays in the kernel"),
        "{}",
        ended.stderr
    );
    fs::remove_file(disk.filler()).unwrap();
    let sensor = launch().ready();
    let sent = traffic::sent(&road.west, "w0").0 - before;
    wait::until("the next one has what was left", || {
        (stored(&store).0 == sent).then_some(())
    });
    sensor.stop(Signal::SIGTERM).well();
    assert_eq!(stored(&store).0, sent);
    assert!(pins.all().is_empty(), "{:?}", pins.all());
}

#[test]
fn a_disk_that_is_slow_stops_no_counting() {
    require!(privilege);
    require!(tool "cc");
    let (road, folder) = (Road::v4(), tempfile::tempdir().unwrap());
    let store = folder.path().join("store");
    let sensor = Launch::new(&road.barrier, &["r0"], &["198.51.100.0/24"])
        .env("LD_PRELOAD", slow_disk::preloaded())
        .args("--tick 5 --lease 2 --idle-timeout 1 --active-timeout 1 --store")
        .args(store.to_str().unwrap())
        .ready();
    let before = traffic::sent(&road.west, "w0").0;
    let (west, east) = (road.west_socket(EAST_V4), road.east_socket(EAST_V4, 5000));
    traffic::meanwhile(&west, &east, EAST_V4, || {
        for _ in 0..10 * number("SEKISHO_FAULTS", FAULTS) {
            road.cross(10);
            thread::sleep(Duration::from_millis(100));
        }
    });
    thread::sleep(Duration::from_millis(50));
    let sent = traffic::sent(&road.west, "w0").0 - before;
    let ended = sensor.stop(Signal::SIGTERM);
    let lines = ended.well();
    assert_eq!(lines.verdict("recorded"), sent, "the lease never ran out");
    assert_eq!(stored(&store).0, sent);
}
