//! The first reader: `sekisho replay`, with everything watched and no limits.
//!
//! Its records have no frame numbers. Where they are needed, editcap first sets packets [`STEP`]
//! apart, and an idle timeout below that makes a flow of each packet, whose begin says which frame
//! it was.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, bail};
use jiff::Timestamp;
use serde_json::Value;

use super::{
    capture,
    compare::Packet,
    frames::{Frames, shown},
};
use crate::{
    commands::{
        count::Counts,
        lines::{record, text},
        scratch::Scratch,
    },
    exec, privilege,
};

/// Seconds from one packet to the next.
const STEP: i64 = 100;

/// Seconds without a packet that end a flow.
const IDLE: &str = "10";

/// The exit status of a replay that did not read its file to the end.
const NOT_TO_ITS_END: i32 = 10;

/// The most ranges of frames that are taken out of a capture at once; editcap takes 512.
const MOST_RANGES: usize = 500;

/// The sensor's binary.
#[derive(Debug)]
pub(super) struct Sensor(pub(super) PathBuf);

/// What it says of a capture.
#[derive(Debug, Default)]
pub(super) struct Replay {
    pub(super) flows: Counts,
    /// Packets in no flow, by verdict and reason.
    pub(super) reasons: BTreeMap<String, u64>,
    /// What it says of a file that it did not read to its end.
    pub(super) fault: Option<String>,
}

impl Sensor {
    /// The flows of a capture, and why its other packets are in none.
    pub(super) fn replay(&self, capture: &Path, scratch: &Scratch) -> Result<Replay> {
        let mut replay = Replay::default();
        replay.fault = self.run(capture, scratch, &[], |line| replay.add(line))?;
        Ok(replay)
    }

    /// The packet of each of these frames that is in a flow, by the frame's number. `times` are
    /// those of all frames, in seconds since 1970. None where times do not say which frame it was.
    pub(super) fn frames(
        &self,
        capture: &Path,
        among: &Frames,
        times: &[i64],
        scratch: &Scratch,
    ) -> Result<Option<BTreeMap<u64, Packet>>> {
        let mut packets = BTreeMap::new();
        for ranges in among.ranges().chunks(MOST_RANGES) {
            let frames: Vec<u64> = ranges.iter().flat_map(|(a, b)| *a..=*b).collect();
            let first = frames.first().and_then(|first| index(*first));
            let begin = first.and_then(|first| times.get(first)).copied();
            let Some(begin) = begin else { return Ok(None) };
            let apart = scratch.file("apart");
            let mut command = exec::apart("editcap");
            command.arg("-S").arg(format!("-{STEP}"));
            command.arg("-r").arg(capture).arg(&apart);
            command.args(ranges.iter().copied().map(shown));
            if !edit(command, &apart)? {
                return Ok(None);
            }
            let mut is_told = true;
            let options = ["--idle-timeout", IDLE];
            self.run(&apart, scratch, &options, |line| {
                if line["type"] == "flow" {
                    let (flow, count) = record(line)?;
                    let octets = count.octets;
                    let position = position(line, begin)?.filter(|_| count.packets == 1);
                    let frame = position.and_then(|position| frames.get(position));
                    is_told &= frame.is_some_and(|frame| {
                        let before = packets.insert(*frame, Packet { flow, octets });
                        before.is_none()
                    });
                }
                Ok(())
            })?;
            if !is_told {
                return Ok(None);
            }
        }
        Ok(Some(packets))
    }

    /// Why some frames of a capture are in no flow: each reason there is among them.
    pub(super) fn reasons(
        &self,
        capture: &Path,
        frames: &Frames,
        scratch: &Scratch,
    ) -> Result<Vec<String>> {
        let taken = scratch.file("taken");
        let mut command = exec::apart("editcap");
        command.arg("-r").arg(capture).arg(&taken);
        let ranges = frames.ranges().into_iter().take(MOST_RANGES);
        command.args(ranges.map(shown));
        if !edit(command, &taken)? {
            return Ok(vec!["not asked: editcap cannot take frames out".to_owned()]);
        }
        let replay = self.replay(&taken, scratch)?;
        let fault = replay.fault.map(|_| "not read to its end".to_owned());
        Ok(replay.reasons.into_keys().chain(fault).collect())
    }

    /// Runs a replay, hands on its lines, and gives back what it says of a file that it did not
    /// read to its end.
    fn run(
        &self,
        capture: &Path,
        scratch: &Scratch,
        options: &[&str],
        mut take: impl FnMut(&Value) -> Result<()>,
    ) -> Result<Option<String>> {
        let path = scratch.file("lines");
        let file =
            File::create(&path).with_context(|| format!("cannot create {}", path.display()))?;
        let mut command = privilege::as_root(&self.0)?;
        command.arg("replay").arg(capture);
        command.args(["--lab", "--json", "--watch", "0.0.0.0/0", "--watch", "::/0"]);
        command.args(options).stdout(Stdio::from(file));
        let output = command
            .output()
            .with_context(|| format!("cannot run {}", self.0.display()))?;
        let said = String::from_utf8_lossy(&output.stderr);
        let said = said.trim().replace('\n', "; ");
        if !output.status.success() && output.status.code() != Some(NOT_TO_ITS_END) {
            bail!(
                "`{} replay {}` failed ({}): {said}",
                self.0.display(),
                capture.display(),
                output.status
            );
        }
        capture::each_line(&path, |line| {
            let value = serde_json::from_str(line).context("a line of the sensor is not JSON")?;
            take(&value).with_context(|| format!("in {line}"))
        })?;
        Ok((!output.status.success()).then_some(said))
    }
}

/// Runs editcap, and says whether it wrote anything. It fails at the end of a file that is cut,
/// and has written what was before.
fn edit(mut editcap: Command, output: &Path) -> Result<bool> {
    if let Err(error) = fs::remove_file(output)
        && error.kind() != io::ErrorKind::NotFound
    {
        return Err(error).with_context(|| format!("cannot remove {}", output.display()));
    }
    exec::status(editcap.stdout(Stdio::null()).stderr(Stdio::null()))?;
    Ok(output.exists())
}

impl Replay {
    /// Takes a line of the sensor, described in `docs/json-lines.md`.
    fn add(&mut self, line: &Value) -> Result<()> {
        match line["type"].as_str() {
            Some("flow") => {
                let (flow, count) = record(line)?;
                *self.flows.entry(flow).or_default() += count;
            }
            Some("summary") => self.reasons = reasons(line),
            _ => bail!("nothing is known of this type"),
        }
        Ok(())
    }
}

/// Which packet a record is of that began at its time, from 0; none if no packet was put there.
fn position(line: &Value, begin: i64) -> Result<Option<usize>> {
    let start: Timestamp = text(line, "start")?.parse()?;
    // The fraction of a second is that of the first packet in all of them.
    let since = start.as_second() - begin;
    let position = usize::try_from(since / STEP).ok();
    Ok(position.filter(|_| since >= 0 && since % STEP == 0))
}

/// Where a frame stands in a list of all.
fn index(frame: u64) -> Option<usize> {
    usize::try_from(frame).ok()?.checked_sub(1)
}

/// Packets in no flow: verdicts but `recorded`, those that have reasons by these, and losses.
fn reasons(summary: &Value) -> BTreeMap<String, u64> {
    let mut reasons = BTreeMap::new();
    let mut take = |prefix: &str, object: &Value, left_out: &[&str]| {
        for (name, count) in object.as_object().into_iter().flatten() {
            let count = count.as_u64().unwrap_or(0);
            if count > 0 && !left_out.contains(&name.as_str()) {
                reasons.insert(format!("{prefix}{name}"), count);
            }
        }
    };
    let with_reasons = ["recorded", "malformed", "unsupported"];
    take("", &summary["verdicts"], &with_reasons);
    take("malformed ", &summary["malformed"], &[]);
    take("unsupported ", &summary["unsupported"], &[]);
    take("lost ", &summary["lost"], &[]);
    reasons
}

#[cfg(test)]
mod tests;
