//! `sekisho detach`: removes what sensors that died left in the kernel, unread.

use std::{
    collections::BTreeMap,
    io::{self, Write},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use clap::Args;

use super::{Exit, printer};
use crate::{
    kernel::{self, Cleared, PinError, PinFolder},
    settings::runtime::{self, RuntimeError, RuntimeFolder},
    words::list,
};

/// Arguments of `sekisho detach`.
#[derive(Debug, Args)]
pub(super) struct DetachArgs {
    /// Folder of the sensor's pins
    #[arg(long, value_name = "DIR", default_value = kernel::DEFAULT_FOLDER)]
    pin_dir: PathBuf,

    /// Folder of the sensor's snapshots
    #[arg(long, value_name = "DIR", default_value = runtime::DEFAULT_FOLDER)]
    runtime_dir: PathBuf,
}

pub(super) fn detach(args: &DetachArgs, out: &mut dyn Write) -> anyhow::Result<Exit> {
    let DetachArgs {
        pin_dir,
        runtime_dir,
    } = args;
    // Both before anything is removed: a sensor that runs holds one of them at least.
    let pins = lock_pins(pin_dir)?;
    let snapshots = lock_snapshots(runtime_dir)?;
    let names = names(runtime_dir);
    let cleared = match &pins {
        Some(pins) => pins.clear()?,
        None => Vec::new(),
    };
    let removed = match &snapshots {
        Some(snapshots) => snapshots.clear()?,
        None => Vec::new(),
    };
    let written = write(&cleared, &names, &removed, args, out);
    printer::unless_gone(written).context("cannot print what was removed")?;
    Ok(Exit::Done)
}

/// `None` where there is no folder: none is made to be found empty.
fn lock_pins(folder: &Path) -> Result<Option<PinFolder>, PinError> {
    match folder.metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        // Whatever else is wrong with it, locking it says.
        Ok(_) | Err(_) => PinFolder::lock(folder).map(Some),
    }
}

fn lock_snapshots(folder: &Path) -> Result<Option<RuntimeFolder>, RuntimeError> {
    match folder.metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Ok(_) | Err(_) => RuntimeFolder::lock(folder).map(Some),
    }
}

/// What interfaces were called, by index, as far as a snapshot tells.
fn names(folder: &Path) -> BTreeMap<u32, String> {
    let Ok((loaded, _)) = runtime::latest(folder) else {
        return BTreeMap::new();
    };
    let interfaces = loaded.interfaces.into_iter();
    interfaces
        .map(|interface| (interface.index, interface.name))
        .collect()
}

fn write(
    cleared: &[Cleared],
    names: &BTreeMap<u32, String>,
    snapshots: &[PathBuf],
    args: &DetachArgs,
    out: &mut dyn Write,
) -> io::Result<()> {
    for Cleared { path, interfaces } in cleared {
        let from: Vec<String> = (interfaces.iter())
            .map(|index| match names.get(index) {
                Some(name) => name.replace(char::is_control, "\u{fffd}"),
                None => format!("interface index {index}"),
            })
            .collect();
        let detached = match from[..] {
            [] => "attached to nothing".to_owned(),
            _ => format!("detached from {}", list(&from, "and")),
        };
        writeln!(out, "removed {}, {detached}", path.display())?;
    }
    for file in snapshots {
        writeln!(out, "removed {}", file.display())?;
    }
    if !cleared.is_empty() {
        writeln!(
            out,
            "What was counted there and not yet written is lost: it was not read."
        )
    } else if snapshots.is_empty() {
        let (pins, snapshots) = (args.pin_dir.display(), args.runtime_dir.display());
        writeln!(out, "No sensor has left anything in {pins} or {snapshots}.")
    } else {
        Ok(())
    }
}
