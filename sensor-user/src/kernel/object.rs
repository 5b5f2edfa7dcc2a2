//! The eBPF object carried in this binary.

use aya::include_bytes_aligned;
use object::{Object as _, ObjectSection as _, ObjectSymbol as _};
use sensor_common::WIRE_VERSION;
use thiserror::Error;

/// The object, as the build script built it.
pub static OBJECT: &[u8] = include_bytes_aligned!(concat!(env!("OUT_DIR"), "/sekisho-xdp"));

/// Why an object is refused.
#[derive(Debug, Error)]
pub enum ObjectError {
    /// Not an object file.
    #[error("the eBPF object cannot be read: {0}; build again with 'cargo xtask build-ebpf'")]
    Unreadable(#[from] object::Error),
    /// No version in it.
    #[error("the eBPF object names no wire version; build again with 'cargo xtask build-ebpf'")]
    NoVersion,
    /// Built from other types than this program.
    #[error(
        "the eBPF object has wire version {found}, this program {WIRE_VERSION}; \
         build again with 'cargo xtask build-ebpf'"
    )]
    OtherVersion {
        /// The object's version.
        found: u32,
    },
}

/// The `WIRE_VERSION` the object was built with.
pub fn wire_version(object: &[u8]) -> Result<u32, ObjectError> {
    let file = object::File::parse(object)?;
    let symbol = file
        .symbol_by_name("WIRE_VERSION")
        .ok_or(ObjectError::NoVersion)?;
    let section = symbol.section_index().ok_or(ObjectError::NoVersion)?;
    let data = file.section_by_index(section)?.data()?;
    let start = usize::try_from(symbol.address()).map_err(|_| ObjectError::NoVersion)?;
    let bytes = data
        .get(start..)
        .and_then(|rest| rest.first_chunk::<4>())
        .ok_or(ObjectError::NoVersion)?;
    Ok(u32::from_le_bytes(*bytes))
}

/// Names of the object's maps: a released object has none for log lines.
pub fn map_names(object: &[u8]) -> Result<Vec<String>, ObjectError> {
    let file = object::File::parse(object)?;
    let Some(section) = file.section_by_name(".maps") else {
        return Ok(Vec::new());
    };
    let mut names = Vec::new();
    for symbol in file.symbols() {
        if symbol.section_index() == Some(section.index()) && !symbol.name()?.is_empty() {
            names.push(symbol.name()?.to_owned());
        }
    }
    names.sort();
    names.retain(|name| name != ".maps");
    Ok(names)
}

/// Refuses an object that was not built from this program's types.
pub(super) fn check(object: &[u8]) -> Result<(), ObjectError> {
    match wire_version(object)? {
        WIRE_VERSION => Ok(()),
        found => Err(ObjectError::OtherVersion { found }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_object_is_built_from_these_types() {
        assert_eq!(wire_version(OBJECT).unwrap(), WIRE_VERSION);
    }

    #[test]
    #[cfg(not(feature = "log"))]
    fn a_released_object_has_no_log_map() {
        let names = map_names(OBJECT).unwrap();
        assert_eq!(
            names,
            [
                "APPROVALS",
                "BUCKETS_V4",
                "BUCKETS_V6",
                "ENGINE",
                "EVENTS",
                "FILTER_13",
                "FILTER_15",
                "FILTER_17",
                "FILTER_18",
                "FILTER_20",
                "FILTER_21",
                "FILTER_22",
                "FLOWS",
                "GENERATION",
                "GROUPS",
                "INTERFACES",
                "KEYS_V6",
                "LEASE",
                "LINES_V4",
                "LINES_V6",
                "OVERFLOW",
                "OWN_ADDRESSES",
                "PLACES_V4",
                "PLACES_V6",
                "ROWS",
                "SCRATCH",
                "SHORT_V4",
                "SHORT_V6",
                "SLOT_COUNTS",
                "STATS",
                "TOTALS",
            ]
        );
        assert!(
            names.iter().all(|name| name.len() <= 15),
            "the kernel cuts longer names"
        );
    }

    #[test]
    fn what_is_no_object_is_refused() {
        assert!(matches!(
            wire_version(b"no object"),
            Err(ObjectError::Unreadable(_))
        ));
    }
}
