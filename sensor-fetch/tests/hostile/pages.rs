//! Pages of a TAXII collection.

use std::{thread, time::Duration};

use sensor_fetch::Kind::{Connection, Envelope, FalseNotModified, Protocol, Status, TooLarge};

use super::envelope::{Asks, Case, case};
use crate::peers::server::Peer;

const TYPE: &str = "Content-Type: application/taxii+json;version=2.1";
const PATH: &str = "/api/collections/one/";

/// Answers as a server of TAXII does.
fn page(peer: &mut Peer, body: &str) {
    dated(peer, "1994-11-06T08:00:00Z", body);
}

fn dated(peer: &mut Peer, last: &str, body: &str) {
    let last = format!("X-TAXII-Date-Added-Last: {last}");
    peer.answer("200 OK", &[TYPE, &last], body);
}

/// Objects with such numbers.
fn objects(numbers: impl IntoIterator<Item = usize>) -> String {
    let all: Vec<_> = numbers
        .into_iter()
        .map(|number| format!(r#"{{"type":"x","id":"x--{number}","modified":"2020"}}"#))
        .collect();
    all.join(",")
}

/// A part of the query.
fn asked(peer: &Peer, key: &str) -> Option<String> {
    let (_, query) = peer.target().split_once('?')?;
    query
        .split('&')
        .find_map(|pair| pair.strip_prefix(key)?.strip_prefix('='))
        .map(|value| value.replace("%3A", ":"))
}

fn pulls(name: &'static str, does: impl Fn(&mut Peer) + Send + Sync + 'static) -> Case {
    case(name, Asks::Pull(None), PATH, does)
}

/// One page with such a body.
fn one(name: &'static str, body: &'static str) -> Case {
    pulls(name, move |peer| page(peer, body))
}

/// A server with objects that were added at such seconds, which gives `next` or not, and at most
/// so many objects a page.
fn holds(name: &'static str, seconds: &'static [usize], with_next: bool, most: usize) -> Case {
    pulls(name, move |peer| {
        let limit: usize = asked(peer, "limit").unwrap().parse().unwrap();
        // Small pages: a thousandth of what is asked for.
        let limit = (limit / 1000).min(most);
        let after = asked(peer, "added_after").unwrap_or_default();
        let skip: usize = asked(peer, "next").map_or(0, |next| next.parse().unwrap());
        let date = |second: usize| format!("1994-11-06T08:00:{second:02}.000000Z");
        let all: Vec<_> = (0..seconds.len())
            .filter(|at| date(seconds[*at]) > after)
            .skip(skip)
            .collect();
        let shown = &all[..limit.min(all.len())];
        let more = all.len() > limit;
        let next = if with_next && more {
            format!(r#","next":"{}""#, skip + limit)
        } else {
            String::new()
        };
        let last = shown.last().map_or(0, |at| seconds[*at]);
        let objects = objects(shown.iter().copied());
        dated(
            peer,
            &date(last),
            &format!(r#"{{"more":{more}{next},"objects":[{objects}]}}"#),
        );
    })
}

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = whole();
    cases.extend(endless());
    cases.extend(broken());
    cases.extend(connections());
    cases
}

fn whole() -> Vec<Case> {
    vec![
        holds("pages by name", &[1, 2, 3, 4, 5], true, 2)
            .gives("x--0 x--1 x--2 x--3 x--4; 0 again, 3 pages, then 1994-11-06T08:00:04.999000Z"),
        // Each page begins with the last object of the one before.
        holds("pages by date", &[1, 2, 3, 4, 5], false, 2)
            .gives("x--0 x--1 x--2 x--3 x--4; 3 again, 4 pages, then 1994-11-06T08:00:04.999000Z"),
        holds("pages by date that end within an instant", &[1, 2, 2, 3], false, 3)
            .gives("x--0 x--1 x--2 x--3; 5 again, 4 pages, then 1994-11-06T08:00:02.999000Z"),
        holds("an instant larger than a page", &[1, 2, 2, 2, 2, 2, 3], false, 99)
            .gives("x--0 x--1 x--2 x--3 x--4 x--5 x--6; 13 again, 6 pages, then 1994-11-06T08:00:02.999000Z"),
        holds("an instant larger than any page", &[1, 2, 2, 2, 2, 2, 3], false, 2)
            .fails(Envelope, "more objects of the same instant than it sends in a page"),
        one("an empty collection", "{}").gives("; 0 again, 1 pages, then all"),
        case("nothing new", Asks::Pull(Some("1994-11-01T00:00:00Z")), PATH, |peer| {
            let right = asked(peer, "added_after").as_deref() == Some("1994-11-01T00:00:00Z");
            page(peer, if right { "{}" } else { "" });
        })
        .gives("; 0 again, 1 pages, then 1994-11-01T00:00:00Z"),
        case("a query of its own", Asks::Pull(None), "/api/collections/one/?match[type]=x", |peer| {
            let right = peer.target().contains("match[type]=x&limit=2000");
            page(peer, if right { "{}" } else { "" });
        })
        .gives("; 0 again, 1 pages, then all"),
        pulls("the same objects twice in a page", |peer| {
            page(peer, &format!(r#"{{"objects":[{0},{0}]}}"#, objects([1, 2])));
        })
        .gives("x--1 x--2; 2 again, 1 pages, then 1994-11-06T07:59:59.999000Z"),
        pulls("without a date", |peer| {
            peer.answer("200 OK", &[TYPE], &format!(r#"{{"objects":[{}]}}"#, objects([1])));
        })
        .gives("x--1; 0 again, 1 pages, then all"),
        pulls("a million objects in a page", |peer| {
            let all = (0..1_000_000).map(|number| format!(r#"{{"type":"x","id":"{number}"}}"#));
            let all = all.collect::<Vec<_>>().join(",");
            page(peer, &format!(r#"{{"objects":[{all}]}}"#));
        })
        .limits(|limits| {
            (limits.bytes, limits.page) = (1 << 30, 64 << 20);
            limits.total = Duration::from_secs(120);
            limits.idle = Duration::from_secs(60);
        })
        .gives("1000000 objects"),
    ]
}

fn endless() -> Vec<Case> {
    vec![
        pulls("always more, and always new", |peer| {
            let at: usize = asked(peer, "next").map_or(0, |next| next.parse().unwrap());
            let object = objects([at]);
            page(
                peer,
                &format!(
                    r#"{{"more":true,"next":"{}","objects":[{object}]}}"#,
                    at + 1
                ),
            );
        })
        .limits(|limits| limits.pages = 7)
        .fails(TooLarge, "has more than 7 pages"),
        // As medallion does.
        pulls("the same name for all pages", |peer| {
            let more = peer.nth < 4;
            let next = if more { r#","next":"a""# } else { "" };
            let objects = objects([peer.nth]);
            page(
                peer,
                &format!(r#"{{"more":{more}{next},"objects":[{objects}]}}"#),
            );
        })
        .gives("x--1 x--2 x--3 x--4; 0 again, 4 pages, then 1994-11-06T07:59:59.999000Z"),
        pulls("always the same page by the same name", |peer| {
            page(
                peer,
                &format!(r#"{{"more":true,"next":"a","objects":[{}]}}"#, objects([1])),
            );
        })
        .fails(Envelope, "sends nothing new")
        .connections(2),
        pulls("always the same name, and always new", |peer| {
            page(
                peer,
                &format!(
                    r#"{{"more":true,"next":"a","objects":[{}]}}"#,
                    objects([peer.nth])
                ),
            );
        })
        .limits(|limits| limits.pages = 7)
        .fails(TooLarge, "has more than 7 pages"),
        pulls("always the same objects", |peer| {
            let at: usize = asked(peer, "next").map_or(0, |next| next.parse().unwrap());
            let object = objects([1]);
            page(
                peer,
                &format!(
                    r#"{{"more":true,"next":"{}","objects":[{object}]}}"#,
                    at + 1
                ),
            );
        })
        .fails(Envelope, "sends nothing new"),
        one("more without objects", r#"{"more":true,"next":"a"}"#)
            .fails(Envelope, "sends a page without objects"),
        one(
            "more with an empty list",
            r#"{"more":true,"next":"a","objects":[]}"#,
        )
        .fails(Envelope, "sends a page without objects"),
        pulls("more and no way to it", |peer| {
            let body = format!(r#"{{"more":true,"objects":[{}]}}"#, objects([1]));
            peer.answer("200 OK", &[TYPE], &body);
        })
        .fails(Envelope, "names neither the next page nor the date"),
        pulls("no name for the third page", |peer| {
            let (at, next) = match asked(peer, "next") {
                None => (1, r#","next":"a""#),
                Some(_) => (2, ""),
            };
            page(
                peer,
                &format!(r#"{{"more":true{next},"objects":[{}]}}"#, objects([at])),
            );
        })
        .fails(Envelope, "now says only that there is more"),
    ]
}

fn broken() -> Vec<Case> {
    vec![
        one(
            "half a page",
            r#"{"objects":[{"type":"x","id":"x--1"},{"type""#,
        )
        .fails(Envelope, "is not a page of TAXII"),
        one("an object without an id", r#"{"objects":[{"type":"x"}]}"#)
            .fails(Envelope, "no object of STIX: missing field `id`"),
        one("an object that is a number", r#"{"objects":[1]}"#)
            .fails(Envelope, "no object of STIX"),
        one("objects that are none", r#"{"objects":"all"}"#).fails(Envelope, "a list of objects"),
        one("a list in place of a page", "[]").fails(Envelope, "an envelope"),
        one("two pages in one", "{}{}").fails(Envelope, "trailing"),
        pulls("a deep object", |peer| {
            let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
            page(
                peer,
                &format!(r#"{{"objects":[{{"type":"x","id":"x--1","a":{deep}}}]}}"#),
            );
        })
        .fails(Envelope, "deeper than 100"),
        pulls("depth that never ends", |peer| {
            page(peer, &"{\"a\":".repeat(100_000));
        })
        .fails(Envelope, "is not a page of TAXII"),
        pulls("a page for people", |peer| {
            peer.answer("200 OK", &["Content-Type: text/html"], "<html>");
        })
        .fails(
            Envelope,
            "is 'text/html', not application/taxii+json;version=2.1",
        ),
        pulls("a page without a type", |peer| {
            peer.answer("200 OK", &[], "{}");
        })
        .fails(Envelope, "is '', not"),
        pulls("a page of TAXII 2.0", |peer| {
            let named = "Content-Type: application/taxii+json;version=2.0";
            peer.answer("200 OK", &[named], "{}");
        })
        .fails(Envelope, "version 2.0 and 1 are not read"),
        pulls("a page larger than pages may be", |peer| {
            page(peer, &" ".repeat(3000));
        })
        .limits(|limits| limits.page = 2000)
        .fails(TooLarge, "is larger than 2000 octets"),
        holds("more than a bundle may have", &[1, 2, 3, 4], true, 2)
            .limits(|limits| limits.bytes = 200)
            .fails(TooLarge, "is larger than 200 octets"),
        holds("more objects than may be", &[1, 2, 3, 4], true, 2)
            .limits(|limits| limits.objects = 3)
            .fails(TooLarge, "has more than 3 objects"),
        pulls("a date that is none", |peer| {
            dated(
                peer,
                "yesterday",
                &format!(r#"{{"objects":[{}]}}"#, objects([1])),
            );
        })
        .fails(Envelope, "that is no date"),
        pulls("a date that lies ahead", |peer| {
            dated(
                peer,
                "9999-01-01T00:00:00Z",
                &format!(r#"{{"objects":[{}]}}"#, objects([1])),
            );
        })
        .fails(Envelope, "that lies ahead"),
        pulls("not modified, though nobody asked", |peer| {
            peer.say("HTTP/1.1 304 Not Modified\r\n\r\n");
        })
        .fails(FalseNotModified, "nothing was known"),
    ]
}

/// The second page of two is bad.
fn second(name: &'static str, does: fn(&mut Peer)) -> Case {
    pulls(name, move |peer| match asked(peer, "next") {
        None => page(
            peer,
            &format!(r#"{{"more":true,"next":"a","objects":[{}]}}"#, objects([1])),
        ),
        Some(_) => does(peer),
    })
}

/// An answer after which the connection is kept, with the object of that second.
fn kept(peer: &mut Peer, second: usize, more: bool) {
    let body = format!(r#"{{"more":{more},"objects":[{}]}}"#, objects([second]));
    peer.say(&format!(
        "HTTP/1.1 200 OK\r\n{TYPE}\r\nX-TAXII-Date-Added-Last: 1994-11-06T08:01:{second:02}Z\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    ));
}

/// The second that is asked for.
fn second_asked(peer: &Peer) -> usize {
    let after = asked(peer, "added_after");
    // A millisecond before a second: the next one has not been sent.
    after.map_or(0, |after| {
        (after[17..19].parse::<usize>().unwrap() + 2) % 60
    })
}

fn connections() -> Vec<Case> {
    let five = "x--0 x--1 x--2 x--3 x--4; 0 again, 5 pages, then 1994-11-06T08:01:03.999000Z";
    vec![
        second("a second page that fails is not asked for again", |peer| {
            peer.answer("500 Oops", &[], "");
        })
        .fails(Status(500), "500 Internal Server Error. ask later")
        .connections(2),
        second(
            "a second page that is cut off is not asked for again",
            |peer| {
                peer.say(&format!(
                    "HTTP/1.1 200 OK\r\n{TYPE}\r\nContent-Length: 99\r\n\r\n{{"
                ));
            },
        )
        .fails(Connection, "the connection broke")
        .connections(2),
        second("a second page that has to wait is", |peer| match peer.nth {
            2 => peer.answer("503 Busy", &["Retry-After: 1"], ""),
            _ => page(peer, "{}"),
        })
        .gives("x--1; 0 again, 2 pages, then 1994-11-06T07:59:59.999000Z")
        .connections(3),
        pulls(
            "a page by date that fails is asked for again",
            |peer| match peer.nth {
                1 => kept(peer, 0, true),
                2 => peer.answer("500 Oops", &[], ""),
                _ => kept(peer, 1, false),
            },
        )
        .gives("x--0 x--1; 0 again, 2 pages, then 1994-11-06T08:01:00.999000Z")
        .connections(3),
        second("the second page is no HTTP", |peer| {
            peer.say("{}");
        })
        .fails(Protocol, "not HTTP/1.1"),
        second("the second page needs the credential too", |peer| {
            let right = peer.header("authorization") == Some("Bearer s3cret");
            page(peer, if right { "{}" } else { "" });
        })
        .gives("x--1; 0 again, 2 pages, then 1994-11-06T07:59:59.999000Z"),
        pulls("all pages over one connection", |peer| {
            loop {
                let at = second_asked(peer);
                kept(peer, at, at < 4);
                if !peer.next() {
                    break;
                }
            }
        })
        .gives(five)
        .connections(1),
        pulls("a connection that ends though it was kept", |peer| {
            let at = second_asked(peer);
            kept(peer, at, at < 4);
        })
        .gives(five)
        .connections(5),
        pulls("an answer that nobody asked for", |peer| match peer.nth {
            1 => {
                kept(peer, 0, true);
                kept(peer, 66, false);
                thread::sleep(Duration::from_millis(100));
            }
            _ => kept(peer, 1, false),
        })
        .gives("x--0 x--1; 0 again, 2 pages, then 1994-11-06T08:01:00.999000Z")
        .connections(2),
    ]
}
