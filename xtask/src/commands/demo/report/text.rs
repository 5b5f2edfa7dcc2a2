//! The report as text, at most 100 columns wide.

use std::fmt;

use super::{
    super::{
        count::Count,
        network::{TO_DOMESTIC, TO_FOREIGN},
    },
    Report,
    table::Table,
    total,
    words::{self, VERDICTS},
};

/// Interfaces and what arrives at them.
const WAYS: [(&str, &str); 2] = [
    (TO_DOMESTIC, "From the domestic network to the foreign one"),
    (TO_FOREIGN, "From the foreign network to the domestic one"),
];

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\nRECORDED\n\n")?;
        self.flows(f)?;
        f.write_str("NOT RECORDED\n\n")?;
        self.verdicts(f)?;
        f.write_str("SECOND READER\n\n")?;
        self.second_reader(f)
    }
}

impl Report {
    fn flows(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (interface, way) in WAYS {
            writeln!(f, "{way}, seen as it arrives at {interface}:\n")?;
            match self.records.flows.get(interface) {
                Some(flows) => writeln!(f, "{}", Table::new(flows, &self.records.indicators))?,
                None => f.write_str("  nothing\n\n")?,
            }
        }
        let classes: Vec<_> = self.records.classes.iter().map(String::as_str).collect();
        writeln!(
            f,
            "LAB: the class of all is {}. Lab mode has no territory and takes every address for\n\
             foreign, so it cannot know that one of these networks is domestic.\n",
            classes.join(", ")
        )
    }

    fn verdicts(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdicts = &self.records.verdicts;
        f.write_str("Each packet that arrived at the carrier got one verdict:\n\n")?;
        for (name, meaning) in VERDICTS {
            let count = self.verdict(name);
            if count > 0 {
                writeln!(f, "{count:>10}  {name:<12}{meaning}")?;
            }
        }
        let (sum, seen) = (verdicts.values().sum::<u64>(), self.records.seen);
        let lost: u64 = self.records.lost.values().sum();
        writeln!(
            f,
            "{sum:>10}  together, of {seen} seen; {lost} lost on the way to records\n"
        )?;
        f.write_str(
            "And of no packet what was said: the sensor reads the headers up to TCP, UDP or ICMP and\n\
             nothing behind them. Of packets without a match it keeps neither address nor time.\n\n",
        )
    }

    fn second_reader(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("tcpdump at the receivers, which knows nothing of the sensor:\n\n")?;
        for (interface, way) in WAYS {
            let recorded = self.records.flows.get(interface);
            let recorded = recorded.map(total).unwrap_or_default();
            let counted = self.counted.get(interface).copied().unwrap_or_default();
            writeln!(f, "  {way}, hosts on the feed:")?;
            writeln!(f, "    recorded by the sensor      {recorded}")?;
            writeln!(f, "    counted at the receivers    {counted}")?;
        }
        f.write_str("\n")?;
        for ((interface, flow), (recorded, counted)) in &self.differences {
            let (source, destination) = (flow.source_end(), flow.destination_end());
            let protocol = words::protocol(flow.protocol);
            writeln!(
                f,
                "DIFFERENT, {interface}: {protocol} from {source} to {destination}:"
            )?;
            writeln!(f, "    sensor {recorded}; receiver {counted}")?;
        }
        if self.differences.is_empty() {
            f.write_str("Flow by flow they are the same, to the packet and to the octet.\n")?;
        }
        let unwatched = self.unwatched;
        let as_many = if unwatched == self.verdict("no_match") {
            ", as many as got the verdict no_match"
        } else {
            ""
        };
        writeln!(
            f,
            "Between hosts on no list it counted {unwatched} packets{as_many}."
        )
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>4} packets, {:>6} octets", self.packets, self.octets)
    }
}
