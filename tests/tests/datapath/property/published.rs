//! A world as the product publishes it: layers, watchlist and approvals.

use std::{collections::BTreeMap, sync::Arc};

use ipnet::IpNet;
use sekisho::{
    places::{Exclusion, Layers, Operator, OperatorId, Territory, flatten, territory::Row},
    watchlist::{
        Approval, ApprovalId, Change, Compiled, InForce, IndicatorId, Limits, Moment, PortRule,
        Prefixes, Schedule, Scope, Validity, Watchlist, compile,
    },
};
use sensor_common::Slot;

use crate::reference::{Consent, Permit, Watched, World};

/// Compiles a world into its generation.
pub(crate) fn compiled(world: &World) -> Compiled {
    let watchlist = watchlist(world);
    let in_force: Vec<InForce> = world.permits.iter().map(in_force).collect();
    let places = Arc::new(flatten(&layers(world)).unwrap());
    compile(
        &watchlist,
        &in_force,
        places,
        world.generation,
        Moment::at(world.moment),
    )
}

/// The indicators with their times.
fn watchlist(world: &World) -> Watchlist {
    let mut prefixes = Prefixes::default();
    let limited = world.indicators.iter().zip(&world.times).zip(&world.ports);
    for (line, ((prefix, time), ports)) in (1..).zip(limited) {
        let validity = Some(Validity {
            begin: time.start,
            end: time.end,
        });
        let rules = ports.iter();
        let ports = rules
            .map(|&(protocol, port)| PortRule { protocol, port })
            .collect();
        prefixes.push_limited(*prefix, line, &Limits { validity, ports });
    }
    let mut watchlist = Watchlist::default();
    watchlist.share_feed("property".into(), prefixes.into());
    watchlist
}

/// What becomes of it when the world's time goes on by one.
pub(crate) fn changed(world: &World, compiled: &Compiled) -> Option<(Compiled, Change)> {
    let watchlist = watchlist(world);
    let mut schedule = Schedule::of(&watchlist, Moment::at(world.moment - 1));
    let moment = Moment::at(world.moment);
    let affected = schedule.pass(moment);
    compiled.changed(&watchlist, &affected, moment)
}

/// What the match sets that were compiled stand for.
pub(crate) fn sets(compiled: &Compiled) -> BTreeMap<u32, Watched> {
    let watched = |id, prefix| Watched {
        prefix,
        indicators: (compiled.covering(id))
            .map(|IndicatorId(number)| usize::try_from(number).unwrap())
            .collect(),
    };
    let sets = compiled.sets();
    sets.map(|(id, set)| (id.0, watched(id, set.prefix)))
        .collect()
}

fn layers(world: &World) -> Layers {
    let mut territory = Territory::everything_foreign();
    if let Some(rows) = &world.territory {
        territory.number = 1;
        let row = |&(prefix, place)| Row {
            prefix,
            place,
            source: 1,
            line: 1,
        };
        territory.rows = rows.iter().map(row).collect();
    }
    let exclusion = |(line, &prefix)| Exclusion {
        prefix,
        source: "property".into(),
        line,
    };
    let operator = |(number, prefixes): (u16, &Vec<IpNet>)| Operator {
        id: OperatorId(number.to_string()),
        prefixes: prefixes.clone(),
    };
    Layers {
        territory,
        exclusions: (1..).zip(&world.exclusions).map(exclusion).collect(),
        operators: (1..).zip(&world.operators).map(operator).collect(),
    }
}

fn in_force(permit: &Permit) -> InForce {
    let bits = |interfaces: &[u32]| interfaces.iter().fold(0, |mask, slot| mask | 1 << slot);
    let indicators = permit.indicators.iter();
    let indicators = indicators.map(|&number| IndicatorId(u32::try_from(number).unwrap()));
    let (begin, end) = (permit.begin, permit.end);
    let classes = permit.classes.iter();
    let directions = permit.directions.iter();
    let terms = Slot {
        begin,
        end,
        interfaces: bits(&permit.interfaces),
        own_addresses_only: bits(&permit.own_only),
        epoch: 1,
        fields: permit.fields,
        operator: match permit.consent {
            Consent::OfNobody => 0,
            Consent::Of(operator) => operator,
            Consent::OfEverybody => Slot::ANY_OPERATOR,
        },
        classes: classes.fold(0, |mask, &class| mask | 1 << class as u8),
        directions: directions.fold(0, |mask, &direction| mask | 1 << direction as u8),
        reserved: [0; 6],
    };
    InForce {
        slot: permit.slot,
        approval: Approval {
            id: ApprovalId(permit.slot.to_string()),
            validity: Validity { begin, end },
            scope: Scope::Indicators(indicators.collect()),
            handling: Arc::default(),
            tunnels: Vec::new(),
            terms,
        },
    }
}
