//! The approvals for programs. `docs/explain.md` describes the members.

use std::collections::BTreeMap;

use sensor_common::{Class, Direction, Fields, Slot, SlotCounts, Verdict};
use serde::{Serialize, Serializer, ser::SerializeMap as _};

use super::listing::{Difference, Interface, Lease, Listing, Row};
use crate::{pipeline::Clock, words::timestamp};

/// Why a slot does not record a packet, in the order of the decision.
pub(super) const REASONS: [Verdict; SlotCounts::VERDICTS - 1] = [
    Verdict::Unapproved,
    Verdict::NotYet,
    Verdict::Expired,
    Verdict::Class,
    Verdict::Direction,
    Verdict::Interface,
    Verdict::Unattended,
];

impl Serialize for Listing {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Sensor {
            running: bool,
            attended: bool,
            attended_until: Option<String>,
            attended_until_boot_ns: u64,
            attended_left_ns: Option<u64>,
        }

        let Self {
            is_running,
            lease,
            attended_until,
            generation,
            lab,
            interfaces,
            rows,
            note,
            now,
            clock,
        } = self;
        let left = match lease {
            Lease::Left(left) => Some(*left),
            Lease::Never | Lease::Past(_) | Lease::TooFar => None,
        };
        let sensor = Sensor {
            running: *is_running,
            attended: left.is_some(),
            attended_until: (*lease != Lease::Never)
                .then(|| utc(*clock, *attended_until))
                .flatten(),
            attended_until_boot_ns: *attended_until,
            attended_left_ns: left,
        };
        let rows: Vec<Approval<'_>> = rows
            .iter()
            .map(|row| Approval { row, listing: self })
            .collect();
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("time", &utc(*clock, *now))?;
        map.serialize_entry("boot_ns", now)?;
        map.serialize_entry("sensor", &sensor)?;
        map.serialize_entry("generation", generation)?;
        map.serialize_entry("lab", lab)?;
        map.serialize_entry("interfaces", interfaces)?;
        map.serialize_entry("approvals", &rows)?;
        map.serialize_entry("note", note)?;
        map.end()
    }
}

impl Serialize for Interface {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { slot, index, name } = self;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("slot", slot)?;
        map.serialize_entry("index", index)?;
        map.serialize_entry("name", name)?;
        map.end()
    }
}

struct Approval<'a> {
    row: &'a Row,
    listing: &'a Listing,
}

impl Serialize for Approval<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { row, listing } = self;
        let clock = listing.clock;
        let Slot {
            begin,
            end,
            interfaces: _,
            own_addresses_only: _,
            epoch,
            fields,
            operator: _,
            classes,
            directions,
            reserved: _,
        } = row.terms;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("slot", &row.slot)?;
        map.serialize_entry("epoch", &epoch)?;
        map.serialize_entry("name", &row.is_named.then_some(&row.name))?;
        map.serialize_entry("lab", &row.is_lab)?;
        map.serialize_entry("state", row.state.name())?;
        map.serialize_entry("remark", &row.remark)?;
        map.serialize_entry("classes", &named(classes, &Class::ALL.map(Class::name)))?;
        map.serialize_entry(
            "directions",
            &named(directions, &Direction::ALL.map(Direction::name)),
        )?;
        map.serialize_entry("interfaces", &row.interfaces)?;
        map.serialize_entry("own_addresses_only", &row.own_addresses_only)?;
        map.serialize_entry("operator", &row.operator)?;
        map.serialize_entry("fields", &field_names(fields))?;
        map.serialize_entry("begin", &utc(clock, begin))?;
        map.serialize_entry("end", &utc(clock, end))?;
        map.serialize_entry("begin_boot_ns", &known(begin))?;
        map.serialize_entry("end_boot_ns", &known(end))?;
        map.serialize_entry("left_ns", &row.left_ns(listing.now))?;
        map.serialize_entry("recorded", &row.counts.of(Verdict::Recorded))?;
        map.serialize_entry("not_recorded", &not_recorded(&row.counts))?;
        map.serialize_entry("differs", &row.differs)?;
        map.end()
    }
}

impl Serialize for Difference {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { what, values } = self;
        let (kernel, snapshot) = values.as_ref().map_or((None, None), |(kernel, snapshot)| {
            (Some(kernel), Some(snapshot))
        });
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("what", what)?;
        map.serialize_entry("kernel", &kernel)?;
        map.serialize_entry("snapshot", &snapshot)?;
        map.end()
    }
}

fn not_recorded(counts: &SlotCounts) -> BTreeMap<&'static str, u64> {
    let reasons = REASONS.iter();
    reasons
        .map(|reason| (reason.name(), counts.of(*reason)))
        .collect()
}

fn named(mask: u8, names: &[&'static str]) -> Vec<&'static str> {
    let set = (0..).zip(names).filter(|(bit, _)| mask >> bit & 1 == 1);
    set.map(|(_, name)| *name).collect()
}

fn field_names(fields: Fields) -> Vec<&'static str> {
    let set = Fields::NAMED.into_iter();
    set.filter(|(_, field)| fields.has(*field))
        .map(|(name, _)| name)
        .collect()
}

/// A time since boot, unless it never comes.
fn known(boot: u64) -> Option<u64> {
    (boot != u64::MAX).then_some(boot)
}

/// The same as calendar time, RFC 3339.
fn utc(clock: Clock, boot: u64) -> Option<String> {
    known(boot).map(|boot| timestamp(clock.unix_ns(boot)).to_string())
}
