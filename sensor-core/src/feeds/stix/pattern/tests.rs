use proptest::prelude::*;

use super::*;

/// A pattern as it would be written, whatever it was read from.
fn written(pattern: &str) -> String {
    parse(pattern).map_or_else(|error| format!("bad: {error}"), |read| observation(&read))
}

fn observation(read: &Observation<'_>) -> String {
    let all = |all: &[Observation<'_>], word: &str| {
        let each: Vec<String> = all.iter().map(observation).collect();
        format!("({})", each.join(&format!(" {word} ")))
    };
    match read {
        Observation::One(inner) => format!("[{}]", comparison(inner)),
        Observation::And(inner) => all(inner, "AND"),
        Observation::Or(inner) => all(inner, "OR"),
        Observation::FollowedBy(inner) => all(inner, "FOLLOWEDBY"),
        Observation::Qualified(inner, qualifier) => {
            let qualifier = match qualifier {
                Qualifier::Within(_) => "WITHIN".into(),
                Qualifier::Repeats(times) => format!("REPEATS {times}"),
                Qualifier::StartStop(start, stop) => format!("START {start} STOP {stop}"),
            };
            format!("{} {qualifier}", observation(inner))
        }
    }
}

fn comparison(read: &Comparison<'_>) -> String {
    let all = |all: &[Comparison<'_>], word: &str| {
        let each: Vec<String> = all.iter().map(comparison).collect();
        format!("({})", each.join(&format!(" {word} ")))
    };
    match read {
        Comparison::And(inner) => all(inner, "and"),
        Comparison::Or(inner) => all(inner, "or"),
        Comparison::Exists { path, is_negated } => {
            format!("{is_negated} exists {}", self::path(path))
        }
        Comparison::Test(test) => {
            let not = if test.is_negated { "not " } else { "" };
            format!(
                "{} {not}{:?} {:?}",
                path(&test.path),
                test.operator,
                test.values
            )
        }
    }
}

fn path(path: &Path<'_>) -> String {
    let steps = path.steps.iter().map(|step| match step {
        Step::Name(name) => format!(".{name}"),
        Step::Index(None) => "[*]".into(),
        Step::Index(Some(index)) => format!("[{index}]"),
    });
    format!("{}{}", path.object, steps.collect::<String>())
}

#[test]
fn operators_bind_as_the_specification_says() {
    let one = "[a:b = 1]";
    assert_eq!(
        written(&format!(
            "{one} AND {one} OR {one} FOLLOWEDBY {one} AND {one}"
        )),
        "((([a.b Equal [Integer(1)]] AND [a.b Equal [Integer(1)]]) OR [a.b Equal [Integer(1)]]) \
         FOLLOWEDBY ([a.b Equal [Integer(1)]] AND [a.b Equal [Integer(1)]]))"
    );
    assert_eq!(
        written("[a:b = 1 OR a:c = 2 AND a:d = 3]"),
        "[(a.b Equal [Integer(1)] or (a.c Equal [Integer(2)] and a.d Equal [Integer(3)]))]"
    );
    assert_eq!(
        written("([a:b = 1] OR [a:b = 1]) WITHIN 5.5 SECONDS REPEATS 2 TIMES"),
        "([a.b Equal [Integer(1)]] OR [a.b Equal [Integer(1)]]) WITHIN REPEATS 2"
    );
}

#[test]
fn every_form_of_path_and_value_is_read() {
    for (pattern, is) in [
        (
            r"[file:hashes.'SHA-256' = 'a\'b\\c']",
            r#"[file.hashes.SHA-256 Equal [Text("a'b\\c")]]"#,
        ),
        (
            "[x-y:extensions.'a-b'.z[*].q[-1] NOT IN (1, -2, 3.5, true, h'ff', b'AA==', t'x')]",
            "[x-y.extensions.a-b.z[*].q[-1] not In [Integer(1), Integer(-2), Float(\"3.5\"), \
             Bool(true), Binary(\"ff\"), Binary(\"AA==\"), Timestamp(\"x\")]]",
        ),
        ("[a:b <> 'x']", "[a.b NotEqual [Text(\"x\")]]"),
        (
            "[a:b<=5 AND NOT EXISTS a:c]",
            "[(a.b Order [Integer(5)] and true exists a.c)]",
        ),
        (
            "[a:b = 99999999999999999999]",
            "[a.b Equal [Float(\"99999999999999999999\")]]",
        ),
        ("[a:b LIKE '%é%']", "[a.b Like [Text(\"%é%\")]]"),
    ] {
        assert_eq!(written(pattern), is);
    }
}

#[test]
fn what_is_no_pattern_is_said_with_its_place() {
    for (pattern, told) in [
        ("", "the end where '[' or '(' is expected, at byte 0"),
        (
            "[ipv4-addr:value = 'x'",
            "the end where ']', AND or OR is expected, at byte 22",
        ),
        (
            "[ipv4-addr:value = ]",
            "']' where a value is expected, at byte 20",
        ),
        ("[ipv4-addr = 'x']", "'=' where ':' is expected, at byte 11"),
        (
            "[a:b = 'x] ",
            "''x] ' where the end of the text is expected, at byte 7",
        ),
        (
            "[a:b = 1] [a:b = 1]",
            "'[' where the end of the pattern, or an operator is expected, at byte 10",
        ),
        (
            "[a:b LIKE 5]",
            "']' where a text before this is expected, at byte 11",
        ),
        (
            "[a:b = 1] REPEATS 0 TIMES",
            "a value where a number of times is expected, at byte 20",
        ),
        (
            "alert tcp any",
            "'alert' where '[' or '(' is expected, at byte 0",
        ),
    ] {
        assert_eq!(written(pattern), format!("bad: {told}"), "{pattern}");
    }
}

#[test]
fn nesting_ends_at_its_limit_and_chains_do_not() {
    let nested = |levels: usize| format!("[{}a:b = 1{}]", "(".repeat(levels), ")".repeat(levels));
    assert!(parse(&nested(DEEPEST)).is_ok());
    assert_eq!(parse(&nested(DEEPEST + 1)), Err(PatternError::Deep));
    assert_eq!(parse(&"(".repeat(1 << 20)), Err(PatternError::Deep));
    let qualified = format!("[a:b = 1]{}", " REPEATS 1 TIMES".repeat(DEEPEST + 1));
    assert_eq!(parse(&qualified), Err(PatternError::Deep));
    let chain = format!("[a:b = 1{}]", " OR a:b = 1".repeat(100_000));
    assert!(
        matches!(parse(&chain), Ok(Observation::One(Comparison::Or(all))) if all.len() == 100_001)
    );
}

proptest! {
    #[test]
    fn no_text_panics(
        any in "\\PC{0,60}",
        words in prop::collection::vec(
            prop::sample::select(vec![
                "[", "]", "(", ")", "a:b", "=", "'x'", "AND", "OR", "NOT", "IN", ",", "EXISTS",
                "FOLLOWEDBY", "START", "STOP", "t'x'", "WITHIN", "5", "SECONDS", ".", ":", "*", "'",
            ]), 0..30),
    ) {
        let _ = parse(&any);
        let _ = parse(&words.join(" "));
    }
}
