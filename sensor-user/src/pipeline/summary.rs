//! What a run did, at its end.

use std::collections::BTreeMap;

use sensor_common::{Counters, Malformed, SlotCounts, Stat, Unsupported, Verdict};

use super::{Losses, Record};
use crate::watchlist::ApprovalId;

/// What a run did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Packets seen.
    pub seen: u64,
    /// Packets by verdict, in the order of the decision.
    pub verdicts: Vec<(Verdict, u64)>,
    /// Malformed packets by what contradicts, where there are any.
    pub malformed: Vec<(Malformed, u64)>,
    /// Unsupported packets by what is not read, where there are any.
    pub unsupported: Vec<(Unsupported, u64)>,
    /// Packets in tunnels that an approval names: opened, and not, because their inside contradicts
    /// or is not read.
    pub tunnels: [(&'static str, u64); 3],
    /// How far packets came under each approval; a packet counts under every approval that
    /// names its match sets.
    pub approvals: BTreeMap<ApprovalId, SlotCounts>,
    /// Alarms.
    pub alarms: u64,
    /// Packets in records that a dead agent had counted and not read.
    pub recovered: u64,
    /// How far packets came under each approval of dead agents, in their last generations.
    pub recovered_approvals: BTreeMap<ApprovalId, SlotCounts>,
    /// Losses by stage.
    pub lost: BTreeMap<&'static str, u64>,
    /// Rows that exporters lost, by the name of each.
    pub exporters: BTreeMap<String, u64>,
    /// Records written.
    pub records: u64,
    /// Packets in them.
    pub packets: u64,
    /// Octets in them.
    pub octets: u64,
}

impl Summary {
    /// Counts a record that was written, under however many approvals.
    pub fn add<A>(&mut self, record: &Record<A>) {
        self.records += 1;
        self.packets += record.packets;
        self.octets += record.octets;
    }

    /// Takes over what the kernel counted and what was lost.
    pub fn finish(&mut self, counters: &Counters, losses: &Losses) {
        let of = |stat: Stat| counters[stat.cell()];
        self.seen = of(Stat::Seen);
        self.verdicts = Verdict::ALL.map(|v| (v, of(Stat::Verdict(v)))).into();
        self.malformed = Malformed::ALL.map(|r| (r, of(Stat::Malformed(r)))).into();
        self.malformed.retain(|(_, count)| *count > 0);
        self.unsupported = Unsupported::ALL
            .map(|r| (r, of(Stat::Unsupported(r))))
            .into();
        self.unsupported.retain(|(_, count)| *count > 0);
        self.tunnels = [
            ("opened", of(Stat::Opened)),
            ("malformed", of(Stat::InnerMalformed)),
            ("unread", of(Stat::InnerUnread)),
        ];
        self.lost = losses.by_stage(counters);
    }

    /// Packets with this verdict.
    pub fn verdict(&self, verdict: Verdict) -> u64 {
        self.verdicts
            .iter()
            .find(|(v, _)| *v == verdict)
            .map_or(0, |(_, count)| *count)
    }
}
