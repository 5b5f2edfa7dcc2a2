use std::{
    io,
    sync::{Arc, Mutex},
};

use sensor_common::{FlowKey, FlowPart, FlowValue, ReplayContext, Stat, Verdict};

use super::*;
use crate::{
    clock::SimulatedClock,
    exporters::json::ClockMark,
    kernel::{self, Fake, Held},
    loaded::{Interface, Loaded},
    pipeline::{Clock, Generation, Lasting},
    places::Layers,
    settings::lab,
    watchlist::{Approval, ApprovalId, Watchlist},
};

mod gate;
mod indicators;
mod papers;
mod scripted;

/// The test feeds it, the agent drains it.
type Shared = kernel::Shared<Fake>;

#[derive(Clone, Default)]
struct Output(Arc<Mutex<Vec<u8>>>);

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Output {
    fn objects(&self, kind: &str) -> Vec<serde_json::Value> {
        String::from_utf8(self.0.lock().unwrap().clone())
            .unwrap()
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
            .filter(|object| object["type"] == kind)
            .collect()
    }
}

/// Refuses to be written to.
struct Broken;

impl Write for Broken {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::BrokenPipe.into())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn udp(source_port: u16) -> Vec<u8> {
    let mut frame = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0];
    frame.extend([
        0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0, 192, 0, 2, 1, 198, 51, 100, 7,
    ]);
    frame.extend(source_port.to_be_bytes());
    frame.extend([0, 53, 0, 8, 0, 0]);
    frame
}

/// A packet of this moment.
fn now(clock: &SimulatedClock, frame: &[u8]) -> ReplayContext {
    ReplayContext {
        time: clock.boot().unwrap(),
        wire_length: u32::try_from(frame.len()).unwrap(),
        interface: 0,
    }
}

const BEGIN: u64 = 1_700_000_000_000_000_000;

/// A machine that booted a second ago.
fn clock() -> SimulatedClock {
    SimulatedClock::new(BEGIN, 1_000_000_000)
}

fn anchors(clock: &SimulatedClock) -> Anchors {
    let mut anchors = Anchors::default();
    let anchor = config().anchor(clock.anchor().unwrap());
    let _first = anchors.take(anchor).unwrap();
    anchors
}

fn loaded() -> Loaded {
    let mut watchlist = Watchlist::default();
    watchlist.add_feed("test".into(), [("192.0.2.0/24".parse().unwrap(), 1)]);
    Loaded {
        wire_version: sensor_common::WIRE_VERSION,
        run: 0,
        boot_id: String::new(),
        unix_at_boot: 0,
        generation: 0,
        moments: Vec::new(),
        lab: true,
        interfaces: vec![Interface {
            name: "veth0".into(),
            index: 1,
            slot: 0,
        }],
        own_addresses: Vec::new(),
        approvals: Vec::new(),
        layers: Layers::lab(),
        watchlist,
    }
}

/// An approval of so many seconds from the first moment on.
fn approval(name: &str, seconds: u64) -> Approval {
    let approval = lab::live(BEGIN, Duration::from_secs(seconds), 1, 0);
    let terms = anchors(&clock()).terms(approval.validity.begin, approval.validity.end);
    let mut approval = Approval {
        id: ApprovalId(name.into()),
        ..approval
    };
    (approval.terms.begin, approval.terms.end) = (terms.begin, terms.end);
    approval
}

fn names(generation: Option<Arc<Generation>>) -> Names {
    let mut names = Names::new(vec!["veth0".into()], Clock::UNIX);
    if let Some(generation) = generation {
        names.add(generation);
    }
    names
}

/// The names of one generation under lab approvals.
fn lab_names(approvals: &[Approval]) -> Names {
    let mut publisher = Publisher::new(loaded(), None).unwrap();
    let mut fake = Fake::live(1);
    names(publisher.publish(&mut fake, approvals.to_vec()).ok())
}

fn config() -> Config {
    Config {
        tick: Duration::from_millis(5),
        lease: Duration::from_secs(10),
        timeouts: Timeouts {
            idle: u64::MAX,
            active: u64::MAX,
        },
        backlog: 1024,
        ends_with_approvals: false,
        mark: Mark {
            replay: false,
            lab: true,
            clock: ClockMark::Synchronised,
        },
    }
}

fn fake() -> Shared {
    Shared::new(Fake::live(1024))
}

/// An agent over a datapath with approvals in force.
fn agent<W: Write + Send + 'static>(
    datapath: &Shared,
    clock: &SimulatedClock,
    approvals: Vec<Approval>,
    output: W,
    config: Config,
) -> Agent<Shared, SimulatedClock, Steady, scripted::Scripted, W> {
    let publisher = Publisher::new(loaded(), None).unwrap();
    agent_of(publisher, (datapath, clock), approvals, output, config)
}

/// An agent that has something else loaded.
fn agent_of<W: Write + Send + 'static>(
    mut publisher: Publisher,
    (datapath, clock): (&Shared, &SimulatedClock),
    approvals: Vec<Approval>,
    output: W,
    config: Config,
) -> Agent<Shared, SimulatedClock, Steady, scripted::Scripted, W> {
    let mut datapath = datapath.clone();
    let generation = publisher.publish(&mut datapath, approvals).unwrap();
    let parts = Parts {
        datapath,
        publisher,
        names: names(Some(generation)),
        clock: clock.clone(),
        anchors: anchors(clock),
        keep: None,
        links: Steady,
        authority: None,
        recovered: Recovery::default(),
        store: None,
        outlets: Outlets::default(),
        pseudonyms: Pseudonyms::of_this_run(),
        output,
    };
    Agent::new(parts, config)
}

fn hour() -> Vec<Approval> {
    vec![approval("lab", 3600)]
}

/// Waits until the agent has renewed its lease.
async fn attended(datapath: &Shared) {
    while datapath.lock().attended_until() == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_packet_is_written_once_and_a_flow_is_announced_once() {
    let (datapath, output, clock) = (fake(), Output::default(), clock());
    let agent = agent(&datapath, &clock, hour(), output.clone(), config());
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let run = tokio::spawn(agent.run(async { drop(stopped.await) }, |_| {}));
    attended(&datapath).await;
    for round in 0..20u16 {
        for port in 0..5 {
            let frame = udp(port);
            datapath.lock().receive(&frame, now(&clock, &frame));
        }
        if round % 3 == 0 {
            tokio::time::sleep(Duration::from_millis(7)).await;
        }
    }
    stop.send(()).unwrap();
    let summary = run.await.unwrap().unwrap();
    assert_eq!(
        (summary.seen, summary.verdict(Verdict::Recorded)),
        (100, 100)
    );
    assert_eq!(
        (summary.packets, summary.records, summary.octets),
        (100, 5, 2800)
    );
    assert_eq!(output.objects("event").len(), 5);
    let flows = output.objects("flow");
    assert_eq!(flows.len(), 5);
    assert!(
        flows
            .iter()
            .all(|flow| flow["packets"] == 20 && flow["lab"] == true)
    );
    assert_eq!(output.objects("summary")[0]["seen"], 100);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_approvals_give_two_rows_with_one_record_id() {
    let approvals = vec![approval("lab", 3600), approval("other", 3600)];
    let (datapath, output, clock) = (fake(), Output::default(), clock());
    let agent = agent(&datapath, &clock, approvals, output.clone(), config());
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let run = tokio::spawn(agent.run(async { drop(stopped.await) }, |_| {}));
    attended(&datapath).await;
    let frame = udp(1);
    datapath.lock().receive(&frame, now(&clock, &frame));
    stop.send(()).unwrap();
    let summary = run.await.unwrap().unwrap();
    assert_eq!((summary.records, summary.packets), (1, 1));
    let flows = output.objects("flow");
    assert_eq!(flows.len(), 2);
    assert_eq!(flows[0]["record"], flows[1]["record"]);
    assert_eq!(
        (&flows[0]["approvals"][0], &flows[1]["approvals"][0]),
        (&"lab".into(), &"other".into())
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_recorded_before_the_agent_attends_or_after_it_stopped() {
    let (datapath, output, clock) = (fake(), Output::default(), clock());
    let frame = udp(1);
    let agent = agent(&datapath, &clock, hour(), output.clone(), config());
    datapath.lock().receive(&frame, now(&clock, &frame));
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let run = tokio::spawn(agent.run(async { drop(stopped.await) }, |_| {}));
    attended(&datapath).await;
    stop.send(()).unwrap();
    let summary = run.await.unwrap().unwrap();
    datapath.lock().receive(&frame, now(&clock, &frame));
    assert_eq!(summary.verdict(Verdict::Unattended), 1);
    assert_eq!(datapath.counters().unwrap()[Stat::Seen.cell()], 1);
    assert_eq!(datapath.lock().attended_until(), 0);
    assert!(output.objects("flow").is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_output_that_fails_stops_recording_and_is_the_error() {
    let (datapath, clock) = (fake(), clock());
    let config = Config {
        timeouts: Timeouts { idle: 0, active: 0 },
        ..config()
    };
    let agent = agent(&datapath, &clock, hour(), Broken, config);
    let run = tokio::spawn(agent.run(std::future::pending(), |_| {}));
    attended(&datapath).await;
    let frame = udp(1);
    datapath.lock().receive(&frame, now(&clock, &frame));
    assert!(matches!(run.await.unwrap(), Err(AgentError::Output(_))));
    assert_eq!(datapath.lock().attended_until(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn recording_goes_on_while_an_interface_is_left_and_ends_with_the_last() {
    let (datapath, output, clock) = (fake(), Output::default(), clock());
    let agent = agent(&datapath, &clock, hour(), output.clone(), config());
    let run = tokio::spawn(agent.run(std::future::pending(), |_| {}));
    attended(&datapath).await;
    let held = |attached, vanished: &[&str]| Held {
        attached,
        vanished: vanished.iter().map(|name| (*name).to_owned()).collect(),
        exchanged: Vec::new(),
    };
    datapath.lock().set_held(held(1, &["veth0"]));
    tokio::time::sleep(Duration::from_millis(30)).await;
    let frame = udp(1);
    datapath.lock().receive(&frame, now(&clock, &frame));
    datapath.lock().set_held(held(0, &["veth0", "veth1"]));
    let ended = run.await.unwrap().unwrap_err();
    assert_eq!(
        ended.to_string(),
        "recording has stopped: veth0, veth1 went away, or somebody detached the program"
    );
    assert_eq!(
        output.objects("flow").len(),
        1,
        "what was counted is written"
    );
    assert_eq!(output.objects("summary")[0]["seen"], 1);
}

#[tokio::test]
async fn the_limiter_drops_whole_records_counts_and_at_the_end_waits() {
    let (lines, mut slow) = mpsc::channel(3);
    let (mut limiter, pseudonyms) = (limiter::Limiter::new(lines), Pseudonyms::of_this_run());
    let names = lab_names(&[approval("one", 1), approval("two", 1)]);
    let mut flow = crate::pipeline::Flow {
        record: crate::pipeline::RecordId(1),
        key: FlowKey::default(),
        value: FlowValue::default(),
    };
    flow.key.approvals.words[0] = 0b11;
    flow.key.generation = 1;
    flow.value.packets = 3;
    let record = names.record(crate::pipeline::RecordId(1), &flow);
    let rows: Vec<_> = record.split(&pseudonyms).collect();
    let notices = || record.notice.split(&pseudonyms).collect();
    assert!(limiter.pass_rows(&rows).await, "two rows of three places");
    assert!(
        !limiter.pass_rows(&rows).await,
        "one place is not enough for two rows"
    );
    limiter.pass_notices(notices()).await;
    limiter.pass_notices(notices()).await;
    let losses = limiter.losses();
    assert_eq!(
        (losses.limiter, losses.notices),
        (3, 2),
        "one place is left"
    );
    limiter.wait_from_now_on();
    let waiting = tokio::spawn(async move { limiter.pass_rows(&rows).await });
    slow.recv().await.unwrap();
    slow.recv().await.unwrap();
    assert!(waiting.await.unwrap());
}

/// The kinds of lines that these batches give, with the time a flow begins.
async fn lines_of(timeouts: Timeouts, batches: Vec<Batch>) -> Vec<(&'static str, u64)> {
    let names = lab_names(&hour());
    let (sender, drained) = mpsc::channel(16);
    let (lines, mut passed) = mpsc::channel(64);
    let begin = Begin {
        names,
        pseudonyms: Pseudonyms::of_this_run(),
        timeouts,
        recovered: 0,
        store: None,
        outlets: Outlets::default(),
    };
    let stage = tokio::spawn(assemble::run(drained, lines, begin));
    for batch in batches {
        sender.send(batch).await.unwrap();
    }
    drop(sender);
    stage.await.unwrap();
    let mut kinds = Vec::new();
    while let Some(line) = passed.recv().await {
        match line {
            crate::exporters::json::Line::Event(notice) => kinds.push(("event", notice.start)),
            crate::exporters::json::Line::Flow(record) => {
                kinds.push(("flow", record.notice.start));
            }
            crate::exporters::json::Line::Alarm(_) | crate::exporters::json::Line::Summary(_) => {}
        }
    }
    kinds
}

/// A batch at `now` with notices of and counts of one flow, each at its time.
fn batch(now: u64, notices: &[u64], parts: &[u64], is_last: bool) -> Batch {
    let mut key = FlowKey::default();
    key.approvals.words[0] = 1;
    key.generation = 1;
    let notice = |&time: &u64| {
        let value = FlowValue {
            first: time,
            last: time,
            ..Default::default()
        };
        FlowPart { key, value }
    };
    let part = |&time: &u64| {
        let value = FlowValue {
            packets: 1,
            first: time,
            last: time,
            ..Default::default()
        };
        FlowPart { key, value }
    };
    Batch {
        now,
        notices: notices.iter().map(notice).collect(),
        flows: parts.iter().map(part).collect(),
        end: is_last.then(|| ([0; Stat::COUNT], Lasting::default(), Lasting::default())),
        ..Batch::default()
    }
}

const IDLE: Timeouts = Timeouts {
    idle: 10,
    active: u64::MAX,
};

/// A flow that begins between the drain of flows and the drain of events.
#[tokio::test]
async fn a_notice_that_comes_a_batch_before_its_counts_is_written_once() {
    let batches = vec![
        batch(1, &[1], &[], false),
        batch(2, &[2], &[1], false),
        batch(3, &[3], &[2], false),
        batch(4, &[], &[3], true),
    ];
    let expected = [("event", 1), ("flow", 1)];
    assert_eq!(lines_of(IDLE, batches).await, expected);
}

/// The ring had no room for its notice.
#[tokio::test]
async fn a_flow_without_a_notice_of_the_kernel_is_announced_from_its_counts() {
    let batches = vec![batch(1, &[], &[1], false), batch(2, &[], &[2], true)];
    assert_eq!(lines_of(IDLE, batches).await, [("event", 1), ("flow", 1)]);
}

/// Its notice comes while the flow before it, of the same key, still stands in the table. Rows
/// wait until all that came with them is kept.
#[tokio::test]
async fn a_flow_after_the_idle_timeout_is_announced_again() {
    let batches = vec![batch(1, &[1], &[1], false), batch(12, &[12], &[12], true)];
    let expected = [("event", 1), ("event", 12), ("flow", 1), ("flow", 12)];
    assert_eq!(lines_of(IDLE, batches).await, expected);
    let both_at_once = vec![batch(1, &[1], &[1], false), batch(30, &[], &[2, 13], true)];
    let expected = [("event", 1), ("event", 13), ("flow", 1), ("flow", 13)];
    assert_eq!(lines_of(IDLE, both_at_once).await, expected);
}

/// A flow that goes on after the active timeout is a record of its own, with its notice.
#[tokio::test]
async fn every_record_has_its_notice_when_a_flow_is_split_by_the_active_timeout() {
    let active = Timeouts {
        idle: u64::MAX,
        active: 10,
    };
    let batches = vec![
        batch(5, &[1], &[1], false),
        batch(11, &[11], &[9], false),
        batch(15, &[15], &[12], true),
    ];
    let expected = [("event", 1), ("flow", 1), ("event", 12), ("flow", 12)];
    assert_eq!(lines_of(active, batches).await, expected);
}
