//! Real traffic: sockets of both networks, and ping.
//!
//! Sockets are made inside their namespaces and then used from here one after the
//! other, so that nothing depends on who is faster. Amounts and ports are fixed; only
//! the number of TCP's acknowledgements differs from run to run.

use std::{
    io::{Read as _, Write as _},
    net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket},
    os::fd::AsRawFd as _,
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, SockaddrStorage, bind, connect, socket};

use super::{
    interrupt::Interrupt,
    namespace::Namespace,
    network::{DOMESTIC, Network, UNWATCHED, WATCHED_CLIENTS, WATCHED_SERVERS},
};

/// How long a packet may take before the demo gives up.
const PATIENCE: Duration = Duration::from_secs(5);

/// Octets of a TCP question and its answer; the answer takes several packets.
const TCP: (usize, usize) = (400, 6000);

/// Octets of a UDP question and its answer.
const UDP: (usize, usize) = (60, 480);

/// A host in its network.
#[derive(Clone, Copy)]
struct Host<'a> {
    namespace: &'a Namespace,
    address: IpAddr,
}

/// Has every pair of hosts speak over TCP, UDP and ICMP.
pub(super) fn exchange(network: &Network, interrupt: &Interrupt) -> Result<()> {
    for family in 0..DOMESTIC.len() {
        let home = Host {
            namespace: &network.domestic,
            address: DOMESTIC[family],
        };
        let abroad = |hosts: [IpAddr; 2]| Host {
            namespace: &network.foreign,
            address: hosts[family],
        };
        // Not the same amounts both ways, so that a mistaken direction shows.
        let talks = [
            (home, abroad(WATCHED_SERVERS), 5),
            (abroad(WATCHED_CLIENTS), home, 3),
            (home, abroad(UNWATCHED), 2),
            (abroad(UNWATCHED), home, 1),
        ];
        for (port, (client, server, rounds)) in (40_000..).zip(talks) {
            let talk = Talk {
                from: (client, SocketAddr::new(client.address, port)),
                to: server,
                rounds,
            };
            talk.hold(interrupt)
                .with_context(|| format!("between {} and {}", client.address, server.address))?;
        }
    }
    Ok(())
}

/// A client speaks to a server.
struct Talk<'a> {
    /// From another port each time: TCP does not give one back at once.
    from: (Host<'a>, SocketAddr),
    to: Host<'a>,
    /// Questions over TCP and UDP, and echo requests; each is answered.
    rounds: usize,
}

impl Talk<'_> {
    fn hold(&self, interrupt: &Interrupt) -> Result<()> {
        self.tcp().context("TCP")?;
        interrupt.check()?;
        self.udp().context("UDP")?;
        interrupt.check()?;
        self.ping().context("ICMP")?;
        interrupt.check()
    }

    fn tcp(&self) -> Result<()> {
        let Self { from, to, rounds } = self;
        let (client, from) = *from;
        let server = SocketAddr::new(to.address, 443);
        let listener = to.namespace.enter(|| Ok(TcpListener::bind(server)?))?;
        // The kernel completes the handshake before anybody accepts.
        let mut asking = client.namespace.enter(|| dial(from, server))?;
        let (mut answering, _) = listener.accept()?;
        answering.set_read_timeout(Some(PATIENCE))?;
        answering.set_write_timeout(Some(PATIENCE))?;
        let (mut question, mut answer) = (vec![0; TCP.0], vec![0; TCP.1]);
        for _ in 0..*rounds {
            asking.write_all(&question)?;
            answering.read_exact(&mut question)?;
            answering.write_all(&answer)?;
            asking.read_exact(&mut answer)?;
        }
        // In turn, so that both ends have closed when we return.
        drop(asking);
        ensure!(answering.read(&mut question)? == 0, "more than was sent");
        Ok(())
    }

    fn udp(&self) -> Result<()> {
        let Self { from, to, rounds } = self;
        let (client, from) = *from;
        let server = SocketAddr::new(to.address, 53);
        let asking = client.namespace.enter(|| open(from, server))?;
        let answering = to.namespace.enter(|| open(server, from))?;
        let (mut question, mut answer) = ([0; UDP.0], [0; UDP.1]);
        for _ in 0..*rounds {
            asking.send(&question)?;
            let received = answering.recv(&mut question)?;
            ensure!(received == UDP.0, "a question was cut short");
            answering.send(&answer)?;
            let received = asking.recv(&mut answer)?;
            ensure!(received == UDP.1, "an answer was cut short");
        }
        Ok(())
    }

    fn ping(&self) -> Result<()> {
        let Self { from, to, rounds } = self;
        let [from, to] = [from.0, *to].map(|host| host.address.to_string());
        let count = rounds.to_string();
        let words = [
            "-n", "-q", "-c", &count, "-i", "0.01", "-W", "5", "-I", &from, &to,
        ];
        self.from.0.namespace.run("ping", words)
    }
}

/// A connection from this very address, which the standard library cannot choose.
fn dial(from: SocketAddr, to: SocketAddr) -> Result<TcpStream> {
    let family = match from {
        SocketAddr::V4(_) => AddressFamily::Inet,
        SocketAddr::V6(_) => AddressFamily::Inet6,
    };
    let stream = TcpStream::from(socket(
        family,
        SockType::Stream,
        SockFlag::SOCK_CLOEXEC,
        None,
    )?);
    stream.set_read_timeout(Some(PATIENCE))?;
    // The time limit of connecting, too (socket(7)).
    stream.set_write_timeout(Some(PATIENCE))?;
    bind(stream.as_raw_fd(), &SockaddrStorage::from(from))?;
    connect(stream.as_raw_fd(), &SockaddrStorage::from(to))?;
    Ok(stream)
}

fn open(own: SocketAddr, peer: SocketAddr) -> Result<UdpSocket> {
    let socket = UdpSocket::bind(own)?;
    socket.connect(peer)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    Ok(socket)
}
