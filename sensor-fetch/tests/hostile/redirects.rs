//! Redirects: which are followed, and with what.

use sensor_fetch::{
    Credential, Identity,
    Kind::{NotAllowed, Redirect, Status},
    Secret,
};

use super::case::{Case, FEED, plain, secure};
use crate::peers::{
    certificates::{self, Shows},
    server::Peer,
};

/// Redirects `/feed` to `to`, in which `{plain}` and `{tls}` are the ports; all else is the feed.
fn leads(peer: &mut Peer, status: &str, to: &str) {
    if peer.target() == "/feed" {
        let to = to
            .replace("{plain}", &peer.ports.plain.to_string())
            .replace("{tls}", &peer.ports.tls.to_string());
        peer.answer(status, &[&format!("Location: {to}")], "moved");
    } else {
        peer.answer("200 OK", &[], FEED);
    }
}

fn to(name: &'static str, to: &'static str) -> Case {
    plain(name, move |peer| leads(peer, "302 Found", to))
}

fn secure_to(name: &'static str, to: &'static str) -> Case {
    secure(name, move |peer| leads(peer, "302 Found", to))
}

/// `/feed` to `/1`, `/1` to `/2` and so on to `/last`, which is the feed.
fn chain(name: &'static str, last: usize) -> Case {
    plain(name, move |peer| {
        let at: usize = peer.target().trim_start_matches('/').parse().unwrap_or(0);
        if at == last {
            peer.answer("200 OK", &[], FEED);
        } else {
            peer.answer(
                "307 Temporary Redirect",
                &[&format!("Location: /{}", at + 1)],
                "",
            );
        }
    })
}

/// What of a request is secret, as the body.
fn tells(peer: &mut Peer, to: &str) {
    if peer.target() == "/feed" {
        leads(peer, "302 Found", to);
    } else {
        let sent = peer.header("authorization").or(peer.header("x-key"));
        let sent = sent.unwrap_or("nothing").to_owned();
        peer.answer("200 OK", &[], &sent);
    }
}

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = followed();
    cases.extend(refused());
    cases.extend(with_secrets());
    cases
}

fn followed() -> Vec<Case> {
    vec![
        to("to another path", "/other").connections(2),
        to("to a path beside it", "other#part").connections(2),
        to(
            "to the same host, written out",
            "http://127.0.0.1:{plain}/other",
        )
        .connections(2),
        to("without a scheme", "//127.0.0.1:{plain}/other").connections(2),
        to("from http to https", "https://feed.test:{tls}/other").connections(2),
        plain("for good", |peer| leads(peer, "301 Moved", "/other")).connections(2),
        plain("see other", |peer| leads(peer, "303 See Other", "/other")).connections(2),
        plain("permanently", |peer| leads(peer, "308 Permanent", "/other")).connections(2),
        chain("a chain of five", 5).connections(6),
    ]
}

fn refused() -> Vec<Case> {
    vec![
        chain("a chain of six", 6)
            .fails(Redirect, "more than 5 redirects")
            .connections(6),
        to("to itself", "/feed").fails(Redirect, "in a circle, back to http://127.0.0.1:"),
        plain("between two", |peer| {
            let to = if peer.target() == "/feed" {
                "/other"
            } else {
                "/feed"
            };
            peer.answer("302 Found", &[&format!("Location: {to}")], "");
        })
        .fails(Redirect, "in a circle")
        .connections(2),
        to(
            "to a host that is not listed",
            "http://unlisted.test:{plain}/other?key=s3cret",
        )
        .fails(NotAllowed, "add the line 'http://unlisted.test:"),
        to("to another port", "http://127.0.0.1:22/").fails(NotAllowed, "'http://127.0.0.1:22'"),
        to(
            "to an address of the cloud",
            "http://169.254.169.254/latest",
        )
        .fails(NotAllowed, "'http://169.254.169.254'"),
        to(
            "to an address in another base",
            "http://0x7f000001:{plain}/other",
        )
        .connections(2),
        secure_to("from https to http", "http://feed.test:{plain}/other")
            .fails(Redirect, "from https to plain http"),
        secure_to(
            "from https to http, without a scheme in it",
            "//unlisted.test/other",
        )
        .fails(NotAllowed, "add the line 'unlisted.test'"),
        plain("to nowhere", |peer| peer.answer("302 Found", &[], ""))
            .fails(Redirect, "without saying where to"),
        to("to an empty place", "").fails(Redirect, "in a circle"),
        to("to a file", "file:///etc/passwd").fails(Redirect, "has the scheme 'file'"),
        to("to data", "data:text/plain,a").fails(Redirect, "has the scheme 'data'"),
        to("to gopher", "gopher://127.0.0.1:70/").fails(Redirect, "has the scheme 'gopher'"),
        to("to a user", "http://me:s3cret@127.0.0.1:{plain}/other")
            .fails(Redirect, "has a user or a password in it"),
        to("to what is no URL", "http://[:::]/").fails(Redirect, "to what is no URL"),
        plain("to octets that are no text", |peer| {
            peer.send(b"HTTP/1.1 302 Found\r\nLocation: /\xff\xfe\r\nContent-Length: 0\r\n\r\n");
        })
        .fails(Redirect, "to what is no URL"),
        to("and then 404", "/other")
            .with(|_, limits, _| limits.redirects = 0)
            .fails(Redirect, "more than 0 redirects"),
        plain("to an error", |peer| match peer.target() {
            "/feed" => leads(peer, "302 Found", "/other"),
            _ => peer.answer("404 Not Found", &[], ""),
        })
        .fails(Status(404), "/other: the server answered 404")
        .connections(2),
    ]
}

fn with_secrets() -> Vec<Case> {
    vec![
        secure("the credential goes along within an origin", |peer| {
            tells(peer, "/other");
        })
        .with(|endpoint, _, _| {
            endpoint.credential = Some(Credential::Bearer(Secret::new("s3cret")));
        })
        .body("Bearer s3cret")
        .connections(2),
        secure("and not to another host", |peer| {
            tells(peer, "https://other.test:{tls}/other");
        })
        .with(|endpoint, _, _| {
            endpoint.credential = Some(Credential::Bearer(Secret::new("s3cret")));
        })
        .body("nothing")
        .connections(2),
        secure("nor is a header of the provider's", |peer| {
            tells(peer, "https://other.test:{tls}/other");
        })
        .with(|endpoint, _, _| {
            endpoint.credential = Some(Credential::Header {
                name: "X-Key".into(),
                value: Secret::new("s3cret"),
            });
        })
        .body("nothing")
        .connections(2),
        secure("nor to another port of the host", |peer| {
            tells(peer, "https://127.0.0.1:{tls}/other");
        })
        .with(|endpoint, _, _| {
            endpoint.credential = Some(Credential::Bearer(Secret::new("s3cret")));
        })
        .body("nothing")
        .connections(2),
        plain("nor to another scheme", |peer| {
            tells(peer, "https://127.0.0.1:{tls}/other");
        })
        .with(|endpoint, _, _| {
            endpoint.credential = Some(Credential::Bearer(Secret::new("s3cret")));
        })
        .body("nothing")
        .connections(2),
        secure("the certificate is not offered to another host", |peer| {
            leads(peer, "302 Found", "https://other.test:{tls}/other");
        })
        .shows(Shows::Asks)
        .with(|endpoint, _, _| {
            endpoint.identity = Some(Identity::from_pem(certificates::identity()));
        })
        .fails(sensor_fetch::Kind::Tls, "other.test")
        .connections(2),
        secure("the certificate is offered within the origin", |peer| {
            leads(peer, "302 Found", "/other");
        })
        .shows(Shows::Asks)
        .with(|endpoint, _, _| {
            endpoint.identity = Some(Identity::from_pem(certificates::identity()));
        })
        .connections(2),
    ]
}
