//! Walks by every way, in turns, each checked.

use anyhow::{Result, ensure};

use crate::{
    bench::{Bench, Form, Walked, Way},
    traces::{PACKETS, Sums, Trace},
};

/// What one walk of a slow way may take, in nanoseconds: it runs with interrupts of the
/// network held off.
const LONGEST: f64 = 90e6;

/// Packets walked before the clock starts, so that what is measured finds the cache as it
/// left it; of slow ways, what a short walk has.
const WARM: usize = 1 << 17;
const WARM_SLOW: usize = 1 << 13;

/// The rounds of one way, in nanoseconds a packet.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Figure {
    pub(crate) best: f64,
    pub(crate) median: f64,
    /// From the best round to the worst, in percent of the median.
    pub(crate) spread: f64,
}

impl Figure {
    pub(crate) fn of(mut rounds: Vec<f64>) -> Self {
        rounds.sort_unstable_by(f64::total_cmp);
        let (best, worst) = (rounds[0], rounds[rounds.len() - 1]);
        let median = rounds[rounds.len() / 2];
        Self {
            best,
            median,
            spread: 100.0 * (worst - best) / median,
        }
    }

    /// Without what walking itself costs.
    pub(crate) fn net_of(self, harness: Self) -> Self {
        Self {
            best: (self.best - harness.best).max(0.0),
            median: (self.median - harness.median).max(0.0),
            spread: self.spread,
        }
    }
}

/// One way in one trace, net of the harness; the harness itself as it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Measured {
    pub(crate) way: Way,
    pub(crate) figure: Figure,
}

/// Walks the trace that is in place by all these ways.
pub(crate) fn walks(
    bench: &mut Bench,
    trace: &Trace,
    form: Form,
    ways: &[Way],
    rounds: usize,
) -> Result<Vec<Measured>> {
    let mut plan = Vec::new();
    for &way in ways {
        plan.push((way, length(bench, trace, way, form)?, Vec::new()));
    }
    for round in 0..rounds {
        for (way, length, taken) in &mut plan {
            // Slow ways walk another part each round.
            let first = round * *length % PACKETS;
            let warm = if *length < PACKETS { WARM_SLOW } else { WARM };
            checked(bench, trace, (*way, form), (PACKETS - warm, warm))?;
            taken.push(checked(bench, trace, (*way, form), (first, *length))?);
        }
    }
    let figures: Vec<(Way, Figure)> = plan
        .into_iter()
        .map(|(way, _, taken)| (way, Figure::of(taken)))
        .collect();
    let harness = figures.iter().find(|(way, _)| *way == Way::Nothing);
    let harness = harness.map(|(_, figure)| *figure);
    let net = |(way, figure): (Way, Figure)| Measured {
        way,
        figure: match harness {
            Some(harness) if way != Way::Nothing => figure.net_of(harness),
            _ => figure,
        },
    };
    Ok(figures.into_iter().map(net).collect())
}

/// How many packets a walk of this way has.
fn length(bench: &mut Bench, trace: &Trace, way: Way, form: Form) -> Result<usize> {
    const TRIAL: usize = 1 << 13;
    checked(bench, trace, (way, form), (0, TRIAL))?;
    let cost = checked(bench, trace, (way, form), (TRIAL, TRIAL))?;
    let mut length = PACKETS;
    while length > TRIAL && cost * count(length) > LONGEST {
        length /= 2;
    }
    Ok(length)
}

/// One walk, in nanoseconds a packet. That it found what there is to find is asserted.
fn checked(
    bench: &mut Bench,
    trace: &Trace,
    (way, form): (Way, Form),
    (first, length): (usize, usize),
) -> Result<f64> {
    let walked = bench.walk(way, form, first, length)?;
    let sums = trace.sums(first..first + length);
    ensure!(
        is_right(way, walked, sums),
        "{} ({}) found other packets or match sets than there are: {walked:?}, {sums:?}",
        way.name(),
        form.name(),
    );
    Ok(walked.took.as_secs_f64() * 1e9 / count(length))
}

fn is_right(way: Way, walked: Walked, sums: Sums) -> bool {
    match way {
        Way::Nothing => walked.sets == sums.fold,
        // It finds nothing, but it has to know which packets need a line.
        Way::Floor => walked.packets == sums.packets,
        Way::Ours | Way::Hashes | Way::Lpm => {
            (walked.packets, walked.sets) == (sums.packets, sums.sets)
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
fn count(packets: usize) -> f64 {
    packets as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_has_best_median_and_spread() {
        let figure = Figure::of(vec![12.0, 10.0, 11.0]);
        assert_eq!((figure.best, figure.median), (10.0, 11.0));
        assert!((figure.spread - 100.0 * 2.0 / 11.0).abs() < 1e-9);
        let harness = Figure::of(vec![4.0, 2.0, 3.0]);
        let net = figure.net_of(harness);
        assert_eq!((net.best, net.median), (8.0, 8.0));
    }
}
