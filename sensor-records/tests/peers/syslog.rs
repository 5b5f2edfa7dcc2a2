//! Syslog: rsyslogd, over UDP, TCP and a socket of UNIX.

use std::{fs, path::Path, process::Command};

use nix::sys::signal::Signal;
use sensor_records::export::{
    Frame,
    sink::{Failure, Outlet, Stop, Tcp, Udp, Unix},
    syslog::{Framing, Syslog},
};

use crate::{
    peer::{Peer, SOON, free_tcp, free_udp, read, require, tool, wait},
    rows::{export, flows, records, sums},
};

const COUNT: u64 = 500;

/// Whether rsyslogd has what it is told here, and only that.
fn receives(program: &Path, input: &str, folder: &Path, framing: Framing, outlet: Box<dyn Outlet>) {
    let out = folder.join("out");
    let log = folder.join("log");
    // What it parsed out of the structured data, as JSON; then two words of the header.
    let configuration = format!(
        "global(workDirectory=\"{}\")\nmodule(load=\"mmpstrucdata\")\n{input}\n\
         template(name=\"t\" type=\"string\" string=\"%$!rfc5424-sd!sekisho@32473%\\t%app-name%\\t%msgid%\\t%pri%\\n\")\n\
         action(type=\"mmpstrucdata\")\naction(type=\"omfile\" file=\"{}\" template=\"t\")\n",
        folder.display(),
        out.display()
    );
    let file = folder.join("rsyslog.conf");
    fs::write(&file, configuration).unwrap();
    let peer = Peer::spawn(
        Command::new(program)
            .args(["-n", "-iNONE", "-f"])
            .arg(&file)
            // Else what it says of itself would go nowhere.
            .env("RSYSLOG_DFLT_LOG_INTERNAL", "1"),
        &log,
    );
    wait("it has begun", || read(&out).contains("rsyslogd"));
    let records = records(COUNT);
    let losses = export(flows(&records), Syslog::new(framing), Boxed(outlet));
    assert_eq!((losses.sent, losses.lost()), (COUNT, 0));
    let lines = || -> Vec<String> {
        let text = read(&out);
        let lines = text.lines().filter(|line| line.contains("\tsekisho\t"));
        lines.map(str::to_owned).collect()
    };
    let expected = usize::try_from(COUNT).unwrap();
    wait("all messages are there", || lines().len() >= expected);
    peer.end(Signal::SIGTERM);
    let lines = lines();
    assert_eq!(lines.len(), expected);
    let mut told = (0, 0);
    for line in &lines {
        let columns: Vec<&str> = line.split('\t').collect();
        assert_eq!(columns[1..], ["sekisho", "flow", "134"], "{line}");
        let data: serde_json::Value = serde_json::from_str(columns[0]).unwrap();
        let number = |key: &str| data[key].as_str().unwrap().parse::<u64>().unwrap();
        told.0 += number("packets");
        told.1 += number("octets");
        let record = &records[usize::try_from(number("record")).unwrap() - 1];
        assert_eq!(data["src"], record.notice.source.to_string());
        assert_eq!(data["dst"], record.notice.destination.to_string());
    }
    assert_eq!(told, sums(&records));
}

struct Boxed(Box<dyn Outlet>);

impl Outlet for Boxed {
    fn open(&mut self, stop: &Stop) -> std::io::Result<()> {
        self.0.open(stop)
    }

    fn send(&mut self, frames: &[Frame], stop: &Stop) -> Result<(), Failure> {
        self.0.send(frames, stop)
    }
}

#[test]
fn rsyslogd_has_every_message_over_udp() {
    let program = require!(tool("rsyslogd"));
    let scratch = tempfile::tempdir().unwrap();
    let at = free_udp();
    let input = format!(
        "module(load=\"imudp\")\ninput(type=\"imudp\" address=\"127.0.0.1\" port=\"{}\")",
        at.port()
    );
    receives(
        &program,
        &input,
        scratch.path(),
        Framing::Datagram,
        Box::new(Udp::new(at)),
    );
}

#[test]
fn rsyslogd_has_every_message_over_tcp() {
    let program = require!(tool("rsyslogd"));
    let scratch = tempfile::tempdir().unwrap();
    let at = free_tcp();
    let input = format!(
        "module(load=\"imtcp\")\ninput(type=\"imtcp\" address=\"127.0.0.1\" port=\"{}\")",
        at.port()
    );
    let outlet = Box::new(Tcp::new(at, SOON));
    receives(
        &program,
        &input,
        scratch.path(),
        Framing::OctetCounting,
        outlet,
    );
}

#[test]
fn rsyslogd_has_every_message_over_a_socket_of_unix() {
    let program = require!(tool("rsyslogd"));
    let scratch = tempfile::tempdir().unwrap();
    let socket = scratch.path().join("socket");
    let input = format!(
        "module(load=\"imuxsock\" SysSock.Use=\"off\")\n\
         input(type=\"imuxsock\" Socket=\"{}\" UseSpecialParser=\"off\" ParseHostname=\"on\" \
         RateLimit.Interval=\"0\")",
        socket.display()
    );
    receives(
        &program,
        &input,
        scratch.path(),
        Framing::Datagram,
        Box::new(Unix::new(socket)),
    );
}
