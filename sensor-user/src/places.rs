//! Places.

use sensor_common::Place;

/// Every address of both families, in ascending ranges that do not overlap; the first
/// starts at 0, neighbours differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flat {
    /// IPv4: first address and place.
    pub v4: Vec<(u32, Place)>,
    /// IPv6: first address and place.
    pub v6: Vec<(u128, Place)>,
}

impl Flat {
    /// All addresses in one place.
    pub fn everywhere(place: Place) -> Self {
        Self {
            v4: vec![(0, place)],
            v6: vec![(0, place)],
        }
    }
}
