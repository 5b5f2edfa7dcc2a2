//! The set of indicators of a request, and the hash that binds it.

use std::{
    collections::{HashMap, HashSet},
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
    watchlist::{Prefix4, Prefixes},
};

/// SHA-256 of prefixes, sorted (IPv4 first, by address, then by length), each written as a
/// prefix with a line feed after it.
pub fn set_digest(prefixes: &Prefixes) -> Digest {
    // Some text at a time: of ten million prefixes it is 150 MB.
    const SOME: usize = 1 << 12;
    let (v4, v6) = prefixes.sorted();
    let mut sum = Sha256::new();
    let mut text = Vec::new();
    for some in v4.chunks(SOME) {
        text.clear();
        for Prefix4 { address, length } in some {
            for (octet, after) in address.to_be_bytes().into_iter().zip(*b".../") {
                push_number(&mut text, octet);
                text.push(after);
            }
            push_number(&mut text, *length);
            text.push(b'\n');
        }
        sum.update(&text);
    }
    for prefix in v6 {
        sum.update(format!("{}\n", IpNet::from(prefix)));
    }
    Digest(sum.finalize().into())
}

/// Adds a number in decimal digits; `write!` takes five times as long.
fn push_number(text: &mut Vec<u8>, number: u8) {
    if number > 99 {
        text.push(b'0' + number / 100);
    }
    if number > 9 {
        text.push(b'0' + number / 10 % 10);
    }
    text.push(b'0' + number % 10);
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
        set_sha256: set_digest(&prefixes),
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
            let digest = set_digest(&prefixes);
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
    let mut prefixes = Prefixes::default();
    for (at, (order, asked)) in (1..).zip(asked).enumerate() {
        let line = if has_lines { lines[at] } else { order };
        prefixes.push_limited(asked.prefix.0, line, &asked.limits());
    }
    IndicatorSet {
        file: file.into(),
        prefixes: Arc::new(prefixes),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::watchlist::tests::prefix;

    proptest! {
        #[test]
        fn the_hash_of_a_set_is_that_of_its_sorted_text(
            prefixes in prop::collection::vec((prefix(), 0..9u32), 0..60),
        ) {
            let sorted: BTreeSet<IpNet> = prefixes.iter().map(|(prefix, _)| *prefix).collect();
            let lines: Vec<String> = sorted.iter().map(|prefix| format!("{prefix}\n")).collect();
            let text = lines.concat();
            let columns = prefixes.into_iter().collect();
            prop_assert_eq!(set_digest(&columns), Digest::of(text.as_bytes()));
        }
    }

    #[test]
    fn a_set_is_kept_as_long_as_its_file() {
        let bytes = b"8.8.8.8 3\n";
        let (name, mapping) = ("feed.txt".to_owned(), Mapping { least_count: 1 });
        let text = name.clone().try_into().unwrap();
        let feed = bind(text, bytes, Format::Plain, mapping);
        let files = [(name, Arc::from(&bytes[..]))].into();
        let mut sets = Sets::default();
        sets.of_feed(&feed, &Folder { files }).unwrap();
        sets.retain(&HashSet::from([feed.sha256]));
        assert_eq!(sets.0.len(), 1);
        sets.retain(&HashSet::new());
        assert!(sets.0.is_empty());
    }
}
