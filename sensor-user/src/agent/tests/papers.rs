//! What an agent does about papers: a scripted authority, and a datapath in memory.

use std::{collections::BTreeMap, sync::PoisonError};

use sensor_common::{Class, Direction, Fields};

use super::{
    scripted::{Script, Scripted},
    *,
};
use crate::{
    documents::{
        Attended, Decision, Digest, Granted, IndicatorSet, Refusal, Rule, Time,
        field::{HardwareAddress, InterfaceName, Period, Text},
        paper,
    },
    places::{Exclusion, Operator, OperatorId},
};

const SECOND: u64 = 1_000_000_000;

fn granted(id: &str, prefix: &str, seconds: u64) -> Granted {
    Granted {
        id: id.into(),
        document: Digest::of(id.as_bytes()),
        is_consent: false,
        class: Class::Transit,
        directions: vec![Direction::Through],
        operator: None,
        fields: Fields::ALL,
        interfaces: vec![paper::Interface {
            name: InterfaceName::try_from("veth0".to_owned()).unwrap(),
            mac: HardwareAddress::try_from("02:00:00:00:00:01".to_owned()).unwrap(),
            bus: Text::try_from("virtual".to_owned()).unwrap(),
        }],
        tunnels: Vec::new(),
        from: Time(BEGIN),
        until: Time(BEGIN + seconds * SECOND),
        retention: Period::try_from("P6M".to_owned()).unwrap(),
        recipients: Vec::new(),
        indicators: Arc::new(IndicatorSet {
            file: format!("{id}.txt"),
            prefixes: Arc::new([(prefix.parse().unwrap(), 1)].into_iter().collect()),
        }),
        limited: None,
    }
}

fn decision(granted: Vec<Granted>) -> Decision {
    Decision {
        attended: Attended::Until(Time(BEGIN + 3600 * SECOND)),
        granted,
        layers: Some(Arc::new(Layers::lab())),
        next: None,
    }
}

/// A run under a script.
struct Run {
    datapath: Shared,
    clock: SimulatedClock,
    script: Arc<Mutex<Script>>,
    output: Output,
    told: Arc<Mutex<Vec<String>>>,
}

impl Run {
    /// Changes what is decided, and waits until the agent has done what follows.
    async fn decide(&self, change: impl FnOnce(&mut Script)) {
        let looks = {
            let mut script = self.script.lock().unwrap();
            change(&mut script);
            script.written += 1;
            script.logged.clear();
            script.has_changed = true;
            script.looks
        };
        // When it looks again, it has done what followed from the look before.
        while self.script.lock().unwrap().looks == looks {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        self.settled().await;
    }

    /// Waits until the agent has looked, and done what follows.
    async fn settled(&self) {
        for _ in 0..2 {
            let looks = {
                let mut script = self.script.lock().unwrap();
                script.has_changed = true;
                script.looks
            };
            while self.script.lock().unwrap().looks == looks {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
    }

    fn packet(&self) {
        let frame = udp(1);
        let mut fake = self.datapath.lock();
        fake.receive(&frame, now(&self.clock, &frame));
    }

    fn lease(&self) -> u64 {
        self.datapath.lock().attended_until()
    }

    fn told(&self) -> Vec<String> {
        self.told
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn alarms(&self, about: &str) -> Vec<String> {
        (self.output.objects("alarm").iter())
            .filter(|alarm| alarm["about"] == about)
            .map(|alarm| alarm["text"].as_str().unwrap().to_owned())
            .collect()
    }
}

/// A run under papers from a first decision on, while `during` goes on.
async fn run<F: Future<Output = ()>>(
    first: Decision,
    during: impl FnOnce(Arc<Run>) -> F,
) -> (Summary, Arc<Run>) {
    let (datapath, clock, output) = (fake(), clock(), Output::default());
    let script = Arc::new(Mutex::new(Script {
        decision: Ok(first),
        refusals: Vec::new(),
        disk: true,
        written: 0,
        seen: 0,
        logged: Vec::new(),
        looks: 0,
        has_changed: false,
    }));
    let mut publisher = Publisher::new(
        Loaded {
            moments: Vec::new(),
            lab: false,
            layers: grants::nowhere(),
            watchlist: Watchlist::default(),
            ..loaded()
        },
        None,
    )
    .unwrap();
    let mut kernel = datapath.clone();
    let generation = publisher.publish(&mut kernel, Vec::new()).unwrap();
    let parts = Parts {
        datapath: kernel,
        publisher,
        names: names(Some(generation)),
        clock: clock.clone(),
        anchors: anchors(&clock),
        keep: None,
        links: Steady,
        authority: Some(Scripted(script.clone(), datapath.clone())),
        recovered: Recovery::default(),
        store: None,
        outlets: Outlets::default(),
        pseudonyms: Pseudonyms::of_this_run(),
        output: output.clone(),
    };
    let mark = Mark {
        lab: false,
        ..config().mark
    };
    let agent = Agent::new(parts, Config { mark, ..config() });
    let told = Arc::new(Mutex::new(Vec::new()));
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let tell = {
        let told = told.clone();
        move |state: &Recording| told.lock().unwrap().push(state.to_string())
    };
    let running = tokio::spawn(agent.run(async { drop(stopped.await) }, tell));
    let run = Arc::new(Run {
        datapath,
        clock,
        script,
        output,
        told,
    });
    run.settled().await;
    during(run.clone()).await;
    stop.send(()).unwrap();
    (running.await.unwrap().unwrap(), run)
}

fn verdicts(summary: &Summary) -> BTreeMap<&'static str, u64> {
    (summary.verdicts.iter())
        .filter(|(_, count)| *count > 0)
        .map(|(verdict, count)| (verdict.name(), *count))
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_recorded_before_something_is_granted_and_then_it_is() {
    let (summary, run) = run(decision(vec![]), async |run| {
        run.packet();
        assert_eq!(run.lease(), 0);
        run.decide(|script| {
            script.decision = Ok(decision(vec![granted("A-1", "192.0.2.0/24", 60)]));
        })
        .await;
        run.packet();
    })
    .await;
    assert_eq!(
        verdicts(&summary),
        BTreeMap::from([("no_match", 1), ("recorded", 1)])
    );
    let flows = run.output.objects("flow");
    assert_eq!(flows[0]["approvals"][0], "A-1");
    assert_eq!(flows[0]["indicators"][0]["feed"], "A-1.txt");
    assert_eq!(flows[0]["lab"], false);
    let told = [
        "not recording: no approval is in force",
        "recording: until 2023-11-14T23:13:20Z",
    ];
    assert_eq!(run.told(), told);
    assert_eq!(run.alarms("recording"), told);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_withdrawn_ends_before_anything_is_logged_and_leaves_the_kernel() {
    let both = vec![
        granted("A-1", "192.0.2.0/24", 60),
        granted("A-2", "198.51.100.0/24", 60),
    ];
    let (summary, run) = run(decision(both), async |run| {
        run.packet();
        run.decide(|script| {
            script.decision = Ok(decision(vec![granted("A-2", "198.51.100.0/24", 60)]));
        })
        .await;
        run.packet();
        let script = run.script.lock().unwrap();
        assert_eq!(script.logged[0].0[0].end, 0, "ended at the log");
        assert!(script.logged[0].0[1].end > 0);
    })
    .await;
    assert_eq!(summary.verdict(Verdict::Recorded), 2);
    let counted = |name: &str| summary.approvals[&ApprovalId(name.into())].of(Verdict::Recorded);
    assert_eq!((counted("A-1"), counted("A-2")), (1, 2));
    let slots = run.datapath.lock().slots().to_vec();
    assert_eq!(slots[0], sensor_common::Slot::default());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_is_full_ends_what_ends_and_begins_nothing() {
    let first = decision(vec![granted("A-1", "192.0.2.0/24", 60)]);
    let (summary, run) = run(first, async |run| {
        run.packet();
        run.decide(|script| {
            script.disk = false;
            script.decision = Ok(decision(vec![granted("A-2", "198.51.100.0/24", 60)]));
        })
        .await;
        run.packet();
        run.decide(|script| script.disk = true).await;
        run.packet();
    })
    .await;
    assert_eq!(summary.verdict(Verdict::Recorded), 2);
    let told = run.alarms("papers");
    assert_eq!(
        told,
        ["arrivals cannot be logged, so nothing new begins: no space left on device"]
    );
}

/// A lift or a longer standing that cannot be logged has not come.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_could_not_be_logged_does_not_begin_what_was_stopped() {
    let first = decision(vec![granted("A-1", "192.0.2.0/24", 60)]);
    let (summary, _) = run(first.clone(), async |run| {
        run.packet();
        run.decide(|script| {
            let stopped = Refusal {
                file: "stop.3.toml".into(),
                rule: Rule::Stopped,
                text: "the carrier has stopped the sensor".into(),
            };
            script.decision = Ok(Decision {
                attended: Attended::Not(vec![stopped]),
                ..first.clone()
            });
        })
        .await;
        assert_eq!(run.lease(), 0);
        run.decide(|script| {
            script.disk = false;
            script.decision = Ok(first.clone());
        })
        .await;
        assert_eq!(run.lease(), 0, "the lift is not in the log");
        run.packet();
        run.decide(|script| script.disk = true).await;
        assert!(run.lease() > 0);
        run.packet();
    })
    .await;
    assert_eq!(summary.verdict(Verdict::Recorded), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_takes_the_lease_at_once() {
    let first = decision(vec![granted("A-1", "192.0.2.0/24", 60)]);
    let (summary, run) = run(first, async |run| {
        run.packet();
        assert!(run.lease() > 0);
        run.decide(|script| {
            let stopped = Refusal {
                file: "stop.3.toml".into(),
                rule: Rule::Stopped,
                text: "the carrier has stopped the sensor".into(),
            };
            script.refusals = vec![stopped.clone()];
            script.decision = Ok(Decision {
                attended: Attended::Not(vec![stopped]),
                ..script.decision.clone().unwrap()
            });
        })
        .await;
        assert_eq!(run.lease(), 0);
        assert_eq!(run.script.lock().unwrap().logged[0].1, 0, "at the log");
        run.packet();
        // However long it lasts, it is told once.
        run.clock.advance(Duration::from_secs(5));
        run.settled().await;
    })
    .await;
    assert_eq!(
        verdicts(&summary),
        BTreeMap::from([("recorded", 1), ("unattended", 1)])
    );
    let stopped = "not recording: stop.3.toml: the carrier has stopped the sensor";
    assert_eq!(run.told()[1..], [stopped]);
    assert_eq!(run.alarms("recording")[1..], [stopped]);
    assert_eq!(run.alarms("papers"), [""; 0], "it is not told twice");
    assert_eq!(run.alarms("lease"), [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standing_ends_to_the_nanosecond_whoever_lives() {
    let first = Decision {
        attended: Attended::Until(Time(BEGIN + 5 * SECOND)),
        ..decision(vec![granted("A-1", "192.0.2.0/24", 60)])
    };
    let (summary, run) = run(first, async |run| {
        let end = 6 * SECOND;
        assert_eq!(run.lease(), end, "a second passed before the first anchor");
        run.clock.advance(Duration::from_nanos(5 * SECOND - 1));
        run.packet();
        run.clock.advance(Duration::from_nanos(1));
        run.packet();
        run.settled().await;
        assert_eq!(run.lease(), 0);
        run.decide(|script| {
            let renewed = Attended::Until(Time(BEGIN + 600 * SECOND));
            script.decision.as_mut().unwrap().attended = renewed;
        })
        .await;
        run.packet();
    })
    .await;
    assert_eq!(
        verdicts(&summary),
        BTreeMap::from([("recorded", 2), ("unattended", 1)])
    );
    assert_eq!(
        run.told(),
        [
            "recording: until 2023-11-14T22:13:25Z",
            "not recording: it was allowed until 2023-11-14T22:13:25Z",
            "recording: until 2023-11-14T22:23:20Z",
        ]
    );
    assert_eq!(run.alarms("lease"), [""; 0], "it was not late");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_is_set_moves_no_end_to_later() {
    let long = Granted {
        from: Time(BEGIN - 2000 * SECOND),
        ..granted("A-1", "192.0.2.0/24", 60)
    };
    let first = Decision {
        attended: Attended::Until(Time(BEGIN + 30 * SECOND)),
        ..decision(vec![long])
    };
    let (_, run) = run(first, async |run| {
        // The lease is shorter than the standing.
        assert_eq!(run.lease(), 11 * SECOND);
        run.clock.step_wall(-1_000_000_000_000);
        run.clock.set_discipline(true, Duration::ZERO);
        run.clock.advance(Duration::from_secs(25));
        run.settled().await;
        assert_eq!(run.lease(), 31 * SECOND, "not a thousand seconds later");
        run.clock.advance(Duration::from_secs(5));
        run.settled().await;
        assert_eq!(run.lease(), 0);
    })
    .await;
    assert_eq!(run.told().len(), 2, "{:?}", run.told());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn new_places_stop_recording_until_they_stand() {
    let first = decision(vec![granted("A-1", "192.0.2.0/24", 60)]);
    let layers = Layers {
        exclusions: vec![Exclusion {
            prefix: "192.0.2.1/32".parse().unwrap(),
            source: "exclusions".into(),
            line: 1,
        }],
        ..Layers::lab()
    };
    let (summary, run) = run(first, async |run| {
        run.packet();
        run.decide(|script| {
            script.decision.as_mut().unwrap().layers = Some(Arc::new(layers));
        })
        .await;
        assert_eq!(run.script.lock().unwrap().logged[0].1, 0, "at the log");
        assert!(run.lease() > 0);
        run.packet();
    })
    .await;
    assert_eq!(
        verdicts(&summary),
        BTreeMap::from([("excluded", 1), ("recorded", 1)])
    );
    assert_eq!(run.told().len(), 1, "{:?}", run.told());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn places_that_contradict_each_other_stop_recording_and_not_the_run() {
    let first = decision(vec![granted("A-1", "192.0.2.0/24", 60)]);
    let operator = |name: &str| Operator {
        id: OperatorId(name.into()),
        prefixes: vec!["10.0.0.0/8".parse().unwrap()],
    };
    let layers = Layers {
        operators: vec![operator("power"), operator("water")],
        ..Layers::lab()
    };
    let (_, run) = run(first, async |run| {
        run.decide(|script| script.decision.as_mut().unwrap().layers = Some(Arc::new(layers)))
            .await;
        assert_eq!(run.lease(), 0);
        run.packet();
        run.decide(|script| {
            script.decision.as_mut().unwrap().layers = Some(Arc::new(Layers::lab()));
        })
        .await;
        assert!(run.lease() > 0);
    })
    .await;
    let told = run.told();
    assert_eq!(told.len(), 3, "{told:?}");
    let why = "not recording: the places in force have changed, and cannot be loaded: ";
    assert!(told[1].starts_with(why), "{told:?}");
    assert_eq!(run.alarms("papers").len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_does_not_fit_is_refused_with_the_numbers_and_the_rest_goes_on() {
    let first = granted("A", "192.0.2.0/24", 60);
    let many = (0..256).map(|n| granted(&format!("B-{n}"), "198.51.100.0/24", 60));
    let all: Vec<Granted> = std::iter::once(first.clone()).chain(many).collect();
    let (summary, run) = run(decision(vec![first]), async |run| {
        run.decide(|script| script.decision = Ok(decision(all)))
            .await;
        run.packet();
    })
    .await;
    assert_eq!(summary.verdict(Verdict::Recorded), 1);
    let told = run.alarms("papers");
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("257 needed, room for 256"), "{told:?}");
}

/// As after a restart: all of them are new, and one is too many.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_approval_too_many_does_not_keep_out_the_others() {
    let first = granted("A", "192.0.2.0/24", 60);
    let many = (0..256).map(|n| granted(&format!("B-{n}"), "198.51.100.0/24", 60));
    let all: Vec<Granted> = std::iter::once(first).chain(many).collect();
    let (summary, run) = run(decision(all), async |run| {
        assert!(run.lease() > 0);
        run.packet();
    })
    .await;
    assert_eq!(summary.verdict(Verdict::Recorded), 1);
    let told = run.alarms("papers");
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0].contains("(B-255): approvals in force: 257 needed, room for 256"),
        "{told:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn papers_that_cannot_be_read_stop_recording() {
    let first = decision(vec![granted("A-1", "192.0.2.0/24", 60)]);
    let (_, run) = run(first.clone(), async |run| {
        run.decide(|script| script.decision = Err("line 7: it does not follow".into()))
            .await;
        assert_eq!(run.lease(), 0);
        run.decide(|script| script.decision = Ok(first)).await;
        assert!(run.lease() > 0);
    })
    .await;
    assert_eq!(
        run.told()[1],
        "not recording: the papers cannot be read: line 7: it does not follow"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_approval_for_another_card_is_told_once_and_not_loaded() {
    let mut other = granted("A-1", "192.0.2.0/24", 60);
    other.interfaces[0].mac = HardwareAddress::try_from("02:00:00:00:00:09".to_owned()).unwrap();
    let (summary, run) = run(decision(vec![other]), async |run| {
        run.packet();
        run.clock.advance(Duration::from_secs(3));
        run.settled().await;
    })
    .await;
    assert_eq!(summary.verdict(Verdict::NoMatch), 1);
    assert_eq!(
        run.alarms("papers"),
        [
            "A-1 is not loaded: none of its interfaces is one of this run's",
            "A-1: interface veth0 has the hardware address 02:00:00:00:00:01, the request says \
             02:00:00:00:00:09",
        ]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_that_ran_out_is_an_alarm_and_the_run_goes_on() {
    let first = decision(vec![granted("A-1", "192.0.2.0/24", 60)]);
    let (_, run) = run(first, async |run| {
        run.clock.advance(Duration::from_secs(20));
        run.settled().await;
        assert_eq!(run.lease(), 31 * SECOND);
    })
    .await;
    assert_eq!(run.alarms("lease").len(), 1);
}
