//! The approvals of the table.

use sekisho::settings::lab;
use sensor_common::{Class, Direction, Fields, Slot};

use super::world::Permit;

/// In force from 1000 to 2000, for everything.
fn open() -> Slot {
    Slot {
        begin: 1_000,
        end: 2_000,
        ..lab::replay().terms
    }
}

fn permit(
    name: &'static str,
    names: &'static [&'static str],
    change: impl FnOnce(&mut Slot),
) -> Permit {
    let mut terms = open();
    change(&mut terms);
    Permit { name, names, terms }
}

/// All approvals of the table.
pub(crate) fn all() -> Vec<Permit> {
    let mut all = of_places();
    all.extend(of_operators());
    all.extend(of_indicators());
    all.extend(of_times());
    all.extend(of_terms());
    all.extend(of_fields());
    all
}

fn of_places() -> Vec<Permit> {
    vec![permit(
        "any",
        &[
            "40.1.1.1/32",
            "40.2.1.1/32",
            "40.3.1.0/30",
            "40.4.1.1/32",
            "40.4.2.1/32",
            "40.5.1.1/32",
            "40.6.1.1/32",
            "40.1.100.1/32",
            "40.3.50.129/32",
        ],
        |_| {},
    )]
}

fn of_operators() -> Vec<Permit> {
    vec![
        permit("none", &["40.1.20.1/32"], |terms| terms.operator = 0),
        permit("one", &["40.1.20.2/32", "40.1.20.5/32"], |terms| {
            terms.operator = 1;
        }),
        permit("two", &["40.1.20.3/32", "40.1.20.5/32"], |terms| {
            terms.operator = 2;
        }),
        permit("every", &["40.1.20.4/32"], |_| {}),
        permit("consent", &["40.1.70.1/32", "40.1.70.2/32"], |terms| {
            terms.operator = 1;
            terms.end = 1_500;
        }),
        permit("relaying", &["40.1.70.1/32"], |terms| {
            terms.operator = 0;
            terms.classes = 1 << Class::Relay as u8;
        }),
        permit("relaying with consent", &["40.1.70.3/32"], |terms| {
            terms.operator = 1;
            terms.classes = 1 << Class::Relay as u8;
        }),
    ]
}

fn of_indicators() -> Vec<Permit> {
    vec![
        permit("wide", &["40.1.30.0/24"], |_| {}),
        permit("middle", &["40.1.30.0/28"], |_| {}),
        permit("narrow", &["40.1.30.5/32"], |_| {}),
        permit("far", &["40.2.30.0/24"], |_| {}),
        permit("far too", &["40.2.30.0/24"], |_| {}),
    ]
}

fn of_times() -> Vec<Permit> {
    vec![
        permit("early", &["40.1.40.1/32", "40.1.40.2/32"], |terms| {
            terms.end = 1_200;
            terms.fields = Fields::PORTS;
        }),
        permit("middling", &["40.1.40.1/32"], |terms| {
            terms.begin = 1_300;
            terms.end = 1_700;
            terms.fields = Fields::TTL;
        }),
        permit("late", &["40.1.40.1/32", "40.1.40.2/32"], |terms| {
            terms.begin = 1_800;
            terms.fields = Fields::VLAN;
        }),
        permit("long", &["40.1.40.1/32"], |terms| {
            terms.fields = Fields::PROTOCOL;
        }),
        permit("term", &["40.1.50.1/32"], |_| {}),
        permit("empty term", &["40.1.50.2/32"], |terms| terms.end = 1_000),
        permit("zeroes", &["40.1.50.3/32"], |terms| {
            *terms = Slot::default();
        }),
        permit("for ever", &["40.1.50.4/32"], |terms| {
            terms.begin = 0;
            terms.end = Slot::FOREVER;
        }),
        permit("beyond 32 bits", &["40.1.50.5/32"], |terms| {
            terms.begin = 0x1_0000_0005;
            terms.end = 0x2_0000_0005;
        }),
    ]
}

fn of_terms() -> Vec<Permit> {
    vec![
        permit("transit only", &["40.1.60.1/32"], |terms| {
            terms.classes = 1 << Class::Transit as u8;
        }),
        permit("infrastructure only", &["40.1.60.2/32"], |terms| {
            terms.classes = 1 << Class::Infrastructure as u8;
        }),
        permit("relay only", &["40.1.60.3/32"], |terms| {
            terms.classes = 1 << Class::Relay as u8;
        }),
        permit("no class", &["40.1.60.4/32"], |terms| terms.classes = 0),
        permit("inbound only", &["40.1.61.1/32"], |terms| {
            terms.directions = 1 << Direction::Inbound as u8;
        }),
        permit("outbound only", &["40.1.61.2/32"], |terms| {
            terms.directions = 1 << Direction::Outbound as u8;
        }),
        permit("through only", &["40.1.61.3/32"], |terms| {
            terms.directions = 1 << Direction::Through as u8;
        }),
        permit("no direction", &["40.1.61.4/32"], |terms| {
            terms.directions = 0;
        }),
        permit("interface 3", &["40.1.62.1/32"], |terms| {
            terms.interfaces = 1 << 3;
        }),
        permit("interface 63", &["40.1.62.2/32"], |terms| {
            terms.interfaces = 1 << 63;
        }),
        permit("no interface", &["40.1.62.3/32"], |terms| {
            terms.interfaces = 0;
        }),
        permit("own", &["40.1.90.1/32"], |terms| {
            terms.own_addresses_only = 1 << 3;
        }),
        permit("closed from not yet on", &["40.1.95.1/32"], |terms| {
            *terms = Slot {
                begin: 1_800,
                end: 2_000,
                ..Slot::default()
            };
        }),
        permit("closed from expired on", &["40.1.95.2/32"], |terms| {
            *terms = Slot {
                end: 1_200,
                ..Slot::default()
            };
        }),
        permit("closed from class on", &["40.1.95.3/32"], |terms| {
            *terms = Slot {
                end: 2_000,
                ..Slot::default()
            };
        }),
        permit("closed from direction on", &["40.1.95.4/32"], |terms| {
            *terms = Slot {
                end: 2_000,
                classes: 0b111,
                ..Slot::default()
            };
        }),
    ]
}

fn of_fields() -> Vec<Permit> {
    let only = |field: Fields| move |terms: &mut Slot| terms.fields = field;
    vec![
        permit(
            "ports",
            &["40.1.80.1/32", "40.1.80.9/32", "40.1.80.10/32"],
            only(Fields::PORTS),
        ),
        permit("protocol", &["40.1.80.2/32"], only(Fields::PROTOCOL)),
        permit("tcp_flags", &["40.1.80.3/32"], only(Fields::TCP_FLAGS)),
        permit("ttl", &["40.1.80.4/32", "40.1.80.9/32"], only(Fields::TTL)),
        permit("vlan", &["40.1.80.5/32"], only(Fields::VLAN)),
        permit("fragment", &["40.1.80.6/32"], only(Fields::FRAGMENT)),
        permit(
            "no field",
            &["40.1.80.7/32", "40.1.80.11/32"],
            only(Fields::NONE),
        ),
        permit(
            "all fields",
            &["40.1.80.8/32", "40.1.80.11/32"],
            only(Fields::ALL),
        ),
        permit("all fields, ended", &["40.1.80.10/32"], |terms| {
            terms.end = 1_200;
        }),
    ]
}
