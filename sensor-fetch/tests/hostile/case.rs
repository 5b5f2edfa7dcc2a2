//! A case, and how it is run.

use std::{
    fs::File,
    io::{Read as _, Seek as _},
    sync::Arc,
    time::{Duration, Instant},
};

use sensor_fetch::{Client, Endpoint, Fetched, Hosts, Kind, Known, Limits, Progress};

use crate::peers::{
    certificates::{self, Shows},
    server::{Does, Peer, Ports, Server},
    world::Still,
};

/// The feed of a server that means well.
pub(crate) const FEED: &str = "192.0.2.1\n192.0.2.2\n";

/// What a server does, and what comes of it.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    shows: Shows,
    does: Does,
    /// `{plain}` and `{tls}` stand for the ports.
    url: &'static str,
    known: Known,
    changes: Vec<fn(&mut Endpoint, &mut Limits, Ports)>,
    expected: Expected,
    /// How many connections come.
    connections: usize,
    within: Duration,
    /// What is waited between attempts, in milliseconds.
    waits: Option<&'static [u64]>,
}

enum Expected {
    Body(String),
    /// So many octets of whatever it is.
    Length(u64),
    Unchanged,
    /// The class, and what the message says.
    Fails(Kind, &'static str),
}

/// A server that answers each request so, plain.
pub(crate) fn plain(name: &'static str, does: impl Fn(&mut Peer) + Send + Sync + 'static) -> Case {
    Case {
        name,
        shows: Shows::Good,
        does: Does::Answer(Arc::new(does)),
        url: "http://127.0.0.1:{plain}/feed",
        known: Known::default(),
        changes: Vec::new(),
        expected: Expected::Body(FEED.to_owned()),
        connections: 1,
        within: Duration::from_millis(2500),
        waits: None,
    }
}

/// The same with TLS.
pub(crate) fn secure(name: &'static str, does: impl Fn(&mut Peer) + Send + Sync + 'static) -> Case {
    plain(name, does).at("https://feed.test:{tls}/feed")
}

/// What does not even read a request, at both ports.
pub(crate) fn raw(name: &'static str, does: fn(std::net::TcpStream)) -> Case {
    let mut case = plain(name, |_| {});
    case.does = Does::Raw(does);
    case
}

impl Case {
    pub(crate) fn at(mut self, url: &'static str) -> Self {
        self.url = url;
        self
    }

    pub(crate) fn shows(mut self, shows: Shows) -> Self {
        self.shows = shows;
        self
    }

    pub(crate) fn known(mut self, etag: Option<&str>, last_modified: Option<&str>) -> Self {
        self.known = Known {
            etag: etag.map(str::to_owned),
            last_modified: last_modified.map(str::to_owned),
        };
        self
    }

    pub(crate) fn with(mut self, changes: fn(&mut Endpoint, &mut Limits, Ports)) -> Self {
        self.changes.push(changes);
        self
    }

    pub(crate) fn body(mut self, body: &str) -> Self {
        self.expected = Expected::Body(body.to_owned());
        self
    }

    pub(crate) fn length(mut self, octets: u64) -> Self {
        self.expected = Expected::Length(octets);
        self
    }

    pub(crate) fn unchanged(mut self) -> Self {
        self.expected = Expected::Unchanged;
        self
    }

    pub(crate) fn fails(mut self, kind: Kind, says: &'static str) -> Self {
        self.expected = Expected::Fails(kind, says);
        self
    }

    /// For cases that wait for nothing: they end by these times.
    pub(crate) fn impatient(self) -> Self {
        self.with(|_, limits, _| {
            limits.connect = Duration::from_millis(500);
            limits.idle = Duration::from_millis(300);
        })
    }

    pub(crate) fn connections(mut self, connections: usize) -> Self {
        self.connections = connections;
        self
    }

    pub(crate) fn within(mut self, milliseconds: u64) -> Self {
        self.within = Duration::from_millis(milliseconds);
        self
    }

    pub(crate) fn waits(mut self, milliseconds: &'static [u64]) -> Self {
        self.waits = Some(milliseconds);
        self
    }
}

/// Limits of connecting and of silence that a busy machine keeps, unless a case is
/// [impatient](Case::impatient).
fn limits() -> Limits {
    Limits {
        bytes: 1 << 20,
        total: Duration::from_secs(3),
        connect: Duration::from_secs(2),
        idle: Duration::from_secs(2),
        slowest: 64,
        attempts: 2,
        backoff: Duration::from_millis(100),
        longest_wait: Duration::from_millis(800),
        ..Limits::default()
    }
}

/// Runs a case; else what differs.
pub(crate) fn run(case: &Case) -> Result<(), String> {
    let server = Server::new(&certificates::server(case.shows), &case.does);
    let ports = server.ports;
    let url = case
        .url
        .replace("{plain}", &ports.plain.to_string())
        .replace("{tls}", &ports.tls.to_string());
    let mut endpoint = Endpoint::new(&url).map_err(|error| error.to_string())?;
    endpoint.roots = Some(certificates::roots());
    let mut limits = limits();
    for change in &case.changes {
        change(&mut endpoint, &mut limits, ports);
    }
    let cap = limits.bytes;

    let world = Arc::new(Still::new());
    let mut file = tempfile::tempfile().unwrap();
    let mut most = 0;
    let begin = Instant::now();
    let result = Client::new(endpoint, hosts(ports), limits).and_then(|client| {
        let mut progress = |progress: Progress| {
            if let Progress::Octets { so_far, .. } = progress {
                most = most.max(so_far);
            }
        };
        client
            .in_world(world.clone())
            .fetch(&case.known, &mut file, &mut progress)
    });
    let took = begin.elapsed();

    let waits: Vec<_> = world.slept().iter().map(Duration::as_millis).collect();
    // A connection that was taken but not yet counted.
    std::thread::sleep(Duration::from_millis(5));
    let checks = [
        outcome(case, &url, result, &mut file),
        check(most <= cap, || format!("{most} octets were written")),
        check(took <= case.within, || format!("took {took:?}")),
        check(server.connections() == case.connections, || {
            format!("{} connections: {:?}", server.connections(), server.heads())
        }),
        check(
            case.waits.is_none_or(|expected| {
                waits
                    .iter()
                    .copied()
                    .eq(expected.iter().map(|wait| u128::from(*wait)))
            }),
            || format!("waited {waits:?} ms"),
        ),
    ];
    let differs: Vec<_> = checks.into_iter().filter_map(Result::err).collect();
    if differs.is_empty() {
        Ok(())
    } else {
        Err(differs.join("; "))
    }
}

/// Whom the client may ask: not `unlisted.test`, and no port but the server's.
fn hosts(Ports { plain, tls }: Ports) -> Hosts {
    Hosts::parse(&format!(
        "http://127.0.0.1:{plain}\nhttp://localhost:{plain}\nhttp://feed.test:{plain}\n\
         http://hangs.test:{plain}\nhttp://nobody.test:{plain}\nhttp://second.test:{plain}\n\
         http://nowhere.test:{plain}\nhttp://127.0.0.1:1\nhttp://127.0.0.1:{tls}\n\
         127.0.0.1:{plain}\nfeed.test:{tls}\nother.test:{tls}\nfeed.test:{plain}\n\
         127.0.0.1:{tls}\n"
    ))
    .unwrap()
}

fn check(holds: bool, differs: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(differs()) }
}

fn outcome(
    case: &Case,
    url: &str,
    result: Result<Fetched, sensor_fetch::Error>,
    file: &mut File,
) -> Result<(), String> {
    let mut written = Vec::new();
    file.rewind().unwrap();
    let length = file.metadata().unwrap().len();
    file.take(1 << 21).read_to_end_capped(&mut written);
    match (&case.expected, result) {
        (Expected::Body(body), Ok(Fetched::New(new))) => {
            check(written == body.as_bytes(), || format!("got {written:?}"))?;
            check(new.bytes == length, || format!("says {} octets", new.bytes))?;
            check(new.sha256 == sha256(&written), || "another hash".into())
        }
        (Expected::Length(octets), Ok(Fetched::New(new))) => {
            let right = new.bytes == *octets && length == *octets;
            check(right, || format!("{} of {length} octets", new.bytes))
        }
        (Expected::Unchanged, Ok(Fetched::Unchanged)) => Ok(()),
        (Expected::Fails(kind, says), Err(error)) => {
            let text = error.to_string();
            check(error.kind == *kind, || format!("{:?}: {text}", error.kind))?;
            check(text.contains(says), || format!("says: {text}"))?;
            check(length == 0, || format!("leaves {length} octets"))?;
            message(&error, url)
        }
        (_, result) => Err(format!("{result:?}")),
    }
}

/// Whether a message names what was asked and a way out, on one line and without what is secret.
fn message(error: &sensor_fetch::Error, url: &str) -> Result<(), String> {
    let text = error.to_string();
    let scheme = url.split("//").next().unwrap_or_default();
    let names = error.url.starts_with(scheme) || error.url.starts_with("http");
    check(names, || format!("names no URL: {text}"))?;
    check(error.advice.len() > 5, || format!("has no way out: {text}"))?;
    check(!text.contains("s3cret"), || {
        format!("shows a secret: {text}")
    })?;
    check(!text.contains(char::is_control), || {
        format!("has control characters: {text:?}")
    })
}

pub(super) fn sha256(octets: &[u8]) -> [u8; 32] {
    use sha2::{Digest as _, Sha256};
    Sha256::digest(octets).into()
}

/// Reading to the end of what has one.
pub(super) trait Capped {
    fn read_to_end_capped(self, into: &mut Vec<u8>);
}

impl<T: std::io::Read> Capped for std::io::Take<T> {
    #[expect(clippy::disallowed_methods, reason = "`Take` is the cap")]
    fn read_to_end_capped(mut self, into: &mut Vec<u8>) {
        self.read_to_end(into).unwrap();
    }
}
