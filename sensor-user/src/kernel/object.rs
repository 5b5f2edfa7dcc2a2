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
                "FILTER_19",
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
                "PORTS",
                "ROWS",
                "SCRATCH",
                "SHORT_V4",
                "SHORT_V6",
                "SLOT_COUNTS",
                "STATS",
                "TOTALS",
                "TUNE",
                "TUNNELS",
            ]
        );
        assert!(
            names.iter().all(|name| name.len() <= 15),
            "the kernel cuts longer names"
        );
    }

    /// The program and what it calls, as instructions; the second half of a wide one has code 0.
    fn instructions(section: &str) -> Vec<[u8; 8]> {
        let file = object::File::parse(OBJECT).unwrap();
        let data = file.section_by_name(section).unwrap().data().unwrap();
        data.as_chunks().0.to_vec()
    }

    #[test]
    fn the_object_has_the_sensor_and_what_measures_and_both_pass() {
        const EXIT: u8 = 0x95;
        // `r0 = 2` or `w0 = 2`, that is `XDP_PASS`.
        const PASSES: [[u8; 8]; 2] = [[0xb7, 0, 0, 0, 2, 0, 0, 0], [0xb4, 0, 0, 0, 2, 0, 0, 0]];
        let file = object::File::parse(OBJECT).unwrap();
        let section = file.section_by_name("xdp.frags").unwrap().index();
        let mut programs: Vec<&str> = file
            .symbols()
            .filter(|symbol| symbol.section_index() == Some(section) && symbol.is_definition())
            .filter(|symbol| symbol.kind() == object::SymbolKind::Text)
            .map(|symbol| symbol.name().unwrap())
            .collect();
        programs.sort_unstable();
        assert_eq!(
            programs,
            ["sekisho", "tune"],
            "the bench has an object of its own"
        );
        let program = instructions("xdp.frags");
        let ends: Vec<usize> = (0..program.len())
            .filter(|&at| program[at][0] == EXIT)
            .collect();
        assert!(ends.len() >= programs.len());
        for end in ends {
            assert!(PASSES.contains(&program[end - 1]), "{:?}", program[end - 1]);
        }
    }

    #[test]
    fn nothing_is_called_that_sends_or_changes_packets() {
        const CALL: u8 = 0x85;
        // Helpers (include/uapi/linux/bpf.h): look up, CPU, boot clock, room in, submission to
        // and state of a ring buffer, loop, length of a frame.
        const CALLED: [i32; 8] = [1, 8, 125, 131, 132, 134, 181, 188];
        for section in ["xdp.frags", ".text"] {
            for [code, registers, _, _, number @ ..] in instructions(section) {
                // A call of our own functions has 1 as its source register.
                if code == CALL && registers >> 4 == 0 {
                    let helper = i32::from_le_bytes(number);
                    assert!(CALLED.contains(&helper), "helper {helper} in {section}");
                }
            }
        }
    }

    #[test]
    fn what_is_no_object_is_refused() {
        assert!(matches!(
            wire_version(b"no object"),
            Err(ObjectError::Unreadable(_))
        ));
    }
}
