//! Whole programs for frames that arrive, and the one that sends these.
//!
//! Those that drop differ in nothing but the look-up. `XDP_PASS` costs as much as all the
//! rest, which would hide what is measured; the sensor's own entry point is beside them.

use aya_ebpf::{
    bindings::xdp_action::{XDP_ABORTED, XDP_DROP, XDP_PASS},
    btf_maps::Array,
    helpers::generated::bpf_redirect,
    macros::{btf_map, xdp},
    programs::XdpContext,
};

use super::{
    rivals,
    trace::{self, Entry, NarrowEntry, WideEntry},
};
use crate::{matching, see};

/// What user space asks for: the entry to send next, one less than how many there are (a
/// power of two), the interface to send through, and the sum of the words of an IPv4 header
/// without addresses and checksum.
#[btf_map]
static SENDING: Array<u64, 4> = Array::new();

const NEXT: u32 = 0;
const MASK: u32 = 1;
const INTERFACE: u32 = 2;
const SUM: u32 = 3;

/// Where addresses stand in a frame without VLAN tags.
const SOURCE_V4: usize = 26;
const SOURCE_V6: usize = 22;
const CHECKSUM_V4: usize = 24;

#[xdp]
pub fn empty_drop(_ctx: XdpContext) -> u32 {
    XDP_DROP
}

#[xdp]
pub fn empty_pass(_ctx: XdpContext) -> u32 {
    XDP_PASS
}

#[xdp]
pub fn ours_drop(ctx: XdpContext) -> u32 {
    see(ctx, matching::look_up_apart);
    XDP_DROP
}

#[xdp]
pub fn lpm_drop(ctx: XdpContext) -> u32 {
    see(ctx, rivals::lpm);
    XDP_DROP
}

#[xdp]
pub fn hash_drop(ctx: XdpContext) -> u32 {
    see(ctx, rivals::hashes);
    XDP_DROP
}

/// Gives a frame the next addresses of the trace and sends it.
#[xdp]
pub fn send_narrow(ctx: XdpContext) -> u32 {
    let Some(entry) = next::<NarrowEntry>() else {
        return XDP_ABORTED;
    };
    send(&ctx, SOURCE_V4, [entry.source, entry.destination])
}

/// Likewise with the checksum, for receivers that look at it.
#[xdp]
pub fn send_checked(ctx: XdpContext) -> u32 {
    let Some(entry) = next::<NarrowEntry>() else {
        return XDP_ABORTED;
    };
    let sum =
        SENDING.get(SUM).copied().unwrap_or(0) + halves(entry.source) + halves(entry.destination);
    let sum = (sum & 0xffff) + (sum >> 16);
    let sum = !((sum & 0xffff) + (sum >> 16)) as u16;
    if !write(&ctx, CHECKSUM_V4, sum) {
        return XDP_ABORTED;
    }
    send(&ctx, SOURCE_V4, [entry.source, entry.destination])
}

/// The sum of both halves, as checksums add words.
#[inline(always)]
fn halves(word: u32) -> u64 {
    u64::from((word & 0xffff) + (word >> 16))
}

/// Likewise, for IPv6, which has none.
#[xdp]
pub fn send_wide(ctx: XdpContext) -> u32 {
    let Some(entry) = next::<WideEntry>() else {
        return XDP_ABORTED;
    };
    let addresses = [trace::bytes(entry.source), trace::bytes(entry.destination)];
    send(&ctx, SOURCE_V6, addresses)
}

#[inline(always)]
fn send<A>(ctx: &XdpContext, offset: usize, addresses: A) -> u32 {
    if !write(ctx, offset, addresses) {
        return XDP_ABORTED;
    }
    let interface = SENDING.get(INTERFACE).copied().unwrap_or(0);
    // SAFETY: the helper has no preconditions.
    unsafe { bpf_redirect(interface as u32, 0) as u32 }
}

#[inline(always)]
fn write<T>(ctx: &XdpContext, offset: usize, value: T) -> bool {
    let at = ctx.data() + offset;
    if at + size_of::<T>() > ctx.data_end() {
        return false;
    }
    // SAFETY: the bytes were checked to lie inside the frame.
    unsafe { (at as *mut T).write_unaligned(value) };
    true
}

#[inline(always)]
fn next<E: Entry>() -> Option<&'static E> {
    let next = SENDING.get_ptr_mut(NEXT)?;
    let mask = SENDING.get(MASK)?;
    // SAFETY: frames are sent by one CPU at a time.
    let index = unsafe {
        let index = next.read();
        next.write(index.wrapping_add(1));
        index
    };
    E::at((index & mask) as u32)
}
