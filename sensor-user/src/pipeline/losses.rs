//! What was lost on the way, by stage.

use std::collections::BTreeMap;

use sensor_common::{Counters, Stat};

/// Losses of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Losses {
    /// Alarms that the limiter dropped; standard error has them.
    pub alarms: u64,
    /// Packets of records that the limiter dropped because the output was too slow.
    pub limiter: u64,
    /// Notices of new flows that the limiter dropped.
    pub notices: u64,
}

impl Losses {
    /// Every stage that can lose, with what it lost.
    ///
    /// `flow_table` and `limiter` are packets that stand in no record, `totals`
    /// packets that stand in no total, `slot_counts` packets that stand in no count of a
    /// slot; `events` are notices of new flows whose
    /// packets are counted all the same. A notice for which the kernel's ring had no room
    /// is written from the counts of its flow and is none of them.
    pub fn by_stage(&self, counters: &Counters) -> BTreeMap<&'static str, u64> {
        let of = |stat: Stat| counters[stat.cell()];
        BTreeMap::from([
            ("alarms", self.alarms),
            ("events", self.notices),
            ("flow_table", of(Stat::UnattributedPackets)),
            ("limiter", self.limiter),
            ("slot_counts", of(Stat::SlotCountsLost)),
            ("totals", of(Stat::TotalsLost)),
        ])
    }
}
