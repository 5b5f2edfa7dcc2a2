//! Collect: attends the kernel, drains it on a timer, and looks after what was put there.

use std::{collections::BTreeSet, io, path::PathBuf, sync::Arc, time::Duration};

use sensor_common::{Counters, FlowPart, LEASE_LIMIT, Stat, Verdict};
use tokio::{
    sync::{mpsc, oneshot},
    time::MissedTickBehavior,
};

use super::{
    AgentError, Alarm, AlarmKind, Authority, Config, Gauge, Links, Publisher, Recording,
    assemble::PATIENCE,
    papers::{self, LOOK, Papers},
    publisher::CaughtUp,
};
use crate::{
    clock::{Anchor, Anchors, ClockSource, News},
    kernel::{Datapath, DatapathError, Held, Read},
    pipeline::{Generation, Lasting, Losses},
    records::store::Position,
    settings::anchors,
};

const SECOND: u64 = 1_000_000_000;

/// Losses that the limiter tells itself.
const OF_LIMITER: [&str; 3] = ["alarms", "events", "limiter"];

/// Nanoseconds between two comparisons of what stands in the kernel with what was put there.
const MEND: u64 = 1_000_000_000;

/// What is told of an interface without the program.
const VANISHED: &str =
    "went away, or somebody detached the program: nothing is seen there any more";
/// What is told of an interface that an approval does not name any more.
const EXCHANGED: &str =
    "has another name now: nothing is recorded there until the sensor starts again";

/// The longest lease that is promised: a second less than the kernel takes.
const LONGEST: u64 = LEASE_LIMIT - 1_000_000_000;

/// Nanoseconds after which anchors are kept again, though the clock was not set.
const KEEP: u64 = 60_000_000_000;

/// What one drain brought.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// Nanoseconds since boot, after draining.
    pub(super) now: u64,
    /// Generations that came into force or changed; before what was counted under them.
    pub(super) generations: Vec<Arc<Generation>>,
    pub(super) notices: Vec<FlowPart>,
    pub(super) flows: Vec<FlowPart>,
    pub(super) alarms: Vec<Alarm>,
    /// What stands at the end, of this run and of dead agents; in the last batch only.
    pub(super) end: Option<(Counters, Lasting, Lasting)>,
    /// The generation in force when the kernel was drained: flows of earlier ones have ended.
    pub(super) generation: u64,
    /// Up to where the kernel was read.
    pub(super) position: Option<Position>,
    /// To be told when all of it is safe: then the kernel forgets it.
    pub(super) safe: Option<oneshot::Sender<()>>,
}

/// Everything the stage works with.
pub(super) struct Collect<D, C, L, A> {
    pub(super) datapath: D,
    pub(super) publisher: Publisher,
    pub(super) clock: C,
    pub(super) anchors: Anchors,
    pub(super) keep: Option<PathBuf>,
    pub(super) links: L,
    /// What is recorded under; `None` in lab.
    pub(super) papers: Option<Papers<A>>,
    pub(super) config: Config,
    /// Interfaces whose loss was told.
    pub(super) missed: BTreeSet<String>,
    /// Until when attendance was promised, as far as that is the agent's to say; 0 while
    /// nothing may be recorded, and before the first time.
    pub(super) promised: u64,
    /// The end of the lease in the kernel.
    pub(super) lease: u64,
    /// Whether anything is recorded, as it was told last.
    pub(super) told: Option<Recording>,
    /// When anchors were last kept.
    pub(super) kept: u64,
    /// Why indicators that are to begin do not.
    pub(super) held_back: Option<String>,
    /// When the kernel was last compared with what was put there.
    pub(super) mended: u64,
    /// What goes with the next batch.
    pub(super) next: Batch,
    /// Where counts are told.
    pub(super) gauge: Gauge,
    /// When they were last told.
    pub(super) observed: u64,
    /// What dead agents left, until what was read of it is safe.
    pub(super) read: Read,
    /// Says when what was drained last is safe.
    pub(super) unsafe_yet: Option<oneshot::Receiver<()>>,
    /// The generation that was in force then.
    pub(super) drained_under: u64,
}

enum Woken {
    /// What was drained last is safe; nobody is left to say so otherwise.
    Safe(bool),
    /// It is time for something.
    Due,
    Stop,
    LinkChanged(io::Result<()>),
    ClockStepped(Result<(), crate::clock::ClockError>),
    PapersChanged(io::Result<()>),
}

impl<D: Datapath, C: ClockSource, L: Links, A: Authority> Collect<D, C, L, A> {
    /// Drains until `stop` completes, the last approval ends where the run ends with it, or
    /// nobody takes what is drained; then lets go of the interfaces first, so that the last
    /// drain brings everything that was counted.
    pub(super) async fn run(
        mut self,
        batches: mpsc::Sender<Batch>,
        stop: impl Future<Output = ()>,
        mut told: impl FnMut(&Recording),
    ) -> Result<(), AgentError> {
        let mut stop = std::pin::pin!(stop);
        let mut timer = tokio::time::interval(self.config.tick);
        timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut failed = Ok(());
        // What dead agents left comes first, by itself: it is read up to another position.
        if !self.read.is_empty() {
            let mut batch = std::mem::take(&mut self.next);
            batch.position = self.read.end();
            batch.generation = self.publisher.loaded().generation;
            batch.now = self.clock.boot()?;
            batch.safe = Some(self.expect_safe());
            if batches.send(batch).await.is_err() {
                failed = Err(AgentError::Unkept);
            }
        }
        while failed.is_ok() {
            let look = self.time_to_look();
            let woken = tokio::select! {
                biased;
                stepped = self.clock.stepped() => Woken::ClockStepped(stepped),
                changed = self.links.changed() => Woken::LinkChanged(changed),
                () = &mut stop => Woken::Stop,
                () = batches.closed() => Woken::Stop,
                changed = papers::changed(self.papers.as_mut()) => Woken::PapersChanged(changed),
                is_safe = told_safe(&mut self.unsafe_yet) => Woken::Safe(is_safe),
                _ = timer.tick() => Woken::Due,
                () = tokio::time::sleep(look) => Woken::Due,
            };
            failed = match woken {
                Woken::Stop | Woken::Safe(false) => break,
                Woken::Safe(true) => {
                    failed = self.forget();
                    continue;
                }
                Woken::LinkChanged(changed) => {
                    failed = changed
                        .map_err(AgentError::Links)
                        .and_then(|()| self.look_after());
                    self.look_soon();
                    continue;
                }
                Woken::ClockStepped(stepped) if self.papers.is_none() => {
                    failed = stepped.map_err(Into::into).and_then(|()| self.tie_clocks());
                    continue;
                }
                // Whoever looks ties the clocks, and looks before anything is kept.
                Woken::ClockStepped(stepped) => {
                    self.look_soon();
                    stepped.map_err(Into::into)
                }
                Woken::PapersChanged(changed) => {
                    self.look_soon();
                    changed.map_err(AgentError::Papers)
                }
                Woken::Due => Ok(()),
            };
            let mut has_ended = false;
            if failed.is_ok() {
                (has_ended, failed) = match self.attend() {
                    Ok(has_ended) => (has_ended, Ok(())),
                    Err(error) => (false, Err(error)),
                };
            }
            if failed.is_ok() {
                self.tell(&mut told);
                failed = self.observe();
            }
            let (batch, drained) = self.drain();
            failed = failed.and(drained);
            if batches.send(batch).await.is_err() || has_ended {
                break;
            }
        }
        self.datapath.detach();
        failed = failed.and(self.cap(0)).and(self.until_safe().await);
        let (mut last, drained) = self.drain();
        let counters = self.datapath.counters();
        let lasting = self.publisher.lasting(&self.datapath);
        match counters.and_then(|counters| Ok((counters, lasting?))) {
            Ok((counters, lasting)) => {
                let recovered = self.publisher.recovered().clone();
                last.end = Some((counters, lasting, recovered));
            }
            Err(error) => failed = failed.and(Err(error.into())),
        }
        // A receiver that is gone failed, and its error is the one reported.
        let _ = batches.send(last).await;
        failed.and(drained).and(self.until_safe().await)
    }

    /// Renews the lease, after everything was looked after; `true` when the run is over.
    pub(super) fn attend(&mut self) -> Result<bool, AgentError> {
        self.look_after()?;
        let now = self.clock.boot()?;
        // A lab approval ends with its lease.
        if self.has_lapsed(now) && self.config.mark.lab {
            return Ok(true);
        }
        self.publisher.reach(self.anchors.moment(now));
        if self.papers.as_ref().is_some_and(|papers| now >= papers.due) {
            self.follow()?;
        }
        self.catch_up(now)?;
        if now.saturating_sub(self.mended) >= MEND {
            self.mended = now;
            for alarm in self.datapath.mend()? {
                self.alarm(now, AlarmKind::Kernel, &alarm.to_string());
            }
            if self.papers.is_none() {
                self.tie_clocks()?;
            }
        }
        let Some(papers) = &self.papers else {
            if self.config.ends_with_approvals && now >= self.publisher.end() {
                return Ok(true);
            }
            if let Some(generation) = self.publisher.without_ended(&mut self.datapath, now)? {
                self.next.generations.push(generation);
            }
            self.promise(now, u64::MAX)?;
            return Ok(false);
        };
        let longest = papers.longest();
        // Reading papers may have taken long.
        let now = self.clock.boot()?;
        self.has_lapsed(now);
        self.promise(now, longest)?;
        Ok(false)
    }

    /// Tells counts to whoever asks, once a second.
    fn observe(&mut self) -> Result<(), AgentError> {
        let now = self.clock.boot()?;
        if now.saturating_sub(self.observed) < SECOND {
            return Ok(());
        }
        self.observed = now;
        let counters = self.datapath.counters()?;
        let packets = Verdict::ALL.map(|verdict| {
            let count = counters[Stat::Verdict(verdict).cell()];
            ((String::new(), verdict.name().to_owned()), count)
        });
        let losses = Losses::default().by_stage(&counters);
        let losses = losses
            .into_iter()
            .map(|(stage, count)| (stage.to_owned(), count));
        let approvals = self.publisher.loaded().approvals.iter();
        let approvals = approvals.map(|held| &held.approval);
        let ends = approvals.map(|approval| (approval.id.0.clone(), approval.validity.end));
        let is_recording = self.lease > now;
        self.gauge.tell(|told| {
            told.recording = is_recording;
            told.packets = packets.into();
            let of_kernel = losses.filter(|(stage, _)| !OF_LIMITER.contains(&stage.as_str()));
            told.lost.extend(of_kernel);
            let mut known = std::mem::take(&mut told.approvals);
            for (id, end) in ends {
                let mut approval = known.remove(&id).unwrap_or_default();
                approval.end = Some(end);
                told.approvals.insert(id, approval);
            }
        });
        Ok(())
    }

    /// Lets indicators begin and end. What cannot begin is told, and tried again.
    fn catch_up(&mut self, now: u64) -> Result<(), AgentError> {
        let CaughtUp { changed, held_back } = self.publisher.catch_up(&mut self.datapath)?;
        self.next.generations.extend(changed);
        let held_back = held_back.map(|error| error.to_string());
        if let Some(error) = held_back.as_ref().filter(|_| held_back != self.held_back) {
            let text = format!("indicators that are to begin do not: {error}");
            self.alarm(now, AlarmKind::Papers, &text);
        }
        self.held_back = held_back;
        Ok(())
    }

    /// Whether the lease ran out before it was renewed, which is said once.
    fn has_lapsed(&mut self, now: u64) -> bool {
        let has_lapsed = self.promised > 0 && now >= self.promised;
        if has_lapsed {
            let late = Duration::from_nanos(now - self.promised);
            let text = format!("the lease had run out for {late:?} when it was to be renewed");
            self.alarm(now, AlarmKind::Lease, &text);
            self.promised = 0;
        }
        has_lapsed
    }

    /// Promises attendance for as long as a lease is, but not past `longest`.
    fn promise(&mut self, now: u64, longest: u64) -> Result<(), AgentError> {
        if longest <= now {
            self.promised = 0;
            return self.cap(0);
        }
        let lease = u64::try_from(self.config.lease.as_nanos()).unwrap_or(0);
        // A packet that was on its way before this moment must not find it too far ahead.
        self.promised = now.saturating_add(lease.min(LONGEST));
        self.lease = self.promised.min(longest);
        Ok(self.datapath.attend(self.lease)?)
    }

    /// Lets the lease end no later than this.
    pub(super) fn cap(&mut self, longest: u64) -> Result<(), AgentError> {
        if longest == 0 || self.lease > longest {
            self.lease = longest;
            self.datapath.attend(longest)?;
        }
        if longest == 0 {
            self.promised = 0;
        }
        Ok(())
    }

    /// Says whether anything is recorded, where that is news.
    fn tell(&mut self, told: &mut impl FnMut(&Recording)) {
        let state = self
            .papers
            .as_ref()
            .map_or(&Recording::Lab, |papers| &papers.state);
        if !state.is_news_after(self.told.as_ref()) {
            return;
        }
        told(state);
        let state = state.clone();
        if state != Recording::Lab {
            let time = self.clock.boot().unwrap_or(0);
            let (kind, text) = (AlarmKind::Recording, state.to_string());
            self.next.alarms.push(Alarm { time, kind, text });
        }
        self.told = Some(state);
    }

    /// How long nothing is to be looked for in the papers.
    fn time_to_look(&self) -> Duration {
        let Some(papers) = &self.papers else {
            return Duration::MAX;
        };
        let now = self.clock.boot().unwrap_or(0);
        Duration::from_nanos(papers.due.saturating_sub(now).min(LOOK))
    }

    fn look_soon(&mut self) {
        if let Some(papers) = &mut self.papers {
            papers.due = 0;
        }
    }

    /// Says which interfaces went away or have another name, each once; an error when none is
    /// left.
    fn look_after(&mut self) -> Result<(), AgentError> {
        let Held {
            attached,
            vanished,
            exchanged,
        } = self.datapath.held()?;
        let now = self.clock.boot()?;
        let told = vanished.iter().map(|name| (name, VANISHED));
        for (name, what) in told.chain(exchanged.iter().map(|name| (name, EXCHANGED))) {
            if self.missed.insert(name.clone()) {
                self.alarm(now, AlarmKind::Interface, &format!("{name} {what}"));
            }
        }
        if attached == 0 && !(vanished.is_empty() && exchanged.is_empty()) {
            let interfaces = [vanished, exchanged].concat().join(", ");
            return Err(DatapathError::Vanished { interfaces }.into());
        }
        Ok(())
    }

    /// Ties the clocks anew; where that narrows an approval, the kernel knows first.
    fn tie_clocks(&mut self) -> Result<(), AgentError> {
        let (anchor, news) = self.take_anchor()?;
        self.keep_anchors(&anchor, news)
    }

    /// Reads both clocks. What that narrows stands in the kernel when this returns, and nothing
    /// waited for a disk.
    pub(super) fn take_anchor(&mut self) -> Result<(Anchor, News), AgentError> {
        let anchor = self.config.anchor(self.clock.anchor()?);
        let taken = self.anchors.take(anchor)?;
        if taken.narrowed {
            self.publisher.narrow(&mut self.datapath, &self.anchors)?;
            if let Some(papers) = &mut self.papers
                && let Some(allowed) = &mut papers.allowed
            {
                allowed.boot = self.anchors.terms(0, allowed.wall.0).end;
                let longest = allowed.boot;
                self.cap(longest)?;
            }
        }
        Ok((anchor, taken.news))
    }

    /// Keeps what an anchor told, and says when the clock was set.
    pub(super) fn keep_anchors(&mut self, anchor: &Anchor, news: News) -> Result<(), AgentError> {
        let is_due = anchor.boot.saturating_sub(self.kept) >= KEEP;
        if let Some(folder) = &self.keep
            && (news != News::Steady || is_due)
        {
            anchors::store(folder, &self.anchors)?;
            self.kept = anchor.boot;
        }
        if let News::Stepped(step) = news {
            let text = format!("the wall clock was set {step}; no approval ends later for it");
            self.alarm(anchor.boot, AlarmKind::Clock, &text);
            self.publisher.keep()?;
        }
        Ok(())
    }

    pub(super) fn alarm(&mut self, time: u64, kind: AlarmKind, text: &str) {
        tracing::warn!("{text}");
        self.next.alarms.push(Alarm {
            time,
            kind,
            text: text.to_owned(),
        });
    }

    /// Drains the kernel, unless what was drained last is not safe yet: then the kernel keeps
    /// what it has, and counts on.
    ///
    /// What was drained before a failure comes with it.
    fn drain(&mut self) -> (Batch, Result<(), AgentError>) {
        let mut batch = std::mem::take(&mut self.next);
        let drained = if self.unsafe_yet.is_none() {
            let Batch { notices, flows, .. } = &mut batch;
            let drained = self.datapath.drain(&mut |part| {
                if part.is_notice() {
                    notices.push(part);
                } else {
                    flows.push(part);
                }
            });
            batch.safe = Some(self.expect_safe());
            batch.generation = self.drained_under;
            batch.position = self.datapath.position();
            drained.map_err(AgentError::from)
        } else {
            Ok(())
        };
        batch.now = self.clock.boot().unwrap_or(0);
        (batch, drained)
    }

    /// From now on nothing is drained until this was told.
    fn expect_safe(&mut self) -> oneshot::Sender<()> {
        let (safe, unsafe_yet) = oneshot::channel();
        self.unsafe_yet = Some(unsafe_yet);
        self.drained_under = self.publisher.loaded().generation;
        safe
    }

    /// Returns when what was drained last is safe. Where nobody says so, it stays in the kernel for
    /// the next agent.
    async fn until_safe(&mut self) -> Result<(), AgentError> {
        if self.unsafe_yet.is_none() {
            return Ok(());
        }
        // A little longer than whoever says so waits for the disk.
        let safe = told_safe(&mut self.unsafe_yet);
        let patience = PATIENCE + Duration::from_secs(2);
        if let Ok(true) = tokio::time::timeout(patience, safe).await {
            return self.forget();
        }
        self.datapath.leave();
        self.publisher.leave();
        Err(AgentError::Unkept)
    }

    /// Lets the kernel forget what was drained last. Flows of generations before the one in force
    /// are out of it then, if that was in force already.
    fn forget(&mut self) -> Result<(), AgentError> {
        self.datapath.forget()?;
        std::mem::take(&mut self.read).remove()?;
        if self.drained_under == self.publisher.loaded().generation {
            self.publisher.drained()?;
        }
        Ok(())
    }
}

/// Returns when what was drained last is safe, with whether it is; never, where nothing is to be
/// told.
async fn told_safe(unsafe_yet: &mut Option<oneshot::Receiver<()>>) -> bool {
    let Some(told) = unsafe_yet else {
        return std::future::pending().await;
    };
    let is_safe = told.await.is_ok();
    *unsafe_yet = None;
    is_safe
}

impl Config {
    /// A lab approval is written by the same clock that ends it, so however wrong that is, it
    /// is not uncertain.
    pub fn anchor(&self, anchor: Anchor) -> Anchor {
        if self.mark.lab {
            Anchor {
                uncertainty: 0,
                ..anchor
            }
        } else {
            anchor
        }
    }
}
