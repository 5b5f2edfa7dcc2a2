//! Lists of prefixes: generated, always the same ones, and real.

use std::{
    collections::{BTreeSet, HashSet},
    net::{Ipv4Addr, Ipv6Addr},
    path::Path,
};

use anyhow::{Context as _, Result};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use sekisho::{
    feeds::{self, plain::Shortest},
    watchlist::Prefixes,
};
use serde::Serialize;

use crate::chance::Chance;

/// What the addresses of a list and of packets are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Family {
    V4,
    V6,
    Mixed,
}

impl Family {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::V4 => "v4",
            Self::V6 => "v6",
            Self::Mixed => "mixed",
        }
    }
}

/// How a list comes about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    /// IPv4: 90 % hosts, 10 % /24. IPv6: 60 % hosts, 25 % /64, 10 % /48, 5 % /32. Anywhere.
    Uniform,
    /// IPv4: 20 hosts in each of some /24.
    Clustered,
    /// The addresses of `IPsum`.
    Ipsum,
}

impl Kind {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Uniform => "uniform",
            Self::Clustered => "clustered",
            Self::Ipsum => "ipsum",
        }
    }
}

/// Distinct prefixes, ascending.
#[derive(Debug)]
pub(crate) struct List {
    pub(crate) kind: Kind,
    pub(crate) family: Family,
    pub(crate) prefixes: Vec<IpNet>,
}

/// Where IPv6 addresses are: `2000::/3`.
pub(crate) const GLOBAL_V6: u128 = 1 << 125;
/// The bits below that prefix.
pub(crate) const BELOW_GLOBAL_V6: u128 = GLOBAL_V6 - 1;

/// Hosts of a /24 in a clustered list.
const CLUSTER: usize = 20;

impl List {
    /// The prefixes as a feed has them.
    pub(crate) fn columns(&self) -> Prefixes {
        self.prefixes.iter().copied().zip(1..).collect()
    }

    /// Makes a list of so many prefixes.
    pub(crate) fn generate(kind: Kind, family: Family, size: usize) -> Self {
        let mut chance = Chance::new(size as u64);
        let prefixes = match (kind, family) {
            (Kind::Clustered, _) => clustered(&mut chance, size),
            (_, Family::V4) => uniform_v4(&mut chance, size),
            (_, Family::V6) => uniform_v6(&mut chance, size),
            (_, Family::Mixed) => {
                let mut both = uniform_v4(&mut chance, size / 2);
                both.extend(uniform_v6(&mut chance, size - size / 2));
                both
            }
        };
        Self {
            kind,
            family,
            prefixes,
        }
    }

    /// Reads the feed of `IPsum`.
    pub(crate) fn ipsum(feeds: &Path) -> Result<Self> {
        let path = feeds.join("ipsum-level3.txt");
        let decoded = feeds::load(&path, Shortest::ANY)
            .with_context(|| format!("cannot read {}", path.display()))?;
        let prefixes: BTreeSet<IpNet> = (decoded.prefixes.iter())
            .map(|(prefix, _)| prefix)
            .collect();
        Ok(Self {
            kind: Kind::Ipsum,
            family: Family::V4,
            prefixes: prefixes.into_iter().collect(),
        })
    }

    /// What it is called in tables: family, kind and size.
    pub(crate) fn name(&self) -> String {
        let (family, kind) = (self.family.name(), self.kind.name());
        format!("{family} {kind} {}", size_name(self.prefixes.len()))
    }
}

/// 1e6 for a million; sizes that are no power of ten stay what they are.
pub(crate) fn size_name(size: usize) -> String {
    match size.checked_ilog10() {
        Some(power) if size == 10usize.pow(power) => format!("1e{power}"),
        _ => size.to_string(),
    }
}

/// So many distinct numbers, ascending.
fn distinct<T: Ord + Eq + std::hash::Hash + Copy>(
    count: usize,
    mut next: impl FnMut() -> T,
) -> Vec<T> {
    let mut known = HashSet::with_capacity(count);
    while known.len() < count {
        known.insert(next());
    }
    let mut sorted: Vec<T> = known.into_iter().collect();
    sorted.sort_unstable();
    sorted
}

fn v4(address: u32, length: u8) -> IpNet {
    Ipv4Net::new_assert(Ipv4Addr::from_bits(address), length)
        .trunc()
        .into()
}

fn v6(address: u128, length: u8) -> IpNet {
    Ipv6Net::new_assert(Ipv6Addr::from_bits(address), length)
        .trunc()
        .into()
}

fn high(word: u64) -> u32 {
    u32::try_from(word >> 32).unwrap_or(0)
}

fn uniform_v4(chance: &mut Chance, size: usize) -> Vec<IpNet> {
    let nets = size / 10;
    let blocks = distinct(nets, || high(chance.word()) & 0xffff_ff00);
    let hosts = distinct(size - nets, || high(chance.word()));
    let mut prefixes: Vec<IpNet> = blocks.into_iter().map(|block| v4(block, 24)).collect();
    prefixes.extend(hosts.into_iter().map(|host| v4(host, 32)));
    prefixes.sort_unstable();
    prefixes
}

fn uniform_v6(chance: &mut Chance, size: usize) -> Vec<IpNet> {
    let shares = [(32, size / 20), (48, size / 10), (64, size / 4)];
    let hosts = size - shares.iter().map(|(_, count)| count).sum::<usize>();
    let mut prefixes = Vec::with_capacity(size);
    for (length, count) in shares.into_iter().chain([(128, hosts)]) {
        let mask = u128::MAX << (128 - length);
        let found = distinct(count, || {
            (GLOBAL_V6 | chance.bits() & BELOW_GLOBAL_V6) & mask
        });
        prefixes.extend(found.into_iter().map(|address| v6(address, length)));
    }
    prefixes.sort_unstable();
    prefixes
}

fn clustered(chance: &mut Chance, size: usize) -> Vec<IpNet> {
    let blocks = distinct(size.div_ceil(CLUSTER), || high(chance.word()) >> 8);
    let mut prefixes = Vec::with_capacity(size);
    for block in blocks {
        let left = CLUSTER.min(size - prefixes.len());
        let hosts = distinct(left, || high(chance.word()) & 0xff);
        prefixes.extend(hosts.into_iter().map(|host| v4(block << 8 | host, 32)));
    }
    prefixes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lengths(list: &List, length: u8) -> usize {
        let of = |prefix: &&IpNet| prefix.prefix_len() == length;
        list.prefixes.iter().filter(of).count()
    }

    #[test]
    fn lists_have_the_shares_they_promise() {
        let list = List::generate(Kind::Uniform, Family::V4, 1000);
        assert_eq!((lengths(&list, 32), lengths(&list, 24)), (900, 100));
        let list = List::generate(Kind::Uniform, Family::V6, 1000);
        let shares = [128, 64, 48, 32].map(|length| lengths(&list, length));
        assert_eq!(shares, [600, 250, 100, 50]);
        let list = List::generate(Kind::Uniform, Family::Mixed, 1000);
        assert_eq!(lengths(&list, 24) + lengths(&list, 128), 50 + 300);
        let list = List::generate(Kind::Clustered, Family::V4, 1000);
        let blocks: BTreeSet<_> = (list.prefixes.iter())
            .map(|prefix| {
                prefix
                    .addr()
                    .to_string()
                    .rsplit_once('.')
                    .map(|(block, _)| block.to_owned())
            })
            .collect();
        assert_eq!((list.prefixes.len(), blocks.len()), (1000, 50));
    }

    #[test]
    fn lists_are_ascending_distinct_and_the_same_every_time() {
        for (kind, family) in [
            (Kind::Uniform, Family::V4),
            (Kind::Uniform, Family::V6),
            (Kind::Uniform, Family::Mixed),
            (Kind::Clustered, Family::V4),
        ] {
            let list = List::generate(kind, family, 2000);
            assert!(list.prefixes.is_sorted_by(|one, other| one < other));
            let again = List::generate(kind, family, 2000);
            assert_eq!(list.prefixes, again.prefixes);
        }
    }

    #[test]
    fn sizes_are_called_by_their_powers() {
        assert_eq!(size_name(1_000_000), "1e6");
        assert_eq!(size_name(14_217), "14217");
        assert_eq!(size_name(0), "0");
    }
}
