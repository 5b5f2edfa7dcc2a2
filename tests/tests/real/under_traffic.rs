//! What ends recording ends it within a second of its arrival, and it begins again only by what
//! the rules give.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use sekisho::documents::Time;
use sensor_tests::{pins::Pins, require, sensor::Signal, wait};

use crate::{
    town::{FOREIGN, OPERATOR, Records, Town, pass},
    world::{World, keyring, line, standing, time},
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
    let sensor = town.launch().ready();
    let (sent, (begin, end, again)) = town.stream(net, |town| {
        let begin = town.state.now();
        pass(1500);
        let end = town.change(ends);
        pass(1500);
        town.change(does_not_help);
        pass(1500);
        let again = town.change(begins);
        pass(3000);
        (begin, end, again)
    });
    let last = sent.last().unwrap().after;
    let (_, records) = Records::of(sensor);
    // What ends has ended a second after its arrival.
    records.none_within(Time(end.0 + SECOND), again);
    let spans = [(begin, end), (records.first_after(again), last)];
    records.are_within(&spans, &sent, SECOND);
}

#[test]
fn a_consent_that_is_withdrawn() {
    ends_and_begins_again(
        OPERATOR,
        |world| {
            let text = "kind = \"consent\"\nnumber = 2\noperator = \"power\"\nwithdrawn = true\n";
            world.paper("consent-2.toml", &["operator/power"], text);
        },
        |world| {
            // The one that was withdrawn does not come back under another name, nor does one
            // that another operator signs.
            let text = world.texts["consent-1.toml"].clone();
            world.paper("consent-again.toml", &["operator/power"], &text);
            let text = text.replace("number = 1", "number = 3");
            world.paper("consent-3.toml", &["operator/water"], &text);
        },
        |world| {
            let text = world.texts["consent-1.toml"].replace("number = 1", "number = 4");
            world.paper("consent-4.toml", &["operator/power"], &text);
        },
    );
}

#[test]
fn a_stop_of_an_operator_for_its_own() {
    ends_and_begins_again(
        OPERATOR,
        |world| {
            let text = "kind = \"stop\"\nnumber = 1\nreason = \"works on the line\"\n";
            world.paper("stop-1.toml", &["operator/power"], text);
        },
        |world| {
            let text = world.texts["consent-1.toml"].replace("number = 1", "number = 2");
            world.paper("consent-2.toml", &["operator/power"], &text);
        },
        |world| {
            let text =
                "kind = \"lift\"\nnumber = 1\nlifts = \"{{stop-1.toml}}\"\nreason = \"done\"\n";
            world.paper("lift-1.toml", &["overseer/ai", "overseer/bo"], text);
        },
    );
}

#[test]
fn a_document_that_is_taken_away() {
    require!(privilege);
    require!(clock);
    let mut town = Town::new(|_| {});
    let sensor = town.launch().ready();
    let (sent, (begin, end, again)) = town.stream(FOREIGN, |town| {
        let begin = town.state.now();
        pass(1500);
        let end = town.state.now();
        town.state.remove("request-3.toml.sig.requester_npa");
        pass(2500);
        let again = town.change(|_| {});
        pass(2500);
        (begin, end, again)
    });
    let last = sent.last().unwrap().after;
    let (ended, records) = Records::of(sensor);
    records.none_within(Time(end.0 + SECOND), again);
    let spans = [(begin, end), (records.first_after(again), last)];
    records.are_within(&spans, &sent, SECOND);
    let told = "the signature of requester/npa on request 3";
    assert!(ended.stderr.contains(told), "{}", ended.stderr);
}

/// A standing ends at its moment, to the packet, and the packets after it are unattended.
#[test]
fn a_standing_that_runs_out() {
    require!(privilege);
    require!(clock);
    let until = time("2026-11-22T12:00:06Z");
    let mut town = Town::new(|world| {
        world.replace(
            "standing-1.toml",
            "2026-11-26T00:00:00Z",
            "2026-11-22T12:00:06Z",
        );
    });
    let sensor = town.launch().ready();
    let (sent, (begin, again)) = town.stream(FOREIGN, |town| {
        let begin = town.state.now();
        assert!(begin.0 + SECOND < until.0, "it took too long to begin");
        pass((until.0 - begin.0) / 1_000_000 + 1500);
        let again = town.change(|world| {
            let text = standing(2, "keyring-1.toml", &[]);
            world.paper("standing-2.toml", &["overseer/ai"], &text);
        });
        pass(3000);
        (begin, again)
    });
    let last = sent.last().unwrap().after;
    let (ended, records) = Records::of(sensor);
    // The end is moved inward by what the clock may be wrong, a few milliseconds.
    let certain = Time(until.0 - 20_000_000);
    let first = [(begin, certain)];
    let both = [first[0], (records.first_after(again), last)];
    records.are_within(&both, &sent, 50_000_000);
    for packet in &sent {
        let is_between = until <= packet.before && packet.after < again;
        assert!(
            !is_between || !records.has(packet),
            "{packet:?} after {until}"
        );
    }
    let unattended = ended.lines.verdict("unattended");
    let seen = sent.len() as u64;
    assert_eq!(ended.lines.verdict("recorded") + unattended, seen);
    let gap = sent.iter().filter(|p| until <= p.before && p.after < again);
    assert!(unattended >= gap.count() as u64);
}

/// The agent is killed, and the standing runs out before the lease does.
#[test]
fn a_standing_that_runs_out_when_the_agent_is_dead() {
    require!(privilege);
    require!(clock);
    let until = time("2026-11-22T12:00:05Z");
    let mut town = Town::new(|world| {
        world.replace(
            "standing-1.toml",
            "2026-11-26T00:00:00Z",
            "2026-11-22T12:00:05Z",
        );
    });
    let pins = Pins::new();
    let sensor = town.launch().args("--lease 60").pinned(&pins).ready();
    let (sent, ()) = town.stream(FOREIGN, |town| {
        sensor.signal(Signal::SIGKILL);
        let now = town.state.now();
        assert!(now.0 + SECOND < until.0, "it took too long to begin");
        pass((until.0 - now.0) / 1_000_000 + 1500);
    });
    drop(sensor);
    // The next agent reads every paper again, records nothing by what has run out, and writes
    // what the dead one had recorded.
    let mut next = town.launch().pinned(&pins).start();
    next.until_told("why it does not record", |told| {
        told.starts_with("sekisho: not recording: ") && told.contains("ended at")
    });
    let (ended, records) = Records::of(next);
    let certain = sent.iter().filter(|p| p.after.0 + 20_000_000 < until.0);
    let late = sent.iter().filter(|p| until <= p.before);
    let (mut early, mut none) = (0, 0);
    for packet in certain {
        assert!(records.has(packet), "{packet:?} was lost: {}", ended.stderr);
        early += 1;
    }
    for packet in late {
        assert!(
            !records.has(packet),
            "{packet:?} was recorded after {until}"
        );
        none += 1;
    }
    assert!(early > 50 && none > 50, "{early} before, {none} after");
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

#[test]
fn state_and_pins_are_their_owners_alone() {
    require!(privilege);
    require!(clock);
    let town = Town::new(|_| {});
    let pins = Pins::new();
    fs::create_dir(pins.pins()).unwrap();
    fs::set_permissions(pins.pins(), fs::Permissions::from_mode(0o755)).unwrap();
    let sensor = town.launch().pinned(&pins).ready();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    for path in [&pins.pins(), &town.state.path(), &town.state.papers()] {
        assert_eq!(mode(path), 0o700, "{}", path.display());
    }
    for file in ["state.toml", "arrivals.jsonl"] {
        assert_eq!(mode(&town.state.path().join(file)), 0o600, "{file}");
    }
    drop(sensor);
    // A state folder that others may read is refused, with the way out.
    fs::set_permissions(town.state.path(), fs::Permissions::from_mode(0o750)).unwrap();
    let mut refused = town.launch().pinned(&pins).start();
    wait::until("it ends", || refused.has_ended().then_some(()));
    assert!(refused.stderr().contains("chmod"), "{}", refused.stderr());
}
