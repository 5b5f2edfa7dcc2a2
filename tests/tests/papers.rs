//! Papers in the kernel: a capture replayed under what was allowed at the time, and an agent
//! whose lease ends with what allows it.

#![expect(clippy::unwrap_used, reason = "all of this crate is tests")]

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use sekisho::{
    agent::{Agent, Authority, Config, Look, Outlets, Parts, Publisher, Recovery, Steady, grants},
    capture::Capture,
    clock::{Anchors, ClockSource as _, Terms},
    documents::{
        Attended, Decision, Digest, Granted, IndicatorSet, Time,
        field::{HardwareAddress, InterfaceName, Period, Text},
        paper,
    },
    exporters::json::{ClockMark, Line, Mark},
    kernel::{
        Alarm, Datapath, DatapathError, Held, Options, Replayer, Retired, SystemClock, TotalsBySet,
    },
    loaded::{Interface, Loaded},
    pipeline::{Clock, Names, Timeouts},
    places::Layers,
    records::Pseudonyms,
    replay::{self, History, Under},
    watchlist::{Change, Tables, Watchlist},
};
use sensor_common::{
    Class, Counters, Direction, Fields, FlowPart, ReplayContext, SlotCounts, Verdict,
};
use sensor_tests::{packet::Packet, require};

const SECOND: u64 = 1_000_000_000;
const BEGIN: u64 = 1_790_000_000 * SECOND;

fn granted(id: &str, interface: &str, (from, until): (u64, u64)) -> Granted {
    Granted {
        id: id.into(),
        document: Digest::of(id.as_bytes()),
        is_consent: false,
        class: Class::Transit,
        directions: vec![Direction::Through],
        operator: None,
        fields: Fields::ALL,
        interfaces: vec![paper::Interface {
            name: InterfaceName::try_from(interface.to_owned()).unwrap(),
            mac: HardwareAddress::try_from("02:00:00:00:00:01".to_owned()).unwrap(),
            bus: Text::try_from("virtual".to_owned()).unwrap(),
        }],
        tunnels: Vec::new(),
        from: Time(from),
        until: Time(until),
        retention: Period::try_from("P6M".to_owned()).unwrap(),
        recipients: Vec::new(),
        indicators: Arc::new(IndicatorSet {
            file: format!("{id}.txt"),
            prefixes: Arc::new([("192.0.2.0/24".parse().unwrap(), 1)].into_iter().collect()),
        }),
        limited: None,
    }
}

fn frame() -> Vec<u8> {
    Packet::v4([192, 0, 2, 1], [198, 51, 100, 7])
        .udp(7, 53)
        .build()
}

/// Before second 10 nobody attends, then until 20; one approval until 15, one from 15 on.
struct Written;

impl History for Written {
    fn at(&self, t: Time) -> Decision {
        let at = |second: u64| BEGIN + second * SECOND;
        let attended = if t.0 < at(10) {
            Attended::Not(Vec::new())
        } else {
            Attended::Until(Time(at(20)))
        };
        Decision {
            attended,
            granted: vec![
                granted("early", "eth0", (at(0), at(15))),
                granted("late", "eth0", (at(15), at(30))),
            ],
            layers: Some(Arc::new(Layers::lab())),
            next: [at(10), at(15), at(20), at(30)]
                .into_iter()
                .map(Time)
                .find(|next| *next > t),
        }
    }

    fn next_arrival(&self, _: Time) -> Option<Time> {
        None
    }
}

/// A pcapng file with packets at these nanoseconds after the beginning, on these interfaces.
fn pcapng(packets: &[(u64, u32)]) -> Vec<u8> {
    fn block(kind: u32, body: &[u8]) -> Vec<u8> {
        let mut padded = body.to_vec();
        padded.resize(body.len().next_multiple_of(4), 0);
        let length = u32::try_from(padded.len() + 12).unwrap().to_le_bytes();
        [&kind.to_le_bytes()[..], &length, &padded, &length].concat()
    }
    let section = [
        &0x1a2b_3c4d_u32.to_le_bytes()[..],
        &[1, 0, 0, 0],
        &u64::MAX.to_le_bytes(),
    ]
    .concat();
    let mut file = block(0x0a0d_0d0a, &section);
    for name in ["eth0", "eth1"] {
        let mut body = vec![1, 0, 0, 0, 0, 0, 0, 0];
        body.extend([2, 0, 4, 0]);
        body.extend(name.bytes());
        // if_tsresol: nanoseconds.
        body.extend([9, 0, 1, 0, 9, 0, 0, 0, 0, 0, 0, 0]);
        file.extend(block(1, &body));
    }
    for (after, interface) in packets {
        let frame = frame();
        let time = BEGIN + after;
        let length = u32::try_from(frame.len()).unwrap().to_le_bytes();
        let [low, high] = [time & 0xffff_ffff, time >> 32].map(|half| u32::try_from(half).unwrap());
        let body = [
            &interface.to_le_bytes()[..],
            &high.to_le_bytes(),
            &low.to_le_bytes(),
            &length,
            &length,
            &frame,
        ]
        .concat();
        file.extend(block(6, &body));
    }
    file
}

fn replayed(
    packets: &[(u64, u32)],
    interface: Option<&str>,
) -> (BTreeMap<&'static str, u64>, Vec<String>) {
    let file = pcapng(packets);
    let capture = Capture::new("papers", file.as_slice()).unwrap();
    let mut rows = Vec::new();
    let under = Under::Papers {
        history: &Written,
        interface,
    };
    let outcome = replay::run(
        capture,
        "papers",
        under,
        None,
        &mut |line| {
            if let Line::Flow(record) = line {
                let notice = &record.notice;
                let (id, interface) = (&notice.approvals[0].id, &notice.interface);
                let (packets, feed) = (record.packets, &notice.indicators[0].feed);
                rows.push(format!("{id} {interface} {packets} {feed}"));
            }
            Ok(())
        },
        &mut |_| {},
    )
    .unwrap();
    assert!(outcome.broken.is_none(), "{:?}", outcome.broken);
    let verdicts = outcome.summary.verdicts.iter();
    let verdicts = verdicts
        .filter(|(_, count)| *count > 0)
        .map(|(verdict, count)| (verdict.name(), *count));
    (verdicts.collect(), rows)
}

#[test]
fn each_packet_is_judged_by_what_was_allowed_at_its_time() {
    require!(privilege);
    let packets = [
        (5 * SECOND, 0),
        (10 * SECOND - 1, 0),
        (10 * SECOND, 0),
        (15 * SECOND - 1, 0),
        (15 * SECOND, 0),
        // Out of order.
        (15 * SECOND - 2, 0),
        (16 * SECOND, 1),
        (20 * SECOND - 1, 0),
        (20 * SECOND, 0),
        (40 * SECOND, 0),
    ];
    let (verdicts, rows) = replayed(&packets, None);
    assert_eq!(
        verdicts,
        BTreeMap::from([
            ("interface", 1),
            ("no_match", 1),
            ("recorded", 5),
            ("unattended", 3)
        ])
    );
    // A flow is of one generation.
    assert_eq!(
        rows,
        [
            "early eth0 2 early.txt",
            "early eth0 1 early.txt",
            "late eth0 1 late.txt",
            "late eth0 1 late.txt",
        ]
    );
    let (_, rows) = replayed(&[(12 * SECOND, 0), (13 * SECOND, 1)], Some("eth0"));
    assert_eq!(rows, ["early eth0 2 early.txt"]);
    let (verdicts, rows) = replayed(&[(12 * SECOND, 0)], Some("eth7"));
    assert_eq!(
        (verdicts, rows.len()),
        (BTreeMap::from([("no_match", 1)]), 0)
    );
}

/// A program that the test runs packets through while an agent looks after it.
#[derive(Clone)]
struct Shared(Arc<Mutex<Replayer>>);

impl Datapath for Shared {
    fn next_generation(&self) -> u64 {
        self.0.lock().unwrap().next_generation()
    }
    fn publish(&mut self, tables: &Tables) -> Result<Retired, DatapathError> {
        self.0.lock().unwrap().publish(tables)
    }
    fn change(&mut self, change: &Change) -> Result<(), DatapathError> {
        self.0.lock().unwrap().change(change)
    }
    fn narrow(&mut self, slot: u32, terms: Terms) -> Result<(), DatapathError> {
        self.0.lock().unwrap().narrow(slot, terms)
    }
    fn attend(&mut self, until: u64) -> Result<(), DatapathError> {
        self.0.lock().unwrap().attend(until)
    }
    fn drain(&mut self, sink: &mut dyn FnMut(FlowPart)) -> Result<(), DatapathError> {
        self.0.lock().unwrap().drain(sink)
    }
    fn forget(&mut self) -> Result<(), DatapathError> {
        self.0.lock().unwrap().forget()
    }
    fn counters(&self) -> Result<Counters, DatapathError> {
        self.0.lock().unwrap().counters()
    }
    fn totals(&self) -> Result<TotalsBySet, DatapathError> {
        self.0.lock().unwrap().totals()
    }
    fn slot_counts(&self) -> Result<Vec<SlotCounts>, DatapathError> {
        self.0.lock().unwrap().slot_counts()
    }
    fn held(&mut self) -> Result<Held, DatapathError> {
        self.0.lock().unwrap().held()
    }
    fn mend(&mut self) -> Result<Vec<Alarm>, DatapathError> {
        // The loopback, through which test packets come, is no interface of the agent's.
        Ok(Vec::new())
    }
    fn detach(&mut self) {
        self.0.lock().unwrap().detach();
    }
}

/// Says what it was told to say, and notices nothing by itself.
struct Scripted(Arc<Mutex<Decision>>);

impl Authority for Scripted {
    fn look(&mut self, _: Time) -> anyhow::Result<Look> {
        Ok(Look {
            decision: self.0.lock().unwrap().clone(),
            refusals: Vec::new(),
        })
    }
    fn log(&mut self) -> anyhow::Result<()> {
        Ok(())
    }
    async fn changed(&mut self) -> io::Result<()> {
        std::future::pending().await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn recording_ends_with_what_allows_it_and_within_a_second_of_a_stop_nobody_told_of() {
    require!(privilege);
    let clock = SystemClock::new().unwrap();
    let anchor = clock.anchor().unwrap();
    let mut anchors = Anchors::default();
    let _first = anchors.take(anchor).unwrap();
    let allowed = |attended| Decision {
        attended,
        granted: vec![granted("A-1", "eth0", (0, u64::MAX))],
        layers: Some(Arc::new(Layers::lab())),
        next: None,
    };
    let hours = Time(anchor.wall + 3600 * SECOND);
    let decision = Arc::new(Mutex::new(allowed(Attended::Until(hours))));
    let mut kernel = Shared(Arc::new(Mutex::new(
        Replayer::load_live(Options::new(false), 0).unwrap(),
    )));
    let mut publisher = Publisher::new(loaded(), None).unwrap();
    let mut names = Names::new(vec!["eth0".into()], Clock::UNIX);
    names.add(publisher.publish(&mut kernel, Vec::new()).unwrap());
    let parts = Parts {
        datapath: kernel.clone(),
        publisher,
        names,
        clock,
        anchors,
        keep: None,
        links: Steady,
        authority: Some(Scripted(decision.clone())),
        recovered: Recovery::default(),
        store: None,
        outlets: Outlets::default(),
        pseudonyms: Pseudonyms::none(),
        output: io::sink(),
    };
    let config = Config {
        tick: Duration::from_millis(20),
        lease: Duration::from_secs(20),
        timeouts: Timeouts {
            idle: u64::MAX,
            active: u64::MAX,
        },
        backlog: 64,
        ends_with_approvals: false,
        mark: Mark {
            replay: false,
            lab: false,
            clock: ClockMark::Synchronised,
        },
    };
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let (said, mut told) = tokio::sync::mpsc::unbounded_channel();
    let running = tokio::spawn(Agent::new(parts, config).run(
        async { drop(stopped.await) },
        move |state| {
            drop(said.send(state.to_string()));
        },
    ));
    let packet = || {
        let context = ReplayContext::default();
        kernel.0.lock().unwrap().run(&frame(), context).unwrap();
    };
    let until = told.recv().await.unwrap();
    assert!(until.starts_with("recording: until "), "{until}");
    packet();
    decision.lock().unwrap().attended = Attended::Not(Vec::new());
    assert_eq!(told.recv().await.unwrap(), "not recording");
    packet();
    // Twenty seconds is the uncertainty of a clock that nobody disciplines, and more.
    let soon = Time(clock_now() + 20 * SECOND + SECOND / 2);
    decision.lock().unwrap().attended = Attended::Until(soon);
    let again = told.recv().await.unwrap();
    assert!(again.starts_with("recording: until "), "{again}");
    packet();
    decision.lock().unwrap().granted.clear();
    assert_eq!(
        told.recv().await.unwrap(),
        "not recording: no approval is in force"
    );
    packet();
    stop.send(()).unwrap();
    let summary = running.await.unwrap().unwrap();
    let of = |verdict| summary.verdict(verdict);
    assert_eq!(
        (
            of(Verdict::Recorded),
            of(Verdict::Unattended),
            of(Verdict::NoMatch)
        ),
        (2, 1, 1),
        "{:?}",
        summary.verdicts
    );
    assert_eq!((summary.packets, summary.records), (2, 1));
}

fn clock_now() -> u64 {
    SystemClock::new().unwrap().anchor().unwrap().wall
}

fn loaded() -> Loaded {
    Loaded {
        wire_version: sensor_common::WIRE_VERSION,
        run: 0,
        boot_id: String::new(),
        unix_at_boot: 0,
        generation: 0,
        moments: Vec::new(),
        lab: false,
        interfaces: vec![Interface {
            name: "eth0".into(),
            index: 1,
            slot: 0,
        }],
        own_addresses: Vec::new(),
        approvals: Vec::new(),
        layers: grants::nowhere(),
        watchlist: Watchlist::default(),
    }
}
