use std::os::unix::fs::{MetadataExt as _, chown, symlink};

use super::*;
use crate::settings::state::{Journal, check_lab};

fn root() -> Digest {
    Digest::of(b"the first keyring")
}

fn log_key() -> Fingerprint {
    format!("SHA256:{}", "a".repeat(43)).try_into().unwrap()
}

/// A state folder in a folder of its own.
fn made() -> (tempfile::TempDir, PathBuf) {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("state");
    init(&folder, root(), log_key()).unwrap();
    (parent, folder)
}

fn mode(path: &Path) -> u32 {
    path.symlink_metadata().unwrap().mode() & 0o7777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// What is refused, in the words of a snapshot.
fn told<T: std::fmt::Debug>(parent: &Path, refused: Result<T, FolderError>) -> String {
    let told = refused.unwrap_err().to_string();
    told.replace(&parent.display().to_string(), "[PARENT]") + "\n"
}

#[test]
fn a_folder_is_made_for_its_owner_alone() {
    let (_parent, folder) = made();
    for (name, wanted) in [
        ("", 0o700),
        ("papers", 0o700),
        ("state.toml", 0o600),
        ("arrivals.jsonl", 0o600),
    ] {
        assert_eq!(mode(&folder.join(name)), wanted, "{name}");
    }
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 3);
    let state = StateFolder::open(&folder).unwrap();
    let identity = Identity {
        root: root(),
        log_key: log_key(),
    };
    assert_eq!(*state.identity(), identity);
    assert_eq!(state.papers_folder(), folder.join("papers"));
    assert!(Journal::open(&state).unwrap().arrivals().is_empty());
    let scan = state.papers(Duration::ZERO).scan(std::time::Instant::now());
    assert_eq!(scan, crate::settings::state::Scan::default());
    assert!(check_lab(&folder).is_err());
}

#[test]
fn an_empty_folder_is_taken_and_closed() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("state");
    fs::create_dir(&folder).unwrap();
    set_mode(&folder, 0o755);
    init(&folder, root(), log_key()).unwrap();
    assert_eq!(mode(&folder), 0o700);
    StateFolder::open(&folder).unwrap();
}

#[test]
fn what_is_there_is_not_overwritten() {
    let (parent, folder) = made();
    let parent = parent.path();
    let at = |name: &str| parent.join(name);
    let mut all = told(parent, init(&folder, Digest::of(b""), log_key()));
    fs::create_dir(at("lab")).unwrap();
    fs::write(at("lab/state.toml"), "kind = \"lab\"\n").unwrap();
    all += &told(parent, init(&at("lab"), root(), log_key()));
    fs::create_dir(at("other")).unwrap();
    fs::write(at("other/b"), "kept").unwrap();
    all += &told(parent, init(&at("other"), root(), log_key()));
    fs::write(at("other/a"), "kept").unwrap();
    all += &told(parent, init(&at("other"), root(), log_key()));
    all += &told(parent, init(&at("other/a"), root(), log_key()));
    symlink(at("none"), at("link")).unwrap();
    all += &told(parent, init(&at("link"), root(), log_key()));
    let deep = init(&at("none/state"), root(), log_key()).unwrap_err();
    assert!(matches!(deep, FolderError::System { .. }), "{deep}");
    insta::assert_snapshot!(all, @r"
    [PARENT]/state is the state folder of a sensor already, with the root ea0d0b974c29: it stays as it is; name a new folder with --state
    [PARENT]/lab is the state folder of a lab, and stays one: name another with --state
    [PARENT]/other holds b already: a state folder is made where nothing is; name a new one with --state
    [PARENT]/other holds a and 1 more already: a state folder is made where nothing is; name a new one with --state
    [PARENT]/other/a is no folder; a link is not followed: name the folder itself
    [PARENT]/link is no folder; a link is not followed: name the folder itself
    ");
    assert_eq!(
        *StateFolder::open(&folder).unwrap().identity(),
        Identity {
            root: root(),
            log_key: log_key(),
        }
    );
    assert_eq!(fs::read_dir(at("other")).unwrap().count(), 2);
}

#[test]
fn one_sensor_at_a_time_and_any_number_that_look() {
    let (_parent, folder) = made();
    let held = StateFolder::open(&folder).unwrap();
    let refused = StateFolder::open(&folder).unwrap_err();
    assert!(matches!(refused, FolderError::Busy { .. }), "{refused}");
    let looks = [(); 2].map(|()| StateFolder::open_read_only(&folder).unwrap());
    drop(held);
    StateFolder::open(&folder).unwrap();
    drop(looks);
}

#[test]
fn what_is_missing_unclear_or_a_lab_is_refused() {
    let (parent, folder) = made();
    let parent = parent.path();
    let mut all = told(parent, StateFolder::open(&parent.join("none")));
    let open = parent.join("open");
    fs::create_dir(&open).unwrap();
    set_mode(&open, 0o700);
    all += &told(parent, StateFolder::open(&open));
    let file = folder.join("state.toml");
    let text = kind::text(&file).unwrap();
    for other in [
        "kind = \"lab\"\n",
        "kind = \"real\"\n",
        "kind = \"other\"\n",
        &text.replace("root = \"", "root = \"x"),
        &text.replace("SHA256:", "MD5:"),
        &format!("{text}more = 1\n"),
        "\u{0}",
    ] {
        fs::write(&file, other).unwrap();
        all += &told(parent, StateFolder::open_read_only(&folder));
    }
    insta::assert_snapshot!(all, @r"
    there is no state folder [PARENT]/none: set one up with 'sekisho init --root SHA256 --log-key FILE --state [PARENT]/none'
    [PARENT]/open/state.toml: it is missing; put it back from the backup, or set up a new folder with 'sekisho init'
    [PARENT]/state is the state folder of a lab, and stays one: name another with --state
    [PARENT]/state/state.toml: it names no root, or no key of the log; put it back from the backup, or set up a new folder with 'sekisho init'
    [PARENT]/state/state.toml: unknown variant `other`, expected `lab` or `real`; put it back from the backup, or set up a new folder with 'sekisho init'
    [PARENT]/state/state.toml: a SHA-256 has 64 lower-case hexadecimal digits; put it back from the backup, or set up a new folder with 'sekisho init'
    [PARENT]/state/state.toml: a fingerprint is SHA256: and 43 characters, as ssh-keygen -l prints it; put it back from the backup, or set up a new folder with 'sekisho init'
    [PARENT]/state/state.toml: unknown field `more`, expected one of `kind`, `root`, `log_key`; put it back from the backup, or set up a new folder with 'sekisho init'
    [PARENT]/state/state.toml: key with no value, expected `=`; put it back from the backup, or set up a new folder with 'sekisho init'
    ");
}

#[test]
fn what_others_can_use_is_refused() {
    let (parent, folder) = made();
    let parent = parent.path();
    let mut all = String::new();
    for (name, other, right) in [
        ("", 0o750, 0o700),
        ("papers", 0o701, 0o700),
        ("state.toml", 0o644, 0o600),
    ] {
        let path = if name.is_empty() {
            folder.clone()
        } else {
            folder.join(name)
        };
        set_mode(&path, other);
        all += &told(parent, StateFolder::open(&folder));
        set_mode(&path, right);
        StateFolder::open(&folder).unwrap();
    }
    let link = parent.join("link");
    symlink(&folder, &link).unwrap();
    all += &told(parent, StateFolder::open(&link));
    let papers = folder.join("papers");
    fs::rename(&papers, parent.join("aside")).unwrap();
    symlink(parent.join("aside"), &papers).unwrap();
    all += &told(parent, StateFolder::open(&folder));
    fs::remove_file(&papers).unwrap();
    all += &told(parent, StateFolder::open(&folder));
    fs::rename(parent.join("aside"), &papers).unwrap();
    let file = folder.join("state.toml");
    fs::rename(&file, parent.join("state.toml")).unwrap();
    symlink(parent.join("state.toml"), &file).unwrap();
    all += &told(parent, StateFolder::open(&folder));
    insta::assert_snapshot!(all, @r"
    [PARENT]/state is open to others (mode 750): close it with 'chmod 700 [PARENT]/state'
    [PARENT]/state/papers is open to others (mode 701): close it with 'chmod 700 [PARENT]/state/papers'
    [PARENT]/state/state.toml is open to others (mode 644): close it with 'chmod 600 [PARENT]/state/state.toml'
    [PARENT]/link is no folder; a link is not followed: name the folder itself
    [PARENT]/state/papers is no folder; a link is not followed: name the folder itself
    [PARENT]/state/papers: the folder of papers is missing: put it back from the backup
    [PARENT]/state/state.toml is no file; a link is not followed: put the file itself there
    ");
}

#[test]
fn what_is_somebody_elses_is_refused() {
    let (_parent, folder) = made();
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let papers = folder.join("papers");
    for path in [&folder, &papers, &folder.join("state.toml")] {
        chown(path, Some(65_534), None).unwrap();
        let refused = StateFolder::open(&folder).unwrap_err();
        assert!(
            matches!(
                refused,
                FolderError::Owner {
                    owner: 65_534,
                    user: 0,
                    ..
                }
            ),
            "{refused}"
        );
        chown(path, Some(0), None).unwrap();
    }
    StateFolder::open(&folder).unwrap();
}

#[test]
fn no_private_key_lies_in_the_folder() {
    let (parent, folder) = made();
    let parent = parent.path();
    let key = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXk\n";
    fs::create_dir(folder.join("papers/deep")).unwrap();
    let mut all = String::new();
    for name in [
        "log",
        "papers/overseer-1",
        "papers/.hidden~",
        "papers/deep/key",
    ] {
        let file = folder.join(name);
        fs::write(&file, key).unwrap();
        all += &told(parent, StateFolder::open(&folder));
        assert!(StateFolder::open_read_only(&folder).is_err(), "{name}");
        fs::remove_file(&file).unwrap();
    }
    fs::write(folder.join("papers/overseer-1.pub"), "ssh-ed25519 AAAA\n").unwrap();
    StateFolder::open(&folder).unwrap();
    insta::assert_snapshot!(all, @r"
    [PARENT]/state/log holds a private key: private keys never lie in the state folder; move it to where its owner signs, and count it as known to whoever could read this folder
    [PARENT]/state/papers/overseer-1 holds a private key: private keys never lie in the state folder; move it to where its owner signs, and count it as known to whoever could read this folder
    [PARENT]/state/papers/.hidden~ holds a private key: private keys never lie in the state folder; move it to where its owner signs, and count it as known to whoever could read this folder
    [PARENT]/state/papers/deep/key holds a private key: private keys never lie in the state folder; move it to where its owner signs, and count it as known to whoever could read this folder
    ");
}
