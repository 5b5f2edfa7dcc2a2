//! `sekisho replay`: a capture file through the same program.

use std::{fs::File, io, path::PathBuf, sync::Arc};

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use super::{
    Exit,
    inputs::{
        Existing, InputError, Mode, ModeArgs, check_permission, load_feeds, nanoseconds,
        open_output,
    },
    places::PlacesArgs,
    printer, summary,
};
use crate::{
    authority::StateHistory,
    capture::Capture,
    exporters::json::{self, ClockMark, Line, Mark},
    feeds::plain::{self, Shortest},
    pipeline::Timeouts,
    replay::{self, Under},
    watchlist::Watchlist,
};

/// Marks of every line.
const fn mark(lab: bool) -> Mark {
    Mark {
        replay: true,
        lab,
        clock: ClockMark::Capture,
    }
}

/// Arguments of `sekisho replay`.
#[derive(Debug, Args)]
pub(super) struct ReplayArgs {
    /// Capture file, pcap or pcapng, which may be compressed with gzip or zstd
    capture: PathBuf,

    /// With --state, name of the interface that all packets came through, whatever the file says
    #[arg(long, value_name = "NAME")]
    interface: Option<String>,

    /// In lab, list of addresses and prefixes to watch for; give it again for each further one
    #[arg(long = "feed", value_name = "FILE")]
    feeds: Vec<PathBuf>,

    /// In lab, address or prefix to watch for, of any length; give it again for each further one
    #[arg(long = "watch", value_name = "CIDR")]
    watch: Vec<String>,

    #[command(flatten)]
    mode: ModeArgs,

    #[command(flatten)]
    places: PlacesArgs,

    /// Print JSON lines instead of a table
    #[arg(long)]
    json: bool,

    /// Write to a new file instead of standard output
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Seconds of the file's time without a packet after which a flow ends; off unless given
    #[arg(long, value_name = "SECONDS")]
    idle_timeout: Option<u64>,

    /// Seconds of the file's time after which a flow that goes on is split; off unless given
    #[arg(long, value_name = "SECONDS")]
    active_timeout: Option<u64>,
}

pub(super) fn replay(args: &ReplayArgs) -> anyhow::Result<Exit> {
    let mode = args.check()?;
    let mark = mark(mode == Mode::Lab);
    check_permission()?;
    let watchlist = match mode {
        Mode::Lab => watchlist(args)?,
        Mode::Real(_) => Watchlist::default(),
    };
    let name = args.capture.display().to_string();
    let file = open(&args.capture)?;
    let progress = progress(&file);
    let capture = Capture::new(name.as_str(), file)?;
    let history;
    let under = match mode {
        Mode::Lab => Under::Lab {
            watchlist,
            layers: args.places.load()?,
        },
        Mode::Real(folder) => {
            let over = match args.mode.taken_back()? {
                Some(mut taken_back) => taken_back.now()?,
                None => Arc::default(),
            };
            history = StateHistory::open(folder, over)?;
            Under::Papers {
                history: &history,
                interface: args.interface.as_deref(),
            }
        }
    };
    let mut output = open_output(args.output.as_deref(), Existing::Refuse)?;
    let mut table = summary::FlowRows::default();
    let outcome = replay::run(
        capture,
        &name,
        under,
        timeouts(args),
        &mut |line| match line {
            line if args.json => json::write(&mut output, mark, &line),
            Line::Flow(record) => {
                table.add(&record);
                Ok(())
            }
            Line::Event(_) | Line::Alarm(_) | Line::Summary(_) => Ok(()),
        },
        &mut |position| progress.set_position(position),
    )?;
    progress.finish_and_clear();
    if !args.json {
        let text = summary::text(mark, &outcome.summary);
        writeln!(output, "{table}{text}").map_err(replay::Error::Output)?;
    }
    output.flush().map_err(replay::Error::Output)?;
    if let Some(truncated) = outcome.truncated {
        printer::warn(&format!(
            "capture {name}: {truncated}; everything before it was counted"
        ));
    }
    match outcome.broken {
        None => Ok(Exit::Done),
        Some(broken) => Err(anyhow::Error::new(broken).context("not read to its end")),
    }
}

impl ReplayArgs {
    /// Refuses arguments that do not go together.
    fn check(&self) -> anyhow::Result<Mode<'_>> {
        let watched = [
            ("--feed", !self.feeds.is_empty()),
            ("--watch", !self.watch.is_empty()),
        ];
        let mode = (self.mode).check(&[&watched[..], &self.places.given()].concat())?;
        if mode == Mode::Lab && self.interface.is_some() {
            let text = "--interface is for --state: lab records on every interface";
            return Err(InputError::Usage(text.into()).into());
        }
        Ok(mode)
    }
}

fn watchlist(args: &ReplayArgs) -> anyhow::Result<Watchlist> {
    if args.feeds.is_empty() && args.watch.is_empty() {
        let text = "nothing to watch for: give --feed FILE or --watch CIDR";
        return Err(InputError::Usage(text.into()).into());
    }
    let mut watchlist = load_feeds(&args.feeds, Shortest::ANY)?;
    let mut watched = Vec::new();
    for (number, text) in (1..).zip(&args.watch) {
        let prefix = plain::prefix(text, Shortest::ANY)
            .map_err(|fault| InputError::Usage(format!("--watch: {fault}")))?;
        watched.push((prefix, number));
    }
    if !watched.is_empty() {
        watchlist.add_feed("--watch".into(), watched);
    }
    Ok(watchlist)
}

/// Off unless asked for; one that was not asked for never passes.
fn timeouts(args: &ReplayArgs) -> Option<Timeouts> {
    let asked = args.idle_timeout.or(args.active_timeout).is_some();
    asked.then(|| Timeouts {
        idle: args.idle_timeout.map_or(u64::MAX, nanoseconds),
        active: args.active_timeout.map_or(u64::MAX, nanoseconds),
    })
}

fn open(path: &PathBuf) -> Result<File, InputError> {
    let unreadable = |source| InputError::Capture {
        path: path.clone(),
        source,
    };
    let file = File::open(path).map_err(unreadable)?;
    if file.metadata().map_err(unreadable)?.is_dir() {
        return Err(unreadable(io::ErrorKind::IsADirectory.into()));
    }
    Ok(file)
}

/// Shown on a terminal only.
fn progress(file: &File) -> ProgressBar {
    const TEMPLATE: &str = "{bar:40} {bytes}/{total_bytes} {eta}";
    let length = file.metadata().map_or(0, |metadata| metadata.len());
    let style = ProgressStyle::with_template(TEMPLATE).unwrap_or(ProgressStyle::default_bar());
    ProgressBar::new(length).with_style(style)
}
