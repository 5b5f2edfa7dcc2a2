//! What is kept of a run: JSON by date and machine, and plots for the documentation.

use std::{env, fs, path::Path};

use anyhow::{Context as _, Result};
use nix::unistd::{Gid, Uid, chown};

use crate::{
    bench::Way,
    lists::{Kind, size_name},
    plot::{Bar, bars},
    report::{Run, WalkRow},
    say::say,
};

/// Writes the run and its plots below the root of the repository. Only a whole run has plots.
pub(crate) fn keep(run: &Run, root: &Path) -> Result<()> {
    let day: String = run.date.chars().take(16).filter(|c| *c != ':').collect();
    let kind = if run.quick { "-quick" } else { "" };
    let name = format!("{day}-{}{kind}.json", run.machine.slug());
    let text = serde_json::to_string_pretty(run)? + "\n";
    write(&root.join("tests/bench/runs"), &name, &text)?;
    if !run.quick {
        for (name, svg) in plots(run) {
            write(&root.join("docs/bench"), name, &svg)?;
        }
    }
    Ok(())
}

/// Writes a file that belongs to whoever asked for the run: that is `sudo` by its variables.
fn write(folder: &Path, name: &str, text: &str) -> Result<()> {
    let id = |name: &str| env::var(name).ok()?.parse::<u32>().ok();
    let owner = (id("SUDO_UID").map(Uid::from), id("SUDO_GID").map(Gid::from));
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let path = folder.join(name);
    fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    for path in [folder, &path] {
        chown(path, owner.0, owner.1)?;
    }
    say(format_args!("wrote {}", path.display()));
    Ok(())
}

fn plots(run: &Run) -> Vec<(&'static str, String)> {
    let on = format!("{}, Linux {}", run.machine.cpu, run.machine.kernel);
    let walks = |title: &str, is_in: &dyn Fn(&WalkRow) -> bool| {
        let rows = (run.walks.iter()).filter(|row| row.way != Way::Nothing.name() && is_in(row));
        let all: Vec<Bar> = rows.map(walk_bar).collect();
        bars(&format!("{title} ({on})"), "ns", &all)
    };
    let misses = |row: &WalkRow, family: &str| {
        row.kind == Kind::Uniform
            && row.family.name() == family
            && (row.hits_percent, row.spread, row.form) == (1, "uniform", "overlapped")
    };
    let hits = |row: &WalkRow| {
        row.kind == Kind::Uniform
            && row.family.name() == "v4"
            && (row.hits_percent, row.spread, row.form) == (50, "uniform", "overlapped")
    };
    let lanes: Vec<Bar> = (run.live.iter())
        .map(|row| Bar {
            label: format!("{}, {}, {} %", row.list, row.lane, row.hits_percent),
            value: row.mpps,
            colour: match row.lane.split(' ').next() {
                Some("sensor") => 1,
                Some("hash") => 2,
                Some("lpm") => 3,
                Some("empty" | "netfilter") => 0,
                _ => 4,
            },
        })
        .collect();
    vec![
        (
            "match-v4.svg",
            walks("IPv4, two addresses, 99 % miss", &|row| misses(row, "v4")),
        ),
        (
            "match-v6.svg",
            walks("IPv6, two addresses, 99 % miss", &|row| misses(row, "v6")),
        ),
        (
            "match-hits.svg",
            walks("IPv4, two addresses, half of all packets match", &hits),
        ),
        (
            "live.svg",
            bars(&format!("Frames through veth ({on})"), "million/s", &lanes),
        ),
    ]
}

fn walk_bar(row: &WalkRow) -> Bar {
    Bar {
        label: format!("{} prefixes, {}", size_name(row.prefixes), row.way),
        value: row.best_ns,
        colour: match row.way {
            "ours" => 1,
            "hash" => 2,
            "lpm" => 3,
            _ => 0,
        },
    }
}
