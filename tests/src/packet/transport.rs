//! What stands behind the IP headers.

use etherparse::{Icmpv4Header, Icmpv4Type, Icmpv6Header, Icmpv6Type, TcpHeader, UdpHeader};

use super::{Ends, fit, flags};

#[derive(Clone, Copy, Debug)]
pub(super) enum Transport {
    Tcp {
        source: u16,
        destination: u16,
        flags: u8,
    },
    Udp {
        source: u16,
        destination: u16,
    },
    Icmp {
        kind: u8,
        code: u8,
    },
    Ports {
        protocol: u8,
        source: u16,
        destination: u16,
    },
    Other(u8),
}

impl Transport {
    /// Its protocol number.
    pub(super) const fn number(self, ends: Ends) -> u8 {
        match (self, ends) {
            (Self::Tcp { .. }, _) => 6,
            (Self::Udp { .. }, _) => 17,
            (Self::Icmp { .. }, Ends::V4(..)) => 1,
            (Self::Icmp { .. }, Ends::V6(..)) => 58,
            (Self::Ports { protocol, .. }, _) => protocol,
            (Self::Other(number), _) => number,
        }
    }

    /// Its header, with a checksum, and `length` bytes of payload.
    pub(super) fn build(self, ends: Ends, length: usize) -> Vec<u8> {
        let payload = vec![0; length];
        let mut bytes = match self {
            Self::Tcp {
                source,
                destination,
                flags,
            } => tcp(source, destination, flags, ends, &payload),
            Self::Udp {
                source,
                destination,
            } => udp(source, destination, ends, &payload),
            Self::Icmp { kind, code } => icmp(kind, code, ends, &payload),
            // Twelve bytes, as the shortest of SCTP and DCCP.
            Self::Ports {
                source,
                destination,
                ..
            } => {
                let mut header = vec![0; 12];
                header[..2].copy_from_slice(&source.to_be_bytes());
                header[2..4].copy_from_slice(&destination.to_be_bytes());
                header
            }
            Self::Other(_) => Vec::new(),
        };
        bytes.extend(payload);
        bytes
    }
}

fn tcp(source: u16, destination: u16, set: u8, ends: Ends, payload: &[u8]) -> Vec<u8> {
    let mut header = TcpHeader::new(source, destination, 1, 65_535);
    header.fin = set & flags::FIN != 0;
    header.syn = set & flags::SYN != 0;
    header.rst = set & flags::RST != 0;
    header.psh = set & flags::PSH != 0;
    header.ack = set & flags::ACK != 0;
    header.urg = set & flags::URG != 0;
    header.ece = set & flags::ECE != 0;
    header.cwr = set & flags::CWR != 0;
    let checksum = match ends {
        Ends::V4(from, to) => header.calc_checksum_ipv4_raw(from, to, payload).ok(),
        Ends::V6(from, to) => header.calc_checksum_ipv6_raw(from, to, payload).ok(),
    };
    header.checksum = checksum.unwrap_or_default();
    header.to_bytes().to_vec()
}

fn udp(source: u16, destination: u16, ends: Ends, payload: &[u8]) -> Vec<u8> {
    let length = fit(UdpHeader::LEN + payload.len());
    let mut header = UdpHeader {
        source_port: source,
        destination_port: destination,
        length,
        checksum: 0,
    };
    let checksum = match ends {
        Ends::V4(from, to) => header.calc_checksum_ipv4_raw(from, to, payload).ok(),
        Ends::V6(from, to) => header.calc_checksum_ipv6_raw(from, to, payload).ok(),
    };
    header.checksum = checksum.unwrap_or_default();
    header.to_bytes().to_vec()
}

fn icmp(kind: u8, code: u8, ends: Ends, payload: &[u8]) -> Vec<u8> {
    let rest = [0; 4];
    match ends {
        Ends::V4(..) => {
            let kind = Icmpv4Type::Unknown {
                type_u8: kind,
                code_u8: code,
                bytes5to8: rest,
            };
            Icmpv4Header::with_checksum(kind, payload)
                .to_bytes()
                .to_vec()
        }
        Ends::V6(from, to) => {
            let kind = Icmpv6Type::Unknown {
                type_u8: kind,
                code_u8: code,
                bytes5to8: rest,
            };
            match Icmpv6Header::with_checksum(kind, from, to, payload) {
                Ok(header) => header.to_bytes().to_vec(),
                Err(error) => panic!("{error}"),
            }
        }
    }
}
