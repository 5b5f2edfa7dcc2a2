//! What a replayed packet brings along instead of a network card.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// The 16 bytes of XDP metadata before a replayed frame.
///
/// A live program never reads metadata. Linux 6.1 accepts up to 32 bytes.
#[repr(C)]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
pub struct ReplayContext {
    /// Time of the packet: nanoseconds since 1970.
    pub time: u64,
    /// Length of the frame on the wire, which may exceed what was captured.
    pub wire_length: u32,
    /// Interface slot.
    pub interface: u32,
}

const _: () = assert!(size_of::<ReplayContext>() == 16);
