//! Waiting until the kernel is done with what it was at.

#![expect(unsafe_code, reason = "no crate at hand has membarrier(2)")]

use std::io;

/// `MEMBARRIER_CMD_GLOBAL` of linux/membarrier.h.
const GLOBAL: libc::c_int = 1;

/// Returns when every packet that was being judged has been: `MEMBARRIER_CMD_GLOBAL` waits for a
/// grace period of RCU, and an XDP program runs within one section of it.
///
/// # Panics
///
/// Where the kernel has no `membarrier(2)`.
pub fn period() {
    let none: libc::c_int = 0;
    // SAFETY: it takes three numbers and touches no memory of this process.
    let done = unsafe { libc::syscall(libc::SYS_membarrier, GLOBAL, none, none) };
    assert_eq!(done, 0, "membarrier: {}", io::Error::last_os_error());
}
