//! The values of an array map as memory of this process.

use std::{
    io,
    os::fd::{AsFd, AsRawFd as _},
    ptr::NonNull,
};

use super::{DatapathError, maps::system};

/// What may be done with the memory.
#[derive(Clone, Copy, Debug)]
pub(super) enum Access {
    Read,
    ReadAndWrite,
}

/// The values of an array, mapped. The kernel and other processes may write them at any time,
/// so there are no references into it, only places.
pub(super) struct Memory<T> {
    first: NonNull<T>,
    length: usize,
}

// SAFETY: the mapping belongs to this value alone in this process, and whoever takes a place
// of it says how that is shared.
unsafe impl<T: Send> Send for Memory<T> {}

impl<T> Memory<T> {
    /// Maps the first `length` values of an array that was made with `BPF_F_MMAPABLE`.
    pub(super) fn map(
        array: &impl AsFd,
        length: usize,
        access: Access,
    ) -> Result<Self, DatapathError> {
        Self::map_at(array, 0, length, access)
    }

    /// Maps `length` values of a map from this byte on, which begins a page.
    pub(super) fn map_at(
        map: &impl AsFd,
        offset: usize,
        length: usize,
        access: Access,
    ) -> Result<Self, DatapathError> {
        let failed = system("mmap of a table");
        let protection = match access {
            Access::Read => libc::PROT_READ,
            Access::ReadAndWrite => libc::PROT_READ | libc::PROT_WRITE,
        };
        // SAFETY: a new mapping at an address of the kernel's choice touches no memory of ours;
        // array maps round their memory up to pages (array_map_mmap, kernel/bpf/arraymap.c).
        let address = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                length * size_of::<T>(),
                protection,
                libc::MAP_SHARED,
                map.as_fd().as_raw_fd(),
                libc::off_t::try_from(offset).unwrap_or(libc::off_t::MAX),
            )
        };
        if address == libc::MAP_FAILED {
            return Err(failed(io::Error::last_os_error()));
        }
        match NonNull::new(address.cast()) {
            Some(first) => Ok(Self { first, length }),
            None => Err(failed(io::ErrorKind::AddrNotAvailable.into())),
        }
    }

    /// The places of all values.
    pub(super) fn places(&self) -> impl Iterator<Item = NonNull<T>> + '_ {
        (0..self.length).filter_map(|index| self.place(index))
    }

    /// The place of a value; `None` beyond the end. It is good as long as `self` is.
    pub(super) fn place(&self, index: usize) -> Option<NonNull<T>> {
        // SAFETY: the value lies in the mapping.
        (index < self.length).then(|| unsafe { self.first.add(index) })
    }
}

impl<T: Copy> Memory<T> {
    /// Writes values from the first on, as many as there are places. To be called before
    /// anybody else knows the map.
    pub(super) fn fill(&self, values: &[T]) {
        let count = values.len().min(self.length);
        // SAFETY: so many values lie in the mapping, which is memory of its own.
        unsafe { core::ptr::copy_nonoverlapping(values.as_ptr(), self.first.as_ptr(), count) };
    }
}

impl<T> Drop for Memory<T> {
    fn drop(&mut self) {
        // SAFETY: the mapping was made with this address and length, and no place of it is used
        // after it.
        unsafe {
            libc::munmap(self.first.as_ptr().cast(), self.length * size_of::<T>());
        }
    }
}
