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
mod words;

use aya_ebpf::{bindings::xdp_action::XDP_PASS, macros::xdp, programs::XdpContext};
use sensor_common::{Facts, Packet, Stat, Unparsed, Verdict, parse};

use crate::{config::Generation, context::Context, scratch::Scratch};

/// The entry point. Every path ends in `XDP_PASS`.
#[xdp]
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
    if rows == 0 {
        return Ok(Verdict::NoMatch);
    }
    scratch.judging.generation.write(generation);
    scratch.judging.rows.write(rows);
    let verdict = judge(context, scratch);
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
    scratch.packet.write(parse(&frame)?);
    Ok(())
}

/// The way of a packet that matched: place, judge, count.
///
/// Not inlined, for the same reasons.
#[inline(never)]
fn judge(context: &Context, scratch: &mut Scratch) -> Verdict {
    let judging = &mut scratch.judging;
    // SAFETY: the one caller has written all three.
    let (packet, generation, rows) = unsafe {
        (
            scratch.packet.assume_init_ref(),
            judging.generation.assume_init(),
            judging.rows.assume_init(),
        )
    };
    let hit = matching::hit(generation, packet, rows);
    if hit.is_nothing() {
        return Verdict::NoMatch;
    }
    let passage = match places::passage(generation, packet) {
        Ok(passage) => passage,
        Err(verdict) => return verdict,
    };
    let now = context.now();
    let interface = context.interface();
    let facts = judging.facts.write(Facts {
        now,
        passage,
        interface: interface.map_or(0, |slot| 1 << (slot & 63)),
        own_address: config::is_own_address(packet),
        attended: config::is_attended(now),
    });
    let judgement = slots::judge(
        generation,
        &hit,
        facts,
        (&mut judging.named, &mut judging.narrowing),
    );
    if let Verdict::Recorded = judgement.verdict {
        totals::count(generation, &hit, packet.octets);
        let by = (generation, &hit);
        flows::fill_key(&mut judging.key, packet, by, interface, &judgement);
        let fields = judgement.fields;
        flows::fill_value(&mut judging.value, packet, (passage, fields), now);
        flows::account(&judging.key, &judging.value);
    }
    judgement.verdict
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
