//! Many prefixes with their lines, in columns.
//!
//! A row of a `Vec<(IpNet, u32)>` takes 24 bytes; here an IPv4 prefix takes 9 and an IPv6 prefix
//! 25, and both keep one order, so that a prefix has one number whatever its family.

use std::{
    collections::{HashMap, HashSet},
    fmt,
    io::{self, Write},
    ops::Range,
};

use ipnet::IpNet;

use super::{
    Limits, PortRule, Prefix4, Prefix6, Validity,
    keys::{self, Key},
    limits::Column,
    stored::{StoredError, take_column, take_number, write_column, write_number},
};
use crate::parallel;

/// What stands for an IPv6 prefix of length 0; of an IPv4 prefix its length stands.
const WIDE: u8 = 33;

/// Prefixes with the lines they stand in.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Prefixes {
    codes: Vec<u8>,
    /// The address of an IPv4 prefix, the place in `wide` of an IPv6 prefix.
    words: Vec<u32>,
    wide: Vec<u128>,
    lines: Vec<u32>,
    limits: Column,
}

/// An indicator that others do not have as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beyond {
    /// They do not have its prefix.
    Prefix(IpNet),
    /// They have its prefix for a shorter time or on fewer ports.
    Limits(IpNet),
}

/// One of the prefixes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Row {
    V4(Prefix4),
    V6(Prefix6),
}

impl Prefixes {
    /// How many there are.
    pub const fn len(&self) -> usize {
        self.codes.len()
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.codes.is_empty()
    }

    /// The prefix at a place, with its line.
    pub fn get(&self, at: usize) -> Option<(IpNet, u32)> {
        let prefix = match self.row(at)? {
            Row::V4(prefix) => prefix.into(),
            Row::V6(prefix) => prefix.into(),
        };
        Some((prefix, *self.lines.get(at)?))
    }

    /// The prefixes with their lines.
    pub const fn iter(&self) -> Iter<'_> {
        Iter {
            prefixes: self,
            next: 0,
        }
    }

    /// Adds a prefix.
    pub fn push(&mut self, prefix: IpNet, line: u32) {
        match prefix {
            IpNet::V4(prefix) => self.push_v4(prefix.into(), line),
            IpNet::V6(prefix) => {
                let Prefix6 { address, length } = prefix.into();
                self.codes.push(WIDE + length);
                self.words.push(number(self.wide.len()));
                self.wide.push(address);
                self.lines.push(line);
            }
        }
    }

    /// Adds a prefix that counts at a time or on ports only.
    pub fn push_limited(&mut self, prefix: IpNet, line: u32, limits: &Limits) {
        self.limits.push(number(self.len()), limits);
        self.push(prefix, line);
    }

    /// What narrows the prefix at a place.
    pub fn limits(&self, at: usize) -> Limits {
        self.limits.of(number(at))
    }

    /// When the prefix at a place counts; `None` is always.
    pub fn validity(&self, at: usize) -> Option<Validity> {
        self.limits.validity(number(at))
    }

    /// The places of prefixes that count at a time only, ascending, each with its time.
    pub fn validities(&self) -> &[(u32, Validity)] {
        self.limits.validities()
    }

    /// The ports on which the prefix at a place counts; none is all of them.
    pub fn ports(&self, at: usize) -> impl Iterator<Item = PortRule> {
        self.limits.ports(number(at)).map(|(_, rule)| rule)
    }

    /// Whether one of them counts at a time or on ports only.
    pub const fn has_limits(&self) -> bool {
        !self.limits.is_empty()
    }

    /// Whether one of them counts on some ports only.
    pub const fn has_ports(&self) -> bool {
        self.limits.has_ports()
    }

    pub(crate) fn push_v4(&mut self, Prefix4 { address, length }: Prefix4, line: u32) {
        self.codes.push(length);
        self.words.push(address);
        self.lines.push(line);
    }

    /// Adds the prefixes of another part of the same text, which has so many lines before it.
    pub(crate) fn append(&mut self, part: &Self, lines_before: u32) {
        let wide_before = number(self.wide.len());
        self.limits.append(&part.limits, number(self.len()));
        self.codes.extend_from_slice(&part.codes);
        let words = part.codes.iter().zip(&part.words);
        self.words.extend(words.map(|(&code, &word)| match code {
            ..WIDE => word,
            WIDE.. => word + wide_before,
        }));
        self.wide.extend_from_slice(&part.wide);
        let lines = part.lines.iter().map(|line| line + lines_before);
        self.lines.extend(lines);
    }

    /// Leaves out what stands after a line; lines must ascend.
    pub(crate) fn end_at_line(&mut self, last: u32) {
        let kept = self.lines.partition_point(|&line| line <= last);
        let wide = self.codes[kept..].iter().filter(|&&code| code >= WIDE);
        self.wide.truncate(self.wide.len() - wide.count());
        self.codes.truncate(kept);
        self.limits.truncate(number(kept));
        self.words.truncate(kept);
        self.lines.truncate(kept);
    }

    /// The same without those at these places, which ascend.
    pub(crate) fn without(&self, places: &[u32]) -> Self {
        let mut kept = Self::default();
        let mut begin = 0;
        for end in places
            .iter()
            .map(|&place| place as usize)
            .chain([self.len()])
        {
            for at in begin..end {
                if self.has_limits() {
                    kept.limits.push(number(kept.len()), &self.limits(at));
                }
                match self.row(at) {
                    Some(Row::V4(prefix)) => kept.push_v4(prefix, self.lines[at]),
                    Some(Row::V6(prefix)) => kept.push(prefix.into(), self.lines[at]),
                    None => {}
                }
            }
            begin = end + 1;
        }
        kept
    }

    /// The same without those whose prefix is not wanted.
    pub(crate) fn only(&self, is_wanted: impl Fn(&IpNet) -> bool) -> Self {
        let mut kept = Self::default();
        for (at, (prefix, line)) in self.iter().enumerate() {
            if is_wanted(&prefix) {
                kept.push_limited(prefix, line, &self.limits(at));
            }
        }
        kept
    }

    /// The first one that others do not have as it is: not its prefix, or with limits that it is
    /// not within.
    pub fn beyond(&self, others: &Self) -> Option<Beyond> {
        let known: HashSet<IpNet> = others.iter().map(|(prefix, _)| prefix).collect();
        let mut limited: HashMap<IpNet, Vec<Limits>> = HashMap::new();
        if others.has_limits() {
            for (at, (prefix, _)) in others.iter().enumerate() {
                limited.entry(prefix).or_default().push(others.limits(at));
            }
        }
        let is_within = |at: usize, prefix: &IpNet| match limited.get(prefix) {
            None => true,
            Some(limits) => {
                let own = self.limits(at);
                limits.iter().any(|limits| own.is_within(limits))
            }
        };
        self.iter().enumerate().find_map(|(at, (prefix, _))| {
            if !known.contains(&prefix) {
                Some(Beyond::Prefix(prefix))
            } else if is_within(at, &prefix) {
                None
            } else {
                Some(Beyond::Limits(prefix))
            }
        })
    }

    pub(crate) fn row(&self, at: usize) -> Option<Row> {
        let (&code, &word) = (self.codes.get(at)?, self.words.get(at)?);
        Some(match code.checked_sub(WIDE) {
            None => Row::V4(Prefix4 {
                address: word,
                length: code,
            }),
            Some(length) => Row::V6(Prefix6 {
                address: *self.wide.get(word as usize)?,
                length,
            }),
        })
    }

    /// The IPv4 prefixes at some places, each with its place.
    pub(crate) fn v4(&self, places: Range<usize>) -> impl Iterator<Item = (usize, Prefix4)> {
        let rows = self.codes[places.clone()]
            .iter()
            .zip(&self.words[places.clone()]);
        places
            .zip(rows)
            .filter(|(_, (code, _))| **code < WIDE)
            .map(|(at, (&length, &address))| (at, Prefix4 { address, length }))
    }

    /// The IPv6 prefixes at some places, each with its place.
    pub(crate) fn v6(&self, places: Range<usize>) -> impl Iterator<Item = (usize, Prefix6)> {
        // Most lists have none.
        let places = if self.wide.is_empty() { 0..0 } else { places };
        places.filter_map(|at| match self.row(at) {
            Some(Row::V6(prefix)) => Some((at, prefix)),
            Some(Row::V4(_)) | None => None,
        })
    }

    /// Writes the columns one after the other.
    pub(super) fn write_to(&self, out: &mut impl Write) -> io::Result<()> {
        write_number(out, self.len())?;
        write_number(out, self.wide.len())?;
        out.write_all(&self.codes)?;
        write_column(out, &self.words, u32::to_le_bytes)?;
        write_column(out, &self.wide, u128::to_le_bytes)?;
        write_column(out, &self.lines, u32::to_le_bytes)?;
        self.limits.write_to(out)
    }

    /// Reads what was written; `None` where it is not the columns of prefixes.
    pub(super) fn take_from(rest: &mut &[u8]) -> Result<Option<Self>, StoredError> {
        let count = take_number(rest)?;
        let wide = take_number(rest)?;
        let prefixes = Self {
            codes: take_column(rest, count, |[code]| code)?,
            words: take_column(rest, count, u32::from_le_bytes)?,
            wide: take_column(rest, wide, u128::from_le_bytes)?,
            lines: take_column(rest, count, u32::from_le_bytes)?,
            limits: Column::take_from(rest)?,
        };
        Ok(prefixes.is_sound().then_some(prefixes))
    }

    /// Whether they are columns that pushing prefixes gives.
    fn is_sound(&self) -> bool {
        let mut wide = 0;
        let mut sound = true;
        for at in 0..self.len() {
            sound &= match self.row(at) {
                Some(Row::V4(prefix)) => prefix == Prefix4::around(prefix.address, prefix.length),
                Some(Row::V6(prefix)) => {
                    let is_next = self.words.get(at) == Some(&number(wide));
                    wide += 1;
                    let whole = Prefix6::around(prefix.address, prefix.length);
                    is_next && prefix.length <= 128 && prefix == whole
                }
                None => false,
            };
        }
        sound && wide == self.wide.len() && self.limits.is_sound(self.len())
    }

    /// All of them in order, IPv4 first, each once.
    pub(crate) fn sorted(&self) -> (Vec<Prefix4>, Vec<Prefix6>) {
        let (all, threads) = (0..self.len(), parallel::threads());
        // The numbers make no difference here, so they may be any.
        let v4 = self.v4(all.clone()).map(|(_, prefix)| (0, prefix));
        let v4 = keys::sorted::<u64>(v4, self.len() - self.wide(), threads);
        let mut v4: Vec<Prefix4> = v4.into_iter().map(Key::prefix).collect();
        v4.dedup();
        let v6 = self.v6(all).map(|(_, prefix)| (0, prefix));
        let v6 = keys::sorted::<[u64; 3]>(v6, self.wide(), threads);
        let mut v6: Vec<Prefix6> = v6.into_iter().map(Key::prefix).collect();
        v6.dedup();
        (v4, v6)
    }

    /// How many are IPv6 prefixes.
    pub(crate) const fn wide(&self) -> usize {
        self.wide.len()
    }
}

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

impl fmt::Debug for Prefixes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self).finish()
    }
}

/// Prefixes one after the other.
#[derive(Clone, Debug)]
pub struct Iter<'a> {
    prefixes: &'a Prefixes,
    next: usize,
}

impl Iterator for Iter<'_> {
    type Item = (IpNet, u32);

    fn next(&mut self) -> Option<Self::Item> {
        let item = self.prefixes.get(self.next)?;
        self.next += 1;
        Some(item)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.prefixes.len() - self.next;
        (left, Some(left))
    }
}

impl ExactSizeIterator for Iter<'_> {}

impl<'a> IntoIterator for &'a Prefixes {
    type Item = (IpNet, u32);
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

impl FromIterator<(IpNet, u32)> for Prefixes {
    fn from_iter<T: IntoIterator<Item = (IpNet, u32)>>(prefixes: T) -> Self {
        let mut columns = Self::default();
        for (prefix, line) in prefixes {
            columns.push(prefix, line);
        }
        columns
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::watchlist::tests::{limits, prefix};

    fn pushed(rows: &[(IpNet, u32, Limits)]) -> Prefixes {
        let mut columns = Prefixes::default();
        for (prefix, line, limits) in rows {
            columns.push_limited(*prefix, *line, limits);
        }
        columns
    }

    proptest! {
        #[test]
        fn columns_are_the_rows_that_were_pushed(
            rows in prop::collection::vec((prefix(), any::<u32>(), limits()), 0..50),
            also in prop::collection::vec((prefix(), 0..1000u32, limits()), 0..50),
            without in prop::collection::btree_set(0..50usize, 0..50),
        ) {
            let columns = pushed(&rows);
            prop_assert_eq!(columns.len(), rows.len());
            for (at, (prefix, line, limits)) in rows.iter().enumerate() {
                prop_assert_eq!(columns.get(at), Some((*prefix, *line)));
                prop_assert_eq!(&columns.limits(at), limits);
                prop_assert_eq!(columns.validity(at), limits.validity);
                prop_assert!(columns.ports(at).eq(limits.ports.iter().copied()));
            }
            let without: Vec<usize> = without.into_iter().filter(|at| *at < rows.len()).collect();
            let places: Vec<u32> = without.iter().map(|&at| number(at)).collect();
            let left = (0..).zip(&rows).filter(|(at, _)| !without.contains(at));
            let left: Vec<_> = left.map(|(_, row)| row.clone()).collect();
            prop_assert_eq!(columns.without(&places), pushed(&left));
            let mut both = columns;
            both.append(&pushed(&also), 7);
            let also = also.into_iter().map(|(prefix, line, limits)| (prefix, line + 7, limits));
            let rows: Vec<_> = rows.into_iter().chain(also).collect();
            prop_assert_eq!(both, pushed(&rows));
        }

        #[test]
        fn families_apart_are_all_of_them_at_their_places(
            rows in prop::collection::vec((prefix(), limits()), 0..50),
            cut in 0..50usize,
        ) {
            let rows: Vec<_> = (1..)
                .zip(rows)
                .map(|(line, (prefix, limits))| (prefix, line, limits))
                .collect();
            let columns = pushed(&rows);
            let cut = cut.min(rows.len());
            let v4 = columns.v4(cut..rows.len()).map(|(at, prefix)| (at, IpNet::from(prefix)));
            let v6 = columns.v6(cut..rows.len()).map(|(at, prefix)| (at, IpNet::from(prefix)));
            let mut all: Vec<(usize, IpNet)> = v4.chain(v6).collect();
            all.sort_unstable_by_key(|(at, _)| *at);
            let rows_after = rows.iter().map(|row| row.0).enumerate().skip(cut);
            prop_assert_eq!(all, rows_after.collect::<Vec<_>>());
            let mut ended = columns;
            ended.end_at_line(number(cut));
            prop_assert_eq!(ended, pushed(&rows[..cut]));
        }
    }
}
