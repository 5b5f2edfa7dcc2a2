//! TCP.

use std::{
    io::{self, Write as _},
    net::{Shutdown, SocketAddr, TcpStream},
    os::fd::AsRawFd as _,
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    sys::socket::{MsgFlags, recv},
};

use super::{Failure, Frame, Outlet, Stop};

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(3);

/// How long one write waits before it is looked whether to go on.
const TICK: Duration = Duration::from_millis(100);

/// Bytes that are written together.
const GROUP: usize = 64 << 10;

/// Sends frames one after another over a connection.
#[derive(Debug)]
pub struct Tcp {
    to: SocketAddr,
    patience: Duration,
    stream: Option<TcpStream>,
}

impl Tcp {
    /// To this address; a receiver that does not take what is written within `patience` is cut
    /// off.
    pub const fn new(to: SocketAddr, patience: Duration) -> Self {
        Self {
            to,
            patience,
            stream: None,
        }
    }

    fn named(&self, error: &io::Error) -> io::Error {
        io::Error::new(error.kind(), format!("{}: {error}", self.to))
    }

    /// Writes all; else how much was.
    fn write(&mut self, bytes: &[u8], stop: &Stop) -> Result<(), (usize, io::Error)> {
        let Some(stream) = &mut self.stream else {
            return Err((0, io::ErrorKind::NotConnected.into()));
        };
        let deadline = Instant::now() + self.patience;
        let mut written = 0;
        while written < bytes.len() {
            match stream.write(&bytes[written..]) {
                Ok(0) => return Err((written, io::ErrorKind::WriteZero.into())),
                Ok(count) => written += count,
                Err(error) => match error.kind() {
                    io::ErrorKind::Interrupted => {}
                    io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
                        if stop.is_over() || Instant::now() >= deadline {
                            let slow = "the receiver does not take what is sent";
                            return Err((written, io::Error::new(io::ErrorKind::TimedOut, slow)));
                        }
                    }
                    _ => return Err((written, error)),
                },
            }
        }
        Ok(())
    }
}

impl Outlet for Tcp {
    fn open(&mut self, stop: &Stop) -> io::Result<()> {
        self.stream = None;
        let patience = stop.left().map_or(CONNECT, |left| left.min(CONNECT));
        let connected = TcpStream::connect_timeout(&self.to, patience.max(TICK));
        let ready = connected.and_then(|stream| {
            stream.set_write_timeout(Some(TICK))?;
            stream.set_nodelay(true)?;
            Ok(stream)
        });
        self.stream = Some(ready.map_err(|error| self.named(&error))?);
        Ok(())
    }

    fn send(&mut self, frames: &[Frame], stop: &Stop) -> Result<(), Failure> {
        let mut sent = 0;
        while sent < frames.len() {
            let mut bytes = Vec::new();
            let mut ends = Vec::new();
            for frame in &frames[sent..] {
                if !bytes.is_empty() && bytes.len() + frame.bytes.len() > GROUP {
                    break;
                }
                bytes.extend(&frame.bytes);
                ends.push(bytes.len());
            }
            if let Err((written, error)) = self.write(&bytes, stop) {
                let whole = ends.iter().take_while(|end| **end <= written).count();
                let before = whole.checked_sub(1).map_or(0, |last| ends[last]);
                self.stream = None;
                return Err(Failure {
                    sent: sent + whole,
                    lost: usize::from(written > before),
                    is_closed: true,
                    error: self.named(&error),
                });
            }
            sent += ends.len();
        }
        Ok(())
    }

    /// A write after the other side has closed would succeed, and its rows would be lost: so it is
    /// looked first. What the other side says is not read any further.
    fn check(&mut self) -> io::Result<()> {
        let Some(stream) = &self.stream else {
            return Err(io::ErrorKind::NotConnected.into());
        };
        let mut heard = [0; 512];
        match recv(stream.as_raw_fd(), &mut heard, MsgFlags::MSG_DONTWAIT) {
            Ok(0) => {
                let error = io::Error::new(io::ErrorKind::ConnectionReset, "the receiver closed");
                Err(self.named(&error))
            }
            Ok(_) | Err(Errno::EAGAIN | Errno::EINTR) => Ok(()),
            Err(error) => Err(self.named(&error.into())),
        }
    }
}

impl Drop for Tcp {
    fn drop(&mut self) {
        if let Some(stream) = &self.stream {
            // It may be closed already.
            let _ = stream.shutdown(Shutdown::Write);
        }
    }
}
