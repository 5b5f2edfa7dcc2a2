//! Sekisho's XDP program: counts packets of watched flows that an approval covers,
//! and lets every packet pass.

#![no_std]
#![no_main]
#![expect(
    unsafe_code,
    reason = "packet memory and maps are reached through raw pointers"
)]
#![expect(
    missing_docs,
    unreachable_pub,
    reason = "the xdp macro generates an item without either"
)]

mod config;
mod context;
mod events;
mod flows;
mod matching;
mod places;
mod slots;
mod stats;
mod totals;

use aya_ebpf::{bindings::xdp_action::XDP_PASS, macros::xdp, programs::XdpContext};
use sensor_common::{Facts, Stat, Unparsed, Verdict, parse};

use crate::{context::Context, stats::Stats};

/// The entry point. Every path ends in `XDP_PASS`.
#[xdp]
pub fn sekisho(ctx: XdpContext) -> u32 {
    if let Some(stats) = Stats::of_this_cpu() {
        stats.add(Stat::Seen, 1);
        let verdict = match watch(&Context::new(ctx), &stats) {
            Ok(verdict) => verdict,
            Err(unparsed) => {
                if let Some(reason) = Stat::of_unparsed(unparsed) {
                    stats.add(reason, 1);
                }
                unparsed.verdict()
            }
        };
        stats.add(Stat::Verdict(verdict), 1);
    }
    XDP_PASS
}

/// The way of a packet: parse, match, place, judge, count.
#[inline(always)]
fn watch(context: &Context, stats: &Stats) -> Result<Verdict, Unparsed> {
    let packet = parse(&context.frame())?;
    let Some(generation) = config::generation() else {
        return Ok(Verdict::NoMatch);
    };
    let Some(hit) = matching::look_up(generation, &packet) else {
        return Ok(Verdict::NoMatch);
    };
    let place = match places::place(&packet) {
        Ok(place) => place,
        Err(verdict) => return Ok(verdict),
    };
    let now = context.now();
    let interface = context.interface();
    let facts = Facts {
        now,
        class: place.class,
        direction: place.direction,
        interface,
        own_address: config::is_own_address(&packet),
        attended: config::is_attended(context, now),
    };
    let judgement = slots::judge(generation, &hit, &facts);
    if let Verdict::Recorded = judgement.verdict {
        totals::count(generation, &hit, packet.octets, stats);
        flows::account(
            &flows::Sighting {
                packet: &packet,
                hit,
                place,
                now,
                generation,
                interface,
            },
            &judgement.approvals,
            stats,
        );
    }
    Ok(judgement.verdict)
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
