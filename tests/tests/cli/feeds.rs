//! What is wrong with a feed is said line by line, and the rest of it counts.

use std::fs;

use sensor_tests::{
    command, require, requires,
    road::{EAST_V4, Road},
    sensor::{Launch, Signal},
};

use crate::{failed_plainly, folder, in_folder, run};

const BAD_LINES: &str = "\
# bad lines
198.51.100.7
198.51.100.300
10.0.0.1/8
10.0.0.0/8   # broader than policy allows
2001:db8::/16
::ffff:192.0.2.1
192.0.2.9 remark
198.51.100.0/24 4
";

#[test]
fn bad_lines_are_each_reported_and_the_rest_is_watched() {
    require!(privilege);
    let folder = tempfile::tempdir().unwrap();
    let feed = folder.path().join("bad.txt");
    fs::write(&feed, BAD_LINES).unwrap();
    let road = Road::v4();
    let mut command = road.barrier.command(requires::binary());
    command.args([
        "run",
        "--lab",
        "--duration",
        "1",
        "--interface",
        "r0",
        "--state-dir",
    ]);
    let printed = command::run(
        command
            .arg(folder.path().join("state"))
            .arg("--runtime-dir")
            .arg(folder.path().join("run"))
            .arg("--feed")
            .arg(&feed),
    );
    assert_eq!(printed.status, Some(0), "{}", printed.whole());
    let told = printed
        .stderr
        .lines()
        .take_while(|line| !line.ends_with("summary"))
        // Of the machine, and not of the feed.
        .filter(|line| !line.contains("disciplines") && !line.contains("mounted"));
    let told: Vec<&str> = told.collect();
    insta::assert_snapshot!(in_folder(&told.join("\n"), folder.path()), @r"
    sekisho: warning: feed [FOLDER]/bad.txt: line 3: '198.51.100.300' is neither an address nor a prefix; the line is left out
    sekisho: warning: feed [FOLDER]/bad.txt: line 4: '10.0.0.1/8' has bits beyond its length; write 10.0.0.0/8, or the address alone; the line is left out
    sekisho: warning: feed [FOLDER]/bad.txt: line 5: 10.0.0.0/8 is broader than the shortest prefix allowed (/16); the line is left out
    sekisho: warning: feed [FOLDER]/bad.txt: line 6: '2001:db8::/16' has bits beyond its length; write 2001::/16, or the address alone; the line is left out
    sekisho: warning: feed [FOLDER]/bad.txt: line 7: '::ffff:192.0.2.1' is an IPv4 address in IPv6 form, which no packet carries; write 192.0.2.1/32; the line is left out
    sekisho: warning: feed [FOLDER]/bad.txt: line 8: 'remark' after the address is no number; put remarks after a #; the line is left out
    LAB: watching r0, native mode
    LAB: 2 indicators; ends by itself in 1 s; Ctrl-C ends it now
    LAB: recording
    ");
}

#[test]
fn lines_of_two_feeds_stand_in_the_records() {
    require!(privilege);
    let folder = tempfile::tempdir().unwrap();
    let second = folder.path().join("second.txt");
    fs::write(
        &second,
        "\n\n198.51.100.0/24\t7 # of seven lists\nnonsense\n",
    )
    .unwrap();
    let road = Road::v4();
    let sensor = Launch::new(&road.barrier, &["r0"], &["198.51.100.7"])
        .args(&format!("--tick 20 --feed {}", second.display()))
        .ready();
    road.cross(5);
    let ended = sensor.stop(Signal::SIGTERM);
    assert_eq!(ended.status, Some(0), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("second.txt: line 4: "),
        "{}",
        ended.stderr
    );
    let flow = ended.lines.flows().next().unwrap();
    let indicators = flow["indicators"].as_array().unwrap();
    let in_second: Vec<_> = indicators
        .iter()
        .filter(|matched| matched["feed"].as_str() == second.to_str())
        .map(|matched| (matched["prefix"].as_str(), matched["line"].as_u64()))
        .collect();
    assert_eq!(in_second, [(Some("198.51.100.0/24"), Some(3))], "{flow}");
    assert_eq!(
        (indicators.len(), &flow["dst"]),
        (2, &EAST_V4.to_string().into())
    );
}

#[test]
fn a_feed_that_cannot_be_read() {
    require!(privilege);
    let (folder, road) = (folder(), Road::v4());
    let mut told = String::new();
    for feed in ["missing.txt", "."] {
        let printed = run(&road.barrier, folder.path(), feed, "r0");
        failed_plainly(&printed, 7);
        told.push_str(&printed.stderr);
    }
    insta::assert_snapshot!(in_folder(&told, folder.path()), @r"
    sekisho: feed [FOLDER]/missing.txt: no such file
    sekisho: feed [FOLDER]/.: is a directory; name a file in it
    ");
}

#[test]
fn a_feed_without_indicators() {
    require!(privilege);
    let (folder, road) = (folder(), Road::v4());
    let mut told = String::new();
    for feed in ["empty.txt", "comments.txt"] {
        let printed = run(&road.barrier, folder.path(), feed, "r0");
        failed_plainly(&printed, 8);
        told.push_str(&printed.stderr);
    }
    insta::assert_snapshot!(in_folder(&told, folder.path()), @r"
    sekisho: feed [FOLDER]/empty.txt: has no indicators; expected one address or prefix a line
    sekisho: feed [FOLDER]/comments.txt: has no indicators; expected one address or prefix a line
    ");
}

#[test]
fn a_feed_that_is_none() {
    require!(privilege);
    let (folder, road) = (folder(), Road::v4());
    let printed = run(&road.barrier, folder.path(), "words.txt", "r0");
    failed_plainly(&printed, 9);
    insta::assert_snapshot!(in_folder(&printed.whole(), folder.path()), @r"
    exit status: 9
    ----- stdout -----
    ----- stderr -----
    sekisho: feed [FOLDER]/words.txt: no line is an address or a prefix (2 bad), first line 1: 'certainly' is neither an address nor a prefix
    ");
    let printed = run(&road.barrier, folder.path(), "noise.bin", "r0");
    failed_plainly(&printed, 9);
    insta::assert_snapshot!(in_folder(&printed.whole(), folder.path()), @r"
    exit status: 9
    ----- stdout -----
    ----- stderr -----
    sekisho: feed [FOLDER]/noise.bin: line 1 is not text; decompress the file, or name a list with one address or prefix a line
    ");
    assert_eq!(road.barrier.attached("r0"), None);
}
