//! Extensions: requests that name their parent.

use sensor_core::documents::Rule;

use crate::{table::Table, world::OTHER_LOG_KEY};

const FILE: &str = "request-4.toml";
const APPROVAL: &str = "approval-4.toml";

pub(super) fn add(table: &mut Table) {
    let evidence = "evidence = { attack = \"A\", when = \"2026-10-01T00:00:00Z\", source = \"B\" }";
    let proved = format!("prefix = \"8.8.8.8/32\"\n{evidence}");
    let own = "\"SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"]";
    let more = format!("{}, \"{OTHER_LOG_KEY}\"]", &own[..own.len() - 1]);
    let tunnel =
        "[[tunnel]]\ntype = \"gre\"\nends = [\"8.0.0.1/32\", \"8.0.0.2/32\"]\n\n[[interface]]";
    let again = "[[interface]]\nname = \"r1\"\nmac = \"02:00:00:00:00:02\"\nbus = \"virtual\"\n\n[[interface]]";
    table.replaced(
        Rule::Parent,
        &[
            ("for more sensors", own, &more, "has another sensors"),
            (
                "for another sensor",
                own,
                &format!("\"{OTHER_LOG_KEY}\"]"),
                "has another sensors",
            ),
            (
                "on another interface",
                "name = \"r0\"",
                "name = \"r1\"",
                "has another interfaces",
            ),
            (
                "on another card",
                "02:00:00:00:00:01",
                "02:00:00:00:00:09",
                "another interfaces",
            ),
            (
                "in another place",
                "bus = \"virtual\"",
                "bus = \"pci-1\"",
                "another interfaces",
            ),
            (
                "on one more interface",
                "[[interface]]",
                again,
                "has another interfaces",
            ),
            (
                "with a tunnel",
                "[[interface]]",
                tunnel,
                "has another tunnels",
            ),
            (
                "with more fields",
                "\"protocol\"]",
                "\"protocol\", \"tcp_flags\"]",
                "another fields",
            ),
            (
                "with another indicator",
                "9.9.9.0/24",
                "9.9.8.0/24",
                "does not have 9.9.8.0/24",
            ),
            (
                "with a broader indicator",
                "9.9.9.0/24",
                "9.9.8.0/23",
                "does not have 9.9.8.0/23",
            ),
            (
                "with a narrower indicator",
                "9.9.9.0/24",
                "9.9.9.9/32",
                "does not have 9.9.9.9/32",
            ),
        ],
    );
    table.add(
        "of another class",
        |world| {
            let transit = "class = \"transit\"\ndirection = [\"through\"]";
            world.replace(
                FILE,
                transit,
                "class = \"relay\"\ndirection = [\"inbound\"]",
            );
            world.replace(FILE, "prefix = \"8.8.8.8/32\"", &proved);
            world.replace(FILE, "\n[[indicator]]\nprefix = \"9.9.9.0/24\"\n", "");
        },
        (FILE, Rule::Parent, "has another class"),
    );
    for (name, direction) in [
        ("one direction less", "inbound"),
        ("the other one alone", "outbound"),
    ] {
        table.add(
            name,
            |world| {
                let text = crate::world::REQUEST_INFRASTRUCTURE;
                let text = text
                    .replace("number = 2", "number = 4")
                    .replace("R-2", "R-2.2");
                let both = "[\"inbound\", \"outbound\"]";
                let text = text.replace(both, &format!("[\"{direction}\"]"));
                let class = "parent = \"{{request-2.toml}}\"\nclass =";
                world
                    .texts
                    .insert(FILE.into(), text.replace("class =", class));
            },
            (FILE, Rule::Parent, "has another direction"),
        );
    }
    table.add(
        "of another operator",
        |world| {
            let text = crate::world::REQUEST_INFRASTRUCTURE;
            let text = text
                .replace("number = 2", "number = 4")
                .replace("R-2", "R-2.2");
            let text = text.replace("\"power\"", "\"water\"");
            let class = "parent = \"{{request-2.toml}}\"\nclass =";
            world
                .texts
                .insert(FILE.into(), text.replace("class =", class));
        },
        (FILE, Rule::Parent, "has another operator"),
    );
    for (name, parent) in [
        ("a policy", "policy-1.toml"),
        ("its approval", "approval-1.toml"),
    ] {
        let new = format!("{{{{{parent}}}}}");
        let says = "is not here";
        table.replaced(
            Rule::Waits,
            &[(&format!("of {name}"), "{{request-1.toml}}", &new, says)],
        );
    }
    parents(table);
}

fn parents(table: &mut Table) {
    table.add(
        "of what was not granted",
        |world| {
            world.texts.remove("approval-1.toml");
        },
        (APPROVAL, Rule::Parent, "extends what was not granted"),
    );
    table.last_is_admitted();
    table.add(
        "of what was revoked",
        |world| {
            world.paper(
                "revocation-1.toml",
                &["overseer/chi"],
                crate::settings::REVOCATION,
            );
        },
        (APPROVAL, Rule::Parent, "which was revoked by revocation 1"),
    );
    table.last_is_admitted();
    table.add(
        "of what was refused",
        |world| {
            world.replace("approval-1.toml", "\"granted\"", "\"refused\"");
        },
        (APPROVAL, Rule::Parent, "extends what was not granted"),
    );
    table.last_is_admitted();
}
