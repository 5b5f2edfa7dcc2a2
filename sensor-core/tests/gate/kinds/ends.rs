//! Revocations, stops, lifts.

use sensor_core::documents::Rule;

use crate::{
    settings::{STOP, beside},
    table::{After, Table},
    world::World,
};

pub(super) fn revocation(table: &mut Table) {
    let file = "revocation-1.toml";
    table.forms(&[
        ("of no hash", "{{approval-1.toml}}", "R-1", "64 lower-case"),
        ("of nothing", "revokes =", "# ", "missing field `revokes`"),
        ("empty reason", "it is no longer needed", "", "it is empty"),
        (
            "without a reason",
            "reason =",
            "# ",
            "missing field `reason`",
        ),
        (
            "of two",
            "reason =",
            "revokes = \"{{approval-2.toml}}\"\nreason =",
            "duplicate key",
        ),
    ]);
    let says_nothing = "is nothing of an operator here";
    for (name, of, rule, says) in [
        (
            "of a transit approval",
            "approval-1.toml",
            Rule::Waits,
            says_nothing,
        ),
        (
            "of a relay approval",
            "approval-3.toml",
            Rule::Waits,
            says_nothing,
        ),
        ("of what is not here", "feed.txt", Rule::Waits, says_nothing),
        ("of a policy", "policy-1.toml", Rule::Waits, says_nothing),
        (
            "of an approval of power",
            "approval-2.toml",
            Rule::Role,
            "revokes what is of power",
        ),
        (
            "of the consent of power",
            "consent-1.toml",
            Rule::Role,
            "revokes what is of power",
        ),
    ] {
        let change = |world: &mut World| {
            world.replace(file, "approval-1.toml", of);
            world.sign(file, &["operator/water"]);
        };
        table.add(&format!("by water {name}"), change, (file, rule, says));
    }
    for who in ["inspector/ken", "requester/npa"] {
        let signature = beside(file, who);
        let change = |world: &mut World| {
            world.sign(file, &[who]);
        };
        table.add(
            &format!("by {who}"),
            change,
            (&signature, Rule::Role, "may not sign"),
        );
    }
    table.add_logged(
        "taken away with its signature",
        |papers, _| {
            papers
                .folder
                .files
                .retain(|name, _| !name.starts_with("revocation-1"));
        },
        ("", Rule::Missing, "revocation 1 with SHA-256"),
        After::Nothing,
    );
}

pub(super) fn stop(table: &mut Table) {
    let file = "stop-1.toml";
    table.forms(&[
        (
            "empty reason",
            "the network is overloaded",
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
            "for a while",
            "reason =",
            "until = \"2026-12-01T00:00:00Z\"\nreason =",
            "unknown field",
        ),
        (
            "of one approval",
            "reason =",
            "stops = \"{{approval-1.toml}}\"\nreason =",
            "unknown",
        ),
    ]);
    let signature = beside(file, "inspector/ken");
    let change = |world: &mut World| {
        world.sign(file, &["inspector/ken"]);
    };
    table.add(
        "by an inspector",
        change,
        (&signature, Rule::Role, "may not sign this stop"),
    );
    for (name, who, rest) in [
        (
            "by power: only its own",
            "operator/power",
            &["R-1", "R-3"][..],
        ),
        (
            "by water: nothing of power",
            "operator/water",
            &["R-1", "R-2", "R-3"][..],
        ),
    ] {
        let change = |world: &mut World| {
            world.sign(file, &[who]);
            if who == "operator/water" {
                let text = crate::world::REQUEST_INFRASTRUCTURE.replace("number = 2", "number = 4");
                let text = text.replace("R-2", "R-4").replace("\"power\"", "\"water\"");
                world.paper("request-4.toml", &["requester/npa"], &text);
                let approval = crate::world::approval(4, "request-4.toml");
                world.paper(
                    "approval-4.toml",
                    &["overseer/ai", "overseer/bo"],
                    &approval,
                );
            }
        };
        let approval = if who == "operator/power" {
            "approval-2.toml"
        } else {
            "approval-4.toml"
        };
        let expected = (approval, Rule::Stopped, "stopped recording with stop 1");
        table.add_left(name, change, expected, After::InForce(rest));
        table.last_is_admitted();
    }
    for who in ["overseer/chi", "carrier/isp"] {
        let change = |world: &mut World| {
            world.sign(file, &[who]);
        };
        let expected = ("", Rule::Stopped, "recording was stopped by");
        table.add_left(
            &format!("by {who}: everything"),
            change,
            expected,
            After::Nothing,
        );
        table.last_is_admitted();
    }
    table.add_logged(
        "taken away with its signature",
        |papers, _| {
            papers
                .folder
                .files
                .retain(|name, _| !name.starts_with("stop-1"));
        },
        ("", Rule::Missing, "stop 1 with SHA-256"),
        After::Nothing,
    );
}

pub(super) fn lift(table: &mut Table) {
    let file = "lift-1.toml";
    table.forms(&[
        ("of no hash", "{{stop-1.toml}}", "stop 1", "64 lower-case"),
        ("of nothing", "lifts =", "# ", "missing field `lifts`"),
        ("empty reason", "it was looked into", "", "it is empty"),
        (
            "without a reason",
            "reason =",
            "# ",
            "missing field `reason`",
        ),
    ]);
    for (name, of) in [
        ("of what is no stop", "approval-1.toml"),
        ("of what is not here", "feed.txt"),
        ("of a policy", "policy-1.toml"),
    ] {
        let new = format!("{{{{{of}}}}}");
        let says = "which is no stop here";
        table.replaced(Rule::Waits, &[(name, "{{stop-1.toml}}", &new, says)]);
    }
    for who in [
        "carrier/isp",
        "operator/power",
        "inspector/ken",
        "requester/npa",
    ] {
        let signature = beside(file, who);
        let change = |world: &mut World| {
            world.sign(file, &["overseer/ai", who]);
        };
        let says = "may not sign this lift";
        table.add(
            &format!("by one overseer and {who}"),
            change,
            (&signature, Rule::Role, says),
        );
    }
    table.add_left(
        "of one stop of two",
        |world| {
            let text = STOP.replace("number = 1", "number = 2");
            world.paper("stop-2.toml", &["overseer/chi"], &text);
        },
        (
            "",
            Rule::Stopped,
            "recording was stopped by overseer/chi with stop 2",
        ),
        After::Nothing,
    );
    table.last_is_admitted();
}
