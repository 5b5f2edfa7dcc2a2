//! All places, flattened: ranges that do not overlap and leave nothing out.

use std::net::IpAddr;

use ipnet::IpNet;
use sensor_common::Place;
use serde::{Deserialize, Serialize};

use super::number::Number;

/// Every address of both families, in ascending ranges that do not overlap. A range ends where
/// the next begins, the first begins at 0, and neighbours differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flat {
    /// IPv4: first address of each range, and its place.
    #[serde(with = "rows")]
    pub v4: Vec<(u32, Place)>,
    /// IPv6: first address of each range, and its place.
    #[serde(with = "rows")]
    pub v6: Vec<(u128, Place)>,
}

impl Flat {
    /// All addresses in one place.
    pub fn everywhere(place: Place) -> Self {
        Self {
            v4: vec![(0, place)],
            v6: vec![(0, place)],
        }
    }

    /// Where an address lies.
    pub fn place(&self, address: IpAddr) -> Place {
        match address {
            IpAddr::V4(address) => look_up(&self.v4, address.into()),
            IpAddr::V6(address) => look_up(&self.v6, address.into()),
        }
    }

    /// Whether an address of a prefix lies in a place like this.
    pub fn any(&self, prefix: IpNet, is: impl Fn(Place) -> bool) -> bool {
        match prefix {
            IpNet::V4(net) => any(&self.v4, net.network().into(), net.broadcast().into(), is),
            IpNet::V6(net) => any(&self.v6, net.network().into(), net.broadcast().into(), is),
        }
    }

    /// How many IPv4 addresses lie where.
    pub fn v4_addresses(&self) -> Counts {
        Counts::of(&self.v4, 0)
    }

    /// How many networks of 64 bits lie where in IPv6: those that begin there, so a range
    /// within one network counts for nothing unless it begins it.
    pub fn v6_networks(&self) -> Counts {
        Counts::of(&self.v6, 64)
    }
}

/// The range in which `first` lies, and those that begin up to `last`.
fn any<N: Number>(ranges: &[(N, Place)], first: N, last: N, is: impl Fn(Place) -> bool) -> bool {
    let begin = ranges.partition_point(|(begin, _)| *begin <= first);
    let ranges = &ranges[begin.saturating_sub(1)..];
    let mut within = ranges.iter().take_while(|(begin, _)| *begin <= last);
    within.any(|(_, place)| is(*place))
}

fn look_up<N: Number>(ranges: &[(N, Place)], address: N) -> Place {
    let after = ranges.partition_point(|(first, _)| *first <= address);
    let range = after.checked_sub(1).and_then(|index| ranges.get(index));
    range.map_or(Place::Unknown, |(_, place)| *place)
}

/// Addresses, or networks, by place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Inside the territory.
    pub domestic: u128,
    /// Outside of it.
    pub foreign: u128,
    /// Placed by nobody.
    pub unknown: u128,
    /// Of operators.
    pub operator: u128,
    /// Never recorded.
    pub excluded: u128,
}

impl Counts {
    fn of<N: Number + Into<u128>>(ranges: &[(N, Place)], shift: u32) -> Self {
        // Rounded up: the first network that begins at this address or after it.
        let network = |first: u128| (first >> shift) + u128::from(first & ((1 << shift) - 1) != 0);
        let end = (N::LAST.into() >> shift) + 1;
        let mut counts = Self::default();
        let ends = (ranges.iter().skip(1))
            .map(|(first, _)| network((*first).into()))
            .chain([end]);
        for (&(first, place), end) in ranges.iter().zip(ends) {
            let count = match place {
                Place::Domestic => &mut counts.domestic,
                Place::Foreign => &mut counts.foreign,
                Place::Unknown => &mut counts.unknown,
                Place::Operator(_) => &mut counts.operator,
                Place::Excluded => &mut counts.excluded,
            };
            *count += end - network(first.into());
        }
        counts
    }
}

/// Ranges as pairs of an address in text form, which any JSON reader takes, and the number of
/// a place.
mod rows {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use sensor_common::Place;
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

    pub(super) trait Address: Copy {
        type Text: Serialize + for<'de> Deserialize<'de> + From<Self> + Into<Self>;
    }

    impl Address for u32 {
        type Text = Ipv4Addr;
    }

    impl Address for u128 {
        type Text = Ipv6Addr;
    }

    pub(super) fn serialize<N: Address, S: Serializer>(
        ranges: &[(N, Place)],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(
            (ranges.iter()).map(|&(first, place)| (N::Text::from(first), place.number())),
        )
    }

    pub(super) fn deserialize<'de, N: Address, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<(N, Place)>, D::Error> {
        let ranges: Vec<(N::Text, u32)> = Vec::deserialize(deserializer)?;
        (ranges.into_iter())
            .map(|(first, number)| {
                let place = Place::from_number(number);
                if place.number() == number {
                    Ok((first.into(), place))
                } else {
                    Err(D::Error::custom(format!(
                        "no place has the number {number}"
                    )))
                }
            })
            .collect()
    }
}
