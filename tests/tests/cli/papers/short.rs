//! Drafts of the short documents: consent, exclusion, revocation, stop, lift, finding.

use super::{Desk, filtered};

#[test]
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
    insta::assert_snapshot!(told, @"");
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
    insta::assert_snapshot!(desk.refusals(2, &lines), @"");
    let lines = ["exclusion new --number 1 --reason r --list feed.txt"];
    desk.write("feed.txt", "9.1.0.0/16\nhospital.example\n");
    insta::assert_snapshot!(desk.refusals(13, &lines), @"");
    let lines = [
        "revoke missing.toml --number 1 --reason r",
        "lift feed.txt --number 1 --reason r",
        "finding close allowed_signers --number 3 --public p",
    ];
    insta::assert_snapshot!(desk.refusals(18, &lines), @"");
    let lines = ["stop --number 1 --reason r --output approval-1.toml"];
    insta::assert_snapshot!(desk.refusals(12, &lines), @"");
}
