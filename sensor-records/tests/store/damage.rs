//! Bytes of the files change: nothing panics, nothing is deleted, and recording goes on.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    os::unix::fs::{FileExt as _, PermissionsExt as _},
    path::Path,
};

use sensor_records::{
    query::{Filter, Reader},
    store::{Batch, Store, StoreError},
};

use crate::made::{record, row};

const TIMES: u64 = 50;

/// Numbers that look random and are the same each time.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end.max(1)
    }
}

/// A store as a crash leaves it: with a log, or with all of it in the database.
fn left(folder: &Path, is_settled: bool) {
    let made = tempfile::tempdir().unwrap();
    let mut store = Store::open(made.path()).unwrap();
    for batch in 0..4 {
        let rows: Vec<_> = (batch * 300..batch * 300 + 300).map(record).collect();
        store
            .commit(&Batch {
                rows: &rows,
                ..Batch::default()
            })
            .unwrap();
        if batch == 1 || is_settled {
            store.settle().unwrap();
        }
    }
    let names = ["records.sqlite", "records.sqlite-wal"];
    for name in &names[..if is_settled { 1 } else { 2 }] {
        fs::copy(made.path().join(name), folder.join(name)).unwrap();
    }
}

fn names(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

/// Without printing both where they differ.
fn same(found: &[u8], expected: &[u8]) {
    let is_same = found == expected;
    assert!(is_same, "it is not as it was");
}

fn bytes(path: &Path) -> Vec<u8> {
    sensor_core::capped::read(path, 1 << 26).unwrap()
}

#[test]
fn damaged_bytes_are_found_or_harmless_and_the_store_goes_on() {
    let (mut numbers, mut found) = (Numbers(7), 0);
    for time in 0..TIMES {
        let folder = tempfile::tempdir().unwrap();
        left(folder.path(), time % 2 == 0);
        let name = ["records.sqlite", "records.sqlite-wal"][usize::try_from(time % 2).unwrap()];
        let path = folder.path().join(name);
        let file = File::options().write(true).open(&path).unwrap();
        let length = file.metadata().unwrap().len();
        // The first hundred bytes have a case of their own each: they say what the file is.
        let at = if time % 5 == 0 {
            numbers.below(100)
        } else {
            numbers.below(length)
        };
        let noise: Vec<u8> = (0..=numbers.below(600))
            .map(|_| numbers.below(256).to_le_bytes()[0])
            .collect();
        file.write_all_at(&noise, at).unwrap();
        let damaged = bytes(&folder.path().join("records.sqlite"));
        let mut store = match Store::open(folder.path()) {
            Ok(store) => store,
            // The header says that a later version wrote it: nobody can know better.
            Err(error @ (StoreError::Newer { .. } | StoreError::NotOurs { .. })) => {
                assert!(at < 100, "{error} at {at}");
                continue;
            }
            Err(error) => panic!("byte {at} of {name}: {error}"),
        };
        let aside = store.set_aside();
        if let Some(aside) = aside.first() {
            found += 1;
            assert!(!aside.what.is_empty());
            println!("byte {at} of {name}: {}", aside.what);
            same(&bytes(&aside.path), &damaged);
        }
        let more: Vec<_> = (5000..5010).map(record).collect();
        let batch = Batch {
            rows: &more,
            ..Batch::default()
        };
        if let Err(error) = store.commit(&batch) {
            assert!(
                matches!(error, StoreError::Damaged { aside: Some(_), .. }),
                "{error}"
            );
            found += 1;
            store.commit(&batch).unwrap();
        }
        assert!(store.next_record().0 >= 5010);
        let mut reader = Reader::open(folder.path()).unwrap();
        // A count that changed inside a row cannot be told from another; what was committed
        // after is there in any case.
        match reader.rows(&Filter::default(), None, None) {
            Ok(rows) => assert!(more.iter().all(|record| rows.contains(&row(record)))),
            Err(error) => assert!(matches!(error, StoreError::Damaged { .. }), "{error}"),
        }
    }
    // Of the log SQLite takes what is whole. Of the database noise in the middle of a cell is
    // found where it makes the cell another one, and not where it makes a number another.
    assert!(found >= 10, "{found} of {TIMES} were found");
}

#[test]
fn noise_in_its_place_is_set_aside_and_never_deleted() {
    let folder = tempfile::tempdir().unwrap();
    for time in 1..=3 {
        let noise = vec![u8::try_from(time).unwrap(); 10_000];
        fs::write(folder.path().join("records.sqlite"), &noise).unwrap();
        let mut store = Store::open(folder.path()).unwrap();
        let aside = store.set_aside();
        assert_eq!(aside.len(), 1);
        assert_eq!(
            aside[0].path,
            folder.path().join(format!("records.damaged-{time}"))
        );
        same(&bytes(&aside[0].path), &noise);
        store
            .commit(&Batch {
                rows: &[record(1)],
                ..Batch::default()
            })
            .unwrap();
    }
}

#[test]
fn a_log_without_a_database_is_set_aside() {
    for is_empty in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        left(folder.path(), false);
        let (database, log) = ("records.sqlite", "records.sqlite-wal");
        let before = bytes(&folder.path().join(log));
        if is_empty {
            File::create(folder.path().join(database)).unwrap();
        } else {
            fs::remove_file(folder.path().join(database)).unwrap();
        }
        let mut store = Store::open(folder.path()).unwrap();
        assert_eq!(store.set_aside().len(), 1);
        same(
            &bytes(&folder.path().join("records.damaged-1-wal")),
            &before,
        );
        assert!(store.under_way().unwrap().is_empty());
    }
}

#[test]
fn damage_under_an_open_store_is_told_once_and_a_new_one_begins() {
    let folder = tempfile::tempdir().unwrap();
    left(folder.path(), false);
    let mut store = Store::open(folder.path()).unwrap();
    let next = store.next_record();
    store.settle().unwrap();
    // Another writer, as no sensor is: the open one has to read pages again, and finds noise.
    let other = rusqlite::Connection::open(folder.path().join("records.sqlite")).unwrap();
    other
        .execute_batch("CREATE TABLE other (a); PRAGMA wal_checkpoint(TRUNCATE)")
        .unwrap();
    drop(other);
    let file = File::options()
        .write(true)
        .open(folder.path().join("records.sqlite"))
        .unwrap();
    let length = file.metadata().unwrap().len();
    file.write_all_at(&vec![0xa5; usize::try_from(length - 100).unwrap()], 100)
        .unwrap();
    let rows: Vec<_> = (5000..5010).map(record).collect();
    let batch = Batch {
        rows: &rows,
        ..Batch::default()
    };
    let error = store.commit(&batch).unwrap_err();
    let told = error.to_string();
    assert!(
        told.contains("is damaged") && told.contains("records.damaged-1"),
        "{told}"
    );
    assert_eq!(store.set_aside().len(), 1);
    assert!(store.next_record() >= next);
    store.commit(&batch).unwrap();
    let mut reader = Reader::open(folder.path()).unwrap();
    let found = reader.rows(&Filter::default(), None, None).unwrap();
    assert_eq!(found, rows.iter().map(row).collect::<Vec<_>>());
}

#[test]
fn nobody_else_may_read_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::open(folder.path()).unwrap();
    store
        .commit(&Batch {
            rows: &[record(1)],
            ..Batch::default()
        })
        .unwrap();
    assert!(names(folder.path()).contains("records.sqlite-wal"));
    for name in names(folder.path()) {
        let mode = fs::metadata(folder.path().join(&name))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[test]
fn what_a_later_version_or_another_program_wrote_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    drop(Store::open(folder.path()).unwrap());
    let path = folder.path().join("records.sqlite");
    let set = |pragma: &str, value: i64| {
        let connection = rusqlite::Connection::open(&path).unwrap();
        connection.pragma_update(None, pragma, value).unwrap();
    };
    set("user_version", 99);
    let before = bytes(&path);
    let told = Store::open(folder.path()).unwrap_err().to_string();
    assert!(
        told.contains("version 99") && told.contains("name another folder"),
        "{told}"
    );
    let told = Reader::open(folder.path()).unwrap_err().to_string();
    assert!(told.contains("version 99"), "{told}");
    same(&bytes(&path), &before);
    set("application_id", 5);
    let error = Store::open(folder.path()).unwrap_err();
    assert!(matches!(error, StoreError::NotOurs { .. }), "{error}");
}
