//! `sekisho standing`: what it names, and when there is nothing to stand by.

use super::{Desk, NOW, filtered};

#[test]
fn a_standing_names_what_is_in_force_and_what_was_revoked() {
    let (desk, _filtered) = (Desk::new(), filtered());
    let at = format!("--papers . --root ROOT --at {NOW}");
    let printed = desk.run(&format!("standing new {at}"));
    insta::assert_snapshot!(printed.whole(), @r#"
    exit status: 0
    ----- stdout -----
    # standing 1 of Sekisho; sign: ssh-keygen -Y sign -n sekisho-standing -f KEY - < FILE > FILE.sig.overseer_NAME
    kind = "standing"
    number = 1
    from = "2026-07-10T00:00:00Z"
    until = "2026-07-17T00:00:00Z"
    keyring = "[SHA256]"
    policy = "[SHA256]"
    territory = "[SHA256]"
    exclusions = ["[SHA256]"]
    revoked = []
    ----- stderr -----
    sekisho: standing 1 is drafted; one overseer signs it:
      ssh-keygen -Y sign -n sekisho-standing -f KEY - < FILE.toml > FILE.toml.sig.overseer_NAME
    sekisho: it names keyring, policy, territory, 1 exclusion and 0 revoked documents
    "#);
    desk.well("revoke approval-1.toml --number 1 --reason r --output revocation-1.toml");
    desk.sign("revocation-1", &["carrier/isp"]);
    let printed = desk.run(&format!(
        "standing new {at} --days 2 --output standing-1.toml"
    ));
    insta::assert_snapshot!(printed.whole(), @r"
    exit status: 0
    ----- stdout -----
    ----- stderr -----
    sekisho: standing 1 is drafted; one overseer signs it:
      ssh-keygen -Y sign -n sekisho-standing -f KEY - < standing-1.toml > standing-1.toml.sig.overseer_NAME
    sekisho: it names keyring, policy, territory, 1 exclusion and 1 revoked document
    ");
    desk.sign("standing-1", &["overseer/chi"]);
    let printed = desk.run(&format!("approval list {at}"));
    insta::assert_snapshot!(printed.whole(), @r"
    exit status: 0
    ----- stdout -----
    At 2026-07-10T00:00:00Z what is in force is recorded, until 2026-07-12T00:00:00Z.

    APPROVAL  STATE  UNTIL  FILE
    R-1       ended  -      approval-1.toml
      approval 1 (approval-1.toml) was revoked by revocation 1 (revocation-1.toml) [revoked]
    ----- stderr -----
    ");
    let printed = desk.well(&format!("standing new {at}"));
    assert!(printed.stdout.contains("number = 2"), "{}", printed.stdout);
    let lines = [
        &*format!("standing new {at} --number 1"),
        &*format!("standing new {at} --days 8"),
        "standing new",
        "standing new --papers .",
    ];
    insta::assert_snapshot!(desk.refusals(2, &lines), @r"
    sekisho: --number: standing 1 was admitted before; take 2 or more
    error: invalid value '8' for '--days <N>': 8 is not in 1..=7
    sekisho: name the papers: --state DIR, or --papers DIR with --root SHA256
    error: the following required arguments were not provided:   --root <SHA256>
    ");
    std::fs::remove_file(desk.path().join("policy-1.toml")).unwrap();
    let lines = [
        &*format!("standing new {at}"),
        "standing new --papers nowhere --root ROOT",
    ];
    insta::assert_snapshot!(desk.refusals(18, &lines), @r"
    sekisho: there is nothing to stand by: a keyring, a policy and a territory have to be in force first; 'sekisho approval list' says what is refused
    sekisho: nowhere: no such file
    ");
}
