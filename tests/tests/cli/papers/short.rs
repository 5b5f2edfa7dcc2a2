//! Drafts of the short documents: consent, exclusion, revocation, stop, lift, finding.

use super::{Desk, filtered};

#[test]
#[expect(clippy::too_many_lines, reason = "whole outputs are long")]
fn each_is_drafted_with_who_signs() {
    let (desk, _filtered) = (Desk::new(), filtered());
    let mut told = String::new();
    for words in [
        "consent new --number 1 --operator power --prefix 133.10.0.0/17 \
         --from 2026-07-01T00:00:00Z --until 2026-12-01T00:00:00Z \
         --interface r0=02:00:00:00:00:01@virtual --output consent-1.toml",
        "consent withdraw --number 2 --operator power --output consent-2.toml",
        "exclusion new --number 2 --replaces exclusion-1.toml --prefix 9.1.0.0/16 \
         --list domestic.txt --reason more --output exclusion-2.toml",
        "revoke approval-1.toml --number 1 --reason 'the servers are gone' \
         --output revocation-1.toml",
        "stop --number 1 --reason 'a complaint' --output stop-1.toml",
        "lift stop-1.toml --number 1 --reason 'it is settled' --output lift-1.toml",
        "finding add --number 1 --finding notice --concerns R-1 --public 'kept too long' \
         --at 2026-07-10T00:00:00Z --output finding-1.toml",
        "finding answer finding-1.toml --number 2 --answer 'it is erased' \
         --at 2026-07-11T00:00:00Z --output finding-2.toml",
        "finding close finding-1.toml --number 3 --public 'it was erased' \
         --at 2026-07-12T00:00:00Z --output finding-3.toml",
    ] {
        told += &desk.well(words).stderr;
        let name = words.rsplit(' ').next().unwrap();
        told += &desk.read(name);
        told += "\n";
    }
    insta::assert_snapshot!(told, @r#"
    sekisho: consent 1 is drafted; operator/power signs it:
      ssh-keygen -Y sign -n sekisho-consent -f KEY - < consent-1.toml > consent-1.toml.sig.operator_power
    # consent 1 of Sekisho; sign: ssh-keygen -Y sign -n sekisho-consent -f KEY - < FILE > FILE.sig.operator_power
    kind = "consent"
    number = 1
    operator = "power"
    prefixes = ["133.10.0.0/17"]
    from = "2026-07-01T00:00:00Z"
    until = "2026-12-01T00:00:00Z"

    [[interface]]
    name = "r0"
    mac = "02:00:00:00:00:01"
    bus = "virtual"

    sekisho: consent 2 is drafted; operator/power signs it:
      ssh-keygen -Y sign -n sekisho-consent -f KEY - < consent-2.toml > consent-2.toml.sig.operator_power
    # consent 2 of Sekisho; sign: ssh-keygen -Y sign -n sekisho-consent -f KEY - < FILE > FILE.sig.operator_power
    kind = "consent"
    number = 2
    operator = "power"
    withdrawn = true

    sekisho: exclusion 2 is drafted; overseers sign it, each with a key of their own:
      ssh-keygen -Y sign -n sekisho-exclusion -f KEY - < exclusion-2.toml > exclusion-2.toml.sig.overseer_NAME
    # exclusion 2 of Sekisho; sign: ssh-keygen -Y sign -n sekisho-exclusion -f KEY - < FILE > FILE.sig.overseer_NAME
    kind = "exclusion"
    number = 2
    reason = "more"
    replaces = ["[SHA256]"]
    prefixes = ["9.1.0.0/16", "133.0.0.0/8"]

    sekisho: revocation 1 is drafted; one overseer, carrier or operator signs it:
      ssh-keygen -Y sign -n sekisho-revocation -f KEY - < revocation-1.toml > revocation-1.toml.sig.overseer_NAME
    # revocation 1 of Sekisho; sign: ssh-keygen -Y sign -n sekisho-revocation -f KEY - < FILE > FILE.sig.overseer_NAME
    kind = "revocation"
    number = 1
    revokes = "[SHA256]"
    reason = "the servers are gone"

    sekisho: stop 1 is drafted; one carrier, overseer or operator signs it:
      ssh-keygen -Y sign -n sekisho-stop -f KEY - < stop-1.toml > stop-1.toml.sig.carrier_NAME
    # stop 1 of Sekisho; sign: ssh-keygen -Y sign -n sekisho-stop -f KEY - < FILE > FILE.sig.carrier_NAME
    kind = "stop"
    number = 1
    reason = "a complaint"

    sekisho: lift 1 is drafted; overseers sign it, each with a key of their own:
      ssh-keygen -Y sign -n sekisho-lift -f KEY - < lift-1.toml > lift-1.toml.sig.overseer_NAME
    # lift 1 of Sekisho; sign: ssh-keygen -Y sign -n sekisho-lift -f KEY - < FILE > FILE.sig.overseer_NAME
    kind = "lift"
    number = 1
    lifts = "[SHA256]"
    reason = "it is settled"

    sekisho: finding 1 is drafted; one inspector or overseer signs it:
      ssh-keygen -Y sign -n sekisho-finding -f KEY - < finding-1.toml > finding-1.toml.sig.inspector_NAME
    # finding 1 of Sekisho; sign: ssh-keygen -Y sign -n sekisho-finding -f KEY - < FILE > FILE.sig.inspector_NAME
    kind = "finding"
    number = 1
    step = "found"
    at = "2026-07-10T00:00:00Z"
    finding = "notice"
    concerns = "R-1"
    public = "kept too long"

    sekisho: finding 2 is drafted; one carrier, requester or operator signs it:
      ssh-keygen -Y sign -n sekisho-finding -f KEY - < finding-2.toml > finding-2.toml.sig.carrier_NAME
    # finding 2 of Sekisho; sign: ssh-keygen -Y sign -n sekisho-finding -f KEY - < FILE > FILE.sig.carrier_NAME
    kind = "finding"
    number = 2
    step = "answered"
    at = "2026-07-11T00:00:00Z"
    of = "[SHA256]"
    answer = "it is erased"

    sekisho: finding 3 is drafted; one inspector or overseer signs it:
      ssh-keygen -Y sign -n sekisho-finding -f KEY - < finding-3.toml > finding-3.toml.sig.inspector_NAME
    # finding 3 of Sekisho; sign: ssh-keygen -Y sign -n sekisho-finding -f KEY - < FILE > FILE.sig.inspector_NAME
    kind = "finding"
    number = 3
    step = "closed"
    at = "2026-07-12T00:00:00Z"
    of = "[SHA256]"
    public = "it was erased"
    "#);
    for (name, person) in [
        ("consent-2", "operator/power"),
        ("revocation-1", "carrier/isp"),
        ("finding-2", "carrier/isp"),
        ("finding-3", "inspector/ken"),
    ] {
        desk.sign(name, &[person]);
    }
}

#[test]
fn arguments_that_make_no_document() {
    let (desk, _filtered) = (Desk::new(), filtered());
    let consent = "consent new --number 1 --operator power --prefix 133.10.0.0/17 \
        --from 2026-07-01T00:00:00Z --until 2026-12-01T00:00:00Z \
        --interface r0=02:00:00:00:00:01@virtual";
    desk.well("finding add --number 1 --finding notice --concerns c --public p --output f-1.toml");
    desk.well("finding answer f-1.toml --number 2 --answer a --output f-2.toml");
    let lines = [
        &*consent.replace("--prefix 133.10.0.0/17", ""),
        &*consent.replace("2026-12-01", "2026-06-01"),
        &*consent.replace("--operator power", "--operator Power"),
        &*format!("{consent} --indicator 8.8.8.8"),
        &*format!("{consent} --alone --indicator 8.8.8.8"),
        &*format!("{consent} --alone --retention P7D --necessity n"),
        "consent withdraw --number 2",
        "exclusion new --number 1 --reason r",
        "exclusion new --number 1 --reason r --prefix 9.1.0.0/16 --prefix 9.1.0.0/16",
        "exclusion new --number 1 --reason r --replaces policy-1.toml",
        "revoke request-1.toml --number 1 --reason r",
        "revoke approval-1.toml --number 1",
        "revoke approval-1.toml --number 1 --reason ''",
        "stop --number -1 --reason r",
        "stop --number 1 --reason r --output stop",
        "lift approval-1.toml --number 1 --reason r",
        "finding add --number 1 --finding praise --concerns c --public p",
        "finding answer f-2.toml --number 3 --answer a",
        "finding close f-1.toml --number 3",
    ];
    insta::assert_snapshot!(desk.refusals(2, &lines), @r"
    error: the following required arguments were not provided:   --prefix <PREFIX>
    sekisho: this consent would be refused: until is not after from
    error: invalid value 'Power' for '--operator <NAME>': 'Power' is no name: lower-case letters, digits, '-' and '.'
    sekisho: indicators are named by a consent that stands alone: add --alone, or leave them to the request
    error: the following required arguments were not provided:   --retention <PERIOD>   --necessity <TEXT>
    sekisho: this consent would be refused: indicators are inline or in a feed, one of the two
    error: the following required arguments were not provided:   --operator <NAME>
    sekisho: this exclusion would be refused: prefixes is empty
    sekisho: this exclusion would be refused: prefixes names something twice
    sekisho: policy-1.toml: this is a document of the kind 'policy'; name one of the kind exclusion
    sekisho: request-1.toml: this is a document of the kind 'request'; name one of the kind approval or consent
    error: the following required arguments were not provided:   --reason <TEXT>
    error: invalid value '' for '--reason <TEXT>': it is empty; say it in words
    error: unexpected argument '-1' found
    sekisho: --output: the name of a document ends with .toml, not as stop
    sekisho: approval-1.toml: this is a document of the kind 'approval'; name one of the kind stop
    error: invalid value 'praise' for '--finding <KIND>': unknown variant 'praise', expected one of 'inspection', 'notice', 'demand', 'recommendation'
    sekisho: f-2.toml: this is an answer or a closing; name the finding itself
    error: the following required arguments were not provided:   --public <TEXT>
    ");
    let lines = ["exclusion new --number 1 --reason r --list feed.txt"];
    desk.write("feed.txt", "9.1.0.0/16\nhospital.example\n");
    insta::assert_snapshot!(desk.refusals(13, &lines), @"sekisho: feed.txt: line 2: 'hospital.example' is neither an address nor a prefix; a list that places addresses is refused for one bad line: mend it");
    let lines = [
        "revoke missing.toml --number 1 --reason r",
        "lift feed.txt --number 1 --reason r",
        "finding close allowed_signers --number 3 --public p",
    ];
    insta::assert_snapshot!(desk.refusals(18, &lines), @r"
    sekisho: missing.toml: no such file
    sekisho: feed.txt line 1: key with no value, expected `=`
    sekisho: allowed_signers line 1: key with no value, expected `=`
    ");
    let lines = ["stop --number 1 --reason r --output approval-1.toml"];
    insta::assert_snapshot!(desk.refusals(12, &lines), @"sekisho: output approval-1.toml: exists already; name a new file");
}
