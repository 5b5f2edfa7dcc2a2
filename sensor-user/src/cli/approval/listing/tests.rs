//! What is listed of made-up kernels.

use sensor_common::{Fields, SLOTS, Stat, Verdict, WIRE_VERSION};

use super::*;
use crate::{
    places::{Layers, Operator, OperatorId},
    watchlist::{Approval, ApprovalId, Scope, Validity, Watchlist, in_order},
};

const SECOND: u64 = 1_000_000_000;
const NOW: u64 = 1_000 * SECOND;

fn terms(begin: u64, end: u64) -> Slot {
    Slot {
        begin: begin * SECOND,
        end: end.saturating_mul(SECOND),
        interfaces: 0b11,
        own_addresses_only: 0,
        epoch: 1,
        fields: Fields::ALL,
        operator: 0,
        classes: 0b001,
        directions: 0b100,
        reserved: [0; 6],
    }
}

fn approval(name: &str, terms: Slot) -> Approval {
    Approval {
        id: ApprovalId(name.into()),
        validity: Validity { begin: 0, end: 1 },
        scope: Scope::All,
        handling: std::sync::Arc::default(),
        tunnels: Vec::new(),
        terms,
    }
}

fn loaded(approvals: &[Approval]) -> Loaded {
    let interface = |name: &str, index, slot| crate::loaded::Interface {
        name: name.into(),
        index,
        slot,
    };
    Loaded {
        run: 7,
        wire_version: WIRE_VERSION,
        boot_id: "2e84fa73-6b6d-490d-86da-6b00b63df503".into(),
        unix_at_boot: 7,
        generation: 4,
        moments: Vec::new(),
        lab: false,
        interfaces: vec![interface("eth0", 3, 0), interface("eth1", 4, 1)],
        own_addresses: Vec::new(),
        approvals: in_order(approvals),
        layers: Layers {
            operators: vec![Operator {
                id: OperatorId("denryoku".into()),
                prefixes: Vec::new(),
            }],
            ..Layers::lab()
        },
        watchlist: Watchlist::default(),
    }
}

/// A kernel that holds these slots, attended for 19 seconds more.
fn view(slots: &[Slot]) -> View {
    let mut all = vec![Slot::default(); SLOTS as usize];
    all[..slots.len()].copy_from_slice(slots);
    View {
        has_agent: true,
        generation: 4,
        attended_until: NOW + 19 * SECOND,
        slots: all,
        slot_counts: vec![SlotCounts::default(); SLOTS as usize],
        counters: [0; Stat::COUNT],
        interfaces: vec![(3, 0), (4, 1)],
    }
}

fn listing(view: &View, snapshot: Result<&Loaded, &str>) -> Listing {
    Listing::of(&Sources {
        view,
        snapshot,
        now: NOW,
        clock: Clock {
            unix_at_boot: 1_790_000_000 * SECOND,
        },
    })
}

/// Every state, operators, own addresses, counts, and an end that the kernel has narrowed.
fn various() -> (View, Loaded) {
    let approvals = [
        approval("transit-7", terms(0, 1_598)),
        approval(
            "grid-2",
            Slot {
                operator: 1,
                classes: 0b010,
                directions: 0b011,
                ..terms(10, 4_000)
            },
        ),
        approval("relay-in-march", terms(90_000, u64::MAX)),
        approval("transit-6", terms(0, 988)),
    ];
    let loaded = loaded(&approvals);
    let mut slots = approvals.map(|approval| approval.terms);
    slots[1].end = 2_000 * SECOND;
    slots[1].interfaces = 0b01;
    let mut view = view(&slots);
    let mut count = |slot: usize, verdict, packets| {
        view.slot_counts[slot].packets[SlotCounts::cell(verdict).unwrap()] = packets;
    };
    count(0, Verdict::Recorded, 120_481);
    count(0, Verdict::Direction, 12);
    count(0, Verdict::Unattended, 3);
    count(1, Verdict::Recorded, 77);
    count(1, Verdict::Interface, 1);
    count(3, Verdict::Expired, 9_000_000);
    (view, loaded)
}

#[test]
fn a_table_of_every_state() {
    let (view, loaded) = various();
    insta::assert_snapshot!(listing(&view, Ok(&loaded)), @r"
    A sensor is running; attended for 19 s more.
    generation 4 on eth0 and eth1; packets are counted since it began.

    SLOT  APPROVAL        STATE     TIME LEFT        RECORDED
       0  transit-7       in force  9m 58s             120481
          transit; through; on eth0, eth1
          from before this boot to 2026-09-21 14:39:58 UTC
          not recorded: 12 direction, 3 unattended
       1  grid-2          in force  16m 40s                77
          infrastructure; inbound, outbound; on eth0; operator denryoku
          from 2026-09-21 14:13:30 UTC to 2026-09-21 14:46:40 UTC
          not recorded: 1 interface
          the snapshot has end 2026-09-21 15:20:00 UTC and other interfaces: the kernel's value counts
       2  relay-in-march  waiting   begins in 1d 0h         0
          transit; through; on eth0, eth1
          from 2026-09-22 15:13:20 UTC to never
       3  transit-6       ended     -                       0
          transit; through; on eth0, eth1
          from before this boot to 2026-09-21 14:29:48 UTC
          not recorded: 9000000 expired
    ");
}

#[test]
fn without_a_snapshot_slots_are_named_by_their_numbers() {
    let (view, _) = various();
    insta::assert_snapshot!(listing(&view, Err("no snapshot of generation 4 in /run/sekisho")), @r"
    A sensor is running; attended for 19 s more.
    generation 4 on index 3 and index 4; packets are counted since it began.

    SLOT  APPROVAL                STATE     TIME LEFT        RECORDED
       0  slot 0 of generation 4  in force  9m 58s             120481
          transit; through; on index 3, index 4
          from before this boot to 2026-09-21 14:39:58 UTC
          not recorded: 12 direction, 3 unattended
       1  slot 1 of generation 4  in force  16m 40s                77
          infrastructure; inbound, outbound; on index 3; operator number 1
          from 2026-09-21 14:13:30 UTC to 2026-09-21 14:46:40 UTC
          not recorded: 1 interface
       2  slot 2 of generation 4  waiting   begins in 1d 0h         0
          transit; through; on index 3, index 4
          from 2026-09-22 15:13:20 UTC to never
       3  slot 3 of generation 4  ended     -                       0
          transit; through; on index 3, index 4
          from before this boot to 2026-09-21 14:29:48 UTC
          not recorded: 9000000 expired

    Note: no snapshot of generation 4 in /run/sekisho.
    ");
}

#[test]
fn when_the_agent_is_dead_and_its_lease_has_passed() {
    let (mut view, mut loaded) = various();
    view.has_agent = false;
    view.attended_until = NOW - 312 * SECOND;
    insta::assert_snapshot!(listing(&view, Ok(&loaded)), @r"
    No sensor is running; its lease ended 5m 12s ago, so nothing is recorded.
    generation 4 on eth0 and eth1; packets are counted since it began.

    SLOT  APPROVAL        STATE       TIME LEFT        RECORDED
       0  transit-7       unattended  9m 58s             120481
          transit; through; on eth0, eth1
          from before this boot to 2026-09-21 14:39:58 UTC
          not recorded: 12 direction, 3 unattended
       1  grid-2          unattended  16m 40s                77
          infrastructure; inbound, outbound; on eth0; operator denryoku
          from 2026-09-21 14:13:30 UTC to 2026-09-21 14:46:40 UTC
          not recorded: 1 interface
          the snapshot has end 2026-09-21 15:20:00 UTC and other interfaces: the kernel's value counts
       2  relay-in-march  waiting     begins in 1d 0h         0
          transit; through; on eth0, eth1
          from 2026-09-22 15:13:20 UTC to never
       3  transit-6       ended       -                       0
          transit; through; on eth0, eth1
          from before this boot to 2026-09-21 14:29:48 UTC
          not recorded: 9000000 expired
    ");
    loaded.lab = true;
    let rows = listing(&view, Ok(&loaded)).rows;
    let states: Vec<(State, Option<&str>)> = rows.iter().map(|r| (r.state, r.remark)).collect();
    let ran_out = (State::Ended, Some("its lease ran out"));
    assert_eq!(states, [ran_out, ran_out, ran_out, (State::Ended, None)]);
}

#[test]
fn lab_is_known_without_a_snapshot_by_its_operators() {
    let lab = Slot {
        operator: Slot::ANY_OPERATOR,
        ..terms(0, 4_000)
    };
    let mut view = view(&[lab]);
    let state = |view: &View| listing(view, Err("none")).rows[0].state;
    assert_eq!(state(&view), State::InForce);
    view.attended_until = NOW;
    assert_eq!(state(&view), State::Ended);
    // One that has not attended yet has no lease that ran out.
    view.attended_until = 0;
    assert_eq!(state(&view), State::Unattended);
}

#[test]
fn a_lab_approval_whose_lease_ran_out() {
    let lab = Slot {
        operator: Slot::ANY_OPERATOR,
        classes: 0b111,
        directions: 0b111,
        own_addresses_only: 0b10,
        ..terms(500, 4_000)
    };
    let mut loaded = loaded(&[approval("lab", lab)]);
    loaded.lab = true;
    let mut view = view(&[lab]);
    view.has_agent = false;
    view.attended_until = NOW - SECOND;
    insta::assert_snapshot!(listing(&view, Ok(&loaded)), @r"
    No sensor is running; its lease ended 1 s ago, so nothing is recorded.
    LAB: generation 4 on eth0 and eth1; packets are counted since it began.

    SLOT  APPROVAL  STATE  TIME LEFT  RECORDED
       0  lab       ended  -                 0
          transit, infrastructure, relay; inbound, outbound, through; on eth0, eth1; this host's own
            addresses only on eth1
          from 2026-09-21 14:21:40 UTC to 2026-09-21 15:20:00 UTC; its lease ran out
    ");
}

#[test]
fn leases_are_reckoned_as_the_kernel_does() {
    for (until, lease) in [
        (0, Lease::Never),
        (NOW - 1, Lease::Past(1)),
        (NOW, Lease::Past(0)),
        (NOW + 1, Lease::Left(1)),
        (NOW + LEASE_LIMIT, Lease::Left(LEASE_LIMIT)),
        (NOW + LEASE_LIMIT + 1, Lease::TooFar),
        (u64::MAX, Lease::TooFar),
    ] {
        assert_eq!(Lease::of(until, NOW), lease, "{until}");
    }
}

#[test]
fn nothing_in_force_and_nothing_yet() {
    let mut view = view(&[]);
    insta::assert_snapshot!(listing(&view, Ok(&loaded(&[]))), @r"
    A sensor is running; attended for 19 s more.
    generation 4 on eth0 and eth1; packets are counted since it began.

    No approval is in the kernel: nothing is recorded.
    ");
    view.generation = 0;
    view.attended_until = 0;
    view.interfaces.clear();
    insta::assert_snapshot!(listing(&view, Err("no snapshot")), @r"
    A sensor is running; it promises no attendance now, so nothing is recorded.
    No generation is in force yet.

    No approval is in the kernel: nothing is recorded.
    ");
}

#[test]
fn what_differs_is_told_and_the_kernel_counts() {
    let all = ["narrowed", "gone", "replaced"];
    let loaded = loaded(&all.map(|name| approval(name, terms(0, 4_000))));
    let narrowed = Slot {
        classes: 0b111,
        fields: Fields::NONE,
        begin: u64::MAX,
        end: 0,
        interfaces: 0b1_0000_0001,
        ..terms(0, 0)
    };
    let replaced = Slot {
        epoch: 2,
        ..terms(0, 4_000)
    };
    let mut view = view(&[narrowed, Slot::default(), replaced]);
    view.interfaces = vec![(3, 0)];
    let listing = listing(&view, Ok(&loaded));
    // Nobody's name stands at another's slot.
    assert!(!listing.rows[2].is_named);
    insta::assert_snapshot!(listing, @r"
    A sensor is running; attended for 19 s more.
    generation 4 on eth0; packets are counted since it began.

    SLOT  APPROVAL                STATE     TIME LEFT  RECORDED
       0  narrowed                ended     -                 0
          transit, infrastructure, relay; through; on eth0, interface slot 8
          from never to before this boot
          the snapshot has begin before this boot, end 2026-09-21 15:20:00 UTC, other interfaces, other
            fields and other classes: the kernel's value counts
       1  gone                    ended     -                 0
          none; none; on no interface
          from before this boot to before this boot
          the snapshot has approval gone of epoch 1: the kernel's value counts
       2  slot 2 of generation 4  in force  50m 0s            0
          transit; through; on eth0, eth1 (no longer watched)
          from before this boot to 2026-09-21 15:20:00 UTC
          the snapshot has approval replaced of epoch 1: the kernel's value counts
    ");
}

#[test]
fn long_lists_are_divided_and_names_move_no_cursor() {
    let mut loaded = loaded(&[approval(
        "evil\u{1b}[2J\nname",
        Slot {
            interfaces: u64::MAX,
            ..terms(0, 4_000)
        },
    )]);
    loaded.interfaces = (0..64)
        .map(|slot| crate::loaded::Interface {
            name: format!("enp{slot}s0f0np0"),
            index: u32::from(slot) + 2,
            slot,
        })
        .collect();
    let mut view = view(&[loaded.approvals[0].approval.terms]);
    view.interfaces = (0..64).map(|slot| (slot + 2, slot)).collect();
    let text = listing(&view, Ok(&loaded)).to_string();
    for line in text.lines() {
        assert!(line.chars().count() <= 100, "{text}");
        assert!(!line.contains(char::is_control), "{text}");
    }
    assert!(text.contains("enp63s0f0np0"), "{text}");
}

#[test]
fn json() {
    let (view, loaded) = various();
    let mut value = serde_json::to_value(listing(&view, Ok(&loaded))).unwrap();
    let approvals = value["approvals"].take();
    let approvals = approvals.as_array().unwrap();
    let names: Vec<&str> = (approvals.iter())
        .map(|approval| approval["name"].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        ["transit-7", "grid-2", "relay-in-march", "transit-6"]
    );
    // A line for each member, of the second approval and then of the rest.
    let members = [&approvals[1], &value].map(|object| object.as_object().unwrap());
    let lines = members.into_iter().flatten();
    let lines: Vec<String> = lines
        .map(|(name, member)| format!("{name}: {member}"))
        .collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    begin: "2026-09-21T14:13:30Z"
    begin_boot_ns: 10000000000
    classes: ["infrastructure"]
    differs: [{"kernel":"2026-09-21 14:46:40 UTC","snapshot":"2026-09-21 15:20:00 UTC","what":"end"},{"kernel":null,"snapshot":null,"what":"interfaces"}]
    directions: ["inbound","outbound"]
    end: "2026-09-21T14:46:40Z"
    end_boot_ns: 2000000000000
    epoch: 1
    fields: ["ports","protocol","tcp_flags","ttl","vlan","fragment"]
    interfaces: ["eth0"]
    lab: false
    left_ns: 1000000000000
    name: "grid-2"
    not_recorded: {"class":0,"direction":0,"expired":0,"interface":1,"not_yet":0,"unapproved":0,"unattended":0}
    operator: "denryoku"
    own_addresses_only: []
    recorded: 77
    remark: null
    slot: 1
    state: "in_force"
    approvals: null
    boot_ns: 1000000000000
    generation: 4
    interfaces: [{"index":3,"name":"eth0","slot":0},{"index":4,"name":"eth1","slot":1}]
    lab: false
    note: null
    sensor: {"attended":true,"attended_left_ns":19000000000,"attended_until":"2026-09-21T14:30:19Z","attended_until_boot_ns":1019000000000,"running":true}
    time: "2026-09-21T14:30:00Z"
    "#);
}
