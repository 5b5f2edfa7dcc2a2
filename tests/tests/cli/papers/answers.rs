//! `sekisho approval`, of papers: drafts, what they say, and a carrier's own check.

use super::{Desk, NOW, filtered};

#[test]
fn an_approval_is_drafted_under_conditions() {
    let (desk, _filtered) = (Desk::new(), filtered());
    let printed = desk.run(
        "approval new --number 2 --request request-1.toml --reason 'only this' --field ports \
         --interface r0 --indicator 8.8.8.8 --retention P7D --no-tunnels",
    );
    insta::assert_snapshot!(printed.whole(), @r#"
    exit status: 0
    ----- stdout -----
    # approval 2 of Sekisho; sign: ssh-keygen -Y sign -n sekisho-approval -f KEY - < FILE > FILE.sig.overseer_NAME
    kind = "approval"
    number = 2
    request = "[SHA256]"
    decision = "granted"
    reason = "only this"

    [conditions]
    interfaces = ["r0"]
    fields = ["ports"]
    retention = "P7D"
    indicators = ["8.8.8.8/32"]
    no_tunnels = true
    ----- stderr -----
    sekisho: approval 2 is drafted; overseers sign it, each with a key of their own:
      ssh-keygen -Y sign -n sekisho-approval -f KEY - < FILE.toml > FILE.toml.sig.overseer_NAME
    "#);
    let printed = desk.run("approval new --number 2 --request request-1.toml --refuse --reason no");
    insta::assert_snapshot!(printed.whole(), @r#"
    exit status: 0
    ----- stdout -----
    # approval 2 of Sekisho; sign: ssh-keygen -Y sign -n sekisho-approval -f KEY - < FILE > FILE.sig.overseer_NAME
    kind = "approval"
    number = 2
    request = "[SHA256]"
    decision = "refused"
    reason = "no"
    ----- stderr -----
    sekisho: approval 2 is drafted; overseers sign it, each with a key of their own:
      ssh-keygen -Y sign -n sekisho-approval -f KEY - < FILE.toml > FILE.toml.sig.overseer_NAME
    "#);
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
    insta::assert_snapshot!(desk.refusals(2, &lines), @r"
    sekisho: --until: a condition narrows what request-1.toml asks for, and this one does not
    sekisho: --field: a condition narrows what request-1.toml asks for, and this one does not
    sekisho: --interface: a condition narrows what request-1.toml asks for, and this one does not
    sekisho: --indicator: a condition narrows what request-1.toml asks for, and this one does not
    sekisho: this approval would be refused: a refusal has no conditions
    sekisho: policy-1.toml: this is a document of the kind 'policy'; name one of the kind request
    error: invalid value ' ' for '--reason <TEXT>': it is empty; say it in words
    ");
    desk.replace("feed.txt", "8.8.4.4", "8.8.4.5");
    insta::assert_snapshot!(desk.refusals(18, &[new]), @"sekisho: request-1.toml: its feed feed.txt has other bytes (SHA-256 [SHA]) than the request binds ([SHA])");
}

#[test]
#[expect(clippy::too_many_lines, reason = "whole outputs are long")]
fn a_carrier_verifies_without_a_sensor() {
    let (desk, _filtered) = (Desk::new(), filtered());
    let verify = format!("approval verify --keyring keyring-1.toml --at {NOW}");
    let given = "policy-1.toml territory-1.toml exclusion-1.toml request-1.toml approval-1.toml";
    let printed = desk.run(&format!("{verify} {given}"));
    insta::assert_snapshot!(printed.whole(), @r"
    exit status: 0
    ----- stdout -----
    At 2026-07-10T00:00:00Z, by keyring 1 (keyring-1.toml), for the sensor [SENSOR]:

    FILE              DOCUMENT     ANSWER
    keyring-1.toml    keyring 1    trusted
    policy-1.toml     policy 1     accepted
    territory-1.toml  territory 1  accepted
    exclusion-1.toml  exclusion 1  accepted
    request-1.toml    request 1    accepted
    approval-1.toml   approval 1   in force until 2026-09-01T00:00:00Z, as R-1

    Everything given holds. A standing was not asked for; --standing requires one.
    ----- stderr -----
    ");
    let printed = desk.run(&format!("{verify} {given} --standing"));
    insta::assert_snapshot!(printed.whole(), @r"
    exit status: 18
    ----- stdout -----
    At 2026-07-10T00:00:00Z, by keyring 1 (keyring-1.toml), for the sensor [SENSOR]:

    FILE              DOCUMENT     ANSWER
    keyring-1.toml    keyring 1    trusted
    policy-1.toml     policy 1     accepted
    territory-1.toml  territory 1  accepted
    exclusion-1.toml  exclusion 1  accepted
    request-1.toml    request 1    accepted
    approval-1.toml   approval 1   in force until 2026-09-01T00:00:00Z, as R-1

    nothing is recorded without a standing of an overseer [no-standing]

    Not everything given holds.
    ----- stderr -----
    ");
    let printed = desk.run(&format!("{verify} request-1.toml approval-1.toml"));
    insta::assert_snapshot!(printed.whole(), @r"
    exit status: 18
    ----- stdout -----
    At 2026-07-10T00:00:00Z, by keyring 1 (keyring-1.toml), for the sensor [SENSOR]:

    FILE             DOCUMENT    ANSWER
    keyring-1.toml   keyring 1   trusted
    request-1.toml   request 1   accepted
    approval-1.toml  approval 1  refused

    nothing is recorded without a policy signed by the overseers [waits]
    nothing is recorded without a territory signed by the overseers [waits]
    approval-1.toml: a policy is not here yet [waits]

    Not given: a policy.
    Not given: a territory.
    Not everything given holds. A standing was not asked for; --standing requires one.
    ----- stderr -----
    ");
    let printed = desk.run(&format!("{verify} {given} --json"));
    insta::assert_snapshot!(printed.whole(), @r#"
    exit status: 0
    ----- stdout -----
    {
      "holds": true,
      "at": "2026-07-10T00:00:00Z",
      "sensor": "[SENSOR]",
      "keyring": "keyring 1 (keyring-1.toml)",
      "documents": [
        {
          "file": "keyring-1.toml",
          "kind": "keyring",
          "number": 1,
          "sha256": "[SHA256]",
          "accepted": true,
          "answer": "trusted"
        },
        {
          "file": "policy-1.toml",
          "kind": "policy",
          "number": 1,
          "sha256": "[SHA256]",
          "accepted": true,
          "answer": "accepted"
        },
        {
          "file": "territory-1.toml",
          "kind": "territory",
          "number": 1,
          "sha256": "[SHA256]",
          "accepted": true,
          "answer": "accepted"
        },
        {
          "file": "exclusion-1.toml",
          "kind": "exclusion",
          "number": 1,
          "sha256": "[SHA256]",
          "accepted": true,
          "answer": "accepted"
        },
        {
          "file": "request-1.toml",
          "kind": "request",
          "number": 1,
          "sha256": "[SHA256]",
          "accepted": true,
          "answer": "accepted"
        },
        {
          "file": "approval-1.toml",
          "kind": "approval",
          "number": 1,
          "sha256": "[SHA256]",
          "accepted": true,
          "answer": "in force until 2026-09-01T00:00:00Z, as R-1"
        }
      ],
      "refusals": [],
      "not_given": [],
      "standing": "not checked"
    }
    ----- stderr -----
    "#);
    let later = verify.replace(NOW, "2026-10-01T00:00:00Z");
    let printed = desk.run(&format!("{later} {given}"));
    insta::assert_snapshot!(printed.whole(), @r"
    exit status: 18
    ----- stdout -----
    At 2026-10-01T00:00:00Z, by keyring 1 (keyring-1.toml), for the sensor [SENSOR]:

    FILE              DOCUMENT     ANSWER
    keyring-1.toml    keyring 1    trusted
    policy-1.toml     policy 1     accepted
    territory-1.toml  territory 1  accepted
    exclusion-1.toml  exclusion 1  accepted
    request-1.toml    request 1    accepted
    approval-1.toml   approval 1   refused

    territory 1 (territory-1.toml) is of 2026-07-01 and older than P30D, as policy 1 (policy-1.toml) allows: the overseers have to sign a newer one [territory-age]
    approval-1.toml: approval 1 (approval-1.toml) ended at 2026-09-01T00:00:00Z [ended]

    Not everything given holds. A standing was not asked for; --standing requires one.
    ----- stderr -----
    ");
}

#[test]
fn what_was_changed_after_it_was_signed_is_refused() {
    let (desk, _filtered) = (Desk::new(), filtered());
    desk.replace("approval-1.toml", "2026-09-01", "2026-09-30");
    let printed = desk.run(&format!(
        "approval verify --keyring keyring-1.toml --at {NOW} policy-1.toml territory-1.toml \
         exclusion-1.toml request-1.toml approval-1.toml"
    ));
    insta::assert_snapshot!(printed.whole(), @r"
    exit status: 18
    ----- stdout -----
    At 2026-07-10T00:00:00Z, by keyring 1 (keyring-1.toml), for the sensor [SENSOR]:

    FILE              DOCUMENT     ANSWER
    keyring-1.toml    keyring 1    trusted
    policy-1.toml     policy 1     accepted
    territory-1.toml  territory 1  accepted
    exclusion-1.toml  exclusion 1  accepted
    request-1.toml    request 1    accepted
    approval-1.toml   approval 1   refused

    approval-1.toml.sig.overseer_ai: the signature does not fit the bytes of the document; sign this very file again (by keyring 1 (keyring-1.toml)) [forged]
    approval-1.toml.sig.overseer_bo: the signature does not fit the bytes of the document; sign this very file again (by keyring 1 (keyring-1.toml)) [forged]

    Not everything given holds. A standing was not asked for; --standing requires one.
    ----- stderr -----
    ");
}

#[test]
fn a_keyring_of_any_number_can_be_trusted() {
    let (desk, _filtered) = (Desk::new(), filtered());
    let printed = desk.run(
        "keyring new --previous keyring-1.toml --signers allowed_signers --overseers 2 \
         --sensor tokyo-1=SENSOR --output keyring-2.toml",
    );
    insta::assert_snapshot!(printed.whole(), @r"
    exit status: 0
    ----- stdout -----
    ----- stderr -----
    sekisho: keyring 2 is drafted; overseers sign it, each with a key of their own:
      ssh-keygen -Y sign -n sekisho-keyring -f KEY - < keyring-2.toml > keyring-2.toml.sig.overseer_NAME
    ");
    let given = "policy-1.toml territory-1.toml exclusion-1.toml request-1.toml approval-1.toml";
    desk.well(&format!(
        "approval verify --keyring keyring-2.toml --at {NOW} {given}"
    ));
    // The one before it is not what is trusted.
    let printed = desk.run(&format!(
        "approval verify --keyring keyring-2.toml --at {NOW} {given} keyring-1.toml"
    ));
    insta::assert_snapshot!(printed.whole(), @r"
    exit status: 18
    ----- stdout -----
    At 2026-07-10T00:00:00Z, by keyring 2 (keyring-2.toml), for the sensor [SENSOR]:

    FILE              DOCUMENT     ANSWER
    keyring-1.toml    keyring 1    refused
    keyring-2.toml    keyring 2    trusted
    policy-1.toml     policy 1     accepted
    territory-1.toml  territory 1  accepted
    exclusion-1.toml  exclusion 1  accepted
    request-1.toml    request 1    accepted
    approval-1.toml   approval 1   in force until 2026-09-01T00:00:00Z, as R-1

    keyring-1.toml: keyring 1 (keyring-1.toml) is of before the keyring that is trusted: leave it out, or trust it [chain]

    Not everything given holds. A standing was not asked for; --standing requires one.
    ----- stderr -----
    ");
}

#[test]
fn what_cannot_be_verified() {
    let (desk, _filtered) = (Desk::new(), filtered());
    std::fs::create_dir(desk.path().join("other")).unwrap();
    desk.write("other/request-1.toml", "kind = \"request\"\n");
    let lines = [
        "approval verify --keyring policy-1.toml request-1.toml",
        "approval verify --keyring keyring-1.toml policy-1.toml",
        "approval verify --keyring keyring-1.toml",
        "approval verify --keyring keyring-1.toml request-1.toml --at today",
        "approval verify --keyring keyring-1.toml request-1.toml other/request-1.toml",
    ];
    insta::assert_snapshot!(desk.refusals(2, &lines), @r"
    sekisho: policy-1.toml: this is a document of the kind 'policy'; name one of the kind keyring
    sekisho: --sensor: no request is given that names a sensor; name the fingerprint of its log key
    error: the following required arguments were not provided:   <FILE>...
    error: invalid value 'today' for '--at <TIME>': 'today' is no moment; write it as 2026-12-01T00:00:00Z
    sekisho: other/request-1.toml: another file with this name is given too; leave one out
    ");
    let lines = [
        "approval verify --keyring missing.toml request-1.toml",
        "approval verify --keyring keyring-1.toml request-1.toml missing.toml",
        "approval verify --keyring keyring-1.toml --signers feed.txt request-1.toml",
    ];
    insta::assert_snapshot!(desk.refusals(18, &lines), @r"
    sekisho: missing.toml: no such file
    sekisho: missing.toml: no such file
    sekisho: --signers: feed.txt has the SHA-256 [SHA], and the keyring names [SHA]
    ");
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
    insta::assert_snapshot!(printed.whole(), @r"
    exit status: 0
    ----- stdout -----
    At 2026-07-10T00:00:00Z nothing is recorded:
      nothing is recorded without a standing of an overseer [no-standing]

    APPROVAL         STATE     UNTIL                 FILE
    R-1              in force  2026-09-01T00:00:00Z  approval-1.toml
    R-2              waits     -                     approval-2.toml
      approval 2 (approval-2.toml) has 1 of 2 signatures of overseers with keys and names of their own, as policy 1 (policy-1.toml) wants [too-few]
    consent.power.1  waits     -                     consent-1.toml
      policy 1 (policy-1.toml) lets no consent stand alone [no-consent]
    ----- stderr -----
    ");
    let printed = desk.run(&format!("approval show R-1 {at}"));
    insta::assert_snapshot!(printed.whole(), @r#"
    exit status: 0
    ----- stdout -----
    approval    1
    of          R-1
    file        approval-1.toml
    sha256      [SHA256]
    signed by   overseer/ai, arrived 2026-07-10T00:00:00Z
                overseer/bo, arrived 2026-07-10T00:00:00Z
    decision    granted
    reason      necessary
    conditions  until = "2026-09-01T00:00:00Z"
    state       in force
    from        2026-07-10T00:00:00Z
    until       2026-09-01T00:00:00Z
    class       transit
    direction   through
    fields      ports
                protocol
    interfaces  r0=02:00:00:00:00:01@virtual
    retention   P30D
    indicators  2 of feed.txt
    request     1
    requester   npa
    necessity   the only way
    recipients  NPA
    ----- stderr -----
    "#);
    let printed = desk.run(&format!("approval show approval-2.toml {at}"));
    insta::assert_snapshot!(printed.whole(), @r"
    exit status: 0
    ----- stdout -----
    approval    2
    of          R-2
    file        approval-2.toml
    sha256      [SHA256]
    signed by   overseer/ai, arrived 2026-07-10T00:00:00Z
    decision    granted
    reason      r
    state       waits
    because     approval 2 (approval-2.toml) has 1 of 2 signatures of overseers with keys and names of their own, as policy 1 (policy-1.toml) wants [too-few]
    request     2
    requester   npa
    necessity   the only way
    recipients  NPA
    ----- stderr -----
    ");
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
    insta::assert_snapshot!(desk.refusals(2, &lines), @r"
    sekisho: R-7: no approval has this id, file or SHA-256; there are R-1, R-2, consent.power.1
    sekisho: name the papers: --state DIR, or --papers DIR with --root SHA256
    error: the following required arguments were not provided:   --root <SHA256>
    error: invalid value 'abc' for '--root <SHA256>': a SHA-256 has 64 lower-case hexadecimal digits
    ");
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
    insta::assert_snapshot!(printed.whole(), @r"
    exit status: 0
    ----- stdout -----
    At 2026-07-10T00:00:00Z nothing is recorded:
      nothing is recorded without a policy signed by the overseers [waits]
      nothing is recorded without a territory signed by the overseers [waits]
      nothing is recorded: keyring 1 (keyring-1.toml) binds no sensor with the log key [KEY] [sensor]
      nothing is recorded without a standing of an overseer [no-standing]

    There is no approval, and no consent that stands alone.
    ----- stderr -----
    ");
    insta::assert_snapshot!(desk.refusals(17, &["approval list --state nowhere"]), @"sekisho: there is no state folder nowhere: set one up with 'sekisho init --root SHA256 --log-key FILE --state nowhere'");
}
