//! `sekisho request`: drafts, extensions, differences, and what is told of them.

use super::{Desk, NOW, REQUEST, filtered};

#[test]
fn a_request_is_drafted_with_the_line_that_signs_it() {
    let (desk, _filtered) = (Desk::empty(), filtered());
    let printed = desk.run(&format!(
        "{REQUEST} --feed feed.txt --output request-1.toml"
    ));
    insta::assert_snapshot!(printed.whole(), @"");
    insta::assert_snapshot!(desk.read("request-1.toml"), @"");
    let printed = desk.run("request show request-1.toml");
    insta::assert_snapshot!(printed.whole(), @"");
    let printed = desk.run("request check request-1.toml");
    insta::assert_snapshot!(printed.whole(), @"");
}

#[test]
fn without_a_file_the_draft_goes_to_standard_output() {
    let (desk, _filtered) = (Desk::empty(), filtered());
    let words = "request new --number 3 --id R-3 --requester npa --class relay \
        --direction outbound --sensor SENSOR --field none --recipient NPA --necessity n \
        --alternatives a --threat t --severity low --expected-volume v \
        --from 2026-07-05T00:00:00Z --until 2026-08-05T00:00:00Z --retention P30D \
        --interface r0=02:00:00:00:00:01@virtual --tunnel vxlan:4789=10.0.0.0/8,192.0.2.0/24 \
        --indicator '133.5.5.5@A-7@2026-06-01T00:00:00Z@JPCERT 3'";
    let printed = desk.run(words);
    insta::assert_snapshot!(printed.whole(), @"");
    desk.write("request-3.toml", &printed.stdout);
    let printed = desk.run("request show request-3.toml");
    insta::assert_snapshot!(printed.whole(), @"");
    desk.write(
        "list.toml",
        "[[indicator]]\nprefix = \"133.5.5.6/32\"\nevidence = { attack = \"A-8\", \
         when = \"2026-06-01T00:00:00Z\", source = \"JPCERT 4\" }\n",
    );
    let (before, _) = words.split_once("--indicator").unwrap();
    let printed = desk.well(&format!("{before} --indicators list.toml"));
    assert!(printed.stdout.contains("A-8"), "{}", printed.stdout);
}

#[test]
fn arguments_that_make_no_request() {
    let (desk, _filtered) = (Desk::empty(), filtered());
    desk.write("none.txt", "# nothing\n");
    desk.write("there.toml", "");
    let with = |words: &str| format!("{REQUEST} {words}");
    let swapped = |old: &str, new: &str| {
        assert!(REQUEST.contains(old));
        format!("{} --feed feed.txt", REQUEST.replace(old, new))
    };
    let lines = [
        "request new --number 1 --id R-1 --feed feed.txt".to_owned(),
        with(""),
        with("--feed feed.txt --least-count 9"),
        with("--feed feed.txt --output request-1.txt"),
        with("--indicator 9.9.9.9/24"),
        with("--indicator 9.9.9.9@A-7"),
        with("--indicator 9.9.9.9 --indicator 9.9.9.9"),
        with("--indicator 9.9.9.9 --operator power"),
        with("--indicator 9.9.9.9 --tunnel gre:47=10.0.0.0/8,10.0.0.0/8"),
        swapped("--class transit", "--class relay --direction inbound"),
        swapped("--class transit", "--class domestic"),
        swapped("--number 1", "--number 0"),
        swapped("--id R-1", "--id consent.1"),
        swapped("--severity high", "--severity dire"),
        swapped("--field ports", "--field payload"),
        swapped(
            "--until 2026-10-05T00:00:00Z",
            "--until 2026-07-01T00:00:00Z",
        ),
        swapped("--until 2026-10-05T00:00:00Z", "--until 2026-10-05"),
        swapped("--retention P30D", "--retention '30 days'"),
        swapped("@virtual", ""),
        swapped("--sensor SENSOR", "--sensor tokyo-1"),
    ];
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    insta::assert_snapshot!(desk.refusals(2, &lines), @"");
    insta::assert_snapshot!(desk.refusals(7, &[&with("--feed missing.txt")]), @"");
    insta::assert_snapshot!(desk.refusals(8, &[&with("--feed none.txt")]), @"");
    let there = with("--feed feed.txt --output there.toml");
    insta::assert_snapshot!(desk.refusals(12, &[&there]), @"");
    let listed = with("--indicators feed.txt");
    insta::assert_snapshot!(desk.refusals(18, &[&listed]), @"");
}

#[test]
fn an_extension_takes_over_and_may_narrow() {
    let (desk, _filtered) = (Desk::new(), filtered());
    let extend = "request new --extends request-1.toml --number 2 --id R-2 \
        --from 2026-10-05T00:00:00Z --until 2027-01-05T00:00:00Z";
    let printed = desk.run(&format!("{extend} --field ports --output request-2.toml"));
    insta::assert_snapshot!(printed.whole(), @"");
    insta::assert_snapshot!(desk.read("request-2.toml"), @"");
    let at = format!("--papers . --root ROOT --at {NOW}");
    let printed = desk.run(&format!("request check request-2.toml {at}"));
    insta::assert_snapshot!(printed.whole(), @"");
    desk.write("more.txt", "8.8.8.8 5\n8.8.4.9 3\n");
    let lines = [
        format!("{extend} --field ttl"),
        format!("{extend} --class infrastructure --operator power --direction inbound"),
        format!("{extend} --sensor {}", super::SENSOR.replace('A', "B")),
        format!("{extend} --feed more.txt"),
        extend.replace("--from 2026-10-05T00:00:00Z", ""),
        extend.replace("request-1.toml", "policy-1.toml"),
    ];
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    insta::assert_snapshot!(desk.refusals(2, &lines), @"");
}

#[test]
fn a_newer_feed_becomes_a_request_for_what_is_new() {
    let (desk, _filtered) = (Desk::new(), filtered());
    desk.write("newer.txt", "8.8.8.8 5\n8.8.4.9 3\n8.8.4.10 3\n");
    let diff = "request new --from-diff request-1.toml --number 2 --id R-1b";
    let printed = desk.run(&format!("{diff} --feed newer.txt --output request-2.toml"));
    insta::assert_snapshot!(printed.whole(), @"");
    let drafted = desk.read("request-2.toml");
    let indicators = drafted.split_once("[[indicator]]").unwrap().1;
    insta::assert_snapshot!(indicators, @"");
    assert!(!drafted.contains("parent"), "{drafted}");
    let same = format!("{diff} --feed feed.txt --least-count 3");
    let lines = [
        &same,
        "request new --from-diff request-1.toml --number 2 --id R-2",
    ];
    insta::assert_snapshot!(desk.refusals(2, &lines), @"");
    desk.replace("feed.txt", "8.8.4.4", "8.8.4.5");
    let lines = [&*format!("{diff} --feed newer.txt")];
    insta::assert_snapshot!(desk.refusals(18, &lines), @"");
}

#[test]
fn a_request_that_does_not_hold() {
    let (desk, _filtered) = (Desk::new(), filtered());
    let at = format!("--papers . --root ROOT --at {NOW}");
    let draft = |words: &str, name: &str| {
        let words = format!("{} {words} --output {name}", REQUEST.replace("R-1", "R-9"));
        desk.well(&words.replace("--number 1 ", "--number 9 "));
    };
    draft("--indicator 9.1.2.3", "excluded.toml");
    draft("--indicator 133.5.5.5", "home.toml");
    draft("--indicator 8.0.0.0/8", "broad.toml");
    let mut told = String::new();
    for name in ["excluded.toml", "home.toml", "broad.toml"] {
        told += &desk.run(&format!("request check {name} {at}")).whole();
    }
    insta::assert_snapshot!(told, @"");
    let printed = desk.run(&format!("request check broad.toml {at} --json"));
    insta::assert_snapshot!(printed.whole(), @"");
    // The feed is not what was bound.
    desk.replace("feed.txt", "8.8.4.4", "8.8.4.5");
    let printed = desk.run("request check request-1.toml");
    insta::assert_snapshot!(printed.whole(), @"");
    let printed = desk.run("request show request-1.toml --json");
    assert_eq!(printed.status, Some(18), "{}", printed.whole());
    assert!(printed.stdout.contains("feed-bytes"), "{}", printed.stdout);
    desk.write(
        "bad.toml",
        "kind = \"request\"\nnumber = 1\nsecret = true\n",
    );
    let lines = [
        "request show bad.toml",
        "request show missing.toml",
        "request check feed.txt",
    ];
    insta::assert_snapshot!(desk.refusals(18, &lines), @"");
}
