//! The memory of a ring buffer, which system calls do not show.

#![expect(unsafe_code, reason = "memory shared with the kernel")]

use std::num::NonZero;

use aya::maps::MapData;
use nix::{
    sys::mman::{MapFlags, ProtFlags, mmap, munmap},
    unistd::{SysconfVar, sysconf},
};

const WORD: usize = size_of::<u64>();

/// All that a ring buffer holds, what was consumed included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ring {
    /// How many bytes the reader has consumed.
    pub consumed: u64,
    /// How many bytes were produced.
    pub produced: u64,
    /// The data pages.
    pub data: Vec<u8>,
}

impl Ring {
    /// Reads the ring buffer with this id and this many bytes of data.
    pub(super) fn read(id: u32, size: usize) -> Self {
        let map = MapData::from_id(id).unwrap_or_else(|error| panic!("map {id}: {error}"));
        let page = sysconf(SysconfVar::PAGE_SIZE).ok().flatten();
        let page = page.and_then(|page| usize::try_from(page).ok());
        let page = page.unwrap_or_else(|| panic!("pages have no size"));
        // The consumer's page, the producer's page and the data (kernel/bpf/ringbuf.c), which
        // is mapped once more after itself.
        let Some(length) = NonZero::new(2 * page + size) else {
            panic!("map {id} is empty");
        };
        // SAFETY: a new mapping at an address of the kernel's choice touches no memory of ours.
        let mapped = unsafe {
            mmap(
                None,
                length,
                ProtFlags::PROT_READ,
                MapFlags::MAP_SHARED,
                map.fd(),
                0,
            )
        };
        let start = mapped.unwrap_or_else(|error| panic!("mmap of map {id}: {error}"));
        let words = start.cast::<u64>();
        // SAFETY: the word lies in the mapping, which begins at a page, is whole words long
        // and takes any bytes. The kernel may write to it: a volatile read takes it as it is.
        let word = |at: usize| unsafe { words.add(at / WORD).read_volatile() };
        let (consumed, produced) = (word(0), word(page));
        let data = (2 * page..length.get()).step_by(WORD);
        let data = data.flat_map(|at| word(at).to_ne_bytes()).collect();
        // SAFETY: the mapping was made with this length, and what was read are copies.
        let unmapped = unsafe { munmap(start, length.get()) };
        unmapped.unwrap_or_else(|error| panic!("munmap of map {id}: {error}"));
        Self {
            consumed,
            produced,
            data,
        }
    }
}
