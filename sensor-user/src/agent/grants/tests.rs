use ipnet::IpNet;
use sensor_common::{Direction, Fields};

use super::*;
use crate::{
    documents::{
        Digest,
        field::{HardwareAddress, InterfaceName, Name, Period, Text},
    },
    places::{Operator, OperatorId},
    watchlist::{IndicatorId, Limits, PortRule, Prefixes},
};

fn asked(name: &str, mac: &str, bus: &str) -> Interface {
    Interface {
        name: InterfaceName::try_from(name.to_owned()).unwrap(),
        mac: HardwareAddress::try_from(mac.to_owned()).unwrap(),
        bus: Text::try_from(bus.to_owned()).unwrap(),
    }
}

const MAC: &str = "02:00:00:00:00:01";
const BUS: &str = "pci-0000:03:00.0";

fn card() -> Hardware {
    Hardware {
        mac: MAC.into(),
        bus: BUS.into(),
    }
}

fn port(name: &str, slot: u8, hardware: Option<Result<Hardware, String>>) -> Port {
    Port {
        name: name.into(),
        slot,
        hardware,
    }
}

fn granted(id: &str, prefixes: &[&str]) -> Granted {
    let prefixes = (1..).zip(prefixes);
    Granted {
        id: id.into(),
        document: Digest::of(id.as_bytes()),
        is_consent: false,
        class: Class::Transit,
        directions: vec![Direction::Through],
        operator: None,
        fields: Fields::NONE,
        interfaces: vec![asked("eth0", MAC, BUS)],
        tunnels: Vec::new(),
        from: Time(10),
        until: Time(20),
        retention: Period::try_from("P6M".to_owned()).unwrap(),
        recipients: Vec::new(),
        indicators: Arc::new(IndicatorSet {
            file: format!("{id}.txt"),
            prefixes: Arc::new(
                prefixes
                    .map(|(line, prefix)| (prefix.parse::<IpNet>().unwrap(), line))
                    .collect(),
            ),
        }),
        limited: None,
    }
}

fn covered(granted: Granted) -> Covered {
    Covered {
        granted,
        interfaces: 1,
    }
}

#[test]
fn an_interface_fits_by_its_name_its_address_and_where_it_is_plugged_in() {
    let told = |hardware, asked: Interface| fits(&port("eth0", 0, hardware), &asked);
    assert_eq!(told(Some(Ok(card())), asked("eth0", MAC, BUS)), Ok(()));
    assert_eq!(told(None, asked("eth0", "02:00:00:00:00:09", BUS)), Ok(()));
    for (hardware, request, misfit) in [
        (
            Ok(card()),
            asked("eth0", "02:00:00:00:00:09", BUS),
            "interface eth0 has the hardware address 02:00:00:00:00:01, the request says \
             02:00:00:00:00:09",
        ),
        (
            Ok(card()),
            asked("eth0", MAC, "virtual"),
            "interface eth0 is plugged in at pci-0000:03:00.0, the request says virtual",
        ),
        (
            Err("No such device".into()),
            asked("eth0", MAC, BUS),
            "interface eth0 cannot be looked at: No such device",
        ),
    ] {
        assert_eq!(told(Some(hardware), request), Err(misfit.into()));
    }
}

#[test]
fn what_is_covered_has_begun_has_not_ended_and_is_for_an_interface_of_this_run() {
    let layers = Layers::lab();
    let ports = [
        port("lo", 0, Some(Ok(card()))),
        port("eth0", 3, Some(Ok(card()))),
    ];
    let cover = |granted: &Granted, now| {
        let granted = std::slice::from_ref(granted);
        let (covered, refused) = cover(granted, Some(&layers), Time(now), &ports);
        let masks: Vec<u64> = covered.iter().map(|covered| covered.interfaces).collect();
        (masks, refused.into_iter().collect::<Vec<_>>())
    };
    let one = granted("A", &[]);
    for (now, masks) in [(9, &[][..]), (10, &[8]), (19, &[8]), (20, &[])] {
        assert_eq!(cover(&one, now), (masks.to_vec(), vec![]), "{now}");
    }
    let mut elsewhere = one.clone();
    elsewhere.interfaces[0] = asked("eth1", MAC, BUS);
    let refused = "A is not loaded: none of its interfaces is one of this run's";
    assert_eq!(cover(&elsewhere, 10), (vec![], vec![refused.to_owned()]));
    elsewhere.interfaces.push(asked("eth0", MAC, BUS));
    assert_eq!(cover(&elsewhere, 10), (vec![8], vec![]));
}

#[test]
fn an_operator_has_the_number_of_its_place_and_without_one_nothing_is_loaded() {
    let mut layers = Layers::lab();
    for name in ["water", "power"] {
        layers.operators.push(Operator {
            id: OperatorId(name.into()),
            prefixes: Vec::new(),
        });
    }
    let ports = [port("eth0", 0, None)];
    let mut one = granted("A", &[]);
    one.class = Class::Infrastructure;
    one.operator = Some(Name::try_from("power".to_owned()).unwrap());
    let numbers = |layers: Option<&Layers>, granted: &Granted| {
        let granted = std::slice::from_ref(granted);
        let (covered, refused) = cover(granted, layers, Time(10), &ports);
        assert_eq!(covered.len() + refused.len(), 1);
        let layers = Arc::new(layers.cloned().unwrap_or_else(nowhere));
        let content = content(&covered, layers, |from, until| Terms {
            begin: from.0,
            end: until.0,
        });
        let slots = content.approvals.iter().map(|approval| approval.terms);
        slots
            .map(|slot| (slot.operator, slot.classes, slot.directions))
            .collect::<Vec<_>>()
    };
    assert_eq!(numbers(Some(&layers), &one), [(2, 0b010, 0b100)]);
    assert_eq!(numbers(None, &one), []);
    one.operator = Some(Name::try_from("bank".to_owned()).unwrap());
    assert_eq!(numbers(Some(&layers), &one), []);
    assert_eq!(numbers(Some(&layers), &granted("A", &[])), [(0, 1, 0b100)]);
}

#[test]
fn each_set_of_indicators_stands_once_and_each_approval_names_its_own() {
    let (a, b) = (
        granted("A", &["192.0.2.0/24", "198.51.100.7/32"]),
        granted("B", &["::/0"]),
    );
    let mut same = granted("C", &[]);
    same.indicators = a.indicators.clone();
    let all = [a, b, same].map(covered);
    let content = content(&all, Arc::new(Layers::lab()), |_, _| Terms {
        begin: 1,
        end: 2,
    });
    assert_eq!(
        content.watchlist.feeds().collect::<Vec<_>>(),
        ["A.txt", "B.txt"]
    );
    assert_eq!(content.watchlist.len(), 3);
    let named = |at: usize| {
        (0..3)
            .filter(|&id| content.approvals[at].scope.names(IndicatorId(id)))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        (named(0), named(1), named(2)),
        (vec![0, 1], vec![2], vec![0, 1])
    );
    let first = &content.approvals[0];
    assert_eq!((first.validity.begin, first.validity.end), (10, 20));
    assert_eq!((first.terms.begin, first.terms.end), (1, 2));
}

#[test]
fn what_loses_anything_but_time_does_not_only_widen() {
    let one = covered(granted("A", &["192.0.2.0/24"]));
    let with = |change: &dyn Fn(&mut Covered)| {
        let mut other = one.clone();
        change(&mut other);
        other
    };
    let wider = [
        with(&|_| {}),
        with(&|c| c.interfaces = 3),
        with(&|c| c.granted.until = Time(30)),
        with(&|c| c.granted.until = Time(11)),
        with(&|c| c.granted.indicators = granted("A", &["::/0", "192.0.2.0/24"]).indicators),
        with(&|c| c.granted.directions.push(Direction::Inbound)),
    ];
    for other in wider {
        assert!(other.only_widens(&one), "{other:?}");
    }
    let others = [
        with(&|c| c.interfaces = 2),
        with(&|c| c.granted.directions.clear()),
        with(&|c| c.granted.class = Class::Relay),
        with(&|c| c.granted.fields = Fields::ALL),
        with(&|c| c.granted.document = Digest::of(b"other")),
        with(&|c| c.granted.indicators = granted("A", &["192.0.2.0/25"]).indicators),
    ];
    for other in others {
        assert!(!other.only_widens(&one), "{other:?}");
    }
}

#[test]
fn what_limits_an_indicator_more_does_not_only_widen() {
    let with = |limits: &[Limits]| {
        let mut prefixes = Prefixes::default();
        for limits in limits {
            prefixes.push_limited("192.0.2.0/24".parse().unwrap(), 1, limits);
        }
        let mut one = granted("A", &[]);
        one.indicators = Arc::new(IndicatorSet {
            file: "A.txt".into(),
            prefixes: prefixes.into(),
        });
        covered(one)
    };
    let ports = |ports: &[u16]| Limits {
        validity: None,
        ports: (ports.iter())
            .map(|&port| PortRule { protocol: 6, port })
            .collect(),
    };
    let at = |begin, end| Limits {
        validity: Some(Validity { begin, end }),
        ports: Vec::new(),
    };
    let any = Limits::default;
    for (before, after, only_widens) in [
        (vec![any()], vec![any()], true),
        (vec![any()], vec![ports(&[1])], false),
        (vec![any()], vec![at(1, 9)], false),
        (vec![ports(&[1])], vec![any()], true),
        (vec![ports(&[1])], vec![ports(&[1, 2])], true),
        (vec![ports(&[1, 2])], vec![ports(&[1])], false),
        (vec![ports(&[1])], vec![ports(&[2]), ports(&[1])], true),
        (vec![ports(&[1])], vec![ports(&[2]), any()], true),
        (vec![at(2, 8)], vec![at(1, 9)], true),
        (vec![at(2, 8)], vec![at(3, 9)], false),
        (vec![at(2, 8)], vec![at(1, 7)], false),
        (vec![at(2, 8)], vec![any()], true),
        (vec![at(2, 8)], vec![ports(&[1])], false),
    ] {
        let widens = with(&after).only_widens(&with(&before));
        assert_eq!(widens, only_widens, "{before:?} {after:?}");
    }
}

#[test]
fn before_there_is_a_territory_every_address_is_excluded() {
    let flat = crate::places::flatten(&nowhere()).unwrap();
    let everywhere = crate::places::Flat::everywhere(sensor_common::Place::Excluded);
    assert_eq!(flat, everywhere);
}
