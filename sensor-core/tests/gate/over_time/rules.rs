//! What others are judged by, when it changes.

use sensor_core::documents::{Attended, Kind, Rule};

use super::driver::{Sensor, names};
use crate::{
    settings::{EXCLUSION, request},
    world::{POLICY, World, approval, keyring, line, standing, territory, time},
};

const T1: &str = "2026-11-22T12:00:00Z";
const T2: &str = "2026-11-22T13:00:00Z";
const T3: &str = "2026-11-22T14:00:00Z";
const T4: &str = "2026-11-22T15:00:00Z";
const TWO: &[&str] = &["overseer/ai", "overseer/bo"];

/// A next keyring, whose keys are those of the one before without some.
fn next(world: &mut World, number: u64, without: &str, more: &str) {
    let lines = world.texts["allowed_signers"].split_inclusive('\n');
    let kept: String = lines.filter(|line| !line.starts_with(without)).collect();
    let signers = format!("allowed_signers-{number}");
    world.file(&signers, &(kept + more));
    let text = keyring(number, Some(&format!("keyring-{}.toml", number - 1)));
    let text = text.replace("{{allowed_signers}}", &format!("{{{{{signers}}}}}"));
    world.paper(&format!("keyring-{number}.toml"), TWO, &text);
}

#[test]
fn a_key_that_leaves_ends_approvals_and_recording_stops_until_a_standing_names_the_keyring() {
    let mut world = World::new();
    world.sign(
        "approval-1.toml",
        &["overseer/ai", "overseer/bo", "overseer/chi"],
    );
    let mut sensor = Sensor::new(&world, T1);
    next(&mut world, 2, "overseer/bo ", &line("overseer/dai", ""));
    assert_eq!(names(&sensor.finds(&world, T2)), [""; 0]);
    assert_eq!(sensor.why(""), [Rule::StandingOther]);
    world.paper(
        "standing-2.toml",
        &["overseer/ai"],
        &standing(2, "keyring-2.toml", &[]),
    );
    // R-1 has the third signature, R-2 and R-3 lack one.
    assert_eq!(names(&sensor.finds(&world, T3)), ["R-1"]);
    assert_eq!(sensor.why("approval-2.toml"), [Rule::KeyLeft]);
    // It has ended: neither the key nor another signature brings it back.
    world.sign("approval-2.toml", &["overseer/dai"]);
    let all = world.texts["allowed_signers"].clone();
    let lines = all.split_inclusive('\n');
    let lines: String = lines.filter(|line| line.starts_with("overseer/")).collect();
    next(&mut world, 3, "overseer/", &lines);
    world.sign("keyring-3.toml", &["overseer/ai", "overseer/chi"]);
    world.paper(
        "standing-3.toml",
        &["overseer/bo"],
        &standing(3, "keyring-3.toml", &[]),
    );
    let decision = sensor.finds(&world, T4);
    assert_eq!(sensor.gate().keyring().unwrap().paper.number, 3);
    assert_eq!(names(&decision), ["R-1"], "{:?}", sensor.gate().refusals());
    assert_eq!(sensor.why("approval-2.toml"), [Rule::KeyLeft]);
}

/// It would take the place of the standing that counts.
#[test]
fn what_waits_for_a_policy_does_not_count_when_its_key_leaves_meanwhile() {
    let mut world = World::new();
    next(&mut world, 2, "overseer/chi ", "");
    let text = standing(1, "keyring-2.toml", &[]);
    world.paper("standing-1.toml", &["overseer/ai"], &text);
    let of_chi = text.replace("number = 1", "number = 2");
    world.paper("standing-2.toml", &["overseer/chi"], &of_chi);
    let without = |gone: &'static [&'static str]| {
        let mut world = world.clone();
        world
            .after(|files| files.retain(|file, _| !gone.iter().any(|name| file.starts_with(name))));
        world
    };
    let first = without(&["policy-1", "keyring-2", "allowed_signers-2"]);
    let mut sensor = Sensor::new(&first, T1);
    assert_eq!(sensor.why("standing-2.toml"), [Rule::Waits]);
    sensor.finds(&without(&["policy-1"]), T2);
    assert_eq!(sensor.why("standing-1.toml"), [Rule::Waits]);
    assert_eq!(sensor.why("standing-2.toml"), [Rule::KeyLeft]);
    assert_eq!(names(&sensor.finds(&world, T3)), ["R-1", "R-2", "R-3"]);
    assert_eq!(sensor.why("standing-2.toml"), [Rule::KeyLeft]);
    assert_eq!(sensor.gate().admitted(Kind::Standing).len(), 1);
}

#[test]
fn a_keyring_waits_for_the_one_before_it_and_for_its_keys() {
    let mut world = World::new();
    let mut sensor = Sensor::new(&world, T1);
    next(&mut world, 2, "carrier/", "");
    next(&mut world, 3, "inspector/", "");
    let all = world.papers().folder;
    let without = |names: &[&str]| {
        let mut world = world.clone();
        for name in names {
            let name = (*name).to_owned();
            world.after(move |files| files.retain(|file, _| !file.starts_with(&name)));
        }
        world
    };
    sensor.finds(&without(&["keyring-2", "allowed_signers-2"]), T2);
    assert_eq!(sensor.gate().keyring().unwrap().paper.number, 1);
    let signature = "keyring-3.toml";
    assert_eq!(sensor.why(signature), [Rule::Chain]);
    sensor.finds(&without(&["allowed_signers-2"]), T3);
    assert_eq!(sensor.gate().keyring().unwrap().paper.number, 1);
    assert_eq!(sensor.why("keyring-2.toml"), [Rule::Signers]);
    // What comes between is judged by the keyring in force, also when it is read again.
    let stop = "kind = \"stop\"\nnumber = 1\nreason = \"enough\"\n";
    let mut between = without(&["allowed_signers-2"]);
    between.paper("stop-1.toml", &["carrier/isp"], stop);
    sensor.finds(&between, T3);
    sensor.folder.files.extend(all.files);
    sensor.at(T4);
    assert_eq!(sensor.gate().keyring().unwrap().paper.number, 3);
    assert_eq!(sensor.why(""), [Rule::Stopped, Rule::StandingOther]);
}

#[test]
fn an_extension_goes_on_where_its_parent_ends() {
    let mut world = World::new();
    world.replace("request-3.toml", "2027-01-21", "2026-11-24");
    let mut sensor = Sensor::new(&world, T1);
    let parent = "parent = \"{{request-3.toml}}\"\nclass =";
    let text = world.texts["request-3.toml"].replace("class =", parent);
    let text = text
        .replace("number = 3", "number = 4")
        .replace("\"R-3\"", "\"R-3.2\"");
    let text = text
        .replace("2026-11-24", "2026-12-24")
        .replace("2026-11-21", "2026-11-24");
    world.paper("request-4.toml", &["requester/npa"], &text);
    world.paper("approval-4.toml", TWO, &approval(4, "request-4.toml"));
    let decision = sensor.finds(&world, T2);
    assert_eq!(names(&decision), ["R-1", "R-2", "R-3"]);
    assert_eq!(decision.next, Some(time("2026-11-24T00:00:00Z")));
    assert_eq!(
        names(&sensor.at("2026-11-24T00:00:00Z")),
        ["R-1", "R-2", "R-3.2"]
    );
}

#[test]
fn an_exclusion_takes_the_place_of_another() {
    let mut world = World::new();
    let mut sensor = Sensor::new(&world, T1);
    let replaces = "replaces = [\"{{exclusion-1.toml}}\"]\nprefixes";
    let text = EXCLUSION.replace("prefixes", replaces);
    world.paper("exclusion-2.toml", TWO, &text);
    let decision = sensor.finds(&world, T2);
    assert_eq!(names(&decision), [""; 0]);
    let layers = decision.layers.unwrap();
    assert_eq!(layers.exclusions.len(), 1);
    assert_eq!(layers.exclusions[0].prefix, "9.2.0.0/16".parse().unwrap());
    let text = standing(2, "keyring-1.toml", &[]).replace("exclusion-1", "exclusion-2");
    world.paper("standing-2.toml", &["overseer/ai"], &text);
    assert_eq!(names(&sensor.finds(&world, T3)), ["R-1", "R-2", "R-3"]);
    // What was approved in space that is excluded later stands, and is excluded all the same.
    let more = EXCLUSION
        .replace("= 2", "= 3")
        .replace("9.2.0.0/16", "9.9.9.0/24");
    world.paper("exclusion-3.toml", TWO, &more);
    let both = "\"{{exclusion-2.toml}}\", \"{{exclusion-3.toml}}\"";
    let text = standing(3, "keyring-1.toml", &[]).replace("\"{{exclusion-1.toml}}\"", both);
    world.paper("standing-3.toml", &["overseer/ai"], &text);
    let decision = sensor.finds(&world, T4);
    assert_eq!(names(&decision), ["R-1", "R-2", "R-3"]);
    assert_eq!(decision.layers.unwrap().exclusions.len(), 2);
}

#[test]
fn a_policy_that_is_tightened_lets_what_was_admitted_stand() {
    let mut world = World::new();
    let mut sensor = Sensor::new(&world, T1);
    let text = POLICY
        .replace("number = 1", "number = 2")
        .replace("transit = 2", "transit = 3");
    let text = text.replace("P90D", "P10D").replace("\"P3M\"", "\"P1M\"");
    world.paper("policy-2.toml", TWO, &text);
    let text = standing(2, "keyring-1.toml", &[]).replace("policy-1", "policy-2");
    world.paper("standing-2.toml", &["overseer/ai"], &text);
    assert_eq!(names(&sensor.finds(&world, T2)), ["R-1", "R-2", "R-3"]);
    let text = request(4, "R-4").replace("P30D", "P10D");
    world.paper("request-4.toml", &["requester/npa"], &text);
    world.paper("approval-4.toml", TWO, &approval(4, "request-4.toml"));
    assert_eq!(names(&sensor.finds(&world, T3)), ["R-1", "R-2", "R-3"]);
    assert_eq!(sensor.why("approval-4.toml"), [Rule::TooFew]);
    world.sign("approval-4.toml", &["overseer/chi"]);
    assert_eq!(
        names(&sensor.finds(&world, T4)),
        ["R-1", "R-2", "R-3", "R-4"]
    );
}

#[test]
fn ninety_days_are_not_always_three_months() {
    let mut world = World::new();
    world.replace("policy-1.toml", "\"P3M\"", "\"P90D\"");
    world.replace("request-3.toml", "2026-11-21", "2027-02-01");
    world.replace("request-3.toml", "2027-01-21", "2027-05-02");
    let mut sensor = Sensor::new(&world, T1);
    assert_eq!(sensor.why("approval-3.toml"), [Rule::OverLong]);
}

#[test]
fn a_consent_stands_alone_where_the_policy_lets_it() {
    let mut world = World::new();
    let alone = "\n[alone]\nfields = [\"ports\"]\nretention = \"P30D\"\nnecessity = \"attacks\"\n\n\
                 [[alone.indicator]]\nprefix = \"8.8.8.8/32\"\n";
    let text = crate::settings::CONSENT.to_owned() + alone;
    world.paper("consent-2.toml", &["operator/water"], &text);
    let mut sensor = Sensor::new(&world, T1);
    assert_eq!(names(&sensor.at(T1)), ["R-1", "R-2", "R-3"]);
    assert_eq!(sensor.why("consent-2.toml"), [Rule::NoConsent]);
    let text = POLICY
        .replace("number = 1", "number = 2")
        .replace("= false", "= true");
    world.paper("policy-2.toml", TWO, &text);
    let text = standing(2, "keyring-1.toml", &[]).replace("policy-1", "policy-2");
    world.paper("standing-2.toml", &["overseer/ai"], &text);
    let decision = sensor.finds(&world, T2);
    assert_eq!(names(&decision), ["consent.water.1", "R-1", "R-2", "R-3"]);
    let stop = "kind = \"stop\"\nnumber = 1\nreason = \"enough\"\n";
    world.paper("stop-1.toml", &["operator/water"], stop);
    assert_eq!(names(&sensor.finds(&world, T3)), ["R-1", "R-2", "R-3"]);
}

#[test]
fn a_territory_ages_and_is_renewed() {
    let mut world = World::new();
    let mut sensor = Sensor::new(&world, T1);
    let until = "2026-12-27T00:00:00Z";
    let text = standing(2, "keyring-1.toml", &[]);
    let text = text
        .replace("-26T", "-20T")
        .replace("2026-11-20", "2026-12-20");
    let text = text.replacen("2026-11-20", "2026-12-27", 1);
    let from = "from = \"2026-12-20T00:00:00Z\"\nuntil = \"";
    let text = text.replace("until = \"", "until_ = \"");
    let at = text.find("from = ").unwrap();
    let end = text.find("keyring = ").unwrap();
    let text = format!("{}{from}{until}\"\n{}", &text[..at], &text[end..]);
    world.paper("standing-2.toml", &["overseer/ai"], &text);
    // Of 2026-11-20, and 30 days old at most.
    let old = "2026-12-20T00:00:00Z";
    assert_eq!(names(&sensor.finds(&world, old)), [""; 0]);
    assert_eq!(sensor.why(""), [Rule::TerritoryAge]);
    world.paper("territory-2.toml", TWO, &territory(2, "2026-12-01").write());
    let text = text
        .replace("number = 2", "number = 3")
        .replace("territory-1", "territory-2");
    world.paper("standing-3.toml", &["overseer/ai"], &text);
    let decision = sensor.finds(&world, "2026-12-20T01:00:00Z");
    assert_eq!(names(&decision), ["R-1", "R-2", "R-3"]);
    assert_eq!(decision.attended, Attended::Until(time(until)));
    assert_eq!(sensor.gate().admitted(Kind::Territory).len(), 2);
}
