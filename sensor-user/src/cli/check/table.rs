//! The findings as a table for people: a heading for the host and each interface, a line per
//! check, and below it what to do unless it is fine. No colour, so a log or a mail shows the same.

use std::io::{self, Write};

use crate::preflight::{Check, Finding, Status};

/// Columns before the observation: two of indent, the mark, the name, and gaps of two.
const MARK: usize = 4;
const NAME: usize = Check::Capabilities.name().len();
const INDENT: usize = 2 + MARK + 2;

/// Writes the table.
pub(super) fn write(findings: &[Finding], out: &mut dyn Write) -> io::Result<()> {
    let mut heading = None;
    for finding in findings {
        let Finding {
            interface,
            check,
            status,
            observed,
            advice,
        } = finding;
        let section = interface.as_deref().unwrap_or("host");
        if heading != Some(section) {
            if heading.is_some() {
                writeln!(out)?;
            }
            writeln!(out, "{section}")?;
            heading = Some(section);
        }
        writeln!(
            out,
            "  {:<MARK$}  {:<NAME$}  {observed}",
            mark(*status),
            check.name()
        )?;
        if *status != Status::Ok {
            writeln!(out, "{:INDENT$}{advice}", "")?;
        }
    }
    writeln!(out)?;
    let count = |wanted| {
        findings
            .iter()
            .filter(|finding| finding.status == wanted)
            .count()
    };
    writeln!(
        out,
        "{} ok, {} warn, {} FAIL, {} unknown",
        count(Status::Ok),
        count(Status::Warn),
        count(Status::Fail),
        count(Status::Unknown),
    )
}

const fn mark(status: Status) -> &'static str {
    match status {
        Status::Ok => "ok",
        Status::Warn => "warn",
        Status::Fail => "FAIL",
        Status::Unknown => "?",
    }
}
