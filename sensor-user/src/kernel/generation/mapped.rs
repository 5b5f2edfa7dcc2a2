//! Rows that the program counts in, read through shared memory.

use std::os::fd::AsFd;

use zerocopy::FromBytes;

use crate::{
    kernel::{
        DatapathError,
        maps::{ANY_SIZE, MMAPABLE, Named, Rows},
        memory::{Access, Memory},
        wire::Wire,
    },
    watchlist::{NoRoom, SetId},
};

/// Most bytes of rows: the kernel sets all of them aside at once.
const LARGEST: usize = 4 << 30;

/// The rows of all CPUs, mapped for reading.
pub(in crate::kernel) struct Mapped<T> {
    rows: Memory<T>,
    stride: usize,
}

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
        let rows = Memory::map(array, length, Access::Read)?;
        Ok(Self { rows, stride })
    }

    /// The rows that are not zero, summed over CPUs, with their numbers.
    pub(in crate::kernel) fn counted(&self, absorb: impl Fn(&mut T, &T)) -> Vec<(SetId, T)>
    where
        T: PartialEq,
    {
        let zero = T::default();
        let mut counted = Vec::new();
        for (number, row) in (0..).zip(0..self.stride) {
            let mut sum = T::default();
            let mut places = (row..).step_by(self.stride);
            while let Some(place) = places.next().and_then(|index| self.rows.place(index)) {
                // SAFETY: as in `by_row`.
                let part = unsafe { place.read_volatile() };
                absorb(&mut sum, &part);
            }
            if sum != zero {
                counted.push((SetId(number), sum));
            }
        }
        counted
    }

    /// Rows summed over CPUs.
    pub(in crate::kernel) fn by_row(&self, absorb: impl Fn(&mut T, &T)) -> Vec<T> {
        let mut sums = vec![T::default(); self.stride];
        for (index, row) in self.rows.places().enumerate() {
            // SAFETY: the row takes any bytes. The kernel may be adding to it; a volatile read
            // takes each of its words as they are, and words are read whole.
            let part = unsafe { row.read_volatile() };
            absorb(&mut sums[index % self.stride], &part);
        }
        sums
    }
}
