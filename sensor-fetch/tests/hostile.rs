//! Servers that do what no server should: each case says what, what comes of it, in which time,
//! and how often it was asked. All in one process, whose memory stays small.

#![expect(clippy::unwrap_used, reason = "what a test makes is there")]

mod hostile {
    pub(crate) mod case;
    pub(crate) mod chunks;
    pub(crate) mod conditions;
    pub(crate) mod discovery;
    pub(crate) mod envelope;
    pub(crate) mod framing;
    pub(crate) mod misp;
    pub(crate) mod pages;
    pub(crate) mod redirects;
    pub(crate) mod secrets;
    pub(crate) mod status;
    pub(crate) mod tls;
}
mod peers;

use hostile::{
    case, chunks, conditions, discovery, envelope, framing, misp, pages, redirects, secrets,
    status, tls,
};

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
        chunks::cases(),
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
    let tables = [pages::cases(), discovery::cases(), misp::cases()];
    for case in tables.iter().flatten() {
        assert!(
            names.insert(case.name),
            "two cases are called '{}'",
            case.name
        );
        if let Err(failure) = envelope::run(case) {
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

/// In a process of its own, as the environment is one for all threads.
#[test]
fn the_environment_names_no_proxy() {
    let ran = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_good_feed_comes"])
        .envs(
            [
                "http_proxy",
                "HTTP_PROXY",
                "https_proxy",
                "HTTPS_PROXY",
                "all_proxy",
                "ALL_PROXY",
            ]
            .map(|name| (name, "http://127.0.0.1:1")),
        )
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ran.stdout);
    assert!(ran.status.success() && said.contains("1 passed"), "{said}");
}

#[test]
fn a_good_feed_comes() {
    for case in [
        case::plain("plain", |peer| peer.answer("200 OK", &[], case::FEED)),
        case::secure("secure", |peer| peer.answer("200 OK", &[], case::FEED)),
    ] {
        case::run(&case).unwrap();
    }
}
