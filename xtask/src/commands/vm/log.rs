//! What of a kernel's log is a failure.

/// Marks that the kernel prints when it finds itself wrong: `WARN_ON` and its kin
/// (kernel/panic.c), faults, lockdep (kernel/locking/lockdep.c), hung tasks, stalls of RCU,
/// leaks, and what sanitizers say.
const MARKS: [&str; 20] = [
    "WARNING:",
    "BUG:",
    "BUG ",
    "kernel BUG",
    "Oops",
    "general protection fault",
    "Kernel panic",
    "Call Trace",
    "possible circular locking",
    "possible recursive locking",
    "inconsistent lock state",
    "suspicious RCU usage",
    "rcu: INFO",
    "detected stalls",
    "blocked for more than",
    "soft lockup",
    "hard LOCKUP",
    "scheduling while atomic",
    "refcount_t:",
    "UBSAN:",
];

/// Whether a line of a kernel's log, without its time, says that the kernel is at fault.
pub(super) fn is_fault(line: &str) -> bool {
    // `DEBUG:` is no `BUG:`.
    let begins_a_word = |at: usize| !line[..at].ends_with(char::is_alphanumeric);
    MARKS.iter().any(|mark| {
        let mut found = line.match_indices(mark);
        found.any(|(at, _)| begins_a_word(at))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_found_and_other_lines_are_not() {
        for fault in [
            "WARNING: CPU: 0 PID: 12 at kernel/bpf/verifier.c:1 f+0x1/0x2",
            "WARNING: possible circular locking dependency detected",
            "BUG: kernel NULL pointer dereference, address: 0000000000000000",
            "BUG kmalloc-64 (Not tainted): Poison overwritten",
            "Oops: 0000 [#1] PREEMPT SMP",
            "rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:",
            "INFO: task ip:77 blocked for more than 120 seconds.",
            "unregister_netdevice: refcount_t: underflow; use-after-free.",
        ] {
            assert!(is_fault(fault), "{fault}");
        }
        for line in [
            "Spectre V2 : Mitigation: Retpolines",
            "DEBUG: nothing",
            "veth0: entered promiscuous mode",
            "warning: `sekisho' uses 32-bit capabilities",
            "bond0: (slave s0): Enslaving as an active interface with an up link",
        ] {
            assert!(!is_fault(line), "{line}");
        }
    }
}
