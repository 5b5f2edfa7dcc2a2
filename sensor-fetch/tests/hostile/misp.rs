//! Feeds of MISP.

use sensor_fetch::Kind::{Connection, Envelope, Status, TooLarge};

use super::envelope::{Asks, Case, case};
use crate::peers::server::Peer;

const ONE: &str = "11111111-1111-4111-8111-111111111111";
const TWO: &str = "22222222-2222-4222-8222-22222222aaaa";
const THREE: &str = "33333333-3333-4333-8333-333333333333";

/// A manifest of events with timestamps.
fn manifest(events: &[(&str, &str)]) -> String {
    let lines: Vec<_> = events
        .iter()
        .map(|(uuid, at)| format!(r#""{uuid}":{{"info":"a","timestamp":"{at}"}}"#))
        .collect();
    format!("{{{}}}", lines.join(","))
}

fn event(uuid: &str) -> String {
    format!(r#"{{"Event":{{"uuid":"{uuid}","info":"a","Attribute":[]}}}}"#)
}

/// A server with one and two; what is not the manifest is what it does.
fn feed(
    name: &'static str,
    known: &'static [(&'static str, i64)],
    does: fn(&mut Peer, &str),
) -> Case {
    case(name, Asks::Misp(known), "/feed/", move |peer| {
        let target = peer.target().to_owned();
        match target.strip_prefix("/feed/") {
            Some("manifest.json") => {
                let events = manifest(&[(ONE, "10"), (&TWO.to_ascii_uppercase(), "20")]);
                peer.answer("200 OK", &[], &events);
            }
            Some(name) => does(peer, name.trim_end_matches(".json")),
            None => peer.answer("404 Not Found", &[], ""),
        }
    })
}

/// A server with this manifest and nothing else.
fn only(name: &'static str, manifest: &'static str) -> Case {
    case(name, Asks::Misp(&[]), "/feed/", move |peer| {
        if peer.target() == "/feed/manifest.json" {
            peer.answer("200 OK", &[], manifest);
        } else {
            peer.answer("404 Not Found", &[], "");
        }
    })
}

fn good(peer: &mut Peer, uuid: &str) {
    peer.answer("200 OK", &[], &event(uuid));
}

pub(crate) fn cases() -> Vec<Case> {
    vec![
        feed("events for the first time", &[], good).gives(&format!(
            "[2, 0, 0, 0], 2 known, [\"{ONE}.json\", \"{TWO}.json\", \"manifest.json\"]"
        )),
        feed("one new, one changed, one gone", &[(TWO, 19), (THREE, 5)], good).gives(&format!(
            "[1, 1, 0, 1], 2 known, [\"{ONE}.json\", \"{TWO}.json\", \"manifest.json\"]"
        )),
        feed("one changed", &[(ONE, 10), (TWO, 19)], good)
            .gives(&format!("[0, 1, 1, 0], 2 known, [\"{TWO}.json\", \"manifest.json\"]")),
        feed("no event changed", &[(ONE, 10), (TWO, 20)], |peer, _| {
            peer.answer("500 Oops", &[], "");
        })
        .gives("[0, 0, 2, 0], 2 known, [\"manifest.json\"]"),
        feed("an event is missing", &[], |peer, uuid| match uuid {
            ONE => good(peer, uuid),
            _ => peer.answer("404 Not Found", &[], ""),
        })
        .fails(Status(404), ".json: the server answered 404"),
        feed("an event is another", &[], |peer, _| good(peer, THREE))
            .fails(Envelope, "is the event '33333333-"),
        feed("an event is a page for people", &[], |peer, _| peer.answer("200 OK", &[], "<html>"))
            .fails(Envelope, "is no event of MISP"),
        feed("an event is half", &[], |peer, uuid| {
            peer.answer("200 OK", &[], &event(uuid)[..60]);
        })
        .fails(Envelope, "is no event of MISP"),
        feed("an event is cut off", &[], |peer, _| {
            peer.say("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{");
        })
        .fails(Connection, "broke"),
        feed("an event is too large", &[], |peer, uuid| {
            peer.answer("200 OK", &[], &(event(uuid) + &" ".repeat(3000)));
        })
        .limits(|limits| limits.page = 2000)
        .fails(TooLarge, "is larger than 2000 octets"),
        feed("all events are too large", &[], |peer, uuid| {
            peer.answer("200 OK", &[], &(event(uuid) + &" ".repeat(1000)));
        })
        .limits(|limits| limits.bytes = 2000)
        .fails(TooLarge, "is larger than"),
        feed("an event is deep", &[], |peer, _| {
            peer.answer("200 OK", &[], &r#"{"Event":{"a":"#.repeat(50_000));
        })
        .fails(Envelope, "is no event of MISP"),
        only("a manifest of nothing", "{}").gives("[0, 0, 0, 0], 0 known, [\"manifest.json\"]"),
        only("a manifest that leads elsewhere", r#"{"../../etc/passwd":{"timestamp":"1"}}"#)
            .fails(Envelope, "'../../etc/passwd' is no UUID"),
        only("a manifest for people", "<html>").fails(Envelope, "is no manifest of a MISP feed"),
        only("half a manifest", r#"{"11111111-1111-4111-8111-111111111111":{"time"#)
            .fails(Envelope, "is no manifest of a MISP feed"),
        only(
            "more events than may be",
            r#"{"11111111-1111-4111-8111-111111111111":{"timestamp":1},"22222222-2222-4222-8222-222222222222":{"timestamp":1}}"#,
        )
        .limits(|limits| limits.objects = 1)
        .fails(TooLarge, "has more than 1 events"),
        case("the URL of the manifest itself", Asks::Misp(&[(ONE, 1)]), "/feed/manifest.json", |peer| {
            let right = peer.target() == "/feed/manifest.json";
            peer.answer(if right { "200 OK" } else { "404 Not Found" }, &[], "{}");
        })
        .gives("[0, 0, 0, 1], 0 known, [\"manifest.json\"]"),
    ]
}
