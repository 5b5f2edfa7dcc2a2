//! Network namespaces and the veth pairs between them, by iproute2's commands.
//!
//! A namespace is named, so that `ip netns exec` runs any program in it and a person
//! can look into a test that hangs.

use std::{
    fs::File,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    process::{self, Command},
    sync::atomic::{AtomicU32, Ordering},
    thread,
};

use nix::sched::{CloneFlags, setns};
use serde_json::Value;

use crate::{command, requires};

/// A network namespace with nothing but its loopback, gone when dropped.
#[derive(Debug)]
pub struct Namespace {
    name: String,
}

impl Namespace {
    /// Makes a namespace whose name no other test has.
    pub fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let namespace = Self {
            name: format!("sekisho-test-{}-{number}", process::id()),
        };
        command::expect(Command::new(ip()).args(["netns", "add", &namespace.name]));
        namespace.ip("link set lo up");
        namespace
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A command that runs in it; the process started is the program's own.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(ip());
        command.args(["netns", "exec", &self.name]).arg(program);
        command
    }

    /// Runs `ip` on it, which has to succeed; words are divided by spaces.
    pub fn ip(&self, words: &str) -> String {
        command::expect(
            Command::new(ip())
                .args(["-n", &self.name])
                .args(words.split(' ')),
        )
    }

    /// What `ip` says of it, as JSON.
    pub fn ip_json(&self, words: &str) -> Value {
        let printed = self.ip(&format!("-details -statistics -json {words}"));
        match serde_json::from_str(&printed) {
            Ok(value) => value,
            Err(error) => panic!("ip {words} printed no JSON ({error}): {printed}"),
        }
    }

    /// Runs `work` in a thread that is in the namespace. Sockets made there stay there
    /// and may be used by any thread.
    pub fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        let path = format!("/run/netns/{}", self.name);
        let enter = move || {
            let file = File::open(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
            setns(file, CloneFlags::CLONE_NEWNET).unwrap_or_else(|error| panic!("{path}: {error}"));
            work()
        };
        match thread::scope(|scope| scope.spawn(enter).join()) {
            Ok(done) => done,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }

    /// Sets a setting below `/proc/sys/net`.
    pub fn set(&self, name: &str, value: &str) {
        // Reading through a thread in the namespace shows the namespace's settings.
        let file = format!("/proc/sys/net/{name}");
        let written = self.run(|| std::fs::write(&file, value));
        written.unwrap_or_else(|error| panic!("{file}: {error}"));
    }

    /// The name and identifier of the XDP program attached to an interface.
    pub fn attached(&self, interface: &str) -> Option<(String, u64)> {
        let links = self.ip_json(&format!("link show dev {interface}"));
        let program = &links[0]["xdp"]["prog"];
        let identifier = program["id"].as_u64()?;
        Some((
            program["name"].as_str().unwrap_or_default().to_owned(),
            identifier,
        ))
    }
}

impl Default for Namespace {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        // The test says what failed; a second panic here would end it without a word.
        let _ = Command::new(ip())
            .args(["netns", "del", &self.name])
            .status();
    }
}

/// One end of a veth pair.
#[derive(Clone, Copy, Debug)]
pub struct End<'a> {
    /// Where it is.
    pub namespace: &'a Namespace,
    /// Its name there.
    pub name: &'a str,
    /// The last byte of its hardware address, `02:00:00:00:00:xx`.
    pub mac: u8,
}

impl End<'_> {
    /// Its hardware address.
    pub fn mac(&self) -> String {
        format!("02:00:00:00:00:{:02x}", self.mac)
    }

    /// Gives it an address, in use at once.
    pub fn address(&self, address: IpAddr, length: u8) {
        // IPv6 would probe for a second holder of the address first.
        let probe = if address.is_ipv6() { " nodad" } else { "" };
        self.namespace.ip(&format!(
            "address add {address}/{length} dev {}{probe}",
            self.name
        ));
    }

    /// Says who has an address, so that nobody asks.
    pub fn neighbour(&self, address: IpAddr, end: &End<'_>) {
        let (name, mac) = (self.name, end.mac());
        self.namespace.ip(&format!(
            "neighbour add {address} lladdr {mac} dev {name} nud permanent"
        ));
    }
}

/// Makes a veth pair, both ends up, with checksums computed and nothing merged or split
/// on the way: what is sent is what arrives, frame by frame.
pub fn veth(one: &End<'_>, other: &End<'_>) {
    one.namespace.ip(&format!(
        "link add {} address {} type veth peer name {} address {} netns {}",
        one.name,
        one.mac(),
        other.name,
        other.mac(),
        other.namespace.name()
    ));
    let ethtool = requires::tool("ethtool").unwrap_or_else(|missing| panic!("{missing}"));
    for end in [one, other] {
        let offloads = "tx off rx off tso off gso off gro off tx-vlan-offload off";
        let mut command = end.namespace.command(&ethtool);
        command::expect(command.args(["-K", end.name]).args(offloads.split(' ')));
        // An address of its own making would bring traffic of its own.
        end.namespace
            .ip(&format!("link set dev {} addrgenmode none", end.name));
        end.namespace.ip(&format!("link set dev {} up", end.name));
    }
}

/// An IPv4 address.
pub const fn v4(octets: [u8; 4]) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(octets[0], octets[1], octets[2], octets[3]))
}

/// An address of `2001:db8::/32` by its third and its last group.
pub const fn v6(net: u16, host: u16) -> IpAddr {
    IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, net, 0, 0, 0, 0, host))
}

fn ip() -> std::path::PathBuf {
    requires::tool("ip").unwrap_or_else(|missing| panic!("{missing}"))
}
