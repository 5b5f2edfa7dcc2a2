//! An agent under papers in memory, over a datapath in memory.

use std::{
    collections::BTreeSet,
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use sekisho::{
    agent::{
        Agent, AgentError, Authority, Config, Look, Outlets, Parts, Publisher, Recording, Recovery,
        Steady, grants,
    },
    clock::{Anchors, ClockSource as _, SimulatedClock},
    documents::{Gate, Shelf, Time, journal::Arrival},
    exporters::json::{ClockMark, Mark},
    kernel::{self, Fake},
    loaded::{Interface, Loaded},
    pipeline::{Clock, Names, Summary, Timeouts},
    records::Pseudonyms,
    settings::runtime::{self, RuntimeFolder},
    watchlist::{Tables, Watchlist},
};
use sensor_common::{ReplayContext, Stat, Verdict, WIRE_VERSION};
use tempfile::TempDir;
use tokio::{
    sync::{Notify, oneshot, watch},
    task::JoinHandle,
};

use crate::world::{NOW, Papers, time};

/// Nanoseconds from boot to the moment of the world.
const BOOTED: u64 = 1_000_000_000;

/// What was read before, by any sensor.
pub(crate) type Read = Arc<Mutex<Shelf>>;

/// The papers of a sensor, and its log of arrivals.
struct Desk {
    papers: Papers,
    logged: Vec<Arrival>,
    found: Vec<Arrival>,
    looks: u64,
}

/// What an agent has of the desk. The gate behind it is the real one.
struct Reader {
    desk: Arc<Mutex<Desk>>,
    read: Read,
    news: Arc<Notify>,
    /// How often it had looked when the agent had done all that follows.
    done: watch::Sender<u64>,
}

impl Authority for Reader {
    fn look(&mut self, now: Time) -> anyhow::Result<Look> {
        let mut desk = self.desk.lock().unwrap();
        let Papers { identity, folder } = &desk.papers;
        let mut read = self.read.lock().unwrap();
        let (gate, found) = Gate::open(identity, &desk.logged, folder, &mut read, now);
        desk.found = found;
        desk.looks += 1;
        Ok(Look {
            decision: gate.decide(now),
            refusals: gate.refusals().to_vec(),
        })
    }

    fn log(&mut self) -> anyhow::Result<()> {
        let desk = &mut *self.desk.lock().unwrap();
        desk.logged.append(&mut desk.found);
        Ok(())
    }

    async fn changed(&mut self) -> io::Result<()> {
        // An agent asks this when it has done everything else.
        let looks = self.desk.lock().unwrap().looks;
        self.done.send_replace(looks);
        self.news.notified().await;
        Ok(())
    }
}

/// What stands in the kernel, and until when it is renewed.
pub(crate) struct Stands {
    tables: Tables,
    pub(crate) lease: u64,
    recording: String,
}

/// A running agent.
pub(crate) struct Sensor {
    datapath: kernel::Shared<Fake>,
    snapshots: Option<TempDir>,
    desk: Arc<Mutex<Desk>>,
    news: Arc<Notify>,
    done: watch::Receiver<u64>,
    told: watch::Receiver<String>,
    stop: oneshot::Sender<()>,
    running: JoinHandle<Result<Summary, AgentError>>,
}

impl Sensor {
    /// That starts where these papers lie, and has done what they say.
    pub(crate) async fn new(read: &Read, papers: &Papers, logged: &[Arrival]) -> Self {
        Self::start(read, papers, logged, None).await
    }

    /// The same, and it keeps snapshots, which say whose a slot is.
    pub(crate) async fn with_snapshots(read: &Read, papers: &Papers, logged: &[Arrival]) -> Self {
        Self::start(read, papers, logged, Some(tempfile::tempdir().unwrap())).await
    }

    async fn start(
        read: &Read,
        papers: &Papers,
        logged: &[Arrival],
        snapshots: Option<TempDir>,
    ) -> Self {
        let desk = Arc::new(Mutex::new(Desk {
            papers: papers.clone(),
            logged: logged.to_vec(),
            found: Vec::new(),
            looks: 0,
        }));
        let (news, (done, rested)) = (Arc::new(Notify::new()), watch::channel(0));
        let reader = Reader {
            desk: desk.clone(),
            read: read.clone(),
            news: news.clone(),
            done,
        };
        let datapath = kernel::Shared::new(Fake::live(64));
        let agent = agent(&datapath, snapshots.as_ref(), reader);
        let (stop, stopped) = oneshot::channel();
        let (tell, told) = watch::channel(String::new());
        let run = agent.run(async { drop(stopped.await) }, move |state: &Recording| {
            tell.send_replace(state.to_string());
        });
        let mut sensor = Self {
            datapath,
            snapshots,
            desk,
            news,
            done: rested,
            told,
            stop,
            running: tokio::spawn(run),
        };
        sensor.rests(0).await;
        sensor
    }

    /// Other papers lie there, and where it is so another log; it does what follows.
    pub(crate) async fn finds(&mut self, papers: &Papers, logged: Option<&[Arrival]>) {
        let before = {
            let mut desk = self.desk.lock().unwrap();
            desk.papers = papers.clone();
            if let Some(logged) = logged {
                desk.logged = logged.to_vec();
            }
            desk.looks
        };
        self.news.notify_one();
        self.rests(before).await;
    }

    async fn rests(&mut self, before: u64) {
        self.done.wait_for(|looks| *looks > before).await.unwrap();
    }

    /// What stands in the kernel.
    pub(crate) fn stands(&self) -> Stands {
        let fake = self.datapath.lock();
        Stands {
            tables: fake.tables().unwrap().clone(),
            lease: fake.attended_until(),
            recording: self.told.borrow().clone(),
        }
    }

    /// The names of the approvals that slots in force are of.
    pub(crate) fn in_force(&self) -> BTreeSet<String> {
        let (loaded, _) = runtime::latest(self.snapshots.as_ref().unwrap().path()).unwrap();
        let Stands { tables, lease, .. } = self.stands();
        assert_eq!(loaded.generation, tables.generation);
        let slots = (0..).zip(&tables.slots);
        let live = slots.filter(|(_, slot)| slot.begin <= BOOTED && BOOTED < slot.end.min(lease));
        live.map(|(number, _)| {
            let held = loaded.approvals.iter().find(|held| held.slot == number);
            held.map_or("nobody's", |held| &held.approval.id.0)
                .to_owned()
        })
        .collect()
    }

    /// How many of three packets are recorded: one for each approval of a good world.
    pub(crate) fn recorded(&self) -> u64 {
        let mut fake = self.datapath.lock();
        for (source, destination) in [
            ([9, 9, 9, 9], [8, 8, 8, 8]),
            ([8, 8, 4, 4], [133, 10, 0, 1]),
            ([133, 5, 5, 5], [8, 1, 1, 1]),
        ] {
            let frame = udp(source, destination);
            let context = ReplayContext {
                time: BOOTED,
                wire_length: u32::try_from(frame.len()).unwrap(),
                interface: 0,
            };
            fake.receive(&frame, context);
        }
        let counters = kernel::Datapath::counters(&*fake).unwrap();
        counters[Stat::Verdict(Verdict::Recorded).cell()]
    }

    /// Ends it.
    pub(crate) async fn end(self) {
        self.stop.send(()).unwrap();
        self.running.await.unwrap().unwrap();
        assert_eq!(self.datapath.lock().attended_until(), 0);
    }
}

impl Stands {
    /// Whether it is the same as this, the number of the generation included: nothing was put
    /// there anew.
    pub(crate) fn is(&self, other: &Self) -> Result<(), String> {
        let (own, others) = (&self.tables, &other.tables);
        for (what, is_same) in [
            ("prefixes", own.v4 == others.v4 && own.v6 == others.v6),
            ("match sets", own.group_of_set == others.group_of_set),
            ("groups", own.groups == others.groups),
            ("slots", own.slots == others.slots),
            ("places", own.places == others.places),
            ("generation", own == others),
            ("lease", self.lease == other.lease),
            ("end", self.recording == other.recording),
        ] {
            if !is_same {
                return Err(format!("the kernel has another {what}"));
            }
        }
        Ok(())
    }
}

fn agent(
    datapath: &kernel::Shared<Fake>,
    snapshots: Option<&TempDir>,
    reader: Reader,
) -> Agent<kernel::Shared<Fake>, SimulatedClock, Steady, Reader, io::Sink> {
    let clock = SimulatedClock::new(time(NOW).0, BOOTED);
    let mut anchors = Anchors::default();
    let _first = anchors.take(clock.anchor().unwrap()).unwrap();
    let loaded = Loaded {
        wire_version: WIRE_VERSION,
        run: 0,
        boot_id: String::new(),
        unix_at_boot: 0,
        generation: 0,
        moments: Vec::new(),
        lab: false,
        interfaces: vec![Interface {
            name: "r0".into(),
            index: 1,
            slot: 0,
        }],
        own_addresses: Vec::new(),
        approvals: Vec::new(),
        layers: grants::nowhere(),
        watchlist: Watchlist::default(),
    };
    let runtime = snapshots.map(|folder| RuntimeFolder::lock(folder.path()).unwrap());
    let mut publisher = Publisher::new(loaded, runtime).unwrap();
    let mut datapath = datapath.clone();
    let mut names = Names::new(vec!["r0".into()], Clock::UNIX);
    names.add(publisher.publish(&mut datapath, Vec::new()).unwrap());
    let parts = Parts {
        datapath,
        publisher,
        names,
        clock,
        anchors,
        keep: None,
        links: Steady,
        authority: Some(reader),
        recovered: Recovery::default(),
        store: None,
        outlets: Outlets::default(),
        pseudonyms: Pseudonyms::none(),
        output: io::sink(),
    };
    let config = Config {
        tick: Duration::from_secs(3600),
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
    Agent::new(parts, config)
}

fn udp(source: [u8; 4], destination: [u8; 4]) -> Vec<u8> {
    let mut frame = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0];
    frame.extend([0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0]);
    frame.extend([source, destination].concat());
    frame.extend([0, 7, 0, 53, 0, 8, 0, 0]);
    frame
}
