//! The approvals for people: a table, and below each row what does not fit one.

use std::fmt;

use sensor_common::{Class, Direction, SlotCounts, Verdict};

use super::listing::{Difference, Lease, Listing, Row, time};
use crate::words::{list, span};

/// No line is longer, unless one word is.
const WIDTH: usize = 100;

/// Columns of slots with the gap after them; what stands below a row begins here.
const INDENT: usize = 6;

/// Gap between columns.
const GAP: &str = "  ";

impl fmt::Display for Listing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        line(f, "", &self.agent())?;
        line(f, "", &self.watched())?;
        writeln!(f)?;
        if self.rows.is_empty() {
            line(f, "", "No approval is in the kernel: nothing is recorded.")?;
        } else {
            self.table(f)?;
        }
        match &self.note {
            Some(note) => line(f, "\n", &format!("Note: {note}.")),
            None => Ok(()),
        }
    }
}

impl Listing {
    fn agent(&self) -> String {
        let lease = match self.lease {
            Lease::Never => "it promises no attendance now, so nothing is recorded".into(),
            Lease::Left(left) => format!("attended for {} more", span(left)),
            Lease::Past(ago) => {
                let ago = span(ago);
                format!("its lease ended {ago} ago, so nothing is recorded")
            }
            Lease::TooFar => {
                "its lease ends later than any may, so it does not count and nothing is recorded"
                    .into()
            }
        };
        let running = match (self.is_running, self.lease) {
            (true, _) => "A sensor is running",
            (false, Lease::Left(_)) => "The sensor is not running any more, but still",
            (false, _) => "No sensor is running",
        };
        let divider = if running.ends_with("still") {
            " "
        } else {
            "; "
        };
        format!("{running}{divider}{lease}.")
    }

    fn watched(&self) -> String {
        if self.generation == 0 {
            return "No generation is in force yet.".into();
        }
        let names: Vec<&str> = (self.interfaces.iter())
            .filter(|interface| interface.index.is_some())
            .map(|interface| interface.name.as_str())
            .collect();
        let on = match names[..] {
            [] => "no interface".into(),
            _ => list(&names, "and"),
        };
        let lab = if self.lab == Some(true) { "LAB: " } else { "" };
        let generation = self.generation;
        format!("{lab}generation {generation} on {on}; packets are counted since it began.")
    }

    fn table(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const HEAD: [&str; 4] = ["APPROVAL", "STATE", "TIME LEFT", "RECORDED"];
        let cells: Vec<[String; 4]> = (self.rows.iter())
            .map(|row| {
                [
                    plain(&row.name),
                    row.state.words().to_owned(),
                    row.left(self.now),
                    row.counts.of(Verdict::Recorded).to_string(),
                ]
            })
            .collect();
        let head = HEAD.map(str::to_owned);
        let mut widths = [0; 4];
        for row in std::iter::once(&head).chain(&cells) {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = cell.chars().count().max(*width);
            }
        }
        row(f, &"SLOT", &head, widths)?;
        for (approval, cells) in self.rows.iter().zip(&cells) {
            row(f, &approval.slot, cells, widths)?;
            for detail in self.details(approval) {
                line(f, &" ".repeat(INDENT), &detail)?;
            }
        }
        Ok(())
    }

    /// What stands below a row.
    fn details(&self, row: &Row) -> Vec<String> {
        let mut details = vec![self.covers(row)];
        let (begin, end) = (row.terms.begin, row.terms.end);
        let remark = row
            .remark
            .map_or_else(String::new, |remark| format!("; {remark}"));
        details.push(format!(
            "from {} to {}{remark}",
            time(self.clock, begin),
            time(self.clock, end)
        ));
        let not_recorded = not_recorded(&row.counts);
        if !not_recorded.is_empty() {
            details.push(format!("not recorded: {not_recorded}"));
        }
        details.extend(differs(&row.differs));
        details
    }

    /// Classes, directions, interfaces and operator.
    fn covers(&self, row: &Row) -> String {
        let classes = named(row.terms.classes, &Class::ALL.map(Class::name));
        let directions = named(row.terms.directions, &Direction::ALL.map(Direction::name));
        let mut parts = vec![classes, directions];
        parts.push(match row.interfaces[..] {
            [] => "on no interface".into(),
            _ => format!("on {}", self.names(&row.interfaces)),
        });
        if !row.own_addresses_only.is_empty() {
            let names = self.names(&row.own_addresses_only);
            parts.push(format!("this host's own addresses only on {names}"));
        }
        match row.operator.as_deref() {
            Some("any") | None => {}
            Some(operator) => parts.push(format!("operator {operator}")),
        }
        parts.join("; ")
    }

    /// Interfaces; those that are no longer watched say so.
    fn names(&self, names: &[String]) -> String {
        let is_gone = |name: &String| {
            let mut interfaces = self.interfaces.iter();
            interfaces.any(|known| known.name == *name && known.index.is_none())
        };
        let names: Vec<String> = (names.iter())
            .map(|name| {
                if is_gone(name) {
                    format!("{name} (no longer watched)")
                } else {
                    name.clone()
                }
            })
            .collect();
        names.join(", ")
    }
}

/// One row; the last column is of numbers.
fn row(
    f: &mut fmt::Formatter<'_>,
    slot: &dyn fmt::Display,
    [name, state, left, recorded]: &[String; 4],
    [to_state, to_left, to_recorded, last]: [usize; 4],
) -> fmt::Result {
    write!(f, "{slot:>4}{GAP}{name:<to_state$}{GAP}{state:<to_left$}")?;
    writeln!(f, "{GAP}{left:<to_recorded$}{GAP}{recorded:>last$}")
}

/// What the snapshot has otherwise. The kernel's own values stand above.
fn differs(differences: &[Difference]) -> Option<String> {
    let others: Vec<String> = (differences.iter())
        .map(|Difference { what, values }| match values {
            Some((_, snapshot)) => format!("{what} {snapshot}"),
            None => format!("other {what}"),
        })
        .collect();
    let others = match others[..] {
        [] => return None,
        _ => list(&others, "and"),
    };
    Some(format!(
        "the snapshot has {others}: the kernel's value counts"
    ))
}

/// The names of the bits that are set.
fn named(mask: u8, names: &[&str]) -> String {
    let set = (0..).zip(names).filter(|(bit, _)| mask >> bit & 1 == 1);
    let set: Vec<&str> = set.map(|(_, name)| *name).collect();
    match set[..] {
        [] => "none".into(),
        _ => set.join(", "),
    }
}

/// Packets by the reason why they were not recorded.
fn not_recorded(counts: &SlotCounts) -> String {
    let reasons = super::json::REASONS.iter();
    let parts: Vec<String> = reasons
        .map(|reason| (reason, counts.of(*reason)))
        .filter(|(_, count)| *count > 0)
        .map(|(reason, count)| format!("{count} {}", reason.name()))
        .collect();
    parts.join(", ")
}

/// One text, divided at spaces into lines that are not too long.
fn line(f: &mut fmt::Formatter<'_>, indent: &str, text: &str) -> fmt::Result {
    let mut written = indent.to_owned();
    let mut is_first = true;
    for word in plain(text).split(' ') {
        if !is_first && written.chars().count() + 1 + word.chars().count() > WIDTH {
            writeln!(f, "{written}")?;
            written = format!("{}{GAP}", indent.trim_start_matches('\n'));
        } else if !is_first {
            written.push(' ');
        }
        written.push_str(word);
        is_first = false;
    }
    writeln!(f, "{written}")
}

/// Nothing that a name says can move the cursor.
fn plain(text: &str) -> String {
    text.replace(char::is_control, "\u{fffd}")
}
