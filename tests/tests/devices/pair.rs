//! West and the barrier, joined by pairs of veth that carry no address yet.

use std::net::{IpAddr, SocketAddr, UdpSocket};

use sensor_tests::{
    command,
    netns::{End, Namespace, v4, veth},
    requires,
    road::udp,
    traffic,
};

/// Addresses of west and of the barrier on device number `net`.
pub(crate) const fn addresses(net: u8) -> (IpAddr, IpAddr) {
    (v4([198, 18, net, 1]), v4([198, 18, net, 2]))
}

/// Two hosts.
pub(crate) struct Pair {
    pub(crate) west: Namespace,
    pub(crate) barrier: Namespace,
}

impl Pair {
    /// With `count` pairs of veth between them: `w0` and `r0`, `w1` and `r1`.
    pub(crate) fn new(count: u8) -> Self {
        let pair = Self {
            west: Namespace::new(),
            barrier: Namespace::new(),
        };
        for namespace in [&pair.west, &pair.barrier] {
            // Nothing moves but the test's traffic.
            namespace.set("ipv6/conf/all/disable_ipv6", "1");
            namespace.set("ipv6/conf/default/disable_ipv6", "1");
        }
        for number in 0..count {
            let (west, barrier) = (format!("w{number}"), format!("r{number}"));
            let (west, barrier) = (pair.west(&west, number), pair.barrier(&barrier, number));
            veth(&west, &barrier);
        }
        pair
    }

    /// A device of west's; those on top of `w0` have its hardware address.
    pub(crate) fn west<'a>(&'a self, name: &'a str, number: u8) -> End<'a> {
        End {
            namespace: &self.west,
            name,
            mac: 0x10 + number,
        }
    }

    /// A device of the barrier's; those on top of `r0` have its hardware address.
    pub(crate) fn barrier<'a>(&'a self, name: &'a str, number: u8) -> End<'a> {
        End {
            namespace: &self.barrier,
            name,
            mac: 0x20 + number,
        }
    }

    /// Gives the devices of both ends on top of pair 0 their addresses, known to each other.
    pub(crate) fn connect(&self, net: u8, west: &str, barrier: &str) {
        let (west, barrier) = (self.west(west, 0), self.barrier(barrier, 0));
        let (from, to) = addresses(net);
        west.address(from, 24);
        barrier.address(to, 24);
        west.neighbour(to, &barrier);
        barrier.neighbour(from, &west);
    }

    /// A socket of west's and one of the barrier's, on port 9.
    pub(crate) fn sockets(&self, net: u8) -> (UdpSocket, UdpSocket) {
        let (from, to) = addresses(net);
        (
            udp(&self.west, SocketAddr::new(from, 0)),
            udp(&self.barrier, SocketAddr::new(to, 9)),
        )
    }
}

/// Sends `count` datagrams of `length` octets, no more at a time than a socket has room for behind
/// an XDP program, even where they are as large as a page or two.
pub(crate) fn cross(sockets: &(UdpSocket, UdpSocket), to: IpAddr, count: u32, length: usize) {
    const AT_ONCE: u32 = 8;
    let (west, barrier) = sockets;
    let mut left = count;
    while left > 0 {
        let now = left.min(AT_ONCE);
        traffic::datagrams(west, barrier, to, now, length);
        left -= now;
    }
}

/// Runs a tool in a namespace, which has to succeed; words are divided by spaces.
pub(crate) fn expect(namespace: &Namespace, words: &str) -> String {
    let mut words = words.split(' ');
    let tool = requires::tool(words.next().unwrap()).unwrap();
    command::expect(namespace.command(tool).args(words))
}
