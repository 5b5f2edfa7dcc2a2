//! `sekisho approval`, of papers: drafts, what they say, and a carrier's own check.

use super::{Desk, NOW, filtered};

#[test]
fn an_approval_is_drafted_under_conditions() {
    let (desk, _filtered) = (Desk::new(), filtered());
    let printed = desk.run(
        "approval new --number 2 --request request-1.toml --reason 'only this' --field ports \
         --interface r0 --indicator 8.8.8.8 --retention P7D --no-tunnels",
    );
    insta::assert_snapshot!(printed.whole(), @"");
    let printed = desk.run("approval new --number 2 --request request-1.toml --refuse --reason no");
    insta::assert_snapshot!(printed.whole(), @"");
    let new = "approval new --number 2 --request request-1.toml --reason r";
    let lines = [
        &*format!("{new} --until 2026-12-01T00:00:00Z"),
        &*format!("{new} --field ttl"),
        &*format!("{new} --interface eth9"),
        &*format!("{new} --indicator 9.9.9.0/24"),
        &*format!("{new} --refuse --field ports"),
        "approval new --number 2 --request policy-1.toml --reason r",
        "approval new --number 2 --request request-1.toml --reason ' '",
    ];
    insta::assert_snapshot!(desk.refusals(2, &lines), @"");
    desk.replace("feed.txt", "8.8.4.4", "8.8.4.5");
    insta::assert_snapshot!(desk.refusals(18, &[new]), @"");
}

#[test]
fn a_carrier_verifies_without_a_sensor() {
    let (desk, _filtered) = (Desk::new(), filtered());
    let verify = format!("approval verify --keyring keyring-1.toml --at {NOW}");
    let given = "policy-1.toml territory-1.toml exclusion-1.toml request-1.toml approval-1.toml";
    let printed = desk.run(&format!("{verify} {given}"));
    insta::assert_snapshot!(printed.whole(), @"");
    let printed = desk.run(&format!("{verify} {given} --standing"));
    insta::assert_snapshot!(printed.whole(), @"");
    let printed = desk.run(&format!("{verify} request-1.toml approval-1.toml"));
    insta::assert_snapshot!(printed.whole(), @"");
    let printed = desk.run(&format!("{verify} {given} --json"));
    insta::assert_snapshot!(printed.whole(), @"");
    let later = verify.replace(NOW, "2026-10-01T00:00:00Z");
    let printed = desk.run(&format!("{later} {given}"));
    insta::assert_snapshot!(printed.whole(), @"");
}

#[test]
fn what_was_changed_after_it_was_signed_is_refused() {
    let (desk, _filtered) = (Desk::new(), filtered());
    desk.replace("approval-1.toml", "2026-09-01", "2026-09-30");
    let printed = desk.run(&format!(
        "approval verify --keyring keyring-1.toml --at {NOW} policy-1.toml territory-1.toml \
         exclusion-1.toml request-1.toml approval-1.toml"
    ));
    insta::assert_snapshot!(printed.whole(), @"");
}

#[test]
fn a_keyring_of_any_number_can_be_trusted() {
    let (desk, _filtered) = (Desk::new(), filtered());
    let printed = desk.run(
        "keyring new --previous keyring-1.toml --signers allowed_signers --overseers 2 \
         --sensor tokyo-1=SENSOR --output keyring-2.toml",
    );
    insta::assert_snapshot!(printed.whole(), @"");
    let given = "policy-1.toml territory-1.toml exclusion-1.toml request-1.toml approval-1.toml";
    desk.well(&format!(
        "approval verify --keyring keyring-2.toml --at {NOW} {given}"
    ));
    // The one before it is not what is trusted.
    let printed = desk.run(&format!(
        "approval verify --keyring keyring-2.toml --at {NOW} {given} keyring-1.toml"
    ));
    insta::assert_snapshot!(printed.whole(), @"");
}

#[test]
fn what_cannot_be_verified() {
    let (desk, _filtered) = (Desk::new(), filtered());
    desk.write("other/allowed_signers", "");
    let lines = [
        "approval verify --keyring policy-1.toml request-1.toml",
        "approval verify --keyring keyring-1.toml policy-1.toml",
        "approval verify --keyring keyring-1.toml",
        "approval verify --keyring keyring-1.toml request-1.toml --at today",
        "approval verify --keyring keyring-1.toml request-1.toml other/request-1.toml",
    ];
    insta::assert_snapshot!(desk.refusals(2, &lines), @"");
    let lines = [
        "approval verify --keyring missing.toml request-1.toml",
        "approval verify --keyring keyring-1.toml request-1.toml missing.toml",
        "approval verify --keyring keyring-1.toml --signers feed.txt request-1.toml",
    ];
    insta::assert_snapshot!(desk.refusals(18, &lines), @"");
}

#[test]
fn papers_are_listed_with_what_they_come_to() {
    let (desk, _filtered) = (Desk::new(), filtered());
    desk.well(
        "consent new --number 1 --operator power --prefix 133.10.0.0/17 \
         --from 2026-07-01T00:00:00Z --until 2026-12-01T00:00:00Z \
         --interface r0=02:00:00:00:00:01@virtual --alone --field ports --retention P7D \
         --necessity 'we are attacked' --indicator 8.8.8.9 --output consent-1.toml",
    );
    desk.sign("consent-1", &["operator/power"]);
    desk.well(
        "request new --from-diff request-1.toml --number 2 --id R-2 --feed feed.txt \
         --least-count 1 --output request-2.toml",
    );
    desk.sign("request-2", &["requester/npa"]);
    desk.well(
        "approval new --number 2 --request request-2.toml --reason r --output approval-2.toml",
    );
    desk.sign("approval-2", &["overseer/ai"]);
    let at = format!("--papers . --root ROOT --at {NOW}");
    let printed = desk.run(&format!("approval list {at}"));
    insta::assert_snapshot!(printed.whole(), @"");
    let printed = desk.run(&format!("approval show R-1 {at}"));
    insta::assert_snapshot!(printed.whole(), @"");
    let printed = desk.run(&format!("approval show approval-2.toml {at}"));
    insta::assert_snapshot!(printed.whole(), @"");
    let listed = desk.well(&format!("approval list --json {at}"));
    let listed: serde_json::Value = serde_json::from_str(&listed.stdout).unwrap();
    assert_eq!(listed["approvals"][0]["state"], "in-force");
    assert_eq!(listed["approvals"][1]["refusal"]["rule"], "too-few");
    let lines = [
        &*format!("approval show R-7 {at}"),
        "approval show R-1",
        "approval list --papers .",
        "approval list --papers . --root abc",
    ];
    insta::assert_snapshot!(desk.refusals(2, &lines), @"");
}

#[test]
fn a_state_folder_is_read_with_its_log() {
    let (desk, _filtered) = (Desk::new(), filtered());
    desk.well(&format!(
        "init --root ROOT --log-key {}.pub --state state",
        desk.key("carrier/isp").display()
    ));
    for name in ["keyring-1.toml", "allowed_signers"] {
        std::fs::copy(
            desk.path().join(name),
            desk.path().join("state/papers").join(name),
        )
        .unwrap();
    }
    let printed = desk.run(&format!("approval list --state state --at {NOW}"));
    insta::assert_snapshot!(printed.whole(), @"");
    insta::assert_snapshot!(desk.refusals(17, &["approval list --state nowhere"]), @"");
}
