//! What an approval lets a record say besides addresses, times and counts.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// A set of fields.
///
/// What no approval of a packet allows stays zero in the kernel. Addresses, counts, times,
/// the interface and what follows from them are in every record.
#[repr(C)]
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    FromBytes,
    IntoBytes,
    Immutable,
    KnownLayout,
)]
pub struct Fields(pub u16);

impl Fields {
    /// None of them.
    pub const NONE: Self = Self(0);
    /// IPFIX `sourceTransportPort` and `destinationTransportPort`.
    pub const PORTS: Self = Self(1);
    /// IPFIX `protocolIdentifier`.
    pub const PROTOCOL: Self = Self(1 << 1);
    /// IPFIX `tcpControlBits`.
    pub const TCP_FLAGS: Self = Self(1 << 2);
    /// IPFIX `minimumTTL` and `maximumTTL`.
    pub const TTL: Self = Self(1 << 3);
    /// IPFIX `vlanId`, of every tag.
    pub const VLAN: Self = Self(1 << 4);
    /// Which part of a fragmented datagram.
    pub const FRAGMENT: Self = Self(1 << 5);
    /// All of them.
    pub const ALL: Self = Self((1 << 6) - 1);

    /// Each with its name in papers and output.
    pub const NAMED: [(&'static str, Self); 6] = [
        ("ports", Self::PORTS),
        ("protocol", Self::PROTOCOL),
        ("tcp_flags", Self::TCP_FLAGS),
        ("ttl", Self::TTL),
        ("vlan", Self::VLAN),
        ("fragment", Self::FRAGMENT),
    ];

    /// Whether all of `other` are in the set.
    #[inline(always)]
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The fields of both sets.
    #[must_use]
    #[inline(always)]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_named_fields_are_all_there_are_and_each_has_a_bit_of_its_own() {
        let mut all = Fields::NONE;
        for (name, field) in Fields::NAMED {
            assert_eq!(field.0.count_ones(), 1, "{name}");
            assert!(!all.has(field), "{name}");
            all = all.union(field);
        }
        assert_eq!(all, Fields::ALL);
    }
}
