use super::*;

/// What is found in a text, a line each.
fn found(text: &str) -> String {
    let mut all = Vec::new();
    let mut sink = |at: At<'_>, item: Item<'_>| {
        let what = match item {
            Item::Watch(watch) => {
                let About {
                    confidence,
                    from,
                    until,
                    tlp,
                    ..
                } = watch.about;
                let mut told = watch.prefix.to_string();
                told.extend(confidence.map(|confidence| format!(" sure {confidence}")));
                told.extend(from.map(|from| format!(" from {from}")));
                told.extend(until.map(|until| format!(" until {until}")));
                told.extend(tlp.map(|tlp| format!(" tlp {tlp}")));
                told
            }
            Item::Exclude(prefix) => format!("exclude {prefix}"),
            Item::Refused(refusal) => format!("refused: {refusal}"),
            Item::Inexpressible(why) => format!("no {}", why.name()),
            Item::Beside => "beside".into(),
            Item::Told(tlp) => format!("told {tlp}"),
        };
        all.push(format!("{} {} {what}", at.line, at.id));
    };
    if let Err(error) = decode(text.as_bytes(), &mut sink) {
        all.push(error.to_string());
    }
    all.join("\n")
}

#[test]
fn indicators_of_a_bundle_are_read_and_what_is_beside_them_is_counted() {
    let bundle = r#"{
 "type": "bundle", "id": "bundle--1", "spec_version": "2.0",
 "objects": [
  {"type": "marking-definition", "id": "m", "definition_type": "tlp", "definition": {"tlp": "red"}},
  {"type": "indicator", "id": "a", "pattern": "[ipv4-addr:value = '192.0.2.1']", "pattern_type":
   "stix", "valid_from": "2026-01-01T00:00:00Z", "valid_until": "2026-02-01T00:00:00.5Z",
   "confidence": 85, "object_marking_refs": ["marking-definition--f88d31f6-486f-44da-b317-01333bde0b82"]},
  {"type": "indicator", "id": "b", "pattern": "[ipv4-addr:value = '192.0.2.2']", "revoked": true},
  {"type": "indicator", "id": "c", "pattern": "alert tcp any any", "pattern_type": "snort"},
  {"type": "indicator", "id": "d", "pattern": "[ipv4-addr:value = ]"},
  {"type": "indicator", "id": "e"},
  {"type": "indicator", "id": "f", "pattern": "[ipv4-addr:value = '192.0.2.3']",
   "confidence": "300", "object_marking_refs": ["m", 5, "marking-definition--x"]},
  {"type": "indicator", "id": "g", "pattern": "[ipv4-addr:value = '192.0.2.4']", "valid_until": "soon"},
  {"type": "ipv4-addr", "id": "h", "value": "192.0.2.5"},
  {"id": "i"}, 5, {"type": "indicator", "type": "x"}
 ]}"#;
    insta::assert_snapshot!(found(bundle), @r#"
    4 m beside
    5 a 192.0.2.1/32 sure 85 from 2026-01-01T00:00:00Z until 2026-02-01T00:00:00.5Z tlp amber
    8 b refused: revoked by its source
    9 c no language
    10 d refused: pattern cannot be read: ']' where a value is expected, at byte 20
    11 e refused: no record of this format: an indicator has a pattern
    12 f 192.0.2.3/32 sure 100 tlp red
    14 g refused: no record of this format: valid_until 'soon' is no moment
    15 h beside
    16 i refused: no record of this format: an object of STIX has a type
    16  refused: no record of this format: invalid type: integer `5`, expected struct Object
    16  refused: no record of this format: duplicate field `type`
    "#);
}

#[test]
fn envelopes_lists_and_single_objects_are_read() {
    let one = r#"{"type": "indicator", "id": "a", "pattern": "[ipv4-addr:value = '192.0.2.1']"}"#;
    let is = "1 a 192.0.2.1/32";
    assert_eq!(found(one), is);
    assert_eq!(found(&format!("[{one}]")), is);
    assert_eq!(
        found(&format!(
            r#"{{"more": true, "next": "x", "objects": [{one}]}}"#
        )),
        is
    );
    assert_eq!(found(r#"{"type": "bundle", "id": "x"}"#), "");
    assert_eq!(found(r#"{"more": false, "objects": []}"#), "");
    assert_eq!(
        found(&format!("{one} {one}")),
        "line 1: no JSON: '{' where the end is expected"
    );
}
