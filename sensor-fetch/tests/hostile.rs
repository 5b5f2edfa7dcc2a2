//! Servers that do what no server should: each case says what, what comes of it, in which time,
//! and how often it was asked. All in one process, whose memory stays small.

mod hostile {
    pub(crate) mod case;
    pub(crate) mod conditions;
    pub(crate) mod framing;
    pub(crate) mod redirects;
    pub(crate) mod secrets;
    pub(crate) mod status;
    pub(crate) mod tls;
}
mod peers;

use hostile::{case, conditions, framing, redirects, secrets, status, tls};

/// Peak of this process's resident memory, in KiB.
#[expect(
    clippy::disallowed_methods,
    reason = "a file of the kernel, of one page"
)]
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[test]
fn no_server_gets_more_than_an_error() {
    let before = peak();
    let mut failures = Vec::new();
    let mut names = std::collections::BTreeSet::new();
    let tables = [
        framing::cases(),
        status::cases(),
        conditions::cases(),
        redirects::cases(),
        secrets::cases(),
        tls::cases(),
    ];
    for case in tables.iter().flatten() {
        assert!(
            names.insert(case.name),
            "two cases are called '{}'",
            case.name
        );
        if let Err(failure) = case::run(case) {
            failures.push(format!("{}: {failure}", case.name));
        }
    }
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
    assert!(names.len() >= 50, "{} cases", names.len());
    let growth = peak() - before;
    eprintln!(
        "{} cases; the peak of memory grew by {growth} KiB",
        names.len()
    );
    assert!(growth <= 256 * 1024, "{growth} KiB");
}
