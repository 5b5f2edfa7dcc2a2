//! What people see of a sensor that is pinned: while it runs, when it has died, and when what
//! it left is removed.

#![expect(clippy::unwrap_used, reason = "all of this crate is tests")]

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use ipnet::IpNet;
use sekisho::{
    kernel::{AttachMode, Datapath as _, Kernel, Options, PinFolder, boot_id, boot_now, probe},
    loaded::{Interface, Loaded},
    places::Layers,
    settings::{
        lab,
        runtime::{self, RuntimeFolder},
    },
    watchlist::{Approval, ApprovalId, Watchlist, in_order},
};
use sensor_common::{Direction, WIRE_VERSION};
use sensor_tests::{
    command::{self, Printed},
    pins::Pins,
    require, requires,
    road::{EAST_V4, Road, WEST_V4},
    wait,
};
use serde_json::Value;
use tempfile::TempDir;

const SECOND: u64 = 1_000_000_000;
const PACKETS: u32 = 10;

/// Where [`a_sensor_in_a_process_of_its_own`] finds its folders.
const FOLDERS: &str = "SEKISHO_TEST_FOLDERS";

/// How far ahead it promises attendance.
const LEASE: u64 = 2 * SECOND;

/// The folders of a sensor.
struct Folders {
    pins: PathBuf,
    runtime: PathBuf,
}

impl Folders {
    fn run(&self, words: &[&str]) -> Printed {
        let mut command = Command::new(requires::binary());
        command.args(words);
        if words[0] != "explain" {
            command.arg("--pin-dir").arg(&self.pins);
        }
        command::run(command.arg("--runtime-dir").arg(&self.runtime))
    }

    fn list(&self) -> Value {
        let printed = self.run(&["approval", "list", "--json"]);
        assert_eq!(printed.status, Some(0), "{}", printed.whole());
        assert_eq!(printed.stderr, "", "{}", printed.whole());
        serde_json::from_str(&printed.stdout).unwrap()
    }
}

/// Two lab approvals for what goes east: one of everything, one of what comes in.
fn loaded(begin: u64) -> Loaded {
    let mut watchlist = Watchlist::default();
    let east: IpNet = EAST_V4.into();
    watchlist.add_feed("east.txt".into(), [(east, 1)]);
    let lab = lab::live(begin, Duration::from_secs(600), 1, 0);
    let mut inbound: Approval = lab.clone();
    inbound.id = ApprovalId("inbound".into());
    inbound.terms.directions = 1 << Direction::Inbound as u8;
    Loaded {
        run: 7,
        wire_version: WIRE_VERSION,
        boot_id: boot_id().unwrap().to_string(),
        unix_at_boot: 0,
        generation: 1,
        moments: Vec::new(),
        lab: true,
        interfaces: vec![Interface {
            name: "r0".into(),
            index: probe::interface_index("r0").unwrap(),
            slot: 0,
        }],
        own_addresses: Vec::new(),
        approvals: in_order(&[lab, inbound]),
        layers: Layers::lab(),
        watchlist,
    }
}

/// Not a test: the sensor of the test below, which kills it.
#[test]
fn a_sensor_in_a_process_of_its_own() {
    let Some(folder) = env::var_os(FOLDERS).map(PathBuf::from) else {
        return;
    };
    let snapshots = RuntimeFolder::lock(&folder.join("runtime")).unwrap();
    let loaded = loaded(boot_now().unwrap());
    snapshots.store(&loaded).unwrap();
    let pins = PinFolder::lock(&folder.join("bpf/sekisho")).unwrap();
    let options = Options {
        flow_capacity: 64,
        ..Options::new(true)
    };
    let mut kernel = Kernel::load_pinned(options, &pins, &mut []).unwrap();
    let index = loaded.interfaces[0].index;
    kernel.attach("r0", index, 0, AttachMode::Native).unwrap();
    let tables = loaded.compile(loaded.places().unwrap()).compiled.tables;
    kernel.publish(&tables).unwrap();
    loop {
        kernel.attend(boot_now().unwrap() + LEASE).unwrap();
        fs::write(folder.join("ready"), "").unwrap();
        thread::sleep(Duration::from_millis(50));
    }
}

/// The sensor's process, killed when dropped.
struct Sensor(Child);

impl Sensor {
    fn ready(road: &Road, folder: &Path) -> Self {
        let mut command = road.barrier.command(env::current_exe().unwrap());
        command
            .args(["--exact", "a_sensor_in_a_process_of_its_own", "--nocapture"])
            .env(FOLDERS, folder)
            .stdout(Stdio::null());
        let mut sensor = Self(command.spawn().unwrap());
        wait::until("the sensor records", || {
            let ended = sensor.0.try_wait().unwrap();
            assert!(ended.is_none(), "the sensor ended: {ended:?}");
            folder.join("ready").exists().then_some(())
        });
        sensor
    }
}

impl Drop for Sensor {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_sensor_is_seen_running_dead_and_gone() {
    require!(privilege);
    let (road, folder) = (Road::v4(), TempDir::new().unwrap());
    let bpf = Pins::new();
    std::os::unix::fs::symlink(bpf.file_system(), folder.path().join("bpf")).unwrap();
    let folders = Folders {
        pins: folder.path().join("bpf/sekisho"),
        runtime: folder.path().join("runtime"),
    };
    let sensor = Sensor::ready(&road, folder.path());
    road.cross(PACKETS);
    while_it_runs(&folders, &road);
    drop(sensor);
    when_it_has_died(&folders);
    when_it_is_removed(&folders, &road);
}

fn while_it_runs(folders: &Folders, road: &Road) {
    let listed = folders.list();
    let sensor = &listed["sensor"];
    assert_eq!(sensor["running"], true, "{listed:#}");
    assert_eq!(sensor["attended"], true, "{listed:#}");
    assert!(
        sensor["attended_left_ns"].as_u64().unwrap() <= LEASE,
        "{listed:#}"
    );
    assert_eq!(
        (&listed["generation"], &listed["lab"]),
        (&1.into(), &true.into())
    );
    assert_eq!(
        (&listed["interfaces"][0]["name"], &listed["note"]),
        (&"r0".into(), &Value::Null)
    );
    let approvals = listed["approvals"].as_array().unwrap();
    assert_eq!(approvals.len(), 2, "{listed:#}");
    let snapshot = runtime::of_generation(&folders.runtime, 1)
        .unwrap()
        .unwrap();
    for (approval, held) in approvals.iter().zip(&snapshot.approvals) {
        let terms = held.approval.terms;
        assert_eq!(approval["name"], held.approval.id.0, "{listed:#}");
        assert_eq!(approval["state"], "in_force", "{listed:#}");
        assert_eq!(approval["begin_boot_ns"], terms.begin, "{listed:#}");
        assert_eq!(approval["end_boot_ns"], terms.end, "{listed:#}");
        let left = approval["left_ns"].as_u64().unwrap();
        assert_eq!(listed["boot_ns"].as_u64().unwrap() + left, terms.end);
        assert_eq!(
            approval["differs"].as_array().unwrap().len(),
            0,
            "{listed:#}"
        );
    }
    assert_eq!(approvals[0]["recorded"], PACKETS, "{listed:#}");
    assert_eq!(approvals[0]["not_recorded"]["direction"], 0, "{listed:#}");
    assert_eq!(approvals[1]["recorded"], 0, "{listed:#}");
    assert_eq!(
        approvals[1]["not_recorded"]["direction"], PACKETS,
        "{listed:#}"
    );

    let table = folders.run(&["approval", "list"]);
    assert_eq!(
        (table.status, table.stderr.as_str()),
        (Some(0), ""),
        "{}",
        table.whole()
    );
    for words in [
        "A sensor is running",
        "LAB: generation 1 on r0",
        "in force",
        "10 direction",
    ] {
        assert!(table.stdout.contains(words), "{words}: {}", table.stdout);
    }

    let packet = format!("{WEST_V4}:5 > {EAST_V4}:9 udp");
    let explained = folders.run(&["explain", &packet]);
    assert!(
        explained.stdout.starts_with("recorded: "),
        "{}",
        explained.whole()
    );
    // Words without quotes around them all are one packet too.
    let (west, east) = (WEST_V4.to_string(), EAST_V4.to_string());
    let explained = folders.run(&["explain", &west, ">", &east, "on", "r1", "--json"]);
    let explained: Value = serde_json::from_str(&explained.stdout).unwrap();
    assert_eq!(explained["verdict"], Value::Null, "{explained:#}");
    assert_eq!(explained["interface"]["watched"], false, "{explained:#}");

    let refused = folders.run(&["detach"]);
    assert_eq!(
        (refused.status, refused.stdout.as_str()),
        (Some(15), ""),
        "{}",
        refused.whole()
    );
    assert!(
        refused.stderr.contains("another sensor is running"),
        "{}",
        refused.stderr
    );
    assert!(road.barrier.attached("r0").is_some());
}

fn when_it_has_died(folders: &Folders) {
    let listed = wait::until("the lease ran out", || {
        let listed = folders.list();
        assert_eq!(listed["sensor"]["running"], false, "{listed:#}");
        (listed["sensor"]["attended"] == false).then_some(listed)
    });
    for approval in listed["approvals"].as_array().unwrap() {
        assert_eq!(approval["state"], "ended", "{listed:#}");
        assert_eq!(approval["remark"], "its lease ran out", "{listed:#}");
    }
    assert_eq!(listed["approvals"][0]["recorded"], PACKETS, "{listed:#}");
    let packet = format!("{WEST_V4} > {EAST_V4}");
    let explained = folders.run(&["explain", &packet]);
    assert!(
        explained.stdout.starts_with("unattended: "),
        "{}",
        explained.whole()
    );
    assert!(
        explained.stdout.contains("no sensor is running"),
        "{}",
        explained.stdout
    );
}

fn when_it_is_removed(folders: &Folders, road: &Road) {
    assert!(road.barrier.attached("r0").is_some());
    let removed = folders.run(&["detach"]);
    assert_eq!(
        (removed.status, removed.stderr.as_str()),
        (Some(0), ""),
        "{}",
        removed.whole()
    );
    let pins = format!("sekisho/wire-{WIRE_VERSION}-");
    let words = [
        pins.as_str(),
        ", detached from r0\n",
        "loaded-1.json",
        "was not read",
    ];
    for words in words {
        assert!(
            removed.stdout.contains(words),
            "{words}: {}",
            removed.stdout
        );
    }
    wait::until("the program is detached", || {
        road.barrier.attached("r0").is_none().then_some(())
    });
    let nothing = folders.run(&["detach"]);
    assert_eq!(
        (nothing.status, nothing.stderr.as_str()),
        (Some(0), ""),
        "{}",
        nothing.whole()
    );
    assert!(
        nothing
            .stdout
            .starts_with("No sensor has left anything in "),
        "{}",
        nothing.stdout
    );
    for words in [
        &["approval", "list"][..],
        &["explain", "192.0.2.1 > 192.0.2.2"],
    ] {
        let refused = folders.run(words);
        assert_eq!(refused.status, Some(16), "{}", refused.whole());
    }
}

#[test]
fn pins_of_another_version_and_of_others() {
    require!(privilege);
    let (bpf, folder) = (Pins::new(), TempDir::new().unwrap());
    let folders = Folders {
        pins: bpf.file_system().join("sekisho"),
        runtime: folder.path().join("none"),
    };
    fs::create_dir_all(folders.pins.join("wire-99-1")).unwrap();
    let refused = folders.run(&["approval", "list"]);
    assert_eq!(refused.status, Some(16), "{}", refused.whole());
    let told = refused
        .stderr
        .replace(&bpf.file_system().display().to_string(), "[BPF]");
    let told = told.replace(
        &format!("reads version {WIRE_VERSION}"),
        "reads version [OURS]",
    );
    insta::assert_snapshot!(told, @"sekisho: [BPF]/sekisho/wire-99-1 was left by a sensor whose maps have version 99, this one reads version [OURS]: start and end that sensor once, which reads what is there, or remove it unread with 'sekisho detach'");

    // What others made stays, and what stands beside it too.
    fs::create_dir(folders.pins.join("others")).unwrap();
    let refused = folders.run(&["detach"]);
    assert_eq!(refused.status, Some(16), "{}", refused.whole());
    assert!(folders.pins.join("wire-99-1").exists());
    fs::remove_dir(folders.pins.join("others")).unwrap();
    let removed = folders.run(&["detach"]);
    assert_eq!(removed.status, Some(0), "{}", removed.whole());
    let told = removed
        .stdout
        .replace(&bpf.file_system().display().to_string(), "[BPF]");
    insta::assert_snapshot!(told, @r"
    removed [BPF]/sekisho/wire-99-1, attached to nothing
    What was counted there and not yet written is lost: it was not read.
    ");
    assert!(!folders.pins.join("wire-99-1").exists());
    assert!(!folders.runtime.exists());

    let empty = folders.run(&["approval", "list"]);
    assert_eq!(empty.status, Some(16), "{}", empty.whole());
}
