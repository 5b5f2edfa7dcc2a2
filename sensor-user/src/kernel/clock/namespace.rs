//! Time namespaces: whether user space has the boot clock of the kernel.
//!
//! `bpf_ktime_get_boot_ns` knows no namespace, `clock_gettime` does. In a namespace that moves
//! the boot clock, every begin, end and lease would be on another clock than the packets.

use std::io;

use crate::{capped, clock::ClockError};

/// The kernel shows the offsets of the namespace that children are born into
/// (`proc_timens_show_offsets`, kernel/time/namespace.c). Of a process that was started in a
/// namespace, and made none since, that is its own.
const OFFSETS: &str = "/proc/self/timens_offsets";

/// Refuses a time namespace in which the boot clock or the monotonic clock is moved. A kernel
/// without time namespaces has no such file, and is fine.
///
/// # Errors
///
/// [`ClockError::TimeNamespace`], and what the system says.
pub fn check_time_namespace() -> Result<(), ClockError> {
    match capped::read_to_string(OFFSETS, 4096) {
        Ok(offsets) => check(&offsets),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(source) => Err(ClockError::Read {
            what: OFFSETS,
            source,
        }),
    }
}

/// A line for each clock: its name, seconds and nanoseconds. One that cannot be read may hide an
/// offset.
fn check(offsets: &str) -> Result<(), ClockError> {
    let not_understood = |text: &str| ClockError::NotUnderstood {
        what: OFFSETS,
        text: text.to_owned(),
    };
    for line in offsets.lines() {
        let words: Vec<_> = line.split_whitespace().collect();
        let [clock, seconds, nanoseconds] = words[..] else {
            return Err(not_understood(line));
        };
        let parts = (seconds.parse::<i64>(), nanoseconds.parse::<i64>());
        let (Ok(whole), Ok(rest)) = parts else {
            return Err(not_understood(line));
        };
        if whole != 0 || rest != 0 {
            return Err(ClockError::TimeNamespace {
                clock: clock.to_owned(),
                offset: format!("{seconds} s and {nanoseconds} ns"),
            });
        }
    }
    if !offsets.contains("boottime") {
        return Err(not_understood(offsets));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets() {
        let file = |monotonic: &str, boottime: &str| {
            format!("monotonic  {monotonic}\nboottime   {boottime}\n")
        };
        let none = "         0         0";
        assert!(check(&file(none, none)).is_ok());
        for moved in ["86400 0", "-1 0", "0 1", "0 999999999", "-1 999999999"] {
            for text in [file(none, moved), file(moved, none)] {
                let error = check(&text).unwrap_err();
                assert!(
                    matches!(error, ClockError::TimeNamespace { .. }),
                    "{text}: {error}"
                );
            }
        }
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for text in [
            "",
            "monotonic 0 0\n",
            "boottime 0\n",
            "boottime 0 0 0\n",
            "boottime a 0\n",
            "\nboottime 0 0\n",
        ] {
            let error = check(text).unwrap_err();
            assert!(
                matches!(error, ClockError::NotUnderstood { .. }),
                "{text:?}: {error}"
            );
        }
    }

    #[test]
    fn this_process_has_the_clock_of_the_kernel() {
        check_time_namespace().unwrap();
    }
}
