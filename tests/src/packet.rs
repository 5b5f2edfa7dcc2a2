//! Ethernet frames for tables of cases, put together by another implementation than the
//! parser under test: headers and checksums are etherparse's.

use etherparse::{
    EtherType, IpFragOffset, IpNumber, Ipv4Header, Ipv4Options, Ipv6FragmentHeader, Ipv6Header,
};

pub use self::link::Bridge;
use self::{extension::extension, link::Link, transport::Transport};

mod extension;
pub mod flags;
mod link;
mod transport;

/// A frame with one IP packet in it.
///
/// ```
/// use sensor_tests::packet::{Packet, flags};
///
/// let frame = Packet::v4([192, 0, 2, 1], [198, 51, 100, 7])
///     .vlan(100)
///     .tcp(443, 50_000, flags::SYN)
///     .payload(10)
///     .build();
/// assert_eq!(frame.len(), 14 + 4 + 20 + 20 + 10);
/// ```
#[derive(Clone, Debug)]
pub struct Packet {
    link: Link,
    ends: Ends,
    ttl: u8,
    options: Vec<u8>,
    extensions: Vec<(u8, usize)>,
    fragment: Option<(u16, bool)>,
    transport: Transport,
    payload: usize,
    trailer: usize,
    length: Option<usize>,
}

#[derive(Clone, Copy, Debug)]
enum Ends {
    V4([u8; 4], [u8; 4]),
    V6([u8; 16], [u8; 16]),
}

const V_TAG: u16 = 0x8100;
const S_TAG: u16 = 0x88a8;

impl Packet {
    /// IPv4 with nothing behind its header but what is added.
    pub fn v4(source: [u8; 4], destination: [u8; 4]) -> Self {
        Self::new(Ends::V4(source, destination))
    }

    /// IPv6 with nothing behind its header but what is added.
    pub fn v6(source: impl Into<[u8; 16]>, destination: impl Into<[u8; 16]>) -> Self {
        Self::new(Ends::V6(source.into(), destination.into()))
    }

    fn new(ends: Ends) -> Self {
        Self {
            link: Link::default(),
            ends,
            ttl: 64,
            options: Vec::new(),
            extensions: Vec::new(),
            fragment: None,
            // "No next header for IPv6" (RFC 8200), which has no transport header in IPv4 either.
            transport: Transport::Other(59),
            payload: 0,
            trailer: 0,
            length: None,
        }
    }

    /// Adds an 802.1Q tag inside those added before.
    #[must_use]
    pub fn vlan(self, id: u16) -> Self {
        self.tag(V_TAG, id)
    }

    /// Adds an 802.1ad tag inside those added before.
    #[must_use]
    pub fn service_vlan(self, id: u16) -> Self {
        self.tag(S_TAG, id)
    }

    /// Adds a VLAN tag of any tag protocol identifier inside those added before.
    #[must_use]
    pub fn tag(mut self, identifier: u16, id: u16) -> Self {
        self.link.tags.push((identifier, id));
        self
    }

    /// Puts a tag of a bridge's extender before the VLAN tags.
    #[must_use]
    pub const fn bridge(mut self, bridge: Bridge) -> Self {
        self.link.bridge = Some(bridge);
        self
    }

    /// LLC and SNAP in the place of the `EtherType`.
    #[must_use]
    pub const fn snap(mut self) -> Self {
        self.link.snap = true;
        self
    }

    /// In a `PPPoE` session.
    #[must_use]
    pub const fn pppoe(mut self) -> Self {
        self.link.pppoe = true;
        self
    }

    /// Below so many MPLS labels.
    #[must_use]
    pub const fn labels(mut self, count: usize) -> Self {
        self.link.labels = count;
        self
    }

    /// The time to live or hop limit; 64 unless given.
    #[must_use]
    pub const fn ttl(mut self, ttl: u8) -> Self {
        self.ttl = ttl;
        self
    }

    /// IPv4 options: a multiple of 4 bytes, at most 40.
    #[must_use]
    pub fn options(mut self, options: &[u8]) -> Self {
        self.options = options.to_vec();
        self
    }

    /// Adds an IPv6 extension header of this type behind those added before: `size` bytes,
    /// a multiple of 8, of padding (of zeros where the type has none). A fragment header
    /// comes after all of them.
    #[must_use]
    pub fn extension(mut self, kind: u8, size: usize) -> Self {
        self.extensions.push((kind, size));
        self
    }

    /// Makes it the fragment at `offset` units of 8 bytes. One that is not the first has no
    /// transport header, only its payload.
    #[must_use]
    pub const fn fragment(mut self, offset: u16, more: bool) -> Self {
        self.fragment = Some((offset, more));
        self
    }

    /// TCP with these of [`flags`].
    #[must_use]
    pub const fn tcp(mut self, source: u16, destination: u16, flags: u8) -> Self {
        self.transport = Transport::Tcp {
            source,
            destination,
            flags,
        };
        self
    }

    /// UDP.
    #[must_use]
    pub const fn udp(mut self, source: u16, destination: u16) -> Self {
        self.transport = Transport::Udp {
            source,
            destination,
        };
        self
    }

    /// SCTP, DCCP or UDP-Lite (numbers 132, 33, 136), whose ports stand where those of UDP do.
    #[must_use]
    pub const fn ports_of(mut self, protocol: u8, source: u16, destination: u16) -> Self {
        self.transport = Transport::Ports {
            protocol,
            source,
            destination,
        };
        self
    }

    /// ICMP over IPv4 and `ICMPv6` over IPv6, with an 8 byte header.
    #[must_use]
    pub const fn icmp(mut self, kind: u8, code: u8) -> Self {
        self.transport = Transport::Icmp { kind, code };
        self
    }

    /// Another protocol, without a header of its own.
    #[must_use]
    pub const fn protocol(mut self, number: u8) -> Self {
        self.transport = Transport::Other(number);
        self
    }

    /// Bytes behind the transport header.
    #[must_use]
    pub const fn payload(mut self, length: usize) -> Self {
        self.payload = length;
        self
    }

    /// Bytes behind the IP packet, as Ethernet pads short frames.
    #[must_use]
    pub const fn trailer(mut self, length: usize) -> Self {
        self.trailer = length;
        self
    }

    /// Cuts the frame off after so many bytes, whatever its headers say.
    #[must_use]
    pub const fn truncate(mut self, length: usize) -> Self {
        self.length = Some(length);
        self
    }

    /// The octets of the IP packet as its header says.
    pub fn octets(&self) -> usize {
        let network = match self.ends {
            Ends::V4(..) => Ipv4Header::MIN_LEN + self.options.len(),
            Ends::V6(..) => Ipv6Header::LEN,
        };
        network + self.behind_network().1.len()
    }

    /// The frame.
    pub fn build(&self) -> Vec<u8> {
        let (next, behind) = self.behind_network();
        let (ether_type, network) = match self.ends {
            Ends::V4(source, destination) => (
                EtherType::IPV4,
                self.v4_header(source, destination, next, behind.len()),
            ),
            Ends::V6(source, destination) => {
                let header = Ipv6Header {
                    payload_length: fit(behind.len()),
                    next_header: IpNumber(next),
                    hop_limit: self.ttl,
                    source,
                    destination,
                    ..Ipv6Header::default()
                };
                (EtherType::IPV6, header.to_bytes().to_vec())
            }
        };
        let ip = [network, behind].concat();
        let mut frame = self.link.around(ip, ether_type.0);
        frame.resize(frame.len() + self.trailer, 0);
        if let Some(length) = self.length {
            frame.truncate(length);
        }
        frame
    }

    fn v4_header(&self, source: [u8; 4], destination: [u8; 4], next: u8, behind: usize) -> Vec<u8> {
        let header = Ipv4Header::new(fit(behind), self.ttl, IpNumber(next), source, destination);
        let mut header = header.unwrap_or_else(|error| panic!("{error}"));
        let options = Ipv4Options::try_from(self.options.as_slice());
        header.options = options.unwrap_or_else(|error| panic!("{error}"));
        header.total_len = fit(header.header_len() + behind);
        if let Some((offset, more)) = self.fragment {
            header.identification = 0x5345;
            header.dont_fragment = false;
            header.fragment_offset = units(offset);
            header.more_fragments = more;
        }
        header.header_checksum = header.calc_header_checksum();
        header.to_bytes().to_vec()
    }

    /// What follows the network header, and its type.
    fn behind_network(&self) -> (u8, Vec<u8>) {
        let mut next = self.transport.number(self.ends);
        let mut behind = match self.fragment {
            Some((1.., _)) => vec![0; self.payload],
            Some((0, _)) | None => self.transport.build(self.ends, self.payload),
        };
        if let Ends::V4(..) = self.ends {
            return (next, behind);
        }
        if let Some((offset, more)) = self.fragment {
            let header = Ipv6FragmentHeader::new(IpNumber(next), units(offset), more, 0x5345);
            behind.splice(..0, header.to_bytes());
            next = IpNumber::IPV6_FRAGMENTATION_HEADER.0;
        }
        for &(kind, size) in self.extensions.iter().rev() {
            behind.splice(..0, extension(kind, next, size));
            next = kind;
        }
        (next, behind)
    }
}

fn units(offset: u16) -> IpFragOffset {
    IpFragOffset::try_new(offset).unwrap_or_else(|error| panic!("{error}"))
}

fn fit<T: TryFrom<usize>>(length: usize) -> T {
    T::try_from(length)
        .unwrap_or_else(|_| panic!("{length} bytes are more than the header can say"))
}

#[cfg(test)]
mod tests;
