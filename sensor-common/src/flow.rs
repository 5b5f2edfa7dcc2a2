//! The flow as kernel and user space exchange it.
//!
//! Packet fields are byte arrays in network order, counters and times native
//! integers, padding explicit: the layout is the same for both sides and hidden
//! padding fails to compile.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::slot::SlotMask;

/// VLAN identifiers of a frame, outermost first.
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
pub struct Vlan {
    /// VLAN identifiers without priority bits, network order; unused ones are 0.
    pub ids: [[u8; 2]; 2],
}

/// What makes two packets the same flow.
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
pub struct FlowKey {
    /// Source address; an IPv4 address stands in the first four bytes.
    pub source: [u8; 16],
    /// Destination address; an IPv4 address stands in the first four bytes.
    pub destination: [u8; 16],
    /// Source port, network order; 0 where there is none.
    pub source_port: [u8; 2],
    /// Destination port, network order; 0 where there is none.
    pub destination_port: [u8; 2],
    /// VLAN identifiers.
    pub vlan: Vlan,
    /// Identifier in the header of the tunnel, network order; 0 where there is none.
    pub tunnel_id: [u8; 4],
    /// [`crate::TunnelKind`] as a number, of the tunnel that the packet was carried in; 0 is none.
    pub tunnel_kind: u8,
    /// 4 or 6.
    pub ip_version: u8,
    /// IP protocol number (IPFIX `protocolIdentifier`).
    pub protocol: u8,
    /// [`crate::Fragment`] as a number.
    pub fragment: u8,
    /// Number of VLAN identifiers, 0 to 2: tells identifier 0 from no tag.
    pub vlan_tags: u8,
    /// Slot of the interface the packet came in through.
    pub interface: u8,
    /// 1 where it has ports: 0 is one too.
    pub has_ports: u8,
    /// Zero.
    pub reserved: [u8; 5],
    /// Generation that judged the packet.
    pub generation: u64,
    /// Match set of the source address; 0 is none.
    pub source_set: u32,
    /// Match set of the destination address; 0 is none.
    pub destination_set: u32,
    /// Approvals under which the packet is counted.
    pub approvals: SlotMask,
}

/// What is counted of a flow.
#[repr(C)]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
pub struct FlowValue {
    /// Packets (IPFIX `packetDeltaCount`).
    pub packets: u64,
    /// Layer-3 length from the IP header, summed (IPFIX `octetDeltaCount`).
    pub octets: u64,
    /// Time of the first packet: nanoseconds since boot, in replay since 1970.
    pub first: u64,
    /// Time of the last packet, like `first`.
    pub last: u64,
    /// OR of all TCP flags (IPFIX `tcpControlBits`).
    pub tcp_flags: u16,
    /// Lowest time to live or hop limit (IPFIX `minimumTTL`).
    pub ttl_min: u8,
    /// Highest time to live or hop limit (IPFIX `maximumTTL`).
    pub ttl_max: u8,
    /// [`crate::Class`] as a number.
    pub class: u8,
    /// [`crate::Direction`] as a number.
    pub direction: u8,
    /// Zero.
    pub reserved: [u8; 2],
}

impl FlowValue {
    /// Adds what `other` counted of the same flow, on another CPU or at another time.
    ///
    /// A value without packets counts as absent. Class and direction are part of the judgement
    /// and equal within one flow key.
    pub fn absorb(&mut self, other: &Self) {
        if other.packets == 0 {
            return;
        }
        if self.packets == 0 {
            *self = *other;
            return;
        }
        self.packets = self.packets.saturating_add(other.packets);
        self.octets = self.octets.saturating_add(other.octets);
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
        self.tcp_flags |= other.tcp_flags;
        self.ttl_min = self.ttl_min.min(other.ttl_min);
        self.ttl_max = self.ttl_max.max(other.ttl_max);
    }
}

/// What was counted of a flow at one place; one without packets is the notice that it is new.
///
/// The notice says in `first` and `last` when the flow began, and of what class and direction
/// it is.
#[repr(C)]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
pub struct FlowPart {
    /// The flow.
    pub key: FlowKey,
    /// What was counted.
    pub value: FlowValue,
}

impl FlowPart {
    /// Whether it is the notice of a new flow.
    pub const fn is_notice(&self) -> bool {
        self.value.packets == 0
    }
}

/// Flows of one hash in the cache of one CPU: its first line says which they are.
#[repr(C)]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
pub struct FlowSet {
    /// Their hashes; 0 where there is none.
    pub tags: [u64; Self::WAYS],
    /// What was decided about each; 0 where it has to be decided again. See [`Decision`].
    pub decisions: [u64; Self::WAYS],
    /// The flows. One whose packets are 0 was drained, and has its place until another needs it.
    pub parts: [FlowPart; Self::WAYS],
}

impl FlowSet {
    /// Flows of a set.
    pub const WAYS: usize = 4;
    /// Most bits of the number of sets of a CPU.
    pub const MAX_BITS: u32 = 22;
}

/// What was decided about a recorded flow and does not change within its generation: that the
/// one approval which names its match sets covers its class, direction and interface, and lets a
/// record say all that its packets say. Times and lease are asked of every packet.
///
/// A word: bit 63 is set, the slot stands in the lowest 8 bits, the approval groups of source
/// and destination in bits 16 to 31 and 32 to 47.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision(pub u64);

impl Decision {
    const MADE: u64 = 1 << 63;

    /// That it is recorded under this slot alone.
    #[inline(always)]
    pub const fn of(slot: u32, source_group: u32, destination_group: u32) -> Self {
        let groups =
            ((source_group & 0xffff) as u64) << 16 | ((destination_group & 0xffff) as u64) << 32;
        Self(Self::MADE | groups | (slot & 0xff) as u64)
    }

    /// The slot; `None` where it has to be decided again for these approval groups.
    #[inline(always)]
    pub const fn slot(self, source_group: u32, destination_group: u32) -> Option<u32> {
        let slot = self.0 & 0xff;
        if self.0 == Self::of(slot as u32, source_group, destination_group).0 {
            Some(slot as u32)
        } else {
            None
        }
    }
}

const _: () = {
    assert!(size_of::<FlowKey>() == 104);
    assert!(size_of::<FlowValue>() == 40);
    assert!(size_of::<FlowPart>() == 144);
    assert!(core::mem::offset_of!(FlowPart, value) == 104);
    assert!(size_of::<FlowSet>() == 640);
    assert!(core::mem::offset_of!(FlowSet, parts) == 64);
    assert!(core::mem::offset_of!(FlowKey, generation) == 56);
    assert!(core::mem::offset_of!(FlowKey, approvals) == 72);
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn golden_bytes_of_a_key() {
        let mut key = FlowKey {
            ip_version: 4,
            protocol: 6,
            vlan_tags: 1,
            ..FlowKey::default()
        };
        key.source[..4].copy_from_slice(&[192, 0, 2, 1]);
        key.destination[..4].copy_from_slice(&[198, 51, 100, 7]);
        key.source_port = 443u16.to_be_bytes();
        key.vlan.ids[0] = 100u16.to_be_bytes();
        key.generation = 1;
        key.approvals.words[0] = 1;
        let bytes = key.as_bytes();
        assert_eq!(&bytes[..4], [192, 0, 2, 1]);
        assert_eq!(&bytes[16..20], [198, 51, 100, 7]);
        assert_eq!(&bytes[32..34], [1, 187]);
        assert_eq!(&bytes[36..38], [0, 100]);
        assert_eq!(&bytes[44..50], [0, 4, 6, 0, 1, 0]);
        assert_eq!(FlowKey::read_from_bytes(bytes).unwrap(), key);
    }

    #[test]
    fn a_truncated_part_is_refused() {
        let part = FlowPart::default();
        let bytes = part.as_bytes();
        assert!(FlowPart::read_from_bytes(&bytes[..bytes.len() - 1]).is_err());
        assert_eq!(FlowPart::read_from_bytes(bytes).unwrap(), part);
    }

    #[test]
    fn a_decision_holds_for_its_approval_groups_only() {
        for slot in [0, 1, 255] {
            let made = Decision::of(slot, 7, 65_535);
            assert_eq!(made.slot(7, 65_535), Some(slot));
            assert_eq!(made.slot(8, 65_535), None);
            assert_eq!(made.slot(7, 0), None);
        }
        assert_eq!(Decision(0).slot(0, 0), None);
    }

    #[test]
    fn absorbing_sums_counts_and_widens_ranges() {
        let mut sum = FlowValue::default();
        let part = FlowValue {
            packets: 2,
            octets: 80,
            first: 10,
            last: 20,
            tcp_flags: 2,
            ttl_min: 60,
            ttl_max: 61,
            ..FlowValue::default()
        };
        sum.absorb(&part);
        assert_eq!(sum, part);
        sum.absorb(&FlowValue::default());
        assert_eq!(sum, part);
        sum.absorb(&FlowValue {
            first: 5,
            last: 6,
            ttl_min: 59,
            tcp_flags: 16,
            ..part
        });
        assert_eq!(
            (sum.packets, sum.octets, sum.first, sum.last),
            (4, 160, 5, 20)
        );
        assert_eq!((sum.tcp_flags, sum.ttl_min, sum.ttl_max), (18, 59, 61));
    }
}
