//! Real traffic whose amount is known.

use std::{
    io::{self, Read as _, Write as _},
    net::{IpAddr, Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket},
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use sekisho::capped;

use crate::{netns::Namespace, wait};

/// Datagrams on the way at once, so that none is lost: fewer than the 256 frames a veth queues
/// (`VETH_RING_SIZE`, drivers/net/veth.c), and than a socket has room for. On 6.1 that is 48 behind
/// a native XDP program: veth gives each frame a page, and the page is what counts.
const WINDOW: u32 = 32;

/// Octets of IPv4 and UDP headers.
pub const V4_UDP: u64 = 28;
/// Octets of IPv6 and UDP headers.
pub const V6_UDP: u64 = 48;

/// The port of a socket.
pub fn port(socket: &UdpSocket) -> u16 {
    match socket.local_addr() {
        Ok(address) => address.port(),
        Err(error) => panic!("a socket without an address: {error}"),
    }
}

/// Sends `count` datagrams of `length` octets to `to` at this address, and returns when each
/// has arrived as it was sent. Those on the way at once may arrive in another order: a sender or a
/// barrier that goes on with another CPU leaves some behind in the queue of the first.
pub fn datagrams(from: &UdpSocket, to: &UdpSocket, address: IpAddr, count: u32, length: usize) {
    let target = SocketAddr::new(address, port(to));
    let mut buffer = vec![0; length + 1];
    let mut next = 0;
    while next < count {
        let window = next..count.min(next + WINDOW);
        for number in window.clone() {
            let sent = from.send_to(&content(number, length), target);
            assert_eq!(sent.ok(), Some(length), "to {target}");
        }
        let mut arrived = Vec::new();
        for number in window.clone() {
            match to.recv(&mut buffer) {
                Ok(received) => arrived.push(buffer[..received].to_vec()),
                Err(error) => panic!("datagram {number} of {count} to {target}: {error}"),
            }
        }
        let mut sent: Vec<_> = window
            .clone()
            .map(|number| content(number, length))
            .collect();
        arrived.sort_unstable();
        sent.sort_unstable();
        assert!(arrived == sent, "to {target} arrived {arrived:?}");
        next = window.end;
    }
}

/// Does `work` while datagrams go on and on, until it is done or panics.
///
/// They may get lost: a veth throws away the frames it has queued when a native XDP program
/// is detached (`veth_disable_xdp`, drivers/net/veth.c).
pub fn meanwhile<T>(
    from: &UdpSocket,
    to: &UdpSocket,
    address: IpAddr,
    work: impl FnOnce() -> T,
) -> T {
    meanwhile_to_all(from, to, &[address], work)
}

/// Like [`meanwhile`], to these addresses in turn.
pub fn meanwhile_to_all<T>(
    from: &UdpSocket,
    to: &UdpSocket,
    addresses: &[IpAddr],
    work: impl FnOnce() -> T,
) -> T {
    struct Stop<'a>(&'a AtomicBool);
    impl Drop for Stop<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }

    let port = port(to);
    let mut targets = (addresses.iter())
        .map(|&address| SocketAddr::new(address, port))
        .cycle();
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let _stop = Stop(&is_over);
        scope.spawn(|| {
            let set = to.set_read_timeout(Some(wait::LOOK));
            set.unwrap_or_else(|error| panic!("port {port}: {error}"));
            while !is_over.load(Ordering::Relaxed) {
                // Not faster than they arrive, or nothing else would be done.
                for (number, target) in (0..WINDOW).zip(&mut targets) {
                    let _ = from.send_to(&content(number, 64), target);
                }
                (0..WINDOW)
                    .take_while(|_| to.recv(&mut [0; 64]).is_ok())
                    .for_each(drop);
            }
        });
        work()
    })
}

/// Like [`meanwhile_to_all`], from several sockets to others at once.
pub fn meanwhile_from_all(
    pairs: &[(UdpSocket, UdpSocket)],
    addresses: &[IpAddr],
    work: &mut dyn FnMut(),
) {
    match pairs {
        [] => work(),
        [(from, to), others @ ..] => meanwhile_to_all(from, to, addresses, || {
            meanwhile_from_all(others, addresses, work);
        }),
    }
}

/// Each datagram differs from the one before.
fn content(number: u32, length: usize) -> Vec<u8> {
    number
        .to_le_bytes()
        .into_iter()
        .cycle()
        .take(length)
        .collect()
}

/// A TCP connection from a namespace over which `length` octets go there and back; returns
/// the port it came from, when both sides have closed and all segments have arrived.
pub fn echo(client: &Namespace, server: &Namespace, listener: &TcpListener, length: usize) -> u16 {
    let address = listener
        .local_addr()
        .unwrap_or_else(|error| panic!("a listener: {error}"));
    let port = thread::scope(|scope| {
        scope.spawn(|| {
            let (stream, _) = listener.accept()?;
            io::copy(&mut &stream, &mut &stream)?;
            stream.shutdown(Shutdown::Write)
        });
        let stream = client.run(|| TcpStream::connect(address));
        let done = stream.and_then(|stream| there_and_back(&stream, length));
        done.unwrap_or_else(|error| panic!("{address}: {error}"))
    });
    // The side that closed last forgets the connection with the last segment's arrival.
    wait::until("the server forgets the connection", || {
        let sockets = server.run(|| capped::read_to_string(tcp_sockets(address), 1 << 20));
        let sockets = sockets.unwrap_or_else(|error| panic!("sockets: {error}"));
        (!sockets.contains(&format!(":{port:04X} "))).then_some(())
    });
    port
}

/// Returns the port, when the other side has closed too.
fn there_and_back(stream: &TcpStream, length: usize) -> io::Result<u16> {
    let sent = content(7, length);
    let mut back = vec![0; length];
    let mut stream_to_read = stream.try_clone()?;
    let more = thread::scope(|scope| {
        let reader = scope.spawn(|| {
            stream_to_read.read_exact(&mut back)?;
            // Ends when the other side has closed.
            io::copy(&mut stream_to_read, &mut io::sink())
        });
        (&*stream).write_all(&sent)?;
        stream.shutdown(Shutdown::Write)?;
        reader
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })?;
    assert!(
        back == sent && more == 0,
        "{length} octets came back otherwise"
    );
    Ok(stream.local_addr()?.port())
}

fn tcp_sockets(address: SocketAddr) -> &'static str {
    // Of the thread, which is in the namespace, and not of the process, which is not.
    if address.is_ipv4() {
        "/proc/thread-self/net/tcp"
    } else {
        "/proc/thread-self/net/tcp6"
    }
}

/// Packets and octets an interface has sent, octets without the Ethernet header.
pub fn sent(namespace: &Namespace, interface: &str) -> (u64, u64) {
    const ETHERNET: u64 = 14;
    let links = namespace.ip_json(&format!("link show dev {interface}"));
    let statistics = &links[0]["stats64"]["tx"];
    let count = |name: &str| match statistics[name].as_u64() {
        Some(count) => count,
        None => panic!("no {name} of {interface}: {statistics}"),
    };
    let packets = count("packets");
    (packets, count("bytes") - ETHERNET * packets)
}
