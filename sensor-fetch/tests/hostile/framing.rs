//! Where a message begins and ends: time, length, chunks, headers.

use std::{
    io::{Read as _, Write as _},
    thread,
    time::Duration,
};

use sensor_fetch::Kind::{Connection, Protocol, Timeout, TooLarge};

use super::case::{Case, FEED, plain, raw, secure};
use crate::peers::server::Peer;

pub(super) const OK: &str = "HTTP/1.1 200 OK\r\n";

/// Says a head and a body as they are.
pub(super) fn says(name: &'static str, headers: &'static str, body: &'static str) -> Case {
    plain(name, move |peer| {
        peer.say(&format!("{OK}{headers}\r\n{body}"));
    })
}

/// Sends `octets` one by one, each after a while.
fn drip(peer: &mut Peer, octets: &[u8], pause: u64) {
    for octet in octets {
        if !peer.send(&[*octet]) {
            return;
        }
        thread::sleep(Duration::from_millis(pause));
    }
}

/// Says the same again and again, until nobody listens.
pub(super) fn forever(peer: &mut Peer, octets: &[u8]) {
    while peer.send(octets) {}
}

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = times();
    cases.extend(lengths());
    cases.extend(heads());
    cases.extend(connections());
    cases
}

fn times() -> Vec<Case> {
    vec![
        plain("a good answer", |peer| peer.answer("200 OK", &[], FEED)),
        secure("a good answer over TLS", |peer| {
            peer.answer("200 OK", &[], FEED);
        }),
        plain("headers octet by octet", |peer| {
            drip(peer, &[OK.as_bytes(), &[b'a'; 100]].concat(), 20);
        })
        .impatient()
        .fails(Timeout, "no answer within 300ms (2 attempts)")
        .connections(2),
        plain("a body octet by octet", |peer| {
            peer.say(&format!("{OK}Content-Length: 1000\r\n\r\n"));
            drip(peer, &[b'a'; 1000], 20);
        })
        .impatient()
        .fails(Timeout, "octets in 300ms, fewer than 64")
        .connections(2),
        plain("a slow body that is fast enough", |peer| {
            peer.say(&format!("{OK}Content-Length: 500\r\n\r\n"));
            for _ in 0..10 {
                peer.send(&[b'a'; 50]);
                thread::sleep(Duration::from_millis(50));
            }
        })
        .length(500),
        plain("a body that is fast enough and never ends", |peer| {
            peer.say(&format!("{OK}Content-Length: 1000000\r\n\r\n"));
            while peer.send(&[b'a'; 64]) {
                thread::sleep(Duration::from_millis(50));
            }
        })
        .impatient()
        .fails(Timeout, "has not ended within 3s")
        .within(3500),
        plain("headers and then silence", |peer| {
            peer.say(&format!("{OK}Content-Length: 10\r\n\r\n"));
            thread::sleep(Duration::from_secs(2));
        })
        .impatient()
        .fails(Timeout, "sends 0 octets in 300ms")
        .connections(2),
        plain("never an answer", |_| thread::sleep(Duration::from_secs(2)))
            .impatient()
            .fails(Timeout, "no answer within 300ms")
            .connections(2),
        plain("continue without an end", |peer| {
            forever(peer, b"HTTP/1.1 100 Continue\r\n\r\n");
        })
        .impatient()
        .fails(Timeout, "no answer within")
        .connections(2),
    ]
}

fn lengths() -> Vec<Case> {
    vec![
        says("cut off in the body", "Content-Length: 100\r\n", "half")
            .fails(Connection, "broke")
            .connections(2),
        secure("cut off in the body, over TLS", |peer| {
            peer.say(&format!("{OK}Content-Length: 100\r\n\r\nhalf"));
        })
        .fails(Connection, "broke")
        .connections(2),
        secure("cut off in a body without a length, over TLS", |peer| {
            // No close_notify: somebody else may have cut it.
            peer.say(&format!("{OK}\r\nhalf"));
        })
        .fails(Connection, "broke")
        .connections(2),
        says(
            "a body that ends with the connection",
            "Connection: close\r\n",
            FEED,
        ),
        says("longer than its length", "Content-Length: 4\r\n", FEED)
            .fails(Protocol, "sends more than its Content-Length of 4"),
        secure("longer than its length, over TLS", |peer| {
            peer.say(&format!("{OK}Content-Length: 4\r\n\r\n{FEED}"));
        })
        .fails(Protocol, "sends more than its Content-Length of 4"),
        plain("longer than its length, a moment later", |peer| {
            peer.say(&format!("{OK}Content-Length: 4\r\n\r\n192."));
            thread::sleep(Duration::from_millis(50));
            peer.say("0.2.1");
        })
        .fails(Protocol, "sends more than its Content-Length of 4"),
        says("a length of 0 and a body", "Content-Length: 0\r\n", FEED)
            .fails(Protocol, "more than its Content-Length of 0"),
        says("a length of 0", "Content-Length: 0\r\n", "").body(""),
        says("a negative length", "Content-Length: -5\r\n", FEED).fails(Protocol, "not HTTP/1.1"),
        says("a length with a sign", "Content-Length: +18\r\n", FEED)
            .fails(Protocol, "not HTTP/1.1"),
        says("a length of another base", "Content-Length: 0x12\r\n", FEED)
            .fails(Protocol, "not HTTP/1.1"),
        says(
            "a huge length",
            "Content-Length: 18446744073709551610\r\n",
            FEED,
        )
        .fails(TooLarge, "is larger than 1048576 octets"),
        says(
            "a length that no number holds",
            "Content-Length: 99999999999999999999999\r\n",
            FEED,
        )
        .fails(Protocol, "not HTTP/1.1"),
        says(
            "two lengths",
            "Content-Length: 20\r\nContent-Length: 4\r\n",
            FEED,
        )
        .fails(Protocol, "not HTTP/1.1"),
        says("two lengths in one line", "Content-Length: 20, 4\r\n", FEED)
            .fails(Protocol, "not HTTP/1.1"),
        says(
            "a length and chunks",
            "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
            "4\r\nhalf\r\n0\r\n\r\n",
        )
        .fails(Protocol, "Content-Length"),
    ]
}

fn heads() -> Vec<Case> {
    vec![
        plain("cut off in the headers", |peer| {
            peer.say(&format!("{OK}Content-Le"));
        })
        .fails(Connection, "broke")
        .connections(2),
        plain("headers without an end", |peer| {
            peer.say(OK);
            forever(peer, b"a: b\r\n");
        })
        .fails(TooLarge, "more than 100 headers or 65536 octets"),
        plain("a header line without an end", |peer| {
            peer.say(&format!("{OK}a: "));
            forever(peer, &[b'a'; 4096]);
        })
        .fails(TooLarge, "more than 100 headers or 65536 octets"),
        plain("a status line without an end", |peer| {
            peer.say("HTTP/1.1 200 ");
            forever(peer, &[b'a'; 4096]);
        })
        .fails(TooLarge, "more than 100 headers"),
        plain("101 headers", |peer| {
            peer.answer("200 OK", &["a: b"; 99], FEED);
        })
        .fails(TooLarge, "more than 100 headers"),
        plain("100 headers", |peer| {
            peer.answer("200 OK", &["a: b"; 98], FEED);
        }),
        says("NUL in a header", "a: b\0c\r\n", FEED).fails(Protocol, "not HTTP/1.1"),
        says("a header without a name", ": b\r\n", FEED).fails(Protocol, "not HTTP/1.1"),
        says("a header over two lines", "a: b\r\n c\r\n", FEED).fails(Protocol, "not HTTP/1.1"),
        plain("HTTP/0.9", |peer| {
            peer.say(FEED);
        })
        .fails(Protocol, "not HTTP/1.1"),
        plain("HTTP/1.0", |peer| {
            peer.say(&format!(
                "HTTP/1.0 200 OK\r\nContent-Length: 20\r\n\r\n{FEED}"
            ));
        }),
        plain("HTTP/2 without asking", |peer| {
            peer.say("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
        })
        .fails(Protocol, "not HTTP/1.1"),
        plain("a bad status line", |peer| {
            peer.say("HTTP/1.1 twohundred OK\r\n\r\n");
        })
        .fails(Protocol, "not HTTP/1.1"),
        plain("a status of four digits", |peer| {
            peer.say("HTTP/1.1 2000 OK\r\n\r\n");
        })
        .fails(Protocol, "not HTTP/1.1"),
        says(
            "coded though asked not to",
            "Content-Encoding: gzip\r\nContent-Length: 4\r\n",
            "half",
        )
        .fails(Protocol, "coded as 'gzip'"),
        says(
            "coded as itself",
            "Content-Encoding: identity\r\nContent-Length: 20\r\n",
            FEED,
        ),
        says(
            "a page for people in place of the feed",
            "Content-Type: text/html\r\nContent-Length: 15\r\n",
            "<html>Sign in!\n",
        )
        .body("<html>Sign in!\n"),
        plain("a small file that unpacks to much", |peer| {
            // It is not unpacked here: it comes as it is.
            peer.answer(
                "200 OK",
                &["Content-Type: application/gzip"],
                &"\u{1f}".repeat(5000),
            );
        })
        .length(5000),
    ]
}

fn connections() -> Vec<Case> {
    vec![
        plain("nobody listens", |_| {})
            .at("http://127.0.0.1:1/feed")
            .fails(Connection, "cannot connect to 127.0.0.1:1: ")
            .connections(0),
        raw("reset when it is taken", |tcp| {
            // Octets that came and were not read make the end a reset.
            thread::sleep(Duration::from_millis(50));
            drop(tcp);
        })
        .fails(Connection, "broke")
        .connections(2),
        raw("octets of chance", |mut tcp| {
            // What nobody reads would make the end a reset.
            let _ = tcp.read(&mut [0; 4096]);
            let _ = tcp.write_all(&[0x16, 0x03, 0xff, 0x80, 0, 13, 10, 13, 10]);
            thread::sleep(Duration::from_millis(50));
        })
        .fails(Protocol, "not HTTP/1.1"),
        plain("a name that nobody has", |_| {})
            .at("http://nowhere.test:{plain}/feed")
            .fails(Connection, "the name cannot be resolved: no such name")
            .connections(0),
        plain("a name without an address", |_| {})
            .at("http://nobody.test:{plain}/feed")
            .fails(Connection, "the name has no address")
            .connections(0),
        plain("a name that takes for ever", |_| {})
            .at("http://hangs.test:{plain}/feed")
            .impatient()
            .fails(Timeout, "no connection within 500ms")
            .connections(0),
        plain("the first of two addresses is dead", |peer| {
            peer.answer("200 OK", &[], FEED);
        })
        .at("http://second.test:{plain}/feed"),
    ]
}
