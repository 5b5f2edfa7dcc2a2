//! Tables in pieces: arrays of one size, which the program knows, so that it looks them up in
//! line.
//!
//! A generation has as many pieces of a table as it needs. They stand side by side in one outer
//! map, and in the memory of this process.

use std::{os::fd::AsFd as _, thread};

use aya::maps::InnerMap;
use sensor_common::engine::{
    KEY_PIECES, LINE_PIECES, PIECE_KEYS, PIECE_LINES, PIECE_ROWS, ROW_PIECES,
};
use zerocopy::{FromBytes, Immutable, IntoBytes};

use super::{Outer, all};
use crate::kernel::{
    DatapathError,
    cells::Cells,
    maps::{MMAPABLE, Named, Rows, system},
    memory::{Access, Memory},
    sys,
};

/// A value of a table in pieces.
pub(super) trait Value:
    Copy + FromBytes + IntoBytes + Immutable + Send + Sync + 'static
{
}

impl<T: Copy + FromBytes + IntoBytes + Immutable + Send + Sync + 'static> Value for T {}

/// Places of an outer map that are set at once.
const TOGETHER: usize = 32;

/// Values of a piece, and how many pieces a table has at most.
#[derive(Clone, Copy)]
pub(super) struct Shape {
    length: u32,
    most: u32,
}

/// Lines of either address family.
pub(super) const LINES: Shape = Shape {
    length: PIECE_LINES,
    most: LINE_PIECES,
};

/// Rows.
pub(super) const ROWS: Shape = Shape {
    length: PIECE_ROWS,
    most: ROW_PIECES,
};

/// Keys of IPv6 rows.
pub(super) const KEYS: Shape = Shape {
    length: PIECE_KEYS,
    most: KEY_PIECES,
};

/// What a generation has in an outer map.
pub(super) trait Inner {
    /// An inner map.
    type Map;

    /// Puts it into its place; returns when no program holds what stood there.
    fn put(&self, outer: &mut Outer<Self::Map>, place: u32) -> Result<(), DatapathError>;

    /// Empties its place, and returns likewise.
    fn forget(&self, outer: &Outer<Self::Map>, place: u32) -> Result<(), DatapathError>;

    /// Whether it stands in its place.
    fn holds(&self, outer: &Outer<Self::Map>, place: u32) -> Result<bool, DatapathError>;
}

impl<M: InnerMap> Inner for Named<M> {
    type Map = M;

    fn put(&self, outer: &mut Outer<M>, place: u32) -> Result<(), DatapathError> {
        outer.put(place, self)
    }

    fn forget(&self, outer: &Outer<M>, place: u32) -> Result<(), DatapathError> {
        outer.forget(place)
    }

    fn holds(&self, outer: &Outer<M>, place: u32) -> Result<bool, DatapathError> {
        outer.holds(place, self)
    }
}

/// A table in pieces.
pub(super) struct Pieces<T: Value> {
    pub(super) name: &'static str,
    shape: Shape,
    arrays: Vec<Named<Rows<T>>>,
}

impl<T: Value> Pieces<T> {
    /// These rows, with room for more of them. No rows are no pieces.
    pub(super) fn filled(
        rows: &[T],
        room: usize,
        shape: Shape,
        name: &'static str,
    ) -> Result<Self, DatapathError> {
        let length = shape.length as usize;
        let count = match rows.len() {
            0 => 0,
            rows => (rows + room).div_ceil(length),
        };
        let part = |piece: usize| rows.get(piece * length..).unwrap_or_default();
        let part = |piece| part(piece).get(..length).unwrap_or_else(|| part(piece));
        let threads = thread::available_parallelism().map_or(1, usize::from);
        let each = count.div_ceil(threads).max(1);
        let arrays = thread::scope(|scope| {
            let threads: Vec<_> = (0..count)
                .step_by(each)
                .map(|first| first..(first + each).min(count))
                .map(|own| {
                    scope.spawn(move || {
                        own.map(|piece| Named::filled_to(part(piece), length, MMAPABLE, name))
                            .collect::<Result<Vec<_>, _>>()
                    })
                })
                .collect();
            let arrays = threads.into_iter().map(|thread| match thread.join() {
                Ok(arrays) => arrays,
                Err(panic) => std::panic::resume_unwind(panic),
            });
            arrays.collect::<Result<Vec<_>, _>>()
        })?;
        Ok(Self {
            name,
            shape,
            arrays: arrays.into_iter().flatten().collect(),
        })
    }

    /// All of it as words of this process's memory; `None` where there is nothing.
    pub(super) fn cells(&self) -> Result<Option<Cells>, DatapathError> {
        if self.arrays.is_empty() {
            return Ok(None);
        }
        let arrays: Vec<_> = self.arrays.iter().map(Named::as_fd).collect();
        let each = self.shape.length as usize * size_of::<T>() / size_of::<u64>();
        let words = Memory::side_by_side(&arrays, each, Access::ReadAndWrite)?;
        Ok(Some(Cells::of(words)))
    }

    /// The places of its pieces, and they.
    fn places(&self, place: u32) -> impl Iterator<Item = (u32, &Named<Rows<T>>)> {
        let first = place * self.shape.most;
        (first..first + self.shape.most).zip(&self.arrays)
    }

    /// Does something to places that waits for packets each time: they wait together.
    fn at_once(
        &self,
        place: u32,
        work: impl Fn(u32, &Named<Rows<T>>) -> Result<(), DatapathError> + Sync,
    ) -> Result<(), DatapathError> {
        let work = &work;
        let mut places = self.places(place);
        loop {
            let some: Vec<_> = places.by_ref().take(TOGETHER).collect();
            if some.is_empty() {
                return Ok(());
            }
            thread::scope(|scope| {
                let waiting = some.into_iter();
                let waiting = waiting.map(|(place, array)| scope.spawn(move || work(place, array)));
                all(waiting.collect())
            })?;
        }
    }
}

impl<T: Value> Inner for Pieces<T> {
    type Map = Rows<T>;

    fn put(&self, outer: &mut Outer<Rows<T>>, place: u32) -> Result<(), DatapathError> {
        let outer = outer.as_fd();
        self.at_once(place, |place, array| {
            sys::set_inner(outer, place, array.as_fd())
                .map_err(system("setting a place of an outer map"))
        })
    }

    fn forget(&self, outer: &Outer<Rows<T>>, place: u32) -> Result<(), DatapathError> {
        self.at_once(place, |place, _| outer.forget(place))
    }

    fn holds(&self, outer: &Outer<Rows<T>>, place: u32) -> Result<bool, DatapathError> {
        for (place, array) in self.places(place) {
            if !outer.holds(place, array)? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
