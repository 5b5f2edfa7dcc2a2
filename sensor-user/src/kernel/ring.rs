//! The user side of the ring buffer: reads without taking, and takes what is safe elsewhere.
//!
//! The layout is the kernel's (kernel/bpf/ringbuf.c): a page with the consumer's position, one
//! with the producers', then the data twice in a row, so that a record which goes over the end
//! is in one piece. Positions count bytes since the ring was made.

use std::{
    mem::size_of,
    os::fd::AsFd,
    sync::atomic::{AtomicU32, AtomicU64, Ordering},
};

use sensor_common::FlowPart;

use super::{
    DatapathError,
    memory::{Access, Memory},
};

/// `BPF_RINGBUF_BUSY_BIT`: the record is being written.
const BUSY: u32 = 1 << 31;
/// `BPF_RINGBUF_DISCARD_BIT`: the record was given up.
const DISCARDED: u32 = 1 << 30;
/// `BPF_RINGBUF_HDR_SZ`.
const HEADER: u64 = 8;

/// A ring buffer of flow parts, mapped.
pub(super) struct Ring {
    consumer: Memory<AtomicU64>,
    producer: Memory<AtomicU64>,
    data: Memory<u64>,
    size: u64,
    /// How far it was read; the kernel may write as far as the consumer's position.
    read_to: u64,
}

impl Ring {
    /// Maps a ring of so many bytes.
    pub(super) fn map(ring: &impl AsFd, bytes: u32, access: Access) -> Result<Self, DatapathError> {
        let page = page_size();
        let size = u64::from(bytes);
        let data = usize::try_from(size / HEADER * 2).unwrap_or(usize::MAX);
        let consumer = Memory::map_at(ring, 0, 1, access)?;
        let mut mapped = Self {
            consumer,
            producer: Memory::map_at(ring, page, 1, Access::Read)?,
            data: Memory::map_at(ring, 2 * page, data, Access::Read)?,
            size,
            read_to: 0,
        };
        mapped.read_to = word(&mapped.consumer).map_or(0, |word| word.load(Ordering::Acquire));
        Ok(mapped)
    }

    /// How far it was read.
    pub(super) const fn position(&self) -> u64 {
        self.read_to
    }

    /// Begins after what was read already, by an agent that died before it could take it.
    pub(super) fn skip_to(&mut self, position: u64) {
        self.read_to = self.read_to.max(position);
    }

    /// Hands over what was written since the last call.
    ///
    /// # Errors
    ///
    /// [`DatapathError::NotAnEvent`] for a record of another length; what comes after it comes
    /// with the next call.
    pub(super) fn read(&mut self, sink: &mut dyn FnMut(FlowPart)) -> Result<(), DatapathError> {
        let Some(producer) = word(&self.producer) else {
            return Ok(());
        };
        let written = producer.load(Ordering::Acquire);
        while self.read_to < written {
            let at = usize::try_from((self.read_to & (self.size - 1)) / HEADER).unwrap_or(0);
            let Some(place) = self.data.place(at) else {
                return Ok(());
            };
            // SAFETY: the header is a word of the mapping, of which the kernel writes the lower
            // half by an atomic store.
            let header = unsafe { place.cast::<AtomicU32>().as_ref() }.load(Ordering::Acquire);
            if header & BUSY != 0 {
                return Ok(());
            }
            let length = u64::from(header & !(BUSY | DISCARDED));
            self.read_to += (HEADER + length).next_multiple_of(HEADER);
            if header & DISCARDED != 0 {
                continue;
            }
            let part = self.data.place(at + 1);
            let (Some(part), true) = (part, length == size_of::<FlowPart>() as u64) else {
                let length = usize::try_from(length).unwrap_or(usize::MAX);
                return Err(DatapathError::NotAnEvent { length });
            };
            // SAFETY: the record is complete and as long as a part, which takes any bytes; the
            // data is mapped twice, so it is in one piece. The kernel writes here again only
            // when the record was taken.
            sink(unsafe { part.cast::<FlowPart>().read_volatile() });
        }
        Ok(())
    }

    /// Gives the kernel the room of what was read.
    pub(super) fn take(&self) {
        if let Some(consumer) = word(&self.consumer) {
            consumer.store(self.read_to, Ordering::Release);
        }
    }
}

fn word(memory: &Memory<AtomicU64>) -> Option<&AtomicU64> {
    // SAFETY: the mapping begins a page and lives as long as `memory`; the kernel and other
    // processes write the word as a whole.
    memory.place(0).map(|word| unsafe { word.as_ref() })
}

/// Bytes of a page.
pub(super) fn page_size() -> usize {
    nix::unistd::sysconf(nix::unistd::SysconfVar::PAGE_SIZE)
        .ok()
        .flatten()
        .and_then(|size| usize::try_from(size).ok())
        .unwrap_or(4096)
}
