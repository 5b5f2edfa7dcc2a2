//! What the sensor wrote: its JSON lines, described in `docs/json-lines.md`.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::BufReader,
    path::Path,
};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use super::count::{Counts, Flow};
use crate::commands::lines::{number, record, text};

/// All that one run of the sensor wrote.
#[derive(Debug, Default)]
pub(super) struct Records {
    /// Recorded flows by the interface at which they arrived.
    pub(super) flows: BTreeMap<String, Counts>,
    /// The indicators that a flow matched.
    pub(super) indicators: BTreeMap<Flow, BTreeSet<String>>,
    pub(super) classes: BTreeSet<String>,
    /// Packets seen.
    pub(super) seen: u64,
    /// Packets by verdict.
    pub(super) verdicts: BTreeMap<String, u64>,
    /// Losses by stage.
    pub(super) lost: BTreeMap<String, u64>,
}

impl Records {
    pub(super) fn read(path: &Path) -> Result<Self> {
        let file = File::open(path).context("the sensor wrote no file")?;
        let lines = serde_json::Deserializer::from_reader(BufReader::new(file)).into_iter();
        Self::collect(lines).context("in what the sensor wrote")
    }

    fn collect(lines: impl Iterator<Item = serde_json::Result<Value>>) -> Result<Self> {
        let mut records = Self::default();
        let mut is_complete = false;
        for line in lines {
            let line = line?;
            let kind = text(&line, "type")?;
            let added = match kind {
                // A notice without counts: a flow comes of it.
                "event" => Ok(()),
                "flow" => records.add(&line),
                "summary" => {
                    is_complete = true;
                    records.finish(&line)
                }
                _ => bail!("nothing is known of the type `{kind}`"),
            };
            added.with_context(|| format!("in {line}"))?;
        }
        if !is_complete {
            bail!("there is no summary at the end");
        }
        Ok(records)
    }

    /// A flow may come in several records: it goes on after it was written.
    fn add(&mut self, line: &Value) -> Result<()> {
        let (flow, count) = record(line)?;
        let interface = self
            .flows
            .entry(text(line, "interface")?.to_owned())
            .or_default();
        *interface.entry(flow).or_default() += count;
        self.classes.insert(text(line, "class")?.to_owned());
        let indicators = self.indicators.entry(flow).or_default();
        for indicator in line["indicators"].as_array().into_iter().flatten() {
            indicators.insert(text(indicator, "prefix")?.to_owned());
        }
        Ok(())
    }

    fn finish(&mut self, line: &Value) -> Result<()> {
        self.seen = number(line, "seen")?;
        self.verdicts = numbers(line, "verdicts")?;
        self.lost = numbers(line, "lost")?;
        Ok(())
    }
}

fn numbers(object: &Value, key: &str) -> Result<BTreeMap<String, u64>> {
    let object = object[key]
        .as_object()
        .with_context(|| format!("`{key}` is no object"))?;
    let numbers = object
        .iter()
        .map(|(key, value)| Some((key.clone(), value.as_u64()?)));
    numbers
        .collect::<Option<_>>()
        .with_context(|| format!("`{key}` has more than numbers"))
}

#[cfg(test)]
mod tests {
    use super::{super::count::Count, *};

    fn collect(lines: &str) -> Result<Records> {
        Records::collect(serde_json::Deserializer::from_str(lines).into_iter())
    }

    const FLOW: &str = r#"{"type":"flow","class":"transit","interface":"c-foreign",
        "src":"203.0.113.7","dst":"10.77.0.10","proto":6,"src_port":443,"dst_port":40000,
        "packets":2,"octets":120,"indicators":[{"prefix":"203.0.113.7/32","end":"src"}]}"#;
    const SUMMARY: &str = r#"{"type":"summary","seen":5,"verdicts":{"no_match":1,"recorded":4},
        "lost":{"limiter":0}}"#;

    #[test]
    fn records_of_one_flow_are_added_up() {
        let records = collect(&[r#"{"type":"event"}"#, FLOW, FLOW, SUMMARY].concat()).unwrap();
        let [(flow, count)] = records.flows["c-foreign"].iter().collect::<Vec<_>>()[..] else {
            panic!("not one flow: {:?}", records.flows)
        };
        assert_eq!(
            *count,
            Count {
                packets: 4,
                octets: 240
            }
        );
        assert_eq!(flow.ports, Some((443, 40000)));
        assert_eq!(
            records.indicators[flow],
            BTreeSet::from(["203.0.113.7/32".to_owned()])
        );
        assert_eq!((records.seen, records.verdicts["recorded"]), (5, 4));
    }

    #[test]
    fn output_without_a_summary_is_not_complete() {
        assert!(collect(FLOW).is_err());
        assert!(collect("").is_err());
    }
}
