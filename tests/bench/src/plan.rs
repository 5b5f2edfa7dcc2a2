//! What is measured, and in which order.

use std::path::Path;

use anyhow::Result;
use nix::{
    sched::{CpuSet, sched_setaffinity},
    unistd::Pid,
};

use crate::{
    bench::{Bench, Form, Way},
    lists::{Family, Kind, List, size_name},
    live::{Live, Rate, Receiver},
    load, measure,
    peers::{self, Peers},
    record,
    report::{ListRow, Run, rounded},
    say::say,
    traces::{PACKETS, Shape, Spread, Trace},
    tune::FilterRow,
};

/// Times a way or a lane is measured, all in turns: in a whole run and in a quick one.
pub(crate) const ROUNDS: [usize; 2] = [9, 5];

/// Lanes of our own, by name and program.
const LANES: [(&str, &str); 6] = [
    ("empty drop", "empty_drop"),
    ("sensor drop", "ours_drop"),
    ("hash drop", "hash_drop"),
    ("lpm drop", "lpm_drop"),
    ("empty pass", "empty_pass"),
    ("sensor pass", "sekisho"),
];

/// One list and what is done with it.
struct Part {
    kind: Kind,
    family: Family,
    size: usize,
    walks: Vec<(Shape, &'static [Form])>,
    /// Shares of packets that match, in frames through veth.
    live: &'static [u32],
    peers: bool,
    load: bool,
}

const OVERLAPPED: &[Form] = &[Form::Overlapped];
const BOTH: &[Form] = &[Form::Overlapped, Form::Serialised];

const fn uniform(hits: u32) -> Shape {
    Shape {
        hits,
        spread: Spread::Uniform,
    }
}

const HOT: Shape = Shape {
    hits: 1,
    spread: Spread::Hot,
};

const NEAR: Shape = Shape {
    hits: 1,
    spread: Spread::Near,
};

const MILLION: usize = 1_000_000;

/// A million prefixes, and what the goals name.
fn quick() -> Vec<Part> {
    let part = |family, walks, live, peers| Part {
        kind: Kind::Uniform,
        family,
        size: MILLION,
        walks,
        live,
        peers,
        load: false,
    };
    let v4 = vec![
        (uniform(1), BOTH),
        (uniform(50), OVERLAPPED),
        (HOT, OVERLAPPED),
    ];
    let v6 = vec![(uniform(1), OVERLAPPED), (uniform(50), OVERLAPPED)];
    vec![
        part(Family::V4, v4, &[0], true),
        part(Family::V6, v6, &[], false),
    ]
}

fn full() -> Vec<Part> {
    let shares = || {
        vec![
            (uniform(0), OVERLAPPED),
            (uniform(1), BOTH),
            (uniform(50), BOTH),
            (uniform(100), OVERLAPPED),
            (HOT, BOTH),
        ]
    };
    let mut parts = Vec::new();
    for size in [10_000, 100_000, MILLION, 10 * MILLION] {
        let is_large = size >= MILLION;
        parts.push(Part {
            kind: Kind::Uniform,
            family: Family::V4,
            size,
            walks: shares(),
            live: if is_large { &[0, 50] } else { &[] },
            peers: size == MILLION,
            load: is_large,
        });
    }
    for size in [10_000, 100_000, MILLION] {
        let mut walks = shares();
        walks.push((NEAR, OVERLAPPED));
        let is_large = size == MILLION;
        parts.push(Part {
            kind: Kind::Uniform,
            family: Family::V6,
            size,
            walks,
            live: if is_large { &[0] } else { &[] },
            peers: false,
            load: is_large,
        });
    }
    for (kind, family, size) in [
        (Kind::Clustered, Family::V4, MILLION),
        (Kind::Clustered, Family::V4, 10 * MILLION),
        (Kind::Uniform, Family::Mixed, MILLION),
        (Kind::Ipsum, Family::V4, 0),
    ] {
        parts.push(Part {
            kind,
            family,
            size,
            walks: shares(),
            live: &[],
            peers: false,
            load: false,
        });
    }
    parts
}

/// Measures everything that a run of this kind has.
pub(crate) fn perform(run: &mut Run, data: Option<&Path>, cpu: usize) -> Result<()> {
    let parts = if run.quick { quick() } else { full() };
    for part in parts {
        let list = match part.kind {
            Kind::Ipsum => match data.map(|data| List::ipsum(&data.join("feeds"))) {
                Some(Ok(list)) => list,
                Some(Err(error)) => {
                    run.missing.push(format!("IPsum: {error:#}"));
                    continue;
                }
                None => {
                    run.missing.push("IPsum: no --data".into());
                    continue;
                }
            },
            Kind::Uniform | Kind::Clustered => List::generate(part.kind, part.family, part.size),
        };
        measure(run, &part, &list, cpu)?;
        if part.load {
            load(run, &list)?;
        }
    }
    let rounds = ROUNDS[usize::from(run.quick)];
    record::perform(run, cpu, rounds)
}

fn measure(run: &mut Run, part: &Part, list: &List, cpu: usize) -> Result<()> {
    let name = list.name();
    let rounds = ROUNDS[usize::from(run.quick)];
    say(format_args!("{name}: filling the tables"));
    // Netfilter's sets meanwhile on other CPUs: nothing is measured yet.
    let (bench, netfilter) = std::thread::scope(|scope| {
        let netfilter = scope.spawn(|| part.peers.then(|| netfilter(list, cpu)).transpose());
        let bench = Bench::load(list);
        (bench, netfilter.join())
    });
    let mut bench = bench?;
    let netfilter = match netfilter {
        Ok(netfilter) => netfilter?,
        Err(panic) => std::panic::resume_unwind(panic),
    };
    run.lists.push(ListRow {
        list: name.clone(),
        prefixes: list.prefixes.len(),
        compile_s: rounded(bench.published.compiling.as_secs_f64()),
        publish_s: rounded(bench.published.publishing.as_secs_f64()),
        lpm_s: rounded(bench.filling.lpm.as_secs_f64()),
        hash_s: rounded(bench.filling.hashes.as_secs_f64()),
        filters: bench.tuned().iter().map(FilterRow::of).collect(),
    });
    let oracle = bench.oracle();
    for &(shape, forms) in &part.walks {
        let trace = Trace::generate(list, &oracle, shape, PACKETS);
        bench.put(&trace)?;
        for &form in forms {
            let (hits, spread) = (shape.hits, shape.spread.name());
            say(format_args!(
                "{name}: {hits} % hit, {spread}, {}",
                form.name()
            ));
            let measured = measure::walks(&mut bench, &trace, form, &Way::ALL, rounds)?;
            run.add_walks(list, shape, form, &measured);
        }
    }
    for &hits in part.live {
        say(format_args!("{name}: frames through veth, {hits} % hit"));
        let trace = Trace::generate(list, &oracle, uniform(hits), PACKETS);
        let mut live = Live::new(cpu)?;
        for (lane, program) in LANES {
            live.add(lane, Receiver::Program(program));
        }
        let mut peers = Peers::default();
        if part.peers && hits == 0 {
            peers.add_xdp_filter(&mut live, list);
        }
        let rates = live.measure(&mut bench, &trace, rounds)?;
        run.add_live(list, hits, &rates, None);
        name_rates(run, list, hits, &rates);
        run.missing.append(&mut peers.missing);
        bench.detach()?;
    }
    if let Some((live, mut peers)) = netfilter {
        let trace = Trace::generate(list, &oracle, uniform(1), PACKETS);
        say(format_args!("{name}: frames through veth into netfilter"));
        let rates = live.measure(&mut bench, &trace, rounds)?;
        peers::check(&live, &trace)?;
        run.add_live(list, 1, &rates, Some(peers::BASE));
        run.peers.append(&mut peers.ready);
        run.missing.append(&mut peers.missing);
        bench.detach()?;
    }
    Ok(())
}

/// Lanes with netfilter's sets.
fn netfilter(list: &List, cpu: usize) -> Result<(Live, Peers)> {
    // This thread and what it starts may run anywhere but where tables are filled.
    let mut others = CpuSet::new();
    for other in 0..CpuSet::count() {
        if other != cpu {
            others.set(other)?;
        }
    }
    // With one CPU there is no other.
    let _ = sched_setaffinity(Pid::from_raw(0), &others);
    let mut live = Live::new(cpu)?;
    let mut peers = Peers::default();
    peers.add_netfilter(&mut live, list);
    Ok((live, peers))
}

/// Figures of lanes by name; those of a million IPv4 prefixes have no more than the lane's.
fn name_rates(run: &mut Run, list: &List, hits: u32, rates: &[Rate]) {
    let mut what = String::new();
    if list.family != Family::V4 || list.prefixes.len() != MILLION {
        what = format!("_{}_{}", list.family.name(), size_name(list.prefixes.len()));
    }
    if hits > 0 {
        what = format!("{what}_hit{hits}");
    }
    for rate in rates {
        let lane = rate.lane.replace([' ', '-'], "_");
        let key = format!("veth_{lane}{what}_mpps");
        run.figures.insert(key, rounded(rate.mpps()));
    }
}

fn load(run: &mut Run, list: &List) -> Result<()> {
    say(format_args!(
        "{}: from text on disk to a live table",
        list.name()
    ));
    let row = load::measure(list)?;
    let name = format!("{}_{}", list.family.name(), size_name(row.prefixes));
    let building = row.compile_s + row.publish_s;
    #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
    let a_prefix = row.tables_mib * f64::from(1 << 20) / row.prefixes as f64;
    for (figure, value) in [
        ("total_s", row.read_s + building),
        ("compile_publish_s", building),
        ("peak_mib", row.peak_mib),
        ("table_bytes_a_prefix", a_prefix),
        ("change_us", row.change_us),
    ] {
        let key = format!("load_{name}_{figure}");
        run.figures.insert(key, rounded(value));
    }
    run.loads.push(row);
    Ok(())
}
