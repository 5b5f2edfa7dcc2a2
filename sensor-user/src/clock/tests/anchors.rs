//! What one, two and more anchors tell.

use super::*;

#[test]
fn one_anchor_translates_and_moves_inward() {
    let (begin, end) = (NOW + HOUR, NOW + DAY);
    let exact = anchors(&[anchor(5 * SECOND, NOW)]);
    let terms = |begin, end| Terms { begin, end };
    assert_eq!(
        exact.terms(begin, end),
        terms(5 * SECOND + HOUR, 5 * SECOND + DAY)
    );
    let unsure = anchors(&[unsure(anchor(5 * SECOND, NOW), SECOND)]);
    assert_eq!(
        unsure.terms(begin, end),
        terms(6 * SECOND + HOUR, 4 * SECOND + DAY)
    );
    assert_eq!(exact.wall_of(7 * SECOND), Some(NOW + 2 * SECOND));
}

#[test]
fn times_before_boot_and_past_the_clock_saturate() {
    let at = anchors(&[unsure(anchor(HOUR, NOW), 10)]);
    let booted = NOW - HOUR;
    for (begin, end, boot_begin, boot_end) in [
        (0, 0, 0, 0),
        (0, booted, 0, 0),
        (0, booted + 10, 0, 0),
        (booted - 10, booted + 11, 0, 1),
        (booted - 9, booted + 11, 1, 1),
        (
            u64::MAX,
            u64::MAX,
            u64::MAX - booted + 10,
            u64::MAX - booted - 10,
        ),
    ] {
        let terms = at.terms(begin, end);
        assert_eq!(
            (terms.begin, terms.end),
            (boot_begin, boot_end),
            "{begin} {end}"
        );
    }
    // The wall clock behind the boot clock, as in a machine that slept for years.
    let behind = anchors(&[anchor(u64::MAX, 0)]);
    let terms = behind.terms(1, u64::MAX);
    assert_eq!((terms.begin, terms.end), (u64::MAX, u64::MAX));
    let lost = anchors(&[unsure(anchor(HOUR, NOW), u64::MAX)]);
    let terms = lost.terms(0, u64::MAX);
    assert_eq!((terms.begin, terms.end), (u64::MAX - NOW + HOUR, 0));
}

#[test]
fn nothing_is_in_force_before_this_boot_has_an_anchor() {
    assert_eq!(Anchors::default().terms(0, u64::MAX), Terms::NEVER);
    assert_eq!(Anchors::default().wall_of(5), None);
    // Whether what was kept is of this boot is not known before the first anchor of this run.
    let kept: Anchors = anchors(&[anchor(1, NOW)]).to_string().parse().unwrap();
    assert_eq!(kept.kept().len(), 1);
    assert_eq!(kept.terms(0, u64::MAX), Terms::NEVER);
}

#[test]
fn a_step_is_told_with_its_way_and_size() {
    let started = 20 * YEAR;
    for by in [SECOND, 60 * SECOND, HOUR, DAY, YEAR, 10 * YEAR] {
        for (way, wall) in [
            (Way::Forward, NOW + HOUR + by),
            (Way::Backward, NOW + HOUR - by),
        ] {
            let mut anchors = anchors(&[anchor(started, NOW)]);
            let (begin, end) = (NOW - HOUR, NOW + 20 * YEAR);
            let before = anchors.terms(begin, end);
            let taken = anchors.take(anchor(started + HOUR, wall)).unwrap();
            let step = Step {
                way,
                by: Duration::from_nanos(by),
            };
            assert_eq!(taken.news, News::Stepped(step));
            assert!(taken.narrowed);
            let after = anchors.terms(begin, end);
            let expected = match way {
                Way::Forward => Terms {
                    end: before.end - by,
                    ..before
                },
                Way::Backward => Terms {
                    begin: before.begin + by,
                    ..before
                },
            };
            assert_eq!(after, expected, "{step}");
            // Setting it right again brings nothing back.
            let right = anchor(started + 2 * HOUR, NOW + 2 * HOUR);
            let News::Stepped(back) = anchors.take(right).unwrap().news else {
                panic!("a step back is a step");
            };
            assert_eq!(back.by, step.by);
            assert_ne!(back.way, way);
            assert_eq!(anchors.terms(begin, end), expected);
            // Records keep the dates of the run's first anchor.
            assert_eq!(anchors.wall_of(started + DAY), Some(NOW + DAY));
        }
    }
}

#[test]
fn what_reading_leaves_and_a_suspend_is_no_step() {
    let threshold = u64::try_from(STEP.as_nanos()).unwrap();
    for (wall, news) in [
        (NOW + DAY, News::Steady),
        (NOW + DAY + threshold, News::Steady),
        (NOW + DAY - threshold, News::Steady),
        (
            NOW + DAY + threshold + 1,
            News::Stepped(Step {
                way: Way::Forward,
                by: STEP + Duration::from_nanos(1),
            }),
        ),
    ] {
        let mut anchors = anchors(&[anchor(SECOND, NOW)]);
        let taken = anchors.take(anchor(SECOND + DAY, wall)).unwrap();
        assert_eq!(taken.news, news);
        // Told or not, it counts.
        assert_eq!(taken.narrowed, wall != NOW + DAY);
    }
}

#[test]
fn a_boot_clock_that_goes_back_is_refused_and_nothing_is_taken() {
    let mut anchors = anchors(&[anchor(HOUR, NOW)]);
    let error = anchors.take(anchor(HOUR - 1, NOW)).unwrap_err();
    assert!(matches!(error, ClockError::BootClockBack { .. }), "{error}");
    assert_eq!(anchors.kept(), [anchor(HOUR, NOW)]);
}

#[test]
fn after_a_reboot_a_clock_that_was_set_back_is_refused() {
    let run = [anchor(0, NOW), anchor(DAY, NOW + DAY)];
    let booted = |wall, uncertainty| Anchor {
        boot_id: BootId(2),
        ..unsure(anchor(SECOND, wall), uncertainty)
    };
    let mut again = anchors(&run);
    assert_eq!(
        again.take(booted(NOW + DAY, 0)).unwrap().news,
        News::Rebooted
    );
    assert_eq!(again.not_before(), NOW + DAY);
    assert_eq!(again.kept().len(), 1);
    for (wall, uncertainty, accepted) in [
        (NOW + DAY - 1, 0, false),
        (NOW + DAY - 1, 1, true),
        (NOW + DAY - SECOND, SECOND - 1, false),
        (NOW + DAY - 10 * YEAR, 16 * SECOND, false),
    ] {
        let mut again = anchors(&run);
        let taken = again.take(booted(wall, uncertainty));
        assert_eq!(taken.is_ok(), accepted, "{wall}");
        // Refused again, as often as it is tried.
        assert_eq!(again.take(booted(wall, uncertainty)).is_ok(), accepted);
    }
    let error = anchors(&run).take(booted(NOW + HOUR, 0)).unwrap_err();
    insta::assert_snapshot!(error, @"the clock was set back: it says 2026-09-21T15:13:20Z, but before this boot it was synchronised and had passed 2026-09-22T14:13:20Z; on this clock an approval would last longer than approved; set it right ('timedatectl', 'chronyc tracking'). If the earlier time was the wrong one, see docs/clock.md");
}

#[test]
fn a_step_before_a_reboot_does_not_hide_that_the_clock_was_set_back() {
    // Set back by a year and noticed, which leaves an unsynchronised anchor; then rebooted.
    let stepped = Anchor {
        synchronised: false,
        uncertainty: 16 * SECOND,
        ..anchor(DAY, NOW + DAY - YEAR)
    };
    let booted = |wall| Anchor {
        boot_id: BootId(2),
        ..anchor(SECOND, wall)
    };
    let mut again = anchors(&[anchor(0, NOW), stepped]);
    let error = again.take(booted(NOW + DAY + HOUR - YEAR)).unwrap_err();
    let ClockError::SetBack { passed, .. } = error else {
        panic!("{error}");
    };
    assert_eq!(passed, NOW + DAY);
    // Synchronised to a wrong time, it is no witness against the right one.
    let synchronised = anchor(2 * DAY, NOW + 2 * DAY - YEAR);
    let mut again = anchors(&[anchor(0, NOW), stepped, synchronised]);
    assert!(again.take(booted(NOW + 3 * DAY - YEAR)).is_err());
    assert!(again.take(booted(NOW + 3 * DAY)).is_ok());
}

#[test]
fn an_unsynchronised_clock_says_nothing_about_the_next_boot() {
    let wrong = Anchor {
        synchronised: false,
        ..anchor(1, NOW + 10 * YEAR)
    };
    let right = Anchor {
        boot_id: BootId(2),
        ..anchor(1, NOW)
    };
    let mut anchors = anchors(&[wrong]);
    assert_eq!(anchors.take(right).unwrap().news, News::Rebooted);
    assert_eq!(anchors.not_before(), 0);
    // A run that never was synchronised does not forget what an earlier one knew.
    let third = Anchor {
        boot_id: BootId(3),
        synchronised: false,
        ..anchor(1, NOW + DAY)
    };
    let fourth = Anchor {
        boot_id: BootId(4),
        ..anchor(1, NOW - 1)
    };
    let _ = anchors.take(third).unwrap();
    assert!(anchors.take(fourth).is_err());
}
