//! Every signature of every bad world, and what ssh-keygen says of it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    path::Path,
    process::{Command, Stdio},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Instant,
};

use jiff::Timestamp;
use sensor_core::documents::{AllowedSigners, Kind, Principal, Shelf, Signature, Time};

use crate::{
    rules::{Refusal, rule_of_file, rule_of_signature, rule_of_step},
    table,
    world::time,
};

/// One question to both.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Pair {
    signers: std::sync::Arc<[u8]>,
    principal: Principal,
    kind: Kind,
    document: std::sync::Arc<[u8]>,
    signature: std::sync::Arc<[u8]>,
    at: Time,
}

/// Each once, with the name of the first case that has it.
fn pairs() -> BTreeMap<Pair, String> {
    let mut pairs = BTreeMap::new();
    let mut shelf = Shelf::default();
    for case in table::all() {
        let seen = case.papers.seen_with(&mut shelf, &case.logged, case.now);
        let files = &case.papers.folder.files;
        let Some(keyring) = seen.gate.keyring() else {
            continue;
        };
        let named = keyring.keyring.allowed_signers;
        let is_named =
            |bytes: &&std::sync::Arc<[u8]>| sensor_core::documents::Digest::of(bytes) == named;
        let signers = files.values().find(is_named).unwrap();
        for (name, signature) in files {
            let Some((stem, signer)) = name.split_once(".toml.sig.") else {
                continue;
            };
            let (kind, _) = stem.trim_start_matches("z-").split_once('-').unwrap();
            let (Some(document), Ok(principal)) = (
                files.get(&format!("{stem}.toml")),
                Principal::of_file_name(signer),
            ) else {
                continue;
            };
            let pair = Pair {
                signers: signers.clone(),
                principal,
                kind: Kind::of_name(kind).unwrap(),
                document: document.clone(),
                signature: signature.clone(),
                at: time(case.now),
            };
            let name = format!("{}: {}: {name}", case.of, case.name);
            pairs.entry(pair).or_insert(name);
        }
    }
    pairs
}

fn ours(pair: &Pair) -> Result<(), Refusal> {
    let signers = AllowedSigners::read(&pair.signers).map_err(|e| rule_of_file(&e.fault))?;
    let signature = Signature::read(&pair.signature).map_err(|e| rule_of_signature(&e))?;
    let is_beyond = is_beyond(&pair.signature);
    let found = signers.check(
        &pair.principal,
        pair.kind,
        &pair.document,
        &signature,
        pair.at,
    );
    found
        .map(drop)
        .map_err(|fault| rule_of_step(&fault, is_beyond))
}

/// Whether the second number of ed25519 is not reduced: the order is 2^252 and a little, so its
/// last byte is less than 0x10.
fn is_beyond(signature: &[u8]) -> bool {
    use base64ct::{Base64, Encoding as _};
    let text = String::from_utf8_lossy(signature);
    let digits: String = text.lines().filter(|line| !line.starts_with('-')).collect();
    let blob = Base64::decode_vec(&digits).unwrap_or_default();
    blob.last().is_some_and(|last| *last >= 0x10)
}

fn theirs(pair: &Pair, folder: &Path) -> bool {
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.join(name);
        fs::write(&path, bytes).unwrap();
        path
    };
    let file = write("allowed_signers", &pair.signers);
    let signature = write("signature", &pair.signature);
    let message = write("message", &pair.document);
    let second = i64::try_from(pair.at.0 / 1_000_000_000).unwrap();
    let at = Timestamp::from_second(second).unwrap();
    let at = at.strftime("-Overify-time=%Y%m%d%H%M%SZ").to_string();
    let status = Command::new("ssh-keygen")
        .args(["-q", "-Y", "verify", "-I", &pair.principal.to_string()])
        .args(["-n", pair.kind.namespace(), &at, "-f"])
        .arg(file)
        .arg("-s")
        .arg(signature)
        .stdin(File::open(message).unwrap())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    status.unwrap().success()
}

#[test]
fn every_signature_of_every_bad_world_is_taken_or_not_as_ssh_keygen_takes_it() {
    let there = Command::new("ssh-keygen")
        .arg("-?")
        .stderr(Stdio::null())
        .stdout(Stdio::null())
        .status();
    if there.is_err() {
        println!("skipped: there is no ssh-keygen on this machine");
        return;
    }
    let begin = Instant::now();
    let pairs: Vec<(Pair, String)> = pairs().into_iter().collect();
    let (next, counts) = (AtomicUsize::new(0), Mutex::new(BTreeMap::<_, usize>::new()));
    let failures = Mutex::new(BTreeSet::new());
    let folder = tempfile::tempdir().unwrap();
    thread::scope(|scope| {
        for part in ["one", "two"] {
            let own = folder.path().join(part);
            let (next, counts, failures, pairs) = (&next, &counts, &failures, &pairs);
            scope.spawn(move || {
                fs::create_dir(&own).unwrap();
                while let Some((pair, name)) = pairs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let met = match (ours(pair), theirs(pair, &own)) {
                        (Ok(()), true) => ("both take it", ""),
                        (Err(Refusal { rule, .. }), false) => ("both refuse it", rule),
                        (
                            Err(Refusal {
                                rule,
                                is_stricter: true,
                            }),
                            true,
                        ) => ("stricter", rule),
                        (ours, theirs) => {
                            let text = format!("{name}: ours {ours:?}, ssh-keygen {theirs}");
                            failures.lock().unwrap().insert(text);
                            continue;
                        }
                    };
                    *counts.lock().unwrap().entry(met).or_default() += 1;
                }
            });
        }
    });
    println!("{} pairs in {:.1?}", pairs.len(), begin.elapsed());
    for ((met, rule), count) in counts.into_inner().unwrap() {
        println!("{met:>16} {count:5} {rule}");
    }
    assert_eq!(failures.into_inner().unwrap(), BTreeSet::new());
    assert!(pairs.len() > 300);
}
