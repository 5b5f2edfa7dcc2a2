//! What the commands of kept feeds have in common.

use std::{io::IsTerminal as _, path::PathBuf, time::Duration};

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use crate::{
    documents::Time,
    sources::{self, Feed, Store, StoreError},
};

/// Where feeds are kept.
#[derive(Debug, Args)]
pub(super) struct StoreArgs {
    /// Folder that feeds are kept in
    #[arg(long, value_name = "DIR", default_value = sources::DEFAULT_FOLDER)]
    feeds: PathBuf,
}

impl StoreArgs {
    pub(super) fn open(&self) -> Result<Store, StoreError> {
        Store::open(&self.feeds)
    }

    pub(super) fn open_or_make(&self) -> Result<Store, StoreError> {
        Store::open_or_make(&self.feeds)
    }

    /// As it is written on a command line after another's; nothing where it is the usual one.
    pub(super) fn told(&self) -> String {
        if self.feeds == std::path::Path::new(sources::DEFAULT_FOLDER) {
            String::new()
        } else {
            format!(" --feeds {}", self.feeds.display())
        }
    }
}

/// How a feed is, in a word or two.
pub(super) fn state(feed: &Feed) -> &'static str {
    let status = &feed.status;
    match (&status.failing, &status.held, &status.copy) {
        (Some(_), ..) => "failing",
        (None, Some(_), _) => "held back",
        (None, None, None) => "never pulled",
        (None, None, Some(_)) => "ok",
    }
}

/// Seconds since the source of a feed last said that the last good copy is all it has.
pub(super) fn age(feed: &Feed, now: Time) -> Option<u64> {
    let copy = feed.status.copy.as_ref()?;
    Some(now.0.saturating_sub(copy.heard.0) / 1_000_000_000)
}

/// A moment to the second: nobody reads nanoseconds.
pub(super) fn second(time: Time) -> Time {
    Time(time.0 / 1_000_000_000 * 1_000_000_000)
}

/// A bar for something long; it draws nothing where nobody watches.
pub(super) fn progress(what: &str) -> ProgressBar {
    const TEMPLATE: &str = "{prefix} {bar:30} {bytes}/{total_bytes} {binary_bytes_per_sec}";
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template(TEMPLATE).unwrap_or(ProgressStyle::default_bar());
    let bar = ProgressBar::no_length()
        .with_style(style)
        .with_prefix(what.to_owned());
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

/// A text in which nothing that a feed says can move the cursor.
pub(super) fn plain(text: &str) -> String {
    text.replace(char::is_control, "\u{fffd}")
}
