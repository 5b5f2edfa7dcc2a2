//! What is not recorded leaves nothing behind but its counters.
//!
//! Domestic, unknown, excluded and unmatched packets go through a real sensor beside
//! packets that are recorded. Then everything that could hold a trace of them is
//! searched: all maps, while the agent stands still and has not drained them, and all
//! files and outputs, then and after the end. The same search finds what is recorded
//! where it has to be, and nowhere else.

#![expect(clippy::unwrap_used, reason = "all of this crate is tests")]

mod complete;
mod kinds;
mod places;
mod retired;
mod town;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use sensor_common::{Stat, Verdict};
use sensor_tests::{
    dump::Dump,
    require,
    sensor::{Lines, Signal},
    wait,
};

use crate::{
    kinds::Outcome,
    places::{Files, Places, find, found_only},
    town::Town,
};

#[test]
fn what_is_not_recorded_leaves_nothing_but_its_counters() {
    require!(privilege);
    require!(tool "bpftool");
    let (town, files) = (Town::new(), Files::new());
    let mut sensor = files.launch(&town).ready();

    town.speak(0);
    wait::until("the notice of each recorded flow is written", || {
        let lines = Lines::parse(&files.output());
        (lines.events().count() >= town.flows()).then_some(())
    });
    let (_, program) = town.road.barrier.attached("r0").unwrap();
    wait::until("the ring has room again for what was written", || {
        let dump = Dump::of(sensor.process(), program, Some(&files.pins));
        let (consumed, _) = dump.map("EVENTS").positions.unwrap();
        (consumed > 0).then_some(())
    });
    sensor.freeze();
    town.speak(1);

    assert_eq!(town.road.barrier.attached("r1").unwrap().1, program);
    let dump = Dump::of(sensor.process(), program, Some(&files.pins));
    complete::is_all(&dump, 1);
    each_has_its_verdict(&town, &counters(&dump));
    the_ring_is_read_and_unread(&dump);
    the_kernel_holds_what_is_recorded(&town, &places::maps(&dump));
    files_hold_foreign_ends(&town, &files.all(&sensor));

    sensor.signal(Signal::SIGCONT);
    sensor.signal(Signal::SIGTERM);
    wait::until("the sensor ends", || sensor.has_ended().then_some(()));
    files_hold_foreign_ends(&town, &files.all(&sensor));
    let ended = sensor.end();
    assert_eq!(ended.status, Some(0), "{}", ended.stderr);
    assert!(!ended.stderr.contains("sekisho: "), "{}", ended.stderr);
    the_output_accounts_for_all(&town, &Lines::parse(&files.output()));
    assert_eq!(files.pins.all(), Vec::<PathBuf>::new());
    complete::are_gone(&dump);
}

/// The sensor's counters, summed over CPUs, by bpftool.
fn counters(dump: &Dump) -> BTreeMap<Verdict, u64> {
    let cells: Vec<u64> = complete::cells(dump.map("STATS"));
    let verdicts = Verdict::ALL.map(|verdict| (verdict, cells[Stat::Verdict(verdict).cell()]));
    BTreeMap::from(verdicts)
}

/// Each packet was seen and got the verdict of its kind. Besides there are the kernel's own
/// packets, which announce multicast groups: unmatched, or not read where they have an
/// extension header, and no more than the hosts' kernels have sent.
fn each_has_its_verdict(town: &Town, verdicts: &BTreeMap<Verdict, u64>) {
    let own = town.sent() - town.all();
    let mut further = 0;
    for (verdict, &count) in verdicts {
        let expected = town.expected(*verdict);
        let is_as_expected = match verdict {
            Verdict::NoMatch | Verdict::Unsupported => {
                further += count.saturating_sub(expected);
                count >= expected
            }
            _ => count == expected,
        };
        assert!(is_as_expected, "{}: {count} of {expected}", verdict.name());
    }
    assert!(further <= own, "{further} of {own}: {verdicts:?}");
}

/// The ring buffer has notices that were consumed, and others that were not.
fn the_ring_is_read_and_unread(dump: &Dump) {
    let (consumed, produced) = dump.map("EVENTS").positions.unwrap();
    assert!(0 < consumed && consumed < produced, "{consumed} {produced}");
}

/// Both ends of what is recorded are in the flow banks and in the ring buffer; nothing else
/// of any packet is in any map.
fn the_kernel_holds_what_is_recorded(town: &Town, maps: &Places) {
    assert_eq!(find(&town.nowhere(), maps), BTreeSet::new());
    let within = ["EVENTS", "FLOWS"];
    let recorded = &town.foreign() | &town.domestic();
    found_only(&recorded, "network order", &within, maps);
}

/// The foreign ends of what is recorded are in the output, with the ports; nothing else of
/// any packet is in any file or message.
fn files_hold_foreign_ends(town: &Town, files: &Places) {
    assert_eq!(find(&town.nowhere(), files), BTreeSet::new());
    let unrecorded = town.ports(|outcome| matches!(outcome, Outcome::Counted(_)));
    assert_eq!(find(&unrecorded, files), BTreeSet::new());
    found_only(&town.domestic(), "text", &[], files);
    found_only(&town.foreign(), "text", &["output.jsonl"], files);
    let recorded = town.ports(|outcome| matches!(outcome, Outcome::Recorded(..)));
    let found = find(&recorded, files).into_iter().map(|(place, _)| place);
    assert_eq!(
        found.collect::<BTreeSet<_>>(),
        ["output.jsonl".into()].into()
    );
}

fn the_output_accounts_for_all(town: &Town, lines: &Lines) {
    lines.account();
    let verdicts = Verdict::ALL.map(|verdict| (verdict, lines.verdict(verdict.name())));
    each_has_its_verdict(town, &verdicts.into());

    let mut expected: BTreeMap<&str, u64> = BTreeMap::new();
    for (class, packets) in town.recorded() {
        *expected.entry(class).or_default() += packets;
    }
    let mut classes: BTreeMap<&str, u64> = BTreeMap::new();
    for flow in lines.flows() {
        *classes.entry(flow["class"].as_str().unwrap()).or_default() +=
            flow["packets"].as_u64().unwrap();
    }
    assert_eq!(classes, expected);
}
