//! IPFIX: nfcapd with nfdump, and nfacctd of pmacct.

use std::{
    collections::BTreeMap,
    fs,
    io::Read as _,
    net::{SocketAddr, TcpListener, UdpSocket},
    path::Path,
    process::Command,
    thread,
    time::Duration,
};

use nix::sys::signal::Signal;
use sensor_records::{
    Record,
    export::{
        ipfix::{Ipfix, Settings},
        sink::{Tcp, Udp},
    },
};

use crate::{
    peer::{Peer, SOON, free_udp, printed, read, require, tool, wait, wait_for_udp},
    rows::{export, flows, records, sums},
};

/// Enough that templates are told again, and that numbers of sequence matter.
const COUNT: u64 = 3000;

/// What nfdump says of each flow, by its numbers of packets and octets.
fn stored(nfdump: &Path, folder: &Path) -> BTreeMap<(u64, u64), Vec<String>> {
    let format = "fmt:%pkt|%byt|%sa|%da|%sp|%dp|%pr|%flg|%ts|%te";
    let mut command = Command::new(nfdump);
    command.env("TZ", "UTC");
    command
        .arg("-R")
        .arg(folder)
        .args(["-q", "-N", "-6", "-o", format]);
    let text = printed(&mut command);
    let lines = text.lines().filter(|line| line.contains('|'));
    lines
        .map(|line| {
            let columns: Vec<String> = line.split('|').map(|c| c.trim().to_owned()).collect();
            let number = |column: usize| columns[column].parse().unwrap();
            ((number(0), number(1)), columns)
        })
        .collect()
}

fn nfcapd(nfcapd: &Path, folder: &Path, log: &Path, at: SocketAddr) -> Peer {
    let peer = Peer::spawn(
        Command::new(nfcapd)
            .args(["-b", "127.0.0.1", "-p", &at.port().to_string()])
            .arg("-w")
            .arg(folder),
        log,
    );
    wait_for_udp(at);
    peer
}

/// Ends nfcapd, and compares what it has with what was recorded.
fn compare(peer: Peer, folder: &Path, log: &Path, records: &[Record]) {
    // It writes what it has when it ends; what is in its socket it reads first.
    thread::sleep(Duration::from_millis(500));
    peer.end(Signal::SIGTERM);
    let nfdump = tool("nfdump").unwrap();
    let stored = stored(&nfdump, folder);
    assert_eq!(stored.len(), records.len(), "{}", read(log));
    for record in records {
        let columns = &stored[&(record.packets, record.octets)];
        let notice = &record.notice;
        for (column, end) in [(2, notice.source), (3, notice.destination)] {
            match end.clear() {
                Some(address) => assert_eq!(columns[column], address.to_string()),
                // What nfdump prints where it has none.
                None => assert!(
                    ["0.0.0.0", "::"].contains(&columns[column].as_str()),
                    "{columns:?}"
                ),
            }
        }
        let (source, destination) = notice.ports.unwrap_or_default();
        assert_eq!(columns[4], source.to_string(), "{columns:?}");
        assert!(
            columns[5].starts_with(&destination.to_string()),
            "{columns:?}"
        );
        assert_eq!(columns[8], time(notice.start));
        assert_eq!(columns[9], time(record.end));
    }
    let summary = printed(Command::new(&nfdump).arg("-R").arg(folder).arg("-I"));
    let (packets, octets) = sums(records);
    for line in [
        format!("Flows: {}", records.len()),
        format!("Packets: {packets}"),
        format!("Bytes: {octets}"),
        "Sequence failures: 0".to_owned(),
    ] {
        assert!(
            summary.lines().any(|told| told == line),
            "{line} in {summary}"
        );
    }
}

/// As nfdump writes it.
fn time(unix_ns: u64) -> String {
    let time = jiff::Timestamp::from_nanosecond(i128::from(unix_ns)).unwrap();
    time.strftime("%Y-%m-%d %H:%M:%S.%3f").to_string()
}

#[test]
fn nfcapd_has_every_record_over_udp_and_misses_no_number() {
    let program = require!(tool("nfcapd"));
    require!(tool("nfdump"));
    let scratch = tempfile::tempdir().unwrap();
    let (folder, log) = (scratch.path().join("flows"), scratch.path().join("log"));
    fs::create_dir(&folder).unwrap();
    let at = free_udp();
    let peer = nfcapd(&program, &folder, &log, at);
    let records = records(COUNT);
    let losses = export(flows(&records), Ipfix::new(Settings::udp()), Udp::new(at));
    assert_eq!((losses.sent, losses.lost()), (COUNT, 0));
    compare(peer, &folder, &log, &records);
}

/// No collector of these reads TCP, so messages are taken from the stream by their length alone,
/// and handed on.
#[test]
fn nfcapd_has_every_record_that_came_over_tcp() {
    let program = require!(tool("nfcapd"));
    require!(tool("nfdump"));
    let scratch = tempfile::tempdir().unwrap();
    let (folder, log) = (scratch.path().join("flows"), scratch.path().join("log"));
    fs::create_dir(&folder).unwrap();
    let at = free_udp();
    let peer = nfcapd(&program, &folder, &log, at);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let to = listener.local_addr().unwrap();
    let relay = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let mut header = [0; 4];
        let mut messages = 0;
        while stream.read_exact(&mut header).is_ok() {
            let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
            let mut message = vec![0; length];
            message[..4].copy_from_slice(&header);
            stream.read_exact(&mut message[4..]).unwrap();
            socket.send_to(&message, at).unwrap();
            thread::sleep(Duration::from_millis(1));
            messages += 1;
        }
        messages
    });
    let records = records(COUNT);
    let losses = export(
        flows(&records),
        Ipfix::new(Settings::tcp()),
        Tcp::new(to, SOON),
    );
    assert_eq!((losses.sent, losses.lost()), (COUNT, 0));
    assert!(relay.join().unwrap() > 10);
    compare(peer, &folder, &log, &records);
}

#[test]
fn nfacctd_has_every_record_and_misses_no_number() {
    let program = require!(tool("nfacctd"));
    let scratch = tempfile::tempdir().unwrap();
    let file = |name: &str| scratch.path().join(name);
    let at = free_udp();
    let (out, log) = (file("out"), file("log"));
    let configuration = format!(
        "daemonize: false\nnfacctd_ip: 127.0.0.1\nnfacctd_port: {}\nplugins: print[p]\n\
         aggregate[p]: src_host, dst_host, src_port, dst_port, proto, vlan, timestamp_start, timestamp_end\n\
         print_output[p]: json\nprint_output_file[p]: {}\nprint_output_file_append[p]: true\n\
         print_refresh_time[p]: 1\npropagate_signals: true\n",
        at.port(),
        out.display()
    );
    fs::write(file("configuration"), configuration).unwrap();
    let peer = Peer::spawn(
        Command::new(program).arg("-f").arg(file("configuration")),
        &log,
    );
    wait_for_udp(at);
    let records = records(COUNT);
    let losses = export(flows(&records), Ipfix::new(Settings::udp()), Udp::new(at));
    assert_eq!((losses.sent, losses.lost()), (COUNT, 0));
    let (packets, octets) = sums(&records);
    let told = || {
        let text = read(&out);
        let rows = text
            .lines()
            .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
        rows.fold((0, 0), |(packets, octets), row| {
            let of = |key: &str| row[key].as_u64().unwrap_or_default();
            (packets + of("packets"), octets + of("bytes"))
        })
    };
    wait("all packets are told", || told().0 >= packets);
    peer.end(Signal::SIGINT);
    assert_eq!(told(), (packets, octets));
    let log = read(&log);
    let complaints = ["sequence", "unknown template", "malformed", "discarded"];
    for line in log.lines() {
        let line = line.to_lowercase();
        assert!(!complaints.iter().any(|word| line.contains(word)), "{log}");
    }
}
