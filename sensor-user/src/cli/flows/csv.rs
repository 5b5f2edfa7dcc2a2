//! CSV as RFC 4180 has it: a header, fields in quotes where they need them, CRLF.

use std::io::{self, Write};

use super::{
    asked::GroupKey,
    json::{end, fragment, key, time},
};
use crate::records::query::{Conversation, Groups, Named, Row};

/// Names of the columns of rows, in their order.
const COLUMNS: [&str; 24] = [
    "record",
    "approval",
    "class",
    "direction",
    "interface",
    "vlan",
    "tunnel",
    "tunnel_id",
    "src",
    "src_kind",
    "dst",
    "dst_kind",
    "proto",
    "src_port",
    "dst_port",
    "packets",
    "octets",
    "tcp_flags",
    "start",
    "end",
    "fragment",
    "ttl_min",
    "ttl_max",
    "indicators",
];

fn line<'a>(fields: impl IntoIterator<Item = &'a str>, out: &mut dyn Write) -> io::Result<()> {
    for (number, field) in fields.into_iter().enumerate() {
        if number > 0 {
            out.write_all(b",")?;
        }
        if field.contains(['"', ',', '\r', '\n']) {
            write!(out, "\"{}\"", field.replace('"', "\"\""))?;
        } else {
            out.write_all(field.as_bytes())?;
        }
    }
    out.write_all(b"\r\n")
}

fn optional<T: ToString>(value: Option<T>) -> String {
    value.map_or_else(String::new, |value| value.to_string())
}

pub(super) fn header(out: &mut dyn Write) -> io::Result<()> {
    line(COLUMNS, out)
}

pub(super) fn row(row: &Row, out: &mut dyn Write) -> io::Result<()> {
    let vlan = row.vlan.as_ref().map(|ids| {
        let ids: Vec<String> = ids.iter().map(u16::to_string).collect();
        ids.join(" ")
    });
    let indicators: Vec<String> = row.indicators.iter().map(named).collect();
    let fields: [String; COLUMNS.len()] = [
        row.record.0.to_string(),
        row.approval.to_string(),
        row.class.name().into(),
        row.direction.name().into(),
        row.interface.to_string(),
        vlan.unwrap_or_default(),
        optional(row.tunnel.map(|(kind, _)| kind.name())),
        optional(
            row.tunnel
                .and_then(|(kind, id)| kind.has_id().then_some(id)),
        ),
        row.source.to_string(),
        row.source.kind().into(),
        row.destination.to_string(),
        row.destination.kind().into(),
        optional(row.protocol),
        optional(row.ports.map(|(source, _)| source)),
        optional(row.ports.map(|(_, destination)| destination)),
        row.packets.to_string(),
        row.octets.to_string(),
        optional(row.tcp_flags),
        time(row.start),
        time(row.end),
        optional(fragment(row)),
        optional(row.ttl.map(|(lowest, _)| lowest)),
        optional(row.ttl.map(|(_, highest)| highest)),
        indicators.join(" "),
    ];
    line(fields.iter().map(String::as_str), out)
}

/// `src=192.0.2.0/24@list.txt:3`, without the prefix where it may not be told.
pub(super) fn named(named: &Named) -> String {
    let Named {
        end: of,
        prefix,
        feed,
        line,
    } = named;
    format!("{}={}@{feed}:{line}", end(*of), optional(*prefix))
}

pub(super) fn groups(groups: &Groups, by: GroupKey, out: &mut dyn Write) -> io::Result<()> {
    line([by.name(), "flows", "packets", "octets"], out)?;
    for group in &groups.groups {
        let fields = [
            key(&group.key),
            group.flows.to_string(),
            group.packets.to_string(),
            group.octets.to_string(),
        ];
        line(fields.iter().map(String::as_str), out)?;
    }
    Ok(())
}

pub(super) fn conversations(all: &[Conversation], out: &mut dyn Write) -> io::Result<()> {
    let columns = [
        "approval",
        "class",
        "src",
        "src_kind",
        "dst",
        "dst_kind",
        "proto",
        "src_port",
        "dst_port",
        "flows",
        "packets",
        "octets",
        "reverse_flows",
        "reverse_packets",
        "reverse_octets",
        "start",
        "end",
    ];
    line(columns, out)?;
    for one in all {
        let fields = [
            one.approval.to_string(),
            one.class.name().into(),
            one.source.to_string(),
            one.source.kind().into(),
            one.destination.to_string(),
            one.destination.kind().into(),
            optional(one.protocol),
            optional(one.ports.map(|(source, _)| source)),
            optional(one.ports.map(|(_, destination)| destination)),
            one.forward.flows.to_string(),
            one.forward.packets.to_string(),
            one.forward.octets.to_string(),
            one.reverse.flows.to_string(),
            one.reverse.packets.to_string(),
            one.reverse.octets.to_string(),
            time(one.start),
            time(one.end),
        ];
        line(fields.iter().map(String::as_str), out)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_quoted_where_they_need_it() {
        let mut out = Vec::new();
        line(["a", "b,c", "say \"d\"", "", "e\nf"], &mut out).unwrap();
        assert_eq!(out, b"a,\"b,c\",\"say \"\"d\"\"\",,\"e\nf\"\r\n");
    }
}
