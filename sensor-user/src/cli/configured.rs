//! Arguments of a run, with what the environment and the file set added as flags.
//!
//! What is added is parsed as if it had been given: one place has each default and range. What
//! decides, in this order: flag, environment variable, file, default.

use std::{
    error::Error as _,
    ffi::OsString,
    path::{Path, PathBuf},
};

use clap::{Arg, ArgMatches, Command, CommandFactory as _, Parser as _, parser::ValueSource};

use super::Cli;
use crate::settings::config::{Config, ConfigError, DEFAULT_FILE, KEYS, Key, Kind, Problem};

/// Flags that only a real sensor has: with --lab, the file does not set them.
const REAL: [&str; 2] = ["state", "feeds"];

/// Why there are no arguments.
#[derive(Debug)]
pub(super) enum Refused {
    /// As clap says it; help and version too.
    Arguments(clap::Error),
    /// The file or the environment.
    Config(ConfigError),
}

/// The arguments of the process.
pub(super) fn parse() -> Result<Cli, Refused> {
    let variable = |name: &str| std::env::var_os(name);
    parse_from(
        std::env::args_os().collect(),
        Path::new(DEFAULT_FILE),
        variable,
    )
}

fn parse_from(
    mut given: Vec<OsString>,
    default: &Path,
    variable: impl Fn(&str) -> Option<OsString>,
) -> Result<Cli, Refused> {
    let mut command = Cli::command().ignore_errors(true);
    // What is wrong with them is told below, with all of them together.
    let matches = (command.try_get_matches_from_mut(&given)).map_err(Refused::Arguments)?;
    let run = command.find_subcommand("run");
    if let (Some(("run", matches)), Some(run)) = (matches.subcommand(), run) {
        let added = added(run, matches, default, variable).map_err(Refused::Config)?;
        // `run` is the first argument: no flag comes before a command.
        given.splice(2..2, added);
    }
    Cli::try_parse_from(given).map_err(Refused::Arguments)
}

fn added(
    run: &Command,
    matches: &ArgMatches,
    default: &Path,
    variable: impl Fn(&str) -> Option<OsString>,
) -> Result<Vec<OsString>, ConfigError> {
    let mut added = Vec::new();
    let file = match matches.get_one::<PathBuf>("config") {
        Some(file) => Config::read(file)?,
        None if default.exists() => {
            added.push(flag("config", default.as_os_str()));
            Config::read(default)?
        }
        None => Config::default(),
    };
    // Without a default where other arguments are not understood, which is told below.
    let is_lab = (matches.try_get_one("lab").ok().flatten()).is_some_and(|lab: &bool| *lab);
    let mut wrong = Vec::new();
    check(run, &file)?;
    for key in &KEYS {
        let is_given = arg(run, key).is_some_and(|arg| {
            matches.value_source(arg.get_id().as_str()) == Some(ValueSource::CommandLine)
        });
        if is_given || (is_lab && REAL.contains(&key.flag)) {
            continue;
        }
        let of_file = || file.get(key).map(|setting| setting.values.clone());
        match self::variable(run, key, &variable) {
            Ok(values) => added.extend(flags(key, &values.or_else(of_file).unwrap_or_default())),
            Err(ConfigError::Variables(more)) => wrong.extend(more),
            Err(error) => return Err(error),
        }
    }
    if wrong.is_empty() {
        Ok(added)
    } else {
        Err(ConfigError::Variables(wrong))
    }
}

/// The flag that a key stands for.
pub(super) fn arg<'a>(run: &'a Command, key: &Key) -> Option<&'a Arg> {
    run.get_arguments()
        .find(|arg| arg.get_long() == Some(key.flag))
}

/// Refuses a file with values that the flags refuse, also where they would not decide: a file is
/// right or wrong, whoever reads it.
pub(super) fn check(run: &Command, file: &Config) -> Result<(), ConfigError> {
    let mut problems = Vec::new();
    for setting in &file.settings {
        let (key, place) = (setting.key, setting.place);
        let Some(arg) = arg(run, key) else { continue };
        for why in (setting.values.iter()).filter_map(|value| refused(key, arg, value)) {
            let text = format!("{}: {why}", key.path());
            problems.push(Problem { place, text });
        }
    }
    if problems.is_empty() {
        return Ok(());
    }
    problems.sort();
    Err(ConfigError::Wrong {
        path: file.path.clone(),
        problems,
    })
}

/// What the environment sets for a key.
pub(super) fn variable(
    run: &Command,
    key: &Key,
    variable: impl Fn(&str) -> Option<OsString>,
) -> Result<Option<Vec<String>>, ConfigError> {
    let name = key.variable();
    let Some(value) = variable(&name) else {
        return Ok(None);
    };
    let Ok(value) = value.into_string() else {
        let text = format!("{name} is not UTF-8; set it anew");
        return Err(ConfigError::Variables(vec![text]));
    };
    let values = split(key, &value);
    let arg = arg(run, key);
    let wrong = values.iter().filter_map(|value| refused(key, arg?, value));
    let wrong: Vec<String> = wrong.map(|why| format!("{name}: {why}")).collect();
    if wrong.is_empty() {
        Ok(Some(values))
    } else {
        Err(ConfigError::Variables(wrong))
    }
}

/// Values of an environment variable.
fn split(key: &Key, value: &str) -> Vec<String> {
    let separator = match key.kind {
        Kind::Texts => ',',
        Kind::Exporters => ';',
        Kind::Text | Kind::Number | Kind::Switch => return vec![value.to_owned()],
    };
    let parts = value.split(separator).filter(|part| !part.is_empty());
    parts.map(str::to_owned).collect()
}

fn flags(key: &Key, values: &[String]) -> Vec<OsString> {
    if key.kind == Kind::Switch {
        let is_on = values.iter().any(|value| value == "true");
        return is_on
            .then(|| format!("--{}", key.flag).into())
            .into_iter()
            .collect();
    }
    let flags = values.iter().map(|value| flag(key.flag, value.as_ref()));
    flags.collect()
}

fn flag(name: &str, value: &std::ffi::OsStr) -> OsString {
    let mut flag = OsString::from(format!("--{name}="));
    flag.push(value);
    flag
}

/// What the flag has against a value.
fn refused(key: &Key, arg: &Arg, value: &str) -> Option<String> {
    if key.kind == Kind::Switch {
        let is_switch = matches!(value, "true" | "false");
        return (!is_switch).then(|| format!("'{value}' is neither true nor false; give one"));
    }
    let alone = Arg::new(key.flag)
        .long(key.flag)
        .value_parser(arg.get_value_parser().clone());
    let command = Command::new("sekisho").no_binary_name(true).arg(alone);
    let error = (command.try_get_matches_from([flag(key.flag, value.as_ref())])).err()?;
    let why = error
        .source()
        .map_or_else(|| error.kind().to_string(), ToString::to_string);
    Some(format!("'{value}' is not possible: {why}"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::cli::{Command as Which, run::RunArgs};

    /// What `run` has of flags, variables and a file.
    fn run(flags: &str, variables: &[(&str, &str)], file: &str) -> Result<RunArgs, Refused> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sekisho.toml");
        std::fs::write(&path, file).unwrap();
        let variables: BTreeMap<_, _> = variables.iter().copied().collect();
        let given = format!("sekisho run {flags}");
        let given = given.split_whitespace().map(OsString::from).collect();
        let cli = parse_from(given, &path, |name| variables.get(name).map(OsString::from))?;
        match cli.command {
            Which::Run(args) => Ok(args),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn flag_then_variable_then_file_then_default() {
        let file = "[run]\ninterfaces = [\"a\", \"b\"]\ntick = 300\n[state]\ndir = \"/s\"\n";
        let tick = |flags: &str, variables: &[_], file: &str| {
            run(flags, variables, file).unwrap().as_set()
        };
        let variable = [("SEKISHO_RUN_TICK", "400")];
        assert_eq!(
            tick("--tick 500", &variable, file),
            (vec!["a".into(), "b".into()], 500)
        );
        assert_eq!(tick("", &variable, file).1, 400);
        assert_eq!(tick("", &[], file).1, 300);
        assert_eq!(tick("--interface c", &[], "").1, 200);
        let variable = [("SEKISHO_RUN_INTERFACES", "c,d")];
        assert_eq!(tick("", &variable, file).0, ["c", "d"]);
        assert_eq!(tick("--interface e --lab", &[], file).0, ["e"]);
    }

    #[test]
    fn what_a_flag_refuses_is_refused_with_its_place() {
        let file = "[run]\ntick = 0\nring_size = 65\n";
        let Err(Refused::Config(error)) = run("--interface a", &[], file) else {
            panic!("taken");
        };
        let text = error.to_string();
        assert!(text.contains(":2:1: run.tick: '0'"), "{text}");
        assert!(text.contains(":3:1: run.ring_size: '65'"), "{text}");
        let variables = [("SEKISHO_RUN_GENERIC", "maybe")];
        let Err(Refused::Config(error)) = run("--interface a", &variables, "") else {
            panic!("taken");
        };
        assert!(error.to_string().contains("SEKISHO_RUN_GENERIC: 'maybe'"));
    }

    #[test]
    fn a_file_that_is_named_must_exist() {
        let Err(Refused::Config(error)) = run("--interface a --config /nowhere", &[], "") else {
            panic!("taken");
        };
        assert!(error.to_string().contains("/nowhere"));
    }

    #[test]
    fn every_key_is_a_flag() {
        let command = Cli::command();
        let run = command.find_subcommand("run").unwrap();
        let has = |key: &&Key| {
            run.get_arguments()
                .any(|arg| arg.get_long() == Some(key.flag))
        };
        let missing: Vec<_> = KEYS
            .iter()
            .filter(|key| !has(key))
            .map(|key| key.flag)
            .collect();
        assert!(missing.is_empty(), "{missing:?}");
    }
}
