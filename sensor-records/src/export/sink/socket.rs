//! Datagrams: UDP, and sockets of UNIX.

use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
    os::unix::net::UnixDatagram,
    path::PathBuf,
    time::Duration,
};

use super::{Failure, Frame, Outlet, Stop};

/// How long a datagram may wait for room.
const PATIENCE: Duration = Duration::from_millis(500);

/// Sends each frame as a datagram of UDP.
#[derive(Debug)]
pub struct Udp {
    to: SocketAddr,
    socket: Option<UdpSocket>,
}

impl Udp {
    /// To this address.
    pub const fn new(to: SocketAddr) -> Self {
        Self { to, socket: None }
    }
}

impl Outlet for Udp {
    fn open(&mut self, _: &Stop) -> io::Result<()> {
        let any: SocketAddr = if self.to.is_ipv4() {
            (Ipv4Addr::UNSPECIFIED, 0).into()
        } else {
            (Ipv6Addr::UNSPECIFIED, 0).into()
        };
        let to = self.to;
        let opened = UdpSocket::bind(any).and_then(|socket| {
            socket.connect(to)?;
            socket.set_write_timeout(Some(PATIENCE))?;
            Ok(socket)
        });
        self.socket = Some(opened.map_err(|error| named(&to, &error))?);
        Ok(())
    }

    fn send(&mut self, frames: &[Frame], _: &Stop) -> Result<(), Failure> {
        let Some(socket) = &self.socket else {
            return Err(closed());
        };
        each(frames, |bytes| match socket.send(bytes) {
            // The answer to an earlier datagram: this one was not sent, and nobody may be there.
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => socket.send(bytes),
            sent => sent,
        })
        .map_err(|(sent, error)| Failure {
            sent,
            lost: 1,
            is_closed: false,
            error: named(&self.to, &error),
        })
    }
}

/// Sends each frame as a datagram to a socket of UNIX, such as `/dev/log`.
#[derive(Debug)]
pub struct Unix {
    path: PathBuf,
    socket: Option<UnixDatagram>,
}

impl Unix {
    /// To the socket at this path.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            socket: None,
        }
    }
}

impl Outlet for Unix {
    fn open(&mut self, _: &Stop) -> io::Result<()> {
        let opened = UnixDatagram::unbound().and_then(|socket| {
            socket.connect(&self.path)?;
            socket.set_write_timeout(Some(PATIENCE))?;
            Ok(socket)
        });
        self.socket = Some(opened.map_err(|error| named(&self.path.display(), &error))?);
        Ok(())
    }

    /// A datagram that was not taken can be sent later: here none goes astray.
    fn send(&mut self, frames: &[Frame], _: &Stop) -> Result<(), Failure> {
        let Some(socket) = &self.socket else {
            return Err(closed());
        };
        each(frames, |bytes| socket.send(bytes)).map_err(|(sent, error)| {
            let is_long = error.raw_os_error() == Some(nix::libc::EMSGSIZE);
            Failure {
                sent,
                lost: usize::from(is_long),
                is_closed: !is_long,
                error: named(&self.path.display(), &error),
            }
        })
    }
}

/// Sends each that has bytes; the number of those before the one that failed.
fn each(
    frames: &[Frame],
    send: impl Fn(&[u8]) -> io::Result<usize>,
) -> Result<(), (usize, io::Error)> {
    for (number, frame) in frames.iter().enumerate() {
        if !frame.bytes.is_empty() {
            send(&frame.bytes).map_err(|error| (number, error))?;
        }
    }
    Ok(())
}

fn closed() -> Failure {
    Failure {
        sent: 0,
        lost: 0,
        is_closed: true,
        error: io::ErrorKind::NotConnected.into(),
    }
}

fn named(to: &impl std::fmt::Display, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{to}: {error}"))
}
