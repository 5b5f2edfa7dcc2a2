//! What the papers allow at a moment.

use std::{collections::BTreeMap, sync::Arc};

use sensor_common::{Class, Direction, Fields};

use super::{
    Digest, Refusal, Time,
    field::{Fingerprint, Name, Period, Text},
    paper::{Interface, Tunnel},
};
use crate::{places::Layers, watchlist::Prefixes};

/// The files of a folder of papers, by name, as they were read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Folder {
    /// Documents, their signatures, feeds, `allowed_signers`.
    pub files: BTreeMap<String, Arc<[u8]>>,
}

/// What a sensor knows of itself before it reads any paper.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// SHA-256 of the first keyring.
    pub root: Digest,
    /// Fingerprint of the key of its audit log.
    pub log_key: Fingerprint,
}

/// What the papers allow at a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Whether anything may be recorded.
    pub attended: Attended,
    /// What may be recorded, by name. It is in force while attended only.
    pub granted: Vec<Granted>,
    /// What places addresses; `None` before there is a territory.
    pub layers: Option<Arc<Layers>>,
    /// The next moment at which the decision changes by itself.
    pub next: Option<Time>,
}

/// Whether anything may be recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attended {
    /// Before this moment.
    Until(Time),
    /// Not, for these reasons.
    Not(Vec<Refusal>),
}

/// An approval in force, or a consent that stands alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Granted {
    /// Its name: that of the request, or `consent.OPERATOR.NUMBER`.
    pub id: String,
    /// SHA-256 of the approval, or of the consent.
    pub document: Digest,
    /// Whether it is a consent that stands alone.
    pub is_consent: bool,
    /// Its class.
    pub class: Class,
    /// Its directions.
    pub directions: Vec<Direction>,
    /// The operator, for `infrastructure`: its name among those of [`Layers::operators`].
    pub operator: Option<Name>,
    /// What records may say.
    pub fields: Fields,
    /// Its interfaces.
    pub interfaces: Vec<Interface>,
    /// Tunnels whose packets are opened.
    pub tunnels: Vec<Tunnel>,
    /// First moment in force; never before its arrival was logged.
    pub from: Time,
    /// First moment no longer in force.
    pub until: Time,
    /// How long its records are kept.
    pub retention: Period,
    /// Who may be given them.
    pub recipients: Vec<Text>,
    /// What may be watched.
    pub indicators: Arc<IndicatorSet>,
    /// The same with the ends of what feeds took back, if they did.
    pub limited: Option<Arc<IndicatorSet>>,
}

impl Granted {
    /// What is watched.
    pub fn watched(&self) -> &Arc<IndicatorSet> {
        self.limited.as_ref().unwrap_or(&self.indicators)
    }
}

/// Indicators of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndicatorSet {
    /// The file: a feed, or the request where they are inline.
    pub file: String,
    /// The prefixes, each once, with their lines counted from 1, in the order of the file.
    pub prefixes: Arc<Prefixes>,
}
