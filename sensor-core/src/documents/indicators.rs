//! The set of indicators of a request, and the hash that binds it.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use ipnet::IpNet;
use sha2::{Digest as _, Sha256};

use super::{
    Digest, Folder, IndicatorSet, Rule,
    paper::{Asked, Feed, Format, Mapping},
};
use crate::{
    feeds::plain::{self, Shortest},
    watchlist::Prefixes,
};

/// SHA-256 of prefixes, sorted (IPv4 first, by address, then by length), each written as a
/// prefix with a line feed after it.
pub fn set_digest(prefixes: impl IntoIterator<Item = IpNet>) -> Digest {
    let sorted: BTreeSet<IpNet> = prefixes.into_iter().collect();
    let mut sum = Sha256::new();
    for prefix in sorted {
        sum.update(format!("{prefix}\n"));
    }
    Digest(sum.finalize().into())
}

/// What comes of a file of indicators when it is read as a feed says.
pub fn decode(bytes: &[u8], format: Format, mapping: Mapping) -> Prefixes {
    let Format::Plain = format;
    plain::decode_counted(bytes, Shortest::ANY, mapping.least_count).prefixes
}

/// Binds a file as a feed says.
pub fn bind(file: super::field::Text, bytes: &[u8], format: Format, mapping: Mapping) -> Feed {
    let prefixes = decode(bytes, format, mapping);
    Feed {
        file,
        sha256: Digest::of(bytes),
        format,
        mapping,
        count: prefixes.len() as u64,
        set_sha256: set_digest(prefixes.iter().map(|(prefix, _)| prefix)),
    }
}

/// Sets that were read before, by the bytes and how they were read.
#[derive(Clone, Debug, Default)]
pub(super) struct Sets(HashMap<(Digest, u64), (Arc<IndicatorSet>, Digest)>);

impl Sets {
    /// Forgets the sets of other files than these.
    pub(super) fn retain(&mut self, files: &HashSet<Digest>) {
        self.0.retain(|(digest, _), _| files.contains(digest));
    }

    /// The indicators of a feed, if its file is there and gives what was bound.
    pub(super) fn of_feed(
        &mut self,
        feed: &Feed,
        folder: &Folder,
    ) -> Result<Arc<IndicatorSet>, (Rule, String)> {
        let file: &str = &feed.file;
        let Some(bytes) = folder.files.get(file) else {
            let text = format!("its feed {file} is not there; put it beside the request");
            return Err((Rule::Waits, text));
        };
        let found = Digest::of(bytes);
        if found != feed.sha256 {
            let text = format!(
                "its feed {file} has other bytes (SHA-256 {}) than the request binds ({})",
                found.short(),
                feed.sha256.short()
            );
            return Err((Rule::FeedBytes, text));
        }
        let Mapping { least_count } = feed.mapping;
        let (set, digest) = self.0.entry((found, least_count)).or_insert_with(|| {
            let prefixes = decode(bytes, feed.format, feed.mapping);
            let digest = set_digest(prefixes.iter().map(|(prefix, _)| prefix));
            let file = file.to_owned();
            let prefixes = Arc::new(prefixes);
            (Arc::new(IndicatorSet { file, prefixes }), digest)
        });
        if set.prefixes.len() as u64 != feed.count || *digest != feed.set_sha256 {
            let text = format!(
                "its feed {file} gives {} indicators (SHA-256 {}) where the request binds {} ({}): \
                 the mapping is another",
                set.prefixes.len(),
                digest.short(),
                feed.count,
                feed.set_sha256.short()
            );
            return Err((Rule::FeedSet, text));
        }
        Ok(set.clone())
    }
}

/// The indicators that a document names itself; `table` is what begins each in its text.
pub(super) fn inline(file: &str, text: &str, table: &str, asked: &[Asked]) -> IndicatorSet {
    let lines: Vec<u32> = (1..)
        .zip(text.lines())
        .filter(|(_, line)| line.trim() == table)
        .map(|(number, _)| number)
        .collect();
    // Where they are written in another way, their order has to do.
    let has_lines = lines.len() == asked.len();
    let prefixes = (1..).zip(asked).enumerate().map(|(at, (order, asked))| {
        let line = if has_lines { lines[at] } else { order };
        (asked.prefix.0, line)
    });
    IndicatorSet {
        file: file.into(),
        prefixes: Arc::new(prefixes.collect()),
    }
}
