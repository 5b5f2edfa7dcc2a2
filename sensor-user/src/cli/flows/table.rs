//! Tables for people.

use std::{
    collections::HashMap,
    fmt::Write as _,
    io::{self, Write},
};

use super::{asked::GroupKey, csv::named, json::key};
use crate::{
    cli::summary::count,
    records::{
        Address, RecordId,
        query::{Conversation, Groups, Row},
    },
    words,
};

/// Columns that are numbers stand to the right.
#[derive(Clone, Copy)]
enum Side {
    Left,
    Right,
}

use Side::{Left, Right};

/// Writes lines with their columns one below the other.
fn table<const COLUMNS: usize>(
    head: [(&str, Side); COLUMNS],
    lines: &[[String; COLUMNS]],
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut widths = head.map(|(name, _)| name.len());
    for line in lines {
        for (width, field) in widths.iter_mut().zip(line) {
            *width = field.chars().count().max(*width);
        }
    }
    let names = head.map(|(name, _)| name.to_owned());
    for line in std::iter::once(&names).chain(lines) {
        let mut text = String::new();
        for ((field, width), (_, side)) in line.iter().zip(widths).zip(head) {
            if !text.is_empty() {
                text.push_str("  ");
            }
            match side {
                Left => write!(text, "{field:width$}"),
                Right => write!(text, "{field:>width$}"),
            }
            .map_err(io::Error::other)?;
        }
        // Nothing that a file is called can move the cursor.
        let text = text.replace(char::is_control, "\u{fffd}");
        writeln!(out, "{}", text.trim_end())?;
    }
    Ok(())
}

/// An end with its port, as far as they are told.
fn end(address: Address, port: Option<u16>) -> String {
    match (address, port) {
        (address, None) => address.to_string(),
        (Address::Foreign(address), Some(port)) => {
            std::net::SocketAddr::new(address, port).to_string()
        }
        (address, Some(port)) => format!("{address}:{port}"),
    }
}

fn protocol(number: Option<u8>) -> String {
    match number {
        None => "-".into(),
        Some(1) => "icmp".into(),
        Some(6) => "tcp".into(),
        Some(17) => "udp".into(),
        Some(58) => "icmpv6".into(),
        Some(132) => "sctp".into(),
        Some(other) => other.to_string(),
    }
}

pub(super) fn rows(rows: &[Row], limit: Option<u64>, out: &mut dyn Write) -> io::Result<()> {
    if rows.is_empty() {
        return writeln!(out, "no flows");
    }
    let head = [
        ("START", Left),
        ("SOURCE", Left),
        ("DESTINATION", Left),
        ("PROTO", Left),
        ("PACKETS", Right),
        ("OCTETS", Right),
        ("CLASS", Left),
        ("APPROVAL", Left),
        ("INDICATORS", Left),
    ];
    let lines = rows.iter().map(|row| {
        let indicators: Vec<String> = row.indicators.iter().map(named).collect();
        let (source, destination) = row.ports.unzip();
        [
            words::utc(row.start),
            end(row.source, source),
            end(row.destination, destination),
            protocol(row.protocol),
            row.packets.to_string(),
            row.octets.to_string(),
            row.class.name().into(),
            row.approval.to_string(),
            indicators.join(" "),
        ]
    });
    let lines: Vec<_> = lines.collect();
    table(head, &lines, out)?;
    let records = rows
        .iter()
        .map(|row| (row.record, (row.packets, row.octets)));
    let records: HashMap<RecordId, (u64, u64)> = records.collect();
    let sum = |of: fn(&(u64, u64)) -> u64| records.values().map(of).fold(0, u64::saturating_add);
    let flows = u64::try_from(records.len()).unwrap_or(u64::MAX);
    writeln!(
        out,
        "{}, {}, {}, each counted once whatever its approvals",
        count(flows, "flow"),
        count(sum(|(packets, _)| *packets), "packet"),
        count(sum(|(_, octets)| *octets), "octet"),
    )?;
    if limit.is_some_and(|limit| u64::try_from(rows.len()).is_ok_and(|rows| rows >= limit)) {
        writeln!(out, "there may be more: --limit ended it here")?;
    }
    Ok(())
}

pub(super) fn groups(groups: &Groups, by: GroupKey, out: &mut dyn Write) -> io::Result<()> {
    if groups.groups.is_empty() {
        return writeln!(out, "no flows");
    }
    let name = by.name().to_uppercase();
    let head = [
        (name.as_str(), Left),
        ("FLOWS", Right),
        ("PACKETS", Right),
        ("OCTETS", Right),
    ];
    let lines = groups.groups.iter().map(|group| {
        [
            key(&group.key),
            group.flows.to_string(),
            group.packets.to_string(),
            group.octets.to_string(),
        ]
    });
    let lines: Vec<_> = lines.collect();
    table(head, &lines, out)?;
    writeln!(
        out,
        "together {}, {}, {}",
        count(groups.flows, "flow"),
        count(groups.packets, "packet"),
        count(groups.octets, "octet"),
    )?;
    if groups.from_sums {
        writeln!(
            out,
            "from the sums that are kept, also of flows that are kept no longer"
        )?;
    }
    Ok(())
}

pub(super) fn conversations(all: &[Conversation], out: &mut dyn Write) -> io::Result<()> {
    if all.is_empty() {
        return writeln!(out, "no flows");
    }
    let head = [
        ("START", Left),
        ("SOURCE", Left),
        ("DESTINATION", Left),
        ("PROTO", Left),
        ("PACKETS >", Right),
        ("OCTETS >", Right),
        ("< PACKETS", Right),
        ("< OCTETS", Right),
        ("CLASS", Left),
        ("APPROVAL", Left),
    ];
    let lines = all.iter().map(|one| {
        let (source, destination) = one.ports.unzip();
        [
            words::utc(one.start),
            end(one.source, source),
            end(one.destination, destination),
            protocol(one.protocol),
            one.forward.packets.to_string(),
            one.forward.octets.to_string(),
            one.reverse.packets.to_string(),
            one.reverse.octets.to_string(),
            one.class.name().into(),
            one.approval.to_string(),
        ]
    });
    let lines: Vec<_> = lines.collect();
    table(head, &lines, out)
}
