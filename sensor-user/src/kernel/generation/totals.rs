//! Totals by match set, read through shared memory.

use std::{io, os::fd::AsFd, os::fd::AsRawFd as _, ptr::NonNull};

use aya::maps::{Map, MapData};
use sensor_common::Totals;

use super::{ANY_SIZE, MMAPABLE, Rows, of};
use crate::{kernel::DatapathError, watchlist::NoRoom};

const ARRAY: u32 = aya_obj::generated::bpf_map_type::BPF_MAP_TYPE_ARRAY as u32;

/// Most bytes of totals: the kernel sets all of them aside at once.
const LARGEST: usize = 4 << 30;

/// Bytes of a key and of a value.
const KEY: u32 = 4;
const VALUE: u32 = 32;
const _: () = assert!(size_of::<Totals>() == VALUE as usize);

/// The rows of all CPUs, mapped for reading.
pub(super) struct MappedTotals {
    rows: NonNull<Totals>,
    length: usize,
    stride: usize,
}

// SAFETY: the memory belongs to this value alone and is only read.
unsafe impl Send for MappedTotals {}

/// Creates the map of one generation with `stride` rows a CPU, and maps it.
pub(super) fn create(stride: u32) -> Result<(Rows<Totals>, MappedTotals), DatapathError> {
    let cpus = aya::util::nr_cpus().map_err(|(_, source)| DatapathError::System {
        call: "reading the number of CPUs",
        source,
    })?;
    let rows = cpus.get().saturating_mul(stride);
    let needed = rows as usize * size_of::<Totals>();
    if needed > LARGEST {
        let what = "bytes of totals, 32 for each prefix and CPU";
        let room = LARGEST;
        return Err(NoRoom { what, needed, room }.into());
    }
    let definition = aya_obj::Map::new_from_params(ARRAY, KEY, VALUE, rows, ANY_SIZE | MMAPABLE);
    let data = MapData::create(definition, "TOTALS", None).map_err(of("TOTALS"))?;
    let mapped = MappedTotals::new(data.fd(), rows as usize, stride as usize)?;
    let array = Rows::try_from(Map::Array(data)).map_err(of("TOTALS"))?;
    Ok((array, mapped))
}

impl MappedTotals {
    fn new(map: &impl AsFd, length: usize, stride: usize) -> Result<Self, DatapathError> {
        // SAFETY: a new mapping at an address of the kernel's choice touches no memory of ours;
        // array maps round their memory up to pages (array_map_mmap, kernel/bpf/arraymap.c).
        let address = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                length * size_of::<Totals>(),
                libc::PROT_READ,
                libc::MAP_SHARED,
                map.as_fd().as_raw_fd(),
                0,
            )
        };
        if address == libc::MAP_FAILED {
            let source = io::Error::last_os_error();
            return Err(DatapathError::System {
                call: "mmap of the totals",
                source,
            });
        }
        let Some(rows) = NonNull::new(address.cast()) else {
            let source = io::Error::from(io::ErrorKind::AddrNotAvailable);
            return Err(DatapathError::System {
                call: "mmap of the totals",
                source,
            });
        };
        Ok(Self {
            rows,
            length,
            stride,
        })
    }

    /// Totals summed over CPUs, by match set; row 0 belongs to no set.
    pub(super) fn by_set(&self) -> Vec<Totals> {
        let mut sums = vec![Totals::default(); self.stride];
        for row in 0..self.length {
            // SAFETY: the row lies in the mapping. The kernel may be adding to it; a volatile
            // read takes each of its words as they are, and words are read whole.
            let Totals {
                source_packets,
                source_octets,
                destination_packets,
                destination_octets,
            } = unsafe { self.rows.add(row).read_volatile() };
            let sum = &mut sums[row % self.stride];
            sum.source_packets += source_packets;
            sum.source_octets += source_octets;
            sum.destination_packets += destination_packets;
            sum.destination_octets += destination_octets;
        }
        sums
    }
}

impl Drop for MappedTotals {
    fn drop(&mut self) {
        // SAFETY: the mapping was made with this address and length, and no reference outlives it.
        unsafe {
            libc::munmap(self.rows.as_ptr().cast(), self.length * size_of::<Totals>());
        }
    }
}
