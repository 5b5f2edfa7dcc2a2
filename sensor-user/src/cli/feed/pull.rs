//! `sekisho feed pull`: brings kept feeds up to their sources.

use std::{
    io::{self, Write},
    thread,
    time::Duration,
};

use anyhow::Context as _;
use clap::Args;
use jiff::Timestamp;
use serde::Serialize;

use super::store::{StoreArgs, plain, progress};
use crate::{
    cli::{Exit, printer},
    documents::Time,
    sources::{Obtain, Pull, Pulled, Puller, Remote, Store},
    words,
};

/// Between two looks at what is due, in `--follow`.
const LOOK: Duration = Duration::from_secs(1);

/// Arguments of `sekisho feed pull`.
#[derive(Debug, Args)]
#[command(after_help = "\
A feed that comes empty, or shrinks by more than half, is held back; --confirm takes it.
What feeds no longer name, or what has ended, is no longer recorded by a sensor that runs with
--feeds. What they name newly waits: 'sekisho feed diff' shows it.")]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an option of the command line"
)]
pub(super) struct PullArgs {
    /// Feeds; all of them without any
    #[arg(value_name = "NAME")]
    names: Vec<String>,

    /// Only those whose time has come by what --every said
    #[arg(long)]
    due: bool,

    /// Take what is held back, or whatever comes now
    #[arg(long, requires = "names")]
    confirm: bool,

    /// Go on until ended, and pull each when its time comes
    #[arg(long, conflicts_with = "confirm")]
    follow: bool,

    #[command(flatten)]
    store: StoreArgs,

    /// Print JSON, an object a line, instead of text
    #[arg(long)]
    json: bool,
}

/// What came of one feed.
#[derive(Default, Serialize)]
struct Outcome {
    feed: String,
    #[serde(rename = "outcome")]
    came: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    prefixes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    added: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gone: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    due: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
}

pub(super) fn pull(args: &PullArgs, out: &mut dyn Write) -> anyhow::Result<Exit> {
    let store = args.store.open()?;
    let obtain = Remote::new(store.folder());
    if !args.follow {
        return once(args, args.due, &store, &obtain, out);
    }
    loop {
        once(args, true, &store, &obtain, out)?;
        thread::sleep(LOOK);
    }
}

/// Pulls what is named; the worst of what came of it.
fn once(
    args: &PullArgs,
    only_due: bool,
    store: &Store,
    obtain: &dyn Obtain,
    out: &mut dyn Write,
) -> anyhow::Result<Exit> {
    let lock = store.lock()?;
    let names = if args.names.is_empty() {
        store.names()?
    } else {
        args.names.clone()
    };
    for name in &names {
        // A name that is wrong is told before anything is fetched.
        store.feed(name)?;
    }
    let mut worst = Exit::Done;
    for name in &names {
        let puller = Puller {
            store,
            obtain,
            now: Time::of(Timestamp::now()),
        };
        let bar = progress(name);
        let how = Pull {
            only_due,
            confirm: args.confirm,
        };
        let came = puller.pull(name, how, &mut |bytes, all| {
            if let Some(all) = all {
                bar.set_length(all);
            }
            bar.set_position(bytes);
        });
        bar.finish_and_clear();
        if matches!(came, Ok(Pulled::NotDue(_))) && only_due {
            continue;
        }
        let copy = store.feed(name)?.status.copy;
        let prefixes = copy.map(|copy| copy.prefixes);
        let (outcome, exit) = outcome(name, prefixes, came);
        let written = if args.json {
            serde_json::to_writer(&mut *out, &outcome)
                .map_err(io::Error::from)
                .and_then(|()| writeln!(out))
        } else {
            tell(&outcome, out)
        };
        let written = written.and_then(|()| out.flush());
        printer::unless_gone(written).context("cannot print what came of it")?;
        worst = match (worst, exit) {
            (Exit::NotFetched, _) | (_, Exit::NotFetched) => Exit::NotFetched,
            (Exit::HeldBack, _) | (_, Exit::HeldBack) => Exit::HeldBack,
            (worst, _) => worst,
        };
    }
    drop(lock);
    Ok(worst)
}

fn outcome(name: &str, prefixes: Option<u64>, pulled: anyhow::Result<Pulled>) -> (Outcome, Exit) {
    let mut outcome = Outcome {
        feed: name.into(),
        prefixes,
        ..Outcome::default()
    };
    let exit = match pulled {
        Ok(Pulled::NotDue(due)) => {
            outcome.came = "not due";
            outcome.due = Some(due);
            Exit::Done
        }
        Ok(Pulled::Unchanged) => {
            outcome.came = "unchanged";
            Exit::Done
        }
        Ok(Pulled::Taken { added, gone }) => {
            outcome.came = "taken";
            outcome.added = Some(added);
            outcome.gone = Some(gone);
            Exit::Done
        }
        Ok(Pulled::Held(why)) => {
            outcome.came = "held back";
            outcome.why = Some(why);
            Exit::HeldBack
        }
        Err(error) => {
            outcome.came = "failed";
            let told = plain(&words::told(&error));
            // The line begins with the feed.
            let why = told.strip_prefix(&format!("feed {name}: "));
            outcome.why = Some(why.unwrap_or(&told).into());
            Exit::NotFetched
        }
    };
    (outcome, exit)
}

fn tell(outcome: &Outcome, out: &mut dyn Write) -> io::Result<()> {
    let Outcome {
        feed,
        came,
        prefixes,
        added,
        gone,
        due,
        why,
    } = outcome;
    let kept = match prefixes {
        Some(prefixes) => format!("the last good copy of {} stays", prefixes_of(*prefixes)),
        None => "there is no copy yet".into(),
    };
    match (*came, why, due) {
        ("failed", Some(why), _) => writeln!(out, "feed {feed}: {why}; {kept}"),
        ("held back", Some(why), _) => writeln!(
            out,
            "feed {feed}: held back, {why}; {kept}; 'sekisho feed pull {feed} --confirm' takes it"
        ),
        (_, _, Some(due)) => writeln!(
            out,
            "feed {feed}: not before {due}, its source asks for an hour between two pulls"
        ),
        ("unchanged", ..) => writeln!(out, "feed {feed}: unchanged"),
        _ => writeln!(
            out,
            "feed {feed}: {}, {} new, {} gone",
            prefixes_of(prefixes.unwrap_or(0)),
            added.unwrap_or(0),
            gone.unwrap_or(0)
        ),
    }
}

fn prefixes_of(number: u64) -> String {
    let plural = if number == 1 { "" } else { "es" };
    format!("{number} prefix{plural}")
}
