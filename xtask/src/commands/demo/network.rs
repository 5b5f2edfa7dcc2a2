//! The network: foreign, carrier, domestic.
//!
//! Nothing shall be on the wires but what the demo sends, or two readers could not be
//! compared to the packet. So the ends of the wires have no addresses, which keeps
//! neighbour discovery, router solicitations and multicast reports away; the hosts'
//! addresses lie on the loopback interfaces, routes name a next hop that nobody has,
//! and a permanent entry tells its link address.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use anyhow::Result;

use super::{interrupt::Interrupt, namespace::Namespace};

/// The carrier's interface towards the foreign network.
pub(super) const TO_FOREIGN: &str = "c-foreign";
/// The carrier's interface towards the domestic network.
pub(super) const TO_DOMESTIC: &str = "c-domestic";
/// The foreign network's interface.
pub(super) const FOREIGN_END: &str = "f-carrier";
/// The domestic network's interface.
pub(super) const DOMESTIC_END: &str = "d-carrier";

/// A host of the domestic network, with private and documentation addresses.
pub(super) const DOMESTIC: [IpAddr; 2] = [
    v4([10, 77, 0, 10]),
    v6([0x2001, 0xdb8, 0xd0, 0, 0, 0, 0, 0x10]),
];

/// Foreign hosts on the example feed that wait for connections.
pub(super) const WATCHED_SERVERS: [IpAddr; 2] = [
    v4([203, 0, 113, 7]),
    v6([0x2001, 0xdb8, 0xbad, 0, 0, 0, 0, 7]),
];

/// Foreign hosts on the example feed that connect themselves.
pub(super) const WATCHED_CLIENTS: [IpAddr; 2] = [
    v4([198, 51, 100, 20]),
    v6([0x2001, 0xdb8, 0xc2, 0, 0, 0, 0, 0x53]),
];

/// A foreign host on no list.
pub(super) const UNWATCHED: [IpAddr; 2] = [
    v4([192, 0, 2, 80]),
    v6([0x2001, 0xdb8, 0xf00d, 0, 0, 0, 0, 0x80]),
];

/// The next hop in all routes: link-local, so that it needs no route itself.
const NEXT_HOPS: [&str; 2] = ["169.254.0.1", "fe80::1"];

/// Three namespaces and two wires; they go with this value.
#[derive(Debug)]
pub(super) struct Network {
    pub(super) foreign: Namespace,
    pub(super) carrier: Namespace,
    pub(super) domestic: Namespace,
}

impl Network {
    pub(super) fn create(interrupt: &Interrupt) -> Result<Self> {
        let network = Self {
            foreign: Namespace::create("foreign")?,
            carrier: Namespace::create("carrier")?,
            domestic: Namespace::create("domestic")?,
        };
        let Self {
            foreign,
            carrier,
            domestic,
        } = &network;
        for namespace in [foreign, carrier, domestic] {
            namespace.set(&QUIET)?;
            namespace.ip("link set lo up")?;
            interrupt.check()?;
        }
        carrier.set(&FORWARDING)?;

        let wires = [
            (TO_FOREIGN, FOREIGN_END, foreign, 1),
            (TO_DOMESTIC, DOMESTIC_END, domestic, 2),
        ];
        for (here, there, namespace, number) in wires {
            carrier.ip(&format!(
                "link add {here} address 02:00:00:00:0c:0{number} type veth \
                 peer name {there} address 02:00:00:00:0e:0{number} netns {}",
                namespace.name()
            ))?;
            up(carrier, here, &format!("02:00:00:00:0e:0{number}"))?;
            up(namespace, there, &format!("02:00:00:00:0c:0{number}"))?;
            interrupt.check()?;
        }

        for host in foreign_hosts() {
            foreign.ip(&format!("address add {host} dev lo"))?;
            route(carrier, &host.to_string(), TO_FOREIGN, host)?;
        }
        for host in DOMESTIC {
            domestic.ip(&format!("address add {host} dev lo"))?;
            route(carrier, &host.to_string(), TO_DOMESTIC, host)?;
            route(foreign, "default", FOREIGN_END, host)?;
            route(domestic, "default", DOMESTIC_END, host)?;
        }
        interrupt.check()?;
        Ok(network)
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            foreign,
            carrier,
            domestic,
        } = self;
        let [foreign, carrier, domestic] = [foreign, carrier, domestic].map(Namespace::name);
        write!(f, "{foreign} <-> {carrier} <-> {domestic}")
    }
}

/// Nothing that speaks by itself, and no check that wants addresses on the wires.
const QUIET: [(&str, &str); 8] = [
    ("ipv6/conf/all/disable_ipv6", "0"),
    ("ipv6/conf/default/disable_ipv6", "0"),
    // 1: no link-local address.
    ("ipv6/conf/default/addr_gen_mode", "1"),
    ("ipv6/conf/default/accept_ra", "0"),
    ("ipv6/conf/default/accept_dad", "0"),
    ("ipv6/conf/default/router_solicitations", "0"),
    ("ipv4/conf/all/rp_filter", "0"),
    ("ipv4/conf/default/rp_filter", "0"),
];

const FORWARDING: [(&str, &str); 2] = [("ipv4/ip_forward", "1"), ("ipv6/conf/all/forwarding", "1")];

fn foreign_hosts() -> impl Iterator<Item = IpAddr> {
    [WATCHED_SERVERS, WATCHED_CLIENTS, UNWATCHED]
        .into_iter()
        .flatten()
}

/// Makes an interface ready, with its peer's link address for every next hop.
fn up(namespace: &Namespace, interface: &str, peer: &str) -> Result<()> {
    no_offloads(namespace, interface)?;
    namespace.ip(&format!("link set {interface} up"))?;
    for hop in NEXT_HOPS {
        namespace.ip(&format!(
            "neighbour add {hop} lladdr {peer} dev {interface} nud permanent"
        ))?;
    }
    Ok(())
}

/// Every packet as it would be on a wire: with its checksum, and not as part of a large
/// one to be cut later. Else the readers see the same octets in other packets: tried with
/// segmentation offload at the carrier, where 18 packets of TCP came out as 6.
///
/// Linux 6.1 turns GRO on again with native XDP (`veth_enable_xdp` in
/// `drivers/net/veth.c`). That is harmless: what it merges behind the sensor is cut into
/// the same packets on the way out (tried).
fn no_offloads(namespace: &Namespace, interface: &str) -> Result<()> {
    let offloads = ["tx", "tso", "gso", "gro", "txvlan", "rxvlan"];
    let settings = offloads.into_iter().flat_map(|offload| [offload, "off"]);
    namespace.run("ethtool", ["-K", interface].into_iter().chain(settings))
}

fn route(namespace: &Namespace, to: &str, interface: &str, family: IpAddr) -> Result<()> {
    let (option, hop) = match family {
        IpAddr::V4(_) => ("-4", NEXT_HOPS[0]),
        IpAddr::V6(_) => ("-6", NEXT_HOPS[1]),
    };
    namespace.ip(&format!(
        "{option} route add {to} via {hop} dev {interface} onlink"
    ))
}

const fn v4(octets: [u8; 4]) -> IpAddr {
    IpAddr::V4(Ipv4Addr::from_octets(octets))
}

const fn v6(segments: [u16; 8]) -> IpAddr {
    IpAddr::V6(Ipv6Addr::from_segments(segments))
}
