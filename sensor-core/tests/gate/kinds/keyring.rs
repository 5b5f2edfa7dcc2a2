//! Keyrings, and the files of keys that they name.

use sensor_core::documents::{Key, Rule};

use crate::{
    table::{After, Table},
    world::{World, key, line, line_with},
};

const FILE: &str = "keyring-2.toml";

pub(super) fn add(table: &mut Table) {
    lines(table);
    files(table);
    chain(table);
    table.forms(&[
        (
            "no overseers needed",
            "overseers = 2",
            "overseers = 0",
            "at least one signature",
        ),
        (
            "less than no overseers",
            "overseers = 2",
            "overseers = -1",
            "invalid value",
        ),
        ("operator twice", "\"water\"", "\"power\"", "named twice"),
        (
            "prefix bound twice",
            "133.20.0.0/16",
            "133.10.0.0/16",
            "is bound twice",
        ),
        (
            "operator without prefixes",
            "[\"133.20.0.0/16\"]",
            "[]",
            "has no prefixes",
        ),
        (
            "prefix with bits beyond",
            "133.20.0.0/16",
            "133.20.1.0/16",
            "bits beyond",
        ),
        ("sensor twice", "osaka-1", "tokyo-1", "named twice"),
        (
            "log key twice",
            crate::world::OTHER_LOG_KEY,
            crate::world::LOG_KEY,
            "is bound twice",
        ),
        (
            "operator's name in capitals",
            "\"water\"",
            "\"Water\"",
            "is no name",
        ),
        (
            "log key without its hash",
            "SHA256:BBBB",
            "MD5:BBBB",
            "a fingerprint is SHA256",
        ),
        (
            "signers' hash in capitals",
            "\"{{allowed_signers}}\"",
            "\"AB\"",
            "64 lower-case",
        ),
    ]);
    table.replaced(
        Rule::Unfulfillable,
        &[(
            "more overseers than there are",
            "overseers = 2",
            "overseers = 5",
            "have 4",
        )],
    );
}

/// Gives the keyring a file of keys of its own, with more lines.
fn with_lines(world: &mut World, more: &str) {
    let lines = world.texts["allowed_signers"].clone() + more;
    world.file("allowed_signers-2", &lines);
    world.replace(FILE, "{{allowed_signers}}", "{{allowed_signers-2}}");
}

fn lines(table: &mut Table) {
    let good = line("overseer/eri", "");
    let key_line = key("overseer/eri").line();
    let stop = "namespaces=\"sekisho-stop\"";
    let bad = [
        (
            "line without namespaces",
            format!("overseer/eri {key_line}\n"),
            "has no namespaces",
        ),
        (
            "line with dates but without namespaces",
            format!("overseer/eri valid-after=\"20260101Z\" {key_line}\n"),
            "has no namespaces",
        ),
        (
            "line with wildcard namespaces",
            format!("overseer/eri namespaces=\"sekisho-*\" {key_line}\n"),
            "has a wildcard",
        ),
        (
            "line with any namespace",
            format!("overseer/eri namespaces=\"*\" {key_line}\n"),
            "wildcard",
        ),
        (
            "wildcard principal",
            good.replace("overseer/eri", "overseer/*"),
            "has a wildcard",
        ),
        (
            "principal *",
            good.replace("overseer/eri", "*"),
            "has a wildcard",
        ),
        (
            "principal ?",
            good.replace("overseer/eri", "overseer/er?"),
            "has a wildcard",
        ),
        (
            "principal not",
            good.replace("overseer/eri", "overseer/eri,!carrier/isp"),
            "wildcard",
        ),
        (
            "principal without a role",
            good.replace("overseer/eri", "eri"),
            "is no principal",
        ),
        (
            "principal of mail",
            good.replace("overseer/eri", "eri@example.jp"),
            "is no principal",
        ),
        (
            "unknown role",
            good.replace("overseer/eri", "judge/eri"),
            "is no principal",
        ),
        (
            "cert-authority",
            good.replace("namespaces", "cert-authority,namespaces"),
            "cert-authority is not taken",
        ),
        (
            "date without Z",
            line("overseer/eri", "valid-after=\"20260101\""),
            "end with Z",
        ),
        (
            "time without Z",
            line("overseer/eri", "valid-before=\"202701011200\""),
            "end with Z",
        ),
        (
            "day that there is not",
            line("overseer/eri", "valid-after=\"20260231Z\""),
            "is no date",
        ),
        (
            "ends before it begins",
            line(
                "overseer/eri",
                "valid-after=\"20270101Z\",valid-before=\"20260101Z\"",
            ),
            "not later than",
        ),
        (
            "RSA key",
            format!("overseer/eri {stop} ssh-rsa AAAAB3NzaC1yc2E=\n"),
            "RSA keys",
        ),
        (
            "DSA key",
            format!("overseer/eri {stop} ssh-dss AAAAB3NzaC1kc3M=\n"),
            "are not taken",
        ),
        (
            "key cut off",
            good.replace(&key_line, &key_line[..40]),
            "the key",
        ),
        (
            "overseer's key is the carrier's",
            line_with("carrier/tel", "", &key("overseer/ai")),
            "is of no other role",
        ),
        (
            "overseer's key is an inspector's",
            line_with("inspector/ai2", "", &key("overseer/ai")),
            "is of no other role",
        ),
        (
            "requester's key is an overseer's",
            line_with("overseer/eri", "", &key("requester/npa")),
            "is of no other role",
        ),
        (
            "overseer's name is an operator's",
            line("operator/ai", ""),
            "is overseer and operator",
        ),
        (
            "requester's name is an overseer's",
            line("overseer/npa", ""),
            "is overseer and",
        ),
        (
            "overseer and carrier on one line",
            good.replace("overseer/eri", "overseer/eri,carrier/tel"),
            "is of no other role",
        ),
        (
            "namespace of files",
            format!("overseer/eri namespaces=\"file\" {key_line}\n"),
            "no namespace",
        ),
        (
            "no touch required",
            good.replace("namespaces", "no-touch-required,namespaces"),
            "unknown option",
        ),
        (
            "option twice",
            good.replace("namespaces", &format!("{stop},namespaces")),
            "stands twice",
        ),
        (
            "option without quotes",
            format!("overseer/eri namespaces=sekisho-stop {key_line}\n"),
            "not written as",
        ),
        (
            "quoted principal",
            good.replace("overseer/eri", "\"overseer/eri\""),
            "quotes in the",
        ),
        (
            "tabulator",
            good.replace("overseer/eri ", "overseer/eri\t"),
            "control character",
        ),
        ("CR LF", good.replace('\n', "\r\n"), "control character"),
        (
            "line without a key",
            format!("overseer/eri {stop}\n"),
            "not whole",
        ),
    ];
    for (name, more, says) in bad {
        let change = |world: &mut World| with_lines(world, &more);
        table.add(name, change, (FILE, Rule::Signers, says));
    }
}

fn files(table: &mut Table) {
    table.add(
        "two overseers with one key are one",
        |world| {
            let one = line("overseer/ai", "") + &line_with("overseer/bo", "", &key("overseer/ai"));
            world.file("allowed_signers-2", &one);
            world.replace(FILE, "{{allowed_signers}}", "{{allowed_signers-2}}");
        },
        (FILE, Rule::Unfulfillable, "have 1"),
    );
    table.add(
        "no keys at all",
        |world| {
            world.file("allowed_signers-2", "# nobody\n");
            world.replace(FILE, "{{allowed_signers}}", "{{allowed_signers-2}}");
        },
        (FILE, Rule::Unfulfillable, "have 0"),
    );
    table.add(
        "its allowed_signers are not there",
        |world| {
            with_lines(world, "# more\n");
            world.after(|files| drop(files.remove("allowed_signers-2")));
        },
        (FILE, Rule::Signers, "is not there"),
    );
    table.add(
        "its allowed_signers were edited",
        |world| {
            with_lines(world, "# more\n");
            world.after(|files| files.get_mut("allowed_signers-2").unwrap().push(b'\n'));
        },
        (FILE, Rule::Signers, "is not there"),
    );
    table.add(
        "a sensor's log key signs",
        |world| {
            let own = Key::read(&key("carrier/isp").line()).unwrap().fingerprint();
            world.replace(FILE, crate::world::OTHER_LOG_KEY, &own);
        },
        (FILE, Rule::Signers, "is the log key of a sensor"),
    );
    let none = || After::InForce(&[]);
    table.add_left(
        "the first allowed_signers were edited",
        |world| {
            world.after(|files| files.get_mut("allowed_signers").unwrap().push(b'\n'));
        },
        ("keyring-1.toml", Rule::Signers, "is not there"),
        none(),
    );
    table.add_left(
        "the first allowed_signers are not there",
        |world| {
            world.after(|files| drop(files.remove("allowed_signers")));
        },
        ("keyring-1.toml", Rule::Signers, "is not there"),
        none(),
    );
    table.add_left(
        "the first allowed_signers have a wildcard",
        |world| {
            let lines = world.texts["allowed_signers"].clone() + &line("carrier/*", "");
            world.file("allowed_signers", &lines);
        },
        ("keyring-1.toml", Rule::Signers, "has a wildcard"),
        none(),
    );
    table.add_left(
        "the first keyring was edited",
        |world| {
            world.after(|files| files.get_mut("keyring-1.toml").unwrap().push(b'\n'));
        },
        (
            "keyring-1.toml",
            Rule::Chain,
            "set up with another first keyring",
        ),
        none(),
    );
    table.add_left(
        "the first keyring is not there",
        |world| {
            world.after(|files| drop(files.remove("keyring-1.toml")));
        },
        ("", Rule::Chain, "nothing is recorded without a keyring"),
        After::Nothing,
    );
    table.add_left(
        "the keyring does not bind this sensor",
        |world| {
            let other = crate::world::LOG_KEY.replacen("AAAA", "CCCC", 1);
            world.replace("keyring-1.toml", crate::world::LOG_KEY, &other);
            world.replace("keyring-2.toml", crate::world::LOG_KEY, &other);
        },
        ("", Rule::Sensor, "binds no sensor with the log key"),
        After::Nothing,
    );
    table.last_is_admitted();
}

fn chain(table: &mut Table) {
    let previous = "previous = \"{{keyring-1.toml}}\"\n";
    table.forms(&[(
        "without the one before it",
        previous,
        "",
        "names the one before it",
    )]);
    table.replaced(
        Rule::Chain,
        &[
            (
                "after another one",
                "{{keyring-1.toml}}",
                "{{policy-1.toml}}",
                "names another one as the one before it",
            ),
            (
                "two numbers on, after another one",
                "number = 2\nprevious = \"{{keyring-1.toml}}\"",
                "number = 3\nprevious = \"{{allowed_signers}}\"",
                "names another one as the one before it",
            ),
        ],
    );
    table.replaced(
        Rule::Number,
        &[(
            "number left out",
            "number = 2",
            "number = 3",
            "has to have the number 2",
        )],
    );
    let first = crate::settings::beside(FILE, "overseer/eri");
    table.add(
        "signed by the keys that it brings",
        |world| {
            let own = line("overseer/eri", "") + &line("overseer/fumi", "");
            with_lines(world, &own);
            world.sign(FILE, &["overseer/eri", "overseer/fumi"]);
        },
        (&first, Rule::UnknownKey, "of nobody here"),
    );
}
