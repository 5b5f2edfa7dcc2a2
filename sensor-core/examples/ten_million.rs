//! How long ten million lines take from text on disk to tables, and how much memory:
//! `cargo run --release -p sensor-core --example ten_million [LINES]`.

use std::{
    fs::File,
    io::{self, BufWriter, Write as _},
    path::Path,
    sync::Arc,
    time::Instant,
};

use sensor_common::{Place, Slot};
use sensor_core::{
    capped,
    feeds::{self, plain::Shortest},
    places::Flat,
    watchlist::{Approval, ApprovalId, Moment, Scope, Validity, Watchlist, compile, in_order},
};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let lines = match std::env::args().nth(1) {
        Some(lines) => lines.parse()?,
        None => 10_000_000,
    };
    let folder = tempfile::tempdir()?;
    let list = folder.path().join("list.txt");
    for (kind, share_of_nested) in [("addresses", 0), ("a fifth of it nested", 5)] {
        write(&list, lines, share_of_nested)?;
        let mut out = io::stdout();
        writeln!(out, "{lines} lines, {kind}:")?;
        let size = list.metadata()?.len();
        writeln!(out, "  {:>8} MB of text", size / 1_000_000)?;
        let step = Step::begin("read")?;
        let decoded = feeds::load(&list, Shortest::ANY)?;
        step.end()?;
        writeln!(out, "  {:>8} repeated", decoded.repeated)?;
        let mut watchlist = Watchlist::default();
        watchlist.share_feed("list".into(), Arc::new(decoded.prefixes));
        let approval = Approval {
            id: ApprovalId("all".into()),
            validity: Validity { begin: 0, end: 1 },
            scope: Scope::All,
            tunnels: Vec::new(),
            terms: Slot::default(),
            handling: Arc::default(),
        };
        let approvals = in_order(&[approval]);
        let step = Step::begin("compiled")?;
        let places = Arc::new(Flat::everywhere(Place::Foreign));
        let compiled = compile(&watchlist, &approvals, places, 1, Moment::default());
        step.end()?;
        let step = Step::begin("hashed and written")?;
        let digest = watchlist.digest();
        watchlist.write_to(&mut File::create(folder.path().join(&digest))?)?;
        step.end()?;
        let step = Step::begin("read again")?;
        let stored = capped::read(folder.path().join(&digest), u64::MAX)?;
        let again = Watchlist::read_from(&stored)?;
        step.end()?;
        assert!(again == watchlist, "it is read as it was written");
        let parents = compiled.sets().filter(|(_, set)| set.parent.is_some());
        writeln!(out, "  {:>8} sets within another", parents.count())?;
    }
    Ok(())
}

/// A step that is measured.
struct Step {
    name: &'static str,
    begin: Instant,
    used: f64,
}

impl Step {
    fn begin(name: &'static str) -> io::Result<Self> {
        Ok(Self {
            name,
            begin: Instant::now(),
            used: used()?,
        })
    }

    /// Says how long it took, how much of the CPUs, and the most memory that was resident so far.
    fn end(self) -> io::Result<()> {
        let took = self.begin.elapsed().as_secs_f64();
        let used = used()? - self.used;
        let status = capped::read_to_string("/proc/self/status", 1 << 16)?;
        let resident = (status.lines()).find_map(|line| line.strip_prefix("VmHWM:"));
        let (name, resident) = (self.name, resident.unwrap_or(" ?").trim());
        writeln!(
            io::stdout(),
            "  {took:>8.3} s {name}; {used:.2} s of CPU; {resident} resident at most so far"
        )
    }
}

/// CPU time of this process, in seconds; the kernel tells it in ticks of 10 ms (proc(5)).
fn used() -> io::Result<f64> {
    let stat = capped::read_to_string("/proc/self/stat", 1 << 16)?;
    let fields = stat.rsplit(')').next().unwrap_or_default();
    let ticks = fields.split_whitespace().skip(11).take(2);
    Ok(ticks
        .filter_map(|ticks| ticks.parse::<f64>().ok())
        .sum::<f64>()
        / 100.0)
}

/// Lines in no order: addresses, and of each so many one prefix around it.
fn write(list: &Path, lines: u64, share_of_nested: u64) -> io::Result<()> {
    let mut out = BufWriter::new(File::create(list)?);
    for line in 0..lines {
        let nested = share_of_nested > 0 && line % share_of_nested == 0;
        let [a, b, c, d, ..] = mixed(if nested { line + 1 } else { line });
        if nested {
            writeln!(out, "{a}.{b}.{c}.0/24")?;
        } else {
            writeln!(out, "{a}.{b}.{c}.{d}")?;
        }
    }
    out.flush()
}

/// A number by chance, always the same (splitmix64).
fn mixed(number: u64) -> [u8; 8] {
    let mut word = (number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    word = (word ^ word >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ word >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    (word ^ word >> 31).to_be_bytes()
}
