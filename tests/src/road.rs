//! Two hosts and the barrier between them.
//!
//! ```text
//! west w0 ────── r0 barrier r1 ────── e0 east
//! ```
//!
//! The barrier forwards, and a sensor on `r0` and `r1` sees each packet once, where it
//! comes in. All neighbours are known, so nothing but the test's traffic is on the way
//! (with IPv6, the kernel adds multicast listener reports). East also has every address
//! of [`FAR_V4`] and [`FAR_V6`].

use std::net::{IpAddr, SocketAddr, TcpListener, UdpSocket};

use crate::{
    netns::{End, Namespace, v4, v6, veth},
    traffic, wait,
};

/// West's IPv4 address.
pub const WEST_V4: IpAddr = v4([192, 0, 2, 1]);
/// East's IPv4 address.
pub const EAST_V4: IpAddr = v4([198, 51, 100, 7]);
/// A prefix all of which is east.
pub const FAR_V4: &str = "203.0.113.0/24";
/// West's IPv6 address.
pub const WEST_V6: IpAddr = v6(1, 1);
/// East's IPv6 address.
pub const EAST_V6: IpAddr = v6(2, 7);
/// A prefix all of which is east.
pub const FAR_V6: &str = "2001:db8:3::/48";

const BARRIER_WEST_V4: IpAddr = v4([192, 0, 2, 254]);
const BARRIER_EAST_V4: IpAddr = v4([198, 51, 100, 254]);
const BARRIER_WEST_V6: IpAddr = v6(1, 0xfe);
const BARRIER_EAST_V6: IpAddr = v6(2, 0xfe);

/// West, the barrier and east.
#[derive(Debug)]
pub struct Road {
    /// Where the sensor stands, on `r0` and `r1`.
    pub barrier: Namespace,
    /// The host behind `r0`.
    pub west: Namespace,
    /// The host behind `r1`.
    pub east: Namespace,
}

impl Road {
    /// A road for IPv4 alone, on which nothing moves but the test's traffic.
    pub fn v4() -> Self {
        Self::new(false)
    }

    /// A road for IPv4 and IPv6.
    pub fn both() -> Self {
        Self::new(true)
    }

    /// A road for both, with frames of up to 9,000 octets.
    pub fn jumbo() -> Self {
        let road = Self::both();
        for (namespace, name) in [
            (&road.west, "w0"),
            (&road.barrier, "r0"),
            (&road.barrier, "r1"),
            (&road.east, "e0"),
        ] {
            namespace.ip(&format!("link set {name} mtu 9000"));
        }
        road
    }

    fn new(with_v6: bool) -> Self {
        let road = Self {
            barrier: Namespace::new(),
            west: Namespace::new(),
            east: Namespace::new(),
        };
        let w0 = End {
            namespace: &road.west,
            name: "w0",
            mac: 0x10,
        };
        let r0 = End {
            namespace: &road.barrier,
            name: "r0",
            mac: 0x20,
        };
        let r1 = End {
            namespace: &road.barrier,
            name: "r1",
            mac: 0x21,
        };
        let e0 = End {
            namespace: &road.east,
            name: "e0",
            mac: 0x30,
        };
        if !with_v6 {
            for namespace in [&road.west, &road.barrier, &road.east] {
                namespace.set("ipv6/conf/all/disable_ipv6", "1");
                namespace.set("ipv6/conf/default/disable_ipv6", "1");
            }
        }
        veth(&w0, &r0);
        veth(&r1, &e0);
        road.barrier.set("ipv4/ip_forward", "1");
        connect(&w0, (WEST_V4, 24), &r0, BARRIER_WEST_V4);
        connect(&e0, (EAST_V4, 24), &r1, BARRIER_EAST_V4);
        road.barrier
            .ip(&format!("route add {FAR_V4} via {EAST_V4}"));
        road.east.ip(&format!("route add local {FAR_V4} dev lo"));
        if with_v6 {
            road.barrier.set("ipv6/conf/all/forwarding", "1");
            connect(&w0, (WEST_V6, 64), &r0, BARRIER_WEST_V6);
            connect(&e0, (EAST_V6, 64), &r1, BARRIER_EAST_V6);
            road.barrier
                .ip(&format!("route add {FAR_V6} via {EAST_V6}"));
            road.east.ip(&format!("route add local {FAR_V6} dev lo"));
        }
        road
    }

    /// Gives west a further address, which the barrier leads to.
    pub fn settle_west(&self, address: IpAddr) {
        let gateway = if address.is_ipv4() { WEST_V4 } else { WEST_V6 };
        settle(&self.barrier, &self.west, address, gateway);
    }

    /// Gives east a further address, which the barrier leads to.
    pub fn settle_east(&self, address: IpAddr) {
        let gateway = if address.is_ipv4() { EAST_V4 } else { EAST_V6 };
        settle(&self.barrier, &self.east, address, gateway);
    }

    /// A socket of west's on a port of its own, for the IP version of `like`.
    pub fn west_socket(&self, like: IpAddr) -> UdpSocket {
        let own = if like.is_ipv4() { WEST_V4 } else { WEST_V6 };
        udp(&self.west, SocketAddr::new(own, 0))
    }

    /// A socket of east's that takes what comes for any of its addresses of this version.
    pub fn east_socket(&self, like: IpAddr, port: u16) -> UdpSocket {
        let any = if like.is_ipv4() {
            v4([0; 4])
        } else {
            IpAddr::V6(std::net::Ipv6Addr::UNSPECIFIED)
        };
        udp(&self.east, SocketAddr::new(any, port))
    }

    /// A listening socket of east's.
    pub fn east_listener(&self, address: SocketAddr) -> TcpListener {
        let listener = self.east.run(|| TcpListener::bind(address));
        listener.unwrap_or_else(|error| panic!("{address}: {error}"))
    }

    /// Sends datagrams of 10 octets from west to [`EAST_V4`], and returns the port they came from.
    pub fn cross(&self, count: u32) -> u16 {
        let (from, to) = (self.west_socket(EAST_V4), self.east_socket(EAST_V4, 9));
        traffic::datagrams(&from, &to, EAST_V4, count, 10);
        traffic::port(&from)
    }
}

/// Gives two ends of a pair their addresses, and the host its way out.
fn connect(host: &End<'_>, (address, length): (IpAddr, u8), router: &End<'_>, gateway: IpAddr) {
    host.address(address, length);
    router.address(gateway, length);
    host.neighbour(gateway, router);
    router.neighbour(address, host);
    let family = if address.is_ipv4() { "-4" } else { "-6" };
    host.namespace
        .ip(&format!("{family} route add default via {gateway}"));
}

fn settle(barrier: &Namespace, host: &Namespace, address: IpAddr, gateway: IpAddr) {
    let (length, probe) = match address {
        IpAddr::V4(_) => (32, ""),
        IpAddr::V6(_) => (128, " nodad"),
    };
    host.ip(&format!("address add {address}/{length} dev lo{probe}"));
    barrier.ip(&format!("route add {address}/{length} via {gateway}"));
}

/// A socket of a host's that waits for what is sent to it.
pub fn udp(namespace: &Namespace, address: SocketAddr) -> UdpSocket {
    let socket = namespace.run(|| UdpSocket::bind(address));
    let socket = socket.unwrap_or_else(|error| panic!("{address}: {error}"));
    let set = socket.set_read_timeout(Some(wait::HANG));
    set.unwrap_or_else(|error| panic!("{address}: {error}"));
    socket
}
