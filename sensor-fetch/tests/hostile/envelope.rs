//! A case of TAXII or MISP, and how it is run.

use std::{
    fmt::Write as _,
    io::Seek as _,
    sync::Arc,
    time::{Duration, Instant},
};

use sensor_fetch::{Client, Credential, Endpoint, Error, Hosts, Kind, Limits, Secret, misp, taxii};

use super::case::Capped as _;
use crate::peers::{
    certificates::{self, Shows},
    server::{Does, Peer, Server},
    world::Still,
};

/// What is asked of a server.
#[derive(Clone, Copy)]
pub(crate) enum Asks {
    Discover,
    Pull(Option<&'static str>),
    Misp(&'static [(&'static str, i64)]),
}

/// What a server does, and what comes of it.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    asks: Asks,
    path: &'static str,
    does: Does,
    limits: fn(&mut Limits),
    expected: Result<String, (Kind, &'static str)>,
    connections: Option<usize>,
}

pub(crate) fn case(
    name: &'static str,
    asks: Asks,
    path: &'static str,
    does: impl Fn(&mut Peer) + Send + Sync + 'static,
) -> Case {
    Case {
        name,
        asks,
        path,
        does: Does::Answer(Arc::new(does)),
        limits: |_| {},
        expected: Ok(String::new()),
        connections: None,
    }
}

impl Case {
    pub(crate) fn limits(mut self, limits: fn(&mut Limits)) -> Self {
        self.limits = limits;
        self
    }

    /// What is got, as [`told`] puts it.
    pub(crate) fn gives(mut self, what: &str) -> Self {
        self.expected = Ok(what.to_owned());
        self
    }

    pub(crate) fn fails(mut self, kind: Kind, says: &'static str) -> Self {
        self.expected = Err((kind, says));
        self
    }

    pub(crate) fn connections(mut self, connections: usize) -> Self {
        self.connections = Some(connections);
        self
    }
}

/// Runs a case; else what differs.
pub(crate) fn run(case: &Case) -> Result<(), String> {
    let server = Server::new(&certificates::server(Shows::Good), &case.does);
    let tls = server.ports.tls;
    let mut endpoint = Endpoint::new(&format!("https://feed.test:{tls}{}", case.path)).unwrap();
    endpoint.roots = Some(certificates::roots());
    endpoint.credential = Some(Credential::Bearer(Secret::new("s3cret")));
    let hosts = Hosts::parse(&format!("feed.test:{tls}\nother.test:{tls}")).unwrap();
    let mut limits = Limits {
        bytes: 1 << 20,
        page: 1 << 20,
        total: Duration::from_secs(5),
        idle: Duration::from_secs(2),
        attempts: 2,
        ..Limits::default()
    };
    (case.limits)(&mut limits);
    let within = limits.total + Duration::from_millis(500);
    let client = Client::new(endpoint, hosts, limits)
        .unwrap()
        .in_world(Arc::new(Still::new()));

    let begin = Instant::now();
    let got = told(&client, case.asks);
    let took = begin.elapsed();
    let port = tls.to_string();
    match (&case.expected, got) {
        (Ok(expected), Ok(got)) if *expected == got.replace(&port, "TLS") => {}
        (Err((kind, says)), Err(error)) => {
            let text = error.to_string();
            let right = error.kind == *kind && text.contains(says);
            let clear = text.starts_with("https://") && error.advice.len() > 5;
            if !right || !clear || text.contains("s3cret") {
                return Err(format!("{:?}: {text}", error.kind));
            }
        }
        (_, got) => return Err(format!("{got:?}")),
    }
    if took > within {
        return Err(format!("took {took:?}"));
    }
    match case.connections {
        Some(expected) if expected != server.connections() => Err(format!(
            "{} connections: {:?}",
            server.connections(),
            server.heads()
        )),
        _ => Ok(()),
    }
}

/// Asks, and puts what comes in words; after an error, that nothing is left.
fn told(client: &Client, asks: Asks) -> Result<String, Error> {
    match asks {
        Asks::Discover => taxii::discover(client, &mut |_| {}).map(|found| {
            let mut text = found.title;
            for one in found.collections {
                let read = if one.can_read { "read" } else { "closed" };
                write!(
                    text,
                    "; {} '{}' {read} {:?}",
                    one.url, one.title, one.media_types
                )
                .unwrap();
            }
            for error in found.unread {
                write!(text, "; {:?}", error.kind).unwrap();
            }
            text
        }),
        Asks::Pull(after) => pull(client, after),
        Asks::Misp(known) => {
            let known = known
                .iter()
                .map(|(uuid, at)| ((*uuid).to_owned(), *at))
                .collect();
            let folder = tempfile::tempdir().unwrap();
            let pulled = misp::pull(client, &known, folder.path(), &mut |_| {})?;
            let mut files: Vec<_> = std::fs::read_dir(folder.path())
                .unwrap()
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .collect();
            files.sort();
            let counts = [
                &pulled.new,
                &pulled.changed,
                &pulled.unchanged,
                &pulled.removed,
            ];
            Ok(format!(
                "{:?}, {} known, {files:?}",
                counts.map(Vec::len),
                pulled.timestamps.len()
            ))
        }
    }
}

fn pull(client: &Client, after: Option<&str>) -> Result<String, Error> {
    let mut file = tempfile::tempfile().unwrap();
    let pulled = taxii::pull(client, after, &mut file, &mut |_| {});
    let mut bundle = Vec::new();
    file.rewind().unwrap();
    std::io::Read::take(&mut file, 1 << 30).read_to_end_capped(&mut bundle);
    let pulled = pulled.inspect_err(|_| assert!(bundle.is_empty(), "something is left"))?;
    assert_eq!(pulled.bytes, u64::try_from(bundle.len()).unwrap());
    assert_eq!(pulled.sha256, super::case::sha256(&bundle));
    if pulled.objects > 1000 {
        return Ok(format!("{} objects", pulled.objects));
    }
    let bundle: serde_json::Value = serde_json::from_slice(&bundle).unwrap();
    let objects = bundle["objects"].as_array().unwrap();
    assert_eq!(pulled.objects, u64::try_from(objects.len()).unwrap());
    let ids: Vec<_> = objects
        .iter()
        .map(|object| object["id"].as_str().unwrap())
        .collect();
    Ok(format!(
        "{}; {} again, {} pages, then {}",
        ids.join(" "),
        pulled.repeated,
        pulled.pages,
        pulled.added_after.as_deref().unwrap_or("all")
    ))
}
