//! Looks up addresses that nobody sent, to measure the filter of a generation that is not in
//! force yet.
//!
//! Only `BPF_PROG_TEST_RUN` runs this; nothing attaches it. It reads no packet, counts nothing
//! and writes to no map. The addresses are made here, from their numbers: there is no table of
//! them that could be filled with anything else.

use core::ffi::c_void;

use aya_ebpf::{
    bindings::xdp_action::XDP_PASS,
    btf_maps::Array,
    helpers::generated::bpf_loop,
    macros::{btf_map, xdp},
    programs::XdpContext,
};
use sensor_common::{Fragment, IpVersion, Packet, Protocol, Vlan};

use crate::{config::Generation, matching, slots::MMAPABLE};

/// What to look up: the generation's number, the IP version, the number of the first pair of
/// addresses, how many. User space writes them between two runs, the program only reads.
#[btf_map]
static TUNE: Array<u64, 4, MMAPABLE> = Array::new();

const GENERATION: u32 = 0;
const VERSION: u32 = 1;
const FIRST: u32 = 2;
const COUNT: u32 = 3;

/// Pairs of one run at most: packets of this CPU wait as long.
const MOST: u64 = 1 << 13;

/// What the steps of a walk share.
struct Walk {
    number: u64,
    version: IpVersion,
    first: u64,
}

/// Looks pairs of addresses up in the tables of a generation.
#[xdp(frags)]
pub fn tune(_ctx: XdpContext) -> u32 {
    walk();
    XDP_PASS
}

#[inline(always)]
fn walk() {
    let (Some(number), Some(version), Some(first), Some(count)) = (
        TUNE.get(GENERATION),
        TUNE.get(VERSION),
        TUNE.get(FIRST),
        TUNE.get(COUNT),
    ) else {
        return;
    };
    let mut walk = Walk {
        number: *number,
        version: if *version == IpVersion::V6 as u64 {
            IpVersion::V6
        } else {
            IpVersion::V4
        },
        first: *first,
    };
    let count = if *count > MOST { MOST } else { *count };
    // SAFETY: the kernel calls `step` with the walk, and only until it returns.
    unsafe {
        bpf_loop(count as u32, step as *mut c_void, (&raw mut walk).cast(), 0);
    }
}

/// One pair; 1 would end the walk.
extern "C" fn step(index: u64, walk: *mut c_void) -> i64 {
    // SAFETY: `walk` passes a pointer to its own state.
    let walk = unsafe { &*walk.cast::<Walk>() };
    let generation = Generation {
        number: walk.number,
        index: (walk.number & 1) as u32,
    };
    let rows = matching::look_up_apart(generation, &pair(walk, index));
    // No two rows have this number, which only we know.
    i64::from(rows == u64::MAX)
}

/// A packet between two addresses anywhere, in IPv6 in the part that is in use, `2000::/3`.
#[inline(always)]
fn pair(walk: &Walk, index: u64) -> Packet {
    let number = walk.first.wrapping_add(index).wrapping_mul(2);
    let (source, destination) = (mixed(number), mixed(number.wrapping_add(1)));
    let high = |number: u64| match walk.version {
        IpVersion::V4 => number,
        IpVersion::V6 => number >> 3 | 1 << 61,
    };
    Packet {
        source: address(high(source)),
        destination: address(high(destination)),
        version: walk.version,
        protocol: Protocol::UDP,
        source_port: [0; 2],
        destination_port: [0; 2],
        has_ports: false,
        vlan: Vlan { ids: [[0; 2]; 2] },
        vlan_tags: 0,
        fragment: Fragment::Whole,
        octets: 0,
        tcp_flags: 0,
        ttl: 0,
    }
}

/// An address from its upper half.
#[inline(always)]
fn address(high: u64) -> [u8; 16] {
    let [a, b, c, d, e, f, g, h] = high.to_be_bytes();
    [a, b, c, d, e, f, g, h, 0, 0, 0, 0, 0, 0, 0, 1]
}

/// A number that looks random, from one that does not (`SplitMix64`).
#[inline(always)]
fn mixed(number: u64) -> u64 {
    let mut mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
