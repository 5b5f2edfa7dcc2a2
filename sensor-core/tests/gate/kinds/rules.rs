//! Policies, territories, exclusions.

use sensor_core::documents::Rule;

use crate::{
    logged::put,
    table::{After, Table},
};

pub(super) fn policy(table: &mut Table) {
    table.forms(&[
        (
            "no signature",
            "transit = 2",
            "transit = 0",
            "needs one signature at least",
        ),
        (
            "less than no signature",
            "transit = 2",
            "transit = -1",
            "invalid value",
        ),
        (
            "no signatures for relay",
            "relay = 2\n",
            "",
            "say nothing of relay",
        ),
        (
            "no term for relay",
            "relay = \"P3M\"\n",
            "",
            "says nothing of relay",
        ),
        (
            "unknown class",
            "relay = 2\n",
            "relay = 2\ndomestic = 1\n",
            "a class is",
        ),
        (
            "transit for seven months",
            "\"P6M\"",
            "\"P7M\"",
            "longest term of transit",
        ),
        (
            "transit for half a year and a day",
            "\"P6M\"",
            "\"P182D\"",
            "longest term of transit",
        ),
        (
            "relay for four months",
            "\"P3M\"",
            "\"P4M\"",
            "longest term of relay",
        ),
        (
            "relay for a year",
            "\"P3M\"",
            "\"P1Y\"",
            "longest term of relay",
        ),
        (
            "standing for eight days",
            "\"P7D\"",
            "\"P8D\"",
            "a standing is good for P7D",
        ),
        (
            "standing for a week and a second",
            "\"P7D\"",
            "\"P7DT1S\"",
            "a standing is good for",
        ),
        (
            "term that is none",
            "\"P6M\"",
            "\"6 months\"",
            "is no period",
        ),
        (
            "no term at all",
            "\"P6M\"",
            "\"P0D\"",
            "a second to a hundred years",
        ),
        ("term backwards", "\"P6M\"", "\"-P6M\"", "is no period"),
        (
            "kept for ever",
            "\"P60D\"",
            "\"P200Y\"",
            "a second to a hundred years",
        ),
        (
            "without retention",
            "retention = \"P60D\"\n",
            "",
            "missing field `retention`",
        ),
        (
            "without the age of a territory",
            "territory_age = \"P30D\"\n",
            "",
            "missing field",
        ),
        (
            "without saying if a consent stands alone",
            "consent_alone = false\n",
            "",
            "missing",
        ),
        (
            "consent alone perhaps",
            "= false",
            "= \"no\"",
            "invalid type",
        ),
        (
            "class twice",
            "relay = 2\n",
            "relay = 2\nrelay = 1\n",
            "duplicate key",
        ),
        (
            "signatures with a fraction",
            "transit = 2",
            "transit = 2.5",
            "invalid type",
        ),
    ]);
    for (name, shortest) in [
        ("any prefix of IPv4", "ipv4 = 0"),
        ("a prefix of IPv4 that there is not", "ipv4 = 33"),
        ("any prefix of IPv6", "ipv6 = 0"),
        ("a prefix of IPv6 that there is not", "ipv6 = 129"),
    ] {
        let new = format!("[shortest]\n{shortest}\n\n[longest]");
        table.forms(&[(name, "[longest]", &new, "the shortest prefix is 1 to 32")]);
    }
    table.replaced(
        Rule::Unfulfillable,
        &[(
            "more signatures than overseers",
            "relay = 2",
            "relay = 5",
            "has 4 overseers",
        )],
    );
}

pub(super) fn territory(table: &mut Table) {
    table.forms(&[
        ("no domestic country", "[\"JP\"]", "[]", "have to ascend"),
        (
            "countries out of order",
            "[\"JP\"]",
            "[\"KR\", \"JP\"]",
            "have to ascend",
        ),
        (
            "day that there is not",
            "2026-11-21",
            "2026-02-30",
            "is no date",
        ),
        (
            "day with a time",
            "2026-11-21",
            "2026-11-21T00:00:00Z",
            "is no date",
        ),
        (
            "day in another form",
            "2026-11-21",
            "20261121",
            "is no date",
        ),
        (
            "without a day",
            "date = \"2026-11-21\"\n",
            "",
            "missing field `date`",
        ),
        (
            "row with bits beyond",
            "8.0.0.0/7",
            "8.1.0.0/7",
            "is no row",
        ),
        (
            "row in another place",
            "8.0.0.0/7 foreign",
            "8.0.0.0/7 abroad",
            "is no row",
        ),
        (
            "row written otherwise",
            "8.0.0.0/7 ",
            "8.0.0.0/07 ",
            "is no row",
        ),
        (
            "row of no source",
            "foreign 2:1",
            "foreign 9:1",
            "there is no source 9",
        ),
        ("row of no line", "foreign 2:1", "foreign 2:0", "is no row"),
        (
            "row that its source cannot give",
            "8.0.0.0/7 foreign 2",
            "8.0.0.0/7 domestic 2",
            "cannot be",
        ),
        (
            "rows out of order",
            "8.0.0.0/7 foreign",
            "200.0.0.0/7 foreign",
            "out of order",
        ),
        (
            "rows that overlap",
            "133.0.0.0/8",
            "9.0.0.0/8",
            "out of order",
        ),
        ("rows with escapes", "rows = '''", "rows = \"\"\"", "line "),
        (
            "source with another id",
            "id = 2",
            "id = 3",
            "sources count from 1",
        ),
        (
            "source of no kind",
            "kind = \"cidr\"",
            "kind = \"wiki\"",
            "is no kind of source",
        ),
    ]);
    table.add_left(
        "territory that is too old",
        |world| {
            world.replace("territory-2.toml", "2026-11-21", "2026-10-22");
        },
        ("", Rule::TerritoryAge, "older than P30D"),
        After::Nothing,
    );
    table.last_is_admitted();
    table.add_logged(
        "territory swapped for another",
        |papers, _| {
            let other = papers.folder.files["territory-1.toml"].to_vec();
            put(papers, "territory-2.toml", Some(other));
        },
        ("", Rule::Missing, "territory 2 with SHA-256"),
        After::Nothing,
    );
    table.add_logged(
        "older territory put back and the newer taken away",
        |papers, _| {
            papers
                .folder
                .files
                .retain(|name, _| !name.starts_with("territory-2"));
        },
        ("", Rule::Missing, "territory 2 with SHA-256"),
        After::Nothing,
    );
    table.add_left(
        "there is no territory",
        |world| {
            world.after(|files| files.retain(|name, _| !name.starts_with("territory-")));
        },
        ("", Rule::Waits, "nothing is recorded without a territory"),
        After::Nothing,
    );
}

pub(super) fn exclusion(table: &mut Table) {
    let own = "prefixes = [\"9.2.0.0/16\"]";
    table.forms(&[
        ("no prefixes", own, "prefixes = []", "prefixes is empty"),
        (
            "prefix twice",
            own,
            "prefixes = [\"9.2.0.0/16\", \"9.2.0.0/16\"]",
            "something twice",
        ),
        ("bits beyond", "9.2.0.0/16", "9.2.1.0/16", "bits beyond"),
        (
            "IPv4 in IPv6",
            "9.2.0.0/16",
            "::ffff:9.2.0.0/112",
            "IPv4 address in IPv6 form",
        ),
        (
            "no prefix",
            "9.2.0.0/16",
            "a newspaper",
            "neither an address nor a prefix",
        ),
        ("empty reason", "a newspaper", "", "it is empty"),
        ("reason of blanks", "a newspaper", "  ", "it is empty"),
        ("reason of dashes", "a newspaper", "---", "it is empty"),
        (
            "without a reason",
            "reason = \"a newspaper\"\n",
            "",
            "missing field `reason`",
        ),
        (
            "hash in capitals",
            own,
            "replaces = [\"AB\"]\nprefixes = []",
            "64 lower-case",
        ),
        (
            "until some day",
            own,
            "until = \"2027-01-01\"\nprefixes = []",
            "unknown field `until`",
        ),
    ]);
    for (name, other) in [
        ("no exclusion", "policy-1.toml"),
        ("what is not here", "feed.txt"),
    ] {
        let new = format!("replaces = [\"{{{{{other}}}}}\"]\nprefixes = []");
        let says = "which is no exclusion in force here";
        table.replaced(
            Rule::Waits,
            &[(&format!("in the place of {name}"), own, &new, says)],
        );
    }
}
