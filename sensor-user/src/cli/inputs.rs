//! What commands have in common: privilege, lab, feeds, output.

use std::{
    fs::File,
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use clap::Args;
use thiserror::Error;

use super::{printer, summary::count};
use crate::{
    feeds::{self, FeedError, plain::Shortest},
    kernel::probe,
    settings::state::{self, NoLogKey},
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

/// Lab mode, as an argument.
#[derive(Debug, Args)]
pub(super) struct LabArgs {
    /// Try the sensor without approvals; every output is marked
    #[arg(long)]
    pub(super) lab: bool,

    /// State folder beside which lab mode is refused when it is a real sensor's
    #[arg(long, value_name = "DIR", default_value = state::DEFAULT_FOLDER)]
    pub(super) state_dir: PathBuf,
}

impl LabArgs {
    /// Refuses to begin without lab mode, since approvals cannot be read yet, and beside
    /// the state folder of a real sensor.
    pub(super) fn check(&self) -> anyhow::Result<()> {
        const MISSING: &str = "nothing is recorded without an approval: missing are keyring, \
            policy, territory and approval, which this release cannot read yet; \
            --lab tries the sensor without them";
        if !self.lab {
            return Err(InputError::Refused(MISSING).into());
        }
        Ok(state::check_lab(&self.state_dir)?)
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
        watchlist.add_feed(name.to_string(), decoded.prefixes);
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
