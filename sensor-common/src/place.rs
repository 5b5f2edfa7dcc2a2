//! Where an address lies, and the rows of the kernel's table of places.
//!
//! Exclusions, territory and operators' prefixes are flattened in user space into
//! ranges that do not overlap and leave nothing out, so that one look-up places an
//! address. A range ends where the next begins. A bucket leads to the ranges of all
//! addresses with the same leading bits.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Where an address lies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// Nobody can say, or nobody has: unallocated, reserved, special-purpose.
    #[default]
    Unknown,
    /// Outside the territory.
    Foreign,
    /// Inside the territory.
    Domestic,
    /// A prefix of the operator with this number, which counts from 1.
    Operator(u16),
    /// Never recorded.
    Excluded,
}

impl Place {
    const FOREIGN: u32 = 1;
    const DOMESTIC: u32 = 2;
    const OPERATOR: u32 = 3;
    const EXCLUDED: u32 = 4;

    /// The number in kernel tables: the kind in the low byte, the operator above 16 bits.
    ///
    /// Zero is [`Place::Unknown`], so a row that was never written places nothing.
    pub const fn number(self) -> u32 {
        match self {
            Self::Unknown => 0,
            Self::Foreign => Self::FOREIGN,
            Self::Domestic => Self::DOMESTIC,
            Self::Operator(operator) => Self::OPERATOR | (operator as u32) << 16,
            Self::Excluded => Self::EXCLUDED,
        }
    }

    /// The place with this number; what no place has is [`Place::Unknown`].
    pub const fn from_number(number: u32) -> Self {
        match number & 0xffff {
            Self::FOREIGN => Self::Foreign,
            Self::DOMESTIC => Self::Domestic,
            Self::OPERATOR => Self::Operator((number >> 16) as u16),
            Self::EXCLUDED => Self::Excluded,
            _ => Self::Unknown,
        }
    }

    /// The name in output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Foreign => "foreign",
            Self::Domestic => "domestic",
            Self::Operator(_) => "operator",
            Self::Excluded => "excluded",
        }
    }
}

/// A range of IPv4 addresses, up to the next row's `start`.
#[repr(C)]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
pub struct PlaceRow4 {
    /// First address, as a number.
    pub start: u32,
    /// [`Place::number`].
    pub place: u32,
}

/// A range of IPv6 addresses, up to the next row's start.
#[repr(C)]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
pub struct PlaceRow6 {
    /// Upper 64 bits of the first address, as a number.
    pub start_high: u64,
    /// Lower 64 bits of the first address, as a number.
    pub start_low: u64,
    /// [`Place::number`].
    pub place: u64,
}

/// The ranges of the addresses that share their leading bits.
#[repr(C)]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
pub struct PlaceBucket {
    /// Row of the range that the first of these addresses lies in; where `more` is 0, the
    /// [`Place::number`] of all of them instead.
    pub first: u32,
    /// Ranges that begin inside the bucket.
    pub more: u32,
}

const _: () = {
    assert!(size_of::<PlaceRow4>() == 8);
    assert!(size_of::<PlaceRow6>() == 24);
    assert!(size_of::<PlaceBucket>() == 8);
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_has_a_number_of_its_own() {
        let places = [
            Place::Unknown,
            Place::Foreign,
            Place::Domestic,
            Place::Operator(1),
            Place::Operator(u16::MAX),
            Place::Excluded,
        ];
        for place in places {
            assert_eq!(Place::from_number(place.number()), place);
        }
        for stray in [5, 0xffff, 6 << 16, u32::MAX, 0x1_0000] {
            assert_eq!(Place::from_number(stray), Place::Unknown, "{stray:#x}");
        }
    }
}
