//! Nothing that was changed counts: one file of a good world is changed by chance, and all that
//! is in force afterwards has to be justified by bytes that were there before.
//!
//! `SEKISHO_MUTATIONS` says how many, `SEKISHO_SEED` which. Most run in worlds of one document
//! with its signatures, the keyring and its keys: what a document is judged by besides these
//! does not make its bytes genuine.

#![expect(clippy::unwrap_used, reason = "what a test makes is there")]

#[path = "ssh_keygen/chance.rs"]
mod chance;
#[path = "mutations/change.rs"]
mod change;
#[expect(dead_code, reason = "not every test uses all of the world")]
mod world;

use std::{
    collections::{BTreeMap, BTreeSet},
    thread,
    time::Instant,
};

use chance::Chance;
use change::Change;
use sensor_core::documents::{
    Digest, Folder, Gate, Granted, Kind, Principal, Refusal, Rule, Shelf,
};
use world::{NOW, Papers, World, time};

/// One in so many runs in the whole world.
const WHOLE: usize = 64;

/// How many threads run.
const THREADS: u64 = 2;

/// How many there were, by change and by the rule that met it.
#[derive(Default)]
struct Counts {
    changes: BTreeMap<Change, u64>,
    rules: BTreeMap<&'static str, u64>,
    /// Nothing is told of it: nobody needed it, or it was there twice.
    silent: u64,
}

/// Papers, and what counts of them.
struct Good {
    papers: Papers,
    names: Vec<String>,
    documents: BTreeSet<Digest>,
    signed: BTreeSet<(Digest, Option<Principal>, Option<Digest>)>,
    granted: Vec<Granted>,
    /// What a world of one document refuses anyway: most need others.
    refusals: BTreeSet<Refusal>,
}

impl Good {
    fn of(papers: Papers) -> Self {
        let seen = papers.seen(&[], NOW);
        // A revocation that was never logged is not known, and its approval was good before it.
        let mut before = papers.clone();
        (before.folder.files).retain(|name, _| !name.starts_with("revocation-"));
        let before = before.seen(&[], NOW).decision.granted;
        let arrivals = seen.arrivals.iter();
        Self {
            names: papers.folder.files.keys().cloned().collect(),
            documents: arrivals.clone().map(|arrival| arrival.document).collect(),
            signed: arrivals
                .map(|a| (a.document, a.principal.clone(), a.signature))
                .collect(),
            granted: [before, seen.decision.granted].concat(),
            refusals: seen.gate.refusals().iter().cloned().collect(),
            papers,
        }
    }

    /// Asserts that nothing counts but what counted before.
    fn check(&self, folder: &Folder, cache: &mut Shelf) -> Option<Rule> {
        let identity = &self.papers.identity;
        let now = time(NOW);
        let (gate, arrivals) = Gate::open(identity, &[], folder, cache, now);
        for arrival in arrivals {
            let signed = (arrival.document, arrival.principal, arrival.signature);
            assert!(self.signed.contains(&signed), "{signed:?} counts");
        }
        for kind in Kind::ALL {
            for (_, paper) in gate.admitted(kind) {
                let is_known = self.documents.contains(&paper.digest);
                assert!(is_known, "{} was admitted", paper.file);
            }
        }
        for granted in gate.decide(now).granted {
            // The same request under another name is the same request.
            let is_same = |good: &&Granted| {
                let indicators = granted.indicators.clone();
                let prefixes = &good.indicators.prefixes;
                let good = Granted {
                    indicators: indicators.clone(),
                    ..(*good).clone()
                };
                good == granted && indicators.prefixes == *prefixes
            };
            assert!(
                self.granted.iter().any(|good| is_same(&good)),
                "{granted:#?}"
            );
        }
        let mut refusals = gate.refusals().iter();
        let new = refusals.find(|refusal| !self.refusals.contains(refusal));
        new.map(|refusal| refusal.rule)
    }
}

/// The whole world, then one for each of its documents.
fn worlds() -> Vec<Good> {
    let mut world = World::new();
    let hardware = world::line_with("overseer/chi", "", &world::key("sk:chi"));
    let lines = world.texts["allowed_signers"].clone() + &hardware;
    world.file("allowed_signers", &lines);
    for (name, signer, text) in MORE {
        world.paper(name, &[signer], text);
    }
    let feed = world::with_feed(world::REQUEST_TRANSIT, "feed.txt", FEED, 3);
    let feed = feed
        .replace("number = 1", "number = 4")
        .replace("R-1", "R-4");
    world.file("feed.txt", FEED);
    world.paper("request-4.toml", &["requester/npa"], &feed);
    let approval = world::approval(4, "request-4.toml");
    world.paper(
        "approval-4.toml",
        &["overseer/bo", "overseer/chi"],
        &approval,
    );
    let sk: &[&str] = &["overseer/chi"];
    let stop = "kind = \"stop\"\nnumber = 2\nreason = \"a key in hardware\"\n";
    world.paper("stop-2.toml", sk, stop);
    world.signing("stop-2.toml", |signing| signing.key = "sk:chi".into());
    let whole = world.papers();
    let documents: Vec<String> = (whole.folder.files.keys())
        .filter(|name| name.split_once('.').is_some_and(|(_, end)| end == "toml"))
        .filter(|name| *name != "keyring-1.toml")
        .cloned()
        .collect();
    let small = documents.iter().map(|document| {
        let mut small = whole.clone();
        small.folder.files.retain(|name, _| {
            let always = ["allowed_signers", "keyring-1.toml"];
            let has_feed = document == "request-4.toml" && name == "feed.txt";
            name.starts_with(document) || always.contains(&name.as_str()) || has_feed
        });
        small
    });
    let mut worlds: Vec<Good> = small.map(Good::of).collect();
    worlds.insert(0, Good::of(whole));
    worlds
}

const FEED: &str = "8.8.8.8 5\n8.8.4.4 3\n9.9.9.0/24 1\n";

/// Documents of the kinds that the world has none of.
const MORE: [(&str, &str, &str); 4] = [
    (
        "revocation-1.toml",
        "overseer/chi",
        "kind = \"revocation\"\nnumber = 1\nrevokes = \"{{approval-1.toml}}\"\nreason = \"done\"\n",
    ),
    (
        "stop-1.toml",
        "operator/water",
        "kind = \"stop\"\nnumber = 1\nreason = \"a flood\"\n",
    ),
    (
        "lift-1.toml",
        "overseer/ai",
        "kind = \"lift\"\nnumber = 1\nlifts = \"{{stop-1.toml}}\"\nreason = \"dry\"\n",
    ),
    (
        "finding-1.toml",
        "inspector/ken",
        "kind = \"finding\"\nnumber = 1\nstep = \"found\"\nat = \"2026-11-22T10:00:00Z\"\n\
         finding = \"notice\"\nconcerns = \"R-1\"\npublic = \"none\"\n",
    ),
];

fn run(worlds: &[Good], count: u64, seed: u64) -> Counts {
    let mut chance = Chance::of(seed);
    let mut counts = Counts::default();
    let mut caches: Vec<Shelf> = worlds.iter().map(|_| Shelf::default()).collect();
    let mut folders: Vec<Folder> = (worlds.iter()).map(|w| w.papers.folder.clone()).collect();
    for _ in 0..count {
        let at = if chance.once_in(WHOLE) {
            0
        } else {
            1 + chance.below(worlds.len() - 1)
        };
        let (good, folder) = (&worlds[at], &mut folders[at]);
        let (what, changed) = change::make(&good.papers.folder, &good.names, &mut chance);
        for (name, bytes) in &changed {
            folder.files.insert(name.clone(), bytes.as_slice().into());
        }
        match good.check(folder, &mut caches[at]) {
            Some(rule) => *counts.rules.entry(rule.name()).or_default() += 1,
            None => counts.silent += 1,
        }
        *counts.changes.entry(what).or_default() += 1;
        for (name, _) in changed {
            let bytes = good.papers.folder.files[&name].clone();
            folder.files.insert(name, bytes);
        }
    }
    counts
}

#[test]
fn nothing_that_was_changed_counts() {
    let number = |name: &str, otherwise: u64| {
        let text = std::env::var(name).ok();
        text.map_or(otherwise, |text| text.parse().unwrap())
    };
    let (wanted, seed) = (
        number("SEKISHO_MUTATIONS", 8_000),
        number("SEKISHO_SEED", 1),
    );
    println!("SEKISHO_MUTATIONS={wanted} SEKISHO_SEED={seed}");
    let begin = Instant::now();
    let worlds = worlds();
    assert!(worlds.iter().all(|good| good.signed.len() > 1));
    let parts: Vec<Counts> = thread::scope(|scope| {
        let worlds = &worlds;
        let threads: Vec<_> = (0..THREADS)
            .map(|part| {
                let count = (wanted + part) / THREADS;
                scope.spawn(move || run(worlds, count, seed * THREADS + part))
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    let mut all = Counts::default();
    for part in parts {
        all.silent += part.silent;
        for (change, count) in part.changes {
            *all.changes.entry(change).or_default() += count;
        }
        for (rule, count) in part.rules {
            *all.rules.entry(rule).or_default() += count;
        }
    }
    for (change, count) in &all.changes {
        println!("{:>20} {count:9}", format!("{change:?}"));
    }
    for (rule, count) in &all.rules {
        println!("{rule:>20} {count:9}");
    }
    println!("{:>20} {:9}", "nothing refused", all.silent);
    println!("{wanted} in {:.1?}", begin.elapsed());
    assert_eq!(all.changes.values().sum::<u64>(), wanted);
}
