//! Other tools that hold lists: `xdp-filter`, sets of nftables, `ipset`.
//!
//! They look up one address, the source. Each has a lane of its own; what the rest of the
//! lane costs is measured by one that drops everything. A peer that cannot be had is left
//! out and said to be missing.

use std::{
    fmt::Write as _,
    io::Write as _,
    net::IpAddr,
    process::{Command, Stdio},
    time::Instant,
};

use anyhow::{Context as _, Result, bail, ensure};
use aya::maps::{Map, MapData, PerCpuHashMap, PerCpuValues};
use ipnet::IpNet;
use nix::{
    mount::{MsFlags, mount},
    sched::{CloneFlags, unshare},
};
use sensor_common::NO_MATCH_SET;
use sensor_tests::{command, netns::Namespace, requires};
use serde::Serialize;

use crate::{
    lists::List,
    live::{Live, Receiver},
    traces::Trace,
};

/// Most addresses of `xdp-filter`: the size of its map.
const XDP_FILTER_ROOM: usize = 10_000;
/// Where it pins that.
const XDP_FILTER_MAP: &str = "/sys/fs/bpf/xdp-filter/filter_ipv4";

/// The lane that drops everything at the place where the sets are asked.
pub(crate) const BASE: &str = "netfilter drop";
const NFT_HASH: &str = "nft hash";
const NFT_INTERVAL: &str = "nft interval";
const IPSET: &str = "ipset hash:net";

/// What setting a peer up came to.
#[derive(Debug, Serialize)]
pub(crate) struct Peer {
    pub(crate) lane: &'static str,
    /// Prefixes it holds.
    pub(crate) prefixes: usize,
    pub(crate) seconds: f64,
}

/// Peers that are there and those that are not.
#[derive(Debug, Default)]
pub(crate) struct Peers {
    pub(crate) ready: Vec<Peer>,
    pub(crate) missing: Vec<String>,
}

/// Gives this process mounts of its own, with a BPF file system that is gone with it: what
/// `xdp-filter` pins stands nowhere else.
pub(crate) fn own_mounts() -> Result<()> {
    const NONE: Option<&str> = None;
    unshare(CloneFlags::CLONE_NEWNS)?;
    mount(NONE, "/", NONE, MsFlags::MS_REC | MsFlags::MS_PRIVATE, NONE)?;
    let file_system = Some("bpf");
    mount(
        file_system,
        "/sys/fs/bpf",
        file_system,
        MsFlags::empty(),
        NONE,
    )
    .context("cannot mount a BPF file system")
}

impl Peers {
    /// Adds the lane of `xdp-filter`, which stands beside the programs that drop.
    pub(crate) fn add_xdp_filter(&mut self, live: &mut Live, list: &List) {
        let hosts = hosts(list);
        let few = &hosts[..hosts.len().min(XDP_FILTER_ROOM)];
        let lane = live.add("xdp-filter deny", Receiver::Attached);
        self.set_up("xdp-filter deny", few.len(), || {
            xdp_filter(&lane.namespace, &lane.interface, few)
        });
        self.leave_out(live);
    }

    /// Adds lanes for what asks sets behind a program that passes.
    pub(crate) fn add_netfilter(&mut self, live: &mut Live, list: &List) {
        let (hosts, separate) = (hosts(list), separate(&list.prefixes));
        let lane = live.add(BASE, Receiver::Netfilter);
        self.set_up(BASE, 0, || nft(&lane.namespace, &[], ""));
        let lane = live.add(NFT_HASH, Receiver::Netfilter);
        self.set_up(NFT_HASH, hosts.len(), || nft(&lane.namespace, &hosts, ""));
        let lane = live.add(NFT_INTERVAL, Receiver::Netfilter);
        self.set_up(NFT_INTERVAL, separate.len(), || {
            nft(&lane.namespace, &separate, "flags interval;")
        });
        let lane = live.add(IPSET, Receiver::Netfilter);
        self.set_up(IPSET, list.prefixes.len(), || {
            ipset(&lane.namespace, &list.prefixes)
        });
        self.leave_out(live);
    }

    fn leave_out(&self, live: &mut Live) {
        live.retain(|name| {
            self.missing
                .iter()
                .all(|missing| !missing.starts_with(name))
        });
    }
}

/// Compares what the rules counted with what the trace has for them.
pub(crate) fn check(live: &Live, trace: &Trace) -> Result<()> {
    for lane in [NFT_HASH, NFT_INTERVAL, IPSET] {
        let Some((namespace, arrived)) = live.arrived(lane)? else {
            continue;
        };
        let mut list = inside(namespace, "iptables-legacy")?;
        let table = if lane == IPSET { "raw" } else { "mangle" };
        list.args(["-t", table, "-L", "PREROUTING", "-v", "-x", "-n"]);
        let printed = command::expect(&mut list);
        // Two lines of heads, then the first rule; its first word is the count.
        let rule = printed.lines().nth(2).unwrap_or_default();
        let counted = rule.split_whitespace().next();
        let counted = counted.and_then(|word| word.parse().ok());
        let counted: u32 = counted.with_context(|| format!("{lane}: no count"))?;
        let known = (trace.packets.iter()).filter(|packet| packet.sets[0] != NO_MATCH_SET);
        #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
        let (found, right) = (
            f64::from(counted) / arrived as f64,
            known.count() as f64 / trace.packets.len() as f64,
        );
        // Lost frames may have been any, and a set of hosts has nine of ten.
        ensure!(
            (found - right).abs() < 0.3 * right,
            "{lane}: {found:.4} of sources are in the set, {right:.4} of the trace are"
        );
    }
    Ok(())
}

/// The single addresses of a list.
fn hosts(list: &List) -> Vec<IpNet> {
    let is_host = |prefix: &&IpNet| prefix.prefix_len() == prefix.max_prefix_len();
    list.prefixes.iter().filter(is_host).copied().collect()
}

impl Peers {
    fn set_up(&mut self, lane: &'static str, prefixes: usize, work: impl FnOnce() -> Result<()>) {
        let started = Instant::now();
        match work() {
            Ok(()) => self.ready.push(Peer {
                lane,
                prefixes,
                seconds: started.elapsed().as_secs_f64(),
            }),
            Err(error) => self.missing.push(format!("{lane}: {error:#}")),
        }
    }
}

/// A command in a namespace, which keeps the mounts of this process: `ip netns exec` would
/// give it others, and pins would be gone with it.
fn inside(namespace: &Namespace, program: &str) -> Result<Command> {
    let program = requires::tool(program).map_err(anyhow::Error::msg)?;
    let mut command = Command::new("nsenter");
    command
        .arg(format!("--net=/run/netns/{}", namespace.name()))
        .arg(program);
    Ok(command)
}

/// Runs a command with this input to its end.
fn fed(mut command: Command, input: &[u8]) -> Result<()> {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    // What it says fits the pipe.
    if let Some(mut stdin) = child.stdin.take() {
        let _ = stdin.write_all(input);
    }
    let output = child.wait_with_output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "{}",
        said.lines().next().unwrap_or("failed without a word")
    );
    Ok(())
}

/// The deny program: what is not in its map is dropped.
fn xdp_filter(namespace: &Namespace, interface: &str, hosts: &[IpNet]) -> Result<()> {
    let Some(first) = hosts.first() else {
        bail!("no single addresses in the list");
    };
    let mut load = inside(namespace, "xdp-filter")?;
    load.args([
        "load", "-m", "native", "-p", "deny", "-f", "ipv4", interface,
    ]);
    fed(load, b"")?;
    let mut add = inside(namespace, "xdp-filter")?;
    add.args(["ip", &first.addr().to_string(), "-m", "src"]);
    fed(add, b"")?;
    // The others directly: a process for each would take a minute.
    let map = Map::PerCpuHashMap(MapData::from_pin(XDP_FILTER_MAP)?);
    let mut map: PerCpuHashMap<MapData, u32, u64> = map.try_into()?;
    let key = |net: &IpNet| match net.addr() {
        IpAddr::V4(address) => Some(u32::from_ne_bytes(address.octets())),
        IpAddr::V6(_) => None,
    };
    let first = key(first).context("the list is not IPv4")?;
    let value: Vec<u64> = map.get(&first, 0)?.iter().copied().collect();
    for key in hosts.iter().filter_map(key) {
        let value = PerCpuValues::try_from(value.clone())?;
        map.insert(&key, value, 0)?;
    }
    Ok(())
}

/// A chain that drops everything, and asks a set before.
///
/// What is in the set goes on to a rule of iptables that drops and counts it: nft reads whole
/// sets before it lists a counter, which takes minutes.
fn nft(namespace: &Namespace, prefixes: &[IpNet], flags: &str) -> Result<()> {
    // Writing to a string cannot fail.
    let mut rules = String::from("table ip bench {\n");
    let mut ask = "";
    if !prefixes.is_empty() {
        let elements: Vec<String> = prefixes.iter().map(element).collect();
        let elements = elements.join(",");
        let _ = writeln!(
            rules,
            "set s {{ type ipv4_addr; {flags} elements = {{ {elements} }}; }}"
        );
        ask = "ip saddr @s accept;";
    }
    let _ = writeln!(
        rules,
        "chain c {{ type filter hook prerouting priority raw; policy accept; {ask} drop; }}\n}}"
    );
    if !prefixes.is_empty() {
        let mut iptables = inside(namespace, "iptables-legacy")?;
        iptables.args(["-t", "mangle", "-A", "PREROUTING", "-j", "DROP"]);
        fed(iptables, b"")?;
    }
    let mut command = inside(namespace, "nft")?;
    command.args(["-f", "-"]);
    fed(command, rules.as_bytes())
}

/// Likewise by iptables and a set of ipset.
fn ipset(namespace: &Namespace, prefixes: &[IpNet]) -> Result<()> {
    let size = prefixes.len().next_power_of_two();
    let mut sets = format!("create s hash:net family inet hashsize {size} maxelem {size}\n");
    for prefix in prefixes {
        let _ = writeln!(sets, "add s {}", element(prefix));
    }
    let mut restore = inside(namespace, "ipset")?;
    restore.arg("restore");
    fed(restore, sets.as_bytes())?;
    for rule in ["-m set --match-set s src -j DROP", "-j DROP"] {
        let mut iptables = inside(namespace, "iptables-legacy")?;
        iptables.args(["-t", "raw", "-A", "PREROUTING"]);
        iptables.args(rule.split(' '));
        fed(iptables, b"")?;
    }
    Ok(())
}

/// A single address without its length.
fn element(prefix: &IpNet) -> String {
    if prefix.prefix_len() == prefix.max_prefix_len() {
        prefix.addr().to_string()
    } else {
        prefix.to_string()
    }
}

/// Those that lie in no other: intervals may not overlap.
fn separate(prefixes: &[IpNet]) -> Vec<IpNet> {
    let mut kept: Vec<IpNet> = Vec::with_capacity(prefixes.len());
    for prefix in prefixes {
        if kept.last().is_none_or(|outer| !outer.contains(prefix)) {
            kept.push(*prefix);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_in_another_prefix_is_left_out() {
        let nets = |texts: &[&str]| -> Vec<IpNet> {
            texts.iter().map(|text| text.parse().unwrap()).collect()
        };
        let mut list = nets(&["10.0.0.0/24", "10.0.0.7/32", "10.0.1.7/32"]);
        list.sort_unstable();
        assert_eq!(separate(&list), nets(&["10.0.0.0/24", "10.0.1.7/32"]));
        assert_eq!(element(&list[0]), "10.0.0.0/24");
        assert_eq!(element(&list[1]), "10.0.0.7");
    }
}
