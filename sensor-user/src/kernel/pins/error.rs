//! What may be wrong with a folder of pins.

use std::{
    error::Error,
    io, iter,
    path::{Path, PathBuf},
};

use sensor_common::WIRE_VERSION;
use thiserror::Error;

use crate::kernel::DatapathError;

/// Why pins cannot be used.
#[derive(Debug, Error)]
pub enum PinError {
    /// Not on a BPF file system.
    #[error(
        "{} is on no BPF file system, so nothing can be pinned there: \
         'mount -t bpf bpf /sys/fs/bpf', or name a folder on one with --pin-dir",
        folder.display()
    )]
    NoBpfFs {
        /// The folder.
        folder: PathBuf,
    },
    /// Another agent lives.
    #[error(
        "another sensor is running: it holds {}; end it, or give this one a folder of its own \
         with --pin-dir",
        folder.display()
    )]
    Busy {
        /// The folder.
        folder: PathBuf,
    },
    /// Left by a sensor of another version.
    #[error(
        "{} was left by a sensor whose maps have version {found}, this one reads version \
         {WIRE_VERSION}: start and end that sensor once, which reads what is there, or remove it \
         unread with 'sekisho detach'",
        path.display()
    )]
    OtherVersion {
        /// The pins.
        path: PathBuf,
        /// Their version.
        found: u32,
    },
    /// Something else.
    #[error(
        "{} was not made by a sensor: move it elsewhere, or name another folder with --pin-dir",
        path.display()
    )]
    NotOurs {
        /// What stands there.
        path: PathBuf,
    },
    /// A pin is missing or of another kind.
    #[error(
        "{} cannot be read, so what a dead sensor counted is not whole: remove it unread with \
         'sekisho detach'",
        path.display()
    )]
    Unreadable {
        /// The pin.
        path: PathBuf,
        /// Why.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The process lacks capabilities.
    #[error(
        "not permitted to reach what is pinned in the kernel: run with sudo, or grant CAP_BPF \
         and the right to use the folder"
    )]
    NotPermitted,
    /// No pins at all.
    #[error("no sensor is running and none has left anything in {}", folder.display())]
    Nothing {
        /// The folder.
        folder: PathBuf,
    },
    /// The system refuses.
    #[error("{}", path.display())]
    System {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A map cannot be read.
    #[error(transparent)]
    Datapath(#[from] DatapathError),
}

/// The system's refusal of a path.
pub(super) fn of(path: &Path) -> impl Fn(io::Error) -> PinError {
    move |source| match source.kind() {
        io::ErrorKind::PermissionDenied => PinError::NotPermitted,
        _ => PinError::System {
            path: path.into(),
            source,
        },
    }
}

/// A pin that cannot be read.
pub(super) fn unreadable<E: Error + Send + Sync + 'static>(path: &Path) -> impl Fn(E) -> PinError {
    move |source| {
        if is_denied(&source) {
            return PinError::NotPermitted;
        }
        PinError::Unreadable {
            path: path.into(),
            source: Box::new(source),
        }
    }
}

/// Whether an error, or what caused it, is the system's refusal of privilege.
fn is_denied(error: &(dyn Error + 'static)) -> bool {
    let causes = iter::successors(Some(error), |&error| error.source());
    causes
        .filter_map(|error| error.downcast_ref::<io::Error>())
        .any(|error| error.kind() == io::ErrorKind::PermissionDenied)
}
