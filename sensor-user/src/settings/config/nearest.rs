//! The nearest of known names to one that is not known.

/// The nearest name, if it is near enough to have been meant.
pub(super) fn nearest<'a>(given: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let near = known.map(|name| (distance(given, name), name)).min()?;
    let most = given.chars().count().div_ceil(3).max(1);
    (near.0 <= most).then_some(near.1)
}

/// Single characters to put in, take out or replace.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (at, one) in left.chars().enumerate() {
        let mut next = vec![at + 1];
        let mut last = at + 1;
        for ((other, above), diagonal) in right.iter().zip(row.iter().skip(1)).zip(&row) {
            let replaced = diagonal + usize::from(one != *other);
            last = replaced.min(above + 1).min(last + 1);
            next.push(last);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_levenshteins() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("tick", "tick"), 0);
    }

    #[test]
    fn what_is_far_from_all_has_no_nearest() {
        let known = || ["tick", "lease"].into_iter();
        assert_eq!(nearest("tik", known()), Some("tick"));
        assert_eq!(nearest("colour", known()), None);
    }
}
