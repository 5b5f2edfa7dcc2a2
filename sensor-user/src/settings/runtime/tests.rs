use sensor_common::WIRE_VERSION;

use super::*;
use crate::{
    loaded::Interface,
    places::Layers,
    settings::lab,
    watchlist::{Watchlist, in_order},
};

fn loaded(generation: u64) -> Loaded {
    let mut watchlist = Watchlist::default();
    watchlist.add_feed("list".into(), [("192.0.2.0/24".parse().unwrap(), 7)]);
    Loaded {
        wire_version: WIRE_VERSION,
        run: 7,
        boot_id: "boot".into(),
        unix_at_boot: 5,
        generation,
        moments: Vec::new(),
        lab: true,
        interfaces: vec![Interface {
            name: "r0".into(),
            index: 3,
            slot: 0,
        }],
        own_addresses: Vec::new(),
        approvals: in_order(&[lab::replay()]),
        layers: Layers::lab(),
        watchlist,
    }
}

#[test]
fn a_snapshot_is_read_as_it_was_stored_and_the_latest_counts() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = RuntimeFolder::lock(folder.path()).unwrap();
    for generation in [1, 2, 10] {
        runtime.store(&loaded(generation)).unwrap();
    }
    assert_eq!(runtime.load(2).unwrap(), Some(loaded(2)));
    assert_eq!(runtime.load(3).unwrap(), None);
    assert_eq!(latest(folder.path()).unwrap(), (loaded(10), true));
    runtime.keep_only(2).unwrap();
    drop(runtime);
    assert_eq!(latest(folder.path()).unwrap(), (loaded(2), false));
}

#[test]
fn what_a_dead_agent_was_writing_is_removed_by_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let unfinished = folder.path().join("loaded-3.json.new");
    fs::write(&unfinished, "{").unwrap();
    let _runtime = RuntimeFolder::lock(folder.path()).unwrap();
    assert!(!unfinished.exists());
}

#[test]
fn one_agent_at_a_time_and_nothing_where_there_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let held = RuntimeFolder::lock(folder.path()).unwrap();
    let refused = RuntimeFolder::lock(folder.path()).unwrap_err();
    assert!(matches!(refused, RuntimeError::Busy { .. }), "{refused}");
    drop(held);
    let refused = latest(folder.path()).unwrap_err();
    assert!(matches!(refused, RuntimeError::Nothing { .. }), "{refused}");
    let refused = latest(&folder.path().join("none")).unwrap_err();
    assert!(matches!(refused, RuntimeError::Nothing { .. }), "{refused}");
}

#[test]
fn what_an_earlier_boot_loaded_is_not_loaded() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = RuntimeFolder::lock(folder.path()).unwrap();
    let mut loaded = loaded(1);
    loaded.boot_id = BootId(5).to_string();
    runtime.store(&loaded).unwrap();
    let path = folder.path();
    assert_eq!(
        latest_since(BootId(5), path).unwrap(),
        (loaded.clone(), true)
    );
    let refused = latest_since(BootId(6), path).unwrap_err();
    assert!(
        matches!(refused, RuntimeError::OtherBoot { .. }),
        "{refused}"
    );
    assert_eq!(of_generation(path, 1).unwrap(), Some(loaded));
    assert_eq!(of_generation(path, 2).unwrap(), None);
    assert_eq!(runtime.clear().unwrap(), [path.join("loaded-1.json")]);
    assert!(runtime.clear().unwrap().is_empty());
    assert_eq!(of_generation(path, 1).unwrap(), None);
}

#[test]
fn a_snapshot_of_another_version_or_cut_short_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = RuntimeFolder::lock(folder.path()).unwrap();
    let mut other = loaded(1);
    other.wire_version += 1;
    runtime.store(&other).unwrap();
    assert!(matches!(runtime.load(1), Err(RuntimeError::Unclear { .. })));
    let text = serde_json::to_string(&loaded(1)).unwrap();
    fs::write(folder.path().join("loaded-1.json"), &text[..text.len() / 2]).unwrap();
    assert!(matches!(runtime.load(1), Err(RuntimeError::Unclear { .. })));
}

/// The watchlists that are stored in a folder.
fn watchlists(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap();
    let mut found: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    found.retain(|file| file.display().to_string().contains("/watchlist-"));
    found.sort();
    found
}

fn with_line(generation: u64, line: u32) -> Loaded {
    let mut loaded = loaded(generation);
    let prefix = "198.51.100.0/24".parse().unwrap();
    loaded.watchlist.add_feed("more".into(), [(prefix, line)]);
    loaded
}

#[test]
fn a_watchlist_is_stored_once_and_goes_with_the_last_snapshot_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let runtime = RuntimeFolder::lock(path).unwrap();
    runtime.store(&loaded(1)).unwrap();
    let first = watchlists(path);
    let written = first[0].metadata().unwrap().modified().unwrap();
    runtime.store(&loaded(2)).unwrap();
    assert_eq!((watchlists(path), first.len()), (first.clone(), 1));
    assert_eq!(first[0].metadata().unwrap().modified().unwrap(), written);
    runtime.store(&with_line(3, 1)).unwrap();
    runtime.store(&with_line(4, 2)).unwrap();
    assert_eq!(watchlists(path).len(), 3);
    runtime.remove(1).unwrap();
    runtime.remove(4).unwrap();
    assert_eq!(watchlists(path).len(), 2);
    assert_eq!(runtime.load(2).unwrap(), Some(loaded(2)));
    assert_eq!(runtime.load(3).unwrap(), Some(with_line(3, 1)));
    runtime.keep_only(2).unwrap();
    assert_eq!(watchlists(path), first);
    // What was stored last is known by its hash, and has gone: it is written again.
    runtime.store(&with_line(5, 2)).unwrap();
    assert_eq!(runtime.load(5).unwrap(), Some(with_line(5, 2)));
    drop(runtime);
    fs::remove_file(path.join("loaded-5.json")).unwrap();
    fs::write(path.join("watchlist-0.new"), "half").unwrap();
    let runtime = RuntimeFolder::lock(path).unwrap();
    assert_eq!(watchlists(path), first);
    runtime.clear().unwrap();
    assert!(watchlists(path).is_empty());
}

#[test]
fn a_watchlist_that_is_missing_or_damaged_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = RuntimeFolder::lock(folder.path()).unwrap();
    let refused = || {
        let refused = runtime.load(1).unwrap_err();
        assert!(matches!(refused, RuntimeError::Unclear { .. }), "{refused}");
        refused
            .to_string()
            .replace(&folder.path().display().to_string(), "")
    };
    runtime.store(&loaded(1)).unwrap();
    let file = watchlists(folder.path()).remove(0);
    let name = file.file_name().unwrap().to_str().unwrap();
    let whole = capped::read(&file, 1000).unwrap();
    let other = format!(
        "/{name}: is no snapshot of this version: it has other bytes than were \
                         written; remove it"
    );
    fs::write(&file, &whole[..whole.len() - 1]).unwrap();
    assert_eq!(refused(), other);
    let mut flipped = whole;
    flipped[30] ^= 1;
    fs::write(&file, &flipped).unwrap();
    assert_eq!(refused(), other);
    fs::remove_file(&file).unwrap();
    let missing = refused();
    assert!(missing.starts_with("/loaded-1.json: is no snapshot of this version: its watchlist "));
    assert!(missing.ends_with("is not there; remove it"), "{missing}");
    let text = capped::read_to_string(folder.path().join("loaded-1.json"), 1 << 20).unwrap();
    let text = text.replace(name.strip_prefix("watchlist-").unwrap(), "../../etc/passwd");
    fs::write(folder.path().join("loaded-1.json"), text).unwrap();
    assert!(refused().contains("it names no watchlist"));
}
