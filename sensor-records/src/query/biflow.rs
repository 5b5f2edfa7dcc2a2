//! The two directions of a conversation as one, as RFC 5103 has it: the source is who began.
//!
//! They are kept apart in the store. Here all rows of the same ends, ports, protocol, VLAN,
//! tunnel and approval are put together, whichever way they went and however often a timeout cut
//! them. A row whose domestic end is withheld stays alone: nobody can say whose answer it is.

use std::{collections::HashMap, sync::Arc};

use foldhash::fast::RandomState;
use sensor_common::{Class, TunnelKind};

use super::Row;
use crate::Address;

/// Counts of one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Records.
    pub flows: u64,
    /// Packets.
    pub packets: u64,
    /// Layer-3 octets.
    pub octets: u64,
}

/// Both directions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conversation {
    /// The approval.
    pub approval: Arc<str>,
    /// Class.
    pub class: Class,
    /// Who sent the first packet.
    pub source: Address,
    /// Who answered, or did not.
    pub destination: Address,
    /// IP protocol number.
    pub protocol: Option<u8>,
    /// Ports of source and destination.
    pub ports: Option<(u16, u16)>,
    /// Time of the first packet.
    pub start: u64,
    /// Time of the last.
    pub end: u64,
    /// From the source.
    pub forward: Counts,
    /// From the destination.
    pub reverse: Counts,
}

#[derive(PartialEq, Eq, Hash)]
struct Key {
    approval: Arc<str>,
    class: Class,
    ends: [(Address, Option<u16>); 2],
    protocol: Option<u8>,
    vlan: Option<Vec<u16>>,
    tunnel: Option<(TunnelKind, u32)>,
}

/// Conversations that come about.
#[derive(Default)]
pub(super) struct Pairing {
    known: HashMap<Key, usize, RandomState>,
    conversations: Vec<Conversation>,
}

impl Pairing {
    pub(super) fn add(&mut self, row: Row) {
        let counts = Counts {
            flows: 1,
            packets: row.packets,
            octets: row.octets,
        };
        let (source_port, destination_port) = row.ports.unzip();
        let is_withheld = [row.source, row.destination].contains(&Address::Withheld);
        let mut ends = [
            (row.source, source_port),
            (row.destination, destination_port),
        ];
        ends.sort_unstable();
        let next = self.conversations.len();
        let key = Key {
            approval: row.approval.clone(),
            class: row.class,
            ends,
            protocol: row.protocol,
            vlan: row.vlan,
            tunnel: row.tunnel,
        };
        let at = if is_withheld {
            next
        } else {
            *self.known.entry(key).or_insert(next)
        };
        let Some(known) = self.conversations.get_mut(at) else {
            self.conversations.push(Conversation {
                approval: row.approval,
                class: row.class,
                source: row.source,
                destination: row.destination,
                protocol: row.protocol,
                ports: row.ports,
                start: row.start,
                end: row.end,
                forward: counts,
                reverse: Counts::default(),
            });
            return;
        };
        known.absorb((row.source, row.ports), (row.start, row.end), counts);
    }

    pub(super) fn into_conversations(self) -> Vec<Conversation> {
        let mut conversations = self.conversations;
        conversations.sort_by_key(|one| one.start);
        conversations
    }
}

impl Conversation {
    fn absorb(
        &mut self,
        (source, ports): (Address, Option<(u16, u16)>),
        (start, end): (u64, u64),
        counts: Counts,
    ) {
        let is_forward = source == self.source && ports == self.ports;
        // Who sent the first packet is known only when all are.
        if !is_forward && start < self.start {
            std::mem::swap(&mut self.source, &mut self.destination);
            std::mem::swap(&mut self.forward, &mut self.reverse);
            self.ports = ports;
            self.forward.absorb(counts);
        } else if is_forward {
            self.forward.absorb(counts);
        } else {
            self.reverse.absorb(counts);
        }
        self.start = self.start.min(start);
        self.end = self.end.max(end);
    }
}

impl Counts {
    fn absorb(&mut self, other: Self) {
        self.flows = self.flows.saturating_add(other.flows);
        self.packets = self.packets.saturating_add(other.packets);
        self.octets = self.octets.saturating_add(other.octets);
    }
}
