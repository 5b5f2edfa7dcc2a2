//! `sekisho keyring`, `policy` and `sign-help`.

use super::{Desk, filtered};

#[test]
fn a_keyring_is_shown_and_checked() {
    let (desk, _filtered) = (Desk::new(), filtered());
    let printed = desk.run("keyring show keyring-1.toml");
    insta::assert_snapshot!(printed.whole(), @r"
    exit status: 0
    ----- stdout -----
    keyring           1
    sha256            [SHA256]
    allowed_signers   [SHA256]
    overseers needed  2
    operators         power=133.10.0.0/16
    sensors           tokyo-1=[SENSOR]
    keys              overseer/ai: [KEY] (ssh-ed25519), every kind
                      overseer/bo: [KEY] (ssh-ed25519), every kind
                      overseer/chi: [KEY] (ssh-ed25519), every kind
                      requester/npa: [KEY] (ssh-ed25519), every kind
                      operator/power: [KEY] (ssh-ed25519), every kind
                      carrier/isp: [KEY] (ssh-ed25519), every kind
                      inspector/ken: [KEY] (ssh-ed25519), every kind
    ----- stderr -----
    ");
    let printed = desk.run("keyring check keyring-1.toml");
    insta::assert_snapshot!(printed.whole(), @r"
    exit status: 0
    ----- stdout -----
    keyring-1.toml: keyring 1 holds: 2 of 3 overseers; a sensor trusts it by its SHA-256
      [SHA256]
    ----- stderr -----
    ");
    let signers = desk.read("allowed_signers");
    desk.write(
        "allowed_signers",
        &format!("{signers}overseer/dai ssh-rsa AAAA\n"),
    );
    let printed = desk.run("keyring check keyring-1.toml");
    insta::assert_snapshot!(printed.whole(), @r"
    exit status: 18
    ----- stdout -----
    keyring-1.toml: the allowed_signers file that keyring 1 (keyring-1.toml) names, SHA-256 [SHA256], is not there [signers]
    ----- stderr -----
    ");
    let printed = desk.run("keyring check keyring-1.toml --json");
    insta::assert_snapshot!(printed.whole(), @r#"
    exit status: 18
    ----- stdout -----
    [
      {
        "file": "keyring-1.toml",
        "rule": "signers",
        "text": "the allowed_signers file that keyring 1 (keyring-1.toml) names, SHA-256 [SHA256], is not there"
      }
    ]
    ----- stderr -----
    "#);
}

#[test]
fn arguments_that_make_no_keyring() {
    let (desk, _filtered) = (Desk::new(), filtered());
    let new = "keyring new --signers allowed_signers --overseers 2";
    let lines = [
        "keyring new --signers allowed_signers --overseers 0",
        "keyring new --overseers 2",
        &*format!("{new} --number 2"),
        &*format!("{new} --previous keyring-1.toml --number 3"),
        &*format!("{new} --previous policy-1.toml"),
        &*format!("{new} --operator power"),
        &*format!("{new} --operator power=10.0.0.0/8 --operator water=10.0.0.0/8"),
        &*format!("{new} --sensor tokyo-1=abc"),
    ];
    insta::assert_snapshot!(desk.refusals(2, &lines), @r"
    error: invalid value '0' for '--overseers <K>': 0 is not in 1..=4294967295
    error: the following required arguments were not provided:   --signers <FILE>
    sekisho: --number: a keyring that is not the first follows one: name it with --previous
    sekisho: --number: after keyring 1 comes 2; leave the option out
    sekisho: policy-1.toml: this is a document of the kind 'policy'; name one of the kind keyring
    error: invalid value 'power' for '--operator <NAME=PREFIX,...>': write NAME=PREFIX, or NAME=PREFIX,PREFIX
    sekisho: this keyring would be refused: 10.0.0.0/8 is bound twice
    error: invalid value 'tokyo-1=abc' for '--sensor <NAME=FINGERPRINT>': a fingerprint is SHA256: and 43 characters, as ssh-keygen -l prints it
    ");
    desk.write("bad", "overseer/ai ssh-rsa AAAA\n");
    let lines = [
        "keyring new --signers allowed_signers --overseers 4",
        "keyring new --signers missing --overseers 1",
        "keyring new --signers bad --overseers 1",
        "keyring show feed.txt",
        "keyring check keyring-1.toml --signers bad",
    ];
    insta::assert_snapshot!(desk.refusals(18, &lines), @r"
    sekisho: allowed_signers: keyring 1 (FILE.toml) needs 4 overseers where its allowed_signers have 3
    sekisho: missing: no such file
    sekisho: bad: the allowed_signers that keyring 1 (FILE.toml) names: line 1: RSA keys are not taken; make a key with ssh-keygen -t ed25519-sk or -t ed25519
    sekisho: feed.txt line 1: key with no value, expected `=`
    sekisho: --signers: bad has the SHA-256 [SHA], and the keyring names [SHA]
    ");
}

#[test]
fn a_policy_is_shown_and_checked() {
    let (desk, _filtered) = (Desk::new(), filtered());
    insta::assert_snapshot!(desk.read("policy-1.toml"), @r#"
    # policy 1 of Sekisho; sign: ssh-keygen -Y sign -n sekisho-policy -f KEY - < FILE > FILE.sig.overseer_NAME
    kind = "policy"
    number = 1
    retention = "P90D"
    territory_age = "P30D"
    standing = "P7D"
    consent_alone = false

    [signatures]
    transit = 2
    infrastructure = 2
    relay = 2

    [longest]
    transit = "P6M"
    infrastructure = "P1Y"
    relay = "P3M"

    [shortest]
    ipv4 = 16
    ipv6 = 32
    "#);
    let printed = desk.run("policy show policy-1.toml");
    insta::assert_snapshot!(printed.whole(), @r"
    exit status: 0
    ----- stdout -----
    policy         1
    sha256         [SHA256]
    approvals      transit: 2 signatures, P6M at most
                   infrastructure: 2 signatures, P1Y at most
                   relay: 2 signatures, P3M at most
    indicators     IPv4 /16 or longer, IPv6 /32 or longer
    retention      P90D at most
    territory      P30D old at most
    standing       P7D at most
    consent alone  not allowed
    ----- stderr -----
    ");
    let printed = desk.run("policy check policy-1.toml --keyring keyring-1.toml");
    insta::assert_snapshot!(printed.whole(), @r"
    exit status: 0
    ----- stdout -----
    policy-1.toml: policy 1 holds; keyring 1 (keyring-1.toml) has 3 overseers
    ----- stderr -----
    ");
    desk.replace("policy-1.toml", "transit = 2", "transit = 4");
    let printed = desk.run("policy check policy-1.toml --keyring keyring-1.toml");
    insta::assert_snapshot!(printed.whole(), @r"
    exit status: 18
    ----- stdout -----
    policy-1.toml: policy 1 wants 4 signatures for transit where keyring 1 (keyring-1.toml) has 3 overseers [unfulfillable]
    ----- stderr -----
    ");
    let new = "policy new --number 2 --signatures transit=2 --signatures infrastructure=2 \
        --signatures relay=2 --longest transit=P6M --longest infrastructure=P1Y \
        --longest relay=P3M --retention P90D --territory-age P30D";
    let lines = [
        &*new.replace("--signatures relay=2", ""),
        &*new.replace("--signatures relay=2", "--signatures transit=3"),
        &*new.replace("relay=2", "relay=0"),
        &*new.replace("transit=P6M", "transit=P7M"),
        &*new.replace("relay=P3M", "relay=soon"),
        &*format!("{new} --standing P8D"),
        &*format!("{new} --shortest-ipv4 33"),
    ];
    insta::assert_snapshot!(desk.refusals(2, &lines), @r"
    sekisho: this policy would be refused: signatures say nothing of relay
    sekisho: --signatures: transit is given twice
    sekisho: this policy would be refused: an approval for relay needs one signature at least
    sekisho: this policy would be refused: the longest term of transit is more than P6M
    error: invalid value 'relay=soon' for '--longest <CLASS=PERIOD>': 'soon' is no period; write it as P6M, P90D or PT12H (ISO 8601)
    sekisho: this policy would be refused: a standing is good for P7D at most
    sekisho: this policy would be refused: the shortest prefix is 1 to 32 for ipv4, 1 to 128 for ipv6
    ");
    let lines = [
        "policy show keyring-9.toml",
        "policy check allowed_signers",
        "policy show feed.txt",
    ];
    insta::assert_snapshot!(desk.refusals(18, &lines), @r"
    sekisho: keyring-9.toml: no such file
    sekisho: allowed_signers line 1: key with no value, expected `=`
    sekisho: feed.txt line 1: key with no value, expected `=`
    ");
}

#[test]
fn the_line_that_signs() {
    let (desk, _filtered) = (Desk::new(), filtered());
    let printed =
        desk.run("sign-help approval-1.toml --principal overseer/ai --key keys/overseer_ai");
    insta::assert_snapshot!(printed.whole(), @r"
    exit status: 0
    ----- stdout -----
    ssh-keygen -Y sign -n sekisho-approval -f keys/overseer_ai - < approval-1.toml > approval-1.toml.sig.overseer_ai
    ----- stderr -----
    sekisho: the key is [KEY] (ssh-ed25519)
    ");
    let printed = desk.run("sign-help stop --principal carrier/isp --key keys/carrier_isp.pub");
    insta::assert_snapshot!(printed.whole(), @r"
    exit status: 0
    ----- stdout -----
    ssh-keygen -Y sign -n sekisho-stop -f keys/carrier_isp.pub - < FILE.toml > FILE.toml.sig.carrier_isp
    ----- stderr -----
    sekisho: the key is [KEY] (ssh-ed25519)
    ");
    desk.write(
        "sk.pub",
        "sk-ssh-ed25519@openssh.com AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29tAAAAIAOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4AAAABHNzaDo= ai\n",
    );
    let printed = desk.run("sign-help approval --principal overseer/ai --key sk.pub");
    insta::assert_snapshot!(printed.whole(), @r"
    exit status: 0
    ----- stdout -----
    ssh-keygen -Y sign -n sekisho-approval -f sk.pub - < FILE.toml > FILE.toml.sig.overseer_ai
    ----- stderr -----
    sekisho: the key is [KEY] (sk-ssh-ed25519@openssh.com, a security key: touch it when it asks)
    ");
    desk.write("rsa.pub", "ssh-rsa AAAAB3NzaC1yc2E= ai\n");
    let lines = [
        "sign-help approval-1.toml --principal carrier/isp --key keys/carrier_isp",
        "sign-help request-1.toml --principal requester/other --key keys/carrier_isp",
        "sign-help warrant --principal overseer/ai --key keys/overseer_ai",
        "sign-help approval-1.toml --principal overseer/* --key keys/overseer_ai",
        "sign-help approval-1.toml --principal ai --key keys/overseer_ai",
        "sign-help approval --principal overseer/ai --key rsa.pub",
        "sign-help approval --principal overseer/ai --key feed.txt",
    ];
    insta::assert_snapshot!(desk.refusals(2, &lines), @r"
    sekisho: --principal: carrier/isp may not sign this approval: overseers do
    sekisho: --principal: this request is of requester/npa
    sekisho: warrant: no such file, and no kind of document; there are keyring, policy, territory, exclusion, revocation, stop, lift, consent, request, approval, standing, finding
    error: invalid value 'overseer/*' for '--principal <ROLE/NAME>': 'overseer/*' has a wildcard; a principal is one role and one name
    error: invalid value 'ai' for '--principal <ROLE/NAME>': 'ai' is no principal: write ROLE/NAME with one of the roles requester, overseer, operator, carrier, inspector, and a name of lower-case letters, digits, '-' and '.'
    sekisho: --key: rsa.pub: RSA keys are not taken; make a key with ssh-keygen -t ed25519-sk or -t ed25519
    sekisho: --key: feed.txt: keys of the type '8.8.8.8' are not taken; make one with ssh-keygen -t ed25519-sk
    ");
    let lines = [
        "sign-help approval --principal overseer/ai --key keys/nobody",
        "sign-help feed.txt --principal overseer/ai --key keys/overseer_ai",
    ];
    insta::assert_snapshot!(desk.refusals(18, &lines), @r"
    sekisho: --key: keys/nobody: no such file
    sekisho: feed.txt line 1: key with no value, expected `=`
    ");
}
