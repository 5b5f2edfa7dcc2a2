//! What Sekisho's kernel and user side share: wire types, the packet parser
//! and the verdict.
//!
//! Everything here is pure and `no_std`: it needs neither a kernel nor a clock,
//! so the same code runs in the XDP program, in replay for frames the kernel
//! refuses, in the fake datapath and under a fuzzer.

#![no_std]
#![forbid(unsafe_code)]

#[cfg(test)]
extern crate std;

pub mod engine;
mod fields;
mod flow;
mod parse;
mod place;
mod replay;
mod slot;
mod stats;
mod table;
mod tunnel;
mod verdict;

pub use engine::{Engine, Engine4, Engine6};
pub use fields::Fields;
pub use flow::{Decision, FlowKey, FlowPart, FlowSet, FlowValue, Vlan};
pub use parse::{
    Bytes, Fragment, IpVersion, MAX_EXTENSIONS, MAX_LABELS, MAX_LINK_HEADERS, MAX_VLAN_TAGS,
    Malformed, Opened, Packet, Payload, Protocol, Reader, Unparsed, Unsupported, open, parse,
    parse_to_payload,
};
pub use place::{Place, PlaceBucket, PlaceRow4, PlaceRow6};
pub use replay::ReplayContext;
pub use slot::{SLOTS, Slot, SlotCounts, SlotMask};
pub use stats::{Counters, Stat};
pub use table::{LEASE_LIMIT, NO_MATCH_SET, OwnAddress, SetRow, Totals, port_key};
pub use tunnel::{MAX_TUNNELS, TunnelKind, TunnelRule, carried_by};
pub use verdict::{
    Class, Direction, Facts, Judgement, Narrowing, Passage, SlotTable, Verdict, judge,
};

/// Version of every type that crosses from kernel to user space.
///
/// The object carries it in its read-only data; the loader refuses an object
/// with another one, and a test compares the two. Bump it with any change to a
/// size, an offset or a meaning in [`FlowKey`], [`FlowValue`], [`FlowPart`],
/// [`FlowSet`], [`Decision`], [`Slot`], [`SlotCounts`], [`SetRow`], [`port_key`], [`Engine`], [`engine::Line`], [`Totals`],
/// [`PlaceBucket`], [`PlaceRow4`], [`PlaceRow6`], [`TunnelRule`], [`Stat`] or [`ReplayContext`].
pub const WIRE_VERSION: u32 = 9;

#[cfg(test)]
mod wire_tests;

/// Interfaces one sensor may watch: each has a bit in a slot's mask.
pub const MAX_INTERFACES: u32 = 64;
