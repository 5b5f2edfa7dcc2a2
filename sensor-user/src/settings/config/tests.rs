use super::*;

fn parse(text: &str) -> Result<Config, ConfigError> {
    Config::parse(Path::new("sekisho.toml"), text)
}

#[test]
fn values_are_as_a_flag_takes_them() {
    let config = parse(
        "[run]\ninterfaces = [\"a\", \"b\"]\ntick = 1_00\ngeneric = true\n[state]\ndir = \"/s\"\n\
         [[exporter]]\nformat = \"eve\"\nto = \"file:/x\"\nrecipient = \"a\"\n",
    )
    .unwrap();
    let set: Vec<_> = (config.settings.iter())
        .map(|setting| {
            (
                setting.key.path(),
                setting.values.join(" "),
                setting.place.line,
            )
        })
        .collect();
    let expected = [
        ("run.interfaces", "a b", 2),
        ("run.generic", "true", 4),
        ("run.tick", "100", 3),
        ("state.dir", "/s", 6),
        ("exporter", "format=eve,recipient=a,to=file:/x", 7),
    ];
    let expected = expected.map(|(key, value, line)| (key.to_owned(), value.to_owned(), line));
    let sorted = |mut all: Vec<(String, String, usize)>| {
        all.sort();
        all
    };
    let order = |(key, value, line): (String, String, usize)| {
        let mut parts: Vec<_> = value.split(',').collect();
        parts.sort_unstable();
        (key, parts.join(","), line)
    };
    assert_eq!(
        sorted(set.into_iter().map(order).collect()),
        sorted(expected.to_vec())
    );
}

#[test]
fn everything_wrong_is_told_at_once_with_its_place() {
    let error = parse(
        "[runn]\n[run]\n  tik = 5\ntick = \"5\"\nlease = -1\n[[exporter]]\nformt = \"eve\"\n",
    )
    .unwrap_err();
    let ConfigError::Wrong { problems, .. } = &error else {
        panic!("{error}");
    };
    let places: Vec<_> = problems.iter().map(|one| one.place.to_string()).collect();
    assert_eq!(places, ["1:2", "3:3", "4:8", "5:9", "7:1"]);
    let text = error.to_string();
    for part in [
        "sekisho.toml:1:2: no section 'runn'; did you mean 'run'?",
        "no key in [run] 'tik'; did you mean 'tick'?",
        "run.tick takes a whole number without quotes",
        "did you mean 'format'?",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn a_syntax_error_has_its_place() {
    let error = parse("[run]\ntick = = 5\n").unwrap_err().to_string();
    assert!(error.starts_with("sekisho.toml:2:"), "{error}");
}

#[test]
fn a_reload_says_what_changed_and_what_waits() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sekisho.toml");
    let running = parse("[run]\ntick = 5\nring_size = 64\n").unwrap();
    std::fs::write(&file, "[run]\ntick = 6\nlease = 3\n").unwrap();
    let (next, changes) = running.reload(&file).unwrap();
    let names = |keys: &[&Key]| keys.iter().map(|key| key.path()).collect::<Vec<_>>();
    assert_eq!(names(&changes.live), ["run.tick", "run.lease"]);
    assert_eq!(names(&changes.restart), ["run.ring_size"]);
    assert_eq!(next.changes(&next), Changes::default());
    std::fs::write(&file, "[run]\ntick = true\n").unwrap();
    assert!(running.reload(&file).is_err());
}

#[test]
fn no_two_keys_share_a_name_a_flag_or_a_variable() {
    for of in [Key::path as fn(&Key) -> String, Key::variable, |key| {
        key.flag.to_owned()
    }] {
        let all: std::collections::BTreeSet<_> = KEYS.iter().map(of).collect();
        assert_eq!(all.len(), KEYS.len());
    }
    assert!(KEYS.iter().any(|key| key.variable() == "SEKISHO_RUN_TICK"));
}
