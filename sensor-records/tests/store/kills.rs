//! A process that commits without pause is killed at random moments, and another goes on.

use std::{
    collections::BTreeSet,
    env,
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use sensor_records::{
    RecordId,
    query::Reader,
    store::{Position, Store},
};

use crate::{
    made::{part, record},
    model::{Model, Owned, SOURCE},
};

const KILLS: u64 = 50;
const FOLDER: &str = "SENSOR_RECORDS_STORE";

/// What a commit brings after so many others.
fn batch(epoch: u64) -> Owned {
    let first = epoch * 1000;
    let mut owned = Owned {
        rows: (first..first + 20 + epoch % 60).map(record).collect(),
        parts: (first + 500..first + 540)
            .map(|id| part(id, epoch))
            .collect(),
        ended: Vec::new(),
        position: Some(Position {
            source: SOURCE,
            epoch,
            ring: 0,
        }),
    };
    // Those of three commits ago go on, and those before them end, but for one in seven.
    if epoch > 5 {
        let older = (epoch - 3) * 1000 + 500;
        owned
            .parts
            .extend((older..older + 10).map(|id| part(id, epoch)));
        let oldest = (epoch - 5) * 1000 + 500;
        owned.ended = (oldest..oldest + 40)
            .filter(|id| id % 7 > 0)
            .map(RecordId)
            .collect();
    }
    owned
}

/// Not a test by itself: what is killed.
#[test]
fn victim() {
    let Ok(folder) = env::var(FOLDER) else {
        return;
    };
    let mut store = Store::open(Path::new(&folder)).unwrap();
    let mut out = std::io::stdout();
    let mut epoch = store.position(SOURCE).map_or(0, |position| position.epoch);
    loop {
        epoch += 1;
        store.commit(&batch(epoch).batch()).unwrap();
        writeln!(out, "committed {epoch}").unwrap();
        if epoch.is_multiple_of(9) {
            store.settle().unwrap();
        }
    }
}

/// Runs a victim for a while; says the last commit that it told of.
fn killed(folder: &Path, after: Duration) -> u64 {
    let mut command = Command::new(env::current_exe().unwrap());
    command
        .args(["--exact", "kills::victim", "--nocapture"])
        .env(FOLDER, folder);
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let out = child.stdout.take().unwrap();
    let reading = thread::spawn(move || {
        let mut last = 0;
        for line in BufReader::new(out).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8(line).unwrap();
            // The last line may be torn.
            if let Some((_, epoch)) = line.split_once("committed ")
                && let Ok(epoch) = epoch.parse::<u64>()
            {
                last = epoch.max(last);
            }
        }
        last
    });
    thread::sleep(after);
    child.kill().unwrap();
    child.wait().unwrap();
    reading.join().unwrap()
}

#[test]
fn a_kill_at_any_moment_loses_nothing_that_was_committed() {
    let folder = tempfile::tempdir().unwrap();
    let (mut model, mut told, mut moments) = (Model::default(), 0, BTreeSet::new());
    for kill in 0..KILLS {
        let after = Duration::from_micros(20_000 + kill * 7_919 % 50_000);
        told = killed(folder.path(), after).max(told);
        let mut store = Store::open(folder.path()).unwrap();
        assert_eq!(store.set_aside(), vec![], "a kill damages nothing");
        let committed = store.position(SOURCE).map_or(0, |position| position.epoch);
        // One more than was told: the kill came between the commit and the word of it.
        assert!(
            (told..=told + 1).contains(&committed),
            "{told} told, {committed} there"
        );
        while model.epoch < committed {
            let owned = batch(model.epoch + 1);
            model.apply(&owned);
        }
        let mut reader = Reader::open(folder.path()).unwrap();
        model.assert_is(&mut store, &mut reader);
        moments.insert(committed);
        told = committed;
        // Ended as a kill ends it: the next one finds the log.
        drop(reader);
        std::mem::forget(store);
    }
    assert!(
        moments.len() > 10,
        "most of {KILLS} victims commit something: {moments:?}"
    );
}
