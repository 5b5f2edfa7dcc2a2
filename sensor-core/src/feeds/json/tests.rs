//! What is walked and cut is what `serde_json` reads as a whole.

use proptest::prelude::*;
use serde_json::Value;

use super::*;

/// The elements of `objects` of a text, read in pieces of this size, and how it ended.
fn objects(text: &[u8], pieces: usize) -> (Vec<(u64, Value)>, Result<(), JsonError>) {
    struct InPieces<'a>(&'a [u8], usize);
    impl Read for InPieces<'_> {
        fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
            let most = self.1.min(target.len());
            self.0.read(&mut target[..most])
        }
    }
    let mut json = Json::new(InPieces(text, pieces));
    let mut all = Vec::new();
    let ended = json.object(|json, name| match name {
        "objects" => json.array(|json| {
            let mut object = Vec::new();
            let cut = json.cut(&mut object, LARGEST_OBJECT)?;
            all.push((
                cut.line,
                serde_json::from_slice(&object).unwrap_or_default(),
            ));
            Ok(())
        }),
        _ => json.skip(),
    });
    let ended = ended.and_then(|()| json.end());
    (all, ended)
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[\\PC\"\\\\\n{}\\[\\]]{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-c\"\\\\]{0,3}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn objects_are_cut_as_they_are(
        values in prop::collection::vec(value(), 0..6),
        before in value(),
        pretty: bool,
        pieces in 1..40usize,
    ) {
        let whole = serde_json::json!({"before": before, "objects": values, "type": "x"});
        let text = if pretty { serde_json::to_vec_pretty(&whole) } else { serde_json::to_vec(&whole) };
        let (found, ended) = objects(&text.unwrap(), pieces);
        prop_assert!(ended.is_ok(), "{ended:?}");
        let found: Vec<Value> = found.into_iter().map(|(_, value)| value).collect();
        prop_assert_eq!(found, values);
    }

    #[test]
    fn no_bytes_panic_and_a_cut_text_says_so(
        bytes in prop::collection::vec(any::<u8>(), 0..200), value in value(), at in 0..1000usize,
    ) {
        let _ = objects(&bytes, 7);
        let whole = serde_json::to_vec(&serde_json::json!({"objects": [value]})).unwrap();
        let (_, ended) = objects(&whole[..at % whole.len()], 7);
        prop_assert!(matches!(ended, Err(JsonError::Cut { .. })), "{ended:?}");
    }
}

#[test]
fn objects_have_the_line_they_begin_in() {
    let text = b"{\n \"x\": [\n1\n],\n \"objects\": [\n  {\n\"a\": 1},\n\n  7]\n}\n";
    let (found, ended) = objects(text, 5);
    ended.unwrap();
    let lines: Vec<u64> = found.into_iter().map(|(line, _)| line).collect();
    assert_eq!(lines, [6, 9]);
}

#[test]
fn what_is_too_deep_or_no_json_is_said() {
    let deep = |levels| format!("{{\"x\": {}{}}}", "[".repeat(levels), "]".repeat(levels));
    assert!(objects(deep(DEEPEST).as_bytes(), 99).1.is_ok());
    let (_, ended) = objects(deep(DEEPEST + 1).as_bytes(), 99);
    assert!(
        matches!(ended, Err(JsonError::Deep { line: 1 })),
        "{ended:?}"
    );
    for (text, told) in [
        ("[1]", "line 1: no JSON: '[' where an object is expected"),
        ("{\"a\" 1}", "line 1: no JSON: '1' where ':' is expected"),
        (
            "{\"a\":\n1 2}",
            "line 2: no JSON: '2' where ',' or '}' is expected",
        ),
        (
            "{\"a\":,}",
            "line 1: no JSON: ',' where a value is expected",
        ),
        ("{} {}", "line 1: no JSON: '{' where the end is expected"),
        (
            "{\"a\":\n{",
            "line 2: it ends in the middle; fetch it again",
        ),
    ] {
        let (_, ended) = objects(text.as_bytes(), 99);
        assert_eq!(ended.unwrap_err().to_string(), told);
    }
}

#[test]
fn what_is_too_large_is_passed_over_and_the_rest_is_read() {
    let text = format!("{{\"x\": [\"{}\", \"ok\"]}}", "y".repeat(200_000));
    let mut json = Json::new(text.as_bytes());
    let mut found = Vec::new();
    let ended = json.object(|json, _| {
        json.array(|json| {
            let mut value = Vec::new();
            let cut = json.cut(&mut value, 100)?;
            found.push((cut.is_whole, value.len()));
            Ok(())
        })
    });
    ended.unwrap();
    assert_eq!(found, [(false, 0), (true, 4)]);
}

#[test]
fn a_member_of_a_wrong_type_is_nothing() {
    #[derive(serde::Deserialize)]
    struct Object<'a> {
        #[serde(borrow, default)]
        a: Loose<'a>,
        #[serde(borrow, default)]
        b: Many<Loose<'a>>,
    }
    let read = |text| serde_json::from_str::<Object<'_>>(text).unwrap();
    let object = read(r#"{"a": {"x": [1]}, "b": 5, "c": null}"#);
    assert!(object.a.is_none() && object.b.0.is_empty());
    let object = read(r#"{"a": " 17 ", "b": [1, "x", null]}"#);
    assert_eq!((object.a.number(), object.b.0.len()), (Some(17), 3));
    assert_eq!(read(r#"{"a": "\u0031"}"#).a.bool(), Some(true));
    assert_eq!(read(r#"{"a": 1e99}"#).a, Loose::OtherNumber);
    assert_eq!(read(r#"{"a": -1}"#).a, Loose::OtherNumber);
    assert!(serde_json::from_str::<Object<'_>>(r#"{"a": 1, "a": 2}"#).is_err());
}
