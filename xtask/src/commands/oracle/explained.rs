//! Differences that are known, with the reason of each, in a file that people write.
//!
//! A capture is known by its SHA-256, so that the file holds wherever the captures lie; and an
//! explanation holds for the frames that it names, no others. One that is not needed any more is
//! an error, or the file would hide what breaks later.

use std::{collections::BTreeSet, path::Path};

use anyhow::{Context as _, Result, ensure};

use super::{capture, frames::Frames};

const COLUMNS: &str = "capture\tsha256\tframes\treason";

/// All that are known.
#[derive(Debug, Default)]
pub(super) struct Explanations(Vec<Explanation>);

#[derive(Debug)]
struct Explanation {
    /// In the file, from 1.
    line: usize,
    /// For people.
    capture: String,
    sha256: String,
    frames: Frames,
    reason: String,
    /// Whether the capture was compared.
    is_met: bool,
    /// Frames that differ indeed.
    used: BTreeSet<u64>,
}

impl Explanations {
    pub(super) fn read(path: &Path) -> Result<Self> {
        let mut explanations = Self::default();
        let mut number = 0;
        capture::each_line(path, |line| {
            number += 1;
            explanations
                .add(number, line)
                .with_context(|| format!("{} line {number}", path.display()))
        })?;
        Ok(explanations)
    }

    fn add(&mut self, line: usize, text: &str) -> Result<()> {
        if text.starts_with('#') || text == COLUMNS {
            return Ok(());
        }
        let columns: Vec<&str> = text.split('\t').collect();
        let parts = <[&str; 4]>::try_from(columns).ok();
        let [capture, sha256, frames, reason] =
            parts.context("four columns are needed: capture, sha256, frames, reason")?;
        let is_digest = sha256.len() == 64 && sha256.bytes().all(|byte| byte.is_ascii_hexdigit());
        ensure!(is_digest, "`{sha256}` is no SHA-256");
        ensure!(!reason.trim().is_empty(), "there is no reason");
        self.0.push(Explanation {
            line,
            capture: capture.to_owned(),
            sha256: sha256.to_ascii_lowercase(),
            frames: frames.parse()?,
            reason: reason.to_owned(),
            is_met: false,
            used: BTreeSet::new(),
        });
        Ok(())
    }

    /// Says that a capture was compared.
    pub(super) fn meet(&mut self, sha256: &str) {
        for entry in &mut self.0 {
            entry.is_met |= entry.sha256 == sha256;
        }
    }

    /// Why these frames of a capture differ; none unless all of them are explained.
    pub(super) fn explain(&mut self, sha256: &str, frames: &Frames) -> Option<String> {
        let mut left = frames.0.clone();
        let mut reasons = Vec::new();
        for entry in self.0.iter_mut().filter(|entry| entry.sha256 == sha256) {
            let of_this: BTreeSet<u64> = entry.frames.0.intersection(&frames.0).copied().collect();
            if !of_this.is_empty() {
                left.retain(|frame| !of_this.contains(frame));
                entry.used.extend(of_this);
                reasons.push(entry.reason.as_str());
            }
        }
        (!reasons.is_empty() && left.is_empty()).then(|| reasons.join("; "))
    }

    /// What explains a difference that is not there, a line for each.
    pub(super) fn unused(&self) -> Vec<String> {
        let met = self.0.iter().filter(|entry| entry.is_met);
        let unused = met.filter_map(|entry| {
            let frames: BTreeSet<u64> = entry.frames.0.difference(&entry.used).copied().collect();
            let line = format!(
                "line {}: {} does not differ in frames {}; take them out",
                entry.line,
                entry.capture,
                Frames(frames.clone())
            );
            (!frames.is_empty()).then_some(line)
        });
        unused.collect()
    }

    /// How many are of captures that were not compared.
    pub(super) fn not_met(&self) -> usize {
        self.0.iter().filter(|entry| !entry.is_met).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    fn explanations() -> Explanations {
        let mut explanations = Explanations::default();
        for (line, text) in [
            (1, "# comment".to_owned()),
            (2, COLUMNS.to_owned()),
            (3, format!("a.pcap\t{DIGEST}\t1-3\tfirst")),
            (4, format!("a.pcap\t{DIGEST}\t5\tsecond")),
        ] {
            explanations.add(line, &text).unwrap();
        }
        explanations
    }

    fn frames(text: &str) -> Frames {
        text.parse().unwrap()
    }

    #[test]
    fn all_frames_are_explained_or_none() {
        let mut explanations = explanations();
        let mut explain = |text| explanations.explain(DIGEST, &frames(text));
        assert_eq!(explain("1-2").as_deref(), Some("first"));
        assert_eq!(explain("3,5").as_deref(), Some("first; second"));
        assert_eq!(explain("3-5"), None);
        assert_eq!(explanations.explain("other", &frames("1")), None);
        assert_eq!(explanations.explain(DIGEST, &Frames::default()), None);
    }

    #[test]
    fn what_explains_nothing_is_named_once_its_capture_was_compared() {
        let mut explanations = explanations();
        explanations.explain(DIGEST, &frames("1,3"));
        assert_eq!(
            (explanations.unused().len(), explanations.not_met()),
            (0, 2)
        );
        explanations.meet(DIGEST);
        assert_eq!(
            explanations.unused(),
            [
                "line 3: a.pcap does not differ in frames 2; take them out",
                "line 4: a.pcap does not differ in frames 5; take them out",
            ]
        );
        assert_eq!(explanations.not_met(), 0);
    }

    #[test]
    fn a_line_without_a_reason_is_refused() {
        let mut explanations = Explanations::default();
        for text in [
            format!("a\t{DIGEST}\t1\t "),
            format!("a\t{DIGEST}\t1"),
            "a\tb\t1\treason".to_owned(),
            format!("a\t{DIGEST}\tx\treason"),
        ] {
            assert!(explanations.add(1, &text).is_err(), "{text}");
        }
    }
}
