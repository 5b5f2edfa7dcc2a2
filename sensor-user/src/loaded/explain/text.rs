//! An answer for people: the verdict first, then why, a step a line.

use std::fmt;

use sensor_common::{Class, Direction, Fields, Passage, Place, Verdict};

use super::{Answer, Basis, Considered, Covering, End, Seen, line::protocol_name};
use crate::{
    places::Rule,
    words::{list, utc},
};

/// Columns before what a line says.
const LABEL: usize = 13;

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n", self.headline())?;
        row(f, "packet", &self.packet)?;
        row(f, "interface", self.interface_row())?;
        end_rows(f, "source", &self.source)?;
        end_rows(f, "destination", &self.destination)?;
        if self.depends_on_ports() {
            let text = "not all given, and the verdict may depend on them: write \
                        'SRC:PORT > DST:PORT tcp'";
            row(f, "ports", text)?;
        }
        if let Ok(passage) = self.passage {
            row(f, "class", self.passage_row(passage))?;
        }
        for (number, considered) in self.approvals.iter().enumerate() {
            let Considered { id, why, .. } = considered;
            let label = if number == 0 { "approvals" } else { "" };
            row(f, label, format_args!("{id}: {why}"))?;
        }
        self.record_rows(f)?;
        row(f, "loaded", self.loaded_row())
    }
}

/// One line, in which nothing that a file or a feed is called can move the cursor.
fn row(f: &mut fmt::Formatter<'_>, label: &str, text: impl fmt::Display) -> fmt::Result {
    let text = text.to_string().replace(char::is_control, "\u{fffd}");
    writeln!(f, "{label:<LABEL$}{text}")
}

fn end_rows(f: &mut fmt::Formatter<'_>, label: &str, end: &End) -> fmt::Result {
    let place = &end.place;
    let name = match &place.rule {
        Rule::Operator { operator, .. } => format!("domestic, operator {operator}"),
        _ => place.place.name().to_owned(),
    };
    row(f, label, format_args!("{}: {name}", place.address))?;
    row(f, "", format_args!("  by {}", place.rule))?;
    for beaten in &place.beat {
        row(f, "", format_args!("  not by {beaten}"))?;
    }
    let others = [&end.open, &end.other_ports, &end.unnamed];
    if end.matched.is_none() && others.iter().all(|others| others.is_empty()) {
        return row(f, "", "  not watched");
    }
    for covering in end.matched.iter().flat_map(|matched| &matched.indicators) {
        row(f, "", format_args!("  watched: {}", covered(covering)))?;
    }
    for covering in &end.open {
        row(
            f,
            "",
            format_args!("  may be watched: {}", covered(covering)),
        )?;
    }
    for covering in end.other_ports.iter().chain(&end.unnamed) {
        row(f, "", format_args!("  not watched: {}", covered(covering)))?;
    }
    Ok(())
}

/// An indicator: where it stands, who names it, and on which ports it counts.
fn covered(covering: &Covering) -> String {
    let Covering {
        prefix,
        feed,
        line,
        ports,
        named_by,
    } = covering;
    let names: Vec<&str> = named_by.iter().map(|id| id.0.as_str()).collect();
    let names = match &names[..] {
        [] => "no approval".into(),
        names => list(names, "and"),
    };
    let ports: Vec<String> = ports.iter().map(ToString::to_string).collect();
    let only = match &ports[..] {
        [] => String::new(),
        ports => format!(", on {} only", list(ports, "and")),
    };
    format!("{prefix}, {feed} line {line}, named by {names}{only}")
}

impl Answer {
    /// The verdict with its meaning.
    pub(super) fn headline(&self) -> String {
        let Some(verdict) = self.verdict else {
            let Seen::NotWatched { name, watched } = &self.interface else {
                return "not seen".into();
            };
            return format!(
                "not seen: {name} is not watched, so no packet on it is looked at; watched: {}",
                list(watched, "and")
            );
        };
        format!("{}: {}", verdict.name(), self.meaning(verdict))
    }

    fn meaning(&self, verdict: Verdict) -> String {
        let none = |what: &str| format!("no approval that names it {what}, so it is not recorded");
        match verdict {
            Verdict::Recorded => {
                let allowing = self.approvals.iter().filter(|c| c.reached == verdict);
                let names: Vec<&str> = allowing.map(|c| c.id.0.as_str()).collect();
                format!("counted in a flow under {}", list(&names, "and"))
            }
            Verdict::NoMatch if self.depends_on_ports() => {
                "what covers an address counts on some ports only, and not all are given".into()
            }
            Verdict::NoMatch if self.has_other_ports() => {
                "what covers an address counts on other ports; one counter is all that is kept"
                    .into()
            }
            Verdict::NoMatch => {
                "nothing is watched at either address; one counter is all that is kept".into()
            }
            Verdict::Excluded => format!(
                "{} excluded, which no approval changes; it is never recorded",
                self.ends_in(|place| place == Place::Excluded)
            ),
            Verdict::Unknown => format!(
                "{} placed by nobody; it is never recorded",
                self.ends_in(|place| place == Place::Unknown)
            ),
            Verdict::Domestic => "both ends are domestic; it is never recorded".into(),
            Verdict::Unapproved => none("covers it"),
            Verdict::NotYet => none("has begun"),
            Verdict::Expired => none("is still in force"),
            Verdict::Class => match &self.operator {
                Some(operator) => none(&format!("covers its class with operator {operator}")),
                None => none("covers its class"),
            },
            Verdict::Direction => none("covers its direction"),
            Verdict::Interface => none("covers its interface"),
            Verdict::Unattended => none("is attended by a sensor"),
            // A line describes a packet that can be read.
            Verdict::NotIp | Verdict::Malformed | Verdict::Unsupported => String::new(),
        }
    }

    fn has_other_ports(&self) -> bool {
        !self.source.other_ports.is_empty() || !self.destination.other_ports.is_empty()
    }

    fn ends_in(&self, is_there: impl Fn(Place) -> bool) -> &'static str {
        let source = is_there(self.source.place.place);
        match (source, is_there(self.destination.place.place)) {
            (true, true) => "source and destination are",
            (true, false) => "the source is",
            (false, _) => "the destination is",
        }
    }

    fn interface_row(&self) -> String {
        match &self.interface {
            Seen::Watched {
                name, is_assumed, ..
            } => {
                let why = if *is_assumed { ", the only one" } else { "" };
                format!("{name}: watched{why}")
            }
            Seen::NotWatched { name, .. } => format!("{name}: not watched"),
        }
    }

    fn passage_row(&self, passage: Passage) -> String {
        let Passage {
            class, direction, ..
        } = passage;
        let ends = match (class, direction) {
            (Class::Transit, _) => "foreign to foreign".to_owned(),
            (_, Direction::Outbound) => format!("{} to foreign", self.domestic_end()),
            (_, Direction::Inbound | Direction::Through) => {
                format!("foreign to {}", self.domestic_end())
            }
        };
        format!("{}, {}: {ends}", class.name(), direction.name())
    }

    fn domestic_end(&self) -> String {
        match &self.operator {
            Some(operator) => format!("operator {operator}"),
            None => "domestic".into(),
        }
    }

    fn record_rows(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.is_recorded() {
            return Ok(());
        }
        let domestic = match self.passage.map(|passage| passage.direction) {
            Ok(Direction::Inbound | Direction::Outbound) => "; the domestic address not in clear",
            _ => "",
        };
        row(
            f,
            "record",
            format_args!("addresses, interface, class, times, packets, octets{domestic}"),
        )?;
        for considered in &self.approvals {
            if considered.reached == Verdict::Recorded {
                let fields = self.field_words(considered.fields);
                row(f, "", format_args!("under {}: {fields}", considered.id))?;
            }
        }
        Ok(())
    }

    /// The fields with what this packet would put into them, as far as the line tells.
    fn field_words(&self, fields: Fields) -> String {
        let allowed = Fields::NAMED
            .into_iter()
            .filter(|(_, field)| fields.has(*field));
        let words: Vec<String> = allowed
            .map(|(name, field)| self.field(name, field))
            .collect();
        if words.is_empty() {
            return "nothing else".into();
        }
        format!("also {}", list(&words, "and"))
    }

    fn field(&self, name: &str, field: Fields) -> String {
        let packet = &self.packet;
        match field {
            Fields::PORTS => match (packet.source.port, packet.destination.port) {
                _ if !self.has_ports() => {
                    format!("{name} (of tcp, udp, dccp, sctp and udplite only)")
                }
                (Some(source), Some(destination)) => format!("{name} {source} to {destination}"),
                _ => name.into(),
            },
            Fields::PROTOCOL => match packet.protocol {
                Some(number) => format!("{name} {}", protocol_name(number)),
                None => name.into(),
            },
            Fields::VLAN => {
                let ids: Vec<String> = packet.vlan.iter().map(ToString::to_string).collect();
                format!("{name} {}", ids.join(".")).trim_end().into()
            }
            _ => name.into(),
        }
    }

    /// Whether ports of such a packet are read; unknown counts as yes.
    fn has_ports(&self) -> bool {
        (self.packet.protocol).is_none_or(sensor_common::Protocol::has_ports)
    }

    fn loaded_row(&self) -> String {
        let Basis {
            generation,
            lab,
            moment,
            clock,
        } = self.basis;
        let lab = if lab { ", lab" } else { "" };
        let attended = if moment.attended {
            "a sensor is running"
        } else {
            "no sensor is running"
        };
        let now = utc(clock.unix_ns(moment.now));
        format!("generation {generation}{lab}; {attended}; as of {now}")
    }
}
