//! What an agent does about indicators that begin and end.

use super::*;
use crate::{
    settings::runtime::RuntimeFolder,
    watchlist::{Limits, Prefixes, SetId, Validity},
};

const SECOND: u64 = 1_000_000_000;

/// A network that is always watched, a host in it from 5 seconds to 20, and many others that
/// begin after 40.
fn timed(others: u16) -> Loaded {
    let mut prefixes = Prefixes::default();
    let mut add = |prefix: String, line, seconds: Option<(u64, u64)>| {
        let validity = seconds.map(|(begin, end)| Validity {
            begin: BEGIN + begin * SECOND,
            end: BEGIN + end * SECOND,
        });
        let ports = Vec::new();
        prefixes.push_limited(prefix.parse().unwrap(), line, &Limits { validity, ports });
    };
    add("192.0.2.0/24".into(), 1, None);
    add("192.0.2.1/32".into(), 2, Some((5, 20)));
    add("192.0.2.0/31".into(), 4, Some((20, 30)));
    for other in 0..others {
        let [high, low] = other.to_be_bytes();
        add(format!("203.0.{high}.{low}/32"), 3, Some((40, 50)));
    }
    let mut watchlist = Watchlist::default();
    watchlist.share_feed("timed".into(), prefixes.into());
    Loaded {
        watchlist,
        ..loaded()
    }
}

/// A run over which time passes.
struct Run {
    datapath: Shared,
    clock: SimulatedClock,
    output: Output,
    next_port: u16,
    snapshots: tempfile::TempDir,
    stop: tokio::sync::oneshot::Sender<()>,
    agent: tokio::task::JoinHandle<Result<Summary, AgentError>>,
}

impl Run {
    async fn of(loaded: Loaded) -> Self {
        let (datapath, output, clock) = (fake(), Output::default(), clock());
        let snapshots = tempfile::tempdir().unwrap();
        let runtime = RuntimeFolder::lock(snapshots.path()).unwrap();
        let mut publisher = Publisher::new(loaded, Some(runtime)).unwrap();
        publisher.reach(anchors(&clock).moment(clock.boot().unwrap()));
        let parts = (&datapath, &clock);
        let agent = agent_of(publisher, parts, hour(), output.clone(), config());
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let agent = tokio::spawn(agent.run(async { drop(stopped.await) }, |_| {}));
        attended(&datapath).await;
        Self {
            datapath,
            clock,
            output,
            next_port: 0,
            snapshots,
            stop,
            agent,
        }
    }

    /// So many seconds, over which the lease is renewed.
    async fn pass(&self, seconds: u64) {
        for _ in 0..seconds {
            self.clock.advance(Duration::from_secs(1));
            let lease = self.clock.boot().unwrap() + 10 * SECOND;
            while self.datapath.lock().attended_until() < lease {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
    }

    /// The prefixes by which a packet of this moment is recorded, the longest first.
    async fn recorded_by(&mut self) -> Vec<String> {
        self.next_port += 1;
        let port = self.next_port;
        let frame = udp(port);
        (self.datapath.lock()).receive(&frame, now(&self.clock, &frame));
        loop {
            let events = self.output.objects("event");
            if let Some(event) = events.iter().find(|event| event["src_port"] == port) {
                let prefixes = event["indicators"].as_array().unwrap().iter();
                let prefix = |named: &serde_json::Value| named["prefix"].as_str().unwrap().into();
                return prefixes.map(prefix).collect();
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// The snapshot of a generation, as a later process would read it.
    fn snapshot(&self, generation: u64) -> Option<Loaded> {
        crate::settings::runtime::of_generation(self.snapshots.path(), generation).unwrap()
    }

    /// The generation in force.
    fn generation(&self) -> u64 {
        self.datapath.lock().next_generation() - 1
    }

    async fn end(self) -> Summary {
        self.stop.send(()).unwrap();
        self.agent.await.unwrap().unwrap()
    }
}

const NETWORK: &str = "192.0.2.0/24";
const HOST: &str = "192.0.2.1/32";
const PAIR: &str = "192.0.2.0/31";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_indicator_begins_and_ends_within_a_second_and_what_is_around_it_still_counts() {
    let mut run = Run::of(timed(3)).await;
    assert_eq!(run.recorded_by().await, [NETWORK]);
    run.pass(4).await;
    assert_eq!(run.recorded_by().await, [NETWORK]);
    run.pass(2).await;
    assert_eq!(run.recorded_by().await, [HOST, NETWORK]);
    run.pass(13).await;
    assert_eq!(run.recorded_by().await, [HOST, NETWORK]);
    run.pass(2).await;
    assert_eq!(run.recorded_by().await, [PAIR, NETWORK]);
    assert_eq!(run.generation(), 1, "by stores");
    let snapshot = run.snapshot(1).unwrap();
    assert_eq!(snapshot.moments.len(), 3);
    let names = snapshot.compile(snapshot.places().unwrap());
    let sets = (1..).map_while(|id| names.compiled.set(SetId(id)));
    let sets: Vec<String> = sets.map(|set| set.prefix.to_string()).collect();
    assert_eq!(sets, [NETWORK, HOST, PAIR]);
    let sent = run.next_port;
    let summary = run.end().await;
    assert_eq!(summary.verdict(Verdict::Recorded), u64::from(sent));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_many_at_once_take_a_generation_of_their_own() {
    let mut run = Run::of(timed(1_500)).await;
    run.pass(38).await;
    assert_eq!(run.recorded_by().await, [NETWORK]);
    assert_eq!(run.generation(), 1);
    run.pass(3).await;
    assert_eq!(run.recorded_by().await, [NETWORK]);
    assert_eq!(run.generation(), 2);
    let others = |run: &Run| run.datapath.lock().tables().unwrap().v4.len() - 1;
    assert_eq!(others(&run), 1_500);
    run.pass(10).await;
    assert_eq!(others(&run), 0);
    assert_eq!(run.generation(), 3);
    run.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_begins_waits_for_its_snapshot_and_what_ends_does_not() {
    let mut run = Run::of(timed(3)).await;
    run.pass(4).await;
    let folder = run.snapshots.path().to_owned();
    // A folder stands where the snapshot is written before it gets its name.
    let aside = folder.join("loaded-1.json.new");
    std::fs::create_dir(&aside).unwrap();
    run.pass(2).await;
    assert_eq!(run.recorded_by().await, [NETWORK]);
    let alarms = |run: &Run| run.output.objects("alarm");
    assert_eq!(alarms(&run).len(), 1, "told once: {:?}", alarms(&run));
    std::fs::remove_dir(&aside).unwrap();
    run.pass(1).await;
    assert_eq!(run.recorded_by().await, [HOST, NETWORK]);
    std::fs::create_dir(&aside).unwrap();
    run.pass(14).await;
    // The host ends when a pair begins.
    assert_eq!(run.recorded_by().await, [NETWORK]);
    std::fs::remove_dir(&aside).unwrap();
    run.pass(1).await;
    assert_eq!(run.recorded_by().await, [PAIR, NETWORK]);
    let snapshot = run.snapshot(1).unwrap();
    let names = snapshot.compile(snapshot.places().unwrap());
    let sets = (1..).map_while(|id| names.compiled.set(SetId(id)));
    let sets: Vec<String> = sets.map(|set| set.prefix.to_string()).collect();
    assert_eq!(sets, [NETWORK, HOST, PAIR], "as the kernel numbers them");
    run.end().await;
}
