//! JSON lines: one object a line.
//!
//! Foreign addresses are text, a domestic one is a pseudonym or `domestic`, and kinds say which; `proto` is a number; ports are
//! null where the protocol has none, and so is every field that the row's approval does not
//! let it say. Times are RFC 3339 in UTC. Every object says whether it comes from replay
//! and from lab, and of what clock its times are. `docs/json-lines.md` describes the fields.

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use jiff::Timestamp;
use sensor_common::{Fragment, SlotCounts, Verdict};
use serde::{Serialize, Serializer};

use crate::{
    pipeline::{Alarm, End, Matched, Notice, Record, Summary},
    watchlist::ApprovalId,
};

/// Where output comes from; every object carries it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Mark {
    /// From a capture, not from an interface.
    pub replay: bool,
    /// Without an approval of the overseer.
    pub lab: bool,
    /// What clock its times are of.
    pub clock: ClockMark,
}

/// What clock times are of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ClockMark {
    /// That of the capture.
    Capture,
    /// This machine's, which was disciplined when the run began.
    Synchronised,
    /// This machine's, which nobody disciplined.
    Unsynchronised,
}

/// One object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// A new flow.
    Event(Notice),
    /// A record.
    Flow(Record),
    /// Something is not as it should be.
    Alarm(Alarm),
    /// The end.
    Summary(Summary),
}

/// Writes one line.
pub fn write(out: &mut dyn Write, mark: Mark, line: &Line) -> io::Result<()> {
    match line {
        Line::Event(notice) => {
            let head = Head {
                kind: "event",
                mark,
            };
            write_object(
                out,
                &EventObject {
                    head,
                    event: "new_flow",
                    flow: ends(notice),
                    time: time(notice.start),
                    indicators: indicators(notice),
                },
            )
        }
        Line::Flow(record) => write_object(out, &flow(mark, record)),
        Line::Alarm(alarm) => write_object(
            out,
            &AlarmObject {
                head: Head {
                    kind: "alarm",
                    mark,
                },
                time: time(alarm.time),
                about: alarm.kind.name(),
                text: &alarm.text,
            },
        ),
        Line::Summary(summary) => write_object(out, &self::summary(mark, summary)),
    }
}

fn write_object(out: &mut dyn Write, object: &impl Serialize) -> io::Result<()> {
    let mut text = serde_json::to_vec(object)?;
    text.push(b'\n');
    out.write_all(&text)
}

#[derive(Serialize)]
struct Head {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(flatten)]
    mark: Mark,
}

#[derive(Serialize)]
struct Ends<'a> {
    class: &'static str,
    direction: &'static str,
    approvals: Vec<&'a str>,
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
}

/// What the packet was carried in.
#[derive(Serialize)]
struct TunnelObject {
    #[serde(rename = "type")]
    kind: &'static str,
    id: Option<u32>,
}

#[derive(Serialize)]
struct EventObject<'a> {
    #[serde(flatten)]
    head: Head,
    event: &'static str,
    #[serde(flatten)]
    flow: Ends<'a>,
    time: String,
    indicators: Vec<IndicatorObject<'a>>,
}

#[derive(Serialize)]
struct AlarmObject<'a> {
    #[serde(flatten)]
    head: Head,
    time: String,
    about: &'static str,
    text: &'a str,
}

#[derive(Serialize)]
struct FlowObject<'a> {
    #[serde(flatten)]
    head: Head,
    #[serde(flatten)]
    flow: Ends<'a>,
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
struct IndicatorObject<'a> {
    prefix: Option<String>,
    end: &'static str,
    feed: &'a str,
    line: u32,
}

#[derive(Serialize)]
struct SummaryObject<'a> {
    #[serde(flatten)]
    head: Head,
    seen: u64,
    verdicts: Counts,
    lost: &'a BTreeMap<&'static str, u64>,
    malformed: Counts,
    unsupported: Counts,
    #[serde(skip_serializing_if = "Option::is_none")]
    tunnels: Option<Counts>,
    approvals: BTreeMap<&'a str, Counts>,
    alarms: u64,
    recovered: u64,
    recovered_approvals: BTreeMap<&'a str, Counts>,
    records: u64,
    packets: u64,
    octets: u64,
}

/// An object of counters in the order given.
struct Counts(Vec<(&'static str, u64)>);

impl Serialize for Counts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().copied())
    }
}

fn ends(notice: &Notice) -> Ends<'_> {
    Ends {
        class: notice.class.name(),
        direction: notice.direction.name(),
        approvals: notice
            .approvals
            .iter()
            .map(|under| under.id.0.as_str())
            .collect(),
        interface: &notice.interface,
        vlan: notice.vlan.as_deref(),
        tunnel: notice.tunnel.map(|(kind, id)| TunnelObject {
            kind: kind.name(),
            id: kind.has_id().then_some(id),
        }),
        src: notice.source.to_string(),
        dst: notice.destination.to_string(),
        src_kind: notice.source.kind(),
        dst_kind: notice.destination.kind(),
        proto: notice.protocol,
        src_port: notice.ports.map(|(source, _)| source),
        dst_port: notice.ports.map(|(_, destination)| destination),
    }
}

fn indicators(notice: &Notice) -> Vec<IndicatorObject<'_>> {
    notice
        .indicators
        .iter()
        .map(
            |Matched {
                 end,
                 prefix,
                 feed,
                 line,
                 named_by: _,
             }| IndicatorObject {
                prefix: prefix.map(|prefix| prefix.to_string()),
                end: match end {
                    End::Source => "src",
                    End::Destination => "dst",
                },
                feed,
                line: *line,
            },
        )
        .collect()
}

fn flow(mark: Mark, record: &Record) -> FlowObject<'_> {
    let Record {
        id,
        notice,
        end,
        packets,
        octets,
        tcp_flags,
        ttl,
    } = record;
    FlowObject {
        head: Head { kind: "flow", mark },
        flow: ends(notice),
        packets: *packets,
        octets: *octets,
        tcp_flags: *tcp_flags,
        start: time(notice.start),
        end: time(*end),
        indicators: indicators(notice),
        fragment: match notice.fragment {
            None | Some(Fragment::Whole) => None,
            Some(Fragment::First) => Some("first"),
            Some(Fragment::Later) => Some("later"),
        },
        ttl_min: ttl.map(|(lowest, _)| lowest),
        ttl_max: ttl.map(|(_, highest)| highest),
        record: id.0,
    }
}

fn summary(mark: Mark, summary: &Summary) -> SummaryObject<'_> {
    SummaryObject {
        head: Head {
            kind: "summary",
            mark,
        },
        seen: summary.seen,
        verdicts: Counts(
            summary
                .verdicts
                .iter()
                .map(|(v, count)| (v.name(), *count))
                .collect(),
        ),
        lost: &summary.lost,
        malformed: Counts(
            summary
                .malformed
                .iter()
                .map(|(r, count)| (r.name(), *count))
                .collect(),
        ),
        unsupported: Counts(
            summary
                .unsupported
                .iter()
                .map(|(r, count)| (r.name(), *count))
                .collect(),
        ),
        tunnels: (summary.tunnels.iter().any(|(_, count)| *count > 0))
            .then(|| Counts(summary.tunnels.into())),
        approvals: by_approval(&summary.approvals),
        recovered_approvals: by_approval(&summary.recovered_approvals),
        alarms: summary.alarms,
        recovered: summary.recovered,
        records: summary.records,
        packets: summary.packets,
        octets: summary.octets,
    }
}

fn by_approval(counts: &BTreeMap<ApprovalId, SlotCounts>) -> BTreeMap<&str, Counts> {
    let counts = counts.iter();
    counts
        .map(|(id, counts)| (id.0.as_str(), reached(counts)))
        .collect()
}

/// How far packets came under an approval.
fn reached(counts: &SlotCounts) -> Counts {
    let verdicts = Verdict::ALL.into_iter().skip(Verdict::Unapproved as usize);
    Counts(verdicts.map(|v| (v.name(), counts.of(v))).collect())
}

/// RFC 3339 in UTC; the end of what the format can say for times beyond it.
pub fn time(unix_ns: u64) -> String {
    Timestamp::from_nanosecond(i128::from(unix_ns))
        .unwrap_or(Timestamp::MAX)
        .to_string()
}

#[cfg(test)]
mod tests;
