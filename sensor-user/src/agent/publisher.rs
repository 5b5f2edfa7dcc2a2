//! The publisher: knows what is loaded, gives approvals their slots, publishes generations
//! and folds what they counted.

use std::sync::Arc;

use sensor_common::{SlotCounts, Totals};
use thiserror::Error;

use crate::{
    clock::{Anchors, Terms},
    kernel::{Datapath, DatapathError, Retired},
    loaded::Loaded,
    pipeline::{Generation, Lasting},
    places::{Flat, Layers, PlacesError},
    settings::runtime::{RuntimeError, RuntimeFolder},
    watchlist::{
        Approval, ApprovalId, Change, InForce, IndicatorId, Moment, NoRoom, Schedule, SetId,
        SlotBook, Watchlist,
    },
};

/// Why nothing was published; what was in force stays in force.
#[derive(Debug, Error)]
pub enum PublishError {
    /// Too many approvals.
    #[error("{0}: end one of them, or wait until the records of an ended one are read")]
    NoRoom(#[from] NoRoom),
    /// Places contradict each other.
    #[error(transparent)]
    Places(#[from] PlacesError),
    /// The snapshot cannot be kept.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    /// The kernel refuses.
    #[error(transparent)]
    Datapath(#[from] DatapathError),
}

impl PublishError {
    /// Whether it is about what was to be published, and not about the kernel or the disk.
    pub const fn is_refusal(&self) -> bool {
        match self {
            Self::NoRoom(_) | Self::Places(_) | Self::Datapath(DatapathError::NoRoom(_)) => true,
            Self::Runtime(_) | Self::Datapath(_) => false,
        }
    }
}

/// What a generation is to be made of, where it is not what the one before was made of.
#[derive(Clone, Debug)]
pub struct Content {
    /// The approvals in force.
    pub approvals: Vec<Approval>,
    /// What places addresses.
    pub layers: Arc<Layers>,
    /// The indicators.
    pub watchlist: Watchlist,
}

/// What became of indicators that were to begin or end.
#[derive(Debug, Default)]
pub struct CaughtUp {
    /// The generation in force with its changes, or another one.
    pub changed: Option<Arc<Generation>>,
    /// Why what is to begin does not.
    pub held_back: Option<RuntimeError>,
}

/// What is loaded, and how it got into the kernel.
#[derive(Debug)]
pub struct Publisher {
    loaded: Loaded,
    places: Arc<Flat>,
    book: SlotBook,
    /// The latest moment that was reached, by which indicators have begun and ended.
    moment: Moment,
    /// What begins and ends after what is loaded was compiled or changed.
    schedule: Schedule,
    lasting: Lasting,
    recovered: Lasting,
    current: Option<Arc<Generation>>,
    /// Where snapshots are kept; `None` keeps none.
    runtime: Option<RuntimeFolder>,
    /// Whether flows of an earlier generation may still be in the kernel.
    has_undrained: bool,
    /// Whether the next agent needs the snapshot.
    leaves: bool,
}

impl Publisher {
    /// Takes what is loaded; its approvals and generation are set when it is published.
    pub fn new(loaded: Loaded, runtime: Option<RuntimeFolder>) -> Result<Self, PublishError> {
        Ok(Self {
            places: loaded.places()?,
            loaded,
            book: SlotBook::default(),
            moment: Moment::default(),
            schedule: Schedule::default(),
            lasting: Lasting::default(),
            recovered: Lasting::default(),
            current: None,
            runtime,
            leaves: false,
            has_undrained: false,
        })
    }

    /// It is this moment now. What is published from now on has what has begun by then and not
    /// what has ended; what is in force has it after [`Self::catch_up`].
    pub fn reach(&mut self, moment: Moment) {
        self.moment = self.moment.later(moment);
    }

    /// Lets the indicators of the generation in force begin and end that have since it was
    /// published: by stores where there is room for them, else by another generation. Where no
    /// snapshot can be kept, what begins waits, and what ends does not.
    pub fn catch_up(&mut self, datapath: &mut impl Datapath) -> Result<CaughtUp, PublishError> {
        if !self.schedule.is_due(self.moment) {
            return Ok(CaughtUp::default());
        }
        let refused = match self.catch_up_to(datapath, self.moment) {
            Ok(changed) => {
                return Ok(CaughtUp {
                    changed,
                    held_back: None,
                });
            }
            Err(PublishError::Runtime(refused)) => refused,
            Err(error) => return Err(error),
        };
        let before = self.loaded.moments.last().copied().unwrap_or_default();
        let ends = Moment {
            earliest: before.earliest,
            latest: self.moment.latest,
        };
        Ok(CaughtUp {
            changed: self.catch_up_to(datapath, ends)?,
            held_back: Some(refused),
        })
    }

    fn catch_up_to(
        &mut self,
        datapath: &mut impl Datapath,
        moment: Moment,
    ) -> Result<Option<Arc<Generation>>, PublishError> {
        let Some(current) = self.current.clone() else {
            return Ok(None);
        };
        let passed = self.schedule.passed();
        let affected = self.schedule.pass(moment);
        let caught_up = self.let_begin_and_end(datapath, &current, &affected, moment);
        if caught_up.is_err() {
            self.schedule.back_to(passed);
        }
        caught_up
    }

    fn let_begin_and_end(
        &mut self,
        datapath: &mut impl Datapath,
        current: &Generation,
        affected: &[IndicatorId],
        moment: Moment,
    ) -> Result<Option<Arc<Generation>>, PublishError> {
        let Generation {
            watchlist,
            compiled,
            interfaces,
        } = current;
        if let Some((compiled, change)) = compiled.changed(watchlist, affected, moment) {
            if change.patches.is_empty() {
                return Ok(None);
            }
            let counts = |id: &IndicatorId| moment.is_within(watchlist.limits(*id).validity);
            let only_ends = !affected.iter().any(counts);
            match self.change(datapath, &change, (moment, only_ends)) {
                Ok(()) => {
                    let changed = Arc::new(Generation {
                        watchlist: watchlist.clone(),
                        compiled,
                        interfaces: interfaces.clone(),
                    });
                    self.current = Some(changed.clone());
                    return Ok(Some(changed));
                }
                Err(error) if error.is_refusal() => {
                    tracing::debug!(%error, "a change takes a generation of its own");
                }
                Err(error) => return Err(error),
            }
        }
        let in_force = self.loaded.approvals.iter();
        let approvals = in_force.map(|held| held.approval.clone()).collect();
        self.publish(datapath, approvals).map(Some)
    }

    /// Changes what is in force. The snapshot says so first, for whoever reads the kernel's
    /// numbers later; but what ends waits for no disk that refuses.
    fn change(
        &mut self,
        datapath: &mut impl Datapath,
        change: &Change,
        (moment, only_ends): (Moment, bool),
    ) -> Result<(), PublishError> {
        self.loaded.moments.push(moment);
        let kept = self.keep();
        match kept {
            Ok(()) => {}
            Err(error) if only_ends => tracing::warn!(%error, "the snapshot is out of date"),
            Err(error) => {
                self.loaded.moments.pop();
                return Err(error.into());
            }
        }
        let changed = datapath.change(change);
        if changed.is_err() {
            self.loaded.moments.pop();
        }
        Ok(changed?)
    }

    /// Publishes a generation with these approvals in force. What the one before counted is
    /// folded.
    pub fn publish(
        &mut self,
        datapath: &mut impl Datapath,
        approvals: Vec<Approval>,
    ) -> Result<Arc<Generation>, PublishError> {
        let (loaded, places) = (self.loaded.clone(), self.places.clone());
        self.put(datapath, approvals, loaded, places)
    }

    /// Publishes a generation of all this. What the one before counted is folded.
    pub fn publish_all(
        &mut self,
        datapath: &mut impl Datapath,
        content: Content,
    ) -> Result<Arc<Generation>, PublishError> {
        let Content {
            approvals,
            layers,
            watchlist,
        } = content;
        let mut loaded = self.loaded.clone();
        loaded.watchlist = watchlist;
        let mut places = self.places.clone();
        if loaded.layers != *layers {
            loaded.layers = Arc::unwrap_or_clone(layers);
            places = loaded.places()?;
        }
        self.put(datapath, approvals, loaded, places)
    }

    fn put(
        &mut self,
        datapath: &mut impl Datapath,
        approvals: Vec<Approval>,
        mut loaded: Loaded,
        places: Arc<Flat>,
    ) -> Result<Arc<Generation>, PublishError> {
        let number = datapath.next_generation();
        let mut book = self.book.clone();
        loaded.approvals = book.assign(approvals, number)?;
        loaded.generation = number;
        loaded.moments = vec![self.moment];
        let generation = Arc::new(loaded.compile(places.clone()));
        if let Some(runtime) = &self.runtime {
            runtime.store(&loaded)?;
        }
        let published = datapath.publish(&generation.compiled.tables);
        if datapath.next_generation() == number {
            // The one before stays in force, and so does what is known of it.
            if let Some(runtime) = &self.runtime
                && let Err(error) = runtime.remove(number)
            {
                tracing::warn!(%error, "a snapshot stays behind");
            }
            return Ok(published.map(|_| generation)?);
        }
        self.book = book;
        self.schedule = Schedule::of(&loaded.watchlist, self.moment);
        self.loaded = loaded;
        self.places = places;
        self.has_undrained = true;
        let before = self.current.replace(generation.clone());
        let Retired {
            generation: _,
            totals,
            slot_counts,
        } = published?;
        if let Some(before) = before {
            self.lasting.fold(&before, &totals, &slot_counts);
        }
        Ok(generation)
    }

    /// Takes note that every flow counted under generations before the one in force is out of
    /// the kernel: their slots may be given again, their snapshots go.
    pub fn drained(&mut self) -> Result<(), RuntimeError> {
        if !std::mem::take(&mut self.has_undrained) {
            return Ok(());
        }
        self.book.drained(self.loaded.generation.saturating_sub(1));
        match &self.runtime {
            Some(runtime) => runtime.keep_only(self.loaded.generation),
            None => Ok(()),
        }
    }

    /// Leaves the snapshot for the next agent, which reads what is left in the kernel.
    pub(super) const fn leave(&mut self) {
        self.leaves = true;
    }

    /// Narrows every approval in force to what the anchors allow, first of all in the kernel.
    pub fn narrow(
        &mut self,
        datapath: &mut impl Datapath,
        anchors: &Anchors,
    ) -> Result<(), DatapathError> {
        for held in &mut self.loaded.approvals {
            let validity = held.approval.validity;
            let terms = anchors.terms(validity.begin, validity.end);
            narrow(datapath, held, terms)?;
        }
        Ok(())
    }

    /// Narrows one approval in force.
    pub fn narrow_one(
        &mut self,
        datapath: &mut impl Datapath,
        id: &ApprovalId,
        terms: Terms,
    ) -> Result<(), DatapathError> {
        let mut in_force = self.loaded.approvals.iter_mut();
        match in_force.find(|held| held.approval.id == *id) {
            Some(held) => narrow(datapath, held, terms),
            None => Ok(()),
        }
    }

    /// What is loaded.
    pub const fn loaded(&self) -> &Loaded {
        &self.loaded
    }

    /// Keeps the snapshot anew, with terms as they are now.
    pub fn keep(&self) -> Result<(), RuntimeError> {
        match &self.runtime {
            Some(runtime) if self.loaded.generation > 0 => runtime.store(&self.loaded),
            _ => Ok(()),
        }
    }

    /// When the last approval in force ends, in nanoseconds since boot.
    pub fn end(&self) -> u64 {
        let ends = self
            .loaded
            .approvals
            .iter()
            .map(|held| held.approval.terms.end);
        ends.max().unwrap_or(0)
    }

    /// Publishes a generation without the approvals that have ended, if there are any: only indicators that an approval in force names stay in the kernel.
    pub fn without_ended(
        &mut self,
        datapath: &mut impl Datapath,
        now: u64,
    ) -> Result<Option<Arc<Generation>>, PublishError> {
        let approvals = self.loaded.approvals.iter().map(|held| &held.approval);
        let (ended, left): (Vec<_>, Vec<_>) = approvals
            .cloned()
            .partition(|approval| approval.terms.end <= now);
        if ended.is_empty() {
            return Ok(None);
        }
        self.publish(datapath, left).map(Some)
    }

    /// Adds what the generation of a dead agent counted, which is no part of this run.
    pub fn fold(
        &mut self,
        generation: &Generation,
        totals: &[(SetId, Totals)],
        counts: &[SlotCounts],
    ) {
        self.recovered.fold(generation, totals, counts);
    }

    /// The totals of dead agents.
    pub const fn recovered(&self) -> &Lasting {
        &self.recovered
    }

    /// The lasting totals, with what the generation in force has counted so far.
    pub fn lasting(&self, datapath: &impl Datapath) -> Result<Lasting, DatapathError> {
        let mut lasting = self.lasting.clone();
        if let Some(current) = &self.current {
            lasting.fold(current, &datapath.totals()?, &datapath.slot_counts()?);
        }
        Ok(lasting)
    }
}

/// First of all in the kernel.
fn narrow(
    datapath: &mut impl Datapath,
    held: &mut InForce,
    terms: Terms,
) -> Result<(), DatapathError> {
    datapath.narrow(held.slot, terms)?;
    let slot = &mut held.approval.terms;
    let before = Terms {
        begin: slot.begin,
        end: slot.end,
    };
    let Terms { begin, end } = before.narrowed(terms);
    (slot.begin, slot.end) = (begin, end);
    Ok(())
}

impl Drop for Publisher {
    /// Nothing is loaded any more when the agent has ended.
    fn drop(&mut self) {
        if let Some(runtime) = &self.runtime
            && !self.leaves
            && let Err(error) = runtime.remove(self.loaded.generation)
        {
            tracing::warn!(%error, "a snapshot stays behind");
        }
    }
}
