//! Answers that are no success, and when they are asked for again.

use sensor_fetch::Kind::{self, Connection, Status};

use super::case::{Case, FEED, plain};

/// The first answer; then the feed.
fn once(name: &'static str, status: &'static str, header: &'static str) -> Case {
    plain(name, move |peer| match peer.nth {
        1 => peer.answer(status, &[header], "later"),
        _ => peer.answer("200 OK", &[], FEED),
    })
    .connections(2)
}

/// The same answer always.
fn always(name: &'static str, status: &'static str, kind: Kind, says: &'static str) -> Case {
    plain(name, move |peer| peer.answer(status, &[], "no")).fails(kind, says)
}

pub(crate) fn cases() -> Vec<Case> {
    vec![
        always(
            "204",
            "204 No Content",
            Status(204),
            "204 No Content. only 200 brings a feed",
        ),
        plain("206 without a range", |peer| {
            peer.answer("206 Partial Content", &["Content-Range: bytes 0-1/9"], "no");
        })
        .fails(Status(206), "206 Partial Content"),
        always("300", "300 Multiple Choices", Status(300), "only 200"),
        always(
            "401",
            "401 Unauthorized",
            Status(401),
            "give the credential",
        ),
        always("403", "403 Forbidden", Status(403), "give the credential"),
        always("404", "404 Not Found", Status(404), "may have moved"),
        always("410", "410 Gone", Status(410), "may have moved or ended"),
        always("an unknown status", "599 What", Status(599), "answered 599")
            .with(|_, limits, _| limits.attempts = 1),
        always(
            "500 for ever",
            "500 Oops",
            Status(500),
            "500 Internal Server Error (4 attempts)",
        )
        .with(|_, limits, _| limits.attempts = 4)
        .connections(4)
        .waits(&[100, 200, 400]),
        always(
            "500, where there is one attempt",
            "500 Oops",
            Status(500),
            "500",
        )
        .with(|_, limits, _| limits.attempts = 1)
        .waits(&[]),
        once("500 once", "500 Oops", "a: b").waits(&[100]),
        once("503 with seconds", "503 Busy", "Retry-After: 0").waits(&[100]),
        once("429 with seconds", "429 Slow", "Retry-After: 5").waits(&[800]),
        once(
            "503 with a date",
            "503 Busy",
            "Retry-After: Sun, 06 Nov 1994 08:49:38 GMT",
        )
        .waits(&[800]),
        once(
            "503 with a date that has passed",
            "503 Busy",
            "Retry-After: Sun, 06 Nov 1994 08:49:30 GMT",
        )
        .waits(&[100]),
        once(
            "503 with an absurd number",
            "503 Busy",
            "Retry-After: 999999999999999999999999",
        )
        .waits(&[800]),
        once("503 with a negative number", "503 Busy", "Retry-After: -1").waits(&[100]),
        once("503 with nonsense", "503 Busy", "Retry-After: \u{e9}").waits(&[100]),
        plain("503 beyond the time in all", |peer| {
            peer.answer("503 Busy", &["Retry-After: 3600"], "later");
        })
        .with(|_, limits, _| limits.longest_wait = std::time::Duration::from_secs(60))
        .fails(Status(503), "503 Service Unavailable")
        .waits(&[]),
        plain(
            "cut off, and whole at the second attempt",
            |peer| match peer.nth {
                1 => {
                    peer.say("HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n198.51.100.1\n");
                }
                _ => peer.answer("200 OK", &[], FEED),
            },
        )
        .connections(2)
        .waits(&[100]),
        plain("cut off each time, and each time elsewhere", |peer| {
            peer.say("HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n");
            let half = "192.0.2.1"[..peer.nth].to_owned();
            peer.say(&half);
        })
        .with(|_, limits, _| limits.attempts = 4)
        .fails(Connection, "(4 attempts)")
        .connections(4),
    ]
}
