//! The JSON lines a sensor wrote, and the sums that have to hold over them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// Packets and octets by flow, as [`Lines::flow_sums`] names them.
pub(crate) type Sums = BTreeMap<String, (u64, u64)>;

/// JSON lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lines(Vec<Value>);

impl Lines {
    /// Reads lines; one that is not whole yet is left out.
    pub fn parse(text: &str) -> Self {
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        let parse = |line: &str| match serde_json::from_str(line) {
            Ok(value) => value,
            Err(error) => panic!("no JSON ({error}): {line}"),
        };
        Self(whole.lines().map(parse).collect())
    }

    /// All of them.
    pub fn all(&self) -> &[Value] {
        &self.0
    }

    /// Notices of new flows.
    pub fn events(&self) -> impl Iterator<Item = &Value> {
        self.of_type("event")
    }

    /// Records.
    pub fn flows(&self) -> impl Iterator<Item = &Value> {
        self.of_type("flow")
    }

    /// The summary, which is the last line and the only one.
    pub fn summary(&self) -> &Value {
        assert_eq!(self.of_type("summary").count(), 1, "{self:?}");
        let last = self.0.last().unwrap_or(&Value::Null);
        assert_eq!(last["type"], "summary", "{self:?}");
        last
    }

    /// The count of a verdict in the summary.
    pub fn verdict(&self, name: &str) -> u64 {
        count(&self.summary()["verdicts"][name])
    }

    /// Packets and octets by flow: `r0 17 192.0.2.1:5000 > 198.51.100.7:53`, followed by
    /// the fragment mark where there is one.
    pub fn flow_sums(&self) -> Sums {
        let mut sums = Sums::new();
        for flow in self.flows() {
            let mark = flow["fragment"].as_str().map(|mark| format!(" {mark}"));
            let (packets, octets) = sums
                .entry(ends(flow) + mark.as_deref().unwrap_or_default())
                .or_default();
            *packets += count(&flow["packets"]);
            *octets += count(&flow["octets"]);
        }
        sums
    }

    /// Asserts what holds over the lines of every lab run that ended well.
    pub fn account(&self) {
        self.account_as(true);
    }

    /// Asserts what holds over the lines of every run that ended well, in lab or not.
    pub fn account_as(&self, lab: bool) {
        let summary = self.summary();
        let verdicts = summary["verdicts"].as_object();
        let decided: u64 = verdicts
            .into_iter()
            .flatten()
            .map(|(_, decided)| count(decided))
            .sum();
        assert_eq!(
            decided,
            count(&summary["seen"]),
            "verdicts are not what was seen: {summary}"
        );

        let (mut packets, mut octets) = (0, 0);
        for flow in self.flows() {
            packets += count(&flow["packets"]);
            octets += count(&flow["octets"]);
        }
        assert_eq!(
            (packets, octets),
            (count(&summary["packets"]), count(&summary["octets"]))
        );
        let records: BTreeSet<u64> = self.flows().map(|flow| count(&flow["record"])).collect();
        assert_eq!(
            records.len() as u64,
            count(&summary["records"]),
            "{summary}"
        );
        let lost = &summary["lost"];
        let lost_packets = count(&lost["flow_table"]) + count(&lost["limiter"]);
        assert_eq!(
            packets + lost_packets,
            self.verdict("recorded") + count(&summary["recovered"]),
            "{summary}"
        );

        for line in &self.0 {
            assert_eq!(
                (&line["lab"], &line["replay"]),
                (&lab.into(), &false.into()),
                "{line}"
            );
        }
        self.each_flow_was_announced(count(&lost["events"]));
    }

    fn each_flow_was_announced(&self, lost: u64) {
        let mut announced = BTreeSet::new();
        let mut missed = BTreeSet::new();
        for line in &self.0 {
            let at = |time: &str| (ends(line), line[time].as_str().unwrap_or("?").to_owned());
            match line["type"].as_str() {
                Some("event") => drop(announced.insert(at("time"))),
                Some("flow") if !announced.contains(&at("start")) => {
                    missed.insert(at("start"));
                }
                _ => {}
            }
        }
        assert!(
            missed.len() as u64 <= lost,
            "no notice before the records of {missed:?}"
        );
    }

    fn of_type(&self, name: &'static str) -> impl Iterator<Item = &Value> {
        self.0.iter().filter(move |line| line["type"] == name)
    }
}

/// Who spoke with whom, as text.
fn ends(line: &Value) -> String {
    let text = |name: &str| line[name].as_str().unwrap_or("?").to_owned();
    let end = |address: &str, port: &str| match line[port].as_u64() {
        Some(port) => format!("{}:{port}", text(address)),
        None => text(address),
    };
    let tags = line["vlan"].as_array().into_iter().flatten();
    let vlan = tags.fold(String::new(), |tags, id| format!("{tags} vlan {id}"));
    format!(
        "{}{vlan} {} {} > {}",
        text("interface"),
        line["proto"],
        end("src", "src_port"),
        end("dst", "dst_port"),
    )
}

fn count(value: &Value) -> u64 {
    value
        .as_u64()
        .unwrap_or_else(|| panic!("no count: {value}"))
}
