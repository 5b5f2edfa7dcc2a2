//! Certificates, handshakes, and what is no TLS at all.

use std::{
    io::{Read as _, Write as _},
    thread,
    time::Duration,
};

use sensor_fetch::{
    Identity,
    Kind::{self, Connection, Timeout, Tls},
};

use super::case::{Case, FEED, raw, secure};
use crate::peers::certificates::{self, Shows};

fn shows(name: &'static str, shows: Shows, says: &'static str) -> Case {
    secure(name, |peer| peer.answer("200 OK", &[], FEED))
        .shows(shows)
        .fails(Tls, says)
}

fn raw_tls(
    name: &'static str,
    does: fn(std::net::TcpStream),
    kind: Kind,
    says: &'static str,
) -> Case {
    raw(name, does)
        .at("https://feed.test:{tls}/feed")
        .fails(kind, says)
}

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = certificates();
    cases.extend(handshakes());
    cases
}

fn certificates() -> Vec<Case> {
    vec![
        shows(
            "signed by itself",
            Shows::SelfSigned,
            "give its certificate as a root",
        ),
        shows(
            "of another name",
            Shows::OtherName,
            "the certificate is another's",
        ),
        shows("expired", Shows::Expired, "check this machine's clock"),
        shows("not valid yet", Shows::NotYet, "check this machine's clock"),
        shows(
            "of an unknown authority",
            Shows::UnknownRoot,
            "give its certificate as a root",
        ),
        secure(
            "of this authority, where the system's are believed",
            |peer| {
                peer.answer("200 OK", &[], FEED);
            },
        )
        .with(|endpoint, _, _| endpoint.roots = None)
        .fails(Tls, "give its certificate as a root"),
        shows(
            "asks for a client certificate and gets none",
            Shows::Asks,
            "client certificate",
        ),
        secure("asks for a client certificate and gets one", |peer| {
            peer.answer("200 OK", &[], FEED);
        })
        .shows(Shows::Asks)
        .with(|endpoint, _, _| {
            endpoint.identity = Some(Identity::from_pem(certificates::identity()));
        }),
        secure("by its address", |peer| peer.answer("200 OK", &[], FEED))
            .at("https://127.0.0.1:{tls}/feed"),
        secure("plain text at the port of TLS", |_| {})
            .at("https://127.0.0.1:{plain}/feed")
            .impatient()
            .fails(Timeout, "no connection within 500ms")
            .connections(2),
    ]
}

/// What answers at the port of TLS, and not in TLS.
fn handshakes() -> Vec<Case> {
    vec![
        raw_tls(
            "plain http at once",
            |mut tcp| {
                let _ = tcp.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
                let _ = tcp.read(&mut [0; 1024]);
                thread::sleep(Duration::from_millis(50));
            },
            Tls,
            "does not speak TLS",
        ),
        raw_tls(
            "octets of chance in the handshake",
            |mut tcp| {
                let _ = tcp.read(&mut [0; 4096]);
                let _ = tcp.write_all(&[0x16, 3, 3, 0, 4, 0xff, 0xff, 0xff, 0xff]);
                thread::sleep(Duration::from_millis(50));
            },
            Tls,
            "TLS failed",
        ),
        raw_tls(
            "an alert",
            |mut tcp| {
                let _ = tcp.read(&mut [0; 4096]);
                let _ = tcp.write_all(&[0x15, 3, 3, 0, 2, 2, 40]);
                thread::sleep(Duration::from_millis(50));
            },
            Tls,
            "HandshakeFailure",
        ),
        raw_tls(
            "hangs up in the handshake",
            |mut tcp| {
                let _ = tcp.read(&mut [0; 4096]);
            },
            Connection,
            "broke in the TLS handshake",
        )
        .connections(2),
        raw_tls(
            "silent in the handshake",
            |_tcp| thread::sleep(Duration::from_secs(2)),
            Timeout,
            "no connection within 500ms",
        )
        .impatient()
        .connections(2),
        raw_tls(
            "a record without an end",
            |mut tcp| {
                let _ = tcp.write_all(&[0x16, 3, 3, 0xff, 0xff]);
                while tcp.write_all(&[0; 4096]).is_ok() {}
            },
            Tls,
            "does not speak TLS",
        ),
    ]
}
