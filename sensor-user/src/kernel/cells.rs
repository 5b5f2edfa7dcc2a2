//! Words of an array map, written by one store each.
//!
//! An update by system call copies a value by `memcpy` (`array_map_update_elem`,
//! kernel/bpf/arraymap.c), which may move it in pieces, and a packet that is judged meanwhile
//! would read a deadline that nobody set. A store through shared memory is whole.

use std::{
    os::fd::AsFd,
    sync::atomic::{AtomicU64, Ordering},
};

use super::{
    DatapathError,
    memory::{Access, Memory},
};

/// The words of an array map.
pub(super) struct Cells(Memory<AtomicU64>);

impl Cells {
    /// Maps an array of so many words. The map's values must be whole words.
    pub(super) fn map(array: &impl AsFd, length: usize) -> Result<Self, DatapathError> {
        Memory::map(array, length, Access::ReadAndWrite).map(Self)
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

    /// Writes the words from a place on that are not as wanted; whether there were any.
    pub(super) fn mend(&self, first: usize, wanted: impl IntoIterator<Item = u64>) -> bool {
        let mut differs = false;
        for (index, wanted) in (first..).zip(wanted) {
            if self.load(index) != wanted {
                differs = true;
                self.store(index, wanted);
            }
        }
        differs
    }

    fn word(&self, index: usize) -> Option<&AtomicU64> {
        // SAFETY: the mapping is aligned to pages and lives as long as `self`; the kernel and
        // other processes write whole words, and here they are reached by atomic operations.
        self.0.place(index).map(|word| unsafe { word.as_ref() })
    }
}

/// Bytes as words of memory; what is left of the last is passed over.
pub(super) fn words_of(bytes: &[u8]) -> impl Iterator<Item = u64> {
    let (words, _) = bytes.as_chunks();
    words.iter().map(|word| u64::from_ne_bytes(*word))
}
