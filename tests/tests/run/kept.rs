//! A sensor with a store: whatever happens to it, no packet is lost or counted twice.
//!
//! `SEKISHO_KILLS` says how often it is killed.

use std::{
    collections::BTreeMap, env, fs, io::Write as _, net::TcpStream, path::Path, thread,
    time::Duration,
};

use sekisho::records::{
    RecordId,
    query::{Filter, Reader},
};
use sensor_tests::{
    pins::Pins,
    require,
    road::{EAST_V4, Road},
    sensor::{Launch, Signal},
    traffic, wait,
};

const KILLS: u64 = 12;

/// Of a datagram of `traffic::meanwhile`: 64 and two headers.
const OCTETS: u64 = 64 + 8 + 20;

pub(crate) fn number(name: &str, default: u64) -> u64 {
    env::var(name).map_or(default, |text| text.parse().unwrap())
}

/// Packets and octets of all records.
pub(crate) fn stored(store: &Path) -> (u64, u64) {
    let mut reader = Reader::open(store).unwrap();
    let rows = reader.rows(&Filter::default(), None, None).unwrap();
    // A record counts once, under however many approvals.
    let records: BTreeMap<RecordId, (u64, u64)> = (rows.iter())
        .map(|row| (row.record, (row.packets, row.octets)))
        .collect();
    assert_eq!(records.len(), rows.len(), "one approval, one row");
    let sum = |of: fn(&(u64, u64)) -> u64| records.values().map(of).sum();
    (sum(|sums| sums.0), sum(|sums| sums.1))
}

#[test]
fn killed_at_any_moment_under_traffic_it_loses_no_packet_and_counts_none_twice() {
    require!(privilege);
    let (road, pins) = (Road::v4(), Pins::new());
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store");
    let (west, east) = (road.west_socket(EAST_V4), road.east_socket(EAST_V4, 5000));
    let launch = || {
        Launch::new(&road.barrier, &["r0"], &["198.51.100.0/24"])
            .pinned(&pins)
            .args("--tick 5 --idle-timeout 1 --active-timeout 1 --lease 60 --store")
            .args(store.to_str().unwrap())
    };
    let mut sensor = Some(launch().ready());
    let before = traffic::sent(&road.west, "w0").0;
    let (mut last, mut killed_ready) = ((0, 0), 0);
    traffic::meanwhile(&west, &east, EAST_V4, || {
        for round in 0..number("SEKISHO_KILLS", KILLS) {
            // Not a proof of anything: the moment of the kill is to vary.
            thread::sleep(Duration::from_millis(round * 37 % 400));
            let ended = sensor.take().unwrap().stop(Signal::SIGKILL);
            killed_ready += u64::from(ended.lines.events().next().is_some());
            assert_eq!(ended.status, None, "round {round}: {}", ended.stderr);
            let now = stored(&store);
            assert!(now >= last, "round {round}: {now:?} after {last:?}");
            last = now;
            sensor = Some(if round % 3 == 0 {
                launch().start()
            } else {
                launch().ready()
            });
        }
        // It may have been killed before it was ready.
        thread::sleep(Duration::from_millis(1500));
    });
    let sensor = sensor.unwrap();
    wait::until("the last one records", || {
        sensor.lines().events().next().map(drop)
    });
    // What was sent last is on its way no more.
    thread::sleep(Duration::from_millis(100));
    let sent = traffic::sent(&road.west, "w0").0;
    let ended = sensor.stop(Signal::SIGTERM);
    let lines = ended.well();
    assert_eq!(lines.summary()["lost"]["flow_table"], 0);
    let (packets, octets) = stored(&store);
    assert_eq!((packets, octets), (sent - before, (sent - before) * OCTETS));
    assert!(
        packets > 1000 && killed_ready > 2,
        "{packets} {killed_ready}"
    );
    assert!(pins.all().is_empty(), "{:?}", pins.all());
}

/// What is exported and counted is what is written.
#[test]
fn exporters_have_every_record_and_metrics_every_verdict() {
    require!(privilege);
    let (road, folder) = (Road::v4(), tempfile::tempdir().unwrap());
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (eve, moved, syslog) = (path("eve.json"), path("eve.1"), path("syslog"));
    let sensor = Launch::new(&road.barrier, &["r0"], &["198.51.100.0/24"])
        .args("--tick 20 --idle-timeout 1 --metrics 127.0.0.1:9187 --store")
        .args(&path("store"))
        .args(&format!(
            "--exporter format=eve,to=file:{eve},recipient=anyone"
        ))
        .args(&format!(
            "--exporter format=syslog,to=file:{syslog},recipient=anyone"
        ))
        .ready();
    road.cross(64);
    let lines = |file: &str| sekisho::capped::read_to_string(file, 1 << 24).unwrap_or_default();
    wait::until("a flow is exported", || {
        lines(&eve)
            .contains("\"event_type\":\"flow\"")
            .then_some(())
    });
    fs::rename(&eve, &moved).unwrap();
    sensor.signal(Signal::SIGHUP);
    let metrics = road.barrier.run(|| {
        wait::until("metrics count what was recorded", || {
            let text = scrape("127.0.0.1:9187");
            let recorded = "sekisho_packets_total{interface=\"\",verdict=\"recorded\"} 0";
            (text.contains("sekisho_recording 1") && !text.contains(recorded)).then_some(text)
        })
    });
    assert!(metrics.contains("sekisho_store_up 1"), "{metrics}");
    assert!(
        metrics.contains("sekisho_exporter_up{stage=\"eve\"} 1"),
        "{metrics}"
    );
    road.cross(64);
    let ended = sensor.stop(Signal::SIGTERM);
    let written = ended.well().flows().count();
    let flows = |text: &str| text.matches("\"event_type\":\"flow\"").count();
    let (before, after) = (flows(&lines(&moved)), flows(&lines(&eve)));
    assert!(before > 0 && after > 0, "{before} {after}");
    assert_eq!(before + after, written);
    let records = lines(&syslog).matches(" flow ").count();
    assert!(records >= written, "{records} {written}");
}

/// What the server of metrics says.
fn scrape(address: &str) -> String {
    let Ok(mut stream) = TcpStream::connect(address) else {
        return String::new();
    };
    let asked = stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let answer = asked.and_then(|()| sekisho::capped::read_from(&mut stream, 1 << 20));
    String::from_utf8(answer.unwrap_or_default()).unwrap_or_default()
}
