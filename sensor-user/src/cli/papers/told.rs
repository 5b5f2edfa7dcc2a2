//! What is told of papers: refusals, and what a document says.

use std::{
    fmt,
    io::{self, Write},
};

use serde::Serialize;

use crate::documents::{Refusal, paper::Interface};

/// Refusals for people, one a line: `FILE: sentence [rule]`.
pub(super) fn refusals(refusals: &[Refusal], out: &mut dyn Write) -> io::Result<()> {
    for refusal in refusals {
        writeln!(out, "{}", sentence(refusal))?;
    }
    Ok(())
}

/// A refusal as one line, in which nothing that a file says can move the cursor.
pub(super) fn sentence(refusal: &Refusal) -> String {
    format!("{} [{}]", plain(&refusal.to_string()), refusal.rule.name())
}

/// JSON of anything, with a line feed.
pub(super) fn json(value: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, value)?;
    writeln!(out)
}

/// Names and values below one another; a value may have several lines.
#[derive(Debug, Default)]
pub(super) struct Pairs(Vec<(&'static str, Vec<String>)>);

impl Pairs {
    pub(super) fn add(&mut self, name: &'static str, value: impl fmt::Display) -> &mut Self {
        let text = value.to_string();
        let lines = text.lines().map(plain).collect();
        self.0.push((name, lines));
        self
    }

    /// Nothing where there is no value.
    pub(super) fn may_add(
        &mut self,
        name: &'static str,
        value: Option<impl fmt::Display>,
    ) -> &mut Self {
        if let Some(value) = value {
            self.add(name, value);
        }
        self
    }

    /// One value a line; `none` where there is none.
    pub(super) fn all<T: fmt::Display>(
        &mut self,
        name: &'static str,
        values: impl IntoIterator<Item = T>,
    ) -> &mut Self {
        let mut lines: Vec<String> = values
            .into_iter()
            .map(|value| plain(&value.to_string()))
            .collect();
        if lines.is_empty() {
            lines.push("none".into());
        }
        self.0.push((name, lines));
        self
    }
}

impl fmt::Display for Pairs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.0.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        for (name, lines) in &self.0 {
            let mut name = *name;
            for line in lines {
                writeln!(f, "{}", format!("{name:width$}  {line}").trim_end())?;
                name = "";
            }
        }
        Ok(())
    }
}

/// A table with a heading; columns are as wide as their widest cell.
pub(super) fn table<const N: usize>(
    head: [&str; N],
    rows: &[([String; N], Option<String>)],
    out: &mut dyn Write,
) -> io::Result<()> {
    let head = head.map(str::to_owned);
    let mut widths = [0; N];
    for cells in std::iter::once(&head).chain(rows.iter().map(|(cells, _)| cells)) {
        for (width, cell) in widths.iter_mut().zip(cells) {
            *width = cell.chars().count().max(*width);
        }
    }
    let line = |cells: &[String; N]| {
        let padded = widths.iter().zip(cells);
        let padded: Vec<String> = padded
            .map(|(width, cell)| format!("{cell:width$}"))
            .collect();
        padded.join("  ").trim_end().to_owned()
    };
    writeln!(out, "{}", line(&head))?;
    for (cells, below) in rows {
        writeln!(out, "{}", line(cells))?;
        if let Some(below) = below {
            writeln!(out, "  {below}")?;
        }
    }
    Ok(())
}

/// Interfaces, each on a line as it is given in arguments.
pub(super) fn interfaces(interfaces: &[Interface]) -> Vec<String> {
    let each = interfaces.iter();
    each.map(|i| format!("{}={}@{}", &*i.name, i.mac, &*i.bus))
        .collect()
}

/// A text without what moves the cursor.
pub(super) fn plain(text: &str) -> String {
    text.replace(char::is_control, "\u{fffd}")
}
