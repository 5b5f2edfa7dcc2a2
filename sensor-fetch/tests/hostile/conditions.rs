//! What is known of the last copy, and answers that say it is the newest.

use sensor_fetch::Kind::FalseNotModified;

use super::case::{Case, FEED, plain};
use crate::peers::server::Peer;

const DATE: &str = "Sun, 06 Nov 1994 08:49:37 GMT";

/// Answers 304 with headers.
fn not_modified(name: &'static str, headers: &'static [&'static str]) -> Case {
    plain(name, move |peer| {
        peer.say(&format!(
            "HTTP/1.1 304 Not Modified\r\n{}\r\n",
            headers.join("\r\n")
        ));
        peer.say("\r\n");
    })
}

/// 304 if the request says this; else what differs, as the body.
fn if_asked(peer: &mut Peer, etag: Option<&str>, date: Option<&str>) {
    let asked = (
        peer.header("if-none-match"),
        peer.header("if-modified-since"),
    );
    if asked == (etag, date) {
        peer.say("HTTP/1.1 304 Not Modified\r\n\r\n");
    } else {
        let asked = format!("{asked:?}");
        peer.answer("200 OK", &[], &asked);
    }
}

pub(crate) fn cases() -> Vec<Case> {
    vec![
        not_modified("304 though nothing was known", &["a: b"])
            .fails(FalseNotModified, "nothing was known"),
        not_modified("304 of another version", &["ETag: \"two\""])
            .known(Some("\"one\""), None)
            .fails(FalseNotModified, "of another version"),
        not_modified("304 of the version", &["ETag: \"one\""])
            .known(Some("\"one\""), None)
            .unchanged(),
        not_modified("304 of the version, weakly", &["ETag: W/\"one\""])
            .known(Some("\"one\""), None)
            .unchanged(),
        plain("a weak version is asked for as it came", |peer| {
            if_asked(peer, Some("W/\"one\""), None);
        })
        .known(Some("W/\"one\""), None)
        .unchanged(),
        plain("a date is asked for as it came", |peer| {
            if_asked(peer, None, Some(DATE));
        })
        .known(None, Some(DATE))
        .unchanged(),
        plain("both are asked for", |peer| {
            if_asked(peer, Some("\"one\""), Some(DATE));
        })
        .known(Some("\"one\""), Some(DATE))
        .unchanged(),
        plain("nothing known, nothing asked", |peer| {
            let asked = peer
                .header("if-none-match")
                .or(peer.header("if-modified-since"));
            let asked = asked.unwrap_or(FEED).to_owned();
            peer.answer("200 OK", &[], &asked);
        }),
        plain("a new version", |peer| {
            peer.answer("200 OK", &["ETag: \"two\""], FEED);
        })
        .known(Some("\"one\""), None),
        plain("304 with a body", |peer| {
            peer.say("HTTP/1.1 304 Not Modified\r\nContent-Length: 20\r\n\r\n192.0.2.1\n");
        })
        .known(Some("\"one\""), None)
        .unchanged(),
    ]
}
