//! Tests of the core, on clocks that the test moves.

mod anchors;
mod never;
mod sensor;
mod simulated;
mod text;

use super::*;

const SECOND: u64 = 1_000_000_000;
const HOUR: u64 = 3600 * SECOND;
const DAY: u64 = 24 * HOUR;
const YEAR: u64 = 365 * DAY;

/// 2026-09-21T14:13:20Z, where tests begin.
const NOW: u64 = 1_790_000_000 * SECOND;

fn anchor(boot: u64, wall: u64) -> Anchor {
    Anchor {
        boot_id: BootId(1),
        boot,
        wall,
        uncertainty: 0,
        synchronised: true,
    }
}

fn unsure(anchor: Anchor, uncertainty: u64) -> Anchor {
    Anchor {
        uncertainty,
        ..anchor
    }
}

fn anchors(all: &[Anchor]) -> Anchors {
    let mut anchors = Anchors::default();
    for &anchor in all {
        let _ = anchors.take(anchor).unwrap();
    }
    anchors
}

#[test]
fn recording_starts_on_a_synchronised_clock_only() {
    let synchronised = anchor(1, NOW);
    assert!(!may_start(&synchronised, false).unwrap());
    assert!(!may_start(&synchronised, true).unwrap());
    let not = Anchor {
        uncertainty: 16 * SECOND,
        synchronised: false,
        ..synchronised
    };
    assert!(may_start(&not, true).unwrap());
    insta::assert_snapshot!(may_start(&not, false).unwrap_err(), @"the clock is not synchronised and may be off by 16s or more: nothing is recorded on it; start systemd-timesyncd, or chrony with 'rtcsync' in its configuration, and wait until 'timedatectl' or 'chronyc tracking' says that it is");
}

#[test]
fn a_boot_id_has_one_way_to_be_written() {
    let text = "2e84fa73-6b6d-490d-86da-6b00b63df503";
    let id: BootId = text.parse().unwrap();
    assert_eq!(id.to_string(), text);
    assert_eq!(
        BootId(1).to_string(),
        "00000000-0000-0000-0000-000000000001"
    );
    let without_hyphens = text.replace('-', "");
    let upper_case = text.to_uppercase();
    let long = format!("{text}0");
    for bad in ["", "-", &text[1..], &without_hyphens, &upper_case, &long] {
        assert!(bad.parse::<BootId>().is_err(), "{bad}");
    }
}
