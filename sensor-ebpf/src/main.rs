//! Sekisho's XDP program: counts packets of watched flows that an approval covers,
//! and lets every packet pass.

#![no_std]
#![no_main]
#![cfg_attr(feature = "bench", feature(asm_experimental_arch))]
#![expect(
    unsafe_code,
    reason = "packet memory and maps are reached through raw pointers"
)]
#![expect(
    missing_docs,
    unreachable_pub,
    reason = "the xdp macro generates an item without either"
)]

#[cfg(feature = "bench")]
mod bench;
mod config;
mod context;
mod events;
mod flows;
mod matching;
mod places;
mod scratch;
mod slots;
mod stats;
mod totals;
mod tune;
mod tunnels;
mod words;

use aya_ebpf::{bindings::xdp_action::XDP_PASS, macros::xdp, programs::XdpContext};
use sensor_common::{Facts, Judgement, Packet, Stat, Unparsed, Verdict, parse_to_payload};

use crate::{config::Generation, context::Context, scratch::Scratch};

/// The slot of an interface that has none.
const NO_INTERFACE: u64 = u8::MAX as u64;

/// The entry point. Every path ends in `XDP_PASS`.
///
/// It takes frames in several buffers (Linux 5.18): without, no driver attaches it to an
/// interface whose frames may be longer than a page.
#[xdp(frags)]
pub fn sekisho(ctx: XdpContext) -> u32 {
    see(ctx, matching::look_up_apart);
    XDP_PASS
}

/// All that is done about a packet. The bench hands in other ways to look up as well.
#[inline(always)]
fn see(ctx: XdpContext, look_up: impl FnOnce(Generation, &Packet) -> u64) {
    stats::add(Stat::Seen, 1);
    let context = Context::new(ctx);
    let watched = match scratch::of_this_cpu() {
        Some(scratch) => {
            let watched = watch(&context, scratch, look_up);
            scratch.forget();
            watched
        }
        None => Ok(Verdict::NoMatch),
    };
    let verdict = match watched {
        Ok(verdict) => verdict,
        Err(unparsed) => {
            if let Some(reason) = Stat::of_unparsed(unparsed) {
                stats::add(reason, 1);
            }
            unparsed.verdict()
        }
    };
    stats::add(Stat::Verdict(verdict), 1);
    #[cfg(feature = "log")]
    aya_log_ebpf::debug!(&context.xdp, "verdict {}", verdict as u8);
}

/// The way of every packet: parse and match.
#[inline(always)]
fn watch(
    context: &Context,
    scratch: &mut Scratch,
    look_up: impl FnOnce(Generation, &Packet) -> u64,
) -> Result<Verdict, Unparsed> {
    read(context, scratch)?;
    let Some(generation) = config::generation() else {
        return Ok(Verdict::NoMatch);
    };
    // SAFETY: `read` has written the packet.
    let packet = unsafe { scratch.packet.assume_init_ref() };
    let rows = look_up(generation, packet);
    let may_carry = tunnels::may_carry(generation, packet);
    if rows == 0 && !may_carry {
        return Ok(Verdict::NoMatch);
    }
    scratch.judging.generation.write(generation);
    let verdict = if may_carry {
        tunnels::watch(context, scratch, rows)
    } else {
        scratch.judging.rows.write(rows);
        judge(context, scratch)
    };
    if may_carry {
        scratch.forget_inside();
    }
    scratch.judging.forget();
    Ok(verdict)
}

/// Parses the frame into the scratch.
///
/// Not inlined, so that the stack it needs is free again when the packet is judged, and so
/// that what follows is verified for a packet and not for every way through the parser.
#[inline(never)]
fn read(context: &Context, scratch: &mut Scratch) -> Result<(), Unparsed> {
    let frame = context.frame(&raw mut scratch.word);
    let (packet, payload) = parse_to_payload(&frame)?;
    scratch.payload = payload.word();
    scratch.packet.write(packet);
    Ok(())
}

/// The way of a packet that matched: place, judge, count.
///
/// Not inlined, for the same reasons.
#[inline(never)]
pub(crate) fn judge(context: &Context, scratch: &mut Scratch) -> Verdict {
    if let Err(verdict) = begin(context, scratch) {
        return verdict;
    }
    let scratch = scratch::hand_over(scratch);
    let is_carried = scratch.tunnel.of_flow != 0;
    if !is_carried && flows::count_known(scratch.judging.now) != 0 {
        return Verdict::Recorded;
    }
    if let Err(verdict) = gather(scratch) {
        return verdict;
    }
    let judging = &mut scratch.judging;
    // SAFETY: `begin`, `gather` and the one caller have written all of them.
    let (generation, hit, facts) = unsafe {
        (
            judging.generation.assume_init(),
            judging.hit.assume_init_ref(),
            judging.facts.assume_init_ref(),
        )
    };
    let judgement = slots::judge(
        generation,
        hit,
        facts,
        (&mut judging.named, &mut judging.narrowing),
        is_carried.then_some(&scratch.tunnel.approvals),
    );
    if let Verdict::Recorded = judgement.verdict {
        let Judgement {
            approvals,
            fields,
            last,
            ..
        } = &judgement;
        flows::under(&mut judging.key, approvals);
        let _scratch = scratch::hand_over(scratch);
        flows::account(u32::from(fields.0), *last);
    }
    judgement.verdict
}

/// Finds the match sets of a packet, and puts together what its flow is known by.
///
/// Not inlined: what is known of a row or a time ends with it, and what comes after is verified
/// once.
#[inline(never)]
fn begin(context: &Context, scratch: &mut Scratch) -> Result<(), Verdict> {
    let judging = &mut scratch.judging;
    // SAFETY: as in `judge`.
    let (packet, generation, rows) = unsafe {
        (
            scratch.packet.assume_init_ref(),
            judging.generation.assume_init(),
            judging.rows.assume_init(),
        )
    };
    let hit = judging.hit.write(matching::hit(generation, packet, rows));
    if hit.is_nothing() {
        return Err(Verdict::NoMatch);
    }
    judging.now = context.now();
    judging.interface = context.interface().map_or(NO_INTERFACE, u64::from);
    let interface = judging.interface as u8;
    flows::fill_key(&mut judging.key, packet, (generation, hit), interface);
    Ok(())
}

/// Puts together what the verdict depends on besides the slots, or says why there is none.
///
/// Not inlined: what is known of a place ends with it, likewise.
#[inline(never)]
fn gather(scratch: &mut Scratch) -> Result<(), Verdict> {
    let judging = &mut scratch.judging;
    // SAFETY: as in `judge`.
    let (packet, generation) = unsafe {
        (
            scratch.packet.assume_init_ref(),
            judging.generation.assume_init(),
        )
    };
    let passage = places::passage(generation, packet)?;
    let interface = match judging.interface {
        NO_INTERFACE => 0,
        slot => 1 << (slot & 63),
    };
    judging.facts.write(Facts {
        now: judging.now,
        passage,
        interface,
        own_address: config::is_own_address(packet),
        attended: config::is_attended(judging.now),
    });
    Ok(())
}

#[cfg(not(test))]
#[panic_handler]
fn panic(_info: &core::panic::PanicInfo) -> ! {
    loop {}
}

/// `bpf_ktime_get_boot_ns` is open to every licence, but the kernel reads this section.
#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";
