use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::Path,
};

use super::*;
use crate::{documents::Kind, settings::state::init};

fn folder() -> (tempfile::TempDir, PathBuf) {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("state");
    let log_key = format!("SHA256:{}", "a".repeat(43)).try_into().unwrap();
    init(&folder, Digest::of(b"root"), log_key).unwrap();
    (parent, folder)
}

fn open(folder: &Path) -> (StateFolder, Journal) {
    let state = StateFolder::open(folder).unwrap();
    let journal = Journal::open(&state).unwrap();
    (state, journal)
}

/// So many lines that follow.
fn following(journal: &Journal, count: u64) -> Vec<Arrival> {
    let mut all = journal.arrivals().to_vec();
    let before = all.len();
    for _ in 0..count {
        let line = all.len() as u64 + 1;
        all.push(Arrival {
            line,
            previous: all.last().map_or_else(|| Digest::of(b""), Arrival::digest),
            time: Time(line),
            kind: Kind::Keyring,
            number: line,
            document: Digest::of(&line.to_be_bytes()),
            principal: None,
            signature: None,
        });
    }
    all.split_off(before)
}

fn text(folder: &Path) -> String {
    capped::read_to_string(folder.join(FILE), journal::LARGEST).unwrap()
}

#[test]
fn what_is_appended_is_read_back() {
    let (_parent, folder) = folder();
    let (state, mut journal) = open(&folder);
    assert!(journal.arrivals().is_empty());
    journal.append(&[]).unwrap();
    for count in [1, 3] {
        let lines = following(&journal, count);
        journal.append(&lines).unwrap();
    }
    assert_eq!(journal.arrivals().len(), 4);
    let read = Journal::open(&state).unwrap();
    assert_eq!(read.arrivals(), journal.arrivals());
    let mode = fs::metadata(folder.join(FILE))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn what_a_crash_left_is_cut_off_before_the_next_line_and_not_by_looking() {
    let (_parent, folder) = folder();
    let (state, mut journal) = open(&folder);
    journal.append(&following(&journal, 2)).unwrap();
    drop((state, journal));
    let whole = text(&folder);
    fs::write(folder.join(FILE), format!("{whole}{{\"line\":3,")).unwrap();
    let (_state, mut journal) = open(&folder);
    assert_eq!(journal.arrivals().len(), 2);
    assert!(text(&folder).ends_with("{\"line\":3,"));
    journal.append(&following(&journal, 1)).unwrap();
    let after = text(&folder);
    assert!(
        after.starts_with(&whole) && after.lines().count() == 3,
        "{after}"
    );
}

#[test]
fn a_line_that_does_not_follow_is_not_written() {
    let (_parent, folder) = folder();
    let (_state, mut journal) = open(&folder);
    journal.append(&following(&journal, 2)).unwrap();
    let before = text(&folder);
    let good = following(&journal, 2);
    let spoil: [fn(&mut Arrival); 3] = [
        |arrival| arrival.line += 1,
        |arrival| arrival.previous = Digest::of(b"other"),
        |arrival| arrival.time = Time(1),
    ];
    for spoil in spoil {
        for at in [0, 1] {
            let mut lines = good.clone();
            spoil(&mut lines[at]);
            let error = journal.append(&lines).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        }
    }
    assert_eq!(text(&folder), before);
    journal.append(&good).unwrap();
}

#[test]
fn a_log_that_is_exchanged_or_cut_under_the_sensor_is_not_written() {
    let (_parent, folder) = folder();
    let (_state, mut journal) = open(&folder);
    journal.append(&following(&journal, 2)).unwrap();
    let (file, aside) = (folder.join(FILE), folder.join("aside"));
    let whole = text(&folder);
    fs::rename(&file, &aside).unwrap();
    assert!(journal.append(&following(&journal, 1)).is_err());
    fs::copy(&aside, &file).unwrap();
    assert!(journal.append(&following(&journal, 1)).is_err());
    fs::rename(&aside, &file).unwrap();
    fs::write(&file, &whole[..whole.len() - 1]).unwrap();
    assert!(journal.append(&following(&journal, 1)).is_err());
    fs::write(&file, &whole).unwrap();
    journal.append(&following(&journal, 1)).unwrap();
}

#[test]
fn a_disk_that_is_full_leaves_the_log_as_it_was() {
    let (_parent, folder) = folder();
    let (_state, mut journal) = open(&folder);
    journal.append(&following(&journal, 2)).unwrap();
    let before = journal.arrivals().to_vec();
    let lines = following(&journal, 1);
    // A device that has no room stands for the disk.
    let full = Path::new("/dev/full");
    let path = std::mem::replace(&mut journal.path, full.into());
    let file = journal
        .out
        .replace(File::options().write(true).open(full).unwrap());
    let whole = std::mem::take(&mut journal.whole);
    let error = journal.append(&lines).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    assert_eq!((journal.arrivals(), journal.whole), (&before[..], 0));
    (journal.path, journal.out, journal.whole) = (path, file, whole);
    journal.append(&lines).unwrap();
    assert_eq!(text(&folder).lines().count(), 3);
}

#[test]
fn who_looks_may_not_write() {
    let (_parent, folder) = folder();
    let (_state, mut journal) = open(&folder);
    journal.append(&following(&journal, 1)).unwrap();
    let looked = StateFolder::open_read_only(&folder).unwrap();
    let mut looked = Journal::open(&looked).unwrap();
    assert_eq!(looked.arrivals(), journal.arrivals());
    assert!(looked.append(&following(&looked, 1)).is_err());
}

#[test]
fn a_log_that_is_lost_or_not_as_it_was_written_is_said() {
    let (parent, folder) = folder();
    let state = StateFolder::open(&folder).unwrap();
    let file = folder.join(FILE);
    let mut told = String::new();
    let mut refused = || {
        let error = Journal::open(&state).unwrap_err();
        told.push_str(&error.to_string());
        told.push('\n');
    };
    fs::write(&file, "{}\n").unwrap();
    refused();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    refused();
    fs::remove_file(&file).unwrap();
    refused();
    symlink("/dev/null", &file).unwrap();
    refused();
    let told = told.replace(&parent.path().display().to_string(), "[PARENT]");
    insta::assert_snapshot!(told, @r"
    [PARENT]/state/arrivals.jsonl: line 1: missing field `line` at line 1 column 2; put the log of arrivals back from the backup, or set up a new folder with 'sekisho init'
    [PARENT]/state/arrivals.jsonl is open to others (mode 640): close it with 'chmod 600 [PARENT]/state/arrivals.jsonl'
    [PARENT]/state/arrivals.jsonl: the log of arrivals is missing: put it back from the backup, or set up a new folder with 'sekisho init'
    [PARENT]/state/arrivals.jsonl is no file; a link is not followed: put the file itself there
    ");
}
