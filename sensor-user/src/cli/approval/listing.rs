//! What the kernel holds, with the names that a snapshot gives.

use std::collections::BTreeMap;

use sensor_common::{LEASE_LIMIT, Slot, SlotCounts};

use crate::{
    clock::STEP,
    kernel::View,
    loaded::Loaded,
    pipeline::Clock,
    watchlist::InForce,
    words::{span, utc},
};

/// What a listing is made of.
pub(super) struct Sources<'a> {
    /// What the kernel holds.
    pub(super) view: &'a View,
    /// The snapshot of the same generation, or why there is none.
    pub(super) snapshot: Result<&'a Loaded, &'a str>,
    /// Nanoseconds since boot.
    pub(super) now: u64,
    /// The clock of the times.
    pub(super) clock: Clock,
}

/// All that is listed.
#[derive(Debug)]
pub(super) struct Listing {
    /// Whether an agent lives.
    pub(super) is_running: bool,
    /// How long it is attended.
    pub(super) lease: Lease,
    /// The deadline promised, in nanoseconds since boot.
    pub(super) attended_until: u64,
    /// The generation in force; 0 is none.
    pub(super) generation: u64,
    /// Whether it is lab; `None` without a snapshot.
    pub(super) lab: Option<bool>,
    /// The interfaces by slot.
    pub(super) interfaces: Vec<Interface>,
    /// The approvals by slot.
    pub(super) rows: Vec<Row>,
    /// Why names are missing.
    pub(super) note: Option<String>,
    /// When this was so: nanoseconds since boot.
    pub(super) now: u64,
    /// The clock of the times.
    pub(super) clock: Clock,
}

/// What is left of the agent's promise to attend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lease {
    /// Nothing was promised yet.
    Never,
    /// Nanoseconds to its end.
    Left(u64),
    /// Nanoseconds since its end.
    Past(u64),
    /// It ends later than any may, so it does not count.
    TooFar,
}

/// An interface that is watched.
#[derive(Debug)]
pub(super) struct Interface {
    pub(super) slot: u32,
    /// Its index, unless it is no longer watched.
    pub(super) index: Option<u32>,
    pub(super) name: String,
}

/// An approval.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) slot: u32,
    /// Its name, or its slot and generation.
    pub(super) name: String,
    /// Whether the name is its own.
    pub(super) is_named: bool,
    pub(super) is_lab: bool,
    pub(super) state: State,
    pub(super) remark: Option<&'static str>,
    /// What the kernel holds.
    pub(super) terms: Slot,
    /// Interfaces covered, by name.
    pub(super) interfaces: Vec<String>,
    /// Interfaces of which only own addresses are covered, by name.
    pub(super) own_addresses_only: Vec<String>,
    /// The operator it has the consent of.
    pub(super) operator: Option<String>,
    pub(super) counts: SlotCounts,
    /// Where the snapshot has something else.
    pub(super) differs: Vec<Difference>,
}

/// Something that the snapshot has otherwise.
#[derive(Debug)]
pub(super) struct Difference {
    pub(super) what: &'static str,
    /// In words, where it can be said in few.
    pub(super) values: Option<(String, String)>,
}

/// Whether an approval is in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Waiting,
    InForce,
    Unattended,
    Ended,
}

impl State {
    /// The name in JSON.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::InForce => "in_force",
            Self::Unattended => "unattended",
            Self::Ended => "ended",
        }
    }

    /// The same for people.
    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::InForce => "in force",
            other => other.name(),
        }
    }
}

impl Lease {
    /// As the kernel reckons: `now < until && until - now <= LEASE_LIMIT`.
    fn of(until: u64, now: u64) -> Self {
        match until.checked_sub(now) {
            _ if until == 0 => Self::Never,
            None | Some(0) => Self::Past(now - until),
            Some(left) if left <= LEASE_LIMIT => Self::Left(left),
            Some(_) => Self::TooFar,
        }
    }
}

impl Listing {
    pub(super) fn of(sources: &Sources<'_>) -> Self {
        let Sources {
            view,
            snapshot,
            now,
            clock,
        } = sources;
        let lease = Lease::of(view.attended_until, *now);
        let interfaces = interfaces(sources);
        let held: BTreeMap<u32, &InForce> = match snapshot {
            Ok(loaded) => (loaded.approvals.iter())
                .map(|held| (held.slot, held))
                .collect(),
            Err(_) => BTreeMap::new(),
        };
        let rows = (0..sensor_common::SLOTS)
            .filter_map(|slot| row(sources, slot, held.get(&slot).copied(), lease, &interfaces))
            .collect();
        Self {
            is_running: view.has_agent,
            lease,
            attended_until: view.attended_until,
            generation: view.generation,
            lab: snapshot.ok().map(|loaded| loaded.lab),
            interfaces,
            rows,
            // Before the first generation nothing is missing.
            note: snapshot
                .err()
                .filter(|_| view.generation > 0)
                .map(str::to_owned),
            now: *now,
            clock: *clock,
        }
    }
}

/// Those the kernel watches, and those it no longer does.
fn interfaces(sources: &Sources<'_>) -> Vec<Interface> {
    let mut interfaces: BTreeMap<u32, Interface> = BTreeMap::new();
    for &(index, slot) in &sources.view.interfaces {
        // Whoever asks may be in another network namespace, where another has this index.
        let name = format!("index {index}");
        let index = Some(index);
        interfaces.insert(slot, Interface { slot, index, name });
    }
    for known in sources
        .snapshot
        .iter()
        .flat_map(|loaded| &loaded.interfaces)
    {
        let slot = u32::from(known.slot);
        let interface = interfaces.entry(slot).or_insert_with(|| Interface {
            slot,
            index: None,
            name: String::new(),
        });
        interface.name.clone_from(&known.name);
    }
    interfaces.into_values().collect()
}

/// What a slot holds; `None` where neither kernel nor snapshot have anything there.
fn row(
    sources: &Sources<'_>,
    slot: u32,
    held: Option<&InForce>,
    lease: Lease,
    interfaces: &[Interface],
) -> Option<Row> {
    let view = sources.view;
    let terms = view.slots.get(slot as usize).copied().unwrap_or_default();
    let counts = view.slot_counts.get(slot as usize);
    let counts = counts.copied().unwrap_or_default();
    if terms == Slot::default() && counts == SlotCounts::default() && held.is_none() {
        return None;
    }
    let loaded = sources.snapshot.ok();
    // With another epoch the slot is another approval's.
    let is_other = held
        .is_some_and(|held| terms != Slot::default() && terms.epoch != held.approval.terms.epoch);
    let named = held.filter(|_| !is_other);
    // Every operator is for lab alone.
    let is_lab = loaded.is_some_and(|loaded| loaded.lab) || terms.operator == Slot::ANY_OPERATOR;
    let (state, remark) = state(&terms, sources.now, lease, is_lab);
    let of_mask = |mask: u64| names(interfaces, mask);
    Some(Row {
        slot,
        name: match named {
            Some(held) => held.approval.id.to_string(),
            None => format!("slot {slot} of generation {}", view.generation),
        },
        is_named: named.is_some(),
        is_lab,
        state,
        remark,
        terms,
        interfaces: of_mask(terms.interfaces),
        own_addresses_only: of_mask(terms.own_addresses_only & terms.interfaces),
        operator: operator(loaded, terms.operator),
        counts,
        differs: held.map_or_else(Vec::new, |held| differences(sources.clock, &terms, held)),
    })
}

fn state(terms: &Slot, now: u64, lease: Lease, is_lab: bool) -> (State, Option<&'static str>) {
    let is_attended = matches!(lease, Lease::Left(_));
    if now >= terms.end {
        (State::Ended, None)
    } else if is_lab && matches!(lease, Lease::Past(_)) {
        (State::Ended, Some("its lease ran out"))
    } else if now < terms.begin {
        (State::Waiting, None)
    } else if is_attended {
        (State::InForce, None)
    } else {
        (State::Unattended, None)
    }
}

/// The interfaces of a mask. Bits that belong to none are told, unless the mask has them all.
fn names(interfaces: &[Interface], mask: u64) -> Vec<String> {
    let has = |slot: u32| mask.checked_shr(slot).unwrap_or(0) & 1 == 1;
    let known = interfaces.iter().filter(|interface| has(interface.slot));
    let mut names: Vec<String> = known.map(|interface| interface.name.clone()).collect();
    if mask != u64::MAX {
        let is_known = |slot: u32| interfaces.iter().any(|interface| interface.slot == slot);
        let others = (0..u64::BITS).filter(|&slot| has(slot) && !is_known(slot));
        names.extend(others.map(|slot| format!("interface slot {slot}")));
    }
    names
}

fn operator(loaded: Option<&Loaded>, number: u16) -> Option<String> {
    match number {
        0 => None,
        Slot::ANY_OPERATOR => Some("any".into()),
        number => Some(
            loaded
                .and_then(|loaded| loaded.layers.operator(number))
                .map_or_else(|| format!("number {number}"), |known| known.id.to_string()),
        ),
    }
}

/// Where kernel and snapshot differ: the kernel's value counts.
fn differences(clock: Clock, kernel: &Slot, held: &InForce) -> Vec<Difference> {
    let snapshot = &held.approval.terms;
    let said = |what, kernel: String, snapshot: String| Difference {
        what,
        values: Some((kernel, snapshot)),
    };
    if kernel.epoch != snapshot.epoch {
        let in_kernel = match kernel.epoch {
            0 => "nothing".into(),
            epoch => format!("another, of epoch {epoch}"),
        };
        let (id, epoch) = (&held.approval.id, snapshot.epoch);
        return vec![said(
            "approval",
            in_kernel,
            format!("{id} of epoch {epoch}"),
        )];
    }
    let mut found = Vec::new();
    for (what, in_kernel, in_snapshot) in [
        ("begin", kernel.begin, snapshot.begin),
        ("end", kernel.end, snapshot.end),
    ] {
        // Every reading of the clocks narrows by the nanoseconds that readings differ.
        let narrowed = if what == "begin" {
            in_kernel.checked_sub(in_snapshot)
        } else {
            in_snapshot.checked_sub(in_kernel)
        };
        if narrowed.is_some_and(|by| u128::from(by) < STEP.as_nanos()) {
            continue;
        }
        if in_kernel != in_snapshot {
            found.push(said(what, time(clock, in_kernel), time(clock, in_snapshot)));
        }
    }
    for (what, is_same) in [
        ("interfaces", kernel.interfaces == snapshot.interfaces),
        (
            "own addresses only",
            kernel.own_addresses_only == snapshot.own_addresses_only,
        ),
        ("fields", kernel.fields == snapshot.fields),
        ("operator", kernel.operator == snapshot.operator),
        ("classes", kernel.classes == snapshot.classes),
        ("directions", kernel.directions == snapshot.directions),
    ] {
        if !is_same {
            found.push(Difference { what, values: None });
        }
    }
    found
}

/// A time since boot in words.
pub(super) fn time(clock: Clock, boot: u64) -> String {
    match boot {
        0 => "before this boot".into(),
        u64::MAX => "never".into(),
        boot => utc(clock.unix_ns(boot)),
    }
}

impl Row {
    /// What is left of it, in words; empty where it has ended.
    pub(super) fn left(&self, now: u64) -> String {
        match self.state {
            State::Ended => "-".into(),
            State::Waiting if self.terms.begin == u64::MAX => "never begins".into(),
            State::Waiting => format!("begins in {}", span(self.terms.begin - now)),
            State::InForce | State::Unattended if self.terms.end == Slot::FOREVER => {
                "no end".into()
            }
            State::InForce | State::Unattended => span(self.terms.end - now),
        }
    }

    /// The same as a number of nanoseconds to the end.
    pub(super) fn left_ns(&self, now: u64) -> Option<u64> {
        let has_end = self.state != State::Ended && self.terms.end != Slot::FOREVER;
        has_end.then(|| self.terms.end.saturating_sub(now))
    }
}

#[cfg(test)]
mod tests;
