//! Puts together what the kernel counted of a flow in parts.
//!
//! A flow may come from several CPUs and several drains; here it becomes one. With
//! timeouts, as live, a flow leaves when it was idle or active for too long; without,
//! as in replay, when the table is drained.

use std::collections::{BTreeMap, btree_map::Entry};

use sensor_common::{FlowKey, FlowValue};
use sensor_records::RecordId;

/// A flow with its counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flow {
    /// The record that it becomes.
    pub record: RecordId,
    /// What makes it a flow.
    pub key: FlowKey,
    /// What was counted.
    pub value: FlowValue,
}

/// What a part of a flow did to the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Absorbed {
    /// The record that the flow of this part becomes.
    pub record: RecordId,
    /// Whether a flow begins with this part.
    pub begins: bool,
    /// The flow counted so far, when it had ended before this part began.
    pub ended: Option<Flow>,
}

/// When a flow is complete (IPFIX `flowIdleTimeout`, `flowActiveTimeout`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// Nanoseconds without a packet after which a flow has ended.
    pub idle: u64,
    /// Nanoseconds after which a flow that goes on is reported.
    pub active: u64,
}

/// Flows that are still being counted.
#[derive(Clone, Debug)]
pub struct FlowTable {
    timeouts: Option<Timeouts>,
    next: RecordId,
    flows: BTreeMap<FlowKey, (RecordId, FlowValue)>,
}

impl FlowTable {
    /// An empty table, of which the first flow becomes this record.
    pub const fn new(timeouts: Option<Timeouts>, next: RecordId) -> Self {
        Self {
            timeouts,
            next,
            flows: BTreeMap::new(),
        }
    }

    /// Whether the flow is in the table.
    pub fn has(&self, key: &FlowKey) -> bool {
        self.flows.contains_key(key)
    }

    /// The earliest generation that a flow in the table was counted under.
    pub fn earliest_generation(&self) -> Option<u64> {
        self.flows.keys().map(|key| key.generation).min()
    }

    /// Adds a part of a flow.
    pub fn absorb(&mut self, key: FlowKey, part: FlowValue) -> Absorbed {
        let (next, timeouts) = (&mut self.next, self.timeouts);
        let mut begun = || {
            let record = *next;
            next.0 += 1;
            record
        };
        let (record, known) = match self.flows.entry(key) {
            Entry::Vacant(place) => {
                let record = begun();
                place.insert((record, part));
                return Absorbed {
                    record,
                    begins: true,
                    ended: None,
                };
            }
            Entry::Occupied(known) => known.into_mut(),
        };
        let had_ended =
            timeouts.is_some_and(|timeouts| part.first.saturating_sub(known.last) >= timeouts.idle);
        if had_ended {
            let ended = Flow {
                record: *record,
                key,
                value: std::mem::replace(known, part),
            };
            *record = begun();
            return Absorbed {
                record: *record,
                begins: true,
                ended: Some(ended),
            };
        }
        known.absorb(&part);
        Absorbed {
            record: *record,
            begins: false,
            ended: None,
        }
    }

    /// Puts back a flow that was under way.
    pub fn resume(&mut self, flow: Flow) {
        let Flow { record, key, value } = flow;
        self.next = self.next.max(RecordId(record.0 + 1));
        self.flows.insert(key, (record, value));
    }

    /// The flows that are under way.
    pub fn under_way(&self) -> impl Iterator<Item = Flow> + '_ {
        let flows = self.flows.iter();
        flows.map(|(&key, &(record, value))| Flow { record, key, value })
    }

    /// Takes out the flows of generations before this one: no packet is judged by them any more.
    pub fn end_before(&mut self, generation: u64) -> Vec<Flow> {
        self.take_out(|key, _| key.generation < generation)
    }

    /// Takes out the flows that are complete at `now`.
    pub fn expire(&mut self, now: u64) -> Vec<Flow> {
        let Some(Timeouts { idle, active }) = self.timeouts else {
            return Vec::new();
        };
        let complete = |value: &FlowValue| {
            now.saturating_sub(value.last) >= idle || now.saturating_sub(value.first) >= active
        };
        self.take_out(|_, value| complete(value))
    }

    fn take_out(&mut self, is_wanted: impl Fn(&FlowKey, &FlowValue) -> bool) -> Vec<Flow> {
        let taken = self
            .flows
            .extract_if(.., |key, (_, value)| is_wanted(key, value));
        let flows = taken.map(|(key, (record, value))| Flow { record, key, value });
        in_order(flows.collect())
    }

    /// Takes out every flow.
    pub fn drain(&mut self) -> Vec<Flow> {
        self.take_out(|_, _| true)
    }
}

/// By first packet, then by key: the same input gives the same output.
fn in_order(mut flows: Vec<Flow>) -> Vec<Flow> {
    flows.sort_by_key(|flow| (flow.value.first, flow.key));
    flows
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(protocol: u8) -> FlowKey {
        FlowKey {
            protocol,
            ..FlowKey::default()
        }
    }

    fn part(first: u64, last: u64) -> FlowValue {
        FlowValue {
            packets: 1,
            octets: 40,
            first,
            last,
            ..FlowValue::default()
        }
    }

    const TIMEOUTS: Timeouts = Timeouts {
        idle: 10,
        active: 100,
    };

    #[test]
    fn without_timeouts_a_flow_is_one_however_many_parts_it_came_in() {
        let mut table = FlowTable::new(None, RecordId(1));
        for time in [5, 1_000, 1_000_000] {
            assert_eq!(table.absorb(key(6), part(time, time)).ended, None);
            assert_eq!(table.expire(time), []);
        }
        let flows = table.drain();
        assert_eq!(flows.len(), 1);
        assert_eq!((flows[0].value.packets, flows[0].value.first), (3, 5));
        assert_eq!(table.drain(), []);
    }

    #[test]
    fn idle_and_active_flows_leave_at_their_timeout() {
        let mut table = FlowTable::new(Some(TIMEOUTS), RecordId(1));
        table.absorb(key(6), part(0, 0));
        assert_eq!(table.expire(9), []);
        assert_eq!(table.expire(10).len(), 1);
        for time in (0..100).step_by(5) {
            table.absorb(key(6), part(time, time));
            assert_eq!(table.expire(time), []);
        }
        assert_eq!(table.expire(100)[0].value.packets, 20);
    }

    #[test]
    fn a_part_after_the_idle_timeout_begins_another_flow() {
        let mut table = FlowTable::new(Some(TIMEOUTS), RecordId(1));
        table.absorb(key(6), part(0, 0));
        let absorbed = table.absorb(key(6), part(10, 10));
        assert!(absorbed.begins);
        let ended = absorbed.ended.unwrap();
        assert_eq!((ended.value.first, ended.value.packets), (0, 1));
        assert_eq!(table.drain()[0].value.first, 10);
    }

    proptest! {
        #[test]
        fn no_packet_is_lost_or_counted_twice(
            parts in prop::collection::vec((0..4u8, 0..50u64), 0..100),
            timeouts in prop::option::of((1..20u64, 1..40u64)),
        ) {
            let timeouts = timeouts.map(|(idle, active)| Timeouts { idle, active });
            let mut table = FlowTable::new(timeouts, RecordId(1));
            let (mut time, mut out) = (0, 0);
            for &(protocol, pause) in &parts {
                time += pause;
                let absorbed = table.absorb(key(protocol), part(time, time));
                out += absorbed.ended.map_or(0, |flow| flow.value.packets);
                out += table.expire(time).iter().map(|f| f.value.packets).sum::<u64>();
            }
            out += table.drain().iter().map(|f| f.value.packets).sum::<u64>();
            prop_assert_eq!(out, parts.len() as u64);
        }
    }
}
