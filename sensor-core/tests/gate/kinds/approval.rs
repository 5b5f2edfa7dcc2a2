//! Approvals and refusals.

use sensor_core::documents::{Kind, Rule};

use crate::{
    settings::beside,
    table::{After, EARLIER, Table},
    world::{OTHER_LOG_KEY, World, approval, key, keyring, line, line_with},
};

const FILE: &str = "approval-4.toml";
const REQUEST: &str = "request-4.toml";

pub(super) fn add(table: &mut Table) {
    asked(table);
    conditions(table);
    answers(table);
    two_keyrings(table);
    table.forms(&[
        (
            "empty reason",
            "necessary and proportionate",
            "",
            "it is empty",
        ),
        (
            "without a reason",
            "reason =",
            "# ",
            "missing field `reason`",
        ),
        (
            "neither granted nor refused",
            "\"granted\"",
            "\"perhaps\"",
            "unknown variant",
        ),
        (
            "without a request",
            "request =",
            "# ",
            "missing field `request`",
        ),
        (
            "hash of a request cut off",
            "{{request-4.toml}}",
            "abcdef",
            "64 lower-case",
        ),
        (
            "two requests",
            "reason =",
            "request = \"{{request-1.toml}}\"\nreason =",
            "duplicate key",
        ),
        (
            "refused with conditions",
            "\"granted\"",
            "\"refused\"\n#",
            "line ",
        ),
    ]);
    table.cases.pop();
    table.replaced(
        Rule::Waits,
        &[
            (
                "of what is no request",
                "{{request-4.toml}}",
                "{{policy-1.toml}}",
                "is not here yet",
            ),
            (
                "of what is not here",
                "{{request-4.toml}}",
                "{{feed.txt}}",
                "is not here yet",
            ),
        ],
    );
    table.add(
        "fewer signatures than the policy wants",
        |world| {
            world.replace("policy-1.toml", "transit = 2", "transit = 3");
        },
        (FILE, Rule::TooFew, "has 2 of 3"),
    );
}

/// What was asked for is more than may be had.
fn asked(table: &mut Table) {
    let own = "\"SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"";
    let other = format!("\"{OTHER_LOG_KEY}\"");
    let rows = [
        (
            "over-long by months",
            Rule::OverLong,
            "2027-02-21",
            "2027-06-21",
            "for transit from",
        ),
        (
            "over-long by a second",
            Rule::OverLong,
            "2027-02-21T00:00:00Z",
            "2027-05-21T00:00:01Z",
            "may last until 2027-05-21T00:00:00Z",
        ),
        (
            "over-long by years",
            Rule::OverLong,
            "2027-02-21",
            "2037-02-21",
            "as policy 1",
        ),
        (
            "over-broad",
            Rule::OverBroad,
            "9.9.9.0/24",
            "8.0.0.0/15",
            "broader than /16",
        ),
        (
            "everything",
            Rule::OverBroad,
            "9.9.9.0/24",
            "0.0.0.0/0",
            "broader than /16",
        ),
        (
            "over-broad in IPv6",
            Rule::OverBroad,
            "9.9.9.0/24",
            "2a00::/31",
            "broader than /32",
        ),
        (
            "kept too long",
            Rule::Retention,
            "P30D",
            "P91D",
            "longer than P90D",
        ),
        (
            "kept for a year",
            Rule::Retention,
            "P30D",
            "P1Y",
            "longer than P90D",
        ),
        (
            "for another sensor",
            Rule::Sensor,
            own,
            &other,
            "is for other sensors",
        ),
        (
            "in excluded space",
            Rule::Excluded,
            "9.9.9.0/24",
            "9.1.2.0/24",
            "excluded by exclusion 1",
        ),
        (
            "excluded as a whole",
            Rule::Excluded,
            "9.9.9.0/24",
            "9.1.0.0/16",
            "excluded by",
        ),
        (
            "one excluded address",
            Rule::Excluded,
            "9.9.9.0/24",
            "9.1.2.3/32",
            "excluded by",
        ),
        (
            "domestic and excluded",
            Rule::Excluded,
            "9.9.9.0/24",
            "133.30.1.0/24",
            "excluded by",
        ),
        (
            "domestic",
            Rule::Domestic,
            "9.9.9.0/24",
            "133.5.5.5/32",
            "which is domestic by",
        ),
        (
            "domestic of an operator",
            Rule::Domestic,
            "9.9.9.0/24",
            "133.10.0.0/24",
            "is domestic by",
        ),
        (
            "domestic in IPv6",
            Rule::Domestic,
            "9.9.9.0/24",
            "2001:200:1::/48",
            "is domestic by",
        ),
    ];
    for (name, rule, old, new, says) in rows {
        let change = |world: &mut World| {
            world.replace(REQUEST, old, new);
        };
        table.add(name, change, (FILE, rule, says));
    }
    let evidence = "evidence = { attack = \"A\", when = \"2026-10-01T00:00:00Z\", source = \"B\" }";
    for (name, prefix, rule, says) in [
        (
            "relay by a domestic network",
            "133.5.5.0/24",
            Rule::Domestic,
            "/32 or /128",
        ),
        (
            "relay by a domestic network of IPv6",
            "2001:200:1::/64",
            Rule::Domestic,
            "/32 or /128",
        ),
        (
            "relay by two domestic addresses",
            "133.5.5.4/31",
            Rule::Domestic,
            "/32 or /128",
        ),
    ] {
        let change = |world: &mut World| {
            let relay = crate::world::REQUEST_RELAY.replace("number = 3", "number = 4");
            let relay = relay.replace("R-3", "R-4").replace("133.5.5.5/32", prefix);
            world.texts.insert(REQUEST.into(), relay);
        };
        table.add(name, change, (FILE, rule, says));
    }
    let change = |world: &mut World| {
        let relay = crate::world::REQUEST_RELAY.replace("number = 3", "number = 4");
        let relay = relay
            .replace("R-3", "R-4")
            .replace("2027-01-21", "2027-02-22");
        assert!(relay.contains("evidence") && evidence.len() > 9);
        world.texts.insert(REQUEST.into(), relay);
    };
    table.add(
        "relay over-long",
        change,
        (FILE, Rule::OverLong, "for relay from"),
    );
}

fn conditions(table: &mut Table) {
    let with = |text: &str| {
        let text = format!("proportionate\"\n\n[conditions]\n{text}\n#\"");
        move |world: &mut World| {
            world.replace(FILE, "proportionate\"", &text);
        }
    };
    let wider = [
        ("from", "from = \"2026-11-20T23:59:59Z\"", "condition from"),
        (
            "from after the end",
            "from = \"2027-02-21T00:00:00Z\"",
            "condition from",
        ),
        (
            "until",
            "until = \"2027-02-21T00:00:01Z\"",
            "condition until",
        ),
        (
            "direction",
            "direction = [\"inbound\"]",
            "condition direction",
        ),
        (
            "one more direction",
            "direction = [\"through\", \"inbound\"]",
            "condition direction",
        ),
        (
            "sensors",
            &format!("sensors = [\"{OTHER_LOG_KEY}\"]"),
            "condition sensors",
        ),
        (
            "interfaces",
            "interfaces = [\"r1\"]",
            "condition interfaces",
        ),
        (
            "fields",
            "fields = [\"ports\", \"tcp_flags\"]",
            "condition fields",
        ),
        ("retention", "retention = \"P31D\"", "condition retention"),
        (
            "indicators",
            "indicators = [\"9.9.0.0/16\"]",
            "condition indicators",
        ),
        (
            "one more indicator",
            "indicators = [\"8.8.8.8/32\", \"1.1.1.1/32\"]",
            "condition ind",
        ),
        (
            "a narrower indicator",
            "indicators = [\"9.9.9.9/32\"]",
            "condition indicators",
        ),
    ];
    for (name, text, says) in wider {
        table.add(
            &format!("condition: {name}"),
            with(text),
            (FILE, Rule::Condition, says),
        );
    }
    let bad = [
        ("no direction", "direction = []", "direction is empty"),
        ("no indicators", "indicators = []", "indicators is empty"),
        (
            "sensor twice",
            "sensors = [\"x\", \"x\"]",
            "a fingerprint is",
        ),
        ("that there is not", "severity = \"low\"", "unknown field"),
        ("without Z", "until = \"2027-01-01T00:00:00\"", "end with Z"),
        (
            "with tunnels perhaps",
            "no_tunnels = \"no\"",
            "invalid type",
        ),
    ];
    for (name, text, says) in bad {
        table.add(
            &format!("condition: {name}"),
            with(text),
            (FILE, Rule::Form, says),
        );
    }
    let refused = |world: &mut World| {
        with("no_tunnels = true")(world);
        world.replace(FILE, "\"granted\"", "\"refused\"");
    };
    table.add(
        "refused under conditions",
        refused,
        (FILE, Rule::Form, "has no conditions"),
    );
}

fn answers(table: &mut Table) {
    let refusal = approval(3, REQUEST)
        .replace("granted", "refused")
        .replace("= 3", "= 4");
    let granted = approval(4, REQUEST);
    table.add(
        "after a refusal",
        |world| {
            world.paper("approval-x.toml", &["overseer/chi"], &refusal);
            world.replace(FILE, "number = 4", "number = 5");
        },
        (FILE, Rule::Refused, "a refusal is final"),
    );
    table.add(
        "before a refusal",
        |world| {
            let later = refusal.replace("= 4", "= 5");
            world.paper("approval-x.toml", &["overseer/chi"], &later);
        },
        (FILE, Rule::Refused, "was refused by approval 5"),
    );
    table.last_is_admitted();
    table.add(
        "second answer to one request",
        |world| {
            world.paper("approval-x.toml", &["overseer/ai", "overseer/bo"], &granted);
            world.replace(FILE, "number = 4", "number = 5");
        },
        (
            FILE,
            Rule::Twice,
            "was answered by approval 4 (approval-x.toml)",
        ),
    );
    table.add_left(
        "revoked",
        |world| {
            let text = crate::settings::REVOCATION.replace("approval-1", "approval-4");
            world.paper("revocation-1.toml", &["carrier/isp"], &text);
        },
        (FILE, Rule::Revoked, "was revoked by revocation 1"),
        After::InForce(&["R-1", "R-2", "R-3"]),
    );
    table.last_is_admitted();
    for (name, old, new, rule, says) in [
        (
            "its time is over",
            "2027-02-21",
            "2026-11-22",
            Rule::Ended,
            "ended at 2026-11-22",
        ),
        (
            "its time has not come",
            "2026-11-21",
            "2026-11-23",
            Rule::NotYet,
            "begins at 2026-11-23",
        ),
    ] {
        table.add_left(
            name,
            |world| {
                world.replace(REQUEST, old, new);
            },
            (FILE, rule, says),
            After::InForce(&["R-1", "R-2", "R-3"]),
        );
        table.last_is_admitted();
    }
    for (name, operator, interface, says) in [
        (
            "of an operator that has not consented",
            "water",
            "r0",
            "water has not consented",
        ),
        ("of no operator", "gas", "r0", "gas has not consented"),
        (
            "on interfaces without consent",
            "power",
            "r1",
            "for none of its interfaces",
        ),
    ] {
        table.add_left(
            name,
            |world| {
                let text = crate::world::REQUEST_INFRASTRUCTURE.replace("number = 2", "number = 4");
                let text = text
                    .replace("R-2", "R-4")
                    .replace("\"power\"", &format!("\"{operator}\""));
                let text = text.replace("\"r0\"", &format!("\"{interface}\""));
                world.texts.insert(REQUEST.into(), text);
            },
            (FILE, Rule::NoConsent, says),
            After::InForce(&["R-1", "R-2", "R-3"]),
        );
        table.last_is_admitted();
    }
}

/// The requester of one keyring is an overseer of the next.
fn two_keyrings(table: &mut Table) {
    let npa = "requester/npa";
    let all = line(npa, "");
    for (name, requester, overseer, with) in [
        (
            "the requester's key is an overseer's now",
            line_with(npa, "", &key("npa-2")),
            "overseer/zen",
            npa,
        ),
        (
            "the requester's name is an overseer's now",
            String::new(),
            "overseer/npa",
            "npa-3",
        ),
    ] {
        let mut before = table.setting.world.clone();
        before.without(&[FILE]);
        before.texts.remove(FILE);
        before.signers.remove(FILE);
        let logged = before.papers().seen(&[], EARLIER).arrivals;
        let change = |world: &mut World| {
            let own = world.texts["allowed_signers"].clone();
            let kept = own.split_inclusive('\n');
            let kept: String = kept.filter(|line| !line.starts_with(npa)).collect();
            let more = line_with(overseer, "", &key(with));
            assert!(own.contains(&all));
            world.file("allowed_signers-2", &(kept + &requester + &more));
            let text = keyring(2, Some("keyring-1.toml"));
            let text = text.replace("{{allowed_signers}}", "{{allowed_signers-2}}");
            world.paper("keyring-2.toml", &["overseer/ai", "overseer/bo"], &text);
            world.sign(FILE, &["overseer/ai", overseer]);
            world.signing(FILE, |signing| {
                if signing.principal == overseer {
                    signing.key = with.into();
                }
            });
        };
        table.add(name, change, (FILE, Rule::TooFew, "has 1 of 2"));
        table.cases.last_mut().unwrap().logged = logged;
    }
    let signature = beside(FILE, "overseer/zen");
    table.add(
        "an overseer that no keyring names",
        |world| {
            world.file("allowed_signers-9", &line("overseer/zen", ""));
            world.sign(FILE, &["overseer/ai", "overseer/zen"]);
        },
        (&signature, Rule::UnknownKey, "of nobody here"),
    );
    assert_eq!(table.setting.of.kind(), Kind::Approval);
}
