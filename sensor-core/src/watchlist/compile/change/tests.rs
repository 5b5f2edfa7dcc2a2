use std::sync::Arc;

use proptest::prelude::*;
use sensor_common::{Place, Slot};

use super::{super::compile, *};
use crate::{
    places::Flat,
    watchlist::{
        Approval, ApprovalId, InForce, Limits, Prefixes, Schedule, Scope, Validity, in_order,
        tests::prefix,
    },
};

/// What the kernel knows: rows by prefix, and the groups.
struct Kernel {
    rows: BTreeMap<IpNet, SetRow>,
    group_of_set: Vec<u32>,
    groups: Vec<SlotMask>,
}

impl Kernel {
    fn of(compiled: &Compiled) -> Self {
        let tables = &compiled.tables;
        let prefixes = (1..).map_while(|id| tables.prefix(id)).zip(1u32..);
        let rows = prefixes.map(|(prefix, set)| {
            let group = tables.group_of_set[set as usize];
            let row = SetRow {
                set,
                group: group.try_into().unwrap(),
                flags: 0,
            };
            (prefix, row)
        });
        Self {
            rows: rows.collect(),
            group_of_set: tables.group_of_set.clone(),
            groups: tables.groups.clone(),
        }
    }

    fn change(&mut self, change: &Change) {
        assert_eq!(change.first_set as usize, self.group_of_set.len());
        assert_eq!(change.first_group as usize, self.groups.len());
        self.group_of_set.extend(&change.group_of_set);
        self.groups.extend(&change.groups);
        for Patch {
            prefix,
            is_watched,
            row,
        } in &change.patches
        {
            if *is_watched {
                self.rows.insert(*prefix, *row);
            } else {
                self.rows.remove(prefix);
                // What a packet that is just being judged finds there is what the next finds.
                assert_eq!(self.find(*prefix), *row);
            }
        }
    }

    fn find(&self, address: IpNet) -> SetRow {
        let covering = self
            .rows
            .iter()
            .filter(|(prefix, _)| prefix.contains(&address));
        let longest = covering.max_by_key(|(prefix, _)| prefix.prefix_len());
        longest.map_or_else(SetRow::default, |(_, row)| *row)
    }
}

/// Times are 0 to 5.
fn limits() -> impl Strategy<Value = Limits> {
    let time = prop::option::weighted(0.6, (0..5u64, 0..6u64));
    time.prop_map(|time| Limits {
        validity: time.map(|(begin, end)| Validity { begin, end }),
        ports: Vec::new(),
    })
}

type Row = (IpNet, Limits);

fn approvals(scopes: &[Vec<u32>]) -> Vec<InForce> {
    let approvals: Vec<Approval> = (scopes.iter().enumerate())
        .map(|(at, scope)| {
            let scope = match at {
                0 => Scope::Indicators(scope.iter().copied().map(IndicatorId).collect()),
                _ => Scope::All,
            };
            Approval {
                id: ApprovalId(at.to_string()),
                validity: Validity { begin: 0, end: 1 },
                scope,
                handling: Arc::default(),
                tunnels: Vec::new(),
                terms: Slot::default(),
            }
        })
        .collect();
    in_order(&approvals)
}

fn watchlist(rows: &[Row]) -> Watchlist {
    let mut watchlist = Watchlist::default();
    for (at, part) in rows.chunks(20).enumerate() {
        let mut prefixes = Prefixes::default();
        for (line, (prefix, limits)) in (1..).zip(part) {
            prefixes.push_limited(*prefix, line, limits);
        }
        watchlist.share_feed(at.to_string(), prefixes.into());
    }
    watchlist
}

/// Every indicator that covers an address, and the approvals that may record it.
fn covering(compiled: &Compiled, address: IpNet) -> (Vec<IndicatorId>, SlotMask) {
    let Some(set) = compiled.longest(address) else {
        return (Vec::new(), SlotMask::EMPTY);
    };
    let mask = compiled.mask(compiled.group_of(set).unwrap()).unwrap();
    (compiled.covering(set).collect(), *mask)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn a_change_is_what_compiling_anew_would_be(
        rows in prop::collection::vec((prefix(), limits()), 0..50),
        scopes in prop::collection::vec(prop::collection::vec(0..50u32, 0..30), 1..3),
        steps in prop::collection::btree_set(0..6u64, 1..6),
        also in prop::collection::vec(prefix(), 0..10),
    ) {
        let watchlist = watchlist(&rows);
        let approvals = approvals(&scopes);
        let places = Arc::new(Flat::everywhere(Place::Foreign));
        let mut steps = steps.into_iter().map(Moment::at);
        let first = steps.next().unwrap();
        let mut compiled = compile(&watchlist, &approvals, places.clone(), 1, first);
        let mut schedule = Schedule::of(&watchlist, first);
        let mut kernel = Kernel::of(&compiled);
        let mut names: Vec<Vec<IndicatorId>> = Vec::new();
        for moment in steps {
            let affected = schedule.pass(moment);
            let (changed, change) = compiled.changed(&watchlist, &affected, moment).unwrap();
            kernel.change(&change);
            let anew = compile(&watchlist, &approvals, places.clone(), 1, moment);
            for prefix in rows.iter().map(|row| row.0).chain(also.iter().copied()) {
                for address in [prefix.addr(), prefix.broadcast()].map(IpNet::from) {
                    let (named, mask) = covering(&changed, address);
                    prop_assert_eq!(&(named, mask), &covering(&anew, address));
                    let row = kernel.find(address);
                    prop_assert_eq!(kernel.groups[row.group as usize], mask);
                    prop_assert_eq!(row.set, changed.longest(address).map_or(0, |set| set.0));
                    prop_assert_eq!(kernel.group_of_set[row.set as usize], u32::from(row.group));
                }
            }
            compiled = changed;
            // What was counted under a set keeps its name.
            let all = (1..).map(SetId).map_while(|id| compiled.set(id).map(|_| id));
            let now: Vec<Vec<_>> = all.map(|id| compiled.covering(id).collect()).collect();
            prop_assert_eq!(&now[..names.len()], &names[..]);
            names = now;
        }
    }
}

#[test]
fn one_indicator_more_or_less_touches_nothing_else() {
    let net = |text: &str| -> IpNet { text.parse().unwrap() };
    let some = |begin, end| Limits {
        validity: Some(Validity { begin, end }),
        ports: Vec::new(),
    };
    let rows = [
        (net("192.0.2.0/24"), Limits::default()),
        (net("192.0.2.0/25"), some(0, 5)),
        (net("192.0.2.1/32"), Limits::default()),
        (net("192.0.2.200/32"), some(5, 9)),
        (net("198.51.100.1/32"), some(0, 5)),
    ];
    let (watchlist, approvals) = (watchlist(&rows), approvals(&[vec![0, 1, 2, 3]]));
    let places = Arc::new(Flat::everywhere(Place::Foreign));
    let compiled = compile(&watchlist, &approvals, places, 1, Moment::at(1));
    let affected = [1, 3, 4].map(IndicatorId);
    let (_, change) = compiled
        .changed(&watchlist, &affected, Moment::at(5))
        .unwrap();
    let patches: Vec<_> = (change.patches.iter())
        .map(|patch| (patch.prefix.to_string(), patch.is_watched, patch.row.set))
        .collect();
    // The last indicator is named by no approval.
    let expected = [
        ("192.0.2.0/25".into(), false, 1),
        ("192.0.2.1/32".into(), true, 4),
        ("192.0.2.200/32".into(), true, 5),
    ];
    assert_eq!(patches, expected);
    assert_eq!(change.groups, []);
}

#[test]
fn too_much_at_once_is_to_be_compiled_anew() {
    let mut rows: Vec<Row> = (0..1_100u32)
        .map(|host| {
            (
                IpNet::from(std::net::IpAddr::from((0x0a00_0000 | host).to_be_bytes())),
                Limits::default(),
            )
        })
        .collect();
    let validity = Some(Validity { begin: 5, end: 9 });
    let ports = Vec::new();
    rows.push(("10.0.0.0/8".parse().unwrap(), Limits { validity, ports }));
    let (watchlist, approvals) = (watchlist(&rows), approvals(&[vec![], vec![]]));
    let places = Arc::new(Flat::everywhere(Place::Foreign));
    let compiled = compile(&watchlist, &approvals, places, 1, Moment::at(1));
    let affected = [IndicatorId(1_100)];
    assert_eq!(compiled.changed(&watchlist, &affected, Moment::at(5)), None);
}
