use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

use super::*;

fn exposition() -> Exposition {
    let counts = |pairs: &[(&str, u64)]| {
        let pairs = pairs.iter();
        pairs
            .map(|(name, count)| ((*name).into(), *count))
            .collect()
    };
    Exposition {
        started: 1_764_000_000_500_000_000,
        recording: true,
        packets: [(("eth0".into(), "recorded".into()), 7)].into(),
        lost: counts(&[("limiter", 2)]),
        approvals: [(
            "req \"7\"\\".into(),
            Approval {
                end: Some(1_770_000_000_000_000_000),
                recorded: counts(&[("relay", 7)]),
            },
        )]
        .into(),
        records: 3,
        store: Some(Store {
            up: true,
            bytes: 4096,
            rows: 3,
        }),
        exporters: [(
            "eve".into(),
            Outlet {
                up: false,
                sent: 1,
                lost: 2,
            },
        )]
        .into(),
    }
}

#[test]
fn every_count_stands_in_both_formats() {
    let samples = |format| {
        let text = exposition().encode(format);
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    let told = samples(Format::Prometheus);
    assert_eq!(told, samples(Format::OpenMetrics));
    for line in [
        "sekisho_recording 1",
        "sekisho_start_time_seconds 1764000000.500000000",
        "sekisho_packets_total{interface=\"eth0\",verdict=\"recorded\"} 7",
        "sekisho_lost_total{stage=\"limiter\"} 2",
        r#"sekisho_approval_packets_total{approval="req \"7\"\\",class="relay"} 7"#,
        r#"sekisho_approval_end_time_seconds{approval="req \"7\"\\"} 1770000000.000000000"#,
        "sekisho_exporter_lost_rows_total{stage=\"eve\"} 2",
        "sekisho_store_bytes 4096",
    ] {
        assert!(told.iter().any(|told| told == line), "{line} in {told:#?}");
    }
    assert!(
        exposition()
            .encode(Format::OpenMetrics)
            .ends_with("\n# EOF\n")
    );
}

#[test]
fn labels_are_of_five_names() {
    let mut exposition = exposition();
    // Without characters that part labels.
    let approval = exposition.approvals.pop_first().unwrap().1;
    exposition.approvals.insert("req-7".into(), approval);
    let text = exposition.encode(Format::Prometheus);
    let labels = (text.lines())
        .filter_map(|line| line.split_once('{')?.1.split_once('}'))
        .flat_map(|(labels, _)| labels.split(','));
    let mut names: Vec<&str> = labels
        .map(|label| label.split_once('=').unwrap().0)
        .collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(
        names,
        ["approval", "class", "interface", "stage", "verdict"]
    );
}

fn ask(server: &Server, request: &str) -> String {
    let mut stream = TcpStream::connect(server.address()).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    let mut part = [0; 4096];
    while let Ok(count @ 1..) = stream.read(&mut part) {
        answer.extend(&part[..count]);
    }
    String::from_utf8(answer).unwrap()
}

fn server() -> Server {
    Server::spawn("127.0.0.1:0".parse().unwrap(), false, exposition).unwrap()
}

#[test]
fn it_answers_for_metrics_and_nothing_else() {
    let server = server();
    let plain = ask(&server, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
    assert!(plain.starts_with("HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4"));
    assert!(plain.ends_with(&exposition().encode(Format::Prometheus)));
    let open = ask(
        &server,
        "GET /metrics HTTP/1.1\r\nAccept: application/openmetrics-text;version=1.0.0\r\n\r\n",
    );
    assert!(open.ends_with(&exposition().encode(Format::OpenMetrics)));
    let other = ask(&server, "GET / HTTP/1.1\r\n\r\n");
    assert!(other.starts_with("HTTP/1.1 404 "), "{other}");
    let other = ask(&server, "POST /metrics HTTP/1.1\r\n\r\n");
    assert!(other.starts_with("HTTP/1.1 405 "), "{other}");
    let long = format!("GET /metrics HTTP/1.1\r\nX: {}", "x".repeat(8 << 10));
    let other = ask(&server, &long[..8 << 10]);
    assert!(other.starts_with("HTTP/1.1 431 "), "{other}");
}

#[test]
fn who_says_nothing_is_cut_off_and_the_next_is_answered() {
    let server = server();
    let silent = TcpStream::connect(server.address()).unwrap();
    let answer = ask(&server, "GET /metrics HTTP/1.1\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 200 OK"));
    drop(silent);
}

#[test]
fn what_others_could_read_is_refused_unless_allowed() {
    let address = "0.0.0.0:0".parse().unwrap();
    let refused = Server::spawn(address, false, exposition).unwrap_err();
    assert!(
        refused.to_string().contains("name a loopback address"),
        "{refused}"
    );
    assert!(Server::spawn(address, true, exposition).is_ok());
}
