//! Whole outputs, and what the arguments take.

use clap::Parser as _;

use super::*;
use crate::preflight::Check;

#[derive(Debug, clap::Parser)]
struct Line {
    #[command(flatten)]
    check: CheckArgs,
}

fn finding(interface: Option<&str>, check: Check, status: Status, texts: [&str; 2]) -> Finding {
    let [observed, advice] = texts.map(str::to_owned);
    let interface = interface.map(str::to_owned);
    Finding {
        interface,
        check,
        status,
        observed,
        advice,
    }
}

fn findings() -> Vec<Finding> {
    let eth0 = Some("eth0");
    vec![
        finding(
            None,
            Check::Kernel,
            Status::Ok,
            ["6.1.0-28-amd64", "6.1 or newer"],
        ),
        finding(
            None,
            Check::Capabilities,
            Status::Fail,
            ["without CAP_BPF, CAP_PERFMON", "run with sudo"],
        ),
        finding(
            eth0,
            Check::Lro,
            Status::Warn,
            ["on", "`ethtool -K eth0 lro off`"],
        ),
        finding(
            eth0,
            Check::Directions,
            Status::Unknown,
            ["9 packets", "look at the mirror"],
        ),
    ]
}

fn printed(json: bool) -> String {
    let findings = findings();
    let mut out = Vec::new();
    print(&findings, Verdict::of(&findings), json, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn people_get_a_table() {
    assert_eq!(
        printed(false),
        "\
host
  ok    kernel        6.1.0-28-amd64
  FAIL  capabilities  without CAP_BPF, CAP_PERFMON
        run with sudo

eth0
  warn  lro           on
        `ethtool -K eth0 lro off`
  ?     directions    9 packets
        look at the mirror

1 ok, 1 warn, 1 FAIL, 1 unknown
",
    );
}

#[test]
fn programs_get_json() {
    let json: serde_json::Value = serde_json::from_str(&printed(true)).unwrap();
    assert_eq!(json["ready"], false);
    let first = serde_json::json!({
        "interface": null,
        "check": "kernel",
        "status": "ok",
        "observed": "6.1.0-28-amd64",
        "advice": "6.1 or newer",
    });
    assert_eq!(json["findings"][0], first);
    assert_eq!(json["findings"][3]["interface"], "eth0");
}

#[test]
fn only_a_fail_is_not_ready() {
    let mut findings = findings();
    assert_eq!(Verdict::of(&findings), Verdict::NotReady);
    findings.retain(|finding| finding.status != Status::Fail);
    assert_eq!(Verdict::of(&findings), Verdict::Ready);
}

#[test]
fn arguments() {
    let parse = |line: &str| Line::try_parse_from(line.split(' ')).map(|line| line.check);
    let args = parse("check --interface eth0 --interface lo --seconds 5 --json").unwrap();
    assert_eq!(args.interfaces, ["eth0", "lo"]);
    assert_eq!((args.seconds, args.json), (5, true));
    assert_eq!(parse("check --interface eth0").unwrap().seconds, 2);
    for bad in [
        "check",
        "check --interface eth0 --seconds 0",
        "check --interface eth0 --seconds x",
    ] {
        assert!(parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn a_missing_interface_is_a_probe_error_and_prints_nothing() {
    let args = parse_one("chk-none");
    let mut out = Vec::new();
    let error = check(&args, &mut out).unwrap_err();
    assert!(matches!(
        error.downcast_ref(),
        Some(probe::ProbeError::NoSuchInterface { name, .. }) if name == "chk-none"
    ));
    assert!(out.is_empty());
}

#[test]
fn the_loopback_is_checked_once_and_is_no_place_for_xdp() {
    let mut args = parse_one("lo");
    args.interfaces.push("lo".to_owned());
    let mut out = Vec::new();
    check(&args, &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    assert_eq!(text.matches("native_xdp").count(), 1, "{text}");
}

fn parse_one(name: &str) -> CheckArgs {
    CheckArgs {
        interfaces: vec![name.to_owned()],
        seconds: 1,
        json: false,
    }
}
