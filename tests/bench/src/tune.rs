//! What filters of every size come to on this machine, by the sensor's own tuner.

use std::sync::Arc;

use anyhow::Result;
use sekisho::kernel::Tuned;
use sensor_common::{Place, engine::FILTER_BITS};
use serde::Serialize;

use crate::{
    bench,
    lists::{Family, Kind, List},
    ours,
    say::{say, show},
};

/// A size of the filter of one address family that the tuner chose.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct FilterRow {
    pub(crate) family: &'static str,
    /// What the rule gives, and what it has: KiB.
    pub(crate) rule_kib: u32,
    pub(crate) chosen_kib: u32,
    /// KiB and nanoseconds for both addresses of a packet, walking included.
    pub(crate) measured: Vec<(u32, f64)>,
}

impl FilterRow {
    pub(crate) fn of(tuned: &Tuned) -> Self {
        let family = match tuned.family {
            sensor_common::IpVersion::V4 => Family::V4,
            sensor_common::IpVersion::V6 => Family::V6,
        };
        #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
        let ns = |picoseconds: u64| picoseconds as f64 / 1_000.0;
        let measured = tuned.measured.iter();
        Self {
            family: family.name(),
            rule_kib: kib(tuned.rule),
            chosen_kib: kib(tuned.chosen),
            measured: measured
                .map(|size| (kib(size.bits), ns(size.picoseconds)))
                .collect(),
        }
    }
}

/// KiB of a filter with so many words, given in bits.
const fn kib(bits: u32) -> u32 {
    1 << (bits + 3 - 10)
}

/// Measures lists of three sizes, each as the sensor does and then with all sizes of filters.
pub(crate) fn perform() -> Result<()> {
    for (family, sizes) in [
        (Family::V4, &[100_000, 1_000_000, 10_000_000][..]),
        (Family::V6, &[100_000, 1_000_000]),
    ] {
        for &size in sizes {
            let list = List::generate(Kind::Uniform, family, size);
            for offered in [&[][..], &FILTER_BITS] {
                let mut workbench = bench::empty()?;
                if !offered.is_empty() {
                    workbench.offer_filters(offered);
                }
                let prefixes = Arc::new(list.columns());
                let first =
                    ours::publish(&mut workbench, prefixes.clone(), Place::Unknown)?.publishing;
                let again = ours::publish(&mut workbench, prefixes, Place::Unknown)?.publishing;
                say(format_args!(
                    "{}: published in {first:.2?}, and again in {again:.2?}",
                    list.name()
                ));
                for tuned in workbench.tuned() {
                    show(serde_json::to_string(&FilterRow::of(tuned))?);
                }
            }
        }
    }
    Ok(())
}
