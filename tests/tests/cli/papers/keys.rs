//! `sekisho keyring`, `policy` and `sign-help`.

use super::{Desk, filtered};

#[test]
fn a_keyring_is_shown_and_checked() {
    let (desk, _filtered) = (Desk::new(), filtered());
    let printed = desk.run("keyring show keyring-1.toml");
    insta::assert_snapshot!(printed.whole(), @"");
    let printed = desk.run("keyring check keyring-1.toml");
    insta::assert_snapshot!(printed.whole(), @"");
    let signers = desk.read("allowed_signers");
    desk.write(
        "allowed_signers",
        &format!("{signers}overseer/dai ssh-rsa AAAA\n"),
    );
    let printed = desk.run("keyring check keyring-1.toml");
    insta::assert_snapshot!(printed.whole(), @"");
    let printed = desk.run("keyring check keyring-1.toml --json");
    insta::assert_snapshot!(printed.whole(), @"");
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
    insta::assert_snapshot!(desk.refusals(2, &lines), @"");
    desk.write("bad", "overseer/ai ssh-rsa AAAA\n");
    let lines = [
        "keyring new --signers allowed_signers --overseers 4",
        "keyring new --signers missing --overseers 1",
        "keyring new --signers bad --overseers 1",
        "keyring show feed.txt",
        "keyring check keyring-1.toml --signers bad",
    ];
    insta::assert_snapshot!(desk.refusals(18, &lines), @"");
}

#[test]
fn a_policy_is_shown_and_checked() {
    let (desk, _filtered) = (Desk::new(), filtered());
    insta::assert_snapshot!(desk.read("policy-1.toml"), @"");
    let printed = desk.run("policy show policy-1.toml");
    insta::assert_snapshot!(printed.whole(), @"");
    let printed = desk.run("policy check policy-1.toml --keyring keyring-1.toml");
    insta::assert_snapshot!(printed.whole(), @"");
    desk.replace("policy-1.toml", "transit = 2", "transit = 4");
    let printed = desk.run("policy check policy-1.toml --keyring keyring-1.toml");
    insta::assert_snapshot!(printed.whole(), @"");
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
    insta::assert_snapshot!(desk.refusals(2, &lines), @"");
    let lines = [
        "policy show keyring-9.toml",
        "policy check allowed_signers",
        "policy show feed.txt",
    ];
    insta::assert_snapshot!(desk.refusals(18, &lines), @"");
}

#[test]
fn the_line_that_signs() {
    let (desk, _filtered) = (Desk::new(), filtered());
    let printed =
        desk.run("sign-help approval-1.toml --principal overseer/ai --key keys/overseer_ai");
    insta::assert_snapshot!(printed.whole(), @"");
    let printed = desk.run("sign-help stop --principal carrier/isp --key keys/carrier_isp.pub");
    insta::assert_snapshot!(printed.whole(), @"");
    desk.write(
        "sk.pub",
        "sk-ssh-ed25519@openssh.com AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29tAAAAIAOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4AAAABHNzaDo= ai\n",
    );
    let printed = desk.run("sign-help approval --principal overseer/ai --key sk.pub");
    insta::assert_snapshot!(printed.whole(), @"");
    desk.write("rsa.pub", "ssh-rsa AAAAB3NzaC1yc2E= ai\n");
    let lines = [
        "sign-help approval-1.toml --principal carrier/isp --key keys/carrier_isp",
        "sign-help warrant --principal overseer/ai --key keys/overseer_ai",
        "sign-help approval-1.toml --principal overseer/* --key keys/overseer_ai",
        "sign-help approval-1.toml --principal ai --key keys/overseer_ai",
        "sign-help approval --principal overseer/ai --key rsa.pub",
        "sign-help approval --principal overseer/ai --key feed.txt",
    ];
    insta::assert_snapshot!(desk.refusals(2, &lines), @"");
    let lines = [
        "sign-help approval --principal overseer/ai --key keys/nobody",
        "sign-help feed.txt --principal overseer/ai --key keys/overseer_ai",
    ];
    insta::assert_snapshot!(desk.refusals(18, &lines), @"");
}
