//! What ends: consents, approvals, recording.

use sensor_core::documents::{Attended, Kind, Rule};

use super::driver::{Sensor, names};
use crate::{
    settings::{LIFT, REVOCATION, STOP},
    world::{CONSENT, World, approval, standing, time},
};

const T1: &str = "2026-11-22T12:00:00Z";
const T2: &str = "2026-11-22T13:00:00Z";
const T3: &str = "2026-11-22T14:00:00Z";
const T4: &str = "2026-11-22T15:00:00Z";
const TWO: &[&str] = &["overseer/ai", "overseer/bo"];

#[test]
fn a_consent_that_is_withdrawn_ends_its_approval_until_there_is_another() {
    let mut world = World::new();
    let mut sensor = Sensor::new(&world, T1);
    let own = "kind = \"consent\"\nnumber = 2\noperator = \"power\"\nwithdrawn = true\n";
    world.paper("consent-2.toml", &["operator/power"], own);
    assert_eq!(names(&sensor.finds(&world, T2)), ["R-1", "R-3"]);
    assert_eq!(sensor.why("approval-2.toml"), [Rule::NoConsent]);
    // A number does not come back, nor does one below it count.
    let again = CONSENT.replace("/17", "/18");
    world.paper("consent-1b.toml", &["operator/power"], &again);
    assert_eq!(names(&sensor.finds(&world, T3)), ["R-1", "R-3"]);
    assert_eq!(
        sensor.why("consent-1b.toml.sig.operator_power"),
        [Rule::Number]
    );
    let next = CONSENT.replace("number = 1", "number = 3");
    world.paper("consent-3.toml", &["operator/power"], &next);
    let decision = sensor.finds(&world, T4);
    assert_eq!(names(&decision), ["R-1", "R-2", "R-3"]);
    let layers = decision.layers.unwrap();
    assert_eq!(
        layers.operators[0].prefixes,
        ["133.10.0.0/17".parse().unwrap()]
    );
    assert_eq!(names(&sensor.at("2027-02-28T23:59:59Z")), [""; 0]);
}

#[test]
fn who_ended_a_consent_is_told_and_not_who_ended_that_of_another_operator() {
    let mut world = World::new();
    let own = "kind = \"consent\"\nnumber = 2\noperator = \"power\"\nwithdrawn = true\n";
    let other = own.replace("power", "water");
    world.paper(
        "consent-water-1.toml",
        &["operator/water"],
        crate::settings::CONSENT,
    );
    let mut sensor = Sensor::new(&world, T1);
    let mut told = |world: &World, now: &str| {
        sensor.finds(world, now);
        let listed = sensor.gate().approvals(time(now)).into_iter();
        let mut refusals = listed.filter_map(|listed| listed.granted.err());
        refusals.find(|refusal| refusal.file == "approval-2.toml")
    };
    world.paper("consent-water-2.toml", &["operator/water"], &other);
    assert_eq!(told(&world, T2), None);
    world.paper("consent-2.toml", &["operator/power"], own);
    assert_eq!(
        told(&world, T3).unwrap().text,
        "the consent of power was ended by consent 2 (consent-2.toml)"
    );
}

#[test]
fn a_consent_of_another_interface_or_of_later_does_not_bring_the_approval_back() {
    let mut world = World::new();
    let mut sensor = Sensor::new(&world, T1);
    let other = CONSENT
        .replace("number = 1", "number = 2")
        .replace("r0", "r7");
    world.paper("consent-2.toml", &["operator/power"], &other);
    assert_eq!(names(&sensor.finds(&world, T2)), ["R-1", "R-3"]);
    assert_eq!(sensor.why("approval-2.toml"), [Rule::NoConsent]);
    let later = CONSENT
        .replace("number = 1", "number = 3")
        .replace("2026-11-01", "2026-11-23");
    world.paper("consent-3.toml", &["operator/power"], &later);
    let decision = sensor.finds(&world, T3);
    assert_eq!(names(&decision), ["R-1", "R-3"]);
    assert_eq!(decision.next, Some(time("2026-11-23T00:00:00Z")));
    assert_eq!(
        names(&sensor.at("2026-11-23T00:00:00Z")),
        ["R-1", "R-2", "R-3"]
    );
}

#[test]
fn what_is_revoked_does_not_come_back() {
    let mut world = World::new();
    let mut sensor = Sensor::new(&world, T1);
    world.paper("revocation-1.toml", &["carrier/isp"], REVOCATION);
    assert_eq!(names(&sensor.finds(&world, T2)), ["R-2", "R-3"]);
    world.paper("approval-4.toml", TWO, &approval(4, "request-1.toml"));
    assert_eq!(names(&sensor.finds(&world, T3)), ["R-2", "R-3"]);
    assert_eq!(sensor.why("approval-4.toml"), [Rule::Twice]);
    let own = REVOCATION
        .replace("number = 1", "number = 2")
        .replace("approval-1", "consent-1");
    world.paper("revocation-2.toml", &["operator/power"], &own);
    assert_eq!(names(&sensor.finds(&world, T4)), ["R-3"]);
    let all = ["approval-1.toml", "consent-1.toml"];
    world.paper(
        "standing-2.toml",
        &["overseer/ai"],
        &standing(2, "keyring-1.toml", &all),
    );
    assert_eq!(names(&sensor.finds(&world, T4)), ["R-3"]);
    assert_eq!(sensor.gate().to_stand().unwrap().revoked.len(), 2);
    sensor
        .folder
        .files
        .retain(|name, _| !name.starts_with("revocation-2"));
    assert_eq!(names(&sensor.at(T4)), [""; 0]);
    assert_eq!(sensor.why(""), [Rule::Missing]);
}

#[test]
fn a_revocation_that_the_wrong_operator_signed_first_counts_with_the_right_one() {
    let mut world = World::new();
    let text = REVOCATION.replace("approval-1", "approval-2");
    world.paper("revocation-1.toml", &["operator/water"], &text);
    let mut sensor = Sensor::new(&world, T1);
    assert_eq!(names(&sensor.at(T1)), ["R-1", "R-2", "R-3"]);
    world.sign("revocation-1.toml", &["operator/power"]);
    assert_eq!(names(&sensor.finds(&world, T2)), ["R-1", "R-3"]);
}

#[test]
fn a_stop_stands_until_k_of_n_lift_it() {
    let mut world = World::new();
    let mut sensor = Sensor::new(&world, T1);
    world.paper("stop-1.toml", &["carrier/isp"], STOP);
    assert_eq!(names(&sensor.finds(&world, T2)), [""; 0]);
    assert_eq!(sensor.why(""), [Rule::Stopped]);
    world.paper("lift-1.toml", &["overseer/ai"], LIFT);
    assert_eq!(names(&sensor.finds(&world, T3)), [""; 0]);
    assert_eq!(sensor.why("lift-1.toml"), [Rule::TooFew]);
    world.sign("lift-1.toml", &["overseer/chi"]);
    assert_eq!(names(&sensor.finds(&world, T4)), ["R-1", "R-2", "R-3"]);
    // The same stop, signed by another one afterwards, stops again.
    world.sign("stop-1.toml", &["overseer/bo"]);
    assert_eq!(names(&sensor.finds(&world, T4)), [""; 0]);
    let next = LIFT.replace("number = 1", "number = 2");
    world.paper("lift-2.toml", TWO, &next);
    assert_eq!(names(&sensor.finds(&world, T4)), ["R-1", "R-2", "R-3"]);
}

#[test]
fn a_stop_of_an_operator_stops_its_own() {
    let mut world = World::new();
    let mut sensor = Sensor::new(&world, T1);
    world.paper("stop-1.toml", &["operator/power"], STOP);
    assert_eq!(names(&sensor.finds(&world, T2)), ["R-1", "R-3"]);
    assert_eq!(sensor.why("approval-2.toml"), [Rule::Stopped]);
    world.paper("lift-1.toml", TWO, LIFT);
    assert_eq!(names(&sensor.finds(&world, T3)), ["R-1", "R-2", "R-3"]);
}

#[test]
fn a_standing_runs_out_and_is_renewed() {
    let mut world = World::new();
    let mut sensor = Sensor::new(&world, T1);
    let end = "2026-11-26T00:00:00Z";
    assert_eq!(sensor.at(T1).attended, Attended::Until(time(end)));
    assert_eq!(
        names(&sensor.at("2026-11-25T23:59:59.999999999Z")),
        ["R-1", "R-2", "R-3"]
    );
    assert_eq!(names(&sensor.at(end)), [""; 0]);
    assert_eq!(sensor.why(""), [Rule::NoStanding]);
    let next = standing(2, "keyring-1.toml", &[]);
    let next = next.replace("-26T", "-30T").replace("-20T", "-25T");
    world.paper("standing-2.toml", &["overseer/bo"], &next);
    assert_eq!(
        names(&sensor.finds(&world, "2026-11-26T01:00:00Z")),
        ["R-1", "R-2", "R-3"]
    );
}

#[test]
fn a_standing_that_is_signed_for_later_leaves_no_gap_before_it() {
    let mut world = World::new();
    let mut sensor = Sensor::new(&world, T1);
    let later = standing(2, "keyring-1.toml", &[]);
    let later = later.replace("-26T", "-30T").replace("-20T", "-25T");
    world.paper("standing-2.toml", &["overseer/bo"], &later);
    let now = sensor.finds(&world, T2);
    assert_eq!(names(&now), ["R-1", "R-2", "R-3"]);
    assert_eq!(now.attended, Attended::Until(time("2026-11-26T00:00:00Z")));
    assert_eq!(now.next, Some(time("2026-11-25T00:00:00Z")));
    let then = sensor.at("2026-11-25T00:00:00Z");
    assert_eq!(then.attended, Attended::Until(time("2026-11-30T00:00:00Z")));
    // One that has begun counts, whatever those before it said.
    let other = standing(3, "keyring-1.toml", &["approval-1.toml"]);
    world.paper("standing-3.toml", &["overseer/ai"], &other);
    assert_eq!(names(&sensor.finds(&world, T3)), [""; 0]);
    assert_eq!(sensor.why(""), [Rule::StandingOther]);
}

#[test]
fn a_file_that_a_later_keyring_names_does_not_bring_the_earlier_one_back_when_it_goes() {
    let mut world = World::new();
    let mut sensor = Sensor::new(&world, T1);
    let next = crate::world::keyring(2, Some("keyring-1.toml"));
    let next = next.replace("{{allowed_signers}}", "{{allowed_signers-2}}");
    world.paper("keyring-2.toml", &["overseer/ai", "overseer/bo"], &next);
    let lines = world.texts["allowed_signers"].clone();
    let without = lines.lines().filter(|line| !line.contains("overseer/chi"));
    let without: Vec<&str> = without.collect();
    world.file("allowed_signers-2", &(without.join("\n") + "\n"));
    assert_eq!(names(&sensor.finds(&world, T2)), [""; 0]);
    // Neither alone, nor with a standing of the overseer who has left.
    let keys = sensor.folder.files.remove("allowed_signers-2").unwrap();
    assert_eq!(names(&sensor.at(T2)), [""; 0]);
    assert_eq!(sensor.why(""), [Rule::Missing]);
    let again = standing(2, "keyring-1.toml", &[]);
    let mut other = World::new();
    other.paper("standing-2.toml", &["overseer/chi"], &again);
    assert_eq!(names(&sensor.finds(&other, T3)), [""; 0]);
    assert_eq!(sensor.why(""), [Rule::Missing]);
    sensor.folder.files.insert("allowed_signers-2".into(), keys);
    let fresh = standing(3, "keyring-2.toml", &[]);
    world.paper("standing-3.toml", &["overseer/ai"], &fresh);
    assert_eq!(names(&sensor.finds(&world, T4)), ["R-1", "R-2", "R-3"]);
}

#[test]
fn the_feed_of_a_later_consent_does_not_bring_the_earlier_one_back_when_it_goes() {
    let mut world = World::new();
    let mut sensor = Sensor::new(&world, T1);
    let feed = &world.texts["feed.txt"];
    let bound = sensor_core::documents::indicators::bind(
        "feed.txt".to_owned().try_into().unwrap(),
        feed.as_bytes(),
        sensor_core::documents::paper::Format::Plain,
        sensor_core::documents::paper::Mapping::default(),
    );
    let consent = world.texts["consent-1.toml"].replace("number = 1", "number = 2");
    let consent = consent.replace("name = \"r0\"", "name = \"r1\"");
    let alone = format!(
        "\n[alone]\nfields = []\nretention = \"P7D\"\nnecessity = \"we are attacked\"\n\n\
         [alone.feed]\nfile = \"feed.txt\"\nsha256 = \"{}\"\nformat = \"plain\"\n\
         count = {}\nset_sha256 = \"{}\"\n",
        bound.sha256, bound.count, bound.set_sha256
    );
    world.paper("consent-2.toml", &["operator/power"], &(consent + &alone));
    assert_eq!(names(&sensor.finds(&world, T2)), ["R-1", "R-3"]);
    let feed = sensor.folder.files.remove("feed.txt").unwrap();
    assert_eq!(names(&sensor.at(T3)), [""; 0]);
    assert_eq!(sensor.why(""), [Rule::Missing]);
    let other = b"8.8.8.8\n"[..].into();
    sensor.folder.files.insert("feed.txt".into(), other);
    assert_eq!(names(&sensor.at(T3)), [""; 0]);
    sensor.folder.files.insert("feed.txt".into(), feed);
    assert_eq!(names(&sensor.at(T4)), ["R-1", "R-3"]);
}

#[test]
fn a_request_comes_after_its_feed_and_nothing_is_recorded_when_the_feed_goes() {
    let mut world = World::new();
    let text = crate::settings::request(4, "R-4");
    let text = crate::world::with_feed(&text, "late.txt", "8.8.8.8 5\n", 1);
    world.paper("request-4.toml", &["requester/npa"], &text);
    world.paper("approval-4.toml", TWO, &approval(4, "request-4.toml"));
    let mut sensor = Sensor::new(&world, T1);
    assert_eq!(names(&sensor.at(T1)), ["R-1", "R-2", "R-3"]);
    assert_eq!(sensor.why("request-4.toml"), [Rule::Waits]);
    world.file("late.txt", "8.8.8.8 5\n");
    // Also after a restart it is not in force before its feed was there.
    let decision = sensor.finds(&world, T2);
    assert_eq!(names(&decision), ["R-1", "R-2", "R-3", "R-4"]);
    assert_eq!(decision.granted[3].from, time(T2));
    let feed = sensor.folder.files.remove("late.txt").unwrap();
    assert_eq!(names(&sensor.at(T3)), [""; 0]);
    assert_eq!(sensor.why(""), [Rule::Missing]);
    sensor.folder.files.insert("late.txt".into(), feed);
    assert_eq!(names(&sensor.at(T4)), ["R-1", "R-2", "R-3", "R-4"]);
}

#[test]
fn who_revokes_a_request_revokes_its_approval_and_nothing_else_can_be_revoked() {
    let mut world = World::new();
    let mut sensor = Sensor::new(&world, T1);
    let revocation = |number: u32, of: &str| {
        format!(
            "kind = \"revocation\"\nnumber = {number}\nrevokes = \"{{{{{of}}}}}\"\n\
             reason = \"the servers are gone\"\n"
        )
    };
    let of_request = revocation(1, "request-1.toml");
    world.paper("revocation-1.toml", &["carrier/isp"], &of_request);
    assert_eq!(names(&sensor.finds(&world, T2)), ["R-2", "R-3"]);
    world.paper(
        "revocation-2.toml",
        &["carrier/isp"],
        &revocation(2, "policy-1.toml"),
    );
    assert_eq!(names(&sensor.finds(&world, T3)), ["R-2", "R-3"]);
    assert_eq!(sensor.why("revocation-2.toml"), [Rule::Form]);
    let of_operator = revocation(3, "request-2.toml");
    world.paper("revocation-3.toml", &["operator/power"], &of_operator);
    assert_eq!(names(&sensor.finds(&world, T4)), ["R-3"]);
}

/// Whoever is first with a name has not taken it before the overseers have answered.
#[test]
fn a_requester_cannot_take_the_id_of_another() {
    let mut world = World::new();
    let lines = world.texts["allowed_signers"].clone();
    let lines = lines + &crate::world::line("requester/other", "");
    world.file("allowed_signers", &lines);
    let taken = crate::settings::request(1, "R-9").replace("\"npa\"", "\"other\"");
    world.paper("request-0.toml", &["requester/other"], &taken);
    let mut sensor = Sensor::new(&world, T1);
    let own = crate::settings::request(9, "R-9");
    world.paper("request-9.toml", &["requester/npa"], &own);
    let all = ["overseer/ai", "overseer/bo"];
    world.paper("approval-9.toml", &all, &approval(9, "request-9.toml"));
    let now = sensor.finds(&world, T2);
    assert_eq!(names(&now), ["R-1", "R-2", "R-3", "R-9"]);
    // Two that go by one name are never approved.
    world.paper("approval-10.toml", &all, &approval(10, "request-0.toml"));
    let now = sensor.finds(&world, T3);
    assert_eq!(names(&now), ["R-1", "R-2", "R-3", "R-9"]);
    assert_eq!(sensor.why("approval-10.toml"), [Rule::Id]);
}

#[test]
fn who_answers_a_finding_takes_no_number_of_who_finds() {
    let mut world = World::new();
    let found = |number: u32| {
        format!(
            "kind = \"finding\"\nnumber = {number}\nstep = \"found\"\nat = \"{T1}\"\n\
             finding = \"notice\"\nconcerns = \"R-1\"\npublic = \"kept too long\"\n"
        )
    };
    world.paper("finding-1.toml", &["inspector/ken"], &found(1));
    let answered = format!(
        "kind = \"finding\"\nnumber = 7\nstep = \"answered\"\nat = \"{T1}\"\n\
         of = \"{{{{finding-1.toml}}}}\"\nanswer = \"deleted\"\n"
    );
    world.paper("finding-1-answer.toml", &["carrier/isp"], &answered);
    let mut sensor = Sensor::new(&world, T1);
    world.paper("finding-2.toml", &["inspector/ken"], &found(2));
    sensor.finds(&world, T2);
    assert_eq!(sensor.why("finding-2.toml"), []);
    assert_eq!(sensor.why("finding-1-answer.toml"), []);
    let admitted = sensor.gate().admitted(Kind::Finding).into_iter();
    let numbers: Vec<u64> = admitted.map(|(_, paper)| paper.number).collect();
    assert_eq!(numbers, [1, 2, 7]);
}

#[test]
fn a_refusal_is_final_for_its_request() {
    let mut world = World::new();
    let text = crate::settings::request(4, "R-4");
    world.paper("request-4.toml", &["requester/npa"], &text);
    let refusal = approval(4, "request-4.toml").replace("granted", "refused");
    world.paper("approval-4.toml", &["overseer/chi"], &refusal);
    let mut sensor = Sensor::new(&world, T1);
    let all = ["overseer/ai", "overseer/bo", "overseer/chi"];
    world.paper("approval-5.toml", &all, &approval(5, "request-4.toml"));
    assert_eq!(names(&sensor.finds(&world, T2)), ["R-1", "R-2", "R-3"]);
    assert_eq!(sensor.why("approval-5.toml"), [Rule::Refused]);
    // Asked again in other words, it is another request.
    let again = text.replace("= 4", "= 5").replace("R-4", "R-5");
    world.paper("request-5.toml", &["requester/npa"], &again);
    world.paper("approval-6.toml", &all, &approval(6, "request-5.toml"));
    assert_eq!(
        names(&sensor.finds(&world, T3)),
        ["R-1", "R-2", "R-3", "R-5"]
    );
}
