use super::*;
use crate::feeds::item::Watch;

/// What is found in a text, a line each.
fn found(read: impl FnOnce(&mut dyn Sink) -> Result<(), JsonError>) -> String {
    let mut all = Vec::new();
    let mut sink = |at: At<'_>, item: Item<'_>| {
        let what = match item {
            Item::Watch(Watch {
                prefix,
                ports,
                about,
            }) => {
                let mut told = prefix.to_string();
                told.extend(ports.iter().take(1).map(|rule| format!(" on {rule}")));
                told.extend(about.tlp.map(|tlp| format!(" tlp {tlp}")));
                told.extend(about.first_seen.map(|time| format!(" first {time}")));
                told.extend(about.modified.map(|time| format!(" changed {time}")));
                told
            }
            Item::Exclude(prefix) => format!("exclude {prefix}"),
            Item::Refused(refusal) => format!("refused {}", refusal.name()),
            Item::Inexpressible(why) => format!("no {}", why.name()),
            Item::Beside => "beside".into(),
            Item::Told(tlp) => format!("told {tlp}"),
        };
        all.push(format!("{} {what}", at.line));
    };
    if let Err(error) = read(&mut sink) {
        all.push(error.to_string());
    }
    all.join("\n")
}

fn event(text: &str) -> String {
    found(|sink| decode(text.as_bytes(), sink))
}

#[test]
fn attributes_and_objects_of_an_event_are_read() {
    let text = r#"{"Event": {"info": "x", "Attribute": [
{"type": "ip-dst", "value": "192.0.2.1", "to_ids": true, "timestamp": "1700000000", "Tag": [{"name": "tlp:red"}]},
{"type": "ip-src", "value": "192.0.2.0/24", "to_ids": 1, "first_seen": "2026-01-01T00:00:00.000000+00:00"},
{"type": "ip-dst", "value": "192.0.2.2", "to_ids": false},
{"type": "ip-dst", "value": "192.0.2.3", "to_ids": true, "deleted": true},
{"type": "ip-dst|port", "value": "192.0.2.4|443", "to_ids": "1"},
{"type": "ip-src|port", "value": "192.0.2.5:80", "to_ids": true},
{"type": "ip-src|port", "value": "192.0.2.5", "to_ids": true},
{"type": "domain|ip", "value": "x.example|192.0.2.6", "to_ids": true},
{"type": "ip-dst", "value": "not", "to_ids": true},
{"type": "md5", "value": "x", "to_ids": true}, {"type": "filename|sha256", "value": "x|y", "to_ids": true},
{"type": "url", "value": "http://192.0.2.7/", "to_ids": true}, {"type": "regkey", "value": "x", "to_ids": true},
{"value": "x"}, 7
], "Object": [
{"name": "ip-port", "Attribute": [
 {"type": "ip-dst", "object_relation": "ip", "value": "192.0.2.8", "to_ids": true},
 {"type": "port", "object_relation": "dst-port", "value": "8443", "to_ids": false},
 {"type": "port", "object_relation": "src-port", "value": "50000", "to_ids": false}]},
{"name": "ip-port", "Attribute": [
 {"type": "ip-src", "object_relation": "ip-src", "value": "192.0.2.9", "to_ids": true},
 {"type": "port", "object_relation": "dst-port", "value": 25, "to_ids": true}]},
{"name": "file", "Attribute": [{"type": "md5", "value": "x", "to_ids": true}, {"type": "port", "value": "1", "to_ids": true}]}
], "Tag": [{"name": "tlp:green"}, {"name": "misp-galaxy:x"}]}}"#;
    insta::assert_snapshot!(event(text), @r#"
    2 192.0.2.1/32 tlp red changed 2023-11-14T22:13:20Z
    3 192.0.2.0/24 first 2026-01-01T00:00:00Z
    4 refused not-for-detection
    5 refused revoked
    6 192.0.2.4/32 on tcp/443
    7 192.0.2.5/32 on tcp/80
    8 refused record
    9 no domain
    9 192.0.2.6/32
    10 refused not-an-address
    11 no hash
    11 no hash
    12 no url
    12 no other-object
    13 refused record
    13 refused record
    15 192.0.2.8/32 on tcp/8443
    15 beside
    15 beside
    19 no other-end
    19 beside
    22 no hash
    22 no port-alone
    0 told green
    "#);
}

#[test]
fn answers_of_a_search_are_read_however_they_are_wrapped() {
    let one = r#"{"type": "ip-dst", "value": "192.0.2.1", "to_ids": true}"#;
    for text in [
        format!(r#"{{"Attribute": [{one}]}}"#),
        format!(r#"{{"response": {{"Attribute": [{one}]}}}}"#),
        format!(r#"{{"response": [{{"Event": {{"Attribute": [{one}]}}}}]}}"#),
        format!(r#"[{{"Event": {{"Attribute": [{one}]}}}}]"#),
        format!(r#"{{"info": "x", "Attribute": [{one}]}}"#),
    ] {
        assert_eq!(event(&text), "1 192.0.2.1/32", "{text}");
    }
    assert_eq!(event("{\"Event\": {}}"), "");
    assert_eq!(event("[[[[[[[[[[1]]]]]]]]]]"), "");
    assert_eq!(
        event("{\"Event\": {"),
        "line 1: it ends in the middle; fetch it again"
    );
}

#[test]
fn a_manifest_lists_events_and_leads_out_of_no_folder() {
    let text = r#"{"5488465f-2da8-4625-bf07-43ef950d210b": {"info": "x", "timestamp": "1418217625"},
"../../etc/passwd": {}, "5488465f-2da8-4625-bf07-43ef950d210c": []}"#;
    let mut all = Vec::new();
    decode_manifest(text.as_bytes(), |line, listed| {
        all.push((
            line,
            listed
                .map(|listed| listed.timestamp)
                .map_err(|no| no.name()),
        ));
    })
    .unwrap();
    assert_eq!(
        all,
        [(1, Ok(1_418_217_625)), (2, Err("record")), (2, Ok(0))]
    );
}

#[test]
fn a_warninglist_is_exclusions() {
    let text = r#"{"description": "x", "list": [
"192.0.2.0/24", "2001:db8::1", "x.example", ".example", "192.0.2.1/24", 5, "^a$"], "type": "cidr"}"#;
    let told = found(|sink| decode_warninglist(text.as_bytes(), sink));
    insta::assert_snapshot!(told, @r#"
    2 exclude 192.0.2.0/24
    2 exclude 2001:db8::1/128
    2 no domain
    2 no text-match
    2 refused host-bits
    2 no text-match
    2 no text-match
    "#);
}
