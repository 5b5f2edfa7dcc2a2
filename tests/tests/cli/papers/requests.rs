//! `sekisho request`: drafts, extensions, differences, and what is told of them.

use super::{Desk, NOW, REQUEST, filtered};

#[test]
fn a_request_is_drafted_with_the_line_that_signs_it() {
    let (desk, _filtered) = (Desk::empty(), filtered());
    let printed = desk.run(&format!(
        "{REQUEST} --feed feed.txt --output request-1.toml"
    ));
    insta::assert_snapshot!(printed.whole(), @r"
    exit status: 0
    ----- stdout -----
    ----- stderr -----
    sekisho: feed feed.txt: 3 indicators, SHA-256 [SHA]…
    sekisho: request 1 is drafted; requester/npa signs it:
      ssh-keygen -Y sign -n sekisho-request -f KEY - < request-1.toml > request-1.toml.sig.requester_npa
    ");
    insta::assert_snapshot!(desk.read("request-1.toml"), @r#"
    # request 1 of Sekisho; sign: ssh-keygen -Y sign -n sekisho-request -f KEY - < FILE > FILE.sig.requester_npa
    kind = "request"
    number = 1
    id = "R-1"
    requester = "npa"
    class = "transit"
    direction = ["through"]
    sensors = ["[SENSOR]"]
    fields = ["ports", "protocol"]
    recipients = ["NPA"]
    necessity = "the only way"
    alternatives = "asking the hosters"
    threat = "T-1"
    severity = "high"
    expected_volume = "10 a day"
    from = "2026-07-05T00:00:00Z"
    until = "2026-10-05T00:00:00Z"
    retention = "P30D"

    [[interface]]
    name = "r0"
    mac = "02:00:00:00:00:01"
    bus = "virtual"

    [feed]
    file = "feed.txt"
    sha256 = "[SHA256]"
    format = "plain"
    count = 3
    set_sha256 = "[SHA256]"

    [feed.mapping]
    least_count = 0
    "#);
    let printed = desk.run("request show request-1.toml");
    insta::assert_snapshot!(printed.whole(), @r"
    exit status: 0
    ----- stdout -----
    request       1
    id            R-1
    sha256        [SHA256]
    requester     npa
    class         transit
    direction     through
    sensors       [SENSOR]
    fields        ports
                  protocol
    interfaces    r0=02:00:00:00:00:01@virtual
    from          2026-07-05T00:00:00Z
    until         2026-10-05T00:00:00Z
    retention     P30D
    recipients    NPA
    necessity     the only way
    alternatives  asking the hosters
    threat        T-1
    severity      high
    volume        10 a day
    feed          feed.txt
                  bytes [SHA256]
                  set [SHA256]
    indicators    3 indicators
                  8.8.8.8/32 (line 1)
                  8.8.4.4/32 (line 2)
                  9.9.9.0/24 (line 3)
    ----- stderr -----
    ");
    let printed = desk.run("request check request-1.toml");
    insta::assert_snapshot!(printed.whole(), @r"
    exit status: 0
    ----- stdout -----
    request-1.toml: request 1 holds, with 3 indicators; not held against policy, territory and exclusions: --state or --papers does
    ----- stderr -----
    ");
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
    insta::assert_snapshot!(printed.whole(), @r#"
    exit status: 0
    ----- stdout -----
    # request 3 of Sekisho; sign: ssh-keygen -Y sign -n sekisho-request -f KEY - < FILE > FILE.sig.requester_npa
    kind = "request"
    number = 3
    id = "R-3"
    requester = "npa"
    class = "relay"
    direction = ["outbound"]
    sensors = ["[SENSOR]"]
    fields = []
    recipients = ["NPA"]
    necessity = "n"
    alternatives = "a"
    threat = "t"
    severity = "low"
    expected_volume = "v"
    from = "2026-07-05T00:00:00Z"
    until = "2026-08-05T00:00:00Z"
    retention = "P30D"

    [[interface]]
    name = "r0"
    mac = "02:00:00:00:00:01"
    bus = "virtual"

    [[tunnel]]
    type = "vxlan"
    port = 4789
    ends = ["10.0.0.0/8", "192.0.2.0/24"]

    [[indicator]]
    prefix = "133.5.5.5/32"

    [indicator.evidence]
    attack = "A-7"
    when = "2026-06-01T00:00:00Z"
    source = "JPCERT 3"
    ----- stderr -----
    sekisho: request 3 is drafted; requester/npa signs it:
      ssh-keygen -Y sign -n sekisho-request -f KEY - < FILE.toml > FILE.toml.sig.requester_npa
    "#);
    desk.write("request-3.toml", &printed.stdout);
    let printed = desk.run("request show request-3.toml");
    insta::assert_snapshot!(printed.whole(), @r"
    exit status: 0
    ----- stdout -----
    request       3
    id            R-3
    sha256        [SHA256]
    requester     npa
    class         relay
    direction     outbound
    sensors       [SENSOR]
    fields        none
    interfaces    r0=02:00:00:00:00:01@virtual
    tunnels       vxlan:4789=10.0.0.0/8,192.0.2.0/24
    from          2026-07-05T00:00:00Z
    until         2026-08-05T00:00:00Z
    retention     P30D
    recipients    NPA
    necessity     n
    alternatives  a
    threat        t
    severity      low
    volume        v
    indicators    1 indicator
                  133.5.5.5/32 (line 30), A-7 at 2026-06-01T00:00:00Z, JPCERT 3
    ----- stderr -----
    ");
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
    insta::assert_snapshot!(desk.refusals(2, &lines), @r"
    error: the following required arguments were not provided:   --requester <NAME>   --class <CLASS>   --direction <DIRECTION>   --sensor <FINGERPRINT>   --field <FIELD>   --recipient <TEXT>   --necessity <TEXT>   --alternatives <TEXT>   --threat <TEXT>   --severity <SEVERITY>   --expected-volume <TEXT>   --from <TIME>   --until <TIME>   --retention <PERIOD>   --interface <NAME=MAC@BUS>
    sekisho: this request would be refused: it asks for no indicator
    sekisho: --least-count: no line of feed.txt has a count of 9 or more
    sekisho: --output: the name of a document ends with .toml, not as request-1.txt
    error: invalid value '9.9.9.9/24' for '--indicator <PREFIX>': '9.9.9.9/24' has bits beyond its length; write 9.9.9.0/24, or the address alone
    error: invalid value '9.9.9.9@A-7' for '--indicator <PREFIX>': write PREFIX, or PREFIX@ATTACK@WHEN@SOURCE with the evidence that relay needs; --indicators takes a file
    sekisho: this request would be refused: an indicator is named twice
    sekisho: this request would be refused: infrastructure names its operator, and no other class has one
    sekisho: this request would be refused: vxlan, geneve and gtp-u have a port, and no other type has one
    sekisho: this request would be refused: relay names exactly one direction, inbound or outbound
    error: invalid value 'domestic' for '--class <CLASS>': a class is transit, infrastructure or relay
    error: invalid value '0' for '--number <N>': documents are numbered from 1
    error: invalid value 'consent.1' for '--id <ID>': an id has letters, digits, '-', '.' and '_', 64 at most, and is not 'lab' and does not begin with 'consent.'
    error: invalid value 'dire' for '--severity <SEVERITY>': unknown variant 'dire', expected one of 'low', 'medium', 'high', 'critical'
    sekisho: --field: 'payload' is no field; there are ports, protocol, tcp_flags, ttl, vlan, fragment, or none alone
    sekisho: this request would be refused: until is not after from
    error: invalid value '2026-10-05' for '--until <TIME>': '2026-10-05' has to end with Z: a moment is written in UTC, as 2026-12-01T00:00:00Z
    error: invalid value '30 days' for '--retention <PERIOD>': '30 days' is no period; write it as P6M, P90D or PT12H (ISO 8601)
    error: invalid value 'r0=02:00:00:00:00:01' for '--interface <NAME=MAC@BUS>': write NAME=MAC@BUS, as eth0=aa:bb:cc:dd:ee:ff@pci-0000:03:00.0; without a device, BUS is virtual
    error: invalid value 'tokyo-1' for '--sensor <FINGERPRINT>': a fingerprint is SHA256: and 43 characters, as ssh-keygen -l prints it
    ");
    insta::assert_snapshot!(desk.refusals(7, &[&with("--feed missing.txt")]), @"sekisho: feed missing.txt: no such file");
    insta::assert_snapshot!(desk.refusals(8, &[&with("--feed none.txt")]), @"sekisho: feed none.txt: has no indicators; expected one address or prefix a line");
    let there = with("--feed feed.txt --output there.toml");
    insta::assert_snapshot!(desk.refusals(12, &[&there]), @"sekisho: output there.toml: exists already; name a new file");
    let listed = with("--indicators feed.txt");
    insta::assert_snapshot!(desk.refusals(18, &[&listed]), @"sekisho: feed.txt line 1: key with no value, expected `=`");
}

#[test]
fn an_extension_takes_over_and_may_narrow() {
    let (desk, _filtered) = (Desk::new(), filtered());
    let extend = "request new --extends request-1.toml --number 2 --id R-2 \
        --from 2026-10-05T00:00:00Z --until 2027-01-05T00:00:00Z";
    let printed = desk.run(&format!("{extend} --field ports --output request-2.toml"));
    insta::assert_snapshot!(printed.whole(), @r"
    exit status: 0
    ----- stdout -----
    ----- stderr -----
    sekisho: feed feed.txt: 2 indicators, SHA-256 [SHA]…
    sekisho: request 2 is drafted; requester/npa signs it:
      ssh-keygen -Y sign -n sekisho-request -f KEY - < request-2.toml > request-2.toml.sig.requester_npa
    ");
    insta::assert_snapshot!(desk.read("request-2.toml"), @r#"
    # request 2 of Sekisho; sign: ssh-keygen -Y sign -n sekisho-request -f KEY - < FILE > FILE.sig.requester_npa
    kind = "request"
    number = 2
    id = "R-2"
    requester = "npa"
    parent = "[SHA256]"
    class = "transit"
    direction = ["through"]
    sensors = ["[SENSOR]"]
    fields = ["ports"]
    recipients = ["NPA"]
    necessity = "the only way"
    alternatives = "asking the hosters"
    threat = "T-1"
    severity = "high"
    expected_volume = "10 a day"
    from = "2026-10-05T00:00:00Z"
    until = "2027-01-05T00:00:00Z"
    retention = "P30D"

    [[interface]]
    name = "r0"
    mac = "02:00:00:00:00:01"
    bus = "virtual"

    [feed]
    file = "feed.txt"
    sha256 = "[SHA256]"
    format = "plain"
    count = 2
    set_sha256 = "[SHA256]"

    [feed.mapping]
    least_count = 2
    "#);
    let at = format!("--papers . --root ROOT --at {NOW}");
    let printed = desk.run(&format!("request check request-2.toml {at}"));
    insta::assert_snapshot!(printed.whole(), @r"
    exit status: 0
    ----- stdout -----
    request-2.toml: request 2 holds, with 2 indicators; it fits the papers there; signatures are judged when it is signed
    ----- stderr -----
    ");
    desk.write("more.txt", "8.8.8.8 5\n8.8.4.9 3\n");
    let lines = [
        format!("{extend} --field ttl"),
        format!("{extend} --class infrastructure --operator power --direction inbound"),
        format!("{extend} --sensor SHA256:{}", "B".repeat(43)),
        format!("{extend} --feed more.txt"),
        extend.replace("--from 2026-10-05T00:00:00Z", ""),
        extend.replace("request-1.toml", "policy-1.toml"),
    ];
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    insta::assert_snapshot!(desk.refusals(2, &lines), @r"
    sekisho: request 2 (FILE.toml) extends request 1 (request-1.toml), which has another fields
    sekisho: request 2 (FILE.toml) extends request 1 (request-1.toml), which has another class
    sekisho: request 2 (FILE.toml) extends request 1 (request-1.toml), which has another sensors
    sekisho: request 2 (FILE.toml) extends request 1 (request-1.toml), which does not have 8.8.4.9/32
    error: the following required arguments were not provided:   --from <TIME>
    sekisho: policy-1.toml: this is a document of the kind 'policy'; name one of the kind request
    ");
}

#[test]
fn a_newer_feed_becomes_a_request_for_what_is_new() {
    let (desk, _filtered) = (Desk::new(), filtered());
    desk.write("newer.txt", "8.8.8.8 5\n8.8.4.9 3\n8.8.4.10 3\n");
    let diff = "request new --from-diff request-1.toml --number 2 --id R-1b";
    let printed = desk.run(&format!("{diff} --feed newer.txt --output request-2.toml"));
    insta::assert_snapshot!(printed.whole(), @r"
    exit status: 0
    ----- stdout -----
    ----- stderr -----
    sekisho: request 2 is drafted; requester/npa signs it:
      ssh-keygen -Y sign -n sekisho-request -f KEY - < request-2.toml > request-2.toml.sig.requester_npa
    ");
    let drafted = desk.read("request-2.toml");
    let indicators = drafted.split_once("[[indicator]]").unwrap().1;
    insta::assert_snapshot!(indicators, @r#"
    prefix = "8.8.4.9/32"

    [[indicator]]
    prefix = "8.8.4.10/32"
    "#);
    assert!(!drafted.contains("parent"), "{drafted}");
    let same = format!("{diff} --feed feed.txt --least-count 3");
    let lines = [
        &same,
        "request new --from-diff request-1.toml --number 2 --id R-2",
    ];
    insta::assert_snapshot!(desk.refusals(2, &lines), @r"
    sekisho: feed.txt has no indicator that request-1.toml lacks: there is nothing to ask for
    error: the following required arguments were not provided:   --feed <FILE>
    ");
    desk.replace("feed.txt", "8.8.4.4", "8.8.4.5");
    let lines = [&*format!("{diff} --feed newer.txt")];
    insta::assert_snapshot!(desk.refusals(18, &lines), @"sekisho: request-1.toml: its feed feed.txt has other bytes (SHA-256 [SHA]) than the request binds ([SHA])");
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
    insta::assert_snapshot!(told, @r"
    exit status: 18
    ----- stdout -----
    excluded.toml: request 9 (excluded.toml) names 9.1.2.3/32 (excluded.toml line 25), which lies in space excluded by exclusion 1 (exclusion-1.toml) [excluded]
    ----- stderr -----
    exit status: 18
    ----- stdout -----
    home.toml: request 9 (home.toml) names 133.5.5.5/32 (home.toml line 25), which is domestic by territory 1 (territory-1.toml): not for transit [domestic]
    ----- stderr -----
    exit status: 18
    ----- stdout -----
    broad.toml: request 9 (broad.toml) names 8.0.0.0/8 (broad.toml line 25), broader than /16, as policy 1 (policy-1.toml) allows [over-broad]
    ----- stderr -----
    ");
    let printed = desk.run(&format!("request check broad.toml {at} --json"));
    insta::assert_snapshot!(printed.whole(), @r#"
    exit status: 18
    ----- stdout -----
    {
      "holds": false,
      "against_papers": true,
      "refusals": [
        {
          "file": "broad.toml",
          "rule": "over-broad",
          "text": "request 9 (broad.toml) names 8.0.0.0/8 (broad.toml line 25), broader than /16, as policy 1 (policy-1.toml) allows"
        }
      ]
    }
    ----- stderr -----
    "#);
    // The feed is not what was bound.
    desk.replace("feed.txt", "8.8.4.4", "8.8.4.5");
    let printed = desk.run("request check request-1.toml");
    insta::assert_snapshot!(printed.whole(), @r"
    exit status: 18
    ----- stdout -----
    request-1.toml: its feed feed.txt has other bytes (SHA-256 [SHA]) than the request binds ([SHA]) [feed-bytes]
    ----- stderr -----
    ");
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
    insta::assert_snapshot!(desk.refusals(18, &lines), @r"
    sekisho: bad.toml line 3: unknown field `secret`, expected one of `kind`, `number`, `id`, `requester`, `parent`, `class`, `direction`, `operator`, `sensors`, `fields`, `recipients`, `necessity`, `alternatives`, `threat`, `severity`, `expected_volume`, `from`, `until`, `retention`, `interface`, `tunnel`, `indicator`, `feed`
    sekisho: missing.toml: no such file
    sekisho: feed.txt line 1: key with no value, expected `=`
    ");
}

#[test]
fn limits_of_an_indicator_are_drafted_and_shown() {
    let (desk, _filtered) = (Desk::empty(), filtered());
    desk.write(
        "list.toml",
        "[[indicator]]\nprefix = \"9.9.9.0/24\"\nports = [\"udp/53\", \"6/443\"]\n\
         until = \"2026-09-05T00:00:00Z\"\n\n[[indicator]]\nprefix = \"8.8.8.8/32\"\n",
    );
    desk.well(&format!(
        "{REQUEST} --indicators list.toml --output request-1.toml"
    ));
    let draft = desk.read("request-1.toml");
    let (_, indicators) = draft.split_once("[[indicator]]").unwrap();
    insta::assert_snapshot!(indicators, @r#"
    prefix = "9.9.9.0/24"
    until = "2026-09-05T00:00:00Z"
    ports = ["tcp/443", "udp/53"]

    [[indicator]]
    prefix = "8.8.8.8/32"
    "#);
    let shown = desk.well("request show request-1.toml").stdout;
    let (_, indicators) = shown.split_once("indicators    ").unwrap();
    insta::assert_snapshot!(indicators, @r"
    2 indicators
                  9.9.9.0/24 (line 25), on tcp/443 and udp/53 only, until 2026-09-05T00:00:00Z
                  8.8.8.8/32 (line 30)
    ");
    let printed = desk.run(
        "request new --extends request-1.toml --number 2 --id R-2 \
         --from 2026-10-05T00:00:00Z --until 2026-12-05T00:00:00Z",
    );
    insta::assert_snapshot!(printed.whole(), @r"
    exit status: 2
    ----- stdout -----
    ----- stderr -----
    sekisho: this request would be refused: 9.9.9.0/24 counts until 2026-09-05T00:00:00Z, and this document begins at 2026-10-05T00:00:00Z: it would never count; leave it out, or give it another until
    ");
}

#[test]
fn what_feeds_have_newly_becomes_a_request() {
    let (desk, _filtered) = (Desk::new(), filtered());
    desk.write(
        "newer.txt",
        "8.8.8.8\n8.8.4.9\n8.8.4.10:443\n133.10.0.1\n10.0.0.1\n",
    );
    desk.well("feed add newer newer.txt --feeds kept");
    desk.well("feed pull --feeds kept");
    let diff = format!("feed diff --feeds kept --papers . --root ROOT --at {NOW} --class transit");
    let printed = desk.run(&format!("{diff} --write new"));
    insta::assert_snapshot!(printed.whole(), @r"
    exit status: 0
    ----- stdout -----
             1  named by feeds and approved
             2  new: to be asked for
             1  new and refused: own-network
             0  approved and taken back by feeds
             1  approved and in none of these feeds
    + 8.8.4.9/32  confidence 50  newer
    + 8.8.4.10/32 on tcp/443, udp/443, dccp/443, sctp/443, udplite/443  confidence 50  newer
    written: new/additions.txt and new/additions.toml, for 'sekisho request new'
    ----- stderr -----
    ");
    insta::assert_snapshot!(desk.read("new/additions.txt"), @"8.8.4.9/32");
    insta::assert_snapshot!(desk.read("new/additions.toml"), @r#"
    [[indicator]]
    prefix = "8.8.4.10/32"
    ports = ["tcp/443", "udp/443", "dccp/443", "sctp/443", "udplite/443"]
    "#);
    let told: serde_json::Value =
        serde_json::from_str(&desk.well(&format!("{diff} --json")).stdout).unwrap();
    assert_eq!(told["same"], 1);
    assert_eq!(told["additions"][1]["ports"].as_array().unwrap().len(), 5);
    desk.well(
        "request new --from-diff request-1.toml --number 2 --id R-1b --feed new/additions.txt \
         --output request-2.toml",
    );
    assert!(desk.read("request-2.toml").contains("8.8.4.9/32"));
    // What is there is never written over.
    let lines = [&*format!("{diff} --write new")];
    insta::assert_snapshot!(desk.refusals(12, &lines), @"sekisho: output new/additions.txt: exists already; name a new file");
}
