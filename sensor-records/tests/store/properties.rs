//! What goes in comes out, over any sequence of commits, closings and crashes.

use std::{collections::BTreeMap, fs, path::Path};

use proptest::{collection::vec, prelude::*};
use sensor_records::{
    Record,
    query::{Filter, GroupBy, Key, Reader},
    store::{Level, Store},
};
use tempfile::TempDir;

use crate::{
    made::{BEGIN, DAY, SECOND, row},
    model::{Brought, Model, brought},
};

/// What a row is counted under.
type Told = fn(&Record) -> String;

#[derive(Clone, Debug)]
enum Act {
    Commit(Brought),
    Close,
    Settle,
    /// The files as they are at this moment, with the log and without a proper end.
    Crash,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        6 => brought().prop_map(Act::Commit),
        1 => Just(Act::Close),
        1 => Just(Act::Settle),
        2 => Just(Act::Crash),
    ];
    vec(act, 1..14)
}

/// A folder with what a crash would leave.
fn left_by_a_crash(folder: &Path) -> TempDir {
    let left = tempfile::tempdir().unwrap();
    for name in ["records.sqlite", "records.sqlite-wal"] {
        fs::copy(folder.join(name), left.path().join(name)).unwrap();
    }
    left
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn what_is_committed_is_there_after_any_closing_and_crash(acts in acts()) {
        let mut folder = tempfile::tempdir().unwrap();
        let mut store = Store::open(folder.path()).unwrap();
        let mut model = Model::default();
        for act in acts {
            match act {
                Act::Commit(brought) => {
                    let owned = model.batch(&brought);
                    store.commit(&owned.batch()).unwrap();
                    model.apply(&owned);
                }
                Act::Settle => store.settle().unwrap(),
                Act::Close => {
                    store.close().unwrap();
                    store = Store::open(folder.path()).unwrap();
                }
                Act::Crash => {
                    let left = left_by_a_crash(folder.path());
                    store.close().unwrap();
                    folder = left;
                    store = Store::open(folder.path()).unwrap();
                }
            }
            let mut reader = Reader::open(folder.path()).unwrap();
            model.assert_is(&mut store, &mut reader);
            prop_assert_eq!(store.set_aside(), vec![]);
        }
    }

    #[test]
    fn sums_are_those_of_the_rows(all in vec(brought(), 1..6)) {
        let (folder, model, store) = filled(&all);
        drop(store);
        let mut reader = Reader::open(folder.path()).unwrap();
        for level in Level::ALL {
            let by = GroupBy::Time(level);
            let length = level.seconds() * SECOND;
            let begin = |row: &Record| vec![row.end / length * length];
            let any = Filter::default();
            prop_assert_eq!(times(&mut reader, &any, by), model.sums(|_| true, begin));
            let filter = Filter { approval: Some("b".into()), ..Filter::default() };
            let of_b = |row: &Record| row.notice.approvals[0].id.0 == "b";
            prop_assert_eq!(times(&mut reader, &filter, by), model.sums(of_b, begin));
            let prefix = "192.0.3.0/24".parse().unwrap();
            let filter = Filter { indicator: Some(prefix), ..Filter::default() };
            let named = |row: &Record| {
                row.notice.indicators.iter().any(|matched| matched.prefix == Some(prefix))
            };
            prop_assert_eq!(times(&mut reader, &filter, by), model.sums(named, begin));
        }
    }

    #[test]
    fn groups_count_a_record_once(all in vec(brought(), 1..6)) {
        let (folder, model, store) = filled(&all);
        drop(store);
        let mut reader = Reader::open(folder.path()).unwrap();
        let text = |by, reader: &mut Reader| {
            let groups = reader.groups(&Filter::default(), by).unwrap();
            let told = groups.groups.into_iter();
            let told = told.map(|group| {
                (group.key.to_string(), [group.flows, group.packets, group.octets])
            });
            let total = [groups.flows, groups.packets, groups.octets];
            (told.collect::<BTreeMap<_, _>>(), total)
        };
        let once = model.sums(|_| true, |_| vec![()]).remove(&()).unwrap_or_default();
        let cases: [(GroupBy, Told); 4] = [
            (GroupBy::Source, |row| row.notice.source.to_string()),
            (GroupBy::Approval, |row| row.notice.approvals[0].id.0.clone()),
            (GroupBy::Class, |row| row.notice.class.name().into()),
            (GroupBy::Protocol, |row| {
                row.notice.protocol.map_or_else(|| "-".into(), |number| number.to_string())
            }),
        ];
        for (by, key) in cases {
            let (groups, total) = text(by, &mut reader);
            prop_assert_eq!(groups, model.sums(|_| true, |row| vec![key(row)]));
            prop_assert_eq!(total, once);
        }
        let named = |record: &Record| {
            let named = row(record).indicators.into_iter();
            named.map(|named| {
                let (prefix, feed, line) = (named.prefix, named.feed, named.line);
                Key::Indicator { prefix, feed, line }.to_string()
            }).collect::<Vec<_>>()
        };
        let (groups, total) = text(GroupBy::Indicator, &mut reader);
        prop_assert_eq!(groups, model.sums(|_| true, named));
        prop_assert_eq!(total, once);
    }

    #[test]
    fn what_is_kept_no_longer_is_erased_and_sums_stay(
        all in vec(brought(), 1..5),
        days in 0_u64..40,
        limit in 1_u64..20,
        more in brought(),
    ) {
        let (folder, mut model, mut store) = filled(&all);
        let now = BEGIN + days * DAY + DAY / 2;
        let before = {
            let mut reader = Reader::open(folder.path()).unwrap();
            times(&mut reader, &Filter::default(), GroupBy::Time(Level::Day))
        };
        let is_kept = |row: &Record| {
            let under = &row.notice.approvals[0];
            under.handling.retention.is_none_or(|period| {
                period.from(sensor_core::documents::Time(row.end)).0 > now
            })
        };
        let rows = model.rows.len();
        model.rows.retain(is_kept);
        let gone = u64::try_from(rows - model.rows.len()).unwrap();
        let mut erased = 0;
        loop {
            let some = store.erase_expired(now, limit).unwrap();
            erased += some;
            prop_assert!(some <= limit);
            if some < limit {
                break;
            }
        }
        prop_assert_eq!(erased, gone);
        let mut reader = Reader::open(folder.path()).unwrap();
        model.assert_is(&mut store, &mut reader);
        let after = times(&mut reader, &Filter::default(), GroupBy::Time(Level::Day));
        prop_assert_eq!(before, after);
        let cut = reader.not_whole(&Filter::default()).unwrap();
        prop_assert_eq!(!cut.is_empty(), gone > 0);
        drop(reader);
        // What comes after is stored as ever, in zones that lost rows too.
        let owned = model.batch(&more);
        store.commit(&owned.batch()).unwrap();
        model.apply(&owned);
        let mut reader = Reader::open(folder.path()).unwrap();
        model.assert_is(&mut store, &mut reader);
        prop_assert_eq!(indicators_without_rows(folder.path()), 0);
    }
}

fn filled(all: &[Brought]) -> (TempDir, Model, Store) {
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::open(folder.path()).unwrap();
    let mut model = Model::default();
    for brought in all {
        let owned = model.batch(brought);
        store.commit(&owned.batch()).unwrap();
        model.apply(&owned);
    }
    (folder, model, store)
}

fn times(reader: &mut Reader, filter: &Filter, by: GroupBy) -> BTreeMap<u64, [u64; 3]> {
    let groups = reader.groups(filter, by).unwrap();
    let told = groups.groups.into_iter().map(|group| {
        let Key::Time(begin) = group.key else {
            panic!("{:?}", group.key);
        };
        (begin, [group.flows, group.packets, group.octets])
    });
    told.collect()
}

fn indicators_without_rows(folder: &Path) -> i64 {
    let connection = rusqlite::Connection::open(folder.join("records.sqlite")).unwrap();
    let query = "SELECT count(*) FROM indicator \
                 WHERE NOT EXISTS (SELECT 1 FROM match WHERE match.indicator = indicator.id)";
    connection.query_row(query, [], |row| row.get(0)).unwrap()
}
