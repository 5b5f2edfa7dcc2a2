//! `sekisho init`: the folder that it makes, and what it refuses.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, process::Command};

use sensor_tests::{command::Printed, require};
use tempfile::TempDir;

use crate::{failed_plainly, in_folder, sekisho};

const ROOT: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

/// A public key made for this test.
const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOxjRijFRr2FNixRMSbB0XAoc+j+nQwkGm+ClrRSMczW log of a test\n";

fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [
        ("log.pub", KEY),
        ("log", "-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl\n"),
        ("cut.pub", &KEY[..50]),
        ("other.pub", "# nothing\n"),
    ] {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

/// Runs the command with `@` standing for the folder.
fn init(folder: &Path, words: &str) -> Printed {
    let path = format!("{}/", folder.display());
    let words: Vec<String> = (words.split_whitespace())
        .map(|word| word.replace('@', &path))
        .collect();
    let mut all = vec!["init"];
    all.extend(words.iter().map(String::as_str));
    sekisho(&all)
}

#[test]
fn a_state_folder_is_made_once() {
    let folder = folder();
    let words = format!("--root {ROOT} --log-key @log.pub --state @state");
    let printed = init(folder.path(), &words);
    insta::assert_snapshot!(in_folder(&printed.whole(), folder.path()), @r"
    exit status: 0
    ----- stdout -----
    [FOLDER]/state is the state folder of a sensor now, for ever
      root     ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad
      log key  SHA256:KaE78YfGQg3pbnXpJIv0O3T1FO0YiA4LQlc2a4wpLpw
      papers   [FOLDER]/state/papers
    Next: put the keyring with this SHA-256, allowed_signers and the other documents with their signatures into [FOLDER]/state/papers. Private keys stay elsewhere.
    ----- stderr -----
    ");
    let state = folder.path().join("state");
    let file = state.join("state.toml");
    let text = sekisho::capped::read_to_string(&file, 4096).unwrap();
    insta::assert_snapshot!(text, @r#"
    # The state folder of a sensor, made by 'sekisho init'. It is real for ever.
    kind = "real"
    root = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    log_key = "SHA256:KaE78YfGQg3pbnXpJIv0O3T1FO0YiA4LQlc2a4wpLpw"
    "#);
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o7777;
    assert_eq!((mode(&state), mode(&file)), (0o700, 0o600));
    let printed = init(folder.path(), &words);
    failed_plainly(&printed, 17);
    insta::assert_snapshot!(in_folder(&printed.stderr, folder.path()), @"sekisho: [FOLDER]/state is the state folder of a sensor already, with the root ba7816bf8f01: it stays as it is; name a new folder with --state");
}

#[test]
fn the_fingerprint_is_the_one_that_ssh_keygen_prints() {
    let ssh_keygen = require!(tool "ssh-keygen");
    let folder = folder();
    for (kind, file) in [("ed25519", "a"), ("ecdsa", "b"), ("rsa", "c")] {
        let key = folder.path().join(file);
        let mut command = Command::new(&ssh_keygen);
        command
            .args(["-q", "-N", "", "-C", "log", "-t", kind, "-f"])
            .arg(&key);
        sensor_tests::command::expect(&mut command);
        let words = format!("--root {ROOT} --log-key @{file}.pub --state @state-{file}");
        let printed = init(folder.path(), &words);
        assert_eq!(printed.status, Some(0), "{}", printed.whole());
        let listed = sensor_tests::command::expect(Command::new(&ssh_keygen).arg("-lf").arg(&key));
        let fingerprint = listed.split(' ').nth(1).unwrap();
        assert!(
            printed
                .stdout
                .contains(&format!("log key  {fingerprint}\n")),
            "{kind}"
        );
    }
}

#[test]
fn what_no_folder_is_made_of() {
    let folder = folder();
    fs::create_dir(folder.path().join("other")).unwrap();
    fs::write(folder.path().join("other/notes"), "kept").unwrap();
    let mut told = String::new();
    for (key, state, status) in [
        ("@none.pub", "@state", 2),
        ("@log", "@state", 2),
        ("@cut.pub", "@state", 2),
        ("@other.pub", "@state", 2),
        ("@log.pub", "@other", 17),
        ("@log.pub", "@log", 17),
        ("@log.pub", "@none/state", 17),
    ] {
        let words = format!("--root {ROOT} --log-key {key} --state {state}");
        let printed = init(folder.path(), &words);
        failed_plainly(&printed, status);
        told.push_str(&printed.stderr);
        assert!(!folder.path().join("state").exists(), "{words}");
    }
    let words = "--root ba7816 --log-key @log.pub --state @state";
    let printed = init(folder.path(), words);
    assert_eq!(printed.status, Some(2));
    told.push_str(printed.stderr.lines().next().unwrap());
    insta::assert_snapshot!(in_folder(&told, folder.path()), @r"
    sekisho: --log-key [FOLDER]/none.pub: no such file
    sekisho: --log-key [FOLDER]/log holds a private key, which the sensor must not see; name its public half, the file .pub
    sekisho: --log-key [FOLDER]/cut.pub is no OpenSSH public key; name the file .pub that ssh-keygen wrote
    sekisho: --log-key [FOLDER]/other.pub is no OpenSSH public key; name the file .pub that ssh-keygen wrote
    sekisho: [FOLDER]/other holds notes already: a state folder is made where nothing is; name a new one with --state
    sekisho: [FOLDER]/log is no folder; a link is not followed: name the folder itself
    sekisho: [FOLDER]/none/state: no such file
    error: invalid value 'ba7816' for '--root <SHA256>': a SHA-256 has 64 lower-case hexadecimal digits
    ");
}
