//! Words of an array map, written by one store each.
//!
//! An update by system call copies a value by `memcpy` (`array_map_update_elem`,
//! kernel/bpf/arraymap.c), which may move it in pieces, and a packet that is judged meanwhile
//! would read a deadline that nobody set. A store through shared memory is whole.

use std::{
    io,
    os::fd::{AsFd, AsRawFd as _},
    ptr::NonNull,
    sync::atomic::{AtomicU64, Ordering},
};

use super::{DatapathError, maps::system};

/// The words of an array map.
pub(super) struct Cells {
    words: NonNull<AtomicU64>,
    length: usize,
}

// SAFETY: the memory belongs to this value alone in this process, and is reached by atomic
// operations only.
unsafe impl Send for Cells {}

impl Cells {
    /// Maps an array of so many words. The map's values must be whole words, and the map
    /// made with `BPF_F_MMAPABLE`.
    pub(super) fn map(array: &impl AsFd, length: usize) -> Result<Self, DatapathError> {
        let failed = system("mmap of a table");
        // SAFETY: a new mapping at an address of the kernel's choice touches no memory of ours;
        // array maps round their memory up to pages (array_map_mmap, kernel/bpf/arraymap.c).
        let address = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                length * size_of::<u64>(),
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED,
                array.as_fd().as_raw_fd(),
                0,
            )
        };
        if address == libc::MAP_FAILED {
            return Err(failed(io::Error::last_os_error()));
        }
        match NonNull::new(address.cast()) {
            Some(words) => Ok(Self { words, length }),
            None => Err(failed(io::ErrorKind::AddrNotAvailable.into())),
        }
    }

    /// Reads a word; 0 beyond the end.
    pub(super) fn load(&self, index: usize) -> u64 {
        self.word(index)
            .map_or(0, |word| word.load(Ordering::Acquire))
    }

    /// Writes a word: what was written before it is seen by whoever sees it.
    pub(super) fn store(&self, index: usize, value: u64) {
        if let Some(word) = self.word(index) {
            word.store(value, Ordering::Release);
        }
    }

    fn word(&self, index: usize) -> Option<&AtomicU64> {
        // SAFETY: the word lies in the mapping, which is aligned to pages and lives as long as
        // `self`; the kernel and other processes write whole words.
        (index < self.length).then(|| unsafe { self.words.add(index).as_ref() })
    }
}

impl Drop for Cells {
    fn drop(&mut self) {
        // SAFETY: the mapping was made with this address and length, and no reference outlives it.
        unsafe {
            libc::munmap(self.words.as_ptr().cast(), self.length * size_of::<u64>());
        }
    }
}
