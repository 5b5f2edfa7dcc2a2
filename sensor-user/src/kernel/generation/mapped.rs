//! Rows that the program counts in, read through shared memory.

use std::{
    io,
    os::fd::{AsFd, AsRawFd as _},
    ptr::NonNull,
};

use zerocopy::FromBytes;

use crate::{
    kernel::{
        DatapathError,
        maps::{ANY_SIZE, MMAPABLE, Named, Rows, system},
        wire::Wire,
    },
    watchlist::NoRoom,
};

/// Most bytes of rows: the kernel sets all of them aside at once.
const LARGEST: usize = 4 << 30;

/// The rows of all CPUs, mapped for reading.
pub(in crate::kernel) struct Mapped<T> {
    rows: NonNull<T>,
    length: usize,
    stride: usize,
}

// SAFETY: the memory belongs to this value alone and is only read.
unsafe impl<T: Send> Send for Mapped<T> {}

impl<T> Mapped<T>
where
    T: Copy + Default + FromBytes,
    Wire<T>: aya::Pod,
{
    /// Creates a map with `stride` rows a CPU, and maps it.
    pub(super) fn create(
        stride: u32,
        name: &'static str,
    ) -> Result<(Named<Rows<T>>, Self), DatapathError> {
        let cpus = aya::util::nr_cpus().map_err(|(_, source)| DatapathError::System {
            call: "reading the number of CPUs",
            source,
        })?;
        let rows = cpus.get() as usize * stride as usize;
        let needed = rows.saturating_mul(size_of::<T>());
        if needed > LARGEST {
            let what = "bytes of totals, 32 for each prefix and CPU";
            let room = LARGEST;
            return Err(NoRoom { what, needed, room }.into());
        }
        let array = Named::<Rows<T>>::zeroes(rows, ANY_SIZE | MMAPABLE, name)?;
        let mapped = Self::new(&array, rows, stride as usize)?;
        Ok((array, mapped))
    }

    /// Maps an array of `length` rows, `stride` of them a CPU.
    pub(in crate::kernel) fn new(
        array: &impl AsFd,
        length: usize,
        stride: usize,
    ) -> Result<Self, DatapathError> {
        let failed = system("mmap of counters");
        // SAFETY: a new mapping at an address of the kernel's choice touches no memory of ours;
        // array maps round their memory up to pages (array_map_mmap, kernel/bpf/arraymap.c).
        let address = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                length * size_of::<T>(),
                libc::PROT_READ,
                libc::MAP_SHARED,
                array.as_fd().as_raw_fd(),
                0,
            )
        };
        if address == libc::MAP_FAILED {
            return Err(failed(io::Error::last_os_error()));
        }
        let Some(rows) = NonNull::new(address.cast()) else {
            return Err(failed(io::ErrorKind::AddrNotAvailable.into()));
        };
        Ok(Self {
            rows,
            length,
            stride,
        })
    }

    /// Rows summed over CPUs.
    pub(in crate::kernel) fn by_row(&self, absorb: impl Fn(&mut T, &T)) -> Vec<T> {
        let mut sums = vec![T::default(); self.stride];
        for row in 0..self.length {
            // SAFETY: the row lies in the mapping and takes any bytes. The kernel may be adding
            // to it; a volatile read takes each of its words as they are, and words are read
            // whole.
            let part = unsafe { self.rows.add(row).read_volatile() };
            absorb(&mut sums[row % self.stride], &part);
        }
        sums
    }
}

impl<T> Drop for Mapped<T> {
    fn drop(&mut self) {
        // SAFETY: the mapping was made with this address and length, and no reference outlives it.
        unsafe {
            libc::munmap(self.rows.as_ptr().cast(), self.length * size_of::<T>());
        }
    }
}
