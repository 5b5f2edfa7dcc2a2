//! Records and summaries for people.

use std::fmt::{self, Write as _};

use sensor_common::Verdict;

use crate::{
    exporters::json::Mark,
    pipeline::{Matched, Record, Summary},
};

/// Rows of flows that are shown; the rest is counted.
const ROWS: usize = 50;

/// A table of flows.
#[derive(Debug, Default)]
pub(super) struct FlowRows {
    rows: Vec<[String; 7]>,
    more: usize,
}

impl FlowRows {
    const HEAD: [&str; 7] = [
        "source",
        "destination",
        "protocol",
        "packets",
        "octets",
        "vlan",
        "indicators",
    ];

    /// Adds a flow.
    pub(super) fn add(&mut self, record: &Record) {
        if self.rows.len() == ROWS {
            self.more += 1;
            return;
        }
        let notice = &record.notice;
        let (source_port, destination_port) = match notice.ports {
            Some((source, destination)) => (format!(" {source}"), format!(" {destination}")),
            None => (String::new(), String::new()),
        };
        let vlan: Vec<String> = notice
            .vlan
            .iter()
            .flatten()
            .map(ToString::to_string)
            .collect();
        let indicators: Vec<String> = notice.indicators.iter().map(named).collect();
        self.rows.push([
            format!("{}{source_port}", notice.source),
            format!("{}{destination_port}", notice.destination),
            notice.protocol.map_or_else(String::new, protocol),
            record.packets.to_string(),
            record.octets.to_string(),
            vlan.join("."),
            indicators.join(" "),
        ]);
    }
}

impl fmt::Display for FlowRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.rows.is_empty() {
            return writeln!(f, "No flow was recorded.\n");
        }
        let head = Self::HEAD.map(str::to_owned);
        let mut widths = [0; 7];
        for row in std::iter::once(&head).chain(&self.rows) {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = cell.len().max(*width);
            }
        }
        for row in std::iter::once(&head).chain(&self.rows) {
            let mut line = String::new();
            for (column, (cell, width)) in row.iter().zip(widths).enumerate() {
                if matches!(column, 3 | 4) {
                    write!(line, "{cell:>width$}  ")?;
                } else {
                    write!(line, "{cell:<width$}  ")?;
                }
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        if self.more > 0 {
            writeln!(f, "and {} more; --json prints all", self.more)?;
        }
        writeln!(f)
    }
}

/// An indicator by its prefix, or by where it stands.
fn named(matched: &Matched) -> String {
    match matched.prefix {
        Some(prefix) => prefix.to_string(),
        None => format!("{}:{}", matched.feed, matched.line),
    }
}

/// The summary: what was seen, decided and lost, and what stands in records.
pub(super) fn text(mark: Mark, summary: &Summary) -> String {
    let mut text = String::new();
    let mut line = |label: &str, count: u64, remark: &str| {
        let padded = if remark.is_empty() {
            label.to_owned()
        } else {
            format!("{label:<14}")
        };
        // Writing to a string cannot fail.
        let _ = if remark.is_empty() {
            writeln!(text, "{count:>12}  {padded}")
        } else {
            writeln!(text, "{count:>12}  {padded}{remark}")
        };
    };
    line("packets seen", summary.seen, "");
    for &(verdict, count) in &summary.verdicts {
        if count > 0 || verdict == Verdict::Recorded {
            line(verdict.name(), count, meaning(verdict));
        }
    }
    for &(reason, count) in &summary.malformed {
        line("", count, &format!("malformed: {}", reason.name()));
    }
    for &(what, count) in summary.tunnels.iter().filter(|(_, count)| *count > 0) {
        line("", count, &format!("in tunnels: {what}"));
    }
    for &(reason, count) in &summary.unsupported {
        line("", count, &format!("unsupported: {}", reason.name()));
    }
    for (id, counts) in &summary.approvals {
        for verdict in Verdict::ALL {
            let reached = counts.of(verdict);
            if reached > 0 {
                line("", reached, &format!("{id}: {}", verdict.name()));
            }
        }
    }
    if summary.alarms > 0 {
        line("alarms", summary.alarms, "");
    }
    for (stage, &count) in &summary.lost {
        if count > 0 {
            line("LOST", count, stage);
        }
    }
    let Summary {
        records,
        packets,
        octets,
        ..
    } = summary;
    if summary.recovered > 0 {
        let what = "of them counted by an agent that ended without detaching";
        line("recovered", summary.recovered, what);
    }
    let lab = if mark.lab { "LAB " } else { "" };
    let replay = if mark.replay { "replay " } else { "" };
    format!(
        "{lab}{replay}summary\n{text}{records:>12}  {} of {}, {}",
        noun(*records, "record"),
        count(*packets, "packet"),
        count(*octets, "octet"),
    )
}

/// A number with its noun: "1 packet", "2 packets".
pub(super) fn count(number: u64, singular: &str) -> String {
    format!("{number} {}", noun(number, singular))
}

fn noun(number: u64, singular: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{singular}{plural}")
}

/// What a verdict means for what is kept.
const fn meaning(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::NotIp => "neither IPv4 nor IPv6",
        Verdict::Malformed => "contradict themselves or are cut short",
        Verdict::Unsupported => "too deep or in an encapsulation that is not read",
        Verdict::NoMatch => "not watched: this count is all that is kept of them",
        Verdict::Excluded => "excluded",
        Verdict::Unknown => "an end cannot be placed",
        Verdict::Domestic => "domestic",
        Verdict::Unapproved => "watched, but no approval covers them",
        Verdict::NotYet => "no approval has begun",
        Verdict::Expired => "every approval has ended",
        Verdict::Class => "no approval covers the class",
        Verdict::Direction => "no approval covers the direction",
        Verdict::Interface => "no approval covers the interface",
        Verdict::Unattended => "the agent was not there, or nothing allowed it to record",
        Verdict::Recorded => "counted in flows",
    }
}

fn protocol(number: u8) -> String {
    match number {
        1 => "ICMP".into(),
        6 => "TCP".into(),
        17 => "UDP".into(),
        58 => "ICMPv6".into(),
        other => other.to_string(),
    }
}
