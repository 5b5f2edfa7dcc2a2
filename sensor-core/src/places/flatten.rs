//! Layers become ranges: for each address the highest layer that names it.

use std::{cmp::Reverse, collections::HashMap};

use ipnet::IpNet;
use sensor_common::{Place, Slot};

use super::{
    Flat, Layers, Operator, PlacesError,
    number::Number,
    resolve::{Span, Spans, resolve},
    special,
    territory::Placed,
};

/// What is said of addresses. The order is the precedence: the least wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rule {
    Excluded,
    /// The longest prefix wins.
    Operator(Reverse<u8>, u16),
    Special,
    Territory(Placed),
}

impl Rule {
    fn place(self) -> Place {
        match self {
            Self::Excluded => Place::Excluded,
            Self::Operator(_, number) => Place::Operator(number),
            Self::Special => Place::Unknown,
            Self::Territory(placed) => placed.into(),
        }
    }
}

/// Flattens layers.
///
/// # Errors
///
/// [`PlacesError::TooManyOperators`] and [`PlacesError::ClaimedTwice`].
pub fn flatten(layers: &Layers) -> Result<Flat, PlacesError> {
    let Layers {
        territory,
        exclusions,
        operators,
    } = layers;
    let mut spans = Spans::new();
    for exclusion in exclusions {
        spans.push(exclusion.prefix, Rule::Excluded);
    }
    for (prefix, number) in claimed(operators)? {
        let rule = Rule::Operator(Reverse(prefix.prefix_len()), number);
        spans.push(prefix, rule);
    }
    let elsewhere = if territory.is_everything_foreign() {
        Place::Foreign
    } else {
        for special in &special::REGISTRY {
            spans.push(special.prefix, Rule::Special);
        }
        Place::Unknown
    };
    for row in &territory.rows {
        let rule = match row.place {
            Placed::Excluded => Rule::Excluded,
            placed => Rule::Territory(placed),
        };
        spans.push(row.prefix, rule);
    }
    Ok(Flat {
        v4: filled(0, elsewhere, resolve(spans.v4)),
        v6: filled(0, elsewhere, resolve(spans.v6)),
    })
}

/// The operators' prefixes with the operators' numbers.
fn claimed(operators: &[Operator]) -> Result<HashMap<IpNet, u16>, PlacesError> {
    if operators.len() >= usize::from(Slot::ANY_OPERATOR) {
        return Err(PlacesError::TooManyOperators(operators.len()));
    }
    let mut claimed: HashMap<IpNet, (u16, &Operator)> = HashMap::new();
    for (number, operator) in (1..=u16::MAX).zip(operators) {
        for prefix in operator.prefixes.iter().map(IpNet::trunc) {
            let (before, first) = *claimed.entry(prefix).or_insert((number, operator));
            if before != number {
                return Err(PlacesError::ClaimedTwice {
                    prefix,
                    first: first.id.clone(),
                    second: operator.id.clone(),
                });
            }
        }
    }
    let numbers = claimed
        .into_iter()
        .map(|(prefix, (number, _))| (prefix, number));
    Ok(numbers.collect())
}

/// Ranges with the gaps between them filled, joined where neighbours lie in the same place.
fn filled<N: Number>(zero: N, elsewhere: Place, resolved: Vec<Span<N, Rule>>) -> Vec<(N, Place)> {
    let mut ranges: Vec<(N, Place)> = Vec::with_capacity(resolved.len() + 1);
    let mut add = |first, place| {
        if ranges.last().is_none_or(|(_, before)| *before != place) {
            ranges.push((first, place));
        }
    };
    let mut next = Some(zero);
    for Span { first, last, rule } in resolved {
        if let Some(gap) = next.filter(|next| *next < first) {
            add(gap, elsewhere);
        }
        add(first, rule.place());
        next = last.next();
    }
    if let Some(gap) = next {
        add(gap, elsewhere);
    }
    ranges
}
