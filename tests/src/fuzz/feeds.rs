//! Feeds: every decoder, whole and in pieces, and what is made of what it finds.

use std::{
    fmt::{self, Write},
    hash::{DefaultHasher, Hasher as _},
};

use ipnet::IpNet;
use sekisho::{
    documents::{
        Time,
        field::Text,
        indicators,
        paper::{Format as Bound, Mapping as Counted},
    },
    feeds::{
        decode::{Options, decode},
        format::{Format, detect},
        guard::Guard,
        item::{About, At, Item, Sink},
        mapping::Mapping,
        misp, plain, stix,
        tally::{Tally, Wanted},
    },
};

use super::streams::{Pieces, both_ways};

/// More than comes out of any input here.
const MOST: u64 = 1 << 20;

/// Formats whose texts are lines.
const TEXTS: [Format; 9] = [
    Format::Plain,
    Format::Ipsum,
    Format::SpamhausDrop,
    Format::Ipset,
    Format::Csv,
    Format::Feodo,
    Format::Threatfox,
    Format::Urlhaus,
    Format::Abuseipdb,
];

/// Formats whose texts are JSON of records.
const JSONS: [Format; 6] = [
    Format::SpamhausDropJson,
    Format::JsonLines,
    Format::Json,
    Format::Threatfox,
    Format::Urlhaus,
    Format::Abuseipdb,
];

const COLUMNS: &str =
    "value=1,kind=2,port=3,protocol=4,confidence=5,first-seen=6,last-seen=7,until=8,id=9";
const MEMBERS: &str =
    "value=ip,kind=kind,port=port,protocol=proto,confidence=sure,until=until,id=id";

/// What a decoder finds, as far as it is the same whenever it is read; counted by the product too.
struct Found<'g> {
    seen: DefaultHasher,
    items: u64,
    watched: u64,
    tally: Tally<'g>,
}

impl Write for Found<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.seen.write(text.as_bytes());
        Ok(())
    }
}

impl Sink for Found<'_> {
    fn take(&mut self, at: At<'_>, item: Item<'_>) {
        self.items += 1;
        match &item {
            Item::Watch(watch) => {
                self.watched += 1;
                check(watch.prefix, &watch.about);
            }
            Item::Exclude(prefix) => check(*prefix, &About::default()),
            _ => {}
        }
        // A writer that cannot fail.
        let _ = write!(self, "{at:?} {item:?}");
        self.tally.take(at, item);
    }
}

fn check(prefix: IpNet, about: &About) {
    assert_eq!(prefix, prefix.trunc());
    assert!(about.confidence.is_none_or(|confidence| confidence <= 100));
}

impl<'g> Found<'g> {
    fn new(guard: &'g Guard) -> Self {
        let wanted = Wanted {
            now: Some(Time(1_800_000_000_000_000_000)),
            least_confidence: 10,
        };
        Self {
            seen: DefaultHasher::new(),
            items: 0,
            watched: 0,
            tally: Tally::new(guard, wanted, 3),
        }
    }

    /// Every entry is counted once, and what is watched for is what may be.
    fn finish(self, guard: &Guard) -> (u64, u64, u64) {
        let (prefixes, counts) = self.tally.finish();
        assert!(prefixes.len() as u64 + counts.repeated <= self.watched);
        let refused: u64 = counts.refused.values().sum();
        let no: u64 = counts.not_expressible.values().sum();
        assert!(refused + no + counts.beside + counts.exclusions <= self.items);
        for (prefix, _) in &prefixes {
            assert!(guard.judge(prefix).is_none(), "{prefix}");
        }
        (self.items, self.watched, self.seen.finish())
    }
}

fn read(reader: Pieces<'_>, options: &Options) -> ((u64, u64, u64), String) {
    let guard = Guard::lab(plain::Shortest::POLICY);
    let mut found = Found::new(&guard);
    let end = match decode(reader, MOST, options, &mut found) {
        Ok(decoded) => format!("{decoded:?}"),
        Err(error) => error.to_string(),
    };
    (found.finish(&guard), end)
}

/// Reads a feed of any format whole and in pieces.
fn feed(input: &[u8], options: &Options) {
    both_ways(input, |reader| read(reader, options));
}

fn formats(input: &[u8], formats: &[Format], mapping: &str) {
    feed(input, &Options::default());
    // One of them at a time: each decoder takes a buffer for its longest line.
    let told = Options {
        format: formats.get(input.len() % formats.len()).copied(),
        least_count: 2,
        ..Options::default()
    };
    let whole = Pieces {
        rest: input,
        size: usize::MAX,
    };
    read(whole, &told);
    // The first line may be a mapping of what follows.
    let line = input.split(|byte| *byte == b'\n').next().unwrap_or(input);
    let own = str::from_utf8(line).ok().filter(|text| text.contains('='));
    let (text, rest) = match own {
        Some(text) => (text, &input[line.len()..]),
        None => (mapping, input),
    };
    if let Ok(mapping) = text.parse::<Mapping>() {
        let options = Options {
            mapping: Some(mapping),
            ..Options::default()
        };
        feed(rest, &options);
    }
}

/// Lists and tables.
pub(super) fn text(input: &[u8]) {
    formats(input, &TEXTS, COLUMNS);
    let _ = detect(input);
    // What papers bind: the set is the same, however it is counted.
    let decoded = plain::decode(input, plain::Shortest::ANY);
    let set: Vec<IpNet> = decoded.prefixes.iter().map(|(prefix, _)| prefix).collect();
    let mut distinct = set.clone();
    distinct.sort_unstable();
    distinct.dedup();
    assert_eq!(set.len(), distinct.len());
    let mut written = String::new();
    for prefix in &set {
        // A text takes everything.
        let _ = writeln!(written, "{prefix}");
    }
    let again = plain::decode(written.as_bytes(), plain::Shortest::ANY);
    assert!(again.bad.is_empty(), "{:?}", again.bad);
    let again: Vec<IpNet> = again.prefixes.iter().map(|(prefix, _)| prefix).collect();
    assert_eq!(set, again);
    let Ok(name) = Text::try_from("feed.txt".to_owned()) else {
        return;
    };
    let bound = indicators::bind(name, input, Bound::Plain, Counted { least_count: 0 });
    assert_eq!(bound.count, set.len() as u64);
}

/// Records of JSON.
pub(super) fn json(input: &[u8]) {
    formats(input, &JSONS, MEMBERS);
}

/// What MISP writes.
pub(super) fn misp(input: &[u8]) {
    feed(input, &Options::default());
    for format in [Format::Misp, Format::MispManifest, Format::MispWarninglist] {
        let options = Options {
            format: Some(format),
            ..Options::default()
        };
        feed(input, &options);
    }
    let _ = misp::decode_manifest(input, |_, listed| {
        if let Ok(listed) = listed {
            // It names a file beside the manifest.
            assert!(misp::is_uuid(&listed.uuid) && !listed.uuid.contains(['/', '.']));
        }
    });
}

/// What STIX writes.
pub(super) fn stix(input: &[u8]) {
    feed(input, &Options::default());
    let options = Options {
        format: Some(Format::Stix),
        ..Options::default()
    };
    feed(input, &options);
    if let Ok(text) = str::from_utf8(input)
        && let Ok(pattern) = stix::pattern::parse(text)
    {
        for expressed in stix::express(&pattern).into_iter().flatten() {
            for prefix in expressed.prefixes.into_iter().flatten() {
                check(prefix, &About::default());
            }
        }
    }
}
