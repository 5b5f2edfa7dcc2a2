use proptest::prelude::*;

use super::*;
use crate::feeds::item::Watch;

pub(super) fn told(line: u64, item: &Item<'_>) -> String {
    let what = match item {
        Item::Watch(Watch {
            prefix,
            ports,
            about,
        }) => {
            let mut told = prefix.to_string();
            told.extend(ports.first().map(|rule| format!(" on {rule}")));
            told.extend(about.confidence.map(|sure| format!(" sure {sure}")));
            told.extend(about.first_seen.map(|time| format!(" first {time}")));
            told.extend(about.last_seen.map(|time| format!(" last {time}")));
            told.extend(about.until.map(|time| format!(" until {time}")));
            told
        }
        Item::Refused(refusal) => format!("refused {}", refusal.name()),
        Item::Inexpressible(why) => format!("no {}", why.name()),
        Item::Exclude(_) | Item::Beside | Item::Told(_) => "beside".into(),
    };
    format!("{line} {what}")
}

fn found(text: &str, mapping: Option<&str>) -> String {
    let mapping: Option<Mapping> = mapping.map(|text| text.parse().unwrap());
    let usual = Mapping::of(&[(Role::Value, "1")]);
    let mut all = Vec::new();
    let mut sink = |at: At<'_>, item: Item<'_>| all.push(told(at.line, &item));
    decode(text.as_bytes(), mapping.as_ref(), &usual, &mut sink).unwrap();
    all.join("\n")
}

#[test]
fn feodo_tracker() {
    let text = "################\n# Feodo Tracker Botnet C2 IP Blocklist (IPs only)  #\n\
        # Last updated: 2026-11-22 10:00:00 UTC, hourly #\n################\n\
        \"first_seen_utc\",\"dst_ip\",\"dst_port\",\"c2_status\",\"last_online\",\"malware\"\n\
        \"2021-01-17 07:30:05\",\"67.213.75.205\",\"443\",\"offline\",\"2023-03-08\",\"Dridex\"\n\
        \"2022-01-17 07:30:05\",\"2.3.4.5\",\"0\",\"online\",\"\",\"X\"\n# END (2 entries)\n";
    insta::assert_snapshot!(found(text, None), @r#"
    6 67.213.75.205/32 on tcp/443 first 2021-01-17T07:30:05Z last 2023-03-08T00:00:00Z
    7 2.3.4.5/32 first 2022-01-17T07:30:05Z
    "#);
}

#[test]
fn threatfox_names_its_columns_in_a_comment_and_writes_spaces() {
    let text = "# \"first_seen_utc\",\"ioc_id\",\"ioc_value\",\"ioc_type\",\"threat_type\",\"last_seen_utc\",\"confidence_level\"\n\
        \"2026-01-02 03:04:05\", \"12\", \"1.2.3.4:443\", \"ip:port\", \"botnet_cc\", \"\", \"75\"\n\
        \"2026-01-02 03:04:05\", \"13\", \"x.example\", \"domain\", \"botnet_cc\", \"\", \"50\"\n\
        \"2026-01-02 03:04:05\", \"14\", \"d41d8cd98f00b204e9800998ecf8427e\", \"md5_hash\", \"payload\", \"\", \"50\"\n\
        \"2026-01-02 03:04:05\", \"15\", \"http://1.2.3.4/x, y\", \"url\", \"a \"\"b\"\"\", \"\", \"50\"\n\
        # Number of entries: 4\n";
    insta::assert_snapshot!(found(text, None), @r#"
    2 1.2.3.4/32 on tcp/443 sure 75 first 2026-01-02T03:04:05Z
    3 no domain
    4 no hash
    5 no url
    "#);
}

#[test]
fn urls_of_urlhaus_are_not_addresses_whatever_their_host() {
    let text = "# id,dateadded,url,url_status,last_online,threat,tags,urlhaus_link,reporter\n\
        \"1\",\"2026-11-22 10:00:00\",\"http://8.8.8.8:80/bin.sh\",\"online\",\"\",\"malware_download\",\"32-bit,elf\",\"https://x\",\"r\"\n";
    insta::assert_snapshot!(found(text, None), @r#"
    2 no url
    "#);
}

#[test]
fn columns_are_named_numbered_or_the_first() {
    assert_eq!(
        found("8.8.8.8,x\nx.example,y\n", None),
        "1 8.8.8.8/32\n2 no domain"
    );
    assert_eq!(
        found("a;8.8.8.8;53;udp\n", Some("value=2,port=3,protocol=4")),
        "1 8.8.8.8/32 on udp/53"
    );
    let named = "Host\tPort\n8.8.8.8\t53\n";
    assert_eq!(
        found(named, Some("value=host,port=PORT")),
        "2 8.8.8.8/32 on tcp/53"
    );
    // A column that is not there narrows nothing, so nothing is read without it.
    assert_eq!(
        found(named, Some("value=host,port=nowhere")),
        "1 refused record\n2 refused record"
    );
}

#[test]
fn fields_in_quotes_may_have_line_ends_and_an_open_quote_is_told() {
    let text = "ip,remark\n1.1.1.1,\"a\nb\"\n2.2.2.2,x\n3.3.3.3,\"open\n4.4.4.4,y\n";
    assert_eq!(
        found(text, None),
        "2 1.1.1.1/32\n4 2.2.2.2/32\n5 refused record"
    );
}

#[test]
fn what_narrows_and_cannot_be_read_is_refused() {
    let text = "ip,port,protocol,valid_until\n1.1.1.1,99999,tcp,\n1.1.1.1,1,gre,\n1.1.1.1,,tcp,\n\
        1.1.1.1,1,TCP,soon\n1.1.1.1:2,3,tcp,\n1.1.1.1,1,TCP,2026-01-01\n,,,\n\u{7},,,\n";
    insta::assert_snapshot!(found(text, None), @r#"
    2 refused port
    3 no protocol
    4 no protocol
    5 refused record
    6 refused record
    7 1.1.1.1/32 on tcp/1 until 2026-01-01T00:00:00Z
    8 refused record
    9 refused not-text
    "#);
}

proptest! {
    #[test]
    fn no_text_panics(text in "[a1.,;\"\n# ]{0,60}") {
        found(&text, None);
    }
}

/// A record is not cut anew at each of its lines: this would take minutes.
#[test]
fn a_quote_that_stays_open_takes_no_longer_than_other_text() {
    let open = |lines: String| format!("ip,remark\n1.1.1.1,\"{lines}");
    let doubled = open("\"\"\n".repeat(LONGEST / 4));
    assert_eq!(found(&doubled, None), "2 refused record");
    // It is given up where it is too long, and what follows is read.
    let long = open("\n".repeat(2 * LONGEST)) + "2.2.2.2,x\n";
    let told = format!("2 refused too-long\n{} 2.2.2.2/32", 2 * LONGEST + 2);
    assert_eq!(found(&long, None), told);
}

proptest! {
    #[test]
    fn what_closes_no_quote_leaves_it_open(
        begin in "[a,\"]{0,6}", lines in prop::collection::vec("[a,\"]{0,5}", 1..4),
    ) {
        let mut record = begin;
        let mut fields = Vec::new();
        let mut is_open = !cut(&record, ',', &mut fields);
        for line in lines {
            record = format!("{record}\n{line}");
            let is_cut = cut(&record, ',', &mut fields);
            if is_open && closes_nothing(&line) {
                prop_assert!(!is_cut, "{record:?}");
            }
            is_open = !is_cut;
        }
    }
}
