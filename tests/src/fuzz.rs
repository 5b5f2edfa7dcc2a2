//! What fuzzing does with an input: one function for each target.
//!
//! They stand here and not beside the fuzzer, so that `cargo xtask test` replays every corpus
//! through the same functions, without a fuzzer, a sanitizer or another toolchain. A body panics
//! where it has found something, and nowhere else. What is told of a stranger's bytes has to be
//! the same however they come, so most bodies read an input whole and in pieces.

pub mod corpus;
mod feeds;
mod frames;
mod papers;
mod places;
mod state;
mod streams;

pub use self::frames::Frame;

/// Something that is fuzzed.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name: of the corpus, of the binary and in the ledger.
    pub name: &'static str,
    /// What is done with an input.
    pub body: fn(&[u8]),
    /// What it reads.
    pub reads: &'static str,
}

const fn target(name: &'static str, body: fn(&[u8]), reads: &'static str) -> Target {
    Target { name, body, reads }
}

/// All of them.
pub const TARGETS: &[Target] = &[
    target(
        "parse",
        frames::parse,
        "a frame, by the parser that the program has too",
    ),
    target("tunnels", frames::tunnels, "a packet in a tunnel"),
    target(
        "capture",
        streams::capture,
        "a pcap or pcapng file, packed or not, of any link layer",
    ),
    target(
        "text-feed",
        feeds::text,
        "lists, ranges, ipset, IPsum, Spamhaus DROP, tables with presets and mappings",
    ),
    target(
        "json-feed",
        feeds::json,
        "JSON and lines of it, with presets and mappings",
    ),
    target(
        "misp",
        feeds::misp,
        "events, manifests and warninglists of MISP",
    ),
    target(
        "stix",
        feeds::stix,
        "bundles and patterns of STIX, envelopes of TAXII",
    ),
    target(
        "unpack",
        streams::unpack,
        "gzip, Zstandard, bzip2 and zip around a feed",
    ),
    target(
        "delegated",
        places::delegated,
        "statistics of registries, territories, corrections, exclusions",
    ),
    target("paper", papers::paper, "documents of every kind"),
    target(
        "signature",
        papers::signature,
        "signatures, keys and allowed_signers of OpenSSH",
    ),
    target(
        "state",
        state::files,
        "files of the state folder and of the runtime folder",
    ),
    target("line", state::line, "texts of one line"),
];

/// The target of this name.
pub fn target_of(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}
