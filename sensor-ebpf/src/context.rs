//! The only module that knows the time, the interface slot and the length on the wire.
//!
//! Live, they are the boot clock, the interface the packet came in through and
//! the length of its buffers. In replay, chosen at load time, they come in 16 bytes
//! of XDP metadata before the frame. The choice is a constant to the verifier,
//! which removes the other side: a live program has no instruction that reads
//! metadata.

use aya_ebpf::{
    Global,
    bindings::xdp_md,
    btf_maps::HashMap,
    helpers::generated::{bpf_ktime_get_boot_ns, bpf_xdp_get_buff_len},
    macros::btf_map,
    programs::XdpContext,
};
use sensor_common::{MAX_INTERFACES, Reader, ReplayContext};

use crate::scratch;

/// 1 in a program loaded for replay.
#[unsafe(no_mangle)]
static REPLAY: Global<u8> = Global::new(0);

/// Interface index to interface slot. Written by user space before it attaches.
#[btf_map]
static INTERFACES: HashMap<u32, u32, { MAX_INTERFACES as usize }> = HashMap::new();

/// Where a packet comes from and when.
///
/// Live, `replayed` is zeroes: the verifier refuses to store what was never written, as
/// the inside of a `None` is.
pub(crate) struct Context {
    pub(crate) xdp: XdpContext,
    replayed: ReplayContext,
}

impl Context {
    /// Takes the packet's context; reads metadata in replay only.
    #[inline(always)]
    pub(crate) fn new(xdp: XdpContext) -> Self {
        let replayed = if is_replay() {
            replay_context(&xdp)
        } else {
            ReplayContext::default()
        };
        Self { xdp, replayed }
    }

    /// The frame. `word` is memory of this CPU for a word at a time.
    #[inline(always)]
    pub(crate) fn frame(&self, word: *mut u64) -> Frame {
        Frame {
            start: self.xdp.data(),
            end: self.xdp.data_end(),
            xdp: self.xdp.ctx,
            replayed_length: self.replayed.wire_length as usize,
            word,
        }
    }

    /// Time of the packet: nanoseconds since boot, in replay since 1970.
    #[inline(always)]
    pub(crate) fn now(&self) -> u64 {
        if is_replay() {
            return self.replayed.time;
        }
        // SAFETY: the helper has no arguments and no preconditions.
        unsafe { bpf_ktime_get_boot_ns() }
    }

    /// The interface slot, or `None` for an interface without one.
    #[inline(always)]
    pub(crate) fn interface(&self) -> Option<u8> {
        let slot = if is_replay() {
            self.replayed.interface
        } else {
            let index = self.xdp.ingress_ifindex() as u32;
            // SAFETY: user space writes an entry before it attaches and never changes it.
            *unsafe { INTERFACES.get(&index) }?
        };
        (slot < MAX_INTERFACES).then_some(slot as u8)
    }

    /// Whether the agent's lease may lie any time ahead: in replay nobody can die meanwhile.
    #[inline(always)]
    pub(crate) fn has_longer_leases() -> bool {
        is_replay()
    }
}

#[inline(always)]
fn is_replay() -> bool {
    REPLAY.load() == 1
}

/// The metadata, or zeroes where there is none: a frame of wire length 0 is malformed.
#[inline(always)]
fn replay_context(xdp: &XdpContext) -> ReplayContext {
    let (meta, end) = (xdp.metadata(), xdp.metadata_end());
    if meta + size_of::<ReplayContext>() > end {
        return ReplayContext::default();
    }
    // SAFETY: the 16 bytes were checked to lie before the frame; the type has no invalid values.
    unsafe { (meta as *const ReplayContext).read_unaligned() }
}

/// The frame in packet memory: the first of its buffers, which has its headers.
pub(crate) struct Frame {
    start: usize,
    end: usize,
    xdp: *mut xdp_md,
    replayed_length: usize,
    word: *mut u64,
}

impl Reader for Frame {
    /// The one bounds check of the program. It copies out; no reference into the packet is kept.
    #[inline(always)]
    fn read<const N: usize>(&self, offset: usize) -> Option<[u8; N]> {
        let from = self.start + offset;
        if from + N > self.end {
            return None;
        }
        // SAFETY: the `N` bytes were checked to lie inside the frame.
        Some(unsafe { (from as *const [u8; N]).read_unaligned() })
    }

    #[inline(always)]
    fn wire_length(&self) -> usize {
        if is_replay() {
            return self.replayed_length;
        }
        // SAFETY: the pointer is the program's context.
        unsafe { bpf_xdp_get_buff_len(self.xdp) as usize }
    }

    /// Most frames are in one buffer, whose length costs no call.
    #[inline(always)]
    fn reaches(&self, length: usize) -> bool {
        (!is_replay() && length <= self.end - self.start) || length <= self.wire_length()
    }

    #[inline(always)]
    fn settle(&self, word: u64) -> u64 {
        scratch::settle(self.word, word)
    }
}
