//! What an agent knows of the papers it records under.

use std::{collections::BTreeSet, fmt, io, sync::Arc};

use super::{
    Authority,
    grants::{Covered, nowhere},
};
use crate::{
    documents::{Refusal, Rule, Time},
    places::Layers,
};

/// Nanoseconds between two looks while nothing arrives.
pub(super) const LOOK: u64 = 1_000_000_000;

/// Whether anything is recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recording {
    /// It is, in lab as long as the run.
    Lab,
    /// It is, and at this moment ends by itself, unless papers come that say otherwise.
    Until(Time),
    /// It is not, for these reasons.
    Not(Vec<Refusal>),
}

impl Recording {
    /// For a reason that no paper gives.
    pub(super) fn not(rule: Rule, text: &str) -> Self {
        Self::Not(vec![Refusal {
            file: String::new(),
            rule,
            text: text.into(),
        }])
    }

    /// Whether this is what was told before. When recording will end is told when it begins; the
    /// words of a reason may change with the time.
    pub(super) fn is_news_after(&self, before: Option<&Self>) -> bool {
        match (self, before) {
            (Self::Lab, Some(Self::Lab)) | (Self::Until(_), Some(Self::Until(_))) => false,
            (Self::Not(now), Some(Self::Not(before))) => {
                let key = |refusal: &Refusal| (refusal.file.clone(), refusal.rule);
                !now.iter().map(key).eq(before.iter().map(key))
            }
            _ => true,
        }
    }
}

impl fmt::Display for Recording {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lab => f.write_str("recording"),
            Self::Until(Time::MAX) => f.write_str("recording: without an end"),
            Self::Until(until) => write!(f, "recording: until {until}"),
            Self::Not(reasons) => {
                f.write_str("not recording")?;
                for (at, reason) in reasons.iter().enumerate() {
                    let divider = if at == 0 { ": " } else { "; " };
                    write!(f, "{divider}{reason}")?;
                }
                Ok(())
            }
        }
    }
}

/// What an agent knows of the papers it records under.
pub(super) struct Papers<A> {
    pub(super) authority: A,
    /// The approvals in force.
    pub(super) in_force: Vec<Covered>,
    /// What places addresses in force.
    pub(super) layers: Arc<Layers>,
    /// Until when it may be recorded; `None` when it may not.
    pub(super) allowed: Option<Allowed>,
    /// Whether approvals stand in the kernel that have ended.
    pub(super) is_stale: bool,
    /// What is so, to be told when the kernel knows.
    pub(super) state: Recording,
    /// Refusals that were told and still hold.
    pub(super) refused: BTreeSet<String>,
    /// When to look again, in nanoseconds since boot.
    pub(super) due: u64,
}

/// Until when it may be recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Allowed {
    /// By the wall clock.
    pub(super) wall: Time,
    /// By the boot clock: the earliest that any anchor gave.
    pub(super) boot: u64,
}

impl<A: Authority> Papers<A> {
    pub(super) fn new(authority: A) -> Self {
        let state = Recording::not(Rule::Waits, "the papers were not read yet");
        Self {
            authority,
            in_force: Vec::new(),
            layers: Arc::new(nowhere()),
            allowed: None,
            is_stale: false,
            state,
            refused: BTreeSet::new(),
            due: 0,
        }
    }

    /// The end of what the lease may promise, in nanoseconds since boot.
    pub(super) fn longest(&self) -> u64 {
        self.allowed.map_or(0, |allowed| allowed.boot)
    }
}

/// Completes when something may have arrived; never where there are no papers.
pub(super) async fn changed<A: Authority>(papers: Option<&mut Papers<A>>) -> io::Result<()> {
    match papers {
        Some(papers) => papers.authority.changed().await,
        None => std::future::pending().await,
    }
}
