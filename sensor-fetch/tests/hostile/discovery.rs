//! Discovery documents and collections.

use sensor_fetch::Kind::{Envelope, Status, TooLarge};

use super::envelope::{Asks, Case, case};
use crate::peers::server::Peer;

const TYPE: &str = "Content-Type: application/taxii+json;version=2.1";

fn says(peer: &mut Peer, body: &str) {
    let body = body.replace("TLS", &peer.ports.tls.to_string());
    peer.answer("200 OK", &[TYPE], &body);
}

/// A server with such a document at `/taxii2/` and such collections at `/api/collections/`.
fn shows(name: &'static str, document: &'static str, collections: &'static str) -> Case {
    case(name, Asks::Discover, "/", move |peer| match peer.target() {
        "/taxii2/" => says(peer, document),
        "/api/collections/" => says(peer, collections),
        _ => peer.answer("404 Not Found", &[], ""),
    })
}

const ROOT: &str = r#"{"title":"A","api_roots":["/api/"]}"#;

pub(crate) fn cases() -> Vec<Case> {
    vec![
        shows(
            "collections",
            ROOT,
            r#"{"collections":[{"id":"one","title":"One","can_read":true,"can_write":false,"media_types":["application/stix+json;version=2.1"]},{"id":"two","title":"T\u001b[2J","can_read":false}]}"#,
        )
        .gives("A; https://feed.test:TLS/api/collections/one/ 'One' read [\"application/stix+json;version=2.1\"]; https://feed.test:TLS/api/collections/two/ 'T\u{fffd}[2J' closed []")
        ,
        shows(
            "API roots here, elsewhere, and where nobody may ask",
            r#"{"title":"A","api_roots":["https://feed.test:TLS/api","https://other.test:TLS/api/","https://unlisted.test/api/","http://feed.test/api/","file:///api/","/gone/"]}"#,
            r#"{"collections":[{"id":"one","title":"","can_read":true}]}"#,
        )
        .gives("A; https://feed.test:TLS/api/collections/one/ '' read []; https://other.test:TLS/api/collections/one/ '' read []; NotAllowed; NotAllowed; Endpoint; Status(404)"),
        case("an API root itself", Asks::Discover, "/api/", |peer| match peer.target() {
            "/api/" => says(peer, r#"{"title":"R","versions":["application/taxii+json;version=2.1"],"max_content_length":9}"#),
            _ => says(peer, r#"{"collections":[{"id":"one","title":"","can_read":true}]}"#),
        })
        .gives("R; https://feed.test:TLS/api/collections/one/ '' read []"),
        shows("no API roots", r#"{"title":"A","api_roots":[]}"#, "").gives("A"),
        shows("no collections", ROOT, "{}").gives("A"),
        shows("neither of both", r#"{"title":"A"}"#, "").fails(Envelope, "is no discovery document"),
        shows("a document that is none", "<html>", "").fails(Envelope, "is not what TAXII says"),
        shows("an id that leads elsewhere", ROOT, r#"{"collections":[{"id":"../x","title":"","can_read":true}]}"#)
            .gives("A; Envelope"),
        shows("an id of dots", ROOT, r#"{"collections":[{"id":"..","title":"","can_read":true}]}"#)
            .gives("A; Envelope"),
        shows("collections that are none", ROOT, "[]").gives("A; Envelope"),
        case("a credential is not told to other hosts", Asks::Discover, "/", |peer| {
            match (peer.target(), peer.header("authorization")) {
                ("/taxii2/", Some(_)) => says(peer, r#"{"title":"A","api_roots":["https://other.test:TLS/api/"]}"#),
                (_, told) => {
                    let told = format!(r#"{{"collections":[{{"id":"{}","title":"","can_read":true}}]}}"#, told.unwrap_or("nothing"));
                    says(peer, &told);
                }
            }
        })
        .gives("A; https://other.test:TLS/api/collections/nothing/ '' read []"),
        case("a thousand and one API roots", Asks::Discover, "/", |peer| {
            let roots = vec![r#""/api/""#; 1001].join(",");
            says(peer, &format!(r#"{{"api_roots":[{roots}]}}"#));
        })
        .fails(TooLarge, "more than 1000 API roots"),
        case("no such server", Asks::Discover, "/", |peer| peer.answer("404 Not Found", &[], ""))
            .fails(Status(404), "/taxii2/: the server answered 404"),
    ]
}
