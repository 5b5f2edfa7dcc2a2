//! What commands have in common: privilege, lab, feeds, output.

use std::{
    fs::File,
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use clap::Args;
use thiserror::Error;

use super::{printer, summary::count};
use crate::{
    feeds::{self, FeedError, plain::Shortest},
    kernel::probe,
    settings::state::{self, NoLogKey},
    sources::{OverError, TakenBack},
    watchlist::Watchlist,
};

/// Why a command cannot begin.
#[derive(Debug, Error)]
pub(super) enum InputError {
    /// Not allowed.
    #[error("{0}")]
    Refused(&'static str),
    /// Lacks privilege.
    #[error(
        "not permitted to load BPF programs: run with sudo, or grant CAP_BPF, CAP_NET_ADMIN \
         and CAP_PERFMON"
    )]
    NotPermitted,
    /// Arguments that do not go together.
    #[error("{0}")]
    Usage(String),
    /// The capture cannot be opened.
    #[error("capture {}", path.display())]
    Capture {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The key of the log cannot be read.
    #[error("--log-key {}", path.display())]
    LogKey {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The key of the log is none.
    #[error("--log-key {} {source}", path.display())]
    NoLogKey {
        /// The file.
        path: PathBuf,
        /// What it holds.
        source: NoLogKey,
    },
    /// A file that places addresses cannot be opened.
    #[error("{}", path.display())]
    Places {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A document, signature or feed cannot be opened.
    #[error("{}", path.display())]
    Paper {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Papers that are refused.
    #[error("{0}")]
    Papers(String),
    /// The output cannot be opened.
    #[error("output {}", path.display())]
    Output {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Real or lab mode, as arguments.
#[derive(Debug, Args)]
pub(super) struct ModeArgs {
    /// State folder of a real sensor: its papers say what may be recorded
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,

    /// With --state, folder of feeds ('sekisho feed'): what they took back is not recorded
    #[arg(long = "feeds", value_name = "DIR", requires = "state")]
    feed_store: Option<PathBuf>,

    /// Try the sensor without approvals; every output is marked
    #[arg(long)]
    lab: bool,

    /// State folder beside which lab mode is refused when it is a real sensor's
    #[arg(long, value_name = "DIR", default_value = state::DEFAULT_FOLDER)]
    state_dir: PathBuf,
}

/// Under what is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode<'a> {
    /// Nobody's approval.
    Lab,
    /// The papers of this state folder.
    Real(&'a Path),
}

impl ModeArgs {
    /// What feeds took back, where they are named.
    pub(super) fn taken_back(&self) -> Result<Option<TakenBack>, OverError> {
        self.feed_store.as_deref().map(TakenBack::open).transpose()
    }

    /// Refuses to begin without papers or lab mode, and lab beside the state folder of a real
    /// sensor. `of_lab` are arguments that only lab takes, by name, and whether they are given.
    pub(super) fn check(&self, of_lab: &[(&str, bool)]) -> anyhow::Result<Mode<'_>> {
        const MISSING: &str = "nothing is recorded without an approval: name the folder of the \
            papers with --state ('sekisho init' makes one); --lab tries the sensor without them";
        match (&self.state, self.lab) {
            (None, false) => Err(InputError::Refused(MISSING).into()),
            (None, true) => {
                state::check_lab(&self.state_dir)?;
                Ok(Mode::Lab)
            }
            (Some(_), true) => {
                let text = "--state and --lab exclude each other: a sensor is real, or it is lab";
                Err(InputError::Usage(text.into()).into())
            }
            (Some(folder), false) => match of_lab.iter().find(|(_, is_given)| *is_given) {
                None => Ok(Mode::Real(folder)),
                Some((name, _)) => {
                    let text = format!("{name} is for --lab: with --state, the papers say it");
                    Err(InputError::Usage(text).into())
                }
            },
        }
    }
}

/// Refuses to begin without the capabilities the kernel will ask for.
pub(super) fn check_permission() -> Result<(), InputError> {
    if probe::may_load_programs() {
        Ok(())
    } else {
        Err(InputError::NotPermitted)
    }
}

/// Loads feeds, reporting each bad line.
pub(super) fn load_feeds(paths: &[PathBuf], shortest: Shortest) -> Result<Watchlist, FeedError> {
    let mut watchlist = Watchlist::default();
    for path in paths {
        let decoded = feeds::load(path, shortest)?;
        let name = path.display();
        for bad in &decoded.bad {
            printer::warn(&format!("feed {name}: {bad}; the line is left out"));
        }
        if decoded.repeated > 0 {
            let repeated = count(decoded.repeated as u64, "line");
            printer::note(&format!("feed {name}: {repeated} repeating an earlier one"));
        }
        watchlist.share_feed(name.to_string(), Arc::new(decoded.prefixes));
    }
    Ok(watchlist)
}

/// What becomes of an output file that is there already.
#[derive(Clone, Copy, Debug)]
pub(super) enum Existing {
    /// It is written on: what a run has recorded, no other run can bring back.
    Append,
    /// It stays as it is, unless it is empty or no file: it may be the capture itself.
    Refuse,
}

/// Opens the file named, or standard output.
pub(super) fn open_output(
    path: Option<&Path>,
    existing: Existing,
) -> Result<Box<dyn Write + Send>, InputError> {
    let Some(path) = path else {
        return Ok(Box::new(BufWriter::new(io::stdout())));
    };
    let opened = match existing {
        Existing::Append => File::options().create(true).append(true).open(path),
        Existing::Refuse => match path.metadata() {
            Ok(there) if there.is_file() && there.len() > 0 => {
                Err(io::ErrorKind::AlreadyExists.into())
            }
            _ => File::create(path),
        },
    };
    match opened {
        Ok(file) => Ok(Box::new(BufWriter::new(file))),
        Err(source) => Err(InputError::Output {
            path: path.into(),
            source,
        }),
    }
}

/// Whole seconds as nanoseconds.
pub(super) const fn nanoseconds(seconds: u64) -> u64 {
    seconds.saturating_mul(1_000_000_000)
}
