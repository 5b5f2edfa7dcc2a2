//! The second reader: what tshark shows of each frame, down to the outermost IP header and the
//! ports behind it.
//!
//! Of a field, tshark gives every occurrence in the frame, the outermost first; and the order of
//! the layers is in `frame.protocols`. So the outermost IP header is the first that is named
//! there, and its fields are the first ones. Ports belong to it only where the layer next to it
//! (in IPv6, next to its extension headers) is one that has them: what a tunnel carries or an
//! ICMP error quotes stands further behind.

mod layers;

use std::{collections::BTreeSet, fs::File, path::Path, process::Stdio};

use anyhow::{Context as _, Result, ensure};

use self::layers::{FIELDS, Row};
use super::{capture, compare::Packet};
use crate::{commands::scratch::Scratch, exec};

/// What tshark shows of a capture.
#[derive(Debug, Default)]
pub(super) struct Shown {
    /// One for each frame, in the order of the file; none where it shows no two addresses.
    pub(super) frames: Vec<Option<Packet>>,
    /// Those with a header that contradicts, as tshark says, by number.
    pub(super) contradicting: BTreeSet<u64>,
    /// The time of each, in whole seconds since 1970.
    pub(super) times: Vec<i64>,
    /// What it says of a file that it did not read to its end.
    pub(super) fault: Option<String>,
}

/// No names, nothing put together from several frames, and lengths of 0 as segmentation offload
/// leaves them.
const OPTIONS: [&str; 15] = [
    "-n",
    "-o",
    "ip.defragment:FALSE",
    "-o",
    "ipv6.defragment:FALSE",
    "-o",
    "tcp.desegment_tcp_streams:FALSE",
    "-o",
    "ip.check_checksum:FALSE",
    "-o",
    "ip.tso_support:TRUE",
    "-o",
    "ipv6.tso_support:TRUE",
    "-T",
    "fields",
];

const FORMAT: [&str; 6] = [
    "-E",
    "separator=/t",
    "-E",
    "occurrence=a",
    "-E",
    "aggregator=,",
];

/// Asks tshark about a capture.
pub(super) fn read(capture: &Path, scratch: &Scratch) -> Result<Shown> {
    let path = scratch.file("fields");
    let file = File::create(&path).with_context(|| format!("cannot create {}", path.display()))?;
    let mut command = exec::apart("tshark");
    command.args(OPTIONS).args(FORMAT);
    command.args(FIELDS.iter().flat_map(|field| ["-e", field]));
    // No preferences of whoever runs this.
    command.env("WIRESHARK_CONFIG_DIR", scratch.file("preferences"));
    command.envs([("LC_ALL", "C"), ("TZ", "UTC")]);
    command.arg("-r").arg(capture).stdout(Stdio::from(file));
    let output = command
        .output()
        .context("cannot run tshark; `cargo xtask setup` installs it")?;
    let mut shown = Shown {
        fault: (!output.status.success()).then(|| fault(&output.stderr)),
        ..Shown::default()
    };
    capture::each_line(&path, |line| shown.add(line))?;
    Ok(shown)
}

/// What tshark says of a file, without what it always says to root.
fn fault(said: &[u8]) -> String {
    let said = String::from_utf8_lossy(said);
    let lines = said
        .lines()
        .filter(|line| !line.starts_with("Running as user"));
    lines.collect::<Vec<_>>().join("; ")
}

impl Shown {
    /// Takes a line of tshark.
    fn add(&mut self, line: &str) -> Result<()> {
        let row = Row::new(line)?;
        let number = row.number("frame.number");
        let expected = self.frames.len() as u64 + 1;
        ensure!(
            number == Some(expected),
            "tshark shows another frame than {expected}: {line}"
        );
        let time = row.first("frame.time_epoch").unwrap_or_default();
        let seconds = time.split('.').next().unwrap_or_default();
        self.times.push(seconds.parse().unwrap_or_default());
        self.frames.push(row.packet());
        if row.contradicts() {
            self.contradicting.insert(expected);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
