//! What `explain`, `approval list` and `detach` say where there is nothing to see.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, process::Command};

use sekisho::{
    loaded::{Interface, Loaded},
    places::Layers,
    settings::{lab, runtime::RuntimeFolder},
    watchlist::{Watchlist, in_order},
};
use sensor_common::WIRE_VERSION;
use sensor_tests::{
    command::{self, Printed},
    require, requires,
};

use crate::{failed_plainly, in_folder, sekisho};

/// Loaded in another boot: no machine draws this one.
fn loaded() -> Loaded {
    let mut watchlist = Watchlist::default();
    watchlist.add_feed("list".into(), [("192.0.2.0/24".parse().unwrap(), 7)]);
    Loaded {
        run: 7,
        wire_version: WIRE_VERSION,
        boot_id: "00000000-0000-0000-0000-000000000000".into(),
        unix_at_boot: 5,
        generation: 3,
        moments: Vec::new(),
        lab: true,
        interfaces: vec![Interface {
            name: "r0".into(),
            index: 3,
            slot: 0,
        }],
        own_addresses: Vec::new(),
        approvals: in_order(&[lab::replay()]),
        layers: Layers::lab(),
        watchlist,
    }
}

fn explain(folder: &Path, words: &[&str]) -> Printed {
    let folder = folder.display().to_string();
    let mut all = vec!["explain", "--runtime-dir", &folder];
    all.extend(words);
    sekisho(&all)
}

#[test]
fn a_packet_that_is_not_understood() {
    let mut told = String::new();
    for words in [
        &["203.0.113.5:443"][..],
        &["203.0.113.5", ">"],
        &["example.org > 198.51.100.7"],
        &["203.0.113.5:x > 198.51.100.7"],
        &["203.0.113.5 > 198.51.100.7", "tpc"],
        &["203.0.113.5 > 198.51.100.7 on eth0 vlan 5000"],
    ] {
        let printed = explain(Path::new("/nonexistent"), words);
        failed_plainly(&printed, 2);
        told.push_str(&printed.stderr);
    }
    insta::assert_snapshot!(told, @r"
    sekisho: packet: no '>' between source and destination; write the packet in quotes, since a shell takes '>' for itself: 'SRC > DST'
    sekisho: packet: no destination; expected SRC > DST, each an address
    sekisho: packet: source: 'example.org' is no address; expected one like 203.0.113.5, 203.0.113.5:443, 2001:db8::1 or [2001:db8::1]:443
    sekisho: packet: source: 'x' is no port; expected a number from 0 to 65535
    sekisho: packet: 'tpc' is not understood; expected a protocol (tcp, udp, icmp, icmpv6, sctp or a number up to 255), 'on INTERFACE', 'vlan N' or the end
    sekisho: packet: '5000' is not understood; expected a VLAN identifier from 0 to 4095
    ");
    assert_eq!(sekisho(&["explain"]).status, Some(2));
}

#[test]
fn nothing_is_loaded() {
    let folder = tempfile::tempdir().unwrap();
    let packet = &["203.0.113.5 > 198.51.100.7"];
    for path in [folder.path().to_owned(), folder.path().join("none")] {
        let printed = explain(&path, packet);
        failed_plainly(&printed, 16);
    }
    let printed = explain(folder.path(), packet);
    let snapshots = RuntimeFolder::lock(folder.path()).unwrap();
    snapshots.store(&loaded()).unwrap();
    let mut told = printed.stderr;
    let printed = explain(folder.path(), packet);
    failed_plainly(&printed, 16);
    told.push_str(&printed.stderr);
    let mut other = loaded();
    other.wire_version += 1;
    snapshots.store(&other).unwrap();
    let printed = explain(folder.path(), packet);
    failed_plainly(&printed, 16);
    told.push_str(&printed.stderr);
    fs::write(folder.path().join("loaded-3.json"), "{\"wire").unwrap();
    let printed = explain(folder.path(), packet);
    failed_plainly(&printed, 16);
    told.push_str(&printed.stderr);
    let other = format!("types have version {}", WIRE_VERSION + 1);
    let told = told.replace(&other, "types have version [OTHER]");
    insta::assert_snapshot!(in_folder(&told, folder.path()), @r"
    sekisho: nothing is loaded: no sensor has left a snapshot in [FOLDER]; start one with 'sekisho run', or name its folder with --runtime-dir
    sekisho: nothing is loaded since this machine started: what [FOLDER] holds is of an earlier boot; start a sensor with 'sekisho run'
    sekisho: [FOLDER]/loaded-3.json: is no snapshot of this version: its types have version [OTHER]; remove it
    sekisho: [FOLDER]/loaded-3.json: is no snapshot of this version: EOF while parsing a string at line 1 column 6; remove it
    ");
}

#[test]
fn no_pins() {
    let folder = tempfile::tempdir().unwrap();
    let (here, none) = (
        folder.path().display().to_string(),
        folder.path().join("none"),
    );
    let none = none.display().to_string();
    let mut told = String::new();
    for pins in [&here, &none] {
        let printed = sekisho(&[
            "approval",
            "list",
            "--pin-dir",
            pins,
            "--runtime-dir",
            &none,
        ]);
        failed_plainly(&printed, 16);
        told.push_str(&printed.stderr);
    }
    let printed = sekisho(&["detach", "--pin-dir", &here, "--runtime-dir", &none]);
    failed_plainly(&printed, 16);
    told.push_str(&printed.stderr);
    insta::assert_snapshot!(in_folder(&told, folder.path()), @r"
    sekisho: [FOLDER] is on no BPF file system, so nothing can be pinned there: 'mount -t bpf bpf /sys/fs/bpf', or name a folder on one with --pin-dir
    sekisho: no sensor is running and none has left anything in [FOLDER]/none
    sekisho: [FOLDER] is on no BPF file system, so nothing can be pinned there: 'mount -t bpf bpf /sys/fs/bpf', or name a folder on one with --pin-dir
    ");
}

#[test]
fn detaching_where_nothing_was_left_and_where_only_snapshots_were() {
    let folder = tempfile::tempdir().unwrap();
    let none = folder.path().join("none").display().to_string();
    let here = folder.path().display().to_string();
    let mut told = String::new();
    let mut detach = |runtime: &str| {
        let printed = sekisho(&["detach", "--pin-dir", &none, "--runtime-dir", runtime]);
        told.push_str(&printed.whole());
    };
    detach(&none);
    let snapshots = RuntimeFolder::lock(folder.path()).unwrap();
    snapshots.store(&loaded()).unwrap();
    detach(&here);
    drop(snapshots);
    detach(&here);
    detach(&here);
    insta::assert_snapshot!(in_folder(&told, folder.path()), @r"
    exit status: 0
    ----- stdout -----
    No sensor has left anything in [FOLDER]/none or [FOLDER]/none.
    ----- stderr -----
    exit status: 15
    ----- stdout -----
    ----- stderr -----
    sekisho: another sensor is running: it holds [FOLDER]; end it, or give this one a folder of its own with --runtime-dir
    exit status: 0
    ----- stdout -----
    removed [FOLDER]/loaded-3.json
    ----- stderr -----
    exit status: 0
    ----- stdout -----
    No sensor has left anything in [FOLDER]/none or [FOLDER].
    ----- stderr -----
    ");
    assert!(!folder.path().join("none").exists());
}

#[test]
fn folders_that_this_user_may_not_read() {
    require!(privilege);
    let setpriv = require!(tool "setpriv");
    // The binary may lie where only its owner may look, as the folders do.
    let (binary, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for (path, mode) in [(binary.path(), 0o755), (folder.path(), 0o700)] {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }
    let sekisho = binary.path().join("sekisho");
    fs::copy(requires::binary(), &sekisho).unwrap();
    let (pins, runtime) = (folder.path().join("pins"), folder.path().join("runtime"));
    let (pins, runtime) = (pins.display().to_string(), runtime.display().to_string());
    let mut told = String::new();
    for words in [
        &[
            "explain",
            "192.0.2.1 > 192.0.2.2",
            "--runtime-dir",
            &runtime,
        ][..],
        &["approval", "list", "--pin-dir", &pins],
        &["detach", "--pin-dir", &pins],
    ] {
        let mut command = Command::new(&setpriv);
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
        let printed = command::run(command.arg(&sekisho).args(words));
        failed_plainly(&printed, 4);
        told.push_str(&printed.stderr);
    }
    insta::assert_snapshot!(in_folder(&told, folder.path()), @r"
    sekisho: [FOLDER]/runtime: may not be opened by this user
    sekisho: not permitted to reach what is pinned in the kernel: run with sudo, or grant CAP_BPF and the right to use the folder
    sekisho: not permitted to reach what is pinned in the kernel: run with sudo, or grant CAP_BPF and the right to use the folder
    ");
}
