//! Sending what was encoded: a thread for each exporter, behind a bounded queue.
//!
//! Who offers a row never waits: what the queue has no room for is dropped and counted. An
//! outlet that cannot be opened is tried again after a pause that grows, while the queue fills.
//! Nothing is sent twice: a row that may have been sent in part is lost, and counted as that.

mod file;
mod socket;
mod tcp;
mod worker;

use std::{
    io,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
        mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel},
    },
    thread,
    time::{Duration, Instant},
};

pub use self::{
    file::{File, Rotation},
    socket::{Udp, Unix},
    tcp::Tcp,
};
use super::{Admitted, Encode, Frame, Item, Kinds, Recipient};

/// Where bytes go.
pub trait Outlet: Send {
    /// Makes ready to send; called again after a pause when it fails.
    fn open(&mut self, stop: &Stop) -> io::Result<()>;

    /// Sends frames in their order.
    fn send(&mut self, frames: &[Frame], stop: &Stop) -> Result<(), Failure>;

    /// Nothing was there to send for a while, or is about to be: an error where the other side
    /// has gone.
    fn check(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Not all frames were sent.
#[derive(Debug)]
pub struct Failure {
    /// So many frames were, from the first.
    pub sent: usize,
    /// So many after them are lost: sent in part, or refused for good. The others can be sent
    /// later.
    pub lost: usize,
    /// Whether to open again first.
    pub is_closed: bool,
    /// Why.
    pub error: io::Error,
}

/// What became of what was offered, in rows; each stands in one of the members.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Losses {
    /// Handed to the system. What a network loses after that nobody here can know.
    pub sent: u64,
    /// Not for this recipient, or of a kind that the format has no form for: no loss.
    pub not_for_it: u64,
    /// The queue was full: the receiver is slow, or gone.
    pub queue_full: u64,
    /// The format has no form for them: too long, or without a clear end where one must be.
    pub no_form: u64,
    /// The connection broke, or the receiver was too slow, when they were sent in part; or the
    /// system refused a datagram.
    pub broken: u64,
    /// Were still there when the time to drain had passed.
    pub undrained: u64,
}

impl Losses {
    /// Rows that should have been sent and were not, by cause.
    pub const fn by_cause(&self) -> [(&'static str, u64); 4] {
        [
            ("queue_full", self.queue_full),
            ("no_form", self.no_form),
            ("broken", self.broken),
            ("undrained", self.undrained),
        ]
    }

    /// Rows that should have been sent and were not.
    pub const fn lost(&self) -> u64 {
        self.queue_full + self.no_form + self.broken + self.undrained
    }
}

#[derive(Debug, Default)]
struct Counts {
    accepted: AtomicU64,
    not_for_it: AtomicU64,
    queue_full: AtomicU64,
    sent: AtomicU64,
    no_form: AtomicU64,
    broken: AtomicU64,
    /// The last error, until something is sent.
    error: Mutex<Option<String>>,
}

impl Counts {
    fn losses(&self) -> Losses {
        Losses {
            sent: self.sent.load(Relaxed),
            not_for_it: self.not_for_it.load(Relaxed),
            queue_full: self.queue_full.load(Relaxed),
            no_form: self.no_form.load(Relaxed),
            broken: self.broken.load(Relaxed),
            undrained: 0,
        }
    }
}

/// When to stop, and what to do meanwhile; shared with the thread.
#[derive(Debug, Default)]
pub struct Stop {
    deadline: Mutex<Option<Instant>>,
    reopen: AtomicBool,
}

impl Stop {
    /// Time left to drain; none while there is no end to it.
    pub fn left(&self) -> Option<Duration> {
        let deadline = *self.deadline.lock().unwrap_or_else(PoisonError::into_inner);
        deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()))
    }

    /// Whether the time to drain has passed.
    pub fn is_over(&self) -> bool {
        self.left().is_some_and(|left| left.is_zero())
    }
}

/// How an exporter runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Its name, for its thread and for what is said of it.
    pub name: String,
    /// Who receives.
    pub recipient: Recipient,
    /// Rows that may wait.
    pub queue: usize,
    /// Rows that are encoded together at most.
    pub batch: usize,
    /// The first and the longest pause before an outlet is opened again.
    pub pauses: (Duration, Duration),
}

impl Plan {
    /// With room for 65,536 rows, 256 of them encoded together, and pauses from a fifth of a second
    /// to 30 seconds.
    pub fn new(name: impl Into<String>, recipient: Recipient) -> Self {
        Self {
            name: name.into(),
            recipient,
            queue: 65_536,
            batch: 256,
            pauses: (Duration::from_millis(200), Duration::from_secs(30)),
        }
    }
}

/// An exporter that runs.
#[derive(Debug)]
pub struct Exporter {
    plan: Plan,
    kinds: Kinds,
    queue: SyncSender<Admitted>,
    counts: Arc<Counts>,
    stop: Arc<Stop>,
    ended: Receiver<()>,
}

impl Exporter {
    /// Begins one in a thread of its own.
    pub fn spawn(
        plan: Plan,
        encoder: Box<dyn Encode>,
        outlet: Box<dyn Outlet>,
    ) -> io::Result<Self> {
        let kinds = encoder.kinds();
        let (queue, rows) = sync_channel(plan.queue);
        // Nothing is ever sent here: it closes when the thread ends, however it does.
        let (alive, ended) = sync_channel(0);
        let counts = Arc::<Counts>::default();
        let stop = Arc::<Stop>::default();
        let work = worker::Worker {
            rows,
            encoder,
            outlet,
            batch: plan.batch.max(1),
            pauses: plan.pauses,
            counts: Arc::clone(&counts),
            stop: Arc::clone(&stop),
        };
        let thread = thread::Builder::new().name(format!("export {}", plan.name));
        thread.spawn(move || {
            let _alive: SyncSender<()> = alive;
            work.run();
        })?;
        Ok(Self {
            plan,
            kinds,
            queue,
            counts,
            stop,
            ended,
        })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.plan.name
    }

    /// Takes an item, if its recipient may have it and there is room. Never waits.
    pub fn offer(&self, item: &Arc<Item>) {
        let admitted = (self.kinds.has(item)).then(|| self.plan.recipient.admit(item));
        let Some(row) = admitted.flatten() else {
            self.counts.not_for_it.fetch_add(1, Relaxed);
            return;
        };
        // Before it is sent, so that sums never say that more was sent than accepted.
        self.counts.accepted.fetch_add(1, Relaxed);
        match self.queue.try_send(row) {
            Ok(()) => {}
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                self.counts.accepted.fetch_sub(1, Relaxed);
                self.counts.queue_full.fetch_add(1, Relaxed);
            }
        }
    }

    /// Opens the outlet anew before anything else is sent: on SIGHUP, after a file was moved.
    pub fn reopen(&self) {
        self.stop.reopen.store(true, Relaxed);
    }

    /// What became of rows so far; those that wait are in no member.
    pub fn losses(&self) -> Losses {
        self.counts.losses()
    }

    /// Why nothing is sent at the moment; none where it is, or nothing had to be.
    pub fn error(&self) -> Option<String> {
        let error = self.counts.error.lock();
        error.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Ends it: what waits is sent as far as `patience` goes. Returns soon after that even where
    /// the system does not let go of the thread.
    pub fn finish(self, patience: Duration) -> Losses {
        let deadline = Instant::now() + patience;
        let stop = self.stop.deadline.lock();
        *stop.unwrap_or_else(PoisonError::into_inner) = Some(deadline);
        let Self {
            queue,
            counts,
            ended,
            ..
        } = self;
        drop(queue);
        match ended.recv_timeout(patience + Duration::from_millis(500)) {
            Ok(()) | Err(RecvTimeoutError::Disconnected | RecvTimeoutError::Timeout) => {}
        }
        let losses = counts.losses();
        let accepted = counts.accepted.load(Relaxed);
        let settled = losses.sent + losses.no_form + losses.broken;
        Losses {
            undrained: accepted.saturating_sub(settled),
            ..losses
        }
    }
}

#[cfg(test)]
mod tests;
