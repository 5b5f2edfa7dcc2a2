//! The signature step agrees with `ssh-keygen -Y verify`.
//!
//! Pairs of an `allowed_signers` file and a signed document are made by chance, good ones and bad
//! ones, and both are asked. Where Sekisho is stricter it says by which rule; it never takes what
//! ssh-keygen refuses. `SEKISHO_PAIRS` says how many pairs, `SEKISHO_SEED` which.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "ssh_keygen/chance.rs"]
mod chance;
#[path = "ssh_keygen/keys.rs"]
mod keys;
#[path = "ssh_keygen/pairs.rs"]
mod pairs;
#[path = "ssh_keygen/rules.rs"]
mod rules;
#[path = "ssh_keygen/soft.rs"]
mod soft;

use std::{
    collections::BTreeMap,
    fs::{self, File},
    path::Path,
    process::{Command, Stdio},
    thread,
    time::Instant,
};

use jiff::Timestamp;
use sensor_core::documents::{AllowedSigners, Kind, Principal, Signature, sign_help};

use self::{
    chance::Chance,
    keys::{Keys, TestKey, has_ssh_keygen, keygen},
    pairs::Pair,
    rules::{Refusal, rule_of_file, rule_of_signature, rule_of_step},
};

/// How many pairs had which end.
#[derive(Debug, Default)]
struct Counts {
    good: usize,
    /// Refused by both, by our rule.
    bad: BTreeMap<&'static str, usize>,
    /// Refused by us and taken by ssh-keygen, by our rule.
    stricter: BTreeMap<&'static str, usize>,
}

#[test]
fn the_step_decides_as_ssh_keygen_does_or_names_its_stricter_rule() {
    if !has_ssh_keygen() {
        println!("skipped: there is no ssh-keygen on this machine");
        return;
    }
    let number = |name: &str, otherwise: u64| {
        let text = std::env::var(name).ok();
        text.map_or(otherwise, |text| text.parse().unwrap())
    };
    let (wanted, seed) = (number("SEKISHO_PAIRS", 600), number("SEKISHO_SEED", 1));
    println!("SEKISHO_PAIRS={wanted} SEKISHO_SEED={seed}");
    let begin = Instant::now();
    let folder = tempfile::tempdir().unwrap();
    let keys = Keys::make(folder.path());
    let counts = thread::scope(|scope| {
        let threads = [0, 1].map(|part| {
            let (keys, folder) = (&keys, folder.path().join(part.to_string()));
            let pairs = wanted / 2 + wanted % 2 * part;
            scope.spawn(move || run(keys, &folder, pairs, seed * 2 + part))
        });
        let [mut one, two] = threads.map(|thread| thread.join().unwrap());
        one.good += two.good;
        for (rule, count) in two.bad {
            *one.bad.entry(rule).or_default() += count;
        }
        for (rule, count) in two.stricter {
            *one.stricter.entry(rule).or_default() += count;
        }
        one
    });
    let stricter: usize = counts.stricter.values().sum();
    let bad: usize = counts.bad.values().sum();
    println!("{counts:#?}");
    println!("bad {bad}, stricter {stricter}, {:.1?}", begin.elapsed());
    let wanted = usize::try_from(wanted).unwrap();
    assert_eq!(counts.good + bad + stricter, wanted);
    assert!(counts.good * 3 >= wanted, "too few that both take");
    assert!(bad * 3 >= wanted, "too few that both refuse");
}

/// Asks both about some pairs.
fn run(keys: &Keys, folder: &Path, pairs: u64, seed: u64) -> Counts {
    fs::create_dir(folder).unwrap();
    let mut chance = Chance::of(seed);
    let mut counts = Counts::default();
    let mut signed = BTreeMap::new();
    for _ in 0..pairs {
        let pair = Pair::make(keys, &mut chance, &mut signed);
        match (ours(&pair), theirs(&pair, folder)) {
            (Ok(()), true) => counts.good += 1,
            (Err(Refusal { rule, .. }), false) => *counts.bad.entry(rule).or_default() += 1,
            (
                Err(Refusal {
                    rule,
                    is_stricter: true,
                }),
                true,
            ) => *counts.stricter.entry(rule).or_default() += 1,
            (ours, theirs) => panic!("ours {ours:?}, theirs {theirs}: {pair}"),
        }
    }
    counts
}

fn ours(pair: &Pair) -> Result<(), Refusal> {
    let signers = AllowedSigners::read(&pair.file).map_err(|e| rule_of_file(&e.fault))?;
    let signature = Signature::read(&pair.signature).map_err(|e| rule_of_signature(&e))?;
    let principal: Principal = pair.principal.parse().unwrap();
    let found = signers.check(&principal, pair.kind, &pair.message, &signature, pair.at);
    let key = found.map_err(|fault| rule_of_step(&fault, pair.is_beyond))?;
    assert_eq!(&key, signature.key());
    assert!(signers.has(&principal, &key, pair.kind));
    Ok(())
}

fn theirs(pair: &Pair, folder: &Path) -> bool {
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.join(name);
        fs::write(&path, bytes).unwrap();
        path
    };
    let file = write("allowed_signers", &pair.file);
    let signature = write("signature", &pair.signature);
    let message = write("message", &pair.message);
    let second = i64::try_from(pair.at.0 / 1_000_000_000).unwrap();
    let at = Timestamp::from_second(second).unwrap();
    let at = at.strftime("-Overify-time=%Y%m%d%H%M%SZ").to_string();
    let status = Command::new("ssh-keygen")
        .args(["-q", "-Y", "verify", "-I", &pair.principal])
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
fn the_line_for_the_shell_makes_a_signature_that_is_taken() {
    if !has_ssh_keygen() {
        println!("skipped: there is no ssh-keygen on this machine");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("a key");
    keygen(&["-t", "ed25519"], &key);
    let document = folder.path().join("it's an approval.toml");
    fs::write(&document, "kind = \"approval\"\n").unwrap();
    let principal: Principal = "overseer/a".parse().unwrap();
    let (file, key_file) = (document.to_str().unwrap(), key.to_str().unwrap());
    let line = sign_help(Kind::Approval, &principal, file, key_file);
    let status = Command::new("sh")
        .args(["-c", &line])
        .stderr(Stdio::null())
        .status();
    assert!(status.unwrap().success());
    let shown = Command::new("cat")
        .arg(format!("{file}.sig.overseer_a"))
        .output()
        .unwrap();
    let signature = Signature::read(&shown.stdout).unwrap();
    assert_eq!(
        signature.verify(Kind::Approval, b"kind = \"approval\"\n"),
        Ok(())
    );
    assert_eq!(signature.key().to_string(), TestKey::of_file(key).line());
}

#[test]
fn fingerprints_are_those_that_ssh_keygen_prints() {
    if !has_ssh_keygen() {
        println!("skipped: there is no ssh-keygen on this machine");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let keys = Keys::make(folder.path());
    for key in keys.overseers.iter().chain(&keys.others) {
        let path = folder.path().join("one.pub");
        fs::write(&path, key.line()).unwrap();
        let list = Command::new("ssh-keygen").arg("-lf").arg(path).output();
        let printed = String::from_utf8(list.unwrap().stdout).unwrap();
        let read = sensor_core::documents::Key::read(&key.line()).unwrap();
        assert_eq!(printed.split(' ').nth(1), Some(read.fingerprint().as_str()));
    }
}
