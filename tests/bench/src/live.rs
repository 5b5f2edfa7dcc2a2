//! Frames through veth pairs, counted where they arrive.
//!
//! Every lane is a pair of its own, so that nothing is attached or taken off between two
//! measurements and lanes take turns. One CPU does all of it: it makes a batch of frames
//! (`BPF_F_TEST_XDP_LIVE_FRAMES`), each gets the next addresses of the trace and is
//! redirected into the lane, and the receiver's NAPI runs the program there.
//!
//! The time is what that CPU spent on it, in our thread and in its `ksoftirqd`, and not what
//! a clock on the wall shows: others may run on it in between.

use std::{fs, path::PathBuf, time::Duration};

use anyhow::{Context as _, Result, ensure};
use nix::time::{ClockId, clock_gettime};
use sekisho::capped;
use sensor_common::{Counters, Stat, Verdict};
use sensor_tests::{
    command,
    netns::{End, Namespace, veth},
    packet::Packet,
    requires,
};

use crate::{
    bench::Bench,
    lists::Family,
    measure::Figure,
    traces::{PACKETS, Trace},
};

/// The last byte of the hardware addresses of receivers: frames of `packet` are for it.
const RECEIVER: u8 = 2;
const SENDER: u8 = 1;

/// What one turn of a lane may take.
const TURN: Duration = Duration::from_millis(150);
/// Frames of the first turn, which says how many the others have.
const TRIAL: u32 = 20_000;
/// Share of frames that may be lost on the way before a figure is refused.
const MOST_LOST: f64 = 0.2;

/// What a lane's receiver does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Receiver {
    /// A program of the bench's object.
    Program(&'static str),
    /// Set up by another tool, which attached a program of its own.
    Attached,
    /// `empty_pass`, and then whatever the namespace's netfilter does.
    Netfilter,
}

/// One veth pair.
#[derive(Debug)]
pub(crate) struct Lane {
    pub(crate) name: String,
    pub(crate) namespace: Namespace,
    /// The receiver's interface, in its namespace.
    pub(crate) interface: String,
    receiver: Receiver,
    /// Index of the sender's end.
    index: u32,
}

/// Frames a second that a lane took.
#[derive(Clone, Debug)]
pub(crate) struct Rate {
    pub(crate) lane: String,
    /// Nanoseconds a frame.
    pub(crate) figure: Figure,
    /// Share of frames that did not arrive, in the worst round.
    pub(crate) lost: f64,
}

impl Rate {
    /// Millions of frames a second, in the best round.
    pub(crate) fn mpps(&self) -> f64 {
        1e3 / self.figure.best
    }
}

/// The sender and its lanes.
pub(crate) struct Live {
    sender: Namespace,
    lanes: Vec<Lane>,
    soft: PathBuf,
}

impl Live {
    /// A sender without lanes, on this CPU.
    pub(crate) fn new(cpu: usize) -> Result<Self> {
        Ok(Self {
            sender: quiet(),
            lanes: Vec::new(),
            soft: soft_interrupts(cpu)?,
        })
    }

    /// Adds a lane. Nothing is attached yet.
    pub(crate) fn add(&mut self, name: &str, receiver: Receiver) -> &Lane {
        let namespace = quiet();
        let number = self.lanes.len();
        let (here, there) = (format!("s{number}"), format!("r{number}"));
        let one = End {
            namespace: &self.sender,
            name: &here,
            mac: SENDER,
        };
        let other = End {
            namespace: &namespace,
            name: &there,
            mac: RECEIVER,
        };
        veth(&one, &other);
        let index = index(&self.sender, &here);
        self.lanes.push(Lane {
            name: name.to_owned(),
            namespace,
            interface: there,
            receiver,
            index,
        });
        &self.lanes[number]
    }

    /// Takes lanes away by name.
    pub(crate) fn retain(&mut self, keep: impl Fn(&str) -> bool) {
        self.lanes.retain(|lane| keep(&lane.name));
    }

    /// The receiver of a lane and what has arrived there since it was made; `None` where there
    /// is no such lane.
    pub(crate) fn arrived(&self, lane: &str) -> Result<Option<(&Namespace, u64)>> {
        match self.lanes.iter().find(|known| known.name == lane) {
            Some(lane) => Ok(Some((&lane.namespace, received(lane)?))),
            None => Ok(None),
        }
    }

    /// Attaches the programs of the bench, measures all lanes in turns, and checks what the
    /// sensor counted.
    pub(crate) fn measure(
        &self,
        bench: &mut Bench,
        trace: &Trace,
        rounds: usize,
    ) -> Result<Vec<Rate>> {
        self.measure_with(bench, trace, rounds, &mut |_| Ok(()))
    }

    /// Likewise; before every turn something is done that is not measured.
    pub(crate) fn measure_with(
        &self,
        bench: &mut Bench,
        trace: &Trace,
        rounds: usize,
        before: &mut dyn FnMut(&mut Bench) -> Result<()>,
    ) -> Result<Vec<Rate>> {
        for lane in &self.lanes {
            let program = match lane.receiver {
                Receiver::Program(program) => program,
                Receiver::Netfilter => "empty_pass",
                Receiver::Attached => continue,
            };
            let index = index(&lane.namespace, &lane.interface);
            (lane.namespace.run(|| bench.attach(program, index)))
                .with_context(|| format!("cannot attach {program}"))?;
        }
        bench.put(trace)?;
        let mut plan = Vec::new();
        for lane in &self.lanes {
            before(bench)?;
            let trial = self.turn(bench, trace, lane, TRIAL)?;
            let count = TURN.as_secs_f64() * 1e9 / trial.cost;
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "clamped"
            )]
            let count = count.clamp(f64::from(TRIAL), 8e6) as u32;
            plan.push((lane, count, Vec::new(), 0.0f64));
        }
        for _ in 0..rounds {
            for (lane, count, taken, lost) in &mut plan {
                before(bench)?;
                let turn = self.turn(bench, trace, lane, *count)?;
                taken.push(turn.cost);
                *lost = lost.max(turn.lost);
            }
        }
        let rate = |(lane, _, taken, lost): (&Lane, u32, Vec<f64>, f64)| Rate {
            lane: lane.name.clone(),
            figure: Figure::of(taken),
            lost,
        };
        Ok(plan.into_iter().map(rate).collect())
    }

    /// Sends so many frames into the only lane, in parts, before each of which something is done;
    /// how many arrived.
    pub(crate) fn flood(
        &self,
        bench: &mut Bench,
        trace: &Trace,
        count: u32,
        part: u32,
        before: &mut dyn FnMut(&mut Bench) -> Result<()>,
    ) -> Result<u64> {
        let lane = self.lanes.first().context("no lane")?;
        let index = index(&lane.namespace, &lane.interface);
        (lane.namespace.run(|| bench.attach("ours_drop", index))).context("cannot attach")?;
        bench.put(trace)?;
        bench.rewind(0)?;
        let frame = frame(trace.family);
        let started = received(lane)?;
        let mut left = count;
        while left > 0 {
            before(bench)?;
            let now = left.min(part);
            let send = || bench.send(("send_narrow", &frame), lane.index, now);
            self.sender.run(send)?;
            left -= now;
        }
        // The last batch may be on its way.
        std::thread::sleep(Duration::from_millis(20));
        Ok(received(lane)? - started)
    }

    /// Sends so many frames into a lane.
    fn turn(&self, bench: &mut Bench, trace: &Trace, lane: &Lane, count: u32) -> Result<Turn> {
        let frame = frame(trace.family);
        let program = match (trace.family, lane.receiver) {
            (Family::V6 | Family::Mixed, _) => "send_wide",
            (Family::V4, Receiver::Netfilter) => "send_checked",
            (Family::V4, _) => "send_narrow",
        };
        bench.rewind(0)?;
        bench.set_checksum(header_sum(&frame))?;
        let seen = bench.counters()?;
        let before = received(lane)?;
        let took = self.sender.run(|| -> Result<Duration> {
            let started = spent(&self.soft)?;
            bench.send((program, &frame), lane.index, count)?;
            Ok(spent(&self.soft)?.saturating_sub(started))
        })?;
        // The last batch may be on its way.
        std::thread::sleep(Duration::from_millis(2));
        let arrived = received(lane)? - before;
        #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
        let (arrived_f, count_f) = (arrived as f64, f64::from(count));
        let lost = 1.0 - arrived_f / count_f;
        ensure!(
            lost <= MOST_LOST,
            "{}: of {count} frames {arrived} arrived",
            lane.name
        );
        if matches!(lane.receiver, Receiver::Program(name) if !name.starts_with("empty")) {
            let now = bench.counters()?;
            check_counted(trace, arrived, &seen, &now)
                .with_context(|| format!("lane {}", lane.name))?;
        }
        Ok(Turn {
            cost: took.as_secs_f64() * 1e9 / arrived_f,
            lost,
        })
    }
}

/// One turn of a lane.
struct Turn {
    /// Nanoseconds for a frame that arrived.
    cost: f64,
    lost: f64,
}

/// The sensor saw every frame that arrived, and matched as many as there are to match.
fn check_counted(trace: &Trace, arrived: u64, before: &Counters, now: &Counters) -> Result<()> {
    let grown = |stat: Stat| now[stat.cell()] - before[stat.cell()];
    let seen = grown(Stat::Seen);
    ensure!(
        seen == arrived,
        "{arrived} frames arrived, the sensor saw {seen}"
    );
    let matched = seen - grown(Stat::Verdict(Verdict::NoMatch));
    let known = trace.sums(0..trace.packets.len()).packets;
    if known == 0 {
        ensure!(matched == 0, "{matched} packets matched that should not");
        return Ok(());
    }
    #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
    let (found, right) = (matched as f64 / seen as f64, known as f64 / PACKETS as f64);
    // Lost frames may have been any.
    ensure!(
        (found - right).abs() < 0.1 * right + 0.01,
        "{found:.4} of packets matched, {right:.4} of the trace do"
    );
    Ok(())
}

/// The index of a lane's receiver.
pub(crate) fn index_of(lane: &Lane) -> u32 {
    index(&lane.namespace, &lane.interface)
}

/// A namespace that says nothing by itself.
fn quiet() -> Namespace {
    let namespace = Namespace::new();
    for setting in [
        "ipv6/conf/all/disable_ipv6",
        "ipv6/conf/default/disable_ipv6",
    ] {
        namespace.set(setting, "1");
    }
    namespace
}

fn index(namespace: &Namespace, interface: &str) -> u32 {
    let links = namespace.ip_json(&format!("link show dev {interface}"));
    let index = links[0]["ifindex"].as_u64();
    index
        .and_then(|index| u32::try_from(index).ok())
        .unwrap_or(0)
}

/// A frame without payload, as short as Ethernet has them.
fn frame(family: Family) -> Vec<u8> {
    let frame = match family {
        Family::V4 => Packet::v4([0; 4], [0; 4]).udp(40_000, 9).build(),
        Family::V6 | Family::Mixed => Packet::v6([0; 16], [0; 16]).udp(40_000, 9).build(),
    };
    let mut frame = frame;
    frame.resize(frame.len().max(60), 0);
    frame
}

/// The words of an IPv4 header, as they are in memory, but for addresses and checksum.
fn header_sum(frame: &[u8]) -> u64 {
    let words = frame[14..26].as_chunks().0.iter();
    let sum = words.map(|word| u64::from(u16::from_ne_bytes(*word)));
    let checksum = u64::from(u16::from_ne_bytes([frame[24], frame[25]]));
    sum.sum::<u64>() - checksum
}

/// Frames that a lane's program has seen (`veth_get_ethtool_stats`, drivers/net/veth.c).
fn received(lane: &Lane) -> Result<u64> {
    let ethtool = requires::tool("ethtool").map_err(anyhow::Error::msg)?;
    let printed = command::expect(
        lane.namespace
            .command(ethtool)
            .args(["-S", &lane.interface]),
    );
    let lines = printed.lines();
    let counts = lines.filter_map(|line| {
        let (name, count) = line.trim().split_once(": ")?;
        let is_it = name.starts_with("rx_queue_") && name.ends_with("_xdp_packets");
        is_it.then(|| count.parse::<u64>().ok())?
    });
    Ok(counts.sum())
}

/// What this thread and the soft interrupts of its CPU have had of the CPU.
fn spent(soft: &PathBuf) -> Result<Duration> {
    let own = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID)?;
    let text = capped::read_to_string(soft, 1 << 10)?;
    let others = text.split(' ').next().and_then(|word| word.parse().ok());
    let others = others.context("schedstat of ksoftirqd")?;
    Ok(Duration::from(own) + Duration::from_nanos(others))
}

/// The file that says how long `ksoftirqd` of a CPU ran.
fn soft_interrupts(cpu: usize) -> Result<PathBuf> {
    let wanted = format!("ksoftirqd/{cpu}\n");
    for process in fs::read_dir("/proc")? {
        let path = process?.path();
        let name = capped::read_to_string(path.join("comm"), 1 << 10);
        if name.is_ok_and(|name| name == wanted) {
            return Ok(path.join("schedstat"));
        }
    }
    anyhow::bail!("no process ksoftirqd/{cpu}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sum_of_a_header_and_its_checksum_is_all_ones() {
        let frame = frame(Family::V4);
        let sum = header_sum(&frame);
        let folded = (sum & 0xffff) + (sum >> 16);
        let checksum = u64::from(u16::from_ne_bytes([frame[24], frame[25]]));
        assert_eq!(folded + checksum, 0xffff);
    }
}
