//! How many packets of a capture feeds would have matched: a count, and nothing else.
//!
//! The sensor's own program counts, over a table in which all addresses are foreign, so that a
//! packet is recorded if it matches. What it would record is thrown away unread.

use std::{fs::File, path::Path, sync::Arc};

use sensor_common::Verdict;

use crate::{
    capture::Capture,
    cli::inputs::{InputError, check_permission},
    places::Layers,
    replay::{self, Under},
    watchlist::{Limits, Prefixes, Watchlist},
};

/// Packets with an address, and a port where it counts on some only, of what feeds name. The
/// times of indicators are left out: a capture is older than most of them.
pub(super) fn matched(path: &Path, names: &[&str], feeds: Vec<Prefixes>) -> anyhow::Result<u64> {
    check_permission()?;
    let mut watchlist = Watchlist::default();
    for (name, prefixes) in names.iter().zip(feeds) {
        watchlist.share_feed((*name).to_owned(), Arc::new(at_any_time(prefixes)));
    }
    let name = path.display().to_string();
    let file = File::open(path).map_err(|source| InputError::Capture {
        path: path.into(),
        source,
    })?;
    let capture = Capture::new(name.as_str(), file)?;
    let under = Under::Lab {
        watchlist,
        layers: Layers::lab(),
    };
    let outcome = replay::run(capture, &name, under, None, &mut |_| Ok(()), &mut |_| {})?;
    if let Some(broken) = outcome.broken {
        return Err(anyhow::Error::new(broken).context("not read to its end"));
    }
    let verdicts = outcome.summary.verdicts.iter();
    let recorded = verdicts.filter(|(verdict, _)| *verdict == Verdict::Recorded);
    Ok(recorded.map(|(_, packets)| packets).sum())
}

fn at_any_time(prefixes: Prefixes) -> Prefixes {
    if prefixes.validities().is_empty() {
        return prefixes;
    }
    let mut all = Prefixes::default();
    for (at, (prefix, line)) in prefixes.iter().enumerate() {
        let ports = prefixes.ports(at).collect();
        let limits = Limits {
            validity: None,
            ports,
        };
        all.push_limited(prefix, line, &limits);
    }
    all
}
