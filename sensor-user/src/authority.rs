//! The authority of a state folder: what its papers say, live and at the time of a capture.

use std::{
    cell::RefCell,
    io,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use crate::{
    agent::{Authority, Look},
    documents::{Attended, Decision, Gate, Refusal, Rule, Shelf, Time, journal::Arrival},
    feeds::over::Over,
    replay::History,
    settings::state::{AGAIN, FolderError, Journal, Papers, Scan, StateFolder},
    sources::{Limits, TakenBack},
    watch::FolderWatch,
};

/// How long a gate is taken for what it was while nothing arrives: the dates of a key may have
/// come meanwhile.
const STALE: Duration = Duration::from_secs(10);

/// What the papers of a state folder say now.
#[derive(Debug)]
pub struct StateAuthority {
    folder: StateFolder,
    papers: Papers,
    journal: Journal,
    watch: FolderWatch,
    shelf: Shelf,
    taken_back: Option<(TakenBack, FolderWatch)>,
    seen: Option<Seen>,
}

/// What was found when the folder was last read.
#[derive(Debug)]
struct Seen {
    scan: Scan,
    gate: Gate,
    /// What is to be logged.
    arrivals: Vec<Arrival>,
    at: Instant,
}

impl StateAuthority {
    /// Opens the state folder of a real sensor, and holds it until the value is dropped. What
    /// feeds took back ends, where there are any.
    ///
    /// # Errors
    ///
    /// When it is none, another sensor holds it, or its log of arrivals cannot be read.
    pub fn open(folder: &Path, taken_back: Option<TakenBack>) -> Result<Self, FolderError> {
        let folder = StateFolder::open(folder)?;
        let watch = |path: &Path| {
            FolderWatch::new(path).map_err(|source| FolderError::System {
                path: path.into(),
                source,
            })
        };
        let taken_back = match taken_back {
            Some(taken_back) => {
                let feeds = watch(taken_back.folder())?;
                Some((taken_back, feeds))
            }
            None => None,
        };
        let watch = watch(folder.papers_folder())?;
        Ok(Self {
            papers: folder.papers(AGAIN),
            journal: Journal::open(&folder)?,
            watch,
            shelf: Shelf::default(),
            taken_back,
            seen: None,
            folder,
        })
    }
}

impl Authority for StateAuthority {
    fn look(&mut self, now: Time) -> anyhow::Result<Look> {
        let clock = Instant::now();
        let scan = self.papers.scan(clock);
        let is_as_before = self.seen.as_ref().is_some_and(|seen| {
            seen.arrivals.is_empty() && seen.scan == scan && clock - seen.at < STALE
        });
        if !is_as_before {
            self.journal.check()?;
            let identity = self.folder.identity();
            let logged = self.journal.arrivals();
            let (gate, arrivals) = Gate::open(identity, logged, &scan.folder, &mut self.shelf, now);
            self.seen = Some(Seen {
                scan,
                gate,
                arrivals,
                at: clock,
            });
        }
        let Some(seen) = &self.seen else {
            anyhow::bail!("the papers were not read");
        };
        let mut refusals = seen.scan.left_out.clone();
        refusals.extend(seen.gate.refusals().iter().cloned());
        let listed = seen.gate.approvals(now).into_iter();
        let why = listed.filter_map(|listed| listed.granted.err());
        // That its time has passed, or has not come, is no news.
        refusals.extend(why.filter(|why| !matches!(why.rule, Rule::Ended | Rule::NotYet)));
        let mut decision = seen.gate.decide(now);
        if let Some((taken_back, _)) = &mut self.taken_back {
            taken_back.apply(&mut decision)?;
        }
        Ok(Look { decision, refusals })
    }

    fn log(&mut self) -> anyhow::Result<()> {
        if let Some(seen) = &mut self.seen {
            self.journal.append(&seen.arrivals)?;
            seen.arrivals.clear();
        }
        Ok(())
    }

    async fn changed(&mut self) -> io::Result<()> {
        match &mut self.taken_back {
            None => self.watch.changed().await,
            Some((_, feeds)) => tokio::select! {
                changed = self.watch.changed() => changed,
                changed = feeds.changed() => changed,
            },
        }
    }
}

/// What the papers of a state folder said at every moment. It changes nothing there.
#[derive(Debug)]
pub struct StateHistory {
    gates: Vec<(Time, Gate)>,
    /// What feeds took back until now; since when stands in it.
    over: Arc<Over>,
    limits: RefCell<Limits>,
}

impl StateHistory {
    /// Reads the state folder of a real sensor, whether or not one is running.
    ///
    /// # Errors
    ///
    /// When it is none, or its log of arrivals cannot be read.
    pub fn open(folder: &Path, over: Arc<Over>) -> Result<Self, FolderError> {
        let folder = StateFolder::open_read_only(folder)?;
        let journal = Journal::open(&folder)?;
        let scan = folder.papers(AGAIN).scan(Instant::now());
        let (identity, logged) = (folder.identity(), journal.arrivals());
        let mut shelf = Shelf::default();
        Ok(Self {
            gates: Gate::history(identity, logged, &scan.folder, &mut shelf),
            over,
            limits: RefCell::default(),
        })
    }

    /// How many arrivals lie before a moment, or at it.
    fn before(&self, time: Time) -> usize {
        self.gates.partition_point(|(arrival, _)| *arrival <= time)
    }
}

impl History for StateHistory {
    fn at(&self, time: Time) -> Decision {
        match self
            .before(time)
            .checked_sub(1)
            .and_then(|at| self.gates.get(at))
        {
            Some((_, gate)) => {
                let mut decision = gate.decide(time);
                self.limits.borrow_mut().apply(&self.over, &mut decision);
                decision
            }
            None => Decision {
                attended: Attended::Not(vec![Refusal {
                    file: String::new(),
                    rule: Rule::Waits,
                    text: format!("nothing had arrived by {time}"),
                }]),
                granted: Vec::new(),
                layers: None,
                next: None,
            },
        }
    }

    fn next_arrival(&self, time: Time) -> Option<Time> {
        self.gates
            .get(self.before(time))
            .map(|(arrival, _)| *arrival)
    }
}
