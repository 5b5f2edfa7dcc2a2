//! What a recorded packet costs: the sensor beside an empty program, both dropping.

use std::{collections::BTreeSet, time::Duration};

use anyhow::{Context as _, Result, ensure};
use sekisho::kernel::{Options, boot_now};
use sensor_common::{LEASE_LIMIT, Place, Stat, Verdict};

use crate::{
    bench::Bench,
    lists::{Family, Kind, List},
    live::{Live, Receiver, index_of},
    report::{RecordRow, Run, rounded},
    say::say,
    traces::{PACKETS, Shape, Spread, Trace},
};

/// Flows, and the flows that the cache of a CPU has room for.
const CASES: [(usize, u32); 5] = [
    (1, Options::FLOW_CAPACITY),
    (4_096, Options::FLOW_CAPACITY),
    (65_536, 1 << 17),
    (65_536, Options::FLOW_CAPACITY),
    (500_000, Options::FLOW_CAPACITY),
];

/// The case that has the name `record_ns`: with as much room as an engineer gives so many.
const NAMED: (usize, u32) = CASES[2];

/// Prefixes of the list: few, so that what is measured is not the look-up.
const PREFIXES: usize = 10_000;

pub(crate) fn perform(run: &mut Run, cpu: usize, rounds: usize) -> Result<()> {
    let list = List::generate(Kind::Uniform, Family::V4, PREFIXES);
    for (flows, capacity) in CASES {
        if run.quick && flows != NAMED.0 {
            continue;
        }
        say(format_args!(
            "every packet recorded: {flows} flows, room for {capacity}"
        ));
        let row = measure(&list, (flows, capacity), cpu, rounds)
            .with_context(|| format!("{flows} flows, room for {capacity}"))?;
        let mut names = vec![format!("record_{flows}_in_{capacity}_ns")];
        if (flows, capacity) == NAMED {
            names.push("record_ns".into());
        }
        for name in names {
            run.figures.insert(name, rounded(row.record_ns));
        }
        run.records.push(row);
    }
    Ok(())
}

fn measure(
    list: &List,
    (flows, capacity): (usize, u32),
    cpu: usize,
    rounds: usize,
) -> Result<RecordRow> {
    let options = Options {
        flow_capacity: capacity,
        // What is handed over early while nobody drains.
        ring_bytes: 1 << 28,
        ..Options::new(false)
    };
    let mut bench = Bench::load_with(list, options, Place::Foreign)?;
    let shape = Shape {
        hits: 100,
        spread: Spread::Flows(flows),
    };
    let trace = Trace::generate(list, &bench.oracle(), shape, PACKETS);
    let mut live = Live::new(cpu)?;
    live.add("empty", Receiver::Program("empty_drop"));
    let sensor = live.add("sensor", Receiver::Program("ours_drop"));
    bench.work().open_interface(index_of(sensor), 0)?;
    let rates = live.measure_with(&mut bench, &trace, rounds, &mut |bench| {
        Ok(bench
            .work()
            .attend(boot_now()? + LEASE_LIMIT - 1_000_000_000)?)
    })?;
    let [empty, sensor] = &rates[..] else {
        anyhow::bail!("two lanes");
    };
    let counters = bench.counters()?;
    let of = |stat: Stat| counters[stat.cell()];
    let recorded = of(Stat::Verdict(Verdict::Recorded));
    ensure!(
        recorded == of(Stat::Seen) && recorded > 0,
        "{recorded} of {} recorded",
        of(Stat::Seen)
    );
    adds_up(&mut bench, recorded, flows)?;
    #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
    let percent = |stat: Stat| of(stat) as f64 / recorded as f64 * 100.0;
    Ok(RecordRow {
        flows,
        capacity,
        empty_ns: empty.figure.best,
        sensor_ns: sensor.figure.best,
        record_ns: sensor.figure.best - empty.figure.best,
        spread_percent: sensor.figure.spread,
        evicted_percent: percent(Stat::FlowsEvicted),
        unattributed_percent: percent(Stat::UnattributedPackets),
    })
}

/// Flows, as the goal has them, and rooms from ample to a hundredth of what is needed.
const EXACT_FLOWS: usize = 100_000;
const EXACT_ROOMS: [u32; 4] = [1 << 18, 100_000, 10_000, 1_000];
/// Frames of each case.
const EXACT_FRAMES: u32 = 50_000_000;
/// Frames between two drains, where somebody drains.
const EXACT_PART: u32 = 1_000_000;

/// Sends many frames of many flows with ever less room for them, both ends watched and one, with
/// somebody who drains and without, and asserts that every packet is where it should be.
pub(crate) fn exact(cpu: usize) -> Result<()> {
    let list = List::generate(Kind::Uniform, Family::V4, PREFIXES);
    for spread in [Spread::Flows(EXACT_FLOWS), Spread::OneEnd(EXACT_FLOWS)] {
        for capacity in EXACT_ROOMS {
            for drains in [true, false] {
                let options = Options {
                    flow_capacity: capacity,
                    ..Options::new(false)
                };
                let mut bench = Bench::load_with(&list, options, Place::Foreign)?;
                let shape = Shape { hits: 100, spread };
                let trace = Trace::generate(&list, &bench.oracle(), shape, PACKETS);
                let mut live = Live::new(cpu)?;
                let lane = live.add("sensor", Receiver::Program("ours_drop"));
                bench.work().open_interface(index_of(lane), 0)?;
                let mut flows = Drained::default();
                let sent =
                    live.flood(&mut bench, &trace, EXACT_FRAMES, EXACT_PART, &mut |bench| {
                        bench
                            .work()
                            .attend(boot_now()? + LEASE_LIMIT - 1_000_000_000)?;
                        if drains {
                            flows.drain(bench)?;
                        }
                        Ok(())
                    })?;
                flows.drain(&mut bench)?;
                let unattributed = flows.adds_up(&mut bench, sent)?;
                say(format_args!(
                    "{}, room for {capacity}, drained {}: {sent} sent = {} in flows + \
                     {unattributed} unattributed = recorded = totals; {} parts",
                    spread.name(),
                    if drains { "every million" } else { "once" },
                    flows.packets,
                    flows.parts,
                ));
                bench.detach()?;
            }
        }
    }
    Ok(())
}

/// What was drained of flows.
#[derive(Debug, Default)]
struct Drained {
    packets: u64,
    octets: u64,
    parts: u64,
}

impl Drained {
    fn drain(&mut self, bench: &mut Bench) -> Result<()> {
        Ok(bench.work().take(&mut |part| {
            self.packets += part.value.packets;
            self.octets += part.value.octets;
            self.parts += u64::from(!part.is_notice());
        })?)
    }

    /// Asserts the identity, and that all that was sent was recorded; packets without a flow.
    fn adds_up(&self, bench: &mut Bench, sent: u64) -> Result<u64> {
        let counters = bench.counters()?;
        let of = |stat: Stat| counters[stat.cell()];
        let recorded = of(Stat::Verdict(Verdict::Recorded));
        ensure!(recorded == sent, "{recorded} recorded of {sent}");
        let unattributed = of(Stat::UnattributedPackets);
        let packets = self.packets + unattributed;
        ensure!(
            packets == sent,
            "{packets} in flows or unattributed of {sent}"
        );
        let (mut totals, mut octets) = (0, 0);
        for (_, sum) in bench.work().totals()? {
            totals += sum.source_packets + sum.destination_packets;
            octets += sum.source_octets + sum.destination_octets;
        }
        let totals = totals - of(Stat::BothPackets);
        ensure!(totals == sent, "{totals} in totals of {sent}");
        let octets = octets - of(Stat::BothOctets);
        let in_flows = self.octets + of(Stat::UnattributedOctets);
        ensure!(
            octets == in_flows,
            "{octets} octets in totals, {in_flows} in flows"
        );
        Ok(unattributed)
    }
}

/// Every packet is in a flow or counted as without one, and in the totals.
fn adds_up(bench: &mut Bench, recorded: u64, flows: usize) -> Result<()> {
    std::thread::sleep(Duration::from_millis(5));
    let (mut in_flows, mut known) = (0, BTreeSet::new());
    bench.work().take(&mut |part| {
        in_flows += part.value.packets;
        known.insert((part.key.source, part.key.destination));
    })?;
    let counters = bench.counters()?;
    let unattributed = counters[Stat::UnattributedPackets.cell()];
    ensure!(
        in_flows + unattributed == recorded,
        "{in_flows} in flows and {unattributed} unattributed of {recorded}"
    );
    ensure!(known.len() <= flows, "{} of {flows} flows", known.len());
    let totals = bench.work().totals()?;
    let counted: u64 = totals
        .iter()
        .map(|(_, totals)| totals.source_packets + totals.destination_packets)
        .sum();
    let counted = counted - counters[Stat::BothPackets.cell()];
    ensure!(counted == recorded, "{counted} in totals of {recorded}");
    Ok(())
}
