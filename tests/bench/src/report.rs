//! What a run came to: rows, a table for people, and figures by name for machines.

use std::{collections::BTreeMap, fmt::Write as _};

use serde::Serialize;

use crate::{
    bench::{Form, Way},
    lists::{Family, Kind, List, size_name},
    live::Rate,
    machine::Machine,
    measure::{Figure, Measured},
    peers::Peer,
    traces::{Shape, Spread},
    tune::FilterRow,
};

/// Everything one run measured.
#[derive(Debug, Serialize)]
pub(crate) struct Run {
    /// When it began, in UTC.
    pub(crate) date: String,
    pub(crate) machine: Machine,
    pub(crate) commit: String,
    pub(crate) quick: bool,
    pub(crate) lists: Vec<ListRow>,
    pub(crate) walks: Vec<WalkRow>,
    pub(crate) live: Vec<LiveRow>,
    pub(crate) peers: Vec<Peer>,
    pub(crate) loads: Vec<LoadRow>,
    pub(crate) records: Vec<RecordRow>,
    /// What was left out and why.
    pub(crate) missing: Vec<String>,
    /// Figures by name.
    pub(crate) figures: BTreeMap<String, f64>,
}

/// What a recorded packet costs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct RecordRow {
    pub(crate) flows: usize,
    /// Flows that the cache of a CPU has room for.
    pub(crate) capacity: u32,
    pub(crate) empty_ns: f64,
    pub(crate) sensor_ns: f64,
    /// The difference.
    pub(crate) record_ns: f64,
    pub(crate) spread_percent: f64,
    /// Flows that gave way to others, of a hundred packets.
    pub(crate) evicted_percent: f64,
    /// Packets without a flow, of a hundred.
    pub(crate) unattributed_percent: f64,
}

/// How long tables of a list took.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct ListRow {
    pub(crate) list: String,
    pub(crate) prefixes: usize,
    pub(crate) compile_s: f64,
    pub(crate) publish_s: f64,
    pub(crate) lpm_s: f64,
    pub(crate) hash_s: f64,
    /// Filters that the tuner measured.
    pub(crate) filters: Vec<FilterRow>,
}

/// One way in one trace, in nanoseconds a packet, net of walking; that itself is `none`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct WalkRow {
    pub(crate) list: String,
    pub(crate) family: Family,
    pub(crate) kind: Kind,
    pub(crate) prefixes: usize,
    pub(crate) hits_percent: u32,
    pub(crate) spread: &'static str,
    pub(crate) form: &'static str,
    pub(crate) way: &'static str,
    pub(crate) best_ns: f64,
    pub(crate) median_ns: f64,
    pub(crate) spread_percent: f64,
}

/// One lane, nanoseconds and millions of frames a second.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct LiveRow {
    pub(crate) list: String,
    pub(crate) lane: String,
    pub(crate) hits_percent: u32,
    pub(crate) mpps: f64,
    pub(crate) best_ns: f64,
    pub(crate) median_ns: f64,
    pub(crate) spread_percent: f64,
    pub(crate) lost_percent: f64,
    /// Against the lane that everything else of it is the same as.
    pub(crate) look_up_ns: Option<f64>,
}

/// From text on disk to a live table, in a process of its own.
#[derive(Clone, Debug, PartialEq, Serialize, serde::Deserialize)]
pub(crate) struct LoadRow {
    pub(crate) list: String,
    pub(crate) prefixes: usize,
    pub(crate) read_s: f64,
    pub(crate) compile_s: f64,
    pub(crate) publish_s: f64,
    /// Resident memory at its highest.
    pub(crate) peak_mib: f64,
    /// What the kernel says its maps take, and of that the tables that addresses are looked up in.
    pub(crate) kernel_mib: f64,
    pub(crate) tables_mib: f64,
    /// One prefix added or removed, microseconds: the median, and the slowest.
    pub(crate) change_us: f64,
    pub(crate) slowest_change_us: f64,
}

impl Run {
    pub(crate) fn add_walks(
        &mut self,
        list: &List,
        shape: Shape,
        form: Form,
        measured: &[Measured],
    ) {
        for Measured { way, figure } in measured {
            let row = WalkRow {
                list: list.name(),
                family: list.family,
                kind: list.kind,
                prefixes: list.prefixes.len(),
                hits_percent: shape.hits,
                spread: shape.spread.name(),
                form: form.name(),
                way: way.name(),
                best_ns: figure.best,
                median_ns: figure.median,
                spread_percent: figure.spread,
            };
            if let Some(key) = walk_key(&row) {
                self.figures.insert(key, rounded(row.best_ns));
            }
            self.walks.push(row);
        }
    }

    pub(crate) fn add_live(&mut self, list: &List, hits: u32, rates: &[Rate], base: Option<&str>) {
        let rate = |lane: &str| rates.iter().find(|rate| rate.lane == lane);
        let base = base.and_then(rate);
        for rate in rates {
            let Figure {
                best,
                median,
                spread,
            } = rate.figure;
            let is_base = base.is_none_or(|base| base.lane == rate.lane);
            self.live.push(LiveRow {
                list: list.name(),
                lane: rate.lane.clone(),
                hits_percent: hits,
                mpps: rate.mpps(),
                best_ns: best,
                median_ns: median,
                spread_percent: spread,
                lost_percent: 100.0 * rate.lost,
                look_up_ns: (!is_base)
                    .then(|| base.map(|base| best - base.figure.best))
                    .flatten(),
            });
        }
    }

    /// The whole run as text.
    pub(crate) fn table(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = self.write_walks(&mut text);
        let _ = self.write_live(&mut text);
        let _ = self.write_records(&mut text);
        let _ = self.write_loads(&mut text);
        for missing in &self.missing {
            let _ = writeln!(text, "left out: {missing}");
        }
        text
    }

    fn write_walks(&self, text: &mut String) -> std::fmt::Result {
        let mut lists: Vec<&str> = Vec::new();
        for row in &self.walks {
            if !lists.contains(&row.list.as_str()) {
                lists.push(&row.list);
            }
        }
        for list in lists {
            writeln!(
                text,
                "\n{list}: ns a packet, source and destination, best of the rounds, net of walking; \
                 in brackets how many times ours"
            )?;
            write!(text, "{:<34}{:>8}", "trace", "walking")?;
            for way in [Way::Floor, Way::Ours, Way::Hashes, Way::Lpm] {
                write!(text, "{:>18}", way.name())?;
            }
            writeln!(text, "{:>10}", "spread %")?;
            let rows = || self.walks.iter().filter(|row| row.list == list);
            for first in rows().filter(|row| row.way == Way::Nothing.name()) {
                let of = |way: Way| {
                    rows().find(|row| {
                        row.way == way.name()
                            && (row.hits_percent, row.spread, row.form)
                                == (first.hits_percent, first.spread, first.form)
                    })
                };
                let trace = format!(
                    "{:>3} % hit, {}, {}",
                    first.hits_percent, first.spread, first.form
                );
                write!(text, "{trace:<34}{:>8.1}", first.best_ns)?;
                let ours = of(Way::Ours).map(|row| row.best_ns);
                let mut worst = first.spread_percent;
                for way in [Way::Floor, Way::Ours, Way::Hashes, Way::Lpm] {
                    let cell = of(way).map_or_else(
                        || "-".to_owned(),
                        |row| {
                            worst = worst.max(row.spread_percent);
                            cell(row.best_ns, ours)
                        },
                    );
                    write!(text, "{cell:>18}")?;
                }
                writeln!(text, "{worst:>10.0}")?;
            }
        }
        Ok(())
    }

    fn write_live(&self, text: &mut String) -> std::fmt::Result {
        if self.live.is_empty() {
            return Ok(());
        }
        writeln!(
            text,
            "\nlive frames through veth, counted where they arrive, on one CPU"
        )?;
        writeln!(
            text,
            "{:<22}{:<18}{:>6}{:>10}{:>10}{:>10}{:>14}{:>10}{:>8}",
            "list",
            "lane",
            "hit %",
            "Mframes/s",
            "best ns",
            "median",
            "look-up ns",
            "spread %",
            "lost %"
        )?;
        for row in &self.live {
            let look_up = row
                .look_up_ns
                .map_or_else(String::new, |ns| format!("{ns:.0}"));
            writeln!(
                text,
                "{:<22}{:<18}{:>6}{:>10.2}{:>10.1}{:>10.1}{look_up:>14}{:>10.0}{:>8.1}",
                row.list,
                row.lane,
                row.hits_percent,
                row.mpps,
                row.best_ns,
                row.median_ns,
                row.spread_percent,
                row.lost_percent
            )?;
        }
        Ok(())
    }

    fn write_records(&self, text: &mut String) -> std::fmt::Result {
        if self.records.is_empty() {
            return Ok(());
        }
        writeln!(
            text,
            "\nevery packet recorded: live frames through veth, dropped, on one CPU"
        )?;
        writeln!(
            text,
            "{:>10}{:>10}{:>10}{:>11}{:>11}{:>10}{:>11}{:>16}",
            "flows",
            "room",
            "empty ns",
            "sensor ns",
            "record ns",
            "spread %",
            "evicted %",
            "unattributed %"
        )?;
        for row in &self.records {
            writeln!(
                text,
                "{:>10}{:>10}{:>10.1}{:>11.1}{:>11.1}{:>10.0}{:>11.2}{:>16.2}",
                row.flows,
                row.capacity,
                row.empty_ns,
                row.sensor_ns,
                row.record_ns,
                row.spread_percent,
                row.evicted_percent,
                row.unattributed_percent
            )?;
        }
        Ok(())
    }

    fn write_loads(&self, text: &mut String) -> std::fmt::Result {
        writeln!(text, "\nseconds to fill the tables")?;
        writeln!(
            text,
            "{:<22}{:>10}{:>10}{:>10}{:>10}",
            "list", "compile", "publish", "lpm", "hash"
        )?;
        for row in &self.lists {
            writeln!(
                text,
                "{:<22}{:>10.2}{:>10.2}{:>10.2}{:>10.2}",
                row.list, row.compile_s, row.publish_s, row.lpm_s, row.hash_s
            )?;
        }
        for row in &self.lists {
            for filter in &row.filters {
                let FilterRow {
                    family,
                    rule_kib,
                    chosen_kib,
                    ..
                } = filter;
                writeln!(
                    text,
                    "{}: the {family} filter has {chosen_kib} KiB, by the rule {rule_kib}",
                    row.list
                )?;
            }
        }
        for peer in &self.peers {
            let Peer {
                lane,
                prefixes,
                seconds,
            } = peer;
            writeln!(text, "{lane}: {prefixes} prefixes in {seconds:.2} s")?;
        }
        for row in &self.loads {
            writeln!(
                text,
                "{} from text on disk to a live table: {:.2} s reading, {:.2} compiling, {:.2} \
                 publishing; {:.0} MiB resident at most, {:.0} MiB of maps, {:.0} of them to look up in; one \
                 prefix added or removed in {:.1} us, {:.0} at most",
                row.list,
                row.read_s,
                row.compile_s,
                row.publish_s,
                row.peak_mib,
                row.kernel_mib,
                row.tables_mib,
                row.change_us,
                row.slowest_change_us
            )?;
        }
        Ok(())
    }
}

/// Nanoseconds, and how many times ours.
fn cell(ns: f64, ours: Option<f64>) -> String {
    match ours {
        Some(ours) if ours > 0.0 => format!("{ns:.1} ({:.1}x)", ns / ours),
        _ => format!("{ns:.1}"),
    }
}

/// One digit after the point is more than figures hold.
pub(crate) fn rounded(figure: f64) -> f64 {
    (figure * 100.0).round() / 100.0
}

/// What a figure is called: generated lists, 99 % of packets miss, anywhere, overlapped.
///
/// The others have what they differ in behind that.
fn walk_key(row: &WalkRow) -> Option<String> {
    let way = match row.way {
        "ours" => "match",
        "none" => return None,
        other => other,
    };
    if row.kind == Kind::Ipsum {
        return None;
    }
    let (family, size) = (row.family.name(), size_name(row.prefixes));
    let kind = match row.kind {
        Kind::Clustered => "_clustered",
        Kind::Uniform | Kind::Ipsum => "",
    };
    let hits = match (row.hits_percent, way) {
        (1, "floor") => String::new(),
        (1, _) => "_miss".into(),
        (0, _) => "_none".into(),
        (hits, _) => format!("_hit{hits}"),
    };
    let spread = match row.spread {
        spread if spread == Spread::Uniform.name() => String::new(),
        spread => format!("_{spread}"),
    };
    let form = if row.form == Form::Serialised.name() {
        "_serial"
    } else {
        ""
    };
    Some(format!(
        "{way}_{family}_{size}{kind}{hits}{spread}{form}_ns"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(way: &'static str, hits: u32, ns: f64) -> WalkRow {
        WalkRow {
            list: "v4 uniform 1e6".into(),
            family: Family::V4,
            kind: Kind::Uniform,
            prefixes: 1_000_000,
            hits_percent: hits,
            spread: "uniform",
            form: "overlapped",
            way,
            best_ns: ns,
            median_ns: ns,
            spread_percent: 5.0,
        }
    }

    fn key(change: impl FnOnce(&mut WalkRow)) -> String {
        let mut row = row("ours", 1, 1.0);
        change(&mut row);
        walk_key(&row).unwrap()
    }

    #[test]
    fn figures_have_the_names_that_others_look_for() {
        assert_eq!(key(|_| {}), "match_v4_1e6_miss_ns");
        assert_eq!(key(|row| row.way = "lpm"), "lpm_v4_1e6_miss_ns");
        assert_eq!(key(|row| row.way = "hash"), "hash_v4_1e6_miss_ns");
        assert_eq!(key(|row| row.way = "floor"), "floor_v4_1e6_ns");
        assert_eq!(key(|row| row.family = Family::V6), "match_v6_1e6_miss_ns");
        assert_eq!(key(|row| row.prefixes *= 10), "match_v4_1e7_miss_ns");
        assert_eq!(key(|row| row.hits_percent = 50), "match_v4_1e6_hit50_ns");
        assert_eq!(key(|row| row.spread = "hot"), "match_v4_1e6_miss_hot_ns");
        assert_eq!(
            key(|row| row.form = "serialised"),
            "match_v4_1e6_miss_serial_ns"
        );
        assert_eq!(walk_key(&row("none", 1, 1.0)), None);
    }

    #[test]
    fn the_table_has_ratios_to_ours() {
        let run = Run {
            date: String::new(),
            machine: Machine::here(),
            commit: String::new(),
            quick: true,
            lists: Vec::new(),
            walks: [
                ("none", 2.0),
                ("floor", 8.0),
                ("ours", 10.0),
                ("lpm", 2500.0),
            ]
            .map(|(way, ns)| row(way, 1, ns))
            .into(),
            live: Vec::new(),
            peers: Vec::new(),
            loads: Vec::new(),
            records: Vec::new(),
            missing: vec!["ipset: no program".into()],
            figures: BTreeMap::new(),
        };
        let table = run.table();
        let line = table.lines().find(|line| line.contains("1 % hit")).unwrap();
        let words: Vec<&str> = line.split_whitespace().collect();
        assert_eq!(
            words[5..],
            [
                "2.0", "8.0", "(0.8x)", "10.0", "(1.0x)", "-", "2500.0", "(250.0x)", "5"
            ]
        );
        assert!(table.contains("left out: ipset: no program"));
    }
}
