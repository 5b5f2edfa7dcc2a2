//! Halves the rows that an address may lie in until one is left.

use core::ffi::c_void;

use aya_ebpf::helpers::generated::bpf_loop;

/// Halvings after which one range of any number that fits 32 bits is left.
const HALVINGS: u32 = 32;

/// A search for the range that an address lies in.
pub(super) struct Search {
    /// The address, of IPv6 its upper half.
    pub(super) high: u64,
    /// The lower half.
    pub(super) low: u64,
    /// Where the generation's tables stand.
    pub(super) index: u32,
    /// The first row that comes into question; begins at the address or before.
    pub(super) first: u32,
    /// How many come after it.
    pub(super) more: u32,
}

impl Search {
    /// By `bpf_loop` (Linux 5.17): the verifier checks a halving once, and not every way
    /// through all of them.
    #[inline(always)]
    pub(super) fn run(&mut self, halve: extern "C" fn(u64, *mut c_void) -> i64) {
        // SAFETY: the kernel calls `halve` with this pointer, and only until it returns.
        unsafe {
            bpf_loop(
                HALVINGS,
                halve as *mut c_void,
                core::ptr::from_mut(self).cast(),
                0,
            );
        }
    }

    /// A row that should be there is missing: no row stands for what follows.
    #[inline(always)]
    pub(super) fn fail(&mut self) -> i64 {
        self.first = u32::MAX;
        1
    }

    /// A row in the middle and how many rows it is further; `None` when one row is left.
    #[inline(always)]
    pub(super) fn middle(&self) -> Option<(u32, u32)> {
        let half = self.more - self.more / 2;
        (half != 0).then_some((self.first.wrapping_add(half), half))
    }

    /// Keeps the half from the middle on when that begins at the address or before, the
    /// other one otherwise.
    #[inline(always)]
    pub(super) fn halve(&mut self, half: u32, begins_before: bool) {
        if begins_before {
            self.first = self.first.wrapping_add(half);
            self.more -= half;
        } else {
            self.more = half - 1;
        }
    }
}
