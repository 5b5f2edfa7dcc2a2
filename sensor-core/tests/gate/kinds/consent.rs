//! Consents and withdrawals.

use sensor_core::documents::Rule;

use crate::{table::Table, world::World};

const FILE: &str = "consent-2.toml";
const BARE: &str = "kind = \"consent\"\nnumber = 2\noperator = \"power\"\nwithdrawn = true\n";

pub(super) fn add(table: &mut Table) {
    let signature = table.setting.signature();
    table.replaced(
        Rule::Unbound,
        &[
            (
                "for what nobody is bound to",
                "133.20.0.0/17",
                "133.40.0.0/17",
                "does not bind to water",
            ),
            (
                "for another operator's prefix",
                "133.20.0.0/17",
                "133.10.0.0/17",
                "does not bind to water",
            ),
            (
                "for a broader prefix",
                "133.20.0.0/17",
                "133.20.0.0/15",
                "does not bind to water",
            ),
            (
                "for everything",
                "133.20.0.0/17",
                "0.0.0.0/0",
                "does not bind to water",
            ),
            (
                "for foreign space",
                "133.20.0.0/17",
                "8.8.8.0/24",
                "does not bind to water",
            ),
            (
                "for one more",
                "[\"133.20.0.0/17\"]",
                "[\"133.20.0.0/17\", \"133.10.0.0/24\"]",
                "consents for 133.10.0.0/24",
            ),
        ],
    );
    for (name, operator) in [("of another operator", "power"), ("of no operator", "gas")] {
        table.add(
            name,
            |world| {
                world.replace(FILE, "\"water\"", &format!("\"{operator}\""));
            },
            (&signature, Rule::Role, "and was signed by another"),
        );
    }
    table.add(
        "another operator withdraws",
        |world| {
            world.texts.insert(FILE.into(), BARE.into());
        },
        (
            &signature,
            Rule::Role,
            "is of operator/power and was signed by another",
        ),
    );
    table.add(
        "for what a longer prefix binds to another",
        |world| {
            let own = "[\"133.10.0.0/16\", \"2001:200:10::/48\"]";
            world.replace(
                "keyring-1.toml",
                own,
                "[\"133.10.0.0/16\", \"133.20.5.0/24\"]",
            );
            world.replace(FILE, "133.20.0.0/17", "133.20.5.0/25");
        },
        (FILE, Rule::Unbound, "does not bind to water"),
    );
    let until = "until = \"2027-03-01T00:00:00Z\"\n";
    let interface =
        "[[interface]]\nname = \"r0\"\nmac = \"02:00:00:00:00:01\"\nbus = \"virtual\"\n";
    table.forms(&[
        ("without an end", until, "", "says from and until"),
        (
            "ends before it begins",
            "2027-03-01",
            "2026-03-01",
            "until is not after from",
        ),
        (
            "ends when it begins",
            "2027-03-01",
            "2026-11-01",
            "until is not after from",
        ),
        (
            "begins without Z",
            "2026-11-01T00:00:00Z",
            "2026-11-01T00:00:00",
            "end with Z",
        ),
        ("without interfaces", interface, "", "interface is empty"),
        (
            "without prefixes",
            "prefixes = [\"133.20.0.0/17\"]\n",
            "",
            "prefixes is empty",
        ),
        (
            "prefix twice",
            "[\"133.20.0.0/17\"]",
            "[\"133.20.0.0/17\", \"133.20.0.0/17\"]",
            "twice",
        ),
        (
            "bits beyond",
            "133.20.0.0/17",
            "133.20.0.1/17",
            "bits beyond",
        ),
        (
            "withdrawn, and more",
            until,
            "withdrawn = true\n",
            "and says nothing else",
        ),
        (
            "withdrawn perhaps",
            until,
            "withdrawn = 1\n",
            "invalid type",
        ),
        (
            "operator in capitals",
            "\"water\"",
            "\"WATER\"",
            "is no name",
        ),
    ]);
    withdrawn(table);
    alone(table);
}

/// A withdrawal with any one thing more.
fn withdrawn(table: &mut Table) {
    for (name, more) in [
        ("prefixes", "prefixes = [\"133.20.0.0/17\"]\n"),
        (
            "interfaces",
            "\n[[interface]]\nname = \"r0\"\nmac = \"02:00:00:00:00:01\"\nbus = \"virtual\"\n",
        ),
        ("from", "from = \"2026-11-21T00:00:00Z\"\n"),
        ("until", "until = \"2026-12-21T00:00:00Z\"\n"),
        (
            "a case of its own",
            "\n[alone]\nfields = [\"ports\"]\nretention = \"P30D\"\nnecessity = \"attacks\"\n\
             \n[[alone.indicator]]\nprefix = \"8.8.8.8/32\"\n",
        ),
    ] {
        let text = BARE.replace("power", "water") + more;
        table.add(
            &format!("withdrawn, with {name}"),
            |world| {
                world.texts.insert(FILE.into(), text.clone());
            },
            (FILE, Rule::Form, "and says nothing else"),
        );
    }
}

fn alone(table: &mut Table) {
    let with = |text: &str| {
        let text = format!(
            "\n[alone]\nfields = [\"ports\"]\nretention = \"P30D\"\nnecessity = \"attacks\"\n{text}"
        );
        move |world: &mut World| {
            let own = world.texts[FILE].clone() + &text;
            world.texts.insert(FILE.into(), own);
        }
    };
    let one = |prefix: &str| format!("\n[[alone.indicator]]\nprefix = \"{prefix}\"\n");
    table.add(
        "alone, for nothing",
        with(""),
        (FILE, Rule::Form, "one of the two"),
    );
    let dashes = |world: &mut World| {
        with(&one("8.8.8.8/32"))(world);
        world.replace(FILE, "\"attacks\"", "\" \"");
    };
    table.add(
        "alone, without necessity",
        dashes,
        (FILE, Rule::Form, "it is empty"),
    );
    for (name, prefix, rule, says) in [
        (
            "alone, over-broad",
            "8.0.0.0/15",
            Rule::OverBroad,
            "broader than /16",
        ),
        (
            "alone, in excluded space",
            "9.1.1.1/32",
            Rule::Excluded,
            "excluded by exclusion 1",
        ),
    ] {
        table.add(name, with(&one(prefix)), (FILE, rule, says));
    }
    let never = |world: &mut World| {
        let until = "until = \"2026-11-01T00:00:00Z\"\n";
        with(&(one("8.8.8.8/32") + until))(world);
    };
    table.add(
        "alone, of what never counts",
        never,
        (
            FILE,
            Rule::Form,
            "this document begins at 2026-11-01T00:00:00Z",
        ),
    );
    let long = |world: &mut World| {
        with(&one("8.8.8.8/32"))(world);
        world.replace(FILE, "2027-03-01", "2028-03-01");
    };
    table.add(
        "alone, over-long",
        long,
        (FILE, Rule::OverLong, "for infrastructure from"),
    );
    let kept = |world: &mut World| {
        with(&one("8.8.8.8/32"))(world);
        world.replace(FILE, "P30D", "P91D");
    };
    table.add(
        "alone, kept too long",
        kept,
        (FILE, Rule::Retention, "longer than P90D"),
    );
    let feed = "\n[alone.feed]\nfile = \"none.txt\"\nsha256 = \"{{feed.txt}}\"\n\
                format = \"plain\"\ncount = 1\nset_sha256 = \"{{feed.txt}}\"\n";
    table.add(
        "alone, feed not there",
        with(feed),
        (FILE, Rule::Waits, "is not there"),
    );
    let here = feed.replace("none.txt", "feed.txt");
    table.add(
        "alone, feed with another set",
        with(&here),
        (FILE, Rule::FeedSet, "gives 3"),
    );
}
