//! Link layers and compressions of captures, through the binary.

#![expect(
    clippy::unwrap_used,
    reason = "a test fails where its own assumptions do"
)]

use std::{collections::BTreeMap, fs, path::Path, process::Command};

use sensor_tests::{
    command::{self, Printed},
    packet::Packet,
    require, requires,
    sensor::Lines,
};

fn replay(file: &Path) -> Printed {
    let mut replay = Command::new(requires::binary());
    replay.arg("replay").arg(file);
    replay.args(["--watch", "0.0.0.0/0", "--watch", "::/0", "--lab", "--json"]);
    command::run(&mut replay)
}

/// An IPv4 packet without a link header.
fn packet() -> Vec<u8> {
    let frame = Packet::v4([192, 0, 2, 1], [198, 51, 100, 2])
        .udp(12_345, 53)
        .build();
    frame[14..].to_vec()
}

/// Every link type that is read, with a header before IPv4.
fn headers() -> Vec<(u16, Vec<u8>)> {
    let sll = [&[0, 4, 3, 4][..], &[0; 10], &[8, 0]].concat();
    let sll2 = [&[8, 0, 0, 0, 0, 0, 0, 1, 3, 4][..], &[0; 10]].concat();
    let ethernet = [&[2; 12][..], &[8, 0]].concat();
    vec![
        (0, vec![2, 0, 0, 0]),
        (0, vec![0, 0, 0, 2]),
        (1, ethernet),
        (9, vec![0x21]),
        (9, vec![0xff, 3, 0, 0x21]),
        (12, vec![]),
        (14, vec![]),
        (50, vec![0xff, 3, 0, 0x21]),
        (50, vec![0x0f, 0, 8, 0]),
        (101, vec![]),
        (104, vec![0x8f, 0, 8, 0]),
        (108, vec![0, 0, 0, 2]),
        (113, sll),
        (228, vec![]),
        (276, sll2),
    ]
}

fn block(kind: u32, body: &[u8]) -> Vec<u8> {
    let mut body = body.to_vec();
    body.resize(body.len().next_multiple_of(4), 0);
    let length = u32::try_from(body.len() + 12).unwrap().to_le_bytes();
    [&kind.to_le_bytes()[..], &length, &body, &length].concat()
}

fn section() -> Vec<u8> {
    let head = [0x4d, 0x3c, 0x2b, 0x1a, 1, 0, 0, 0];
    block(0x0a0d_0d0a, &[&head[..], &[0xff; 8]].concat())
}

fn interface(link: u16, name: &str) -> Vec<u8> {
    let mut body = link.to_le_bytes().to_vec();
    body.extend([0, 0, 0, 0, 0, 0, 2, 0]);
    body.extend(u16::try_from(name.len()).unwrap().to_le_bytes());
    body.extend(name.bytes());
    block(1, &body)
}

fn captured(interface: usize, data: &[u8]) -> Vec<u8> {
    let length = u32::try_from(data.len()).unwrap().to_le_bytes();
    let interface = u32::try_from(interface).unwrap().to_le_bytes();
    block(
        6,
        &[&interface[..], &[0; 8], &length, &length, data].concat(),
    )
}

#[test]
fn every_link_layer_of_one_file_is_read() {
    require!(privilege);
    let headers = headers();
    let mut file = section();
    for (number, (link, _)) in headers.iter().enumerate() {
        file.extend(interface(*link, &format!("if{number}")));
    }
    for (number, (_, header)) in headers.iter().enumerate() {
        let whole = [&header[..], &packet()].concat();
        file.extend(captured(number, &whole));
        // Cut inside the link header, or before anything where there is none.
        file.extend(captured(number, &whole[..header.len().saturating_sub(1)]));
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("links.pcapng");
    fs::write(&path, file).unwrap();
    let printed = replay(&path);
    assert_eq!((printed.status, &*printed.stderr), (Some(0), ""));
    let lines = Lines::parse(&printed.stdout);
    let count = headers.len() as u64;
    assert_eq!(lines.summary()["seen"], 2 * count);
    assert_eq!(lines.verdict("recorded"), count);
    assert_eq!(lines.summary()["malformed"]["truncated"], count);
    let octets: BTreeMap<_, _> = lines
        .flows()
        .map(|flow| {
            let interface = flow["interface"].as_str().unwrap().to_owned();
            (interface, flow["octets"].as_u64().unwrap())
        })
        .collect();
    let length = packet().len() as u64;
    let expected = (0..headers.len()).map(|number| (format!("if{number}"), length));
    assert_eq!(octets, expected.collect());
}

#[test]
fn another_link_type_is_refused_by_interface_number_and_name() {
    require!(privilege);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("radio.pcapng");
    let mut file = [section(), interface(101, "tun0"), interface(127, "wlan0")].concat();
    file.extend(captured(0, &packet()));
    file.extend(captured(1, &[0; 60]));
    fs::write(&path, &file).unwrap();
    let printed = replay(&path);
    assert_eq!(printed.status, Some(10));
    assert_eq!(Lines::parse(&printed.stdout).summary()["seen"], 1);
    let told = printed
        .stderr
        .replace(&folder.path().display().to_string(), "[FOLDER]");
    insta::assert_snapshot!(told, @"sekisho: not read to its end: capture [FOLDER]/radio.pcapng: interface 1 (wlan0): link type 127 (Wi-Fi with radiotap) is not supported; supported are 0 (BSD loopback), 1 (Ethernet), 9 (PPP), 12 (raw IP), 14 (raw IP), 50 (PPP on a serial line), 51 (PPPoE), 101 (raw IP), 104 (Cisco HDLC), 108 (OpenBSD loopback), 113 (Linux cooked), 228 (raw IPv4), 229 (raw IPv6), 276 (Linux cooked v2)");
}

#[test]
fn compressed_captures_are_counted_as_they_are() {
    require!(privilege);
    let gzip = require!(tool "gzip");
    let zstd = require!(tool "zstd");
    let folder = require!(data "pcap");
    let place = tempfile::tempdir().unwrap();
    for name in [
        "defrag-bug-6942-6887-defrag-eth-ip-gre-ppp-ip-udp-data.pcap",
        "decode-sll2-01.pcap",
    ] {
        let capture = folder.join(name);
        let plain = replay(&capture);
        assert_eq!((plain.status, &*plain.stderr), (Some(0), ""));
        for (tool, flags) in [
            (&gzip, &["-c"][..]),
            (&gzip, &["-9c"]),
            (&zstd, &["-qc"]),
            (&zstd, &["-qc", "-19", "--long=27"]),
            (&zstd, &["-qc", "--no-check", "-1"]),
            (&zstd, &["-qc", "--format=gzip"]),
        ] {
            let compressed = Command::new(tool)
                .args(flags)
                .arg(&capture)
                .output()
                .unwrap();
            assert!(compressed.status.success(), "{tool:?} {flags:?}");
            // The name says nothing.
            let path = place.path().join("some.pcap");
            fs::write(&path, compressed.stdout).unwrap();
            assert_eq!(replay(&path), plain, "{name} {tool:?} {flags:?}");
        }
    }
}

/// Replays a capture of 1,024 frames in a compression, changed; the frames seen, the status and
/// what was told, without the folder.
fn changed(tool: &Path, change: impl Fn(&mut Vec<u8>)) -> Option<(u64, Option<i32>, String)> {
    let folder = requires::data("pcap").ok()?;
    let capture = folder.join("defrag-bug-6942-6887-defrag-eth-ip-gre-ppp-ip-udp-data.pcap");
    let compressed = Command::new(tool)
        .arg("-c")
        .arg(capture)
        .output()
        .unwrap()
        .stdout;
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("some.pcap");
    let mut compressed = compressed;
    change(&mut compressed);
    fs::write(&path, compressed).unwrap();
    let printed = replay(&path);
    let seen = Lines::parse(&printed.stdout).summary()["seen"]
        .as_u64()
        .unwrap();
    let told = printed
        .stderr
        .replace(&place.path().display().to_string(), "[FOLDER]");
    Some((seen, printed.status, told))
}

#[test]
fn compressed_captures_cut_or_damaged_are_counted_up_to_there() {
    require!(privilege);
    require!(data "pcap");
    for name in ["gzip", "zstd"] {
        let tool = require!(tool name);
        let (seen, status, told) = changed(&tool, |file| file.truncate(file.len() - 1)).unwrap();
        assert_eq!(status, Some(0), "{told}");
        assert!(
            told.contains(&format!(
                "[FOLDER]/some.pcap: {name} data are cut short at byte "
            )),
            "{told}"
        );
        assert!(
            told.ends_with("everything before it was counted\n"),
            "{told}"
        );
        assert_eq!(seen, 1024, "{name}: only a checksum is missing");

        let (seen, status, told) = changed(&tool, |file| file.extend([b'x'; 40])).unwrap();
        assert_eq!((seen, status), (1024, Some(10)), "{told}");
        assert!(
            told.starts_with(&format!(
                "sekisho: not read to its end: capture [FOLDER]/some.pcap: \
                 {name} data are corrupt before byte "
            )),
            "{told}"
        );
    }
}
