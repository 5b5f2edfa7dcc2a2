//! Filling and copying memory a word at a time.
//!
//! What LLVM makes of an assignment of many bytes is a call to `memset` or `memmove`,
//! loops over a moving pointer that the verifier refuses without `CAP_PERFMON`.
//! Volatile accesses stay what they are: a constant number of words, unrolled.

use sensor_common::{
    Engine, FlowKey, FlowPart, FlowSet, FlowValue, PlaceBucket, PlaceRow4, PlaceRow6, SetRow, Slot,
    SlotCounts, SlotMask, Totals, TunnelRule,
};

const WORD: usize = size_of::<u64>();

/// Writes zero to every word of `to`.
#[inline(always)]
pub(crate) fn clear<T: Words>(to: &mut T) {
    let () = T::CHECK;
    // SAFETY: the type is valid whatever its words hold.
    unsafe { wipe(to) };
}

/// Writes zero to every word of `to`.
///
/// # Safety
///
/// The type takes zeroes.
#[inline(always)]
pub(crate) unsafe fn wipe<T>(to: &mut T) {
    const { assert!(size_of::<T>() % WORD == 0 && align_of::<T>() == WORD) };
    let to: *mut u64 = core::ptr::from_mut(to).cast();
    let mut word = 0;
    while word < size_of::<T>() / WORD {
        // SAFETY: the word lies inside `T`, which the caller lets be zero.
        unsafe { to.add(word).write_volatile(0) };
        word += 1;
    }
}

/// Copies every word of `from` to `to`, which may be uninitialised.
///
/// # Safety
///
/// `to` is aligned and may be written to.
#[inline(always)]
pub(crate) unsafe fn copy<T: Words>(from: &T, to: *mut T) {
    let () = T::CHECK;
    let (from, to): (*const u64, *mut u64) = (core::ptr::from_ref(from).cast(), to.cast());
    let mut word = 0;
    while word < size_of::<T>() / WORD {
        // SAFETY: the word lies inside `T`, which is words; the caller vouches for `to`.
        unsafe { to.add(word).write_volatile(from.add(word).read_volatile()) };
        word += 1;
    }
}

/// A map value of `T` as words.
///
/// Linux 6.1 takes no inner map without BTF for a template whose value is a struct with it
/// (`bpf_map_meta_equal`, kernel/bpf/map_in_map.c, compares where a timer would be), and user
/// space makes inner maps without. An array of integers is no struct.
pub(crate) type Cells<T> = <T as Words>::Cells;

/// The value that stands in the cells of a map.
#[inline(always)]
pub(crate) fn view<T: Words>(cells: &T::Cells) -> &T {
    let () = T::CHECK;
    // SAFETY: the cells are as many bytes as `T`, aligned for it, and `T` takes any words.
    unsafe { &*core::ptr::from_ref(cells).cast() }
}

/// A type that consists of aligned words without padding and is valid whatever they hold.
///
/// # Safety
///
/// The type must be that.
pub(crate) unsafe trait Words: Copy {
    /// As many words as the type has.
    type Cells;

    /// Fails to compile for a type of another shape.
    const CHECK: () = assert!(
        size_of::<Self>() % WORD == 0
            && align_of::<Self>() <= WORD
            && size_of::<Self>() == size_of::<Self::Cells>()
    );
}

macro_rules! words {
    ($($type:ty),*) => {
        $(
            // SAFETY: zerocopy derives its freedom from padding and from invalid values in
            // `sensor-common`, where size and alignment are asserted.
            unsafe impl Words for $type {
                type Cells = [u64; size_of::<$type>() / WORD];
            }
        )*
    };
}

words!(
    Engine,
    FlowKey,
    FlowPart,
    FlowSet,
    FlowValue,
    PlaceBucket,
    PlaceRow4,
    PlaceRow6,
    SetRow,
    Slot,
    SlotCounts,
    SlotMask,
    Totals,
    TunnelRule
);
