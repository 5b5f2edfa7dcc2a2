//! Why an approval does not allow a packet, or that it does.

use sensor_common::{Facts, Slot, Verdict};

use crate::{
    loaded::Loaded,
    pipeline::Clock,
    watchlist::Approval,
    words::{span, utc},
};

/// The step that a packet came to with an approval, in words that follow its name.
pub(super) fn why(loaded: &Loaded, approval: &Approval, reached: Verdict, facts: &Facts) -> String {
    let terms = &approval.terms;
    let clock = Clock {
        unix_at_boot: loaded.unix_at_boot,
    };
    match reached {
        Verdict::Recorded => format!("allows it; {}", ends(terms, facts.now, clock)),
        Verdict::Unapproved => format!(
            "covers only this host's own addresses on interface {}, and neither end is one",
            interface(loaded, facts.interface)
        ),
        Verdict::NotYet => begins(terms, facts.now, clock),
        Verdict::Expired => ended(terms, facts.now, clock),
        Verdict::Class => class(loaded, terms, facts),
        Verdict::Direction => {
            let direction = facts.passage.direction.name();
            format!("does not cover the direction {direction}")
        }
        Verdict::Interface => {
            let name = interface(loaded, facts.interface);
            format!("does not cover interface {name}")
        }
        Verdict::Unattended if loaded.lab => {
            "no sensor runs to renew its lease, and lab ends with it".into()
        }
        Verdict::Unattended => {
            "its lease has run out: no sensor runs, or nothing allows it to record now".into()
        }
        // No slot gives these.
        Verdict::NotIp
        | Verdict::Malformed
        | Verdict::Unsupported
        | Verdict::NoMatch
        | Verdict::Excluded
        | Verdict::Unknown
        | Verdict::Domestic => reached.name().into(),
    }
}

fn begins(terms: &Slot, now: u64, clock: Clock) -> String {
    if terms.begin == u64::MAX {
        return "never begins".into();
    }
    let (left, at) = (
        span(terms.begin.saturating_sub(now)),
        utc(clock.unix_ns(terms.begin)),
    );
    format!("begins in {left}, {at}")
}

fn ends(terms: &Slot, now: u64, clock: Clock) -> String {
    if terms.end == Slot::FOREVER {
        return "has no end".into();
    }
    let (left, at) = (
        span(terms.end.saturating_sub(now)),
        utc(clock.unix_ns(terms.end)),
    );
    format!("ends in {left}, {at}")
}

/// An end at boot is one before it, whenever that was.
fn ended(terms: &Slot, now: u64, clock: Clock) -> String {
    if terms.end == 0 {
        return "ended before this boot".into();
    }
    let (ago, at) = (
        span(now.saturating_sub(terms.end)),
        utc(clock.unix_ns(terms.end)),
    );
    format!("ended {ago} ago, {at}")
}

/// Either the class is not covered, or the prefix is of another operator than consented.
fn class(loaded: &Loaded, terms: &Slot, facts: &Facts) -> String {
    let class = facts.passage.class;
    if terms.classes >> class as u8 & 1 == 0 {
        return format!("does not cover the class {}", class.name());
    }
    let name = |number: u16| match loaded.layers.operator(number) {
        Some(operator) => operator.id.to_string(),
        None => format!("number {number}"),
    };
    let of = name(facts.passage.operator);
    match terms.operator {
        0 => format!("has the consent of no operator, and the prefix is of {of}"),
        number => format!(
            "the prefix is of {of}, not the operator it has the consent of, {}",
            name(number)
        ),
    }
}

fn interface(loaded: &Loaded, bit: u64) -> String {
    let slot = bit.trailing_zeros();
    let mut interfaces = loaded.interfaces.iter();
    match interfaces.find(|interface| u32::from(interface.slot) == slot) {
        Some(interface) => interface.name.clone(),
        None => format!("in slot {slot}"),
    }
}
