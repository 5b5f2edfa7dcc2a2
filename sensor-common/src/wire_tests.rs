//! A change of what crosses between kernel and user space needs another version.

use std::{fmt::Write as _, format, string::String};

use super::*;

/// Each version with a digest of its layout. A line is added, never changed: an object and
/// a program of one version must understand each other.
const HISTORY: [(u32, u64); 9] = [
    (1, 0x20f0_6537_e6b0_71a0),
    (2, 0x3cd6_f003_d76c_ec87),
    (3, 0x9765_886b_2c7f_cebd),
    (4, 0xf26a_b433_9608_e827),
    (5, 0x3e70_25cb_2109_beeb),
    (6, 0x181f_6a3d_d547_b998),
    (7, 0x2af0_7f90_7a39_224c),
    (8, 0xdc4d_163d_30ce_5724),
    (9, 0x00fc_70e6_5f22_f25b),
];

/// Names, sizes and offsets of all that crosses.
fn layout() -> String {
    macro_rules! layout {
        ($($type:ident { $($field:ident),* })*) => {
            concat_all(&[$(
                format!("{} {}\n", stringify!($type), size_of::<$type>()),
                $(format!(
                    "  {} {}\n",
                    stringify!($field),
                    core::mem::offset_of!($type, $field)
                ),)*
            )*])
        };
    }
    let mut layout = layout! {
        FlowKey {
            source, destination, source_port, destination_port, vlan, tunnel_id, tunnel_kind,
            ip_version, protocol, fragment, vlan_tags, interface, has_ports, reserved, generation, source_set,
            destination_set, approvals
        }
        FlowValue {
            packets, octets, first, last, tcp_flags, ttl_min, ttl_max, class, direction, reserved
        }
        FlowPart { key, value }
        FlowSet { tags, decisions, parts }
        Slot {
            begin, end, interfaces, own_addresses_only, epoch, fields, operator, classes,
            directions, reserved
        }
        SlotCounts { packets }
        PlaceBucket { first, more }
        PlaceRow4 { start, place }
        PlaceRow6 { start_high, start_low, place }
        SlotMask { words }
        SetRow { set, group, flags }
        Engine { v4, v6, stride, tunnels }
        TunnelRule { ends, masks, approvals, kind, ip_version, port, skipped, reserved }
        Engine4 {
            block, host, permutation, line_shift, lengths, filter_bits, has_short, reserved
        }
        Engine6 {
            block, host, wide, prefix, lengths, line_shift, filter_bits, wide_bits, has_short,
            has_128, first
        }
        Totals { source_packets, source_octets, destination_packets, destination_octets }
        OwnAddress { address, ip_version }
        ReplayContext { time, wire_length, interface }
    };
    let verdicts = Verdict::ALL.map(|v| (v.name(), Stat::Verdict(v)));
    let malformed = Malformed::ALL.map(|r| (r.name(), Stat::Malformed(r)));
    let unsupported = Unsupported::ALL.map(|r| (r.name(), Stat::Unsupported(r)));
    let others = [
        ("seen", Stat::Seen),
        ("unattributed_packets", Stat::UnattributedPackets),
        ("unattributed_octets", Stat::UnattributedOctets),
        ("events_lost", Stat::EventsLost),
        ("both_packets", Stat::BothPackets),
        ("both_octets", Stat::BothOctets),
        ("totals_lost", Stat::TotalsLost),
        ("slot_counts_lost", Stat::SlotCountsLost),
        ("opened", Stat::Opened),
        ("inner_malformed", Stat::InnerMalformed),
        ("inner_unread", Stat::InnerUnread),
        ("flows_evicted", Stat::FlowsEvicted),
    ];
    let reasons = malformed.into_iter().chain(unsupported);
    for (name, stat) in (verdicts.into_iter()).chain(reasons).chain(others) {
        let _ = writeln!(layout, "{name} {}", stat.cell());
    }
    for (name, field) in Fields::NAMED {
        let _ = writeln!(layout, "field {name} {}", field.0);
    }
    let places = [
        Place::Unknown,
        Place::Foreign,
        Place::Domestic,
        Place::Operator(1),
        Place::Excluded,
    ];
    for place in places {
        let _ = writeln!(layout, "place {} {}", place.name(), place.number());
    }
    let _ = writeln!(
        layout,
        "ports {} {:x}",
        SetRow::PORTS,
        port_key(1, 2, [3, 4])
    );
    let _ = writeln!(layout, "decision {:x}", Decision::of(1, 2, 3).0);
    engine(&mut layout);
    layout
}

/// What the hashes and the search in a line give for some values.
fn engine(layout: &mut String) {
    let v4 = Engine4 {
        block: 0x9e37_79b9_7f4a_7c15,
        host: 0xbf58_476d_1ce4_e5b9,
        permutation: [0x1234_5678, 0x7feb_352d, 0x846c_a68b],
        line_shift: 15,
        ..Engine4::default()
    };
    let v6 = Engine6 {
        block: v4.block,
        host: v4.host,
        wide: 0x94d0_49bb_1331_11eb,
        prefix: [
            v4.block,
            v4.host,
            0x94d0_49bb_1331_11eb,
            0xd6e8_feb8_6659_fd93,
        ],
        line_shift: 50,
        ..Engine6::default()
    };
    for address in [0, 0xc633_6407, u32::MAX] {
        let (hash, mask) = (v4.block_hash(address), v4.block_mask(address));
        let _ = writeln!(layout, "{hash:x} {mask:x} {:x}", v4.host_mask(address));
        let _ = writeln!(
            layout,
            "{:?} {:?}",
            v4.host(address),
            v4.prefix(address, 24)
        );
        let (high, low) = (u64::from(address) << 32, u64::from(address));
        let _ = writeln!(
            layout,
            "{:x} {:x}",
            v6.block_hash(high),
            v6.block_mask(high)
        );
        let _ = writeln!(layout, "{:x} {:x}", v6.wide_hash(high), v6.wide_mask(high));
        let _ = writeln!(
            layout,
            "{:x} {:?}",
            v6.long_mask(high),
            v6.prefix(high, low, 64)
        );
    }
    let mut line = engine::Line::default();
    for tag in 0..28 {
        let _ = writeln!(layout, "{:?} {:x?}", line.push(tag), line.0);
    }
}

fn concat_all(parts: &[String]) -> String {
    parts.concat()
}

/// FNV-1a, 64 bits.
fn digest(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[test]
fn another_layout_has_another_version() {
    let digest = digest(&layout());
    assert_eq!(
        HISTORY.last(),
        Some(&(WIRE_VERSION, digest)),
        "bump WIRE_VERSION and add it with its digest: {}",
        layout()
    );
    assert!(HISTORY.is_sorted_by(|a, b| a.0 < b.0));
}
