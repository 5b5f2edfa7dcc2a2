//! Packets in tunnels: what is opened, what for, and what is recorded of it.

use std::{net::IpAddr, slice, sync::Arc};

use sekisho::{
    places::Flat,
    settings::lab,
    watchlist::{Approval, ApprovalId, Moment, Scope, Tunnel, compile, in_order},
};
use sensor_common::{FlowKey, IpVersion, Place, ReplayContext, Stat, TunnelKind, Verdict};
use sensor_tests::{
    packet::{Packet, flags},
    require,
};

use crate::{
    layers,
    property::dice::Dice,
    rig::{Counted, Rig, at_once, watchlist},
};

/// The ends of the tunnel, and of what is in it.
const NEAR: [u8; 4] = [198, 51, 100, 1];
const FAR: [u8; 4] = [203, 0, 113, 1];
const INNER: [u8; 4] = [192, 0, 2, 1];
const OTHER: [u8; 4] = [10, 0, 0, 7];
/// What is said inside.
const PAYLOAD: usize = 24;
const WATCHED: &str = "192.0.2.0/24";

fn v6(first: u16) -> [u8; 16] {
    std::net::Ipv6Addr::from([0x2001, 0xdb8, first, 0, 0, 0, 0, 1]).octets()
}

/// A packet in a tunnel, and the tunnel.
#[derive(Clone)]
struct Carried {
    name: &'static str,
    frame: Vec<u8>,
    tunnel: Tunnel,
    id: u32,
    /// Octets of the packet inside.
    octets: u64,
    version: IpVersion,
}

/// A frame whose payload ends with these bytes.
fn around(outer: Packet, behind: &[u8]) -> Vec<u8> {
    let mut frame = outer.payload(behind.len()).build();
    let start = frame.len() - behind.len();
    frame[start..].copy_from_slice(behind);
    frame
}

fn inside() -> Packet {
    Packet::v4(INNER, OTHER)
        .tcp(443, 50_000, flags::SYN)
        .payload(PAYLOAD)
}

/// The same over IPv6.
fn inside6() -> Packet {
    Packet::v6(v6(1), v6(2)).udp(53, 5_353).payload(PAYLOAD)
}

fn ip(packet: &Packet) -> Vec<u8> {
    packet.build().split_off(14)
}

fn outer(protocol: u8) -> Packet {
    Packet::v4(NEAR, FAR).protocol(protocol)
}

fn outer6() -> Packet {
    Packet::v6(v6(0x10), v6(0x20))
}

fn tunnel(kind: TunnelKind, port: Option<u16>) -> Tunnel {
    Tunnel {
        kind,
        port,
        skipped: 0,
        ends: ["198.51.100.0/24", "203.0.113.1/32"].map(|end| end.parse().unwrap()),
    }
}

fn tunnel6(kind: TunnelKind, port: Option<u16>) -> Tunnel {
    Tunnel {
        ends: ["2001:db8:10::/48", "2001:db8:20::/48"].map(|end| end.parse().unwrap()),
        ..tunnel(kind, port)
    }
}

/// IPv4 with TCP inside, and what is to be recorded of it.
fn v4(name: &'static str, outer: Packet, parts: &[&[u8]], tunnel: Tunnel, id: u32) -> Carried {
    Carried {
        name,
        frame: around(outer, &parts.concat()),
        tunnel,
        id,
        octets: 64,
        version: IpVersion::V4,
    }
}

/// One of every kind, and of every form of its header.
fn all() -> Vec<Carried> {
    [in_gre(), in_ip(), in_udp()].concat()
}

fn in_gre() -> Vec<Carried> {
    use TunnelKind as Kind;
    let frame = inside().vlan(5).build();
    let packet = ip(&inside());
    let (frame, packet) = (frame.as_slice(), packet.as_slice());
    let (gre, erspan) = (tunnel(Kind::Gre, None), tunnel(Kind::Erspan, None));
    vec![
        v4("GRE", outer(47), &[&[0, 0, 8, 0], packet], gre.clone(), 0),
        v4(
            "GRE with all fields",
            outer(47),
            &[&[0xb0, 0, 8, 0], &[0; 4], &[0, 0, 1, 2], &[0; 4], packet],
            gre.clone(),
            0x102,
        ),
        v4(
            "Ethernet in GRE",
            outer(47),
            &[&[0, 0, 0x65, 0x58], frame],
            gre,
            0,
        ),
        v4(
            "NVGRE",
            outer(47),
            &[&[0x20, 0, 0x65, 0x58], &[0, 1, 2, 0xff], frame],
            tunnel(Kind::Nvgre, None),
            0x102,
        ),
        v4(
            "ERSPAN I",
            outer(47),
            &[&[0, 0, 0x88, 0xbe], frame],
            erspan.clone(),
            0,
        ),
        v4(
            "ERSPAN II",
            outer(47),
            &[
                &[0x10, 0, 0x88, 0xbe],
                &[0; 4],
                &[0x10, 5, 0xfc, 9],
                &[0; 4],
                frame,
            ],
            erspan.clone(),
            9,
        ),
        v4(
            "ERSPAN III",
            outer(47),
            &[
                &[0x10, 0, 0x22, 0xeb],
                &[0; 4],
                &[0x20, 5, 1, 9, 0, 0, 0, 0, 0, 0, 0, 1],
                &[0; 8],
                frame,
            ],
            erspan,
            0x109,
        ),
    ]
}

fn in_ip() -> Vec<Carried> {
    use TunnelKind as Kind;
    let frame = inside().vlan(5).build();
    let packet = ip(&inside());
    let (frame, packet) = (frame.as_slice(), packet.as_slice());
    let mut l2tp = tunnel(Kind::L2tpV3, None);
    l2tp.skipped = 8;
    let six = inside6();
    let six = |name, outer, tunnel| Carried {
        name,
        frame: around(outer, &ip(&six)),
        tunnel,
        id: 0,
        octets: 72,
        version: IpVersion::V6,
    };
    vec![
        v4(
            "IP in IP",
            outer(4),
            &[packet],
            tunnel(Kind::IpInIp, None),
            0,
        ),
        six("IPv6 in IPv4", outer(41), tunnel(Kind::SixInFour, None)),
        v4(
            "IPv4 in IPv6",
            outer6().protocol(4),
            &[packet],
            tunnel6(Kind::FourInSix, None),
            0,
        ),
        six(
            "IPv6 in IPv6",
            outer6().protocol(41),
            tunnel6(Kind::IpInIp, None),
        ),
        v4(
            "L2TPv3",
            outer(115),
            &[&[0, 0, 0, 77], &[0; 8], frame],
            l2tp,
            77,
        ),
    ]
}

fn in_udp() -> Vec<Carried> {
    use TunnelKind as Kind;
    let frame = inside().vlan(5).build();
    let packet = ip(&inside());
    let udp = |port| Packet::v4(NEAR, FAR).udp(40_000, port);
    let (frame, packet) = (frame.as_slice(), packet.as_slice());
    let vxlan = [8, 0, 0, 0, 0x12, 0x34, 0x56, 0];
    let geneve = [2, 0, 0x65, 0x58, 0, 0, 7, 0, 1, 2, 3, 1, 9, 9, 9, 9];
    let gtp = [0x30, 255, 0, 0, 0xde, 0xad, 0xbe, 0xef];
    let gtp_extended: &[u8] = &[
        0x34, 255, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0x85, 1, 0, 0, 0xc0, 2, 0, 0, 0, 0, 0, 0, 0,
    ];
    vec![
        v4(
            "VXLAN",
            udp(4_789),
            &[&vxlan, frame],
            tunnel(Kind::Vxlan, Some(4_789)),
            0x0012_3456,
        ),
        v4(
            "VXLAN over IPv6",
            outer6().udp(40_000, 8_472),
            &[&vxlan, frame],
            tunnel6(Kind::Vxlan, Some(8_472)),
            0x0012_3456,
        ),
        v4(
            "GENEVE with options",
            udp(6_081),
            &[&geneve, frame],
            tunnel(Kind::Geneve, Some(6_081)),
            7,
        ),
        v4(
            "GTP-U",
            udp(2_152),
            &[&gtp, packet],
            tunnel(Kind::GtpU, Some(2_152)),
            0xdead_beef,
        ),
        v4(
            "GTP-U with extension headers",
            udp(2_152),
            &[gtp_extended, packet],
            tunnel(Kind::GtpU, Some(2_152)),
            9,
        ),
    ]
}

/// A name, a frame, and where its last header ends.
pub(crate) type Framed = (String, Vec<u8>, usize);

/// Frames of every kind, and a rig that opens all of them.
pub(crate) fn opened() -> (Vec<Framed>, impl Fn() -> Rig) {
    let all = all();
    let tunnels: Vec<Tunnel> = all.iter().map(|one| one.tunnel.clone()).collect();
    let frames = all.into_iter().map(|one| {
        let headers = one.frame.len() - PAYLOAD;
        (one.name.to_owned(), one.frame, headers)
    });
    let opening = move || rig(&PREFIXES, &[approval(&tunnels)], foreign());
    (frames.collect(), opening)
}

/// A rig that opens all of them, with room for so many flows.
pub(crate) fn opening(capacity: usize) -> Rig {
    let tunnels: Vec<Tunnel> = all().into_iter().map(|one| one.tunnel).collect();
    let capacity = u32::try_from(capacity).unwrap();
    rig_of(&PREFIXES, &[approval(&tunnels)], foreign(), capacity)
}

/// An approval of everything that names these tunnels.
fn approval(tunnels: &[Tunnel]) -> Approval {
    Approval {
        tunnels: tunnels.to_vec(),
        ..lab::replay()
    }
}

fn rig(prefixes: &[&str], approvals: &[Approval], places: Flat) -> Rig {
    rig_of(prefixes, approvals, places, 1024)
}

fn rig_of(prefixes: &[&str], approvals: &[Approval], places: Flat, capacity: u32) -> Rig {
    let mut rig = Rig::new(true, capacity);
    let compiled = compile(
        &watchlist(prefixes),
        &in_order(approvals),
        Arc::new(places),
        1,
        Moment::default(),
    );
    rig.publish(&compiled);
    rig
}

fn foreign() -> Flat {
    Flat::everywhere(Place::Foreign)
}

fn counted(mut rig: Rig, frames: &[&[u8]]) -> Counted {
    for frame in frames {
        rig.receive(frame, at_once(frame));
    }
    rig.counted()
}

const PREFIXES: [&str; 2] = [WATCHED, "2001:db8:1::/48"];

#[test]
fn every_kind_is_opened_and_what_is_inside_is_recorded() {
    require!(privilege);
    for one in all() {
        let name = one.name;
        let rig = rig(
            &PREFIXES,
            &[approval(slice::from_ref(&one.tunnel))],
            foreign(),
        );
        let counted = counted(rig, &[&one.frame]);
        assert_eq!(counted.of(Stat::Opened), 1, "{name}");
        assert_eq!(counted.verdict(Verdict::Recorded), 1, "{name}");
        let (key, value) = counted.flows.first_key_value().unwrap();
        assert_eq!(key.tunnel_kind, one.tunnel.kind as u8, "{name}");
        assert_eq!(u32::from_be_bytes(key.tunnel_id), one.id, "{name}");
        assert_eq!(value.octets, one.octets, "{name}");
        // The tag of the frame inside, where it is one.
        let is_tagged = one.frame.windows(4).any(|bytes| bytes == [0x81, 0, 0, 5]);
        assert_eq!(key.vlan_tags, u8::from(is_tagged), "{name}");
        assert_eq!(key.has_ports, 1, "{name}");
        let source = match one.version {
            IpVersion::V4 => IpAddr::from(INNER),
            IpVersion::V6 => IpAddr::from(v6(1)),
        };
        assert_eq!(address(key), source, "{name}");
    }
}

fn address(key: &FlowKey) -> IpAddr {
    match (key.ip_version, key.source) {
        (4, [a, b, c, d, ..]) => [a, b, c, d].into(),
        (_, source) => source.into(),
    }
}

#[test]
fn what_no_rule_is_about_stays_closed() {
    require!(privilege);
    for one in all() {
        let name = one.name;
        let elsewhere = Tunnel {
            ends: one.tunnel.ends.map(|end| match end {
                ipnet::IpNet::V4(_) => "100.64.0.0/10".parse().unwrap(),
                ipnet::IpNet::V6(_) => "2001:db8:ffff::/48".parse().unwrap(),
            }),
            ..one.tunnel.clone()
        };
        let one_end = Tunnel {
            ends: [one.tunnel.ends[0]; 2],
            ..one.tunnel.clone()
        };
        let other_port = Tunnel {
            port: one.tunnel.port.map(|port| port + 1),
            ..one.tunnel.clone()
        };
        let mut tunnels = vec![vec![], vec![elsewhere], vec![one_end]];
        if one.tunnel.port.is_some() {
            tunnels.push(vec![other_port]);
        }
        for tunnels in tunnels {
            let rig = rig(&PREFIXES, &[approval(&tunnels)], foreign());
            let counted = counted(rig, &[&one.frame]);
            assert_eq!(counted.verdict(Verdict::NoMatch), 1, "{name} {tunnels:?}");
            for stat in [Stat::Opened, Stat::InnerUnread, Stat::InnerMalformed] {
                assert_eq!(counted.of(stat), 0, "{name} {tunnels:?}");
            }
        }
    }
}

#[test]
fn packets_go_either_way_and_a_fragment_stays_closed() {
    require!(privilege);
    let back = around(Packet::v4(FAR, NEAR).protocol(4), &ip(&inside()));
    let part = around(outer(4).fragment(0, true), &ip(&inside()));
    let rig = rig(
        &[WATCHED],
        &[approval(&[tunnel(TunnelKind::IpInIp, None)])],
        foreign(),
    );
    let counted = counted(rig, &[&back, &part]);
    assert_eq!(counted.of(Stat::Opened), 1);
    assert_eq!(counted.verdict(Verdict::Recorded), 1);
    assert_eq!(counted.verdict(Verdict::NoMatch), 1);
}

#[test]
fn only_an_approval_that_names_the_tunnel_counts_inside() {
    require!(privilege);
    let naming = |name: &str, tunnels: &[Tunnel], indicators: &[u32]| Approval {
        id: ApprovalId(name.into()),
        scope: Scope::Indicators(
            (indicators.iter())
                .map(|&number| sekisho::watchlist::IndicatorId(number))
                .collect(),
        ),
        ..approval(tunnels)
    };
    let ipip = tunnel(TunnelKind::IpInIp, None);
    let frame = around(outer(4), &ip(&inside()));
    let prefixes = [WATCHED, "8.8.8.0/24", "198.51.100.1/32"];
    // One names the prefix and no tunnel, the other the tunnel and another prefix.
    let apart = [
        naming("prefix", &[], &[0]),
        naming("tunnel", slice::from_ref(&ipip), &[1]),
    ];
    let counted_apart = counted(rig(&prefixes, &apart, foreign()), &[&frame]);
    assert_eq!(counted_apart.of(Stat::Opened), 1);
    assert_eq!(counted_apart.verdict(Verdict::Unapproved), 1);
    // Both levels are watched: the inside is recorded, under those that name the tunnel.
    let both = [
        naming("outside", &[], &[0, 2]),
        naming("inside", slice::from_ref(&ipip), &[0]),
    ];
    let counted_both = counted(rig(&prefixes, &both, foreign()), &[&frame]);
    let (key, _) = counted_both.flows.first_key_value().unwrap();
    assert_eq!(counted_both.flows.len(), 1);
    assert_eq!(address(key), IpAddr::from(INNER));
    assert!(key.approvals.has(1) && !key.approvals.has(0));
    // Nobody may record the inside: then the outside is judged as if it carried nothing.
    let outside = [
        naming("outside", &[], &[2]),
        naming("tunnel", &[ipip], &[1]),
    ];
    let counted_outside = counted(rig(&prefixes, &outside, foreign()), &[&frame]);
    let (key, value) = counted_outside.flows.first_key_value().unwrap();
    assert_eq!((address(key), key.tunnel_kind), (IpAddr::from(NEAR), 0));
    assert_eq!(value.octets, 84);
}

/// Where these /8 lie, everything else being foreign.
fn places(placed: &[(u8, Place)]) -> Flat {
    let mut flat = foreign();
    let mut placed = placed.to_vec();
    placed.sort_by_key(|(first, _)| *first);
    for (first, place) in placed {
        flat.v4.push((u32::from(first) << 24, place));
        flat.v4.push(((u32::from(first) + 1) << 24, Place::Foreign));
    }
    flat
}

#[test]
fn an_excluded_or_domestic_pair_at_either_level_forbids_recording() {
    require!(privilege);
    let frame = around(outer(4), &ip(&inside()));
    let prefixes = [WATCHED, "198.51.100.1/32"];
    let judged = |placed: &[(u8, Place)], prefixes: &[&str]| {
        let approvals = [approval(&[tunnel(TunnelKind::IpInIp, None)])];
        let counted = counted(rig(prefixes, &approvals, places(placed)), &[&frame]);
        let found = Verdict::ALL
            .iter()
            .find(|verdict| counted.verdict(**verdict) == 1);
        *found.unwrap()
    };
    let outside = (198, Place::Excluded);
    let inside = (10, Place::Excluded);
    for prefixes in [&prefixes[..], &prefixes[..1], &prefixes[1..]] {
        assert_eq!(judged(&[outside], prefixes), Verdict::Excluded);
        assert_eq!(judged(&[inside], prefixes), Verdict::Excluded);
        let domestic = [(198, Place::Domestic), (203, Place::Domestic)];
        assert_eq!(judged(&domestic, prefixes), Verdict::Domestic);
        let domestic = [(192, Place::Domestic), (10, Place::Domestic)];
        assert_eq!(judged(&domestic, prefixes), Verdict::Domestic);
        assert_eq!(judged(&[], prefixes), Verdict::Recorded);
        // One end of the other level that is nowhere, or domestic, forbids nothing.
        assert_eq!(
            judged(&[(203, Place::Domestic)], &prefixes[..1]),
            Verdict::Recorded
        );
    }
    assert_eq!(
        judged(&[(203, Place::Unknown)], &prefixes[..1]),
        Verdict::Recorded
    );
    assert_eq!(
        judged(&[(10, Place::Unknown)], &prefixes[..1]),
        Verdict::Unknown
    );
}

/// Every frame cut while it was captured and before it was sent: kernel and fake agree.
#[test]
fn frames_cut_at_any_byte_are_read_alike() {
    require!(privilege);
    let all = all();
    let tunnels: Vec<Tunnel> = all.iter().map(|one| one.tunnel.clone()).collect();
    let mut rig = rig(&PREFIXES, &[approval(&tunnels)], foreign());
    for one in &all {
        for cut in 0..=one.frame.len() {
            rig.receive(&one.frame[..cut], at_once(&one.frame));
            rig.receive(&one.frame[..cut], at_once(&one.frame[..cut]));
        }
    }
    let counted = rig.counted();
    for stat in [Stat::Opened, Stat::InnerMalformed] {
        assert!(counted.of(stat) > 100, "{stat:?}");
    }
}

/// Frames with every header, and in every tunnel, cut and changed by chance: kernel and fake agree
/// on each batch. `SEKISHO_FRAMES` says how many, `SEKISHO_SEED` which.
#[test]
fn changed_frames_are_read_alike() {
    const BATCH: usize = 20_000;
    require!(privilege);
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse().unwrap());
    let (count, seed) = (
        number("SEKISHO_FRAMES").unwrap_or(BATCH),
        number("SEKISHO_SEED").unwrap_or(1),
    );
    let all = all();
    let shapes = layers::shapes().into_iter().map(|shape| shape.frame);
    let frames: Vec<Vec<u8>> = all.into_iter().map(|one| one.frame).chain(shapes).collect();
    let mut dice = Dice(u64::try_from(seed).unwrap());
    let mut verdicts = std::collections::BTreeMap::new();
    for first in (0..count).step_by(BATCH) {
        let mut rig = opening(BATCH);
        for _ in first..count.min(first + BATCH) {
            let (frame, context) = changed(&mut dice, &frames);
            rig.receive(&frame, context);
        }
        let counted = rig.counted();
        for stat in Verdict::ALL.map(Stat::Verdict).into_iter().chain([
            Stat::Opened,
            Stat::InnerMalformed,
            Stat::InnerUnread,
        ]) {
            *verdicts.entry(stat).or_insert(0) += counted.of(stat);
        }
    }
    println!("{count} frames, seed {seed}: {verdicts:?}");
    for stat in [Stat::Opened, Stat::InnerMalformed, Stat::InnerUnread] {
        assert!(verdicts[&stat] > 10, "{stat:?}");
    }
}

/// One of the frames with some bytes changed, and cut.
fn changed(dice: &mut Dice, frames: &[Vec<u8>]) -> (Vec<u8>, ReplayContext) {
    const TELLING: [u8; 16] = [
        0, 1, 2, 4, 5, 6, 8, 17, 41, 43, 44, 47, 0x45, 0x60, 0x81, 0xff,
    ];
    let mut frame = dice.pick(frames);
    for _ in 0..dice.below(4) {
        let at = dice.below(frame.len());
        frame[at] = if dice.percent(60) {
            dice.pick(&TELLING)
        } else {
            dice.number().to_le_bytes()[0]
        };
    }
    let mut context = at_once(&frame);
    if dice.percent(30) {
        frame.truncate(dice.below(frame.len() + 1));
        if dice.percent(50) {
            context = at_once(&frame);
        }
    }
    (frame, context)
}
