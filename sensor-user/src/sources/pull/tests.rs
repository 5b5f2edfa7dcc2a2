use std::{cell::RefCell, fs};

use super::*;
use crate::sources::{FeedConfig, ObtainError, Status};

const HOUR: u64 = 3_600_000_000_000;

/// What comes the next time a source is asked.
enum Next {
    Text(String),
    Unchanged,
    Error,
}

/// A source that a test writes.
struct Script(RefCell<Next>);

impl Obtain for Script {
    fn obtain(
        &self,
        _: &FeedConfig,
        before: Option<(&Path, &Mark)>,
        into: &Path,
        progress: Progress<'_>,
    ) -> Result<Obtained, ObtainError> {
        progress(1, None);
        match &*self.0.borrow() {
            Next::Text(text) => {
                fs::write(into.join("feed"), text).unwrap();
                let (files, _) = before.unzip();
                assert!(files.is_none_or(|files| files.join("feed").is_file()));
                Ok(Obtained::New(Mark::default()))
            }
            Next::Unchanged => Ok(Obtained::Unchanged),
            Next::Error => Err(ObtainError::Remote("the host does not answer".into())),
        }
    }
}

/// A store of feeds `a` and `b`, and what their sources say.
struct World {
    folder: tempfile::TempDir,
    store: Store,
    script: Script,
    hours: u64,
}

impl World {
    fn of(config: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open_or_make(folder.path()).unwrap();
        let config: FeedConfig = toml::from_str(config).unwrap();
        for name in ["a", "b"] {
            store.add(name, &config).unwrap();
        }
        Self {
            folder,
            store,
            script: Script(RefCell::new(Next::Unchanged)),
            hours: 0,
        }
    }

    fn new() -> Self {
        Self::of("source = \"https://x.example/\"\n")
    }

    fn pull_how(&mut self, name: &str, next: Next, how: Pull) -> anyhow::Result<Pulled> {
        self.hours += 1;
        self.script.0.replace(next);
        let puller = Puller {
            store: &self.store,
            obtain: &self.script,
            now: Time(self.hours * HOUR),
        };
        puller.pull(name, how, &mut |_, _| {})
    }

    fn pull(&mut self, name: &str, text: &str) -> Pulled {
        let next = Next::Text(text.into());
        self.pull_how(name, next, Pull::default()).unwrap()
    }

    fn status(&self, name: &str) -> Status {
        self.store.feed(name).unwrap().status
    }

    /// Prefixes that are over, and since which hour.
    fn over(&self) -> Vec<String> {
        let over = self.store.over().unwrap();
        let told = over.iter();
        told.map(|(prefix, since)| format!("{prefix} {}", since.0 / HOUR))
            .collect()
    }

    /// The copies that lie in the folder of a feed.
    fn copies(&self, name: &str) -> Vec<String> {
        let entries = fs::read_dir(self.folder.path().join(name)).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.filter(|name| !name.contains('.')).collect();
        names.sort();
        names
    }
}

const CONFIRM: Pull = Pull {
    only_due: false,
    confirm: true,
};

#[test]
fn what_no_feed_names_any_more_is_taken_back_and_what_one_does_is_not() {
    let mut world = World::new();
    let taken = |added, gone| Pulled::Taken { added, gone };
    assert_eq!(world.pull("a", "1.1.1.1\n2.2.2.2\n3.3.3.3\n"), taken(3, 0));
    assert_eq!(world.pull("b", "2.2.2.2\n9.9.9.9\n"), taken(2, 0));
    assert!(world.over().is_empty());
    assert_eq!(world.pull("a", "1.1.1.1\n4.4.4.4\n"), taken(1, 2));
    assert_eq!(world.over(), ["3.3.3.3/32 3"]);
    // Taken back for good, whatever becomes of the feed, until one names it again.
    world.store.remove("a").unwrap();
    world.pull("b", "9.9.9.9\n");
    assert_eq!(world.over(), ["2.2.2.2/32 4", "3.3.3.3/32 3"]);
    world.pull("b", "9.9.9.9\n3.3.3.0/24\n");
    assert_eq!(world.over(), ["2.2.2.2/32 4"]);
    assert_eq!(world.copies("b"), ["3"]);
}

#[test]
fn a_feed_that_comes_empty_or_shrinks_by_more_than_half_is_held_back() {
    let mut world = World::new();
    let (four, two, one) = (
        "1.1.1.1\n2.2.2.2\n3.3.3.3\n4.4.4.4\n",
        "1.1.1.1\n2.2.2.2\n",
        "1.1.1.1\n",
    );
    assert!(matches!(world.pull("a", "# nothing\n"), Pulled::Held(_)));
    assert_eq!(world.status("a").copy, None);
    world.pull("a", four);
    assert_eq!(world.status("a").held, None);
    assert!(
        matches!(world.pull("a", one), Pulled::Held(why) if why.contains("from 4 prefixes to 1"))
    );
    assert!(matches!(world.pull("a", ""), Pulled::Held(_)));
    assert!(world.over().is_empty());
    let status = world.status("a");
    assert_eq!(
        (
            status.copy.unwrap().prefixes,
            status.held.unwrap().copy.prefixes
        ),
        (4, 0)
    );
    assert_eq!(world.copies("a").len(), 2);
    // Half is no more than half.
    assert!(matches!(world.pull("a", two), Pulled::Taken { .. }));
    assert!(matches!(world.pull("a", ""), Pulled::Held(_)));
    let confirmed = world.pull_how("a", Next::Error, CONFIRM).unwrap();
    assert_eq!(confirmed, Pulled::Taken { added: 0, gone: 2 });
    assert_eq!(world.over().len(), 4);
    assert_eq!(world.status("a").held, None);
    // Without anything held back, whatever comes is right.
    world.pull("b", four);
    let confirmed = world
        .pull_how("b", Next::Text(one.into()), CONFIRM)
        .unwrap();
    assert_eq!(confirmed, Pulled::Taken { added: 0, gone: 3 });
}

#[test]
fn what_fails_leaves_the_last_good_copy_and_says_since_when() {
    let mut world = World::new();
    world.pull("a", "1.1.1.1\n2.2.2.2\n");
    let good = world.status("a").copy;
    for times in 1..=2 {
        let error = world
            .pull_how("a", Next::Error, Pull::default())
            .unwrap_err();
        assert_eq!(error.to_string(), "the host does not answer");
        let status = world.status("a");
        let failing = status.failing.unwrap();
        assert_eq!((failing.since, failing.times), (Time(2 * HOUR), times));
        assert_eq!(failing.error, "the host does not answer");
        assert_eq!(status.copy, good);
    }
    // Half a document is none.
    let half = Next::Text("{\"type\": \"bundle\", \"objects\": [".into());
    let error = world.pull_how("a", half, Pull::default()).unwrap_err();
    assert!(error.to_string().starts_with("feed a: "), "{error}");
    assert_eq!(world.copies("a"), ["1"]);
    assert_eq!(
        world
            .pull_how("a", Next::Unchanged, Pull::default())
            .unwrap(),
        Pulled::Unchanged
    );
    let status = world.status("a");
    let good = good.map(|copy| Copy {
        heard: Time(5 * HOUR),
        ..copy
    });
    assert_eq!((status.copy, status.failing), (good, None));
    assert_eq!(status.checked, Some(Time(5 * HOUR)));
    // The same bytes are the same copy, whatever the server says.
    assert_eq!(world.pull("a", "1.1.1.1\n2.2.2.2\n"), Pulled::Unchanged);
    assert!(world.over().is_empty());
}

#[test]
fn a_pull_waits_for_its_time_and_a_source_for_its_hour() {
    let due = Pull {
        only_due: true,
        confirm: false,
    };
    let mut world = World::of("source = \"https://x.example/\"\nevery = \"PT3H\"\n");
    world.pull("a", "1.1.1.1\n");
    for _ in 0..2 {
        let pulled = world.pull_how("a", Next::Unchanged, due).unwrap();
        assert_eq!(pulled, Pulled::NotDue(Time(4 * HOUR)));
    }
    assert_eq!(
        world.pull_how("a", Next::Unchanged, due).unwrap(),
        Pulled::Unchanged
    );
    let mut world = World::of("source = \"https://www.spamhaus.org/drop/drop.txt\"\n");
    // An error is an answer too: a server that refuses is not asked again at once.
    world
        .pull_how("a", Next::Error, Pull::default())
        .unwrap_err();
    let puller = Puller {
        store: &world.store,
        obtain: &world.script,
        now: Time(2 * HOUR - 1),
    };
    let came = puller.pull("a", Pull::default(), &mut |_, _| {}).unwrap();
    assert_eq!(came, Pulled::NotDue(Time(2 * HOUR)));
}

#[test]
fn first_seen_stays_last_seen_goes_on_and_what_nobody_is_sure_of_is_over() {
    let mut world = World::of(
        "source = \"https://x.example/\"\nhalf_life = \"PT10H\"\nleast_confidence = 30\n",
    );
    world.pull("a", "1.1.1.1\n");
    world.pull("a", "1.1.1.1\n2.2.2.2\n");
    world.hours = 9;
    world
        .pull_how("a", Next::Unchanged, Pull::default())
        .unwrap();
    let merged = world.store.merged(None).unwrap();
    let seen: Vec<(u64, u64)> = merged
        .iter()
        .map(|(_, _, about)| (about.first_seen.unwrap().0, about.last_seen.unwrap().0))
        .map(|(first, last)| (first / HOUR, last / HOUR))
        .collect();
    assert_eq!(seen, [(1, 10), (2, 10)]);
    // Half of 50 is too little: nobody has heard of it for ten hours.
    world.hours = 19;
    world.pull("b", "9.9.9.9\n");
    assert_eq!(world.over(), ["1.1.1.1/32 20", "2.2.2.2/32 20"]);
    // Who fails, or comes empty, says nothing of what was there before.
    world
        .pull_how("a", Next::Error, Pull::default())
        .unwrap_err();
    assert!(matches!(world.pull("a", ""), Pulled::Held(_)));
    world.pull("b", "9.9.9.9\n8.8.8.8\n");
    assert_eq!(world.over(), ["1.1.1.1/32 20", "2.2.2.2/32 20"]);
    // It is named still, so somebody is sure again.
    world
        .pull_how("a", Next::Unchanged, Pull::default())
        .unwrap();
    assert!(world.over().is_empty());
}

#[test]
fn an_end_that_a_feed_says_stands_before_it_comes() {
    let mut world =
        World::of("source = \"https://x.example/\"\nformat = \"csv\"\nmap = \"value=1,until=2\"\n");
    world.pull("a", "1.1.1.1,1970-01-01T05:00:00Z\n2.2.2.2,\n");
    assert_eq!(world.over(), ["1.1.1.1/32 5"]);
    world.pull("b", "1.1.1.1,1970-01-01T07:00:00Z\n");
    assert_eq!(world.over(), ["1.1.1.1/32 7"]);
}

#[test]
fn a_pull_that_ends_halfway_is_made_again() {
    let mut world = World::new();
    world.pull("a", "1.1.1.1\n2.2.2.2\n");
    let file = world.folder.path().join("a/status.json");
    let status = crate::capped::read(file, 1 << 20).unwrap();
    let first = world.folder.path().join("a/1");
    let kept = world.folder.path().join("kept");
    assert!(
        std::process::Command::new("cp")
            .arg("-a")
            .args([&first, &kept])
            .status()
            .unwrap()
            .success()
    );
    world.pull("a", "2.2.2.2\n");
    assert_eq!(world.over(), ["1.1.1.1/32 2"]);
    // As if it had ended before it was written down what holds, but after what is over.
    fs::write(world.folder.path().join("a/status.json"), status).unwrap();
    fs::rename(kept, first).unwrap();
    assert_eq!(
        world.pull("a", "2.2.2.2\n"),
        Pulled::Taken { added: 0, gone: 1 }
    );
    assert_eq!(world.over(), ["1.1.1.1/32 2"]);
    assert_eq!(world.copies("a"), ["2"]);
}
