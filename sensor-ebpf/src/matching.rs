//! Finds the match sets of a packet's two addresses.
//!
//! The tables are LPM tries, two of each: one for the generation in force and one
//! that user space fills for the next. User space writes them before it names
//! their generation, the program only reads.

use aya_ebpf::{
    btf_maps::{ArrayOfMaps, LpmTrie, lpm_trie::Key},
    macros::btf_map,
};
use sensor_common::{IpVersion, NO_MATCH_SET, Packet};

use crate::config::Generation;

/// Entries the template of a trie allows; an inner map brings its own number.
const TEMPLATE: usize = 1;

/// IPv4 prefixes to match sets, by generation.
#[btf_map]
static WATCHED_V4: ArrayOfMaps<LpmTrie<[u8; 4], u32, TEMPLATE>, 2> = ArrayOfMaps::new();

/// IPv6 prefixes to match sets, by generation.
#[btf_map]
static WATCHED_V6: ArrayOfMaps<LpmTrie<[u8; 16], u32, TEMPLATE>, 2> = ArrayOfMaps::new();

/// The match sets of a packet; at least one is not [`NO_MATCH_SET`].
#[derive(Clone, Copy)]
pub(crate) struct Hit {
    /// Match set of the source address.
    pub(crate) source: u32,
    /// Match set of the destination address.
    pub(crate) destination: u32,
}

/// Looks up both addresses.
#[inline(always)]
pub(crate) fn look_up(generation: Generation, packet: &Packet) -> Option<Hit> {
    let hit = match packet.version {
        IpVersion::V4 => {
            let trie = WATCHED_V4.get(generation.index)?;
            Hit {
                source: set(trie.get(&Key::new(32, first_four(packet.source)))),
                destination: set(trie.get(&Key::new(32, first_four(packet.destination)))),
            }
        }
        IpVersion::V6 => {
            let trie = WATCHED_V6.get(generation.index)?;
            Hit {
                source: set(trie.get(&Key::new(128, packet.source))),
                destination: set(trie.get(&Key::new(128, packet.destination))),
            }
        }
    };
    (hit.source != NO_MATCH_SET || hit.destination != NO_MATCH_SET).then_some(hit)
}

#[inline(always)]
fn set(found: Option<&u32>) -> u32 {
    found.copied().unwrap_or(NO_MATCH_SET)
}

#[inline(always)]
fn first_four([a, b, c, d, ..]: [u8; 16]) -> [u8; 4] {
    [a, b, c, d]
}
