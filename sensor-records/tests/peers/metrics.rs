//! Metrics: promtool, and Prometheus itself.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    process::{Command, Stdio},
};

use nix::sys::signal::Signal;
use sensor_records::export::openmetrics::{Approval, Exposition, Format, Outlet, Server, Store};
use serde_json::Value;

use crate::peer::{Peer, free_tcp, read, require, tool, wait};

fn exposition() -> Exposition {
    let packets = [
        ("eth0", "recorded", 7),
        ("eth0", "no_match", 90),
        ("eth1", "recorded", 5),
    ];
    let packets =
        packets.map(|(interface, verdict, count)| ((interface.into(), verdict.into()), count));
    Exposition {
        started: 1_764_000_000_000_000_000,
        recording: true,
        packets: packets.into(),
        lost: [("limiter".into(), 2)].into(),
        approvals: [(
            "a \"quoted\" one\\".into(),
            Approval {
                end: Some(1_770_000_000_000_000_000),
                recorded: [("relay".into(), 12)].into(),
            },
        )]
        .into(),
        records: 3,
        store: Some(Store::default()),
        exporters: [("eve".into(), Outlet::default())].into(),
    }
}

#[test]
fn promtool_has_nothing_to_say() {
    let promtool = require!(tool("promtool"));
    let mut child = Command::new(promtool)
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let text = exposition().encode(Format::Prometheus);
    child
        .stdin
        .take()
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    assert_eq!(String::from_utf8_lossy(&said), "");
    assert!(output.status.success());
}

/// The answer to a query.
fn query(at: SocketAddr, text: &str) -> Option<Value> {
    let mut stream = TcpStream::connect(at).ok()?;
    let request = format!("GET /api/v1/query?query={text} HTTP/1.0\r\n\r\n");
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = Vec::new();
    let mut part = [0; 4096];
    while let Ok(count @ 1..) = stream.read(&mut part) {
        answer.extend(&part[..count]);
    }
    let answer = String::from_utf8(answer).ok()?;
    let (_, body) = answer.split_once("\r\n\r\n")?;
    serde_json::from_str(body).ok()
}

#[test]
fn prometheus_scrapes_what_is_told() {
    let program = require!(tool("prometheus"));
    let scratch = tempfile::tempdir().unwrap();
    let server = Server::spawn("127.0.0.1:0".parse().unwrap(), false, exposition).unwrap();
    let configuration = format!(
        "global:\n  scrape_interval: 1s\nscrape_configs:\n  - job_name: sekisho\n    \
         static_configs:\n      - targets: ['{}']\n",
        server.address()
    );
    let file = scratch.path().join("prometheus.yml");
    fs::write(&file, configuration).unwrap();
    let at = free_tcp();
    let log = scratch.path().join("log");
    let peer = Peer::spawn(
        Command::new(program)
            .arg(format!("--config.file={}", file.display()))
            .arg(format!(
                "--storage.tsdb.path={}",
                scratch.path().join("data").display()
            ))
            .arg(format!("--web.listen-address={at}")),
        &log,
    );
    let value = |text: &str| {
        let answer = query(at, text)?;
        let result = answer["data"]["result"].as_array()?.first()?.clone();
        result["value"][1].as_str().map(str::to_owned)
    };
    wait("it has scraped", || value("up").as_deref() == Some("1"));
    for (text, expected) in [
        ("sum(sekisho_packets_total)", "102"),
        ("sekisho_packets_total%7Bverdict=%22no_match%22%7D", "90"),
        ("sekisho_approval_packets_total", "12"),
        ("sekisho_approval_end_time_seconds", "1770000000"),
        ("sekisho_lost_total", "2"),
    ] {
        assert_eq!(
            value(text).as_deref(),
            Some(expected),
            "{text}: {}",
            read(&log)
        );
    }
    peer.end(Signal::SIGTERM);
}
