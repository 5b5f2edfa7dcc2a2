//! Other ways to look up both addresses of a packet, for comparing with the sensor's own.
//!
//! Each takes what `matching::look_up` takes and finds the same match sets in the same list,
//! whatever generation is asked for: user space fills these maps once. They give the sets where
//! that one gives rows, which a program that goes on with them reads as rows.

use aya_ebpf::{
    Global,
    btf_maps::{Array, HashMap, LpmTrie, lpm_trie::Key},
    macros::btf_map,
};
use sensor_common::{IpVersion, NO_MATCH_SET, Packet};

use crate::{config::Generation, slots::MMAPABLE};

#[btf_map]
static LPM_V4: LpmTrie<[u8; 4], u32, 1> = LpmTrie::new();
#[btf_map]
static LPM_V6: LpmTrie<[u8; 16], u32, 1> = LpmTrie::new();

#[btf_map]
static HASH_V4_32: HashMap<u32, u32, 1> = HashMap::new();
#[btf_map]
static HASH_V4_24: HashMap<u32, u32, 1> = HashMap::new();
#[btf_map]
static HASH_V6_128: HashMap<[u64; 2], u32, 1> = HashMap::new();
#[btf_map]
static HASH_V6_64: HashMap<u64, u32, 1> = HashMap::new();
#[btf_map]
static HASH_V6_48: HashMap<u64, u32, 1> = HashMap::new();
#[btf_map]
static HASH_V6_32: HashMap<u64, u32, 1> = HashMap::new();

/// What the floor loads at random: words of a filter, and lines of a cache.
#[btf_map]
static FLOOR_WORDS: Array<u64, 1, MMAPABLE> = Array::new();
#[btf_map]
static FLOOR_LINES: Array<[u64; 8], 1, MMAPABLE> = Array::new();

/// One less than the entries of each, a power of two.
#[unsafe(no_mangle)]
static WORDS_MASK: Global<u32> = Global::new(0);
#[unsafe(no_mangle)]
static LINES_MASK: Global<u32> = Global::new(0);

/// By the kernel's own trie.
#[inline(always)]
pub(super) fn lpm(_: Generation, packet: &Packet) -> u64 {
    match packet.version {
        IpVersion::V4 => both(packet, lpm_v4),
        IpVersion::V6 => both(packet, lpm_v6),
    }
}

#[inline(always)]
fn lpm_v4(address: [u8; 16]) -> Option<u32> {
    LPM_V4.get(&Key::new(32, first_four(address))).copied()
}

#[inline(always)]
fn lpm_v6(address: [u8; 16]) -> Option<u32> {
    LPM_V6.get(&Key::new(128, address)).copied()
}

/// By one hash a prefix length, the longest first.
#[inline(always)]
pub(super) fn hashes(_: Generation, packet: &Packet) -> u64 {
    match packet.version {
        IpVersion::V4 => both(packet, hashes_v4),
        IpVersion::V6 => both(packet, hashes_v6),
    }
}

#[inline(always)]
fn hashes_v4(address: [u8; 16]) -> Option<u32> {
    let address = u32::from_be_bytes(first_four(address));
    get(&HASH_V4_32, address).or_else(|| get(&HASH_V4_24, address & 0xffff_ff00))
}

#[inline(always)]
fn hashes_v6(address: [u8; 16]) -> Option<u32> {
    let [high, low] = halves(address);
    get(&HASH_V6_128, [high, low])
        .or_else(|| get(&HASH_V6_64, high))
        .or_else(|| get(&HASH_V6_48, high & 0xffff_ffff_ffff_0000))
        .or_else(|| get(&HASH_V6_32, high & 0xffff_ffff_0000_0000))
}

/// What no look-up can do without: a load for each address, none waiting for another, from
/// as much memory as a filter of the list takes, and a line for a packet that is watched.
#[inline(always)]
pub(super) fn floor(packet: &Packet, is_watched: bool) -> u64 {
    let (source, destination) = (
        mixed(packet, packet.source),
        mixed(packet, packet.destination),
    );
    let words = WORDS_MASK.load();
    let sum = word((source >> 32) as u32 & words) ^ word((destination >> 32) as u32 & words);
    if is_watched {
        let line = (source ^ destination) as u32 & LINES_MASK.load();
        return sum ^ FLOOR_LINES.get(line).map_or(0, |line| line[0]);
    }
    sum
}

#[inline(always)]
fn word(index: u32) -> u64 {
    FLOOR_WORDS.get(index).copied().unwrap_or(0)
}

/// One multiplication, so that addresses spread over the words whatever they are.
#[inline(always)]
fn mixed(packet: &Packet, address: [u8; 16]) -> u64 {
    const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
    match packet.version {
        IpVersion::V4 => u64::from(u32::from_ne_bytes(first_four(address))).wrapping_mul(ODD),
        IpVersion::V6 => {
            let [high, low] = halves(address);
            (high ^ low.rotate_left(32)).wrapping_mul(ODD)
        }
    }
}

#[inline(always)]
fn both(packet: &Packet, find: impl Fn([u8; 16]) -> Option<u32>) -> u64 {
    let source = find(packet.source).unwrap_or(NO_MATCH_SET);
    let destination = find(packet.destination).unwrap_or(NO_MATCH_SET);
    u64::from(source) | u64::from(destination) << 32
}

#[inline(always)]
fn get<K>(map: &HashMap<K, u32, 1>, key: K) -> Option<u32> {
    // SAFETY: user space fills the map before any program runs and changes nothing after.
    unsafe { map.get(&key) }.copied()
}

#[inline(always)]
fn first_four([a, b, c, d, ..]: [u8; 16]) -> [u8; 4] {
    [a, b, c, d]
}

#[inline(always)]
fn halves([a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p]: [u8; 16]) -> [u64; 2] {
    [
        u64::from_be_bytes([a, b, c, d, e, f, g, h]),
        u64::from_be_bytes([i, j, k, l, m, n, o, p]),
    ]
}
