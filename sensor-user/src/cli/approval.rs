//! `sekisho approval`: approvals as the kernel has them, and as papers say.

mod json;
mod listing;
mod text;

use std::{
    io::Write,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use clap::{Args, Subcommand};

use self::listing::{Listing, Sources};
use super::{
    Exit,
    papers::{approval as papers, source::SourceArgs},
    printer,
};
use crate::{
    kernel::{self, View, boot_id, boot_now, clock_now},
    loaded::Loaded,
    settings::runtime,
};

/// Arguments of `sekisho approval`.
#[derive(Debug, Args)]
pub(super) struct ApprovalArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show the approvals that the kernel holds: state, class, time left, packets and why not; or,
    /// with --state or --papers, what papers say: in force, or why not
    List(ListArgs),
    /// Show one approval of papers, with its request and who signed
    Show(papers::show::ShowArgs),
    /// Draft what overseers answer to a request: yes under conditions, or no
    New(Box<papers::draft::NewArgs>),
    /// Say whether approvals would be in force, by a keyring that is trusted; for any machine
    Verify(papers::verify::VerifyArgs),
}

/// Arguments of `sekisho approval list`.
#[derive(Debug, Args)]
struct ListArgs {
    /// Folder of the sensor's pins
    #[arg(long, value_name = "DIR", default_value = kernel::DEFAULT_FOLDER)]
    pin_dir: PathBuf,

    /// Folder of the sensor's snapshots, which tell names
    #[arg(long, value_name = "DIR", default_value = runtime::DEFAULT_FOLDER)]
    runtime_dir: PathBuf,

    #[command(flatten)]
    source: SourceArgs,

    /// Print JSON instead of a table
    #[arg(long)]
    json: bool,
}

pub(super) fn approval(args: &ApprovalArgs, out: &mut dyn Write) -> anyhow::Result<Exit> {
    match &args.command {
        Command::List(args) if args.source.is_given() => {
            papers::listed::list(&args.source.open()?, args.json, out)
        }
        Command::List(args) => list(args, out),
        Command::Show(args) => papers::show::show(args, out),
        Command::New(args) => papers::draft::new(args, out),
        Command::Verify(args) => papers::verify::verify(args, out),
    }
}

fn list(args: &ListArgs, out: &mut dyn Write) -> anyhow::Result<Exit> {
    let (view, snapshot) = read(&args.pin_dir, &args.runtime_dir)?;
    let listing = Listing::of(&Sources {
        view: &view,
        snapshot: snapshot.as_ref().map_err(String::as_str),
        now: boot_now()?,
        clock: clock_now()?,
    });
    let written = if args.json {
        serde_json::to_writer_pretty(&mut *out, &listing)
            .map_err(Into::into)
            .and_then(|()| writeln!(out))
    } else {
        write!(out, "{listing}")
    };
    printer::unless_gone(written).context("cannot print the approvals")?;
    Ok(Exit::Done)
}

/// Readings after which a sensor that publishes without pause is taken as it is found.
const TRIES: u32 = 4;

/// The kernel's view and the snapshot of the same generation, or why there is none.
fn read(pins: &Path, folder: &Path) -> anyhow::Result<(View, Result<Loaded, String>)> {
    let mut view = View::read(pins)?;
    for _ in 1..TRIES {
        let snapshot = snapshot(folder, view.generation)?;
        if snapshot.is_ok() {
            return Ok((view, snapshot));
        }
        // The next generation may have come into force meanwhile, and taken the snapshot.
        let before = std::mem::replace(&mut view, View::read(pins)?);
        if before.generation == view.generation {
            return Ok((view, snapshot));
        }
    }
    let snapshot = snapshot(folder, view.generation)?;
    Ok((view, snapshot))
}

/// The kernel says what is in force, with or without a snapshot.
fn snapshot(folder: &Path, generation: u64) -> anyhow::Result<Result<Loaded, String>> {
    let shown = folder.display();
    Ok(match runtime::of_generation(folder, generation) {
        Ok(Some(loaded)) if loaded.boot_id == boot_id()?.to_string() => Ok(loaded),
        Ok(Some(_)) => Err(format!(
            "the snapshot in {shown} is of an earlier boot, so approvals are named by their slots"
        )),
        Ok(None) => Err(format!(
            "no snapshot of generation {generation} in {shown}, so approvals are named by their \
             slots; --runtime-dir names another folder"
        )),
        Err(error) => Err(format!(
            "approvals are named by their slots, because a snapshot cannot be read: {:#}",
            anyhow::Error::new(error)
        )),
    })
}
