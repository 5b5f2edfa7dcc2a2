//! Each class of failure has its own status and one line that says what to do.

use std::{fs, os::unix::fs::PermissionsExt as _, process::Command};

use sensor_tests::{
    command,
    netns::Namespace,
    require, requires,
    road::{EAST_V4, Road},
    sensor::{Launch, Signal},
};
use tempfile::TempDir;

use crate::{failed_plainly, folder, in_folder, run, sekisho};

fn path(folder: &TempDir, name: &str) -> String {
    folder.path().join(name).display().to_string()
}

#[test]
fn nothing_starts_without_an_approval() {
    let folder = folder();
    let feed = path(&folder, "feed.txt");
    let printed = sekisho(&["run", "--interface", "lo", "--feed", &feed]);
    failed_plainly(&printed, 3);
    insta::assert_snapshot!(printed.whole(), @r"
    exit status: 3
    ----- stdout -----
    ----- stderr -----
    sekisho: nothing is recorded without an approval: name the folder of the papers with --state ('sekisho init' makes one); --lab tries the sensor without them
    ");
    let replayed = sekisho(&["replay", "some.pcap", "--feed", &feed]);
    assert_eq!(replayed, printed);
}

#[test]
fn what_papers_say_no_argument_says() {
    let folder = folder();
    let feed = path(&folder, "feed.txt");
    let run = ["run", "--interface", "lo"];
    let replay = ["replay", "some.pcap"];
    let mut told = String::new();
    for (command, further) in [
        (&run[..], &["--state", "papers", "--lab"][..]),
        (&run[..], &["--state", "papers", "--feed", &feed]),
        (&run[..], &["--state", "papers", "--territory", &feed]),
        (&run[..], &["--state", "papers", "--exclude", &feed]),
        (&run[..], &["--state", "papers", "--operator", "a=::/0"]),
        (&run[..], &["--lab", "--state-dir", "none"]),
        (&replay[..], &["--state", "papers", "--watch", "::/0"]),
        (
            &replay[..],
            &["--lab", "--state-dir", "none", "--interface", "eth0"],
        ),
    ] {
        let printed = sekisho(&[command, further].concat());
        failed_plainly(&printed, 2);
        told.push_str(&printed.stderr);
    }
    insta::assert_snapshot!(told, @r"
    sekisho: --state and --lab exclude each other: a sensor is real, or it is lab
    sekisho: --feed is for --lab: with --state, the papers say it
    sekisho: --territory is for --lab: with --state, the papers say it
    sekisho: --exclude is for --lab: with --state, the papers say it
    sekisho: --operator is for --lab: with --state, the papers say it
    sekisho: nothing to watch for: give --feed FILE
    sekisho: --watch is for --lab: with --state, the papers say it
    sekisho: --interface is for --state: lab records on every interface
    ");
}

#[test]
fn lab_is_refused_beside_a_real_state_folder() {
    let folder = folder();
    let (feed, state) = (
        path(&folder, "feed.txt"),
        folder.path().display().to_string(),
    );
    let words = [
        "run",
        "--lab",
        "--state-dir",
        &state,
        "--interface",
        "none0",
        "--feed",
        &feed,
    ];
    fs::write(folder.path().join("state.toml"), "kind = \"real\"\n").unwrap();
    let printed = sekisho(&words);
    failed_plainly(&printed, 3);
    insta::assert_snapshot!(in_folder(&printed.whole(), folder.path()), @r"
    exit status: 3
    ----- stdout -----
    ----- stderr -----
    sekisho: lab mode is refused: [FOLDER] is the state folder of a real sensor; run lab on another machine
    ");

    fs::write(folder.path().join("state.toml"), "kind = lab\n").unwrap();
    let printed = sekisho(&words);
    failed_plainly(&printed, 3);
    insta::assert_snapshot!(in_folder(&printed.whole(), folder.path()), @r#"
    exit status: 3
    ----- stdout -----
    ----- stderr -----
    sekisho: lab mode is refused, because [FOLDER]/state.toml does not say that this is no real sensor: string values must be quoted, expected literal string
    "#);
}

#[test]
fn lab_runs_beside_a_lab_state_folder() {
    require!(privilege);
    let folder = folder();
    fs::create_dir(folder.path().join("state")).unwrap();
    fs::write(folder.path().join("state/state.toml"), "kind = \"lab\"\n").unwrap();
    let road = Road::v4();
    let printed = run(&road.barrier, folder.path(), "feed.txt", "r0");
    assert_eq!(printed.status, Some(0), "{}", printed.whole());
}

#[test]
fn without_privilege_it_says_what_to_grant() {
    let folder = folder();
    // The binary and the feed may lie where only their owner may look.
    let binary = folder.path().join("sekisho");
    fs::copy(requires::binary(), &binary).unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = if requires::is_root() {
        let mut command = Command::new(require!(tool "setpriv"));
        command
            .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
            .arg(&binary);
        command
    } else {
        Command::new(&binary)
    };
    command.args(["run", "--lab", "--interface", "lo", "--state-dir"]);
    command
        .arg(folder.path().join("state"))
        .arg("--feed")
        .arg(folder.path().join("feed.txt"));
    let printed = command::run(&mut command);
    failed_plainly(&printed, 4);
    insta::assert_snapshot!(printed.whole(), @r"
    exit status: 4
    ----- stdout -----
    ----- stderr -----
    sekisho: not permitted to load BPF programs: run with sudo, or grant CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON
    ");
}

#[test]
fn a_missing_interface_names_those_there_are() {
    require!(privilege);
    let (folder, road) = (folder(), Road::v4());
    let printed = run(&road.barrier, folder.path(), "feed.txt", "eth7");
    failed_plainly(&printed, 5);
    insta::assert_snapshot!(printed.whole(), @r"
    exit status: 5
    ----- stdout -----
    ----- stderr -----
    sekisho: no interface 'eth7'; there are: lo, r0, r1
    ");
}

#[test]
fn another_program_on_the_interface_is_named_and_left_alone() {
    require!(privilege);
    let (folder, road) = (folder(), Road::v4());
    let first = Launch::new(&road.barrier, &["r0"], &["198.51.100.7"])
        .args("--tick 20")
        .ready();
    let attached = road.barrier.attached("r0");
    let printed = run(&road.barrier, folder.path(), "feed.txt", "r0");
    failed_plainly(&printed, 6);
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(r"id \d+", "id [ID]");
    settings.bind(|| insta::assert_snapshot!(printed.whole(), @r"
    exit status: 6
    ----- stdout -----
    ----- stderr -----
    sekisho: interface r0: the XDP program 'sekisho' (id [ID]) is attached already; detach it first ('ip link set dev r0 xdp off', or end the program that holds it; 'sekisho detach' removes what a dead sensor left behind)
    "));
    assert_eq!(road.barrier.attached("r0"), attached);
    first.stop(Signal::SIGTERM).well();
}

#[test]
fn an_interface_whose_neighbour_is_taken_is_let_go() {
    require!(privilege);
    let road = Road::v4();
    let first = Launch::new(&road.barrier, &["r1"], &["198.51.100.7"])
        .args("--tick 20")
        .ready();
    let second = Launch::new(&road.barrier, &["r0", "r1"], &["198.51.100.7"])
        .start()
        .end();
    assert_eq!(second.status, Some(6), "{}", second.stderr);
    assert_eq!(road.barrier.attached("r0"), None);
    drop(first);
    let third = Launch::new(&road.barrier, &["r0", "r1"], &[&EAST_V4.to_string()]).ready();
    road.cross(5);
    assert_eq!(third.stop(Signal::SIGTERM).well().summary()["seen"], 5);
}

#[test]
fn an_interface_without_native_xdp() {
    require!(privilege);
    let (folder, namespace) = (folder(), Namespace::new());
    namespace.ip("link add br0 type bridge");
    let printed = run(&namespace, folder.path(), "feed.txt", "br0");
    failed_plainly(&printed, 6);
    insta::assert_snapshot!(printed.whole(), @r"
    exit status: 6
    ----- stdout -----
    ----- stderr -----
    sekisho: interface br0: its driver has no native XDP, or an offload stands in its way ('sekisho check --interface br0'); --generic attaches in the network stack, which is slower
    ");
}

/// Its frames begin with the IP header, which would be read as link addresses.
#[test]
fn an_interface_without_ethernet_headers() {
    require!(privilege);
    let (folder, namespace) = (folder(), Namespace::new());
    namespace.ip("tuntap add dev tun0 mode tun");
    let printed = run(&namespace, folder.path(), "feed.txt", "tun0");
    failed_plainly(&printed, 6);
    insta::assert_snapshot!(printed.whole(), @r"
    exit status: 6
    ----- stdout -----
    ----- stderr -----
    sekisho: interface tun0: its frames have no Ethernet header, so the program would read them wrong; only Ethernet interfaces can be watched
    ");
}

#[test]
fn an_output_that_cannot_be_opened() {
    require!(privilege);
    let road = Road::v4();
    let ended = Launch::new(&road.barrier, &["r0"], &["198.51.100.7"])
        .args("--output /nonexistent/records.json")
        .start()
        .end();
    assert_eq!(ended.status, Some(12), "{}", ended.stderr);
    insta::assert_snapshot!(ended.stderr, @"sekisho: output /nonexistent/records.json: no such file");
}

#[test]
fn an_interface_named_twice() {
    require!(privilege);
    let road = Road::v4();
    let ended = Launch::new(&road.barrier, &["r0", "r0"], &["198.51.100.7"])
        .start()
        .end();
    assert_eq!(ended.status, Some(2), "{}", ended.stderr);
    insta::assert_snapshot!(ended.stderr, @"sekisho: interface r0 is named twice");
}
