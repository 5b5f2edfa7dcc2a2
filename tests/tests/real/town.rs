//! A road with real addresses, a world of papers for it, and a stream of packets.
//!
//! Every packet is a flow of its own, and its sender knows when it was on its way, so what was
//! recorded says to the packet when recording began and ended.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, SocketAddr, UdpSocket},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use sekisho::documents::{Key, Time};
use sensor_tests::{
    netns::v4,
    papers::{Files, State},
    road::{self, Road},
    sensor::{Ended, Launch, Sensor, Signal},
    traffic, wait,
};

use crate::world::{self, LOG_KEY, NOW, World, time};

/// A foreign host, west.
pub(crate) const WEST: IpAddr = v4([9, 9, 9, 9]);

/// Foreign hosts, east: what a transit indicator names.
pub(crate) const FOREIGN: [u8; 3] = [8, 8, 8];

/// Hosts of an operator, east.
pub(crate) const OPERATOR: [u8; 3] = [133, 10, 0];

/// A road, and papers for its sensor on `r0`.
pub(crate) struct Town {
    pub(crate) road: Road,
    pub(crate) world: World,
    pub(crate) state: State,
}

/// A packet: the port it came from, and the sensor's wall clock around its way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sent {
    pub(crate) port: u16,
    pub(crate) before: Time,
    pub(crate) after: Time,
}

impl Town {
    /// In which all papers of a world are in order, once it was changed.
    pub(crate) fn new(change: impl FnOnce(&mut World)) -> Self {
        let road = Road::v4();
        road.settle_west(WEST);
        for net in [FOREIGN, OPERATOR] {
            let [a, b, c] = net;
            let net = format!("{a}.{b}.{c}.0/24");
            let east = road::EAST_V4;
            road.barrier.ip(&format!("route add {net} via {east}"));
            road.east.ip(&format!("route add local {net} dev lo"));
        }
        let link = road.barrier.ip_json("link show dev r0");
        let mac = link[0]["address"].as_str().unwrap().to_owned();
        let mut world = World::new();
        let key = world::key("log").line();
        let fingerprint = Key::read(&key).unwrap().fingerprint();
        for text in world.texts.values_mut() {
            *text = text.replace("02:00:00:00:00:01", &mac);
            *text = text.replace(LOG_KEY, &fingerprint);
        }
        world.replace("request-1.toml", "8.8.8.8/32", "8.8.8.0/24");
        world.replace("request-2.toml", "8.8.4.4/32", "9.9.9.9/32");
        change(&mut world);
        let state = State::new("keyring-1.toml", &key, files(&world), time(NOW));
        Self { road, world, state }
    }

    /// A sensor under its papers.
    pub(crate) fn launch(&self) -> Launch {
        Launch::real(&self.road.barrier, &["r0"], &self.state)
            .args("--tick 20 --idle-timeout 1 --active-timeout 3600")
    }

    /// Changes the world and puts what is new into the folder; the moment before that.
    pub(crate) fn change(&mut self, change: impl FnOnce(&mut World)) -> Time {
        change(&mut self.world);
        let papers = files(&self.world);
        let now = self.state.now();
        self.state.put(papers);
        now
    }

    /// Sends packets to a net of east's, one after the other, while something else is done.
    pub(crate) fn stream<T>(
        &mut self,
        net: [u8; 3],
        meanwhile: impl FnOnce(&mut Self) -> T,
    ) -> (Vec<Sent>, T) {
        let is_over = AtomicBool::new(false);
        let source = SocketAddr::new(WEST, 0);
        let sockets: Vec<UdpSocket> = (0..64)
            .map(|_| road::udp(&self.road.west, source))
            .collect();
        let receiver = self.road.east_socket(WEST, 9);
        let clock = self.state.clock();
        thread::scope(|scope| {
            let sender = scope.spawn(|| {
                let mut sent = Vec::new();
                for socket in &sockets {
                    let port = traffic::port(socket);
                    for last in 1..=254 {
                        if is_over.load(Ordering::Relaxed) {
                            return sent;
                        }
                        let [a, b, c] = net;
                        let target = SocketAddr::new(v4([a, b, c, last]), 9);
                        let before = clock.now();
                        socket.send_to(&[last], target).unwrap();
                        receiver.recv(&mut [0; 2]).unwrap();
                        let after = clock.now();
                        sent.push(Sent {
                            port,
                            before,
                            after,
                        });
                        thread::sleep(Duration::from_millis(2));
                    }
                }
                panic!("more packets were asked for than there are flows");
            });
            let done = meanwhile(self);
            is_over.store(true, Ordering::Relaxed);
            (sender.join().unwrap(), done)
        })
    }
}

/// Lets traffic flow for a while.
pub(crate) fn pass(milliseconds: u64) {
    let until = std::time::Instant::now() + Duration::from_millis(milliseconds);
    wait::until("some traffic has passed", || {
        (std::time::Instant::now() >= until).then_some(())
    });
}

/// When packets were recorded, by the ports they came from.
pub(crate) struct Records(BTreeMap<u16, BTreeSet<Time>>);

impl Records {
    /// Ends a sensor well and reads what it recorded.
    pub(crate) fn of(sensor: Sensor) -> (Ended, Self) {
        let ended = sensor.stop(Signal::SIGTERM);
        assert_eq!(ended.status, Some(0), "{}", ended.stderr);
        ended.lines.account_as(false);
        let mut records: BTreeMap<u16, BTreeSet<Time>> = BTreeMap::new();
        for flow in ended.lines.flows() {
            assert_eq!(flow["packets"], 1, "{flow}");
            let port = u16::try_from(flow["src_port"].as_u64().unwrap()).unwrap();
            let start = flow["start"].as_str().unwrap().parse().unwrap();
            assert!(records.entry(port).or_default().insert(start), "{flow}");
        }
        (ended, Self(records))
    }

    /// Whether a packet was recorded: the two clocks are read apart, so they may differ by less
    /// than packets do.
    pub(crate) fn has(&self, packet: &Sent) -> bool {
        let around = Time(packet.before.0 - CLOCKS)..=Time(packet.after.0 + CLOCKS);
        let times = self.0.get(&packet.port);
        times.is_some_and(|times| times.range(around).next().is_some())
    }

    /// When the first packet after a moment was recorded: it begins when papers have been logged
    /// and loaded, however long a busy machine takes for that.
    pub(crate) fn first_after(&self, moment: Time) -> Time {
        let times = self.0.values().flatten();
        *times.filter(|time| **time >= moment).min().unwrap()
    }

    /// Asserts that nothing was recorded from one moment to another.
    pub(crate) fn none_within(&self, from: Time, until: Time) {
        let mut times = self.0.values().flatten();
        let found = times.find(|time| (from..until).contains(*time));
        assert_eq!(found, None, "recorded from {from} to {until}");
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.0.values().map(BTreeSet::len).sum()
    }

    /// Asserts that what was sent within spans of time was recorded, and nothing that was sent
    /// before them, or more than `slack` nanoseconds after each.
    pub(crate) fn are_within(&self, spans: &[(Time, Time)], sent: &[Sent], slack: u64) {
        let (mut inside, mut outside) = (0, 0);
        for packet in sent {
            let is_inside =
                (spans.iter()).any(|&(begin, end)| begin <= packet.before && packet.after <= end);
            let is_outside = spans.iter().all(|&(begin, end)| {
                packet.after.0 + 2 * CLOCKS < begin.0 || end.0 + slack < packet.before.0
            });
            if is_inside {
                assert!(self.has(packet), "{packet:?} was not recorded: {spans:?}");
                inside += 1;
            }
            if is_outside {
                assert!(!self.has(packet), "{packet:?} was recorded: {spans:?}");
                outside += 1;
            }
        }
        assert!(
            inside > 50 && outside > 50,
            "{inside} inside, {outside} outside"
        );
        let recorded = sent.iter().filter(|packet| self.has(packet)).count();
        assert_eq!(recorded, self.count(), "every record is of a packet");
    }
}

/// How far the clocks of sender and sensor may be apart, in nanoseconds.
const CLOCKS: u64 = 900_000;

/// The files of a world.
pub(crate) fn files(world: &World) -> Files {
    let files = world.papers().folder.files.into_iter();
    files.map(|(name, bytes)| (name, bytes.to_vec())).collect()
}
