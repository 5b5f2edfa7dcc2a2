//! What is wrong with a clock.

use std::{io, time::Duration};

use jiff::Timestamp;
use thiserror::Error;

/// Why a clock cannot be used.
#[derive(Debug, Error)]
pub enum ClockError {
    /// Nobody disciplines the wall clock.
    #[error(
        "the clock is not synchronised and may be off by {uncertainty:?} or more: nothing is \
         recorded on it; start systemd-timesyncd, or chrony with 'rtcsync' in its configuration, \
         and wait until 'timedatectl' or 'chronyc tracking' says that it is"
    )]
    NotSynchronised {
        /// The error the kernel counts at most, and the span of the reading. Without
        /// discipline the kernel stops counting at 16 s.
        uncertainty: Duration,
    },
    /// The wall clock is behind what it was known to have passed before this boot.
    #[error(
        "the clock was set back: it says {}, but before this boot it was synchronised and had \
         passed {}; on this clock an approval would last longer than approved; set it right \
         ('timedatectl', 'chronyc tracking'). If the earlier time was the wrong one, see \
         docs/clock.md",
        utc(*wall),
        utc(*passed)
    )]
    SetBack {
        /// Nanoseconds since 1970 by the wall clock now.
        wall: u64,
        /// Nanoseconds since 1970 that had passed.
        passed: u64,
    },
    /// The boot clock is behind an earlier reading of the same boot.
    #[error(
        "the boot clock went back from {last} to {boot} ns within a boot: another time \
         namespace, or anchors of another machine"
    )]
    BootClockBack {
        /// Nanoseconds since boot now.
        boot: u64,
        /// Nanoseconds since boot of the last anchor.
        last: u64,
    },
    /// User space has another boot clock than the kernel.
    #[error(
        "this process is in a time namespace whose {clock} clock is moved by {offset}: its times \
         are not those the kernel compares packets with; start it outside (a container without a \
         time namespace of its own, 'nsenter --time --target 1')"
    )]
    TimeNamespace {
        /// The clock, as the kernel names it.
        clock: String,
        /// Seconds and nanoseconds, as the kernel writes them.
        offset: String,
    },
    /// Both clocks could not be read at the same moment.
    #[error(
        "the clocks cannot be read together: {span:?} passed between two readings, each time; \
         the machine is overloaded"
    )]
    Unsteady {
        /// The shortest span of all tries.
        span: Duration,
    },
    /// The system did not answer.
    #[error("{what}: {source}")]
    Read {
        /// The call or the file.
        what: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// The system's answer is not understood.
    #[error("{what}: not understood: {text:?}")]
    NotUnderstood {
        /// The file.
        what: &'static str,
        /// The part of it.
        text: String,
    },
}

/// Calendar time, to the second.
fn utc(nanoseconds: u64) -> String {
    Timestamp::from_nanosecond(i128::from(nanoseconds)).map_or_else(
        |_| format!("{nanoseconds} ns since 1970"),
        |time| format!("{time:.0}"),
    )
}
