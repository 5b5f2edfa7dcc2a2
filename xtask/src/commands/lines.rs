//! The JSON lines of the sensor, described in `docs/json-lines.md`, as far as several commands
//! read them.

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::count::{Count, Flow};

/// The flow of a record and what it counted. A flow may come in several: it goes on after it was
/// written.
pub(super) fn record(line: &Value) -> Result<(Flow, Count)> {
    let port = |key: &str| line[key].as_u64().and_then(|port| u16::try_from(port).ok());
    let flow = Flow {
        source: text(line, "src")?.parse()?,
        destination: text(line, "dst")?.parse()?,
        protocol: u8::try_from(number(line, "proto")?)?,
        ports: port("src_port").zip(port("dst_port")),
    };
    let count = Count {
        packets: number(line, "packets")?,
        octets: number(line, "octets")?,
    };
    Ok((flow, count))
}

pub(super) fn text<'a>(object: &'a Value, key: &str) -> Result<&'a str> {
    object[key]
        .as_str()
        .with_context(|| format!("`{key}` is no text"))
}

pub(super) fn number(object: &Value, key: &str) -> Result<u64> {
    object[key]
        .as_u64()
        .with_context(|| format!("`{key}` is no number"))
}
