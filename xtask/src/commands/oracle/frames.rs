//! Numbers of frames, as people write them: `1,3-5`.

use std::{collections::BTreeSet, fmt, str::FromStr};

use anyhow::{Context as _, Result, ensure};

/// The most frames of one range that is read, so that a slip of the pen does not fill the memory.
const MOST: u64 = 1 << 20;

/// Frames of a capture by number, from 1.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Frames(pub(super) BTreeSet<u64>);

impl Frames {
    /// Each run of numbers, first and last.
    pub(super) fn ranges(&self) -> Vec<(u64, u64)> {
        let mut ranges: Vec<(u64, u64)> = Vec::new();
        for &frame in &self.0 {
            match ranges.last_mut() {
                Some((_, last)) if *last + 1 == frame => *last = frame,
                _ => ranges.push((frame, frame)),
            }
        }
        ranges
    }
}

impl fmt::Display for Frames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, &range) in self.ranges().iter().enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            f.write_str(&shown(range))?;
        }
        Ok(())
    }
}

/// One run of numbers.
pub(super) fn shown((first, last): (u64, u64)) -> String {
    if first == last {
        first.to_string()
    } else {
        format!("{first}-{last}")
    }
}

impl FromStr for Frames {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let mut frames = BTreeSet::new();
        for part in text.split(',') {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let number = |text: &str| -> Result<u64> {
                text.parse()
                    .with_context(|| format!("`{text}` is no number of a frame"))
            };
            let (first, last) = (number(first)?, number(last)?);
            ensure!(
                0 < first && first <= last && last - first < MOST,
                "`{part}` is no range of frames: they are numbered from 1, the smaller first"
            );
            frames.extend(first..=last);
        }
        Ok(Self(frames))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_written_as_ranges_and_read_again() {
        let frames = Frames([1, 3, 4, 5, 9, 10].into());
        assert_eq!(frames.to_string(), "1,3-5,9-10");
        assert_eq!("9-10,3-5,1".parse::<Frames>().unwrap(), frames);
    }

    #[test]
    fn what_is_no_frame_is_refused() {
        for text in ["", "0", "4-3", "1,", "1-9999999999", "x"] {
            assert!(text.parse::<Frames>().is_err(), "{text}");
        }
    }
}
