//! Credentials, what is refused before anything is sent, and proxies.

use sensor_fetch::{
    Credential, Identity,
    Kind::{Endpoint as Wrong, NotAllowed, Protocol, Status},
    Proxy, Secret,
};

use super::case::{Case, FEED, plain, secure};
use crate::peers::server::Peer;

/// A header of the request, as the body.
fn tells(peer: &mut Peer, name: &str) {
    let value = peer.header(name).unwrap_or("nothing").to_owned();
    peer.answer("200 OK", &[], &value);
}

fn basic(user: &str) -> Credential {
    Credential::Basic {
        user: user.into(),
        password: Secret::new("s3cret"),
    }
}

fn header(name: &str, value: &str) -> Credential {
    Credential::Header {
        name: name.into(),
        value: Secret::new(value),
    }
}

/// Never asked at all.
fn refused(name: &'static str) -> Case {
    plain(name, |peer| peer.answer("200 OK", &[], FEED)).connections(0)
}

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = credentials();
    cases.extend(proxies());
    cases
}

fn credentials() -> Vec<Case> {
    vec![
        plain("a user and a password", |peer| tells(peer, "authorization"))
            .with(|endpoint, _, _| endpoint.credential = Some(basic("me")))
            .body("Basic bWU6czNjcmV0"),
        plain("a token", |peer| tells(peer, "authorization"))
            .with(|endpoint, _, _| {
                endpoint.credential = Some(Credential::Bearer(Secret::new("t0ken")));
            })
            .body("Bearer t0ken"),
        plain("a header", |peer| tells(peer, "x-otx-api-key"))
            .with(|endpoint, _, _| endpoint.credential = Some(header("X-OTX-API-KEY", "k3y")))
            .body("k3y"),
        secure("a wrong credential", |peer| peer.answer("401 No", &[], ""))
            .with(|endpoint, _, _| endpoint.credential = Some(basic("me")))
            .fails(Status(401), "check the credential"),
        plain("what is always sent", |peer| {
            let sent = [
                "accept",
                "accept-encoding",
                "connection",
                "user-agent",
                "cookie",
            ];
            let sent = sent
                .map(|name| peer.header(name).unwrap_or("none"))
                .join(", ");
            peer.answer("200 OK", &["Set-Cookie: a=b"], &sent);
        })
        .body(concat!(
            "*/*, identity, close, sekisho/",
            env!("CARGO_PKG_VERSION"),
            ", none"
        )),
        refused("a credential over plain http to another machine")
            .at("http://feed.test:{plain}/feed")
            .with(|endpoint, _, _| endpoint.credential = Some(basic("me")))
            .fails(Wrong, "would send the credential over plain http"),
        refused("a certificate over plain http")
            .with(|endpoint, _, _| endpoint.identity = Some(Identity::from_pem("a")))
            .fails(Wrong, "plain http has no use for"),
        refused("an identity that is none")
            .at("https://feed.test:{tls}/feed")
            .with(|endpoint, _, _| endpoint.identity = Some(Identity::from_pem("s3cret")))
            .fails(Wrong, "the identity has no certificate"),
        refused("roots that are none")
            .at("https://feed.test:{tls}/feed")
            .with(|endpoint, _, _| endpoint.roots = Some(Vec::new()))
            .fails(Wrong, "no certificate is among the authorities"),
        refused("a header with a line break")
            .with(|endpoint, _, _| endpoint.credential = Some(header("X-Key", "s3cret\r\nHost: a")))
            .fails(Wrong, "as one with a line break"),
        refused("a header that the request has anyway")
            .with(|endpoint, _, _| endpoint.credential = Some(header("host", "a")))
            .fails(Wrong, "that the request has anyway"),
        refused("a user with a colon")
            .with(|endpoint, _, _| endpoint.credential = Some(basic("a:b")))
            .fails(Wrong, "no colon"),
        refused("a host that is not listed")
            .at("https://unlisted.test/feed?key=s3cret")
            .fails(
                NotAllowed,
                "https://unlisted.test/feed?…: the host is not allowed",
            ),
        refused("plain http to a host that is listed for https")
            .at("http://other.test:{tls}/feed")
            .fails(NotAllowed, "add the line 'http://other.test:"),
    ]
}

/// The plain port as the proxy.
fn by_proxy(case: Case) -> Case {
    case.with(|endpoint, _, ports| {
        let url = format!("http://127.0.0.1:{}", ports.plain);
        let mut proxy = Proxy::new(&url).unwrap();
        proxy.credential = Some(("me".into(), Secret::new("s3cret")));
        endpoint.proxy = Some(proxy);
    })
}

/// A proxy that lets those through who say the password, and the feed behind it.
fn is_proxy(peer: &mut Peer) {
    if peer.tls {
        let told = peer
            .header("proxy-authorization")
            .unwrap_or(FEED)
            .to_owned();
        return peer.answer("200 OK", &[], &told);
    }
    let connects = peer.head.starts_with("CONNECT feed.test:");
    if connects && peer.header("proxy-authorization") == Some("Basic bWU6czNjcmV0") {
        peer.say("HTTP/1.1 200 Connection established\r\nVia: a\r\n\r\n");
        peer.tunnel();
    } else {
        peer.answer("407 No", &[], "");
    }
}

fn proxies() -> Vec<Case> {
    vec![
        // One connection to the proxy, one of it to the server.
        by_proxy(secure("through a proxy", is_proxy)).connections(2),
        by_proxy(plain("plain http through a proxy", |peer| {
            let target = peer.target().to_owned();
            let host = peer.header("host").unwrap_or_default().to_owned();
            let whole = target == format!("http://{host}/feed") && host.starts_with("feed.test:");
            let asked = peer.header("proxy-authorization") == Some("Basic bWU6czNjcmV0");
            peer.answer("200 OK", &[], if whole && asked { FEED } else { "no" });
        }))
        .at("http://feed.test:{plain}/feed"),
        by_proxy(secure("a proxy that refuses", |peer| {
            peer.answer("403 No", &[], "");
        }))
        .fails(
            Status(403),
            "the proxy answered 403 to a connection to feed.test:",
        ),
        by_proxy(secure("a proxy that is none", |peer| {
            peer.say("220 mail.test ESMTP\x1b[31m\r\n\r\n");
        }))
        .fails(Protocol, "the proxy answered '220 mail.test ESMTP"),
        by_proxy(secure("a proxy that talks without end", |peer| {
            peer.say("HTTP/1.1 200 OK\r\n");
            while peer.say("a: b\r\n") {}
        }))
        .fails(Protocol, "more than 8192 octets of headers"),
        by_proxy(secure("a proxy that is silent", |_| {
            std::thread::sleep(std::time::Duration::from_secs(2));
        }))
        .impatient()
        .fails(sensor_fetch::Kind::Timeout, "no connection within 500ms")
        .connections(2),
        by_proxy(secure("a proxy that hangs up", |_| {}))
            .fails(
                sensor_fetch::Kind::Connection,
                "the connection to the proxy broke",
            )
            .connections(2),
        refused("a credential over plain http through a proxy elsewhere")
            .with(|endpoint, _, _| {
                endpoint.credential = Some(basic("me"));
                endpoint.proxy = Some(Proxy::new("http://proxy.test:3128").unwrap());
            })
            .fails(Wrong, "over plain http to another machine"),
    ]
}
