//! The table of what is recorded and what is not: class, direction, territory, exclusion,
//! operators, validity and fields, in IPv4 and IPv6.

#[path = "verdicts/approvals.rs"]
mod approvals;
#[path = "verdicts/permits.rs"]
mod permits;
#[path = "verdicts/places.rs"]
mod places;
#[path = "verdicts/row.rs"]
mod row;
#[path = "verdicts/terms.rs"]
mod terms;
#[path = "verdicts/world.rs"]
mod world;

use std::collections::{BTreeMap, BTreeSet};

use sekisho::kernel::Datapath as _;
use sensor_common::{FlowKey, FlowValue, ReplayContext, SlotCounts, Stat, Verdict};
use sensor_tests::require;

use self::{
    row::Row,
    world::{Family, World},
};
use crate::rig::{Rig, at_once};

/// Rows that the table has at least.
const LEAST: usize = 80;

/// What came of one packet.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    verdicts: Vec<Verdict>,
    slot_counts: Vec<(u32, SlotCounts)>,
    flows: BTreeMap<FlowKey, FlowValue>,
}

/// A kernel and a fake in the world of the table.
struct Table {
    world: World,
    rig: Rig,
}

impl Table {
    fn new() -> Self {
        let world = World::new(&permits::all());
        let mut rig = Rig::new(true, 1024);
        let own = Family::ALL.map(|family| family.address("40.2.90.1"));
        rig.kernel.set_own_addresses(own).unwrap();
        rig.fake.set_own_addresses(own);
        rig.publish(&world.compiled);
        Self { world, rig }
    }

    fn run(&mut self, row: &Row, family: Family) -> Outcome {
        let verdicts = self.rig.kernel.counters().unwrap();
        let counts = self.rig.kernel.slot_counts().unwrap();
        let frame = row.packet(family).build();
        let context = ReplayContext {
            time: row.time,
            interface: row.interface,
            ..at_once(&frame)
        };
        self.rig.receive(&frame, context);
        let verdicts_after = self.rig.kernel.counters().unwrap();
        let counts_after = self.rig.kernel.slot_counts().unwrap();
        let given = |verdict: &Verdict| {
            let cell = Stat::Verdict(*verdict).cell();
            verdicts_after[cell] != verdicts[cell]
        };
        let slot_counts = (0..).zip(counts.iter().zip(&counts_after));
        let slot_counts = slot_counts.filter(|(_, (before, after))| before != after);
        Outcome {
            verdicts: Verdict::ALL.into_iter().filter(given).collect(),
            slot_counts: slot_counts
                .map(|(slot, (before, after))| (slot, less(after, before)))
                .collect(),
            flows: self.rig.drain(),
        }
    }

    fn expected(&self, row: &Row, family: Family) -> Outcome {
        Outcome {
            verdicts: vec![row.verdict],
            slot_counts: row.slot_counts(&self.world),
            flows: row.flow(&self.world, family).into_iter().collect(),
        }
    }

    /// Runs rows in both families, and reports all that came out otherwise.
    fn check(mut self, rows: &[Row]) {
        let mut wrong = Vec::new();
        for row in rows {
            for family in Family::ALL {
                if !row.is_of(family) {
                    continue;
                }
                let (found, expected) = (self.run(row, family), self.expected(row, family));
                if found != expected {
                    let name = &row.name;
                    wrong.push(format!(
                        "{name}, {family:?}:\n  found    {found:?}\n  expected {expected:?}"
                    ));
                }
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        self.rig.counted();
    }
}

fn less(after: &SlotCounts, before: &SlotCounts) -> SlotCounts {
    let mut difference = *after;
    for (cell, before) in difference.packets.iter_mut().zip(before.packets) {
        *cell -= before;
    }
    difference
}

fn rows() -> Vec<Row> {
    [places::rows(), approvals::rows(), terms::rows()].concat()
}

#[test]
fn the_table_is_complete_and_every_row_has_a_name_of_its_own() {
    let rows = rows();
    let names: BTreeSet<&str> = rows.iter().map(|row| row.name.as_str()).collect();
    assert_eq!(names.len(), rows.len(), "two rows of one name");
    assert!(rows.len() >= LEAST, "{} rows", rows.len());
    for family in Family::ALL {
        let of_family = rows.iter().filter(|row| row.is_of(family)).count();
        assert!(of_family >= LEAST, "{of_family} rows in {family:?}");
    }
}

#[test]
fn every_pair_of_places_has_its_class_and_direction_or_is_never_recorded() {
    require!(privilege);
    Table::new().check(&places::rows());
}

#[test]
fn approvals_narrow_to_those_that_cover_the_packet() {
    require!(privilege);
    Table::new().check(&approvals::rows());
}

#[test]
fn terms_hold_to_the_nanosecond_and_the_field() {
    require!(privilege);
    Table::new().check(&terms::rows());
}
