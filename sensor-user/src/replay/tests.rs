use std::{cell::RefCell, collections::BTreeMap};

use super::{
    history::{History, Then},
    *,
};
use crate::documents::{Attended, Decision, Time};

/// Decisions from moments on.
struct Written {
    from: BTreeMap<u64, Decision>,
    asked: RefCell<Vec<u64>>,
}

impl History for Written {
    fn at(&self, t: Time) -> Decision {
        self.asked.borrow_mut().push(t.0);
        let (_, decision) = self.from.range(..=t.0).next_back().unwrap();
        decision.clone()
    }

    fn next_arrival(&self, t: Time) -> Option<Time> {
        let (next, _) = self.from.range(t.0 + 1..).next()?;
        Some(Time(*next))
    }
}

fn until(end: u64) -> Decision {
    Decision {
        attended: match end {
            0 => Attended::Not(Vec::new()),
            end => Attended::Until(Time(end)),
        },
        granted: Vec::new(),
        layers: None,
        next: (end > 0).then_some(Time(end)),
    }
}

fn written(from: &[(u64, u64)]) -> Written {
    Written {
        from: from.iter().map(|&(from, end)| (from, until(end))).collect(),
        asked: RefCell::default(),
    }
}

#[test]
fn a_decision_is_asked_for_once_in_the_span_in_which_it_holds() {
    let history = written(&[(0, 0), (100, 250), (200, 900)]);
    let mut then = Then::new(&history);
    let mut lease = |time| then.turn(time, &[]).map(|turn| turn.lease);
    // Each in turn, then out of order at the border.
    for (time, expected) in [
        (50, Some(0)),
        (99, None),
        (100, Some(250)),
        (150, None),
        (99, Some(0)),
        (101, Some(250)),
        (200, Some(900)),
        (899, None),
        (900, Some(900)),
        (20, Some(0)),
    ] {
        assert_eq!(lease(time), expected, "{time}");
    }
    assert_eq!(*history.asked.borrow(), [50, 100, 200, 900, 20]);
}

#[test]
fn only_what_is_new_is_published() {
    let history = written(&[(0, 100), (100, 200)]);
    let mut then = Then::new(&history);
    let mut published = |time, names: &[&str]| {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        then.turn(time, &names).map(|turn| turn.publish.is_some())
    };
    assert_eq!(published(1, &["a"]), Some(true));
    assert_eq!(published(100, &["a"]), Some(false));
    assert_eq!(published(101, &["a", "b"]), Some(false));
    assert_eq!(published(102, &["a", "b"]), None);
}

#[test]
fn under_papers_interfaces_of_one_name_have_one_slot() {
    let mut names = Names::new(Vec::new(), Clock::UNIX);
    let mut slots = Slots::default();
    let mut of = |number, given, by_name| slots.of(&mut names, (number, given), by_name);
    assert_eq!(of(0, Some("eth0"), true), Some(0));
    assert_eq!(of(1, Some("eth1"), true), Some(1));
    assert_eq!(of(2, Some("eth0"), true), Some(0));
    assert_eq!(
        of(3, Some("eth0"), false),
        Some(2),
        "in lab each has its own"
    );
    let mut one = Slots {
        one: Some("eth9"),
        ..Slots::default()
    };
    let mut names = Names::new(Vec::new(), Clock::UNIX);
    assert_eq!(one.of(&mut names, (0, Some("eth0")), true), Some(0));
    assert_eq!(one.of(&mut names, (1, None), true), Some(0));
    assert_eq!(names.interfaces, ["eth9"]);
}
