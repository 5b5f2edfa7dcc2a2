//! Packets that are explained.

mod agreement;
mod lines;
mod texts;
mod verdicts;

use ipnet::IpNet;
use sensor_common::{Class, Direction, Fields, Slot, WIRE_VERSION};

use super::{Answer, Explainer, Moment};
use crate::{
    loaded::{Interface, Loaded},
    places::{
        Exclusion, Layers, Operator, OperatorId, Territory,
        territory::{Placed, Row, Source, SourceKind},
    },
    watchlist::{Approval, ApprovalId, IndicatorId, Scope, Validity, Watchlist, in_order},
};

const SECOND: u64 = 1_000_000_000;

/// 1,000 s after boot, with an agent.
const ATTENDED: Moment = Moment {
    now: 1_000 * SECOND,
    attended: true,
};

/// Everything: any time, class, direction, field; the interfaces `eth0` and `eth1`.
fn everything() -> Slot {
    Slot {
        begin: 0,
        end: 4_598 * SECOND,
        interfaces: 0b11,
        own_addresses_only: 0,
        epoch: 1,
        fields: Fields::ALL,
        operator: 1,
        classes: 0b111,
        directions: 0b111,
        reserved: [0; 6],
    }
}

fn only_class(class: Class) -> u8 {
    1 << class as u8
}

fn only_direction(direction: Direction) -> u8 {
    1 << direction as u8
}

/// An approval that names the indicators with these numbers.
fn approval(name: &str, indicators: &[u32], terms: Slot) -> Approval {
    let named = indicators.iter().copied().map(IndicatorId).collect();
    Approval {
        id: ApprovalId(name.into()),
        validity: Validity { begin: 0, end: 1 },
        scope: Scope::Indicators(named),
        handling: std::sync::Arc::default(),
        tunnels: Vec::new(),
        terms,
    }
}

fn prefix(text: &str) -> IpNet {
    text.parse().unwrap()
}

/// 11/8 is foreign but for 11.9/16, which is excluded; 41/8 is domestic, with two operators;
/// `2400::/16` is foreign; nobody places anything else. Indicators: 0 is 11.1/16, 1 is 11.1.1/24,
/// 2 is 41.5/16, 3 is 11.9/16, 4 is 12/8, 5 is `2400:1::/32`.
fn loaded(approvals: &[Approval]) -> Loaded {
    let mut watchlist = Watchlist::default();
    watchlist.add_feed("wide.txt".into(), [(prefix("11.1.0.0/16"), 3)]);
    watchlist.add_feed(
        "feed.txt".into(),
        [
            (prefix("11.1.1.0/24"), 7),
            (prefix("41.5.0.0/16"), 8),
            (prefix("11.9.0.0/16"), 9),
            (prefix("12.0.0.0/8"), 11),
            (prefix("2400:1::/32"), 12),
        ],
    );
    let interface = |name: &str, index, slot| Interface {
        name: name.into(),
        index,
        slot,
    };
    Loaded {
        run: 7,
        wire_version: WIRE_VERSION,
        boot_id: "2e84fa73-6b6d-490d-86da-6b00b63df503".into(),
        unix_at_boot: 1_790_000_000 * SECOND,
        generation: 4,
        moments: Vec::new(),
        lab: false,
        interfaces: vec![interface("eth0", 3, 0), interface("eth1", 4, 1)],
        own_addresses: Vec::new(),
        approvals: in_order(approvals),
        layers: layers(),
        watchlist,
    }
}

fn layers() -> Layers {
    let row = |text: &str, place, line| Row {
        prefix: prefix(text),
        place,
        source: 1,
        line,
    };
    let operator = |name: &str, text: &str| Operator {
        id: OperatorId(name.into()),
        prefixes: vec![prefix(text)],
    };
    Layers {
        territory: Territory {
            number: 7,
            domestic: Vec::new(),
            special_purpose: "2026-01-01".into(),
            date: "2026-01-01".into(),
            sources: vec![Source {
                file: "apnic.txt".into(),
                kind: SourceKind::Cidr {
                    place: Placed::Foreign,
                },
                sha256: "0".repeat(64),
            }],
            rows: vec![
                row("11.0.0.0/8", Placed::Foreign, 1),
                row("41.0.0.0/8", Placed::Domestic, 2),
                row("2400::/16", Placed::Foreign, 3),
            ],
        },
        exclusions: vec![Exclusion {
            prefix: prefix("11.9.0.0/16"),
            source: "hospitals.txt".into(),
            line: 2,
        }],
        operators: vec![
            operator("denryoku", "41.1.0.0/16"),
            operator("gas", "41.2.0.0/16"),
        ],
    }
}

/// What is said of a packet.
fn ask(loaded: &Loaded, packet: &str, moment: Moment) -> Answer {
    let explainer = Explainer::new(loaded).unwrap();
    explainer.explain(&packet.parse().unwrap(), moment).unwrap()
}
