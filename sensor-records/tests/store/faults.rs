//! A disk that is full or read-only, and a lock that somebody holds, fifty times each: the error
//! says so, nothing is half there, and the same store goes on when the cause is gone.

use std::{
    env,
    fmt::Debug,
    path::{Path, PathBuf},
    thread,
};

use nix::{
    mount::{MsFlags, mount},
    sched::{CloneFlags, unshare},
    unistd::geteuid,
};
use rusqlite::Connection;
use sensor_common::WIRE_VERSION;
use sensor_records::{
    Record, RecordId,
    query::{Filter, Reader, Row},
    store::{Batch, Store, StoreError},
};
use tempfile::TempDir;

use crate::made::{part, record, row};

const TIMES: u64 = 50;

fn rows_of(folder: &Path) -> Vec<Row> {
    let mut reader = Reader::open(folder).unwrap();
    reader.rows(&Filter::default(), None, None).unwrap()
}

fn told(all: &[Record]) -> Vec<Row> {
    all.iter().map(row).collect()
}

/// A small file system of its own, which only its thread sees.
struct Disk {
    _below: TempDir,
    path: PathBuf,
}

impl Disk {
    fn new(kib: u64) -> Self {
        unshare(CloneFlags::CLONE_NEWNS).unwrap();
        let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
        mount(None::<&str>, "/", None::<&str>, private, None::<&str>).unwrap();
        let below = tempfile::tempdir().unwrap();
        let path = below.path().to_owned();
        let options = format!("size={kib}k");
        mount(
            Some("tmpfs"),
            &path,
            Some("tmpfs"),
            MsFlags::empty(),
            Some(&options[..]),
        )
        .unwrap();
        Self {
            _below: below,
            path,
        }
    }

    fn again(&self, flags: MsFlags, kib: u64) {
        let options = format!("size={kib}k");
        let flags = flags | MsFlags::MS_REMOUNT;
        mount(
            Some("tmpfs"),
            &self.path,
            Some("tmpfs"),
            flags,
            Some(&options[..]),
        )
        .unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = nix::mount::umount(&self.path);
    }
}

/// Runs in a thread with mounts of its own; skipped, with a word, without the privilege.
#[expect(clippy::print_stdout, reason = "a test that is skipped says why")]
fn with_disk(kib: u64, test: impl FnOnce(&Disk) + Send + 'static) {
    if !geteuid().is_root() {
        let why = "only root may mount a disk that is full or read-only";
        assert!(env::var_os("CI").is_none(), "{why}");
        println!("skipped: {why}");
        return;
    }
    let run = thread::spawn(move || test(&Disk::new(kib)));
    run.join().unwrap();
}

/// An error of the kind that is expected, with a text that says what to do.
fn is<T: Debug>(done: Result<T, StoreError>, kind: fn(&StoreError) -> bool, way_out: &str) {
    let error = done.unwrap_err();
    assert!(kind(&error), "{error:?}");
    let text = error.to_string();
    assert!(
        text.contains("records.sqlite") && text.contains(way_out),
        "{text}"
    );
}

#[test]
fn a_full_disk_loses_nothing_and_is_gone_on_with() {
    with_disk(1024, |disk| {
        let (small, mut room) = (1024, 1024);
        let mut store = Store::open(&disk.path).unwrap();
        let mut all: Vec<Record> = Vec::new();
        let (mut next, mut times) = (1, 0);
        while times < TIMES {
            let many = next..next + 100 + next % 37;
            next = many.end;
            let rows: Vec<Record> = many.clone().map(record).collect();
            let parts: Vec<_> = many.clone().map(|id| part(id, 1)).collect();
            let ended: Vec<RecordId> = many.map(|id| RecordId(id.saturating_sub(200))).collect();
            let (rows, parts, ended) = (&rows[..], &parts[..], &ended[..]);
            let batch = Batch {
                rows,
                parts,
                ended,
                position: None,
            };
            if let Err(error) = store.commit(&batch) {
                is(
                    Err::<(), _>(error),
                    |error| matches!(error, StoreError::Full { .. }),
                    "make room",
                );
                times += 1;
                assert_eq!(
                    rows_of(&disk.path).len(),
                    all.len(),
                    "nothing of it is there"
                );
                if times % 10 == 0 {
                    is(
                        store.commit(&batch),
                        |error| matches!(error, StoreError::Full { .. }),
                        "make room",
                    );
                }
                room += small;
                disk.again(MsFlags::empty(), room);
                store.commit(&batch).unwrap();
            }
            all.extend(rows.iter().cloned());
        }
        assert_eq!(rows_of(&disk.path), told(&all));
        // The log moves into the database, which has to have room beside it.
        disk.again(MsFlags::empty(), 3 * room);
        drop(store);
        let mut store = Store::open(&disk.path).unwrap();
        assert_eq!(store.set_aside(), vec![]);
        assert_eq!(store.next_record().0, next);
    });
}

#[test]
fn a_store_on_a_full_disk_opens_when_there_is_room() {
    with_disk(4, |disk| {
        is(
            Store::open(&disk.path),
            |error| matches!(error, StoreError::Full { .. }),
            "make room",
        );
        disk.again(MsFlags::empty(), 4096);
        let mut store = Store::open(&disk.path).unwrap();
        assert_eq!(store.set_aside(), vec![], "what was begun is no damage");
        let rows = [record(1)];
        store
            .commit(&Batch {
                rows: &rows,
                ..Batch::default()
            })
            .unwrap();
        assert_eq!(rows_of(&disk.path), told(&rows));
    });
}

#[test]
fn a_read_only_disk_is_told_and_nothing_of_the_store_is_lost() {
    with_disk(16_384, |disk| {
        let mut all: Vec<Record> = Vec::new();
        for time in 0..TIMES {
            let mut store = Store::open(&disk.path).unwrap();
            let rows: Vec<Record> = (time * 10..time * 10 + 10).map(record).collect();
            store
                .commit(&Batch {
                    rows: &rows,
                    ..Batch::default()
                })
                .unwrap();
            all.extend(rows);
            drop(store);
            disk.again(MsFlags::MS_RDONLY, 16_384);
            let is_read_only = |error: &StoreError| matches!(error, StoreError::ReadOnly { .. });
            is(Store::open(&disk.path), is_read_only, "make it writable");
            disk.again(MsFlags::empty(), 16_384);
        }
        assert_eq!(rows_of(&disk.path), told(&all));
    });
}

#[test]
fn a_lock_is_told_and_waited_out() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::open(folder.path()).unwrap();
    let other = Connection::open(folder.path().join("records.sqlite")).unwrap();
    let mut all: Vec<Record> = Vec::new();
    for time in 0..TIMES {
        let rows: Vec<Record> = (time * 10..time * 10 + 10).map(record).collect();
        let batch = Batch {
            rows: &rows,
            ..Batch::default()
        };
        other
            .execute_batch("BEGIN IMMEDIATE; DELETE FROM flow")
            .unwrap();
        let is_locked = |error: &StoreError| matches!(error, StoreError::Locked { .. });
        is(store.commit(&batch), is_locked, "end that one");
        other.execute_batch("ROLLBACK").unwrap();
        store.commit(&batch).unwrap();
        all.extend(rows);
    }
    assert_eq!(rows_of(folder.path()), told(&all));
}

#[test]
fn readers_see_whole_commits_while_it_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_owned();
    let mut store = Store::open(&path).unwrap();
    let reading = thread::spawn(move || {
        let mut reader = Reader::open(&path).unwrap();
        let mut sizes = Vec::new();
        while sizes.last() != Some(&4000) {
            let rows = reader.rows(&Filter::default(), None, None).unwrap();
            assert_eq!(rows.len() % 100, 0);
            sizes.push(rows.len());
        }
        sizes
    });
    for batch in 0..40 {
        let rows: Vec<Record> = (batch * 100..batch * 100 + 100).map(record).collect();
        store
            .commit(&Batch {
                rows: &rows,
                ..Batch::default()
            })
            .unwrap();
        store.settle().unwrap();
    }
    assert!(reading.join().unwrap().is_sorted());
}

#[test]
fn parts_of_another_wire_version_are_refused_until_they_are_given_up() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::open(folder.path()).unwrap();
    let parts = [part(1, 1), part(2, 1), part(1, 2)];
    store
        .commit(&Batch {
            parts: &parts,
            ..Batch::default()
        })
        .unwrap();
    assert_eq!(store.under_way().unwrap(), parts);
    drop(store);
    let other = Connection::open(folder.path().join("records.sqlite")).unwrap();
    let version = WIRE_VERSION + 1;
    other
        .execute("UPDATE under_way SET wire_version = ?", [version])
        .unwrap();
    drop(other);
    let mut store = Store::open(folder.path()).unwrap();
    let error = store.under_way().unwrap_err();
    let text = error.to_string();
    assert!(text.contains(&format!("wire version {version}")), "{text}");
    assert!(text.contains("give them up"), "{text}");
    store
        .commit(&Batch {
            rows: &[record(3)],
            ..Batch::default()
        })
        .unwrap();
    assert_eq!(store.abandon_under_way().unwrap(), 2);
    assert_eq!(store.under_way().unwrap(), []);
}

#[test]
fn a_row_under_two_approvals_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::open(folder.path()).unwrap();
    let mut both = record(1);
    both.notice.approvals.extend(record(2).notice.approvals);
    let done = store.commit(&Batch {
        rows: &[both],
        ..Batch::default()
    });
    assert!(matches!(done, Err(StoreError::NotSplit { .. })), "{done:?}");
    store
        .commit(&Batch {
            rows: &[record(1)],
            ..Batch::default()
        })
        .unwrap();
    assert_eq!(rows_of(folder.path()), [row(&record(1))]);
}

#[test]
fn blobs_go_when_all_in_them_has_ended() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::open(folder.path()).unwrap();
    for epoch in 1..=20 {
        let parts: Vec<_> = (epoch * 10..epoch * 10 + 5)
            .map(|id| part(id, epoch))
            .collect();
        let before = epoch * 10 - 10;
        let ended: Vec<_> = (before..before + 5).map(RecordId).collect();
        store
            .commit(&Batch {
                parts: &parts,
                ended: &ended,
                ..Batch::default()
            })
            .unwrap();
    }
    let other = Connection::open(folder.path().join("records.sqlite")).unwrap();
    let count = |table: &str| {
        let query = format!("SELECT count(*) FROM {table}");
        other
            .query_row(&query, [], |row| row.get::<_, i64>(0))
            .unwrap()
    };
    assert!(count("under_way") <= 2, "{}", count("under_way"));
    assert!(count("ended") <= 2, "{}", count("ended"));
}
