//! EVE JSON, as Suricata's users' tools read it: `flow` for each record, `alert` for each
//! indicator that a new flow matched.
//!
//! A record is of one direction: its packets are those to the server, and none are those to the
//! client. An end that is not told in clear has no `src_ip` or `dest_ip`; what stands for it is
//! in `metadata.flowvars`, which Suricata's schema leaves open, so that nothing that reads
//! addresses finds it.

use sensor_common::Fragment;
use serde::Serialize;
use serde_json::{Value, json};

use super::{Admitted, Encode, Frame, Item, Kinds, names};
use crate::{Address, Matched, Notice, Record};

/// Form of a time: six digits of a second, and the offset without a colon.
const TIME: &str = "%Y-%m-%dT%H:%M:%S.%6f+0000";

/// Encodes lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Eve {
    /// Name of the sensor, in `host`.
    pub host: Option<String>,
    /// Generator of the alerts; those of Suricata's own rules have 1.
    pub generator: u32,
    /// Severity of the alerts: 1 is the highest.
    pub severity: u8,
}

impl Default for Eve {
    fn default() -> Self {
        Self {
            host: None,
            generator: 7_350,
            severity: 3,
        }
    }
}

impl Encode for Eve {
    fn kinds(&self) -> Kinds {
        Kinds::ALL
    }

    fn encode(&mut self, rows: &[Admitted], _: u64) -> Vec<Frame> {
        rows.iter().map(|row| self.frame(row)).collect()
    }
}

#[derive(Serialize)]
struct Event<'a> {
    timestamp: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    flow_id: Option<u64>,
    in_iface: &'a str,
    #[serde(rename = "event_type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "<[u16]>::is_empty")]
    vlan: &'a [u16],
    #[serde(skip_serializing_if = "Option::is_none")]
    src_ip: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    src_port: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dest_ip: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dest_port: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    proto: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ip_v: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    alert: Option<Value>,
    flow: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    tcp: Option<Value>,
    metadata: Value,
}

impl Eve {
    fn frame(&self, item: &Item) -> Frame {
        let mut bytes = Vec::new();
        let written = match item {
            Item::Flow(record) => line(&self.flow(record), &mut bytes),
            Item::Notice(notice) => (notice.indicators.iter())
                .try_for_each(|matched| line(&self.alert(notice, matched), &mut bytes)),
        };
        match written {
            // A notice without indicators is no alert, and is settled by saying nothing.
            Ok(()) => Frame {
                bytes,
                rows: 1,
                refused: 0,
            },
            Err(_) => Frame {
                refused: 1,
                ..Frame::default()
            },
        }
    }

    fn flow<'a>(&'a self, record: &'a Record) -> Event<'a> {
        let notice = &record.notice;
        let age = record.end.saturating_sub(notice.start) / 1_000_000_000;
        let tcp = (record.tcp_flags)
            .filter(|_| notice.protocol.is_none_or(|protocol| protocol == 6))
            .map(|flags| json!({ "tcp_flags": format!("{flags:02x}"), "tcp_flags_ts": format!("{flags:02x}") }));
        Event {
            timestamp: names::time(TIME, record.end),
            flow_id: Some(record.id.0),
            flow: json!({
                "pkts_toserver": record.packets,
                "pkts_toclient": 0,
                "bytes_toserver": record.octets,
                "bytes_toclient": 0,
                "start": names::time(TIME, notice.start),
                "end": names::time(TIME, record.end),
                "age": age,
                "alerted": !notice.indicators.is_empty(),
            }),
            tcp,
            metadata: metadata(notice, &notice.indicators, record.ttl),
            ..self.event("flow", notice)
        }
    }

    fn alert<'a>(&'a self, notice: &'a Notice, matched: &Matched) -> Event<'a> {
        let end = names::end(matched.end);
        let (signature_id, ..) = names::indicator(matched).as_fields();
        let Matched { feed, line, .. } = matched;
        Event {
            alert: Some(json!({
                "action": "allowed",
                "gid": self.generator,
                // Below 2^31, which fits into every reader's integer, and not 0.
                "signature_id": (signature_id >> 1).max(1),
                "rev": 1,
                "signature": format!("Sekisho: {end} is in {feed} line {line}"),
                "category": "Watched address",
                "severity": self.severity,
                "metadata": { "feed": [feed], "line": [line.to_string()] },
            })),
            flow: json!({ "start": names::time(TIME, notice.start) }),
            metadata: metadata(notice, std::slice::from_ref(matched), None),
            ..self.event("alert", notice)
        }
    }

    fn event<'a>(&'a self, kind: &'static str, notice: &'a Notice) -> Event<'a> {
        let source = notice.source.clear();
        let destination = notice.destination.clear();
        let version = |is_v6| if is_v6 { 6 } else { 4 };
        Event {
            timestamp: names::time(TIME, notice.start),
            flow_id: None,
            in_iface: &notice.interface,
            kind,
            vlan: notice.vlan.as_deref().unwrap_or_default(),
            src_ip: source.map(|address| address.to_string()),
            src_port: notice.ports.map(|ports| ports.0),
            dest_ip: destination.map(|address| address.to_string()),
            dest_port: notice.ports.map(|ports| ports.1),
            proto: notice.protocol.map(protocol),
            ip_v: (source.or(destination)).map(|address| version(address.is_ipv6())),
            host: self.host.as_deref(),
            alert: None,
            flow: Value::Null,
            tcp: None,
            metadata: Value::Null,
        }
    }
}

fn line(event: &Event<'_>, bytes: &mut Vec<u8>) -> serde_json::Result<()> {
    serde_json::to_writer(&mut *bytes, event)?;
    bytes.push(b'\n');
    Ok(())
}

/// What EVE has no member for, as variables of the flow whose names begin with `sekisho.`.
fn metadata(notice: &Notice, indicators: &[Matched], ttl: Option<(u8, u8)>) -> Value {
    let mut all = vec![
        ("approval", names::approvals(notice)),
        ("class", notice.class.name().into()),
        ("direction", notice.direction.name().into()),
        ("src_kind", notice.source.kind().into()),
        ("dst_kind", notice.destination.kind().into()),
    ];
    for (key, address) in [
        ("src_pseudonym", notice.source),
        ("dst_pseudonym", notice.destination),
    ] {
        if let Address::Pseudonym(pseudonym) = address {
            all.push((key, pseudonym.to_string()));
        }
    }
    if let Some((kind, id)) = notice.tunnel {
        all.push(("tunnel", kind.name().into()));
        if kind.has_id() {
            all.push(("tunnel_id", id.to_string()));
        }
    }
    match notice.fragment {
        None | Some(Fragment::Whole) => {}
        Some(Fragment::First) => all.push(("fragment", "first".into())),
        Some(Fragment::Later) => all.push(("fragment", "later".into())),
    }
    if let Some((lowest, highest)) = ttl {
        all.push(("ttl_min", lowest.to_string()));
        all.push(("ttl_max", highest.to_string()));
    }
    for Matched {
        end, feed, line, ..
    } in indicators
    {
        all.push(("indicator", format!("{} {line} {feed}", names::end(*end))));
    }
    let variables = all
        .into_iter()
        .map(|(key, value)| json!({ "key": format!("sekisho.{key}"), "value": value }));
    json!({ "flowvars": variables.collect::<Vec<_>>() })
}

/// Suricata's names of protocols; a number of three digits where it has none, as it does.
fn protocol(number: u8) -> String {
    let name = match number {
        1 => "ICMP",
        2 => "IGMP",
        6 => "TCP",
        17 => "UDP",
        47 => "GRE",
        50 => "ESP",
        51 => "AH",
        58 => "IPv6-ICMP",
        132 => "SCTP",
        number => return format!("{number:03}"),
    };
    name.into()
}

#[cfg(test)]
mod tests;
