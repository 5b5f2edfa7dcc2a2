//! Objects, one a line, with the names of `docs/json-lines.md`.

use std::io::{self, Write};

use sensor_common::Fragment;
use serde::Serialize;

use super::asked::GroupKey;
use crate::{
    records::{
        End,
        query::{Conversation, Counts, Groups, Kept, Key, Row},
    },
    words,
};

#[derive(Serialize)]
struct RowObject<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    class: &'static str,
    direction: &'static str,
    approvals: [&'a str; 1],
    interface: &'a str,
    vlan: Option<&'a [u16]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tunnel: Option<TunnelObject>,
    src: String,
    dst: String,
    src_kind: &'static str,
    dst_kind: &'static str,
    proto: Option<u8>,
    src_port: Option<u16>,
    dst_port: Option<u16>,
    packets: u64,
    octets: u64,
    tcp_flags: Option<u16>,
    start: String,
    end: String,
    indicators: Vec<IndicatorObject<'a>>,
    fragment: Option<&'static str>,
    ttl_min: Option<u8>,
    ttl_max: Option<u8>,
    record: u64,
}

#[derive(Serialize)]
struct TunnelObject {
    #[serde(rename = "type")]
    kind: &'static str,
    id: Option<u32>,
}

#[derive(Serialize)]
pub(in crate::cli) struct IndicatorObject<'a> {
    prefix: Option<String>,
    end: &'static str,
    feed: &'a str,
    line: u32,
}

fn line(object: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer(&mut *out, object)?;
    writeln!(out)
}

pub(super) fn time(nanoseconds: u64) -> String {
    words::timestamp(nanoseconds).to_string()
}

/// First or later fragments; none of whole datagrams.
pub(super) const fn fragment(row: &Row) -> Option<&'static str> {
    match row.fragment {
        None | Some(Fragment::Whole) => None,
        Some(Fragment::First) => Some("first"),
        Some(Fragment::Later) => Some("later"),
    }
}

pub(super) const fn end(end: End) -> &'static str {
    match end {
        End::Source => "src",
        End::Destination => "dst",
    }
}

pub(super) fn row(row: &Row, out: &mut dyn Write) -> io::Result<()> {
    let indicators = row.indicators.iter().map(|named| IndicatorObject {
        prefix: named.prefix.map(|prefix| prefix.to_string()),
        end: end(named.end),
        feed: &named.feed,
        line: named.line,
    });
    let object = RowObject {
        kind: "flow",
        class: row.class.name(),
        direction: row.direction.name(),
        approvals: [&row.approval],
        interface: &row.interface,
        vlan: row.vlan.as_deref(),
        tunnel: row.tunnel.map(|(kind, id)| TunnelObject {
            kind: kind.name(),
            id: kind.has_id().then_some(id),
        }),
        src: row.source.to_string(),
        dst: row.destination.to_string(),
        src_kind: row.source.kind(),
        dst_kind: row.destination.kind(),
        proto: row.protocol,
        src_port: row.ports.map(|(source, _)| source),
        dst_port: row.ports.map(|(_, destination)| destination),
        packets: row.packets,
        octets: row.octets,
        tcp_flags: row.tcp_flags,
        start: time(row.start),
        end: time(row.end),
        indicators: indicators.collect(),
        fragment: fragment(row),
        ttl_min: row.ttl.map(|(lowest, _)| lowest),
        ttl_max: row.ttl.map(|(_, highest)| highest),
        record: row.record.0,
    };
    line(&object, out)
}

pub(super) fn kept(kept: &Kept, out: &mut dyn Write) -> io::Result<()> {
    #[derive(Serialize)]
    struct Object<'a> {
        #[serde(rename = "type")]
        kind: &'static str,
        approval: &'a str,
        whole_from: String,
    }
    let object = Object {
        kind: "kept",
        approval: &kept.approval,
        whole_from: time(kept.whole_from),
    };
    line(&object, out)
}

pub(super) fn groups(groups: &Groups, by: GroupKey, out: &mut dyn Write) -> io::Result<()> {
    #[derive(Serialize)]
    struct Object {
        #[serde(rename = "type")]
        kind: &'static str,
        by: &'static str,
        key: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        src_kind: Option<&'static str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        dst_kind: Option<&'static str>,
        flows: u64,
        packets: u64,
        octets: u64,
    }
    for group in &groups.groups {
        let (src_kind, dst_kind) = match &group.key {
            Key::Pair(source, destination) => (Some(source.kind()), Some(destination.kind())),
            Key::Address(address) if by == GroupKey::Source => (Some(address.kind()), None),
            Key::Address(address) => (None, Some(address.kind())),
            _ => (None, None),
        };
        let object = Object {
            kind: "group",
            by: by.name(),
            key: key(&group.key),
            src_kind,
            dst_kind,
            flows: group.flows,
            packets: group.packets,
            octets: group.octets,
        };
        line(&object, out)?;
    }
    Ok(())
}

/// A key in words.
pub(super) fn key(key: &Key) -> String {
    match key {
        Key::Time(begin) => time(*begin),
        key => key.to_string(),
    }
}

pub(super) fn conversations(all: &[Conversation], out: &mut dyn Write) -> io::Result<()> {
    #[derive(Serialize)]
    struct Object<'a> {
        #[serde(rename = "type")]
        kind: &'static str,
        class: &'static str,
        approvals: [&'a str; 1],
        src: String,
        dst: String,
        src_kind: &'static str,
        dst_kind: &'static str,
        proto: Option<u8>,
        src_port: Option<u16>,
        dst_port: Option<u16>,
        flows: u64,
        packets: u64,
        octets: u64,
        reverse_flows: u64,
        reverse_packets: u64,
        reverse_octets: u64,
        start: String,
        end: String,
    }
    for one in all {
        let Counts {
            flows,
            packets,
            octets,
        } = one.forward;
        let object = Object {
            kind: "biflow",
            class: one.class.name(),
            approvals: [&one.approval],
            src: one.source.to_string(),
            dst: one.destination.to_string(),
            src_kind: one.source.kind(),
            dst_kind: one.destination.kind(),
            proto: one.protocol,
            src_port: one.ports.map(|(source, _)| source),
            dst_port: one.ports.map(|(_, destination)| destination),
            flows,
            packets,
            octets,
            reverse_flows: one.reverse.flows,
            reverse_packets: one.reverse.packets,
            reverse_octets: one.reverse.octets,
            start: time(one.start),
            end: time(one.end),
        };
        line(&object, out)?;
    }
    Ok(())
}
