//! Lets shared types cross into aya's maps.

use aya::Pod;
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// A type of `sensor-common` as a map key or value.
#[derive(Clone, Copy, Debug)]
#[repr(transparent)]
pub(super) struct Wire<T>(pub(super) T);

// SAFETY: `IntoBytes` rules out padding and `FromBytes` invalid values, which is what `Pod` asks.
unsafe impl<T: Copy + FromBytes + IntoBytes + Immutable + 'static> Pod for Wire<T> {}
