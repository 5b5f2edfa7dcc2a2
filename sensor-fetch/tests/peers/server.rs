//! A server with a plain and a TLS port that answers each connection as a function says.

use std::{
    io::{self, Read, Write},
    net::{Ipv4Addr, Shutdown, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// The ports of a server.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ports {
    pub(crate) plain: u16,
    pub(crate) tls: u16,
}

/// One connection to a server, with the head of the request that came over it.
pub(crate) struct Peer {
    pub(crate) ports: Ports,
    /// Whether it came to the TLS port.
    pub(crate) tls: bool,
    /// From 1: which connection it is.
    pub(crate) nth: usize,
    /// What was asked, with all its headers.
    pub(crate) head: String,
    stream: Box<dyn Duplex>,
    /// The same connection, below TLS.
    tcp: TcpStream,
}

trait Duplex: Read + Write + Send {}

impl<T: Read + Write + Send> Duplex for T {}

impl Peer {
    /// Sends text; a client that has gone is no error.
    pub(crate) fn say(&mut self, text: &str) -> bool {
        self.send(text.as_bytes())
    }

    /// Sends octets, and says whether somebody took them.
    pub(crate) fn send(&mut self, octets: &[u8]) -> bool {
        self.stream
            .write_all(octets)
            .and_then(|()| self.stream.flush())
            .is_ok()
    }

    /// A whole answer: status line without version, headers, body.
    pub(crate) fn answer(&mut self, status: &str, headers: &[&str], body: &str) {
        let headers: String = headers
            .iter()
            .flat_map(|header| [*header, "\r\n"])
            .collect();
        let head = format!(
            "HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n",
            body.len()
        );
        self.say(&head);
        self.say(body);
    }

    /// What is asked for: the path and the query.
    pub(crate) fn target(&self) -> &str {
        self.head.split(' ').nth(1).unwrap_or_default()
    }

    /// The value of a header of the request.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }

    /// Reads the head of another request over the same connection.
    pub(crate) fn next(&mut self) -> bool {
        self.head = head(&mut self.stream).unwrap_or_default();
        !self.head.is_empty()
    }

    /// Is what a proxy is after CONNECT: octets to the TLS port and back.
    pub(crate) fn tunnel(&mut self) {
        let to = TcpStream::connect((Ipv4Addr::LOCALHOST, self.ports.tls)).unwrap();
        let (mut up, mut down) = (to.try_clone().unwrap(), to);
        let (mut from, mut back) = (self.tcp.try_clone().unwrap(), self.tcp.try_clone().unwrap());
        thread::spawn(move || {
            let _ = io::copy(&mut from, &mut up);
            let _ = up.shutdown(Shutdown::Write);
        });
        let _ = io::copy(&mut down, &mut back);
    }
}

/// What a server does with a connection.
#[derive(Clone)]
pub(crate) enum Does {
    /// Reads a request (after the handshake, at the TLS port) and answers.
    Answer(Arc<dyn Fn(&mut Peer) + Send + Sync>),
    /// Takes the connection and does what it wants.
    Raw(fn(TcpStream)),
}

/// A server; it ends when it is dropped.
pub(crate) struct Server {
    pub(crate) ports: Ports,
    /// The heads of all requests, in order.
    heads: Arc<Mutex<Vec<String>>>,
    connections: Arc<Mutex<usize>>,
    ends: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Server {
    pub(crate) fn new(tls: &Arc<ServerConfig>, does: &Does) -> Self {
        let listeners = [(); 2].map(|()| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap());
        let [plain, secure] = [0, 1].map(|at| listeners[at].local_addr().unwrap().port());
        let mut server = Self {
            ports: Ports { plain, tls: secure },
            heads: Arc::default(),
            connections: Arc::default(),
            ends: Arc::default(),
            threads: Vec::new(),
        };
        for (at, listener) in listeners.into_iter().enumerate() {
            let tls = (at == 1).then(|| Arc::clone(tls));
            server.listen(listener, tls, does.clone());
        }
        server
    }

    fn listen(&mut self, listener: TcpListener, tls: Option<Arc<ServerConfig>>, does: Does) {
        let (heads, connections) = (Arc::clone(&self.heads), Arc::clone(&self.connections));
        let (ends, ports) = (Arc::clone(&self.ends), self.ports);
        self.threads.push(thread::spawn(move || {
            for stream in listener.incoming() {
                if ends.load(Ordering::SeqCst) {
                    break;
                }
                let Ok(tcp) = stream else { continue };
                let nth = {
                    let mut connections = connections.lock().unwrap();
                    *connections += 1;
                    *connections
                };
                let (tls, does, heads) = (tls.clone(), does.clone(), Arc::clone(&heads));
                thread::spawn(move || serve(tcp, tls, ports, nth, &does, &heads));
            }
        }));
    }

    /// How many connections came.
    pub(crate) fn connections(&self) -> usize {
        *self.connections.lock().unwrap()
    }

    /// The heads of all first requests of connections, in order.
    pub(crate) fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::SeqCst);
        for port in [self.ports.plain, self.ports.tls] {
            let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, port));
        }
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

fn serve(
    tcp: TcpStream,
    tls: Option<Arc<ServerConfig>>,
    ports: Ports,
    nth: usize,
    does: &Does,
    heads: &Mutex<Vec<String>>,
) {
    let answer = match does {
        Does::Raw(does) => return does(tcp),
        Does::Answer(answer) => answer,
    };
    // No thread of a test outlives its case by much.
    tcp.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    tcp.set_write_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    tcp.set_nodelay(true).unwrap();
    let below = tcp.try_clone().unwrap();
    let is_tls = tls.is_some();
    let mut stream: Box<dyn Duplex> = match tls {
        Some(config) => Box::new(StreamOwned::new(
            ServerConnection::new(config).unwrap(),
            tcp,
        )),
        None => Box::new(tcp),
    };
    let Some(head) = head(&mut stream) else {
        return;
    };
    heads.lock().unwrap().push(head.clone());
    let mut peer = Peer {
        ports,
        tls: is_tls,
        nth,
        head,
        stream,
        tcp: below,
    };
    answer(&mut peer);
}

fn head(stream: &mut impl Read) -> Option<String> {
    let mut head = Vec::new();
    let mut octet = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() > 64 * 1024 || stream.read(&mut octet).ok()? == 0 {
            return None;
        }
        head.push(octet[0]);
    }
    String::from_utf8(head).ok()
}
