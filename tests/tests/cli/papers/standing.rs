//! `sekisho standing`: what it names, and when there is nothing to stand by.

use super::{Desk, NOW, filtered};

#[test]
fn a_standing_names_what_is_in_force_and_what_was_revoked() {
    let (desk, _filtered) = (Desk::new(), filtered());
    let at = format!("--papers . --root ROOT --at {NOW}");
    let printed = desk.run(&format!("standing new {at}"));
    insta::assert_snapshot!(printed.whole(), @"");
    desk.well("revoke approval-1.toml --number 1 --reason r --output revocation-1.toml");
    desk.sign("revocation-1", &["carrier/isp"]);
    let printed = desk.run(&format!(
        "standing new {at} --days 2 --output standing-1.toml"
    ));
    insta::assert_snapshot!(printed.whole(), @"");
    desk.sign("standing-1", &["overseer/chi"]);
    let printed = desk.run(&format!("approval list {at}"));
    insta::assert_snapshot!(printed.whole(), @"");
    let printed = desk.well(&format!("standing new {at}"));
    assert!(printed.stdout.contains("number = 2"), "{}", printed.stdout);
    let lines = [
        &*format!("standing new {at} --number 1"),
        &*format!("standing new {at} --days 8"),
        "standing new",
        "standing new --papers .",
    ];
    insta::assert_snapshot!(desk.refusals(2, &lines), @"");
    std::fs::remove_file(desk.path().join("policy-1.toml")).unwrap();
    let lines = [
        &*format!("standing new {at}"),
        "standing new --papers nowhere --root ROOT",
    ];
    insta::assert_snapshot!(desk.refusals(18, &lines), @"");
}
