//! Answers `GET /metrics` on an address of this machine, one request a connection.
//!
//! One thread, one connection at a time: who reads slowly or says too much is cut off after five
//! seconds, and holds others no longer than that. It reads no body and knows no other path, which is why it is no HTTP
//! library.

use std::{
    io::{self, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use thiserror::Error;

use super::{Exposition, Format};

/// The longest request with its headers.
const LONGEST: usize = 8 << 10;

/// How long a request and its answer may take altogether.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long it waits before it looks for connections again.
const TICK: Duration = Duration::from_millis(50);

/// Why it does not serve.
#[derive(Debug, Error)]
pub enum Refused {
    /// Others could read it.
    #[error(
        "metrics on {address}: others than this machine could read them; name a loopback address, \
         or allow it expressly"
    )]
    Exposed {
        /// The address.
        address: SocketAddr,
    },
    /// The system refused.
    #[error("metrics on {address}: {source}")]
    System {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
}

/// What serves, until it is dropped.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Serves what `look` says at the time of each request; on an address that is not of
    /// loopback only if that is `allowed`.
    pub fn spawn(
        address: SocketAddr,
        allowed: bool,
        look: impl Fn() -> Exposition + Send + 'static,
    ) -> Result<Self, Refused> {
        if !(allowed || address.ip().is_loopback()) {
            return Err(Refused::Exposed { address });
        }
        let system = |source| Refused::System { address, source };
        let listener = TcpListener::bind(address).map_err(system)?;
        listener.set_nonblocking(true).map_err(system)?;
        let address = listener.local_addr().map_err(system)?;
        let is_over = Arc::<AtomicBool>::default();
        let end = Arc::clone(&is_over);
        let thread = thread::Builder::new().name("metrics".into());
        let thread = thread.spawn(move || {
            while !end.load(Relaxed) {
                match listener.accept() {
                    // Who does not get an answer asks again.
                    Ok((stream, _)) => drop(answer(stream, &look)),
                    Err(_) => thread::sleep(TICK),
                }
            }
        });
        Ok(Self {
            address,
            is_over,
            thread: Some(thread.map_err(system)?),
        })
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.is_over.store(true, Relaxed);
        if let Some(thread) = self.thread.take() {
            // Ends after the connection it may have, within PATIENCE.
            let _ = thread.join();
        }
    }
}

fn answer(mut stream: TcpStream, look: &impl Fn() -> Exposition) -> io::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    stream.set_nonblocking(false)?;
    let (status, format, body) = match request(&mut stream, deadline)? {
        Request::Metrics(format) => ("200 OK", format, look().encode(format)),
        Request::Other(status) => (status, Format::Prometheus, format!("{status}\n")),
    };
    let content_type = match status {
        "200 OK" => format.content_type(),
        _ => "text/plain; charset=utf-8",
    };
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\n\
         Connection: close\r\n\r\n"
    );
    let answer = [head.into_bytes(), body.into_bytes()].concat();
    let mut rest = &answer[..];
    while !rest.is_empty() {
        stream.set_write_timeout(Some(left(deadline)?))?;
        let written = stream.write(rest)?;
        rest = rest.get(written..).unwrap_or_default();
        if written == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
    }
    Ok(())
}

enum Request {
    Metrics(Format),
    Other(&'static str),
}

/// Reads up to the empty line.
fn request(stream: &mut TcpStream, deadline: Instant) -> io::Result<Request> {
    let mut text = Vec::new();
    while !text.windows(4).any(|end| end == b"\r\n\r\n") {
        if text.len() >= LONGEST {
            return Ok(Request::Other("431 Request Header Fields Too Large"));
        }
        stream.set_read_timeout(Some(left(deadline)?))?;
        let mut part = [0; 1024];
        match stream.read(&mut part)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            count => text.extend(&part[..count]),
        }
    }
    let text = String::from_utf8_lossy(&text);
    let mut lines = text.split("\r\n");
    let mut words = lines.next().unwrap_or_default().split(' ');
    let (method, path) = (words.next(), words.next().unwrap_or_default());
    let path = path.split('?').next();
    Ok(match (method, path) {
        (Some("GET"), Some("/metrics")) => {
            let accepts = lines.any(|line| {
                let line = line.to_ascii_lowercase();
                line.starts_with("accept:") && line.contains("application/openmetrics-text")
            });
            Request::Metrics(if accepts {
                Format::OpenMetrics
            } else {
                Format::Prometheus
            })
        }
        (Some("GET"), _) => Request::Other("404 Not Found"),
        _ => Request::Other("405 Method Not Allowed"),
    })
}

fn left(deadline: Instant) -> io::Result<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return Err(io::ErrorKind::TimedOut.into());
    }
    Ok(left)
}
