//! The second reader: tcpdump at a receiver, its capture counted by tshark.
//!
//! Neither knows anything of the sensor. It keeps what arrives only, and headers only.

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use nix::sys::signal::Signal;

use super::{
    count::{Count, Counts, Flow},
    interrupt::Interrupt,
    namespace::Namespace,
    process::Process,
    scratch::Scratch,
};
use crate::exec;

/// Octets kept of a packet: link, IPv6 and TCP headers without options.
const SNAPSHOT: &str = "96";

/// What hosts send each other. The carrier itself may report multicast groups on its links,
/// which passes no ingress of its own.
const BETWEEN_HOSTS: &str = "(ip or ip6) and not (ip multicast or ip6 multicast)";

/// Columns of [`decode`].
const FIELDS: [&str; 12] = [
    "ip.src",
    "ip.dst",
    "ip.proto",
    "ip.len",
    "ipv6.src",
    "ipv6.dst",
    "ipv6.nxt",
    "ipv6.plen",
    "tcp.srcport",
    "tcp.dstport",
    "udp.srcport",
    "udp.dstport",
];

/// A capture that goes on until it is finished.
#[derive(Debug)]
pub(super) struct Witness {
    tcpdump: Process,
    capture: PathBuf,
}

impl Witness {
    /// Starts to capture what arrives at `interface`.
    pub(super) fn start(
        namespace: &Namespace,
        interface: &str,
        scratch: &Scratch,
        interrupt: &Interrupt,
    ) -> Result<Self> {
        // AppArmor lets tcpdump write files of this name only.
        let capture = scratch.file(interface).with_extension("pcap");
        let mut command = namespace.command("tcpdump");
        command.args(["-n", "-i", interface, "-Q", "in", "-s", SNAPSHOT]);
        // A change of user would make it outlive us if we are killed (`commit_creds` in
        // `kernel/cred.c` forgets the signal).
        command
            .args(["-Z", "root", "--immediate-mode", "-U", "-w"])
            .arg(&capture);
        let mut tcpdump = Process::start("tcpdump", command.arg(BETWEEN_HOSTS))?;
        tcpdump.wait_for("listening on", interrupt)?;
        Ok(Self { tcpdump, capture })
    }

    /// Ends the capture and counts it.
    pub(super) fn finish(self, interrupt: &Interrupt) -> Result<Counts> {
        let said = self.tcpdump.end(Signal::SIGINT, interrupt)?;
        if !said
            .iter()
            .any(|line| line == "0 packets dropped by kernel")
        {
            bail!(
                "tcpdump missed packets, so nothing can be compared: {}",
                said.join("; ")
            );
        }
        let mut tshark = exec::apart("tshark");
        tshark.arg("-n").arg("-r").arg(&self.capture);
        // Of headers quoted in ICMP errors, the outer one counts.
        tshark.args(["-T", "fields", "-E", "occurrence=f"]);
        tshark.args(FIELDS.into_iter().flat_map(|field| ["-e", field]));
        decode(&exec::captured(&mut tshark)?)
    }
}

/// Counts packets, one a line, with tabs between the fields.
fn decode(lines: &str) -> Result<Counts> {
    let mut counts = Counts::new();
    for line in lines.lines() {
        let (flow, octets) = packet(line).with_context(|| format!("tshark printed {line:?}"))?;
        *counts.entry(flow).or_default() += Count { packets: 1, octets };
    }
    Ok(counts)
}

fn packet(line: &str) -> Result<(Flow, u64)> {
    let fields: Vec<&str> = line.split('\t').collect();
    let [
        src4,
        dst4,
        proto4,
        len4,
        src6,
        dst6,
        proto6,
        len6,
        tcp_src,
        tcp_dst,
        udp_src,
        udp_dst,
    ] = fields[..]
    else {
        bail!("{} fields instead of {}", fields.len(), FIELDS.len());
    };
    let (source, destination, protocol, octets) = if src4.is_empty() {
        // The payload length leaves out the header (RFC 8200, section 3).
        (src6, dst6, proto6, len6.parse::<u64>()? + 40)
    } else {
        (src4, dst4, proto4, len4.parse()?)
    };
    let protocol = protocol.parse()?;
    let ports = match protocol {
        6 => Some((tcp_src.parse()?, tcp_dst.parse()?)),
        17 => Some((udp_src.parse()?, udp_dst.parse()?)),
        _ => None,
    };
    let flow = Flow {
        source: source.parse()?,
        destination: destination.parse()?,
        protocol,
        ports,
    };
    Ok((flow, octets))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_of_both_versions() {
        let lines = "10.77.0.10\t203.0.113.7\t6\t60\t\t\t\t\t40000\t443\t\t\n\
                     10.77.0.10\t203.0.113.7\t6\t52\t\t\t\t\t40000\t443\t\t\n\
                     \t\t\t\t2001:db8::1\t2001:db8::2\t58\t64\t\t\t\t\n";
        let counts = decode(lines).unwrap();
        let tcp = Flow {
            source: "10.77.0.10".parse().unwrap(),
            destination: "203.0.113.7".parse().unwrap(),
            protocol: 6,
            ports: Some((40000, 443)),
        };
        let ping = Flow {
            source: "2001:db8::1".parse().unwrap(),
            destination: "2001:db8::2".parse().unwrap(),
            protocol: 58,
            ports: None,
        };
        let expected = Counts::from([
            (
                tcp,
                Count {
                    packets: 2,
                    octets: 112,
                },
            ),
            (
                ping,
                Count {
                    packets: 1,
                    octets: 104,
                },
            ),
        ]);
        assert_eq!(counts, expected);
    }

    #[test]
    fn ports_of_a_header_quoted_in_icmp_are_not_its_own() {
        let (flow, _) = packet("10.0.0.1\t10.0.0.2\t1\t88\t\t\t\t\t\t\t53\t40000").unwrap();
        assert_eq!(flow.ports, None);
    }

    #[test]
    fn a_line_that_is_no_packet_is_an_error() {
        assert!(decode("10.77.0.10\t203.0.113.7\n").is_err());
    }
}
