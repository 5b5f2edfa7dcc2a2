//! Filling and copying memory a word at a time.
//!
//! What LLVM makes of an assignment of many bytes is a call to `memset` or `memmove`,
//! loops over a moving pointer that the verifier refuses without `CAP_PERFMON`.
//! Volatile accesses stay what they are: a constant number of words, unrolled.

const WORD: usize = size_of::<u64>();

/// Writes zero to every word of `to`.
#[inline(always)]
pub(crate) fn clear<T: Words>(to: &mut T) {
    let () = T::CHECK;
    let to: *mut u64 = core::ptr::from_mut(to).cast();
    let mut word = 0;
    while word < size_of::<T>() / WORD {
        // SAFETY: the word lies inside `T`, which is words and takes any of them.
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

/// A type that consists of aligned words without padding and is valid whatever they hold.
///
/// # Safety
///
/// The type must be that.
pub(crate) unsafe trait Words: Copy {
    /// Fails to compile for a type of another shape.
    const CHECK: () = assert!(size_of::<Self>() % WORD == 0 && align_of::<Self>() == WORD);
}

// SAFETY: zerocopy derives their freedom from padding and from invalid values in
// `sensor-common`, where size and alignment are asserted.
unsafe impl Words for sensor_common::FlowKey {}
// SAFETY: as above.
unsafe impl Words for sensor_common::FlowValue {}
// SAFETY: as above.
unsafe impl Words for sensor_common::SlotMask {}
