//! Requests.

use sensor_core::documents::Rule;

use crate::{
    table::Table,
    world::{World, with_feed},
};

const FILE: &str = "request-4.toml";

pub(super) fn add(table: &mut Table) {
    texts(table);
    limits(table);
    lists(table);
    feeds(table);
    table.replaced(
        Rule::Id,
        &[(
            "id that is taken",
            "\"R-4\"",
            "\"R-1\"",
            "the id R-1 is taken",
        )],
    );
    let signature = table.setting.signature();
    table.add(
        "of another requester",
        |world| {
            world.replace(FILE, "requester = \"npa\"", "requester = \"moj\"");
        },
        (
            &signature,
            Rule::Role,
            "is of requester/moj and was signed by another",
        ),
    );
}

fn limits(table: &mut Table) {
    let prefix = "prefix = \"8.8.8.8/32\"";
    let never = "it would never count; leave it out, or give it another";
    for (name, with, says) in [
        (
            "an indicator on no port",
            "ports = []",
            "ports is empty; leave it out for an indicator on any port",
        ),
        (
            "a port without its protocol",
            "ports = [\"443\"]",
            "'443' is no port; write it as tcp/443",
        ),
        (
            "a port twice",
            "ports = [\"tcp/443\", \"6/443\"]",
            "tcp/443 is named twice",
        ),
        (
            "ports that are not read",
            "ports = [\"47/5000\"]",
            "'47/5000' would never count",
        ),
        (
            "an indicator that ends before it begins",
            "from = \"2026-12-02T00:00:00Z\"\nuntil = \"2026-12-01T00:00:00Z\"",
            "until of 8.8.8.8/32 is not after its from",
        ),
        (
            "an indicator for no time",
            "from = \"2026-12-01T00:00:00Z\"\nuntil = \"2026-12-01T00:00:00Z\"",
            "until of 8.8.8.8/32 is not after its from",
        ),
        (
            "an indicator that begins when all ends",
            "from = \"2027-02-21T00:00:00Z\"",
            &format!("this document ends at 2027-02-21T00:00:00Z: {never} from"),
        ),
        (
            "an indicator that ends when all begins",
            "until = \"2026-11-21T00:00:00Z\"",
            &format!("this document begins at 2026-11-21T00:00:00Z: {never} until"),
        ),
        (
            "an indicator until a day",
            "until = \"2026-12-21\"",
            "end with Z",
        ),
        (
            "an indicator at an hour",
            "hours = 3",
            "unknown field `hours`",
        ),
    ] {
        let with = format!("{prefix}\n{with}");
        table.forms(&[(name, prefix, &with, says)]);
    }
}

fn texts(table: &mut Table) {
    let necessity = "the only way to see its servers";
    let alternatives = "asking the hosters abroad, who do not answer";
    table.forms(&[
        ("empty necessity", necessity, "", "it is empty"),
        ("necessity of blanks", necessity, "  \\n ", "it is empty"),
        (
            "necessity of what nobody sees",
            necessity,
            "\u{200b}\u{2060}",
            "it is empty",
        ),
        ("necessity of dots", necessity, "...", "it is empty"),
        (
            "without necessity",
            "necessity =",
            "# ",
            "missing field `necessity`",
        ),
        ("empty alternatives", alternatives, "", "it is empty"),
        (
            "without alternatives",
            "alternatives =",
            "# ",
            "missing field `alternatives`",
        ),
        ("empty threat", "T-2026-17", "", "it is empty"),
        (
            "severity that there is not",
            "\"high\"",
            "\"extreme\"",
            "unknown variant",
        ),
        (
            "empty expected volume",
            "10,000 flows a day",
            "",
            "it is empty",
        ),
        (
            "control characters",
            necessity,
            "a\\u0007b",
            "control characters",
        ),
        (
            "begins without Z",
            "2026-11-21T00:00:00Z",
            "2026-11-21T00:00:00",
            "end with Z",
        ),
        (
            "ends in another zone",
            "02-21T00:00:00Z",
            "02-21T00:00:00+09:00",
            "end with Z",
        ),
        (
            "begins on a day",
            "2026-11-21T00:00:00Z",
            "2026-11-21",
            "end with Z",
        ),
        (
            "ends before it begins",
            "2027-02-21",
            "2026-02-21",
            "until is not after from",
        ),
        (
            "lasts no time",
            "2027-02-21",
            "2026-11-21",
            "until is not after from",
        ),
        (
            "date of TOML",
            "\"2026-11-21T00:00:00Z\"",
            "2026-11-21T00:00:00Z",
            "invalid type",
        ),
        ("id of lab", "\"R-4\"", "\"lab\"", "is not 'lab'"),
        (
            "id of a consent",
            "\"R-4\"",
            "\"consent.power.1\"",
            "is not 'lab'",
        ),
        ("id with a slash", "\"R-4\"", "\"R/4\"", "an id has letters"),
        (
            "retention that is none",
            "\"P30D\"",
            "\"30 days\"",
            "is no period",
        ),
        (
            "without retention",
            "retention = \"P30D\"\n",
            "",
            "missing field `retention`",
        ),
    ]);
}

fn lists(table: &mut Table) {
    let direction = "direction = [\"through\"]";
    let transit = "class = \"transit\"\ndirection = [\"through\"]";
    let both = "direction = [\"inbound\", \"outbound\"]";
    let infrastructure = format!("class = \"infrastructure\"\n{both}");
    let relay = "class = \"relay\"\ndirection = [\"inbound\"]";
    let fields = "fields = [\"ports\", \"protocol\"]";
    let own = "sensors = [\"SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"]";
    let interface =
        "[[interface]]\nname = \"r0\"\nmac = \"02:00:00:00:00:01\"\nbus = \"virtual\"\n";
    let twice = format!("{interface}\n{interface}");
    let all =
        "\n[[indicator]]\nprefix = \"8.8.8.8/32\"\n\n[[indicator]]\nprefix = \"9.9.9.0/24\"\n";
    let tunnel = |text: &str| {
        let ends = "ends = [\"8.0.0.1/32\", \"8.0.0.2/32\"]";
        format!("[[tunnel]]\n{text}\n{ends}\n\n[[interface]]")
    };
    table.forms(&[
        (
            "class that there is not",
            "\"transit\"",
            "\"domestic\"",
            "a class is transit",
        ),
        (
            "transit inbound",
            direction,
            "direction = [\"inbound\"]",
            "has the direction through",
        ),
        (
            "no direction",
            direction,
            "direction = []",
            "direction is empty",
        ),
        (
            "direction twice",
            direction,
            "direction = [\"through\", \"through\"]",
            "something twice",
        ),
        (
            "direction that there is not",
            "\"through\"",
            "\"sideways\"",
            "a direction is",
        ),
        (
            "relay both ways",
            transit,
            &format!("class = \"relay\"\n{both}"),
            "exactly one direction",
        ),
        (
            "relay through",
            transit,
            "class = \"relay\"\ndirection = [\"through\"]",
            "exactly one",
        ),
        (
            "relay without evidence",
            transit,
            relay,
            "needs evidence, and 8.8.8.8/32",
        ),
        (
            "infrastructure through",
            transit,
            "class = \"infrastructure\"\noperator = \"power\"\ndirection = [\"through\"]",
            "the directions inbound and outbound",
        ),
        (
            "infrastructure of nobody",
            transit,
            &infrastructure,
            "names its operator",
        ),
        (
            "transit of an operator",
            direction,
            &format!("{direction}\noperator = \"power\""),
            "no other class",
        ),
        ("no sensors", own, "sensors = []", "sensors is empty"),
        (
            "sensor that is no fingerprint",
            own,
            "sensors = [\"tokyo-1\"]",
            "a fingerprint is",
        ),
        (
            "field that there is not",
            fields,
            "fields = [\"payload\"]",
            "is no field",
        ),
        (
            "field twice",
            fields,
            "fields = [\"ports\", \"ports\"]",
            "named twice",
        ),
        ("without fields", fields, "", "missing field `fields`"),
        (
            "no recipients",
            "[\"National Police Agency\"]",
            "[]",
            "recipients is empty",
        ),
        (
            "empty recipient",
            "National Police Agency",
            "",
            "it is empty",
        ),
        ("no interface", interface, "", "missing field `interface`"),
        ("interface twice", interface, &twice, "something twice"),
        (
            "interface with a long name",
            "\"r0\"",
            "\"r0123456789012345\"",
            "1 to 15",
        ),
        (
            "address in capitals",
            "02:00:00:00:00:01",
            "0A:00:00:00:00:01",
            "in lower case",
        ),
        (
            "interface without a bus",
            "bus = \"virtual\"\n",
            "",
            "missing field `bus`",
        ),
        ("no indicators", all, "", "asks for no indicator"),
        ("indicator twice", "9.9.9.0/24", "8.8.8.8/32", "named twice"),
        (
            "indicator with bits beyond",
            "9.9.9.0/24",
            "9.9.9.9/24",
            "bits beyond",
        ),
        (
            "indicator by its name",
            "9.9.9.0/24",
            "example.com",
            "neither an address",
        ),
        (
            "vxlan without a port",
            "[[interface]]",
            &tunnel("type = \"vxlan\""),
            "have a port",
        ),
        (
            "gre with a port",
            "[[interface]]",
            &tunnel("type = \"gre\"\nport = 1"),
            "have a port",
        ),
        (
            "tunnel that there is not",
            "[[interface]]",
            &tunnel("type = \"wg\""),
            "unknown variant",
        ),
        (
            "parent that is no hash",
            "class = ",
            "parent = \"R-1\"\nclass = ",
            "64 lower-case",
        ),
    ]);
    let evidence = "evidence = { attack = \"A\", when = \"2026-10-01\", source = \"B\" }";
    let bare = format!("prefix = \"9.9.9.0/24\"\n{evidence}");
    table.forms(&[(
        "evidence of a day",
        "prefix = \"9.9.9.0/24\"",
        &bare,
        "end with Z",
    )]);
}

const FEED: &str = "8.8.8.8 5\n8.8.4.4 3\n9.9.9.0/24 1\n";

fn feeds(table: &mut Table) {
    let with = |world: &mut World| {
        let text = with_feed(&world.texts[FILE], "list.txt", FEED, 3);
        world.file("list.txt", FEED);
        world.texts.insert(FILE.into(), text);
    };
    let rows = [
        (
            "mapping of the same bytes that takes more",
            "least_count = 3",
            "least_count = 1",
            "the mapping is another",
        ),
        (
            "mapping of the same bytes that takes less",
            "least_count = 3",
            "least_count = 4",
            "the mapping is another",
        ),
        (
            "wrong count",
            "count = 2\n",
            "count = 3\n",
            "where the request binds 3",
        ),
        (
            "count of none",
            "count = 2\n",
            "count = 0\n",
            "where the request binds 0",
        ),
    ];
    for (name, old, new, says) in rows {
        let change = |world: &mut World| {
            with(world);
            world.replace(FILE, old, new);
        };
        table.add(
            &format!("feed: {name}"),
            change,
            (FILE, Rule::FeedSet, says),
        );
    }
    let set = |world: &mut World| {
        with(world);
        let at = world.texts[FILE].find("set_sha256 = \"").unwrap() + 14;
        let old = world.texts[FILE][at..at + 64].to_owned();
        let new = old.chars().rev().collect::<String>();
        world.replace(FILE, &old, &new);
    };
    table.add(
        "feed: wrong hash of the set",
        set,
        (FILE, Rule::FeedSet, "the mapping is another"),
    );
    let empty = |world: &mut World| {
        let text = with_feed(&world.texts[FILE], "list.txt", FEED, 9);
        world.file("list.txt", FEED);
        world.texts.insert(FILE.into(), text);
    };
    table.add(
        "feed: nothing is taken",
        empty,
        (FILE, Rule::FeedSet, "gives no indicator"),
    );
    let edits = [
        ("other bytes under the same name", "8.8.8.8 5\n8.8.4.4 3\n"),
        (
            "one line more",
            "8.8.8.8 5\n8.8.4.4 3\n9.9.9.0/24 1\n1.1.1.1 9\n",
        ),
        (
            "the same set in other bytes",
            "8.8.4.4 3\n8.8.8.8 5\n9.9.9.0/24 1\n",
        ),
        ("emptied", ""),
    ];
    for (name, bytes) in edits {
        let change = |world: &mut World| {
            with(world);
            world.file("list.txt", bytes);
        };
        table.add(
            &format!("feed: {name}"),
            change,
            (FILE, Rule::FeedBytes, "has other bytes"),
        );
    }
    let missing = |world: &mut World| {
        with(world);
        world.texts.remove("list.txt");
    };
    table.add(
        "feed: not there",
        missing,
        (FILE, Rule::Waits, "is not there"),
    );
    let forms = [
        (
            "format that there is not",
            "\"plain\"",
            "\"csv\"",
            "unknown variant",
        ),
        (
            "mapping with more",
            "least_count = 3 }",
            "least_count = 3, all = true }",
            "unknown field",
        ),
        (
            "without a count",
            "count = 2\n",
            "",
            "missing field `count`",
        ),
        (
            "and indicators",
            "[feed]",
            "[[indicator]]\nprefix = \"8.8.8.8/32\"\n\n[feed]",
            "not both",
        ),
        (
            "for relay",
            "class = \"transit\"\ndirection = [\"through\"]",
            "class = \"relay\"\ndirection = [\"inbound\"]",
            "so they are inline",
        ),
    ];
    for (name, old, new, says) in forms {
        let change = |world: &mut World| {
            with(world);
            world.replace(FILE, old, new);
        };
        table.add(&format!("feed: {name}"), change, (FILE, Rule::Form, says));
    }
}
