//! Indicators that count for some time or on some ports only.

use sensor_core::{
    documents::Rule,
    watchlist::{Limits, PortRule, Validity},
};

use crate::world::{self, World, time};

const REQUEST: &str = "request-1.toml";
const APPROVAL: &str = "approval-1.toml";
const PLAIN: &str = "prefix = \"9.9.9.0/24\"";
const LIMITED: &str = "prefix = \"9.9.9.0/24\"\nports = [\"udp/53\", \"tcp/443\"]\n\
                       from = \"2026-12-01T00:00:00Z\"\nuntil = \"2027-01-01T00:00:00Z\"";

fn limited() -> Limits {
    let rule = |protocol, port| PortRule { protocol, port };
    Limits {
        validity: Some(Validity {
            begin: time("2026-12-01T00:00:00Z").0,
            end: time("2027-01-01T00:00:00Z").0,
        }),
        ports: vec![rule(6, 443), rule(17, 53)],
    }
}

/// The indicators in force under an id, with their limits.
fn granted(world: &World, id: &str) -> Vec<(String, u32, Limits)> {
    let decision = world.seen().decision;
    let granted = decision.granted.iter().find(|granted| granted.id == id);
    let prefixes = &granted.unwrap().indicators.prefixes;
    let rows = prefixes.iter().enumerate();
    rows.map(|(at, (prefix, line))| (prefix.to_string(), line, prefixes.limits(at)))
        .collect()
}

#[test]
fn limits_are_those_of_the_request_also_under_conditions() {
    let mut world = World::new();
    world.replace(REQUEST, PLAIN, LIMITED);
    let plain = ("8.8.8.8/32".to_owned(), 24, Limits::default());
    let narrow = ("9.9.9.0/24".to_owned(), 27, limited());
    assert_eq!(granted(&world, "R-1"), [plain, narrow.clone()]);
    let text = world.texts[APPROVAL].clone();
    world.texts.insert(
        APPROVAL.into(),
        text + "\n[conditions]\nindicators = [\"9.9.9.0/24\"]\n",
    );
    assert_eq!(granted(&world, "R-1"), [narrow]);
}

#[test]
fn an_extension_may_narrow_limits_and_not_widen_them() {
    let extended = |own: &str| {
        let mut world = World::new();
        world.replace(REQUEST, PLAIN, LIMITED);
        let text = world::REQUEST_TRANSIT
            .replace("number = 1", "number = 4")
            .replace("\"R-1\"", "\"R-4\"")
            .replace("class =", "parent = \"{{request-1.toml}}\"\nclass =")
            .replace(PLAIN, own);
        world.paper("request-4.toml", &["requester/npa"], &text);
        let refusals = world.seen().refusals(world::NOW);
        let mut refusals = refusals.into_iter();
        refusals.find(|refusal| refusal.file == "request-4.toml")
    };
    let narrower = [
        LIMITED.to_owned(),
        LIMITED.replace("\"udp/53\", ", ""),
        LIMITED.replace("2026-12-01", "2026-12-02"),
        LIMITED.replace("2027-01-01", "2026-12-31"),
    ];
    for own in narrower {
        assert_eq!(extended(&own), None, "{own}");
    }
    let wider = [
        PLAIN.to_owned(),
        LIMITED.replace("\"udp/53\"", "\"udp/53\", \"tcp/80\""),
        LIMITED.replace("tcp/443", "tcp/80"),
        PLAIN.to_owned() + "\nports = [\"udp/53\", \"tcp/443\"]",
        LIMITED.replace("ports = [\"udp/53\", \"tcp/443\"]\n", ""),
        LIMITED.replace("2026-12-01", "2026-11-30"),
        LIMITED.replace("2027-01-01", "2027-01-02"),
        LIMITED.replace("\nuntil = \"2027-01-01T00:00:00Z\"", ""),
        LIMITED.replace("from = \"2026-12-01T00:00:00Z\"\n", ""),
    ];
    for own in wider {
        let refused = extended(&own).unwrap_or_else(|| panic!("{own}"));
        assert_eq!(refused.rule, Rule::Parent, "{own}");
        let says = "has 9.9.9.0/24 for a shorter time or on fewer ports; name it as there";
        assert!(refused.text.ends_with(says), "{}", refused.text);
    }
}
