//! Exit statuses: each class of failure has its own.

use std::{io, process::ExitCode};

use crate::{
    agent::AgentError,
    capture::CaptureError,
    clock::ClockError,
    documents::PaperError,
    feeds::{FeedError, decode::DecodeError},
    kernel::{AttachError, DatapathError, LoadError, PinError, ReplayError, probe::ProbeError},
    places::PlacesError,
    records::{self, pseudonym::KeyError},
    replay,
    settings::{
        anchors::AnchorsError,
        config::ConfigError,
        runtime::RuntimeError,
        state::{FolderError, StateError},
    },
    sources::{OverError, StoreError},
};

use super::inputs::InputError;

/// What the statuses mean, below the help.
pub(super) const HELP: &str = "\
Exit status:
   0  done
   1  failed otherwise; the message says how
   2  arguments not understood
   3  refused: no approval, or lab mode not allowed here
   4  not permitted: needs root, or CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON
   5  no such interface
   6  interface cannot be attached to
   7  feed cannot be read
   8  feed has no indicators
   9  feed is no list of addresses
  10  capture cannot be read
  11  check: at least one check failed
  12  output cannot be written
  13  territory, exclusions or operators cannot be used
  14  clock: not synchronised, set back, or another time namespace
  15  another sensor is running
  16  pins or snapshot cannot be used, or there are none
  17  state folder cannot be used, or there is none
  18  papers refused or cannot be read; what is printed says which and why
  19  feed pull: a feed could not be fetched or read; its last good copy stays
  20  feed pull: a feed is held back until it is confirmed
  21  keys for pseudonyms cannot be used
  22  the store of records cannot be used, or does not take what is left";

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done.
    Done = 0,
    /// Failed in a way without a status of its own.
    Failed = 1,
    /// Arguments not understood.
    Usage = 2,
    /// No approval, or lab not allowed here.
    Refused = 3,
    /// Lacks privilege.
    NotPermitted = 4,
    /// No such interface.
    NoInterface = 5,
    /// Interface cannot be attached to.
    NotAttached = 6,
    /// Feed cannot be read.
    FeedUnreadable = 7,
    /// Feed has no indicators.
    FeedEmpty = 8,
    /// Feed is no list of addresses.
    FeedInvalid = 9,
    /// Capture cannot be read.
    Capture = 10,
    /// Preflight failed.
    NotReady = 11,
    /// Output cannot be written.
    Output = 12,
    /// Territory, what it is built from, exclusions or operators cannot be used.
    Places = 13,
    /// Clock not synchronised, set back, or in another time namespace; or its anchors unclear.
    Clock = 14,
    /// Another sensor is running.
    Busy = 15,
    /// Pins or a snapshot cannot be used, or there are none.
    NotLoaded = 16,
    /// The state folder cannot be used, or there is none.
    State = 17,
    /// Papers refused, or cannot be read.
    Papers = 18,
    /// A feed could not be pulled.
    NotFetched = 19,
    /// A feed is held back.
    HeldBack = 20,
    /// Keys for pseudonyms cannot be used.
    Keys = 21,
    /// The store of records cannot be used, or does not take what is left.
    Store = 22,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

impl Exit {
    /// The status of the first error in the chain that has one.
    pub(super) fn of(error: &anyhow::Error) -> Self {
        error
            .chain()
            .find_map(Self::of_cause)
            .unwrap_or(Self::Failed)
    }

    fn of_cause(cause: &(dyn std::error::Error + 'static)) -> Option<Self> {
        if let Some(error) = cause.downcast_ref::<FeedError>() {
            return Some(Self::of_feed(error));
        }
        if let Some(error) = cause.downcast_ref::<InputError>() {
            return Some(match error {
                InputError::Refused(_) => Self::Refused,
                InputError::NotPermitted => Self::NotPermitted,
                InputError::Usage(_) | InputError::LogKey { .. } | InputError::NoLogKey { .. } => {
                    Self::Usage
                }
                InputError::Capture { .. } => Self::Capture,
                InputError::Output { .. } => Self::Output,
                InputError::Places { .. } => Self::Places,
                InputError::Paper { .. } | InputError::Papers(_) => Self::Papers,
            });
        }
        if cause.is::<records::store::StoreError>()
            || matches!(cause.downcast_ref(), Some(AgentError::Unkept))
        {
            return Some(Self::Store);
        }
        if cause.is::<ConfigError>() {
            return Some(Self::Usage);
        }
        if cause.is::<KeyError>() {
            return Some(Self::Keys);
        }
        if cause.is::<OverError>() {
            return Some(Self::FeedUnreadable);
        }
        if let Some(error) = cause.downcast_ref::<StoreError>() {
            return Some(Self::of_store(error));
        }
        if cause.is::<PaperError>() {
            return Some(Self::Papers);
        }
        if let Some(error) = cause.downcast_ref::<PlacesError>() {
            return Some(Self::of_places(error));
        }
        if let Some(AgentError::Output(_)) = cause.downcast_ref() {
            return Some(Self::Output);
        }
        if let Some(error) = cause.downcast_ref::<replay::Error>() {
            return match error {
                replay::Error::Capture(_) | replay::Error::Interfaces { .. } => Some(Self::Capture),
                replay::Error::Output(_) => Some(Self::Output),
                replay::Error::Run(ReplayError::Load(LoadError::Permission)) => {
                    Some(Self::NotPermitted)
                }
                replay::Error::Run(_) | replay::Error::Datapath(_) | replay::Error::Publish(_) => {
                    None
                }
            };
        }
        if let Some(LoadError::Permission) = cause.downcast_ref() {
            return Some(Self::NotPermitted);
        }
        if cause.is::<AttachError>() {
            return Some(Self::NotAttached);
        }
        if let Some(AgentError::Datapath(DatapathError::Vanished { .. })) = cause.downcast_ref() {
            return Some(Self::NotAttached);
        }
        if let Some(ProbeError::NoSuchInterface { .. }) = cause.downcast_ref() {
            return Some(Self::NoInterface);
        }
        if cause.is::<CaptureError>() {
            return Some(Self::Capture);
        }
        if cause.is::<ClockError>() {
            return Some(Self::Clock);
        }
        if let Some(error) = cause.downcast_ref() {
            return match error {
                AnchorsError::Unreadable { .. } | AnchorsError::Unclear { .. } => Some(Self::Clock),
                AnchorsError::NotKept { .. } => None,
            };
        }
        if let Some(error) = cause.downcast_ref() {
            return Some(Self::of_pins(error));
        }
        if let Some(error) = cause.downcast_ref() {
            return Some(Self::of_runtime(error));
        }
        if let Some(error) = cause.downcast_ref() {
            return Some(Self::of_folder(error));
        }
        cause.is::<StateError>().then_some(Self::Refused)
    }

    const fn of_places(error: &PlacesError) -> Self {
        match error {
            PlacesError::Number(_)
            | PlacesError::NothingDomestic
            | PlacesError::NoSource
            | PlacesError::NoDate => Self::Usage,
            PlacesError::Delegated { .. }
            | PlacesError::DelegatedIncomplete { .. }
            | PlacesError::List { .. }
            | PlacesError::EmptyList { .. }
            | PlacesError::Corrections { .. }
            | PlacesError::Territory { .. }
            | PlacesError::TooManyOperators(_)
            | PlacesError::ClaimedTwice { .. } => Self::Places,
        }
    }

    fn of_store(error: &StoreError) -> Self {
        match error {
            StoreError::NoFeed { .. }
            | StoreError::Exists { .. }
            | StoreError::Name { .. }
            | StoreError::Config { .. } => Self::Usage,
            StoreError::Busy { .. } => Self::Busy,
            StoreError::System { source, .. }
                if source.kind() == io::ErrorKind::PermissionDenied =>
            {
                Self::NotPermitted
            }
            StoreError::Missing { .. }
            | StoreError::Unclear { .. }
            | StoreError::Table { .. }
            | StoreError::System { .. } => Self::FeedUnreadable,
        }
    }

    fn of_pins(error: &PinError) -> Self {
        match error {
            PinError::Busy { .. } => Self::Busy,
            PinError::NotPermitted => Self::NotPermitted,
            PinError::NoBpfFs { .. }
            | PinError::OtherVersion { .. }
            | PinError::NotOurs { .. }
            | PinError::Unreadable { .. }
            | PinError::Nothing { .. }
            | PinError::System { .. }
            | PinError::Datapath(_) => Self::NotLoaded,
        }
    }

    fn of_runtime(error: &RuntimeError) -> Self {
        match error {
            RuntimeError::Busy { .. } => Self::Busy,
            RuntimeError::System { source, .. }
                if source.kind() == io::ErrorKind::PermissionDenied =>
            {
                Self::NotPermitted
            }
            RuntimeError::Unclear { .. }
            | RuntimeError::Nothing { .. }
            | RuntimeError::OtherBoot { .. }
            | RuntimeError::System { .. } => Self::NotLoaded,
        }
    }

    fn of_folder(error: &FolderError) -> Self {
        match error {
            FolderError::Busy { .. } => Self::Busy,
            FolderError::System { source, .. }
                if source.kind() == io::ErrorKind::PermissionDenied =>
            {
                Self::NotPermitted
            }
            FolderError::Missing { .. }
            | FolderError::Exists { .. }
            | FolderError::NotEmpty { .. }
            | FolderError::Lab { .. }
            | FolderError::Unclear { .. }
            | FolderError::NoFolder { .. }
            | FolderError::NoFile { .. }
            | FolderError::Owner { .. }
            | FolderError::Open { .. }
            | FolderError::PrivateKey { .. }
            | FolderError::NoPapers { .. }
            | FolderError::NoJournal { .. }
            | FolderError::Journal { .. }
            | FolderError::System { .. } => Self::State,
        }
    }

    const fn of_feed(error: &FeedError) -> Self {
        match error {
            FeedError::Unreadable { .. }
            | FeedError::Directory { .. }
            | FeedError::Undecodable {
                source: DecodeError::Read(_),
                ..
            } => Self::FeedUnreadable,
            FeedError::Empty { .. } => Self::FeedEmpty,
            FeedError::Undecodable { .. }
            | FeedError::NothingValid { .. }
            | FeedError::TooManyBad { .. }
            | FeedError::NotText { .. } => Self::FeedInvalid,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{io, path::PathBuf};

    use anyhow::Context as _;

    use super::*;

    #[test]
    fn the_clock_has_a_status_and_a_full_disk_is_not_it() {
        let (wall, passed) = (1, 2);
        let set_back: anyhow::Result<()> =
            Err(ClockError::SetBack { wall, passed }).context("cannot start");
        assert_eq!(Exit::of(&set_back.unwrap_err()), Exit::Clock);
        let (file, full) = (PathBuf::from("anchors"), io::ErrorKind::StorageFull.into());
        let not_kept = AnchorsError::NotKept { file, source: full };
        assert_eq!(Exit::of(&not_kept.into()), Exit::Failed);
        assert_eq!(Exit::Clock as u8, 14);
    }
}
