//! How `sekisho replay` ends where it cannot begin. What it prints of captures is for the
//! tests of captures.

use std::fs;

use sensor_tests::require;

use crate::{failed_plainly, in_folder, sekisho};

#[test]
fn captures_that_cannot_be_read() {
    require!(privilege);
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state").display().to_string();
    fs::write(folder.path().join("empty.pcap"), "").unwrap();
    fs::write(
        folder.path().join("text.pcap"),
        "certainly no capture\n".repeat(9),
    )
    .unwrap();
    let mut told = String::new();
    for name in ["missing.pcap", ".", "empty.pcap", "text.pcap"] {
        let capture = folder.path().join(name).display().to_string();
        let words = [
            "replay",
            "--lab",
            "--state-dir",
            &state,
            &capture,
            "--watch",
            "0.0.0.0/0",
        ];
        let printed = sekisho(&words);
        failed_plainly(&printed, 10);
        told.push_str(&printed.stderr);
    }
    insta::assert_snapshot!(in_folder(&told, folder.path()), @r"
    sekisho: capture [FOLDER]/missing.pcap: no such file
    sekisho: capture [FOLDER]/.: is a directory; name a file in it
    sekisho: capture [FOLDER]/empty.pcap: the file is empty
    sekisho: capture [FOLDER]/text.pcap: neither pcap nor pcapng (it starts with 63 65 72 74)
    ");
}

#[test]
fn nothing_to_watch_for() {
    require!(privilege);
    let mut told = String::new();
    for further in [
        &[][..],
        &["--watch", "198.51.100.7/24"],
        &["--watch", "everything"],
    ] {
        let mut words = vec![
            "replay",
            "--lab",
            "--state-dir",
            "/nonexistent",
            "some.pcap",
        ];
        words.extend(further);
        let printed = sekisho(&words);
        failed_plainly(&printed, 2);
        told.push_str(&printed.stderr);
    }
    insta::assert_snapshot!(told, @r"
    sekisho: nothing to watch for: give --feed FILE or --watch CIDR
    sekisho: --watch: '198.51.100.7/24' has bits beyond its length; write 198.51.100.0/24, or the address alone
    sekisho: --watch: 'everything' is neither an address nor a prefix
    ");
}
