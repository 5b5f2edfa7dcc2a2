//! Counts for Prometheus: its text format 0.0.4, and `OpenMetrics` 1.0 for who asks for that.
//!
//! Labels are the interface, class, verdict, stage and approval, and nothing else: no address, no
//! indicator and no feed, whose number has no bound and whose values are nobody's business who
//! may read counts.

mod server;

use std::{
    collections::BTreeMap,
    fmt::{self, Write as _},
};

pub use server::{Refused, Server};

/// What is told at one moment. Keys are names; counts are since the run began.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exposition {
    /// When the run began: nanoseconds since 1970.
    pub started: u64,
    /// Whether packets are recorded now.
    pub recording: bool,
    /// Packets by interface and verdict; under an empty name where they are not parted by
    /// interface.
    pub packets: BTreeMap<(String, String), u64>,
    /// What was lost, by stage.
    pub lost: BTreeMap<String, u64>,
    /// Approvals in force.
    pub approvals: BTreeMap<String, Approval>,
    /// Records made, each once.
    pub records: u64,
    /// The store, where there is one.
    pub store: Option<Store>,
    /// Exporters by name, which is the stage they are.
    pub exporters: BTreeMap<String, Outlet>,
}

/// An approval in force.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Approval {
    /// When it ends: nanoseconds since 1970; none where nothing says it.
    pub end: Option<u64>,
    /// Packets recorded under it by class.
    pub recorded: BTreeMap<String, u64>,
}

/// The store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Store {
    /// Whether the last transaction was committed.
    pub up: bool,
    /// Bytes of its files.
    pub bytes: u64,
    /// Rows written.
    pub rows: u64,
}

/// An exporter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outlet {
    /// Whether what was tried last went well.
    pub up: bool,
    /// Rows sent.
    pub sent: u64,
    /// Rows lost, from whatever cause.
    pub lost: u64,
}

/// The two text formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `text/plain; version=0.0.4`.
    Prometheus,
    /// `application/openmetrics-text; version=1.0.0`.
    OpenMetrics,
}

impl Format {
    /// What stands in `Content-Type`.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// The two kinds of metrics there are here.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Counter,
    Gauge,
}

struct Text {
    text: String,
    format: Format,
}

impl Exposition {
    /// The text.
    pub fn encode(&self, format: Format) -> String {
        let mut out = Text {
            text: String::new(),
            format,
        };
        self.sensor(&mut out);
        self.counts(&mut out);
        self.approvals(&mut out);
        self.store(&mut out);
        self.exporters(&mut out);
        if format == Format::OpenMetrics {
            out.text.push_str("# EOF\n");
        }
        out.text
    }

    fn sensor(&self, out: &mut Text) {
        let gauge = Kind::Gauge;
        out.family(
            gauge,
            "sekisho_recording",
            "Whether packets are recorded now.",
            "",
        );
        out.sample(gauge, "sekisho_recording", &[], u8::from(self.recording));
        let name = "sekisho_start_time_seconds";
        out.family(
            gauge,
            name,
            "When the run began, in seconds since 1970.",
            "seconds",
        );
        out.sample(gauge, name, &[], Seconds(self.started));
    }

    fn counts(&self, out: &mut Text) {
        let (kind, name) = (Kind::Counter, "sekisho_packets");
        out.family(kind, name, "Packets seen, by interface and verdict.", "");
        for ((interface, verdict), count) in &self.packets {
            let labels = [("interface", interface.as_str()), ("verdict", verdict)];
            out.sample(kind, name, &labels, count);
        }
        let name = "sekisho_records";
        out.family(kind, name, "Records made, each once.", "");
        out.sample(kind, name, &[], self.records);
        let name = "sekisho_lost";
        out.family(kind, name, "What was lost, by stage and in its unit.", "");
        for (stage, count) in &self.lost {
            out.sample(kind, name, &[("stage", stage)], count);
        }
    }

    fn approvals(&self, out: &mut Text) {
        let (kind, name) = (Kind::Gauge, "sekisho_approval_end_time_seconds");
        out.family(
            kind,
            name,
            "When an approval ends, in seconds since 1970.",
            "seconds",
        );
        for (id, approval) in &self.approvals {
            if let Some(end) = approval.end {
                out.sample(kind, name, &[("approval", id)], Seconds(end));
            }
        }
        let (kind, name) = (Kind::Counter, "sekisho_approval_packets");
        out.family(
            kind,
            name,
            "Packets recorded under an approval, by class.",
            "",
        );
        for (id, approval) in &self.approvals {
            for (class, count) in &approval.recorded {
                let labels = [("approval", id.as_str()), ("class", class)];
                out.sample(kind, name, &labels, count);
            }
        }
    }

    fn store(&self, out: &mut Text) {
        let Some(store) = &self.store else {
            return;
        };
        let gauge = Kind::Gauge;
        let help = "Whether the last transaction of the store was committed.";
        out.family(gauge, "sekisho_store_up", help, "");
        out.sample(gauge, "sekisho_store_up", &[], u8::from(store.up));
        out.family(
            gauge,
            "sekisho_store_bytes",
            "Bytes of the store's files.",
            "bytes",
        );
        out.sample(gauge, "sekisho_store_bytes", &[], store.bytes);
        let (kind, name) = (Kind::Counter, "sekisho_store_rows");
        out.family(kind, name, "Rows written to the store.", "");
        out.sample(kind, name, &[], store.rows);
    }

    fn exporters(&self, out: &mut Text) {
        let (kind, name) = (Kind::Gauge, "sekisho_exporter_up");
        out.family(
            kind,
            name,
            "Whether what an exporter tried last went well.",
            "",
        );
        for (stage, exporter) in &self.exporters {
            out.sample(kind, name, &[("stage", stage)], u8::from(exporter.up));
        }
        for (name, help, of) in [
            (
                "sekisho_exporter_sent_rows",
                "Rows that an exporter sent.",
                true,
            ),
            (
                "sekisho_exporter_lost_rows",
                "Rows that an exporter lost.",
                false,
            ),
        ] {
            out.family(Kind::Counter, name, help, "");
            for (stage, exporter) in &self.exporters {
                let count = if of { exporter.sent } else { exporter.lost };
                out.sample(Kind::Counter, name, &[("stage", stage)], count);
            }
        }
    }
}

/// Nanoseconds, written as seconds.
struct Seconds(u64);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, rest) = (self.0 / 1_000_000_000, self.0 % 1_000_000_000);
        write!(f, "{seconds}.{rest:09}")
    }
}

impl Text {
    /// Kind, unit and meaning. In the older format a counter's family is called as its samples.
    fn family(&mut self, kind: Kind, name: &str, help: &str, unit: &str) {
        let (suffix, word) = match (kind, self.format) {
            (Kind::Counter, Format::Prometheus) => ("_total", "counter"),
            (Kind::Counter, Format::OpenMetrics) => ("", "counter"),
            (Kind::Gauge, _) => ("", "gauge"),
        };
        // Writing to a string cannot fail.
        let _ = writeln!(self.text, "# HELP {name}{suffix} {help}");
        let _ = writeln!(self.text, "# TYPE {name}{suffix} {word}");
        if self.format == Format::OpenMetrics && !unit.is_empty() {
            let _ = writeln!(self.text, "# UNIT {name} {unit}");
        }
    }

    fn sample(
        &mut self,
        kind: Kind,
        name: &str,
        labels: &[(&str, &str)],
        value: impl fmt::Display,
    ) {
        let suffix = if kind == Kind::Counter { "_total" } else { "" };
        self.text.push_str(name);
        self.text.push_str(suffix);
        for (number, (label, value)) in labels.iter().enumerate() {
            let before = if number == 0 { '{' } else { ',' };
            let _ = write!(self.text, "{before}{label}=\"{}\"", escaped(value));
        }
        if !labels.is_empty() {
            self.text.push('}');
        }
        let _ = writeln!(self.text, " {value}");
    }
}

/// What would end a value or a line.
fn escaped(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    for character in value.chars() {
        match character {
            '\\' => text.push_str("\\\\"),
            '"' => text.push_str("\\\""),
            '\n' => text.push_str("\\n"),
            other => text.push(other),
        }
    }
    text
}

#[cfg(test)]
mod tests;
