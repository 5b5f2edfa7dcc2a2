//! Both readers side by side: first flow by flow, then, where these differ, frame by frame.

use std::collections::{BTreeMap, BTreeSet};

use super::frames::Frames;
use crate::commands::count::{Count, Counts, Flow};

/// One packet as a reader has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Packet {
    pub(super) flow: Flow,
    /// From the IP header on, by its length.
    pub(super) octets: u64,
}

/// Frames that the readers have otherwise, alike in what either makes of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Difference {
    /// None where tshark shows no IP header in them.
    pub(super) tshark: Option<(Flow, Count)>,
    /// None where the sensor has them in no flow.
    pub(super) sensor: Option<(Flow, Count)>,
    /// None of them where it cannot be told which frames they are.
    pub(super) frames: Frames,
    /// Whether tshark says of a header in each of them that it contradicts.
    pub(super) contradicts: bool,
}

/// The flows of packets.
pub(super) fn fold<'a>(packets: impl IntoIterator<Item = &'a Packet>) -> Counts {
    let mut flows = Counts::new();
    for packet in packets {
        *flows.entry(packet.flow).or_default() += packet.count();
    }
    flows
}

impl Packet {
    fn count(&self) -> Count {
        Count {
            packets: 1,
            octets: self.octets,
        }
    }
}

/// Flows that one reader does not have, or has with other counts.
pub(super) fn by_flow(tshark: &Counts, sensor: &Counts) -> Vec<Difference> {
    let flows: BTreeSet<&Flow> = tshark.keys().chain(sensor.keys()).collect();
    let both = flows.into_iter().map(|flow| Difference {
        tshark: tshark.get(flow).map(|count| (*flow, *count)),
        sensor: sensor.get(flow).map(|count| (*flow, *count)),
        ..Difference::default()
    });
    both.filter(|difference| difference.tshark != difference.sensor)
        .collect()
}

/// The first frames that may differ, as these flows do: those that tshark has in one of them, and
/// where it has not all of them, those that it has in none.
pub(super) fn suspects(tshark: &[Option<Packet>], flows: &[Difference], most: usize) -> Frames {
    let known: BTreeSet<Flow> = flows.iter().filter_map(|one| one.tshark).map(of).collect();
    let is_more = |one: &Difference| {
        let packets = |side: Option<(Flow, Count)>| side.map_or(0, |(_, count)| count.packets);
        packets(one.sensor) > packets(one.tshark)
    };
    let with_none = flows.iter().any(is_more);
    let shown = (1..).zip(tshark);
    let suspects = shown.filter(|(_, packet)| match packet {
        Some(packet) => known.contains(&packet.flow),
        None => with_none,
    });
    Frames(suspects.map(|(frame, _)| frame).take(most).collect())
}

fn of((flow, _): (Flow, Count)) -> Flow {
    flow
}

/// Frames, of those that were looked at, that one reader does not have, or has in another flow or
/// with other octets. `contradicting` are those of which tshark says so.
pub(super) fn by_frame(
    (tshark, contradicting): (&[Option<Packet>], &BTreeSet<u64>),
    sensor: &BTreeMap<u64, Packet>,
    among: &Frames,
) -> Vec<Difference> {
    type Sides = (Option<Flow>, Option<Flow>, bool);
    let mut differences: BTreeMap<Sides, Difference> = BTreeMap::new();
    let shown = (1..).zip(tshark.iter().copied());
    for (frame, shown) in shown.filter(|(frame, _)| among.0.contains(frame)) {
        let recorded = sensor.get(&frame).copied();
        if shown == recorded {
            continue;
        }
        let flow = |packet: Option<Packet>| packet.map(|packet| packet.flow);
        let difference = differences
            .entry((flow(shown), flow(recorded), contradicting.contains(&frame)))
            .or_default();
        difference.contradicts = contradicting.contains(&frame);
        add(&mut difference.tshark, shown);
        add(&mut difference.sensor, recorded);
        difference.frames.0.insert(frame);
    }
    differences.into_values().collect()
}

fn add(side: &mut Option<(Flow, Count)>, packet: Option<Packet>) {
    if let Some(packet) = packet {
        let (_, count) = side.get_or_insert((packet.flow, Count::default()));
        *count += packet.count();
    }
}

/// Flows whose difference is not that of their frames, each read by itself.
pub(super) fn left(flows: &[Difference], frames: &[Difference]) -> Vec<Difference> {
    let total = |sides: &mut dyn Iterator<Item = Option<(Flow, Count)>>, of: Flow| {
        let mut total = Count::default();
        for (flow, count) in sides.flatten() {
            if flow == of {
                total += count;
            }
        }
        total
    };
    let accounted = |difference: &&Difference| {
        let Some((flow, _)) = difference.tshark.or(difference.sensor) else {
            return true;
        };
        let mut one = difference
            .tshark
            .map_or(Count::default(), |(_, count)| count);
        let mut other = difference
            .sensor
            .map_or(Count::default(), |(_, count)| count);
        one += total(&mut frames.iter().map(|frame| frame.sensor), flow);
        other += total(&mut frames.iter().map(|frame| frame.tshark), flow);
        one == other
    };
    let left = flows.iter().filter(|flow| !accounted(flow));
    left.cloned().collect()
}

#[cfg(test)]
mod tests;
