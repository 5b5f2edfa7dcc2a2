//! Bodies in chunks, and bodies without an end.

use std::time::Duration;

use sensor_fetch::Kind::{Connection, Protocol, TooLarge};

use super::{
    case::{Case, plain, secure},
    framing::{OK, forever, says},
};

const MEBIBYTE: u64 = 1 << 20;

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = chunks();
    cases.extend(large());
    cases
}

fn chunks() -> Vec<Case> {
    vec![
        says(
            "chunks",
            "Transfer-Encoding: chunked\r\n",
            "4\r\nhalf\r\n0\r\n\r\n",
        )
        .body("half"),
        says(
            "cut off in a chunk",
            "Transfer-Encoding: chunked\r\n",
            "ff\r\nhalf",
        )
        .fails(Connection, "broke")
        .connections(2),
        says(
            "cut off before the last chunk",
            "Transfer-Encoding: chunked\r\n",
            "4\r\nhalf\r\n",
        )
        .fails(Connection, "broke")
        .connections(2),
        says(
            "a chunk of no length",
            "Transfer-Encoding: chunked\r\n",
            "zz\r\nhalf\r\n0\r\n\r\n",
        )
        .fails(Protocol, "not HTTP/1.1"),
        says(
            "a chunk longer than numbers go",
            "Transfer-Encoding: chunked\r\n",
            "fffffffffffffffffffff\r\nhalf",
        )
        .fails(Protocol, "not HTTP/1.1"),
        says(
            "more after the last chunk",
            "Transfer-Encoding: chunked\r\n",
            "4\r\nhalf\r\n0\r\n\r\nmore",
        )
        .fails(Protocol, "sends more after the end"),
        says(
            "chunks that are coded",
            "Transfer-Encoding: gzip, chunked\r\n",
            "4\r\nhalf\r\n0\r\n\r\n",
        )
        .fails(Protocol, "Transfer-Encoding other than chunked"),
        says(
            "trailers",
            "Transfer-Encoding: chunked\r\nTrailer: a\r\n",
            "4\r\nhalf\r\n0\r\na: b\r\n\r\n",
        )
        .body("half"),
        plain("trailers without an end", |peer| {
            peer.say(&format!(
                "{OK}Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n0\r\n"
            ));
            forever(peer, b"a: b\r\n");
        })
        .fails(Protocol, "not HTTP/1.1"),
        plain("an extension of a chunk without an end", |peer| {
            peer.say(&format!("{OK}Transfer-Encoding: chunked\r\n\r\n4;"));
            forever(peer, &[b'a'; 4096]);
        })
        .fails(Protocol, "not HTTP/1.1"),
    ]
}

fn large() -> Vec<Case> {
    vec![
        plain("an endless body", |peer| {
            peer.say(&format!("{OK}\r\n"));
            forever(peer, &[b'a'; 1 << 16]);
        })
        .fails(TooLarge, "is larger than 1048576 octets"),
        plain("endless chunks", |peer| {
            peer.say(&format!("{OK}Transfer-Encoding: chunked\r\n\r\n"));
            let chunk = [b"40\r\n".as_slice(), &[b'a'; 64], b"\r\n"].concat();
            forever(peer, &chunk.repeat(1000));
        })
        .fails(TooLarge, "is larger than 1048576 octets")
        .within(6000),
        plain("exactly as much as may be", |peer| {
            peer.say(&format!("{OK}Transfer-Encoding: chunked\r\n\r\n100000\r\n"));
            peer.send(&vec![b'a'; 1 << 20]);
            peer.say("\r\n0\r\n\r\n");
        })
        .length(MEBIBYTE),
        plain("an octet more than may be", |peer| {
            peer.say(&format!("{OK}Transfer-Encoding: chunked\r\n\r\n100001\r\n"));
            peer.send(&vec![b'a'; (1 << 20) + 1]);
            peer.say("\r\n0\r\n\r\n");
        })
        .fails(TooLarge, "is larger than 1048576 octets"),
        secure("300 MiB, which no memory holds", |peer| {
            peer.say(&format!("{OK}Content-Length: {}\r\n\r\n", 300 * MEBIBYTE));
            let block = vec![b'a'; 1 << 20];
            for _ in 0..300 {
                peer.send(&block);
            }
        })
        .with(|_, limits, _| {
            limits.bytes = 1 << 30;
            limits.total = Duration::from_secs(60);
        })
        .length(300 * MEBIBYTE)
        .within(60_000),
    ]
}
