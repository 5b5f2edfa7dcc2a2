//! Packets in tunnels that an approval names: opened, one level, and judged twice.
//!
//! The packet inside is judged first, under the approvals that name its tunnel and no others;
//! where it is not recorded, the packet outside is judged as if it carried nothing. Where either
//! pair of ends is excluded or domestic, neither is recorded. Most packets do not come here: by
//! their outer header they carry nothing, or no rule is in force.

use core::{ffi::c_void, hint::black_box, mem::MaybeUninit};

use aya_ebpf::{
    btf_maps::{Array, ArrayOfMaps},
    helpers::generated::bpf_loop,
    macros::btf_map,
};
use sensor_common::{
    MAX_TUNNELS, Opened, Packet, Payload, SlotMask, Stat, TunnelRule, Unparsed, Verdict,
    carried_by, open,
};

use crate::{
    config::Generation,
    context::Context,
    judge, matching, places,
    scratch::Scratch,
    slots::ANY_SIZE,
    stats,
    words::{self, Cells},
};

/// The rules, by generation.
#[btf_map]
static TUNNELS: ArrayOfMaps<Array<Cells<TunnelRule>, 1, ANY_SIZE>, 2> = ArrayOfMaps::new();

/// What is known of the tunnel that a packet may be in.
pub(crate) struct Tunnel {
    /// Kinds that a rule names for its outer header, a bit each; then the one that it is.
    kinds: u64,
    /// Octets that its rules say to pass over.
    skipped: u64,
    /// The approvals that name it.
    pub(crate) approvals: SlotMask,
    /// Identifier and kind, as they stand in a flow; 0 where the outer packet is judged.
    pub(crate) of_flow: u64,
    /// Whether there is a packet inside.
    is_open: u64,
    /// Rows of the outer packet, and of the one inside.
    rows: [u64; 2],
    /// How far the packet came at the level that was judged last.
    verdict: MaybeUninit<Verdict>,
}

impl Tunnel {
    /// Forgets all of it.
    #[inline(always)]
    pub(crate) fn forget(&mut self) {
        // SAFETY: every field takes zeroes.
        unsafe { words::wipe(self) };
    }
}

/// Whether a packet has to be looked at by [`watch`].
#[inline(always)]
pub(crate) fn may_carry(generation: Generation, packet: &Packet) -> bool {
    carried_by(packet) != 0 && matching::tunnels(generation) != 0
}

/// What is done about a packet that may carry another one. `rows` are those of its own ends.
#[inline(never)]
pub(crate) fn watch(context: &Context, scratch: &mut Scratch, rows: u64) -> Verdict {
    scratch.tunnel.rows = [rows, 0];
    scratch.tunnel.verdict.write(Verdict::NoMatch);
    // SAFETY: the one caller has written both.
    let (generation, kinds) = unsafe {
        (
            scratch.judging.generation.assume_init(),
            carried_by(scratch.packet.assume_init_ref()),
        )
    };
    if find(generation, scratch, kinds) {
        match look_inside(context, scratch) {
            Ok(()) => {
                stats::add(Stat::Opened, 1);
                let kind = scratch.tunnel.kinds as u16;
                find(generation, scratch, kind);
                // SAFETY: `look_inside` has written it.
                let inside = unsafe { scratch.inside.assume_init_ref() };
                scratch.tunnel.rows[1] = matching::look_up_apart(generation, inside);
                scratch.tunnel.is_open = 1;
            }
            Err(Unparsed::Malformed(_)) => stats::add(Stat::InnerMalformed, 1),
            Err(_) => stats::add(Stat::InnerUnread, 1),
        }
    }
    let mut levels = Levels { context, scratch };
    // SAFETY: the kernel calls `level` with the levels, and only until it returns.
    unsafe {
        bpf_loop(2, level as *mut c_void, (&raw mut levels).cast(), 0);
    }
    // SAFETY: it was written above.
    unsafe { levels.scratch.tunnel.verdict.assume_init() }
}

/// Finds the rules about the outer packet: whether there are any, of which kinds, and under which
/// approvals.
#[inline(always)]
fn find(generation: Generation, scratch: &mut Scratch, kinds: u16) -> bool {
    words::clear(&mut scratch.tunnel.approvals);
    scratch.tunnel.kinds = 0;
    let mut search = Search {
        place: generation.index,
        kinds,
        scratch,
    };
    // SAFETY: the kernel calls `rule` with the search, and only until it returns.
    unsafe {
        bpf_loop(
            matching::tunnels(generation).min(MAX_TUNNELS),
            rule as *mut c_void,
            (&raw mut search).cast(),
            0,
        );
    }
    search.scratch.tunnel.kinds != 0
}

struct Search<'a> {
    place: u32,
    kinds: u16,
    scratch: &'a mut Scratch,
}

/// One rule.
extern "C" fn rule(number: u64, search: *mut c_void) -> i64 {
    // SAFETY: `find` passes a pointer to its own search and reads it again only afterwards; the
    // packet was written before.
    let search = unsafe { &mut *search.cast::<Search<'_>>() };
    let packet = unsafe { search.scratch.packet.assume_init_ref() };
    let Some(rule) = TUNNELS.get_value(search.place, &(number as u32)) else {
        return 1;
    };
    let rule: &TunnelRule = words::view(rule);
    if rule.is_about(packet, search.kinds) {
        let tunnel = &mut search.scratch.tunnel;
        tunnel.kinds |= 1 << (rule.kind & 15);
        tunnel.skipped = u64::from(rule.skipped);
        let union = tunnel.approvals.union(&rule.approvals);
        // SAFETY: `approvals` is a mutable reference.
        unsafe { words::copy(&union, &raw mut tunnel.approvals) };
    }
    0
}

/// Reads the packet inside. Not inlined, as the parser of the outer one.
#[inline(never)]
fn look_inside(context: &Context, scratch: &mut Scratch) -> Result<(), Unparsed> {
    // Otherwise the compiler hands over what it reads of the context, in halves of words, which no
    // pointer to packets may be made of.
    let frame = black_box(context).frame(&raw mut scratch.word);
    let payload = Payload::of_word(scratch.payload);
    let (kinds, skipped) = (scratch.tunnel.kinds as u16, scratch.tunnel.skipped);
    let Opened { kind, id, packet } = open(&frame, payload, kinds, (skipped & 0xff) as usize)?;
    scratch.tunnel.kinds = u64::from(kind.bit());
    scratch.tunnel.of_flow = u64::from(id) << 8 | kind as u64;
    scratch.inside.write(packet);
    Ok(())
}

struct Levels<'a> {
    context: &'a Context,
    scratch: &'a mut Scratch,
}

/// Judges the packet inside, then the one outside; 1 ends the loop.
extern "C" fn level(number: u64, levels: *mut c_void) -> i64 {
    // SAFETY: `watch` passes a pointer to its own levels and reads them again only afterwards.
    let Levels { context, scratch } = unsafe { &mut *levels.cast::<Levels<'_>>() };
    let is_inside = number == 0;
    let rows = if is_inside {
        scratch.tunnel.rows[1]
    } else {
        scratch.tunnel.of_flow = 0;
        scratch.tunnel.rows[0]
    };
    if rows == 0 {
        return 0;
    }
    if is_inside {
        scratch.exchange();
    }
    let verdict = match barred(scratch) {
        Some(verdict) => verdict,
        None => {
            scratch.judging.rows.write(rows);
            judge(context, scratch)
        }
    };
    if is_inside {
        scratch.exchange();
    }
    if is_inside || !matches!(verdict, Verdict::NoMatch) {
        scratch.tunnel.verdict.write(verdict);
    }
    i64::from(matches!(
        verdict,
        Verdict::Recorded | Verdict::Excluded | Verdict::Domestic
    ))
}

/// Why a packet may not be recorded because of the other one: what it is in, or what it carries.
#[inline(always)]
fn barred(scratch: &Scratch) -> Option<Verdict> {
    if scratch.tunnel.is_open == 0 {
        return None;
    }
    // SAFETY: both were written before.
    let (generation, other) = unsafe {
        (
            scratch.judging.generation.assume_init(),
            scratch.inside.assume_init_ref(),
        )
    };
    places::bar(generation, other)
}
