//! Standings and findings.

use sensor_core::documents::Rule;

use crate::{
    table::{After, Table},
    world::World,
};

pub(super) fn add(table: &mut Table) {
    table.replaced(
        Rule::OverLong,
        &[
            (
                "for eight days",
                "-27T00:00:00Z",
                "-28T00:00:00Z",
                "longer than P7D",
            ),
            (
                "for a second too long",
                "-27T00:00:00Z",
                "-27T00:00:01Z",
                "longer than P7D",
            ),
            ("for a year", "2026-11-27", "2027-11-27", "as policy 1"),
        ],
    );
    let revoked = "revoked = []";
    table.forms(&[
        (
            "ends before it begins",
            "2026-11-27",
            "2026-11-19",
            "until is not after from",
        ),
        (
            "begins without Z",
            "2026-11-20T00:00:00Z",
            "2026-11-20T00:00:00",
            "end with Z",
        ),
        ("without an end", "until =", "# ", "missing field `until`"),
        (
            "without a keyring",
            "keyring =",
            "# ",
            "missing field `keyring`",
        ),
        (
            "without a territory",
            "territory =",
            "# ",
            "missing field `territory`",
        ),
        (
            "without what was revoked",
            revoked,
            "",
            "missing field `revoked`",
        ),
        (
            "exclusion twice",
            "[\"{{exclusion-1.toml}}\"]",
            "[\"{{exclusion-1.toml}}\", \"{{exclusion-1.toml}}\"]",
            "something twice",
        ),
        (
            "hash that is none",
            revoked,
            "revoked = [\"R-1\"]",
            "64 lower-case",
        ),
    ]);
    let other = |what: &str| format!("names another {what}");
    let rows = [
        (
            "of another keyring",
            "{{keyring-1.toml}}",
            "{{policy-1.toml}}",
            other("keyring"),
        ),
        (
            "of another policy",
            "{{policy-1.toml}}",
            "{{feed.txt}}",
            other("policy"),
        ),
        (
            "of another territory",
            "{{territory-1.toml}}",
            "{{feed.txt}}",
            other("territory"),
        ),
        (
            "of another exclusion",
            "{{exclusion-1.toml}}",
            "{{feed.txt}}",
            other("set of exclusions"),
        ),
        (
            "of no exclusion",
            "\"{{exclusion-1.toml}}\"",
            "",
            other("set of exclusions"),
        ),
        (
            "of one more exclusion",
            "\"{{exclusion-1.toml}}\"",
            "\"{{exclusion-1.toml}}\", \"{{feed.txt}}\"",
            other("set of exclusions"),
        ),
        (
            "of a revocation that is not here",
            revoked,
            "revoked = [\"{{approval-1.toml}}\"]",
            "the revocation is not here".into(),
        ),
    ];
    for (name, old, new, says) in rows {
        let change = |world: &mut World| {
            world.replace("standing-2.toml", old, new);
        };
        let expected = ("", Rule::StandingOther, &*says);
        table.add_left(name, change, expected, After::Nothing);
        table.last_is_admitted();
    }
    table.add_left(
        "stale",
        |world| {
            let (until, passed) = ("2026-11-27T00:00:00Z", "2026-11-22T12:00:00Z");
            world.replace("standing-2.toml", until, passed);
        },
        ("", Rule::NoStanding, "ended at 2026-11-22T12"),
        After::Nothing,
    );
    table.last_is_admitted();
    table.add_left(
        "the first is of tomorrow",
        |world| {
            let (from, later) = ("2026-11-20T00:00:00Z", "2026-11-23T00:00:00Z");
            world.replace("standing-2.toml", from, later);
            world.texts.remove("standing-1.toml");
            world.signers.remove("standing-1.toml");
        },
        ("", Rule::NoStanding, "begins at 2026-11-23"),
        After::Nothing,
    );
    table.last_is_admitted();
    table.add_left(
        "there is none",
        |world| {
            world.texts.remove("standing-1.toml");
            world.texts.remove("standing-2.toml");
        },
        ("", Rule::NoStanding, "without a standing"),
        After::Nothing,
    );
    table.add_logged(
        "older one put back and the newer taken away",
        |papers, _| {
            papers
                .folder
                .files
                .retain(|name, _| !name.starts_with("standing-2"));
        },
        ("", Rule::Missing, "standing 2 with SHA-256"),
        After::Nothing,
    );
}

pub(super) fn finding(table: &mut Table) {
    let file = "finding-1.toml";
    let rest = "finding = \"notice\"\nconcerns = \"approval 1\"\npublic = \"an indicator was too broad\"\n";
    table.forms(&[
        (
            "without what it is",
            "finding = \"notice\"\n",
            "",
            "found says finding",
        ),
        (
            "without what it concerns",
            "concerns = \"approval 1\"\n",
            "",
            "found says finding",
        ),
        (
            "without a public part",
            "public = ",
            "# ",
            "found says finding",
        ),
        (
            "with an answer",
            rest,
            &format!("{rest}answer = \"no\"\n"),
            "found says finding",
        ),
        (
            "answered without what",
            "\"found\"",
            "\"answered\"",
            "answered says of and answer",
        ),
        (
            "closed without what",
            "\"found\"",
            "\"closed\"",
            "closed says of and public",
        ),
        (
            "step that there is not",
            "\"found\"",
            "\"lost\"",
            "unknown variant",
        ),
        (
            "that is none",
            "\"notice\"",
            "\"rumour\"",
            "unknown variant",
        ),
        (
            "at a time without Z",
            "T10:00:00Z",
            "T10:00:00",
            "end with Z",
        ),
        ("without a time", "at =", "# ", "missing field `at`"),
        (
            "empty public part",
            "an indicator was too broad",
            "",
            "it is empty",
        ),
    ]);
    let closed = "kind = \"finding\"\nnumber = 1\nstep = \"closed\"\nat = \"2026-11-22T10:00:00Z\"\n\
                  of = \"{{policy-1.toml}}\"\npublic = \"done\"\n";
    let answered = closed
        .replace("closed", "answered")
        .replace("public", "answer");
    for (name, text, who, rule, says) in [
        (
            "closes what is none",
            closed,
            "inspector/ken",
            Rule::Waits,
            "is no finding here",
        ),
        (
            "answers what is none",
            &answered,
            "carrier/isp",
            Rule::Waits,
            "is no finding here",
        ),
        (
            "closed by the carrier",
            closed,
            "carrier/isp",
            Rule::Role,
            "may not sign this",
        ),
        (
            "closed by the requester",
            closed,
            "requester/npa",
            Rule::Role,
            "may not sign this",
        ),
        (
            "answered by the inspector",
            &answered,
            "inspector/ken",
            Rule::Role,
            "may not sign this",
        ),
        (
            "answered by an overseer",
            &answered,
            "overseer/chi",
            Rule::Role,
            "may not sign this",
        ),
    ] {
        let change = |world: &mut World| {
            world.paper(file, &[who], text);
        };
        let refused = if rule == Rule::Role {
            crate::settings::beside(file, who)
        } else {
            file.to_owned()
        };
        table.add(name, change, (&refused, rule, says));
    }
}
