//! What ends recording ends it within a second of its arrival, and it begins again only by what
//! the rules give.

use std::collections::BTreeSet;

use sekisho::documents::Time;
use sensor_tests::require;

use crate::{
    town::{FOREIGN, OPERATOR, Sent, Spans, Town, pass, recorded},
    world::{World, keyring, line, standing},
};

const SECOND: u64 = 1_000_000_000;

/// Papers come under traffic: first one that ends recording, then some that must not bring it
/// back, then what does.
fn ends_and_begins_again(
    net: [u8; 3],
    ends: impl FnOnce(&mut World),
    does_not_help: impl FnOnce(&mut World),
    begins: impl FnOnce(&mut World),
) {
    require!(privilege);
    require!(clock);
    let mut town = Town::new(|_| {});
    let mut sensor = town.launch().ready();
    let (sent, (begin, end, again)) = town.stream(net, |town| {
        let begin = town.state.now();
        pass(1500);
        let end = town.change(ends);
        pass(1500);
        town.change(does_not_help);
        pass(1500);
        let again = town.change(begins);
        pass(1500);
        (begin, end, again)
    });
    sensor.until_told("it has told why it stopped", |told| {
        told.starts_with("not recording: ") || told.contains("[papers]")
    });
    let last = sent.last().unwrap().after;
    let (_, flows) = recorded(sensor);
    let flows: BTreeSet<_> = flows.into_keys().collect();
    let sent = without_last(sent, net);
    // What ends has ended a second after its arrival; what begins has begun a second after.
    let ended = Time(end.0 + SECOND);
    Spans(vec![(begin, end), (Time(again.0 + SECOND), last)]).check(&sent, &flows, SECOND);
    let late = sent.iter().filter(|packet| {
        (ended.0..again.0).contains(&packet.before.0) && flows.contains(&packet.flow)
    });
    assert_eq!(late.count(), 0);
}

/// Where the destination is left out of records, flows are told apart by their ports only.
fn without_last(sent: Vec<Sent>, net: [u8; 3]) -> Vec<Sent> {
    let hide = |packet: Sent| Sent {
        flow: (packet.flow.0, 0),
        ..packet
    };
    if net == OPERATOR {
        sent.into_iter().map(hide).collect()
    } else {
        sent
    }
}

#[test]
fn an_approval_that_is_revoked() {
    ends_and_begins_again(
        FOREIGN,
        |world| {
            let text = "kind = \"revocation\"\nnumber = 1\nrevokes = \"{{approval-1.toml}}\"\nreason = \"no longer needed\"\n";
            world.paper("revocation-1.toml", &["overseer/bo"], text);
        },
        |world| {
            // The same request is not approved again.
            let again = crate::world::approval(11, "request-1.toml");
            world.paper("approval-11.toml", &["overseer/ai", "overseer/bo"], &again);
        },
        |world| {
            let request = world.texts["request-1.toml"].clone();
            let request = request
                .replace("number = 1", "number = 12")
                .replace("R-1", "R-12");
            world.paper("request-12.toml", &["requester/npa"], &request);
            let approval = crate::world::approval(12, "request-12.toml");
            world.paper(
                "approval-12.toml",
                &["overseer/ai", "overseer/bo"],
                &approval,
            );
        },
    );
}

#[test]
fn a_stop_of_the_carrier() {
    let stop = "kind = \"stop\"\nnumber = 1\nreason = \"maintenance\"\n";
    let lift = "kind = \"lift\"\nnumber = 1\nlifts = \"{{stop-1.toml}}\"\nreason = \"done\"\n";
    ends_and_begins_again(
        FOREIGN,
        |world| {
            world.paper("stop-1.toml", &["carrier/isp"], stop);
        },
        |world| {
            world.paper("lift-1.toml", &["overseer/ai"], lift);
        },
        |world| {
            world.sign("lift-1.toml", &["overseer/ai", "overseer/chi"]);
        },
    );
}

#[test]
fn a_keyring_that_is_exchanged() {
    ends_and_begins_again(
        FOREIGN,
        |world| {
            world.paper(
                "keyring-2.toml",
                &["overseer/ai", "overseer/bo"],
                &keyring(2, Some("keyring-1.toml")),
            );
            let log_key = fingerprint_of(world);
            let text = world.texts.get_mut("keyring-2.toml").unwrap();
            *text = text
                .replace(crate::world::LOG_KEY, &log_key)
                .replace("{{allowed_signers}}", "{{allowed_signers-2}}");
            let mut lines = world.texts["allowed_signers"].clone();
            lines.push_str(&line("overseer/dan", ""));
            world.file("allowed_signers-2", &lines);
        },
        |world| {
            // One that names the old keyring.
            world.paper(
                "standing-2.toml",
                &["overseer/chi"],
                &standing(2, "keyring-1.toml", &[]),
            );
        },
        |world| {
            world.paper(
                "standing-3.toml",
                &["overseer/dan"],
                &standing(3, "keyring-2.toml", &[]),
            );
        },
    );
}

fn fingerprint_of(world: &World) -> String {
    let text = &world.texts["keyring-1.toml"];
    let start = text.find("SHA256:").unwrap();
    text[start..start + 50].to_owned()
}
