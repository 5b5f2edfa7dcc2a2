//! Maps with their descriptors: aya's typed maps keep these to themselves, and pinning,
//! freezing and comparing need them.

use std::{
    collections::HashMap,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use aya::{
    Pod,
    maps::{self, Array, ArrayOfMaps, InnerMap, Map, MapData, MapError},
};
use aya_obj::generated::bpf_map_type;
use sensor_common::SetRow;
use zerocopy::{FromBytes, Immutable, IntoBytes};

use super::{
    DatapathError,
    memory::{Access, Memory},
    sys,
    wire::Wire,
};
use crate::watchlist::engine::OverflowKey;

/// `BPF_F_MMAPABLE`.
pub(super) const MMAPABLE: u32 = 1 << 10;
/// `BPF_F_INNER_MAP`.
pub(super) const ANY_SIZE: u32 = 1 << 12;

pub(super) type Overflow = maps::HashMap<MapData, OverflowKey, u32>;
pub(super) type Ports = maps::HashMap<MapData, u64, Wire<SetRow>>;
pub(super) type Rows<T> = Array<MapData, Wire<T>>;

/// A map with its descriptor and its name in messages and pins.
pub(super) struct Named<M> {
    pub(super) map: M,
    descriptor: OwnedFd,
    pub(super) name: &'static str,
}

impl<M> AsFd for Named<M> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

impl<M: TryFrom<Map, Error = MapError>> Named<M> {
    /// Gives a map its type.
    pub(super) fn of(map: Map, name: &'static str) -> Result<Self, DatapathError> {
        let failed = refused(name);
        let descriptor = descriptor(&map)
            .ok_or(MapError::InvalidMapType { map_type: 0 })
            .map_err(&failed)?;
        let descriptor = descriptor.try_clone_to_owned();
        let descriptor = descriptor.map_err(system("duplicating a descriptor"))?;
        let map = M::try_from(map).map_err(failed)?;
        Ok(Self {
            map,
            descriptor,
            name,
        })
    }

    fn create(
        kind: Kind,
        (key, value): (usize, usize),
        entries: usize,
        flags: u32,
        name: &'static str,
    ) -> Result<Self, DatapathError> {
        // The kernel refuses maps without entries.
        let entries = u32::try_from(entries.max(1)).unwrap_or(u32::MAX);
        let size = |size| u32::try_from(size).unwrap_or(u32::MAX);
        let (number, wrap): (_, fn(MapData) -> Map) = match kind {
            Kind::Array => (bpf_map_type::BPF_MAP_TYPE_ARRAY, Map::Array),
            Kind::Hash => (bpf_map_type::BPF_MAP_TYPE_HASH, Map::HashMap),
        };
        let definition =
            aya_obj::Map::new_from_params(number as u32, size(key), size(value), entries, flags);
        let data = MapData::create(definition, name, None).map_err(refused(name))?;
        Self::of(wrap(data), name)
    }
}

#[derive(Clone, Copy)]
enum Kind {
    Array,
    Hash,
}

impl<T> Named<Rows<T>>
where
    T: Copy,
    Wire<T>: Pod,
{
    /// An array of zeroes.
    pub(super) fn zeroes(
        entries: usize,
        flags: u32,
        name: &'static str,
    ) -> Result<Self, DatapathError> {
        Self::create(Kind::Array, (4, size_of::<T>()), entries, flags, name)
    }

    /// An array of these rows.
    pub(super) fn rows(rows: &[T], flags: u32, name: &'static str) -> Result<Self, DatapathError> {
        let mut array = Self::zeroes(rows.len(), flags, name)?;
        for (index, row) in (0..).zip(rows) {
            let set = array.map.set(index, &Wire(*row), 0);
            set.map_err(refused(name))?;
        }
        Ok(array)
    }
}

impl<T> Named<Rows<T>>
where
    T: Copy + FromBytes + IntoBytes + Immutable,
    Wire<T>: Pod,
{
    /// An array of these rows, written through shared memory.
    pub(super) fn filled(
        rows: &[T],
        flags: u32,
        name: &'static str,
    ) -> Result<Self, DatapathError> {
        Self::filled_with_room(rows, 0, flags, name)
    }

    /// The same with so many rows of zeroes after them.
    pub(super) fn filled_with_room(
        rows: &[T],
        room: usize,
        flags: u32,
        name: &'static str,
    ) -> Result<Self, DatapathError> {
        let array = Self::zeroes(rows.len() + room, flags | MMAPABLE, name)?;
        Memory::map(&array, rows.len().max(1), Access::ReadAndWrite)?.fill(rows);
        Ok(array)
    }
}

impl Named<Overflow> {
    /// A table of these prefixes and their rows, with room for more.
    pub(super) fn overflow(
        entries: &HashMap<OverflowKey, u32>,
        room: usize,
        name: &'static str,
    ) -> Result<Self, DatapathError> {
        Self::of_entries(entries, entries.len() + room, name)
    }
}

impl Named<Ports> {
    /// A table of these keys and what stands under them.
    pub(super) fn table(
        entries: &[(u64, Wire<SetRow>)],
        name: &'static str,
    ) -> Result<Self, DatapathError> {
        let pairs = entries.iter().map(|(key, row)| (key, row));
        Self::of_entries(pairs, entries.len(), name)
    }
}

impl<K: Pod, V: Pod> Named<maps::HashMap<MapData, K, V>> {
    fn of_entries<'a>(
        entries: impl IntoIterator<Item = (&'a K, &'a V)>,
        room: usize,
        name: &'static str,
    ) -> Result<Self, DatapathError> {
        let sizes = (size_of::<K>(), size_of::<V>());
        let mut table = Self::create(Kind::Hash, sizes, room, 0, name)?;
        for (key, value) in entries {
            let inserted = table.map.insert(key, value, 0);
            inserted.map_err(refused(name))?;
        }
        Ok(table)
    }
}

impl<M: InnerMap> Named<ArrayOfMaps<MapData, M>> {
    /// Puts a map into a place; returns when no program holds the one that stood there.
    pub(super) fn put(&mut self, place: u32, inner: &Named<M>) -> Result<(), DatapathError> {
        let set = self.map.set(place, &inner.map, 0);
        set.map_err(refused(self.name))
    }

    /// Empties a place, and returns likewise.
    pub(super) fn forget(&self, place: u32) -> Result<(), DatapathError> {
        sys::forget_inner(self.as_fd(), place).map_err(system("emptying a place of an outer map"))
    }

    /// Whether this map stands in the place.
    pub(super) fn holds(&self, place: u32, inner: &Named<M>) -> Result<bool, DatapathError> {
        let asking = system("asking for the id of a map");
        let there = sys::inner_id(self.as_fd(), place).map_err(&asking)?;
        let wanted = sys::id(inner.as_fd()).map_err(&asking)?;
        Ok(there == Some(wanted))
    }
}

impl<M> Named<M> {
    /// Lets nobody change the elements any more, from here or from elsewhere.
    pub(super) fn freeze(&self) -> Result<(), DatapathError> {
        sys::freeze(self.as_fd()).map_err(system("freezing a map"))
    }
}

/// The descriptor of a map of the kinds that are used.
pub(super) fn descriptor(map: &Map) -> Option<BorrowedFd<'_>> {
    match map {
        Map::Array(data)
        | Map::ArrayOfMaps(data)
        | Map::HashMap(data)
        | Map::PerCpuArray(data)
        | Map::RingBuf(data) => Some(data.fd().as_fd()),
        _ => None,
    }
}

/// The error of an operation on a map.
pub(super) fn refused(map: &'static str) -> impl Fn(MapError) -> DatapathError {
    move |source| DatapathError::Map { map, source }
}

/// The error of a system call.
pub(super) fn system(call: &'static str) -> impl Fn(std::io::Error) -> DatapathError {
    move |source| DatapathError::System { call, source }
}
