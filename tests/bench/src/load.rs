//! From a list as text on disk to a live table: time and memory, in a process of its own.

use std::{
    collections::BTreeMap,
    env, fs,
    io::{BufWriter, Write as _},
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
    time::Instant,
};

use anyhow::{Context as _, Result, ensure};
use sekisho::{
    capped,
    feeds::{self, plain::Shortest},
};
use sensor_common::Place;

use crate::{bench, lists::List, ours, report::LoadRow};

/// Maps that are no tables of the match: rows and counts of a generation, and places.
const BESIDE: [&str; 10] = [
    "ROWS",
    "PORTS",
    "GROUPS",
    "APPROVALS",
    "TOTALS",
    "SLOT_COUNTS",
    "BUCKETS_V4",
    "BUCKETS_V6",
    "PLACES_V4",
    "PLACES_V6",
];

/// Writes the list to a file and has another process of this program load it.
pub(crate) fn measure(list: &List) -> Result<LoadRow> {
    let path = env::temp_dir().join(format!("sekisho-bench-{}.txt", std::process::id()));
    let measured = write(list, &path).and_then(|()| {
        let this = env::current_exe().context("cannot find this program")?;
        let mut child = Command::new(this);
        child.arg("--load").arg(&path).stderr(Stdio::inherit());
        let output = child.output()?;
        ensure!(output.status.success(), "loading {} failed", list.name());
        let mut row: LoadRow = serde_json::from_slice(&output.stdout)?;
        row.list = list.name();
        Ok(row)
    });
    let _ = fs::remove_file(&path);
    measured
}

fn write(list: &List, path: &Path) -> Result<()> {
    let mut file = BufWriter::new(fs::File::create_new(path)?);
    for prefix in &list.prefixes {
        if prefix.prefix_len() == prefix.max_prefix_len() {
            writeln!(file, "{}", prefix.addr())?;
        } else {
            writeln!(file, "{prefix}")?;
        }
    }
    Ok(file.flush()?)
}

/// Loads the list: what the other process does.
pub(crate) fn load(path: &Path) -> Result<LoadRow> {
    let mut bench = bench::empty()?;
    let before = memory()?;
    let started = Instant::now();
    let decoded = feeds::load(path, Shortest::ANY)?;
    let reading = started.elapsed();
    let prefixes = decoded.prefixes.len();
    let mut published = ours::publish(&mut bench, Arc::new(decoded.prefixes), Place::Unknown)?;
    let (mut all, mut tables) = (0, 0);
    for (map, (name, bytes)) in memory()? {
        if !before.contains_key(&map) {
            all += bytes;
            if !BESIDE.contains(&name.as_str()) {
                tables += bytes;
            }
        }
    }
    let peak = peak()?;
    let mut changes = published.change(&mut bench)?;
    changes.sort_unstable();
    let micros = |at: usize| changes.get(at).map_or(0.0, |took| took.as_secs_f64() * 1e6);
    Ok(LoadRow {
        list: String::new(),
        prefixes,
        read_s: reading.as_secs_f64(),
        compile_s: published.compiling.as_secs_f64(),
        publish_s: published.publishing.as_secs_f64(),
        peak_mib: mib(peak),
        kernel_mib: mib(all),
        tables_mib: mib(tables),
        change_us: micros(changes.len() / 2),
        slowest_change_us: micros(changes.len().saturating_sub(1)),
    })
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

/// The most memory this process has had resident.
fn peak() -> Result<u64> {
    let status = capped::read_to_string("/proc/self/status", 1 << 16)?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let words = line.and_then(|line| line.split_whitespace().next());
    let kib: u64 = words.and_then(|word| word.parse().ok()).context("VmHWM")?;
    Ok(kib << 10)
}

/// Names and sizes of the maps that this process holds, by their ids.
fn memory() -> Result<BTreeMap<u32, (String, u64)>> {
    let names: BTreeMap<u32, String> = (aya::maps::loaded_maps().flatten())
        .map(|map| (map.id(), map.name_as_str().unwrap_or_default().to_owned()))
        .collect();
    let mut held = BTreeMap::new();
    for file in fs::read_dir("/proc/self/fdinfo")? {
        // The descriptor of the folder itself is gone again.
        let Ok(text) = capped::read_to_string(file?.path(), 1 << 16) else {
            continue;
        };
        let number = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name))?;
            line.trim().parse::<u64>().ok()
        };
        if let (Some(id), Some(bytes)) = (number("map_id:"), number("memlock:"))
            && let Ok(id) = u32::try_from(id)
        {
            let name = names.get(&id).cloned().unwrap_or_default();
            held.insert(id, (name, bytes));
        }
    }
    Ok(held)
}
