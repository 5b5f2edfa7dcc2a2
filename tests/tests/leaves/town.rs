//! Both ends of all kinds of traffic, with the barrier between them.

use std::{
    collections::BTreeSet,
    net::{IpAddr, SocketAddr, UdpSocket},
};

use sensor_common::Verdict;
use sensor_tests::{
    road::{Road, udp},
    search::Search,
    traffic,
};

use crate::kinds::{IsDomestic, KINDS, Kind, Outcome};

/// How often all ends speak, each time from and to other ports: flows of a later round are
/// new whatever the sensor has drained of an earlier one.
const ROUNDS: u16 = 2;

/// Datagrams from west to east and back in a round.
const THERE: u64 = 3;
const BACK: u64 = 2;

/// Stands in every payload.
const PAYLOAD: &str = "not for any reader but the other end";

pub(crate) struct Town {
    pub(crate) road: Road,
    talks: Vec<Talk>,
}

/// Two ends that speak with each other, in one of the rounds.
struct Talk {
    round: u16,
    kind: &'static Kind,
    west: End,
    east: End,
}

struct End {
    address: IpAddr,
    port: u16,
    socket: UdpSocket,
}

impl Town {
    pub(crate) fn new() -> Self {
        let road = Road::both();
        let mut talks = Vec::new();
        let ends = (KINDS.iter()).flat_map(|kind| kind.ends().map(|ends| (kind, ends)));
        for (number, (kind, (west, east))) in (0..).zip(ends) {
            road.settle_west(west);
            road.settle_east(east);
            for round in 0..ROUNDS {
                let end = |namespace, address, port| End {
                    address,
                    port,
                    socket: udp(namespace, SocketAddr::new(address, port)),
                };
                let port = 1000 * round + 13 * number;
                talks.push(Talk {
                    round,
                    kind,
                    west: end(&road.west, west, 41_957 + port),
                    east: end(&road.east, east, 52_369 + port),
                });
            }
        }
        Self { road, talks }
    }

    /// Lets all speak in a round; returns when everything has arrived.
    pub(crate) fn speak(&self, round: u16) {
        for talk in self.talks.iter().filter(|talk| talk.round == round) {
            for _ in 0..THERE {
                talk.send(&talk.west, &talk.east);
            }
            for _ in 0..BACK {
                talk.send(&talk.east, &talk.west);
            }
        }
    }

    /// Packets that two hosts and the kernel they live in have sent so far: all that the
    /// barrier can have seen.
    pub(crate) fn sent(&self) -> u64 {
        traffic::sent(&self.road.west, "w0").0 + traffic::sent(&self.road.east, "e0").0
    }

    /// Packets with this verdict, of all rounds.
    pub(crate) fn expected(&self, verdict: Verdict) -> u64 {
        let talks = self.talks.iter();
        let count = talks
            .filter(|talk| talk.kind.outcome.verdict() == verdict)
            .count();
        count as u64 * (THERE + BACK)
    }

    /// Packets of all rounds.
    pub(crate) fn all(&self) -> u64 {
        Verdict::ALL.into_iter().map(|v| self.expected(v)).sum()
    }

    /// Flows that are recorded in a round: there and back.
    pub(crate) fn flows(&self) -> usize {
        2 * self.recorded().count() / usize::from(ROUNDS)
    }

    /// Packets that records tell of, of all rounds, by class as in output.
    pub(crate) fn recorded(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let class = |talk: &Talk| match talk.kind.outcome {
            Outcome::Recorded(class, _) => Some((class.name(), THERE + BACK)),
            Outcome::Counted(_) => None,
        };
        self.talks.iter().filter_map(class)
    }

    /// Addresses of packets that are not recorded, and payloads of all: nothing holds them.
    pub(crate) fn nowhere(&self) -> Search {
        let mut search =
            Search::addresses(self.addresses(|outcome, _| matches!(outcome, Outcome::Counted(_))));
        search.text(PAYLOAD);
        search
    }

    /// Ports of packets that are not recorded.
    pub(crate) fn ports(&self, outcome: impl Fn(Outcome) -> bool) -> Search {
        let mut search = Search::default();
        for talk in &self.talks {
            if outcome(talk.kind.outcome) {
                search.port(talk.west.port);
                search.port(talk.east.port);
            }
        }
        search
    }

    /// Foreign addresses of packets that are recorded.
    pub(crate) fn foreign(&self) -> BTreeSet<IpAddr> {
        let is_foreign = |outcome, is_west: bool| match outcome {
            Outcome::Recorded(_, IsDomestic::West) => !is_west,
            Outcome::Recorded(_, IsDomestic::Neither) => true,
            Outcome::Counted(_) => false,
        };
        self.addresses(is_foreign)
    }

    /// Domestic addresses of packets that are recorded.
    pub(crate) fn domestic(&self) -> BTreeSet<IpAddr> {
        let is_domestic = |outcome, is_west: bool| match outcome {
            Outcome::Recorded(_, IsDomestic::West) => is_west,
            Outcome::Recorded(_, IsDomestic::Neither) | Outcome::Counted(_) => false,
        };
        self.addresses(is_domestic)
    }

    /// Addresses by what becomes of their packets and by whether they are in the west.
    fn addresses(&self, is_wanted: impl Fn(Outcome, bool) -> bool) -> BTreeSet<IpAddr> {
        let mut wanted = BTreeSet::new();
        for Talk {
            kind,
            west,
            east,
            round: _,
        } in &self.talks
        {
            for (end, is_west) in [(west, true), (east, false)] {
                if is_wanted(kind.outcome, is_west) {
                    wanted.insert(end.address);
                }
            }
        }
        wanted
    }
}

impl Talk {
    /// Sends one datagram, and returns when it has arrived as it was sent.
    fn send(&self, from: &End, to: &End) {
        let said = format!("{}, of the kind {}", PAYLOAD, self.kind.name);
        let target = SocketAddr::new(to.address, to.port);
        let sent = from.socket.send_to(said.as_bytes(), target);
        assert_eq!(sent.ok(), Some(said.len()), "to {target}");
        let mut buffer = [0; 256];
        let (length, source) = to.socket.recv_from(&mut buffer).unwrap();
        assert_eq!(buffer[..length], *said.as_bytes());
        assert_eq!(source, SocketAddr::new(from.address, from.port));
    }
}
