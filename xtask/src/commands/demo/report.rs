//! What the demo tells at its end: what was recorded, what was not and why, and what
//! the second reader says of it.

mod table;
mod text;
mod words;

use std::collections::BTreeMap;

use anyhow::{Result, bail};

use super::{
    count::{Count, Counts, Flow},
    network,
    records::Records,
};

/// Both readers side by side.
#[derive(Debug)]
pub(super) struct Report {
    records: Records,
    /// What the second reader counted of flows that are watched, by the interface at which
    /// they came to the carrier.
    counted: BTreeMap<&'static str, Count>,
    /// Packets between hosts on no list, by the second reader.
    unwatched: u64,
    /// Where the readers do not agree on a flow that is watched, by the interface: the
    /// sensor, the other.
    differences: BTreeMap<(String, Flow), (Count, Count)>,
}

impl Report {
    /// Puts what was counted at the receivers beside the records: of packets that came
    /// to the carrier at an interface, those that came out at the other side.
    pub(super) fn new(records: Records, receivers: &[(&'static str, Counts)]) -> Self {
        let mut report = Self {
            records,
            counted: BTreeMap::new(),
            unwatched: 0,
            differences: BTreeMap::new(),
        };
        let differences = &mut report.differences;
        for (interface, counts) in &report.records.flows {
            for (flow, count) in counts {
                let key = (interface.clone(), *flow);
                differences.entry(key).or_default().0 += *count;
            }
        }
        for (interface, counts) in receivers {
            for (flow, count) in counts {
                if is_watched(flow) {
                    let key = ((*interface).to_owned(), *flow);
                    differences.entry(key).or_default().1 += *count;
                    *report.counted.entry(interface).or_default() += *count;
                } else {
                    report.unwatched += count.packets;
                }
            }
        }
        differences.retain(|_, (recorded, counted)| recorded != counted);
        report
    }

    /// An error unless all is as it should be.
    pub(super) fn conclude(&self) -> Result<()> {
        let recorded: u64 = self.records.flows.values().map(|c| total(c).packets).sum();
        let decided: u64 = self.records.verdicts.values().sum();
        let lost: u64 = self.records.lost.values().sum();
        if recorded == 0 {
            bail!("nothing was recorded");
        }
        if self.verdict("unattended") > 0 {
            bail!("some packets came while the sensor did not attend yet; try again");
        }
        if !self.differences.is_empty() {
            bail!("the sensor and the second reader do not agree; see above");
        }
        if lost > 0 || decided != self.records.seen || self.verdict("recorded") != recorded {
            bail!("the sums of the sensor contradict each other; see above");
        }
        Ok(())
    }

    /// Packets with this verdict.
    fn verdict(&self, name: &str) -> u64 {
        self.records.verdicts.get(name).copied().unwrap_or(0)
    }
}

/// Whether an end is on the example feed; known from the network, not from the sensor.
fn is_watched(flow: &Flow) -> bool {
    let watched = [network::WATCHED_SERVERS, network::WATCHED_CLIENTS];
    let mut watched = watched.as_flattened().iter();
    watched.any(|host| [flow.source, flow.destination].contains(host))
}

fn total(counts: &Counts) -> Count {
    let mut total = Count::default();
    for count in counts.values() {
        total += *count;
    }
    total
}

#[cfg(test)]
mod tests;
