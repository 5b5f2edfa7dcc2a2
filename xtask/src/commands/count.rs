//! What two readers count, to be held against each other: packets and octets of flows.

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    ops::AddAssign,
};

/// Packets of one direction with the same ends and protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Flow {
    pub(super) source: IpAddr,
    pub(super) destination: IpAddr,
    /// As in the IP header.
    pub(super) protocol: u8,
    /// Of source and destination; none for ICMP, say.
    pub(super) ports: Option<(u16, u16)>,
}

impl Flow {
    /// The source with its port, if it has one.
    pub(super) fn source_end(&self) -> String {
        end(self.source, self.ports.map(|(source, _)| source))
    }

    /// The destination with its port, if it has one.
    pub(super) fn destination_end(&self) -> String {
        end(
            self.destination,
            self.ports.map(|(_, destination)| destination),
        )
    }
}

fn end(address: IpAddr, port: Option<u16>) -> String {
    match port {
        Some(port) => SocketAddr::new(address, port).to_string(),
        None => address.to_string(),
    }
}

/// Packets, and their octets from the IP header on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Count {
    pub(super) packets: u64,
    pub(super) octets: u64,
}

impl AddAssign for Count {
    fn add_assign(&mut self, other: Self) {
        self.packets += other.packets;
        self.octets += other.octets;
    }
}

/// Flows with their counts.
pub(super) type Counts = BTreeMap<Flow, Count>;
