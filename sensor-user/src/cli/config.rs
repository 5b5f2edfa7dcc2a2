//! `sekisho config`: looks at a configuration file.

use std::{
    io::Write,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use clap::{Args, Command, CommandFactory as _, Subcommand};
use serde_json::{Value, json};

use super::{Cli, Exit, configured, printer};
use crate::settings::config::{Config, DEFAULT_FILE, KEYS, Key, Kind};

/// Arguments of `sekisho config`.
#[derive(Debug, Args)]
pub(super) struct ConfigArgs {
    #[command(subcommand)]
    command: Which,
}

#[derive(Debug, Subcommand)]
enum Which {
    /// Say everything that is wrong with a file
    Check {
        /// The file
        #[arg(default_value = DEFAULT_FILE)]
        file: PathBuf,
    },
    /// Show what is in effect for 'run' without flags, as TOML
    Show {
        /// The file; the default one need not exist
        file: Option<PathBuf>,

        /// Say where each value comes from
        #[arg(long)]
        origin: bool,
    },
    /// Print the JSON Schema of the file
    Schema,
}

pub(super) fn config(args: &ConfigArgs, out: &mut dyn Write) -> anyhow::Result<Exit> {
    let mut command = Cli::command();
    command.build();
    let run = command.find_subcommand("run").context("no command 'run'")?;
    let text = match &args.command {
        Which::Check { file } => {
            configured::check(run, &Config::read(file)?)?;
            format!("{}: nothing is wrong\n", file.display())
        }
        Which::Show { file, origin } => {
            let file = match file {
                Some(file) => Config::read(file)?,
                None if Path::new(DEFAULT_FILE).exists() => Config::read(DEFAULT_FILE.as_ref())?,
                None => Config::default(),
            };
            configured::check(run, &file)?;
            show(run, &file, *origin)?
        }
        Which::Schema => serde_json::to_string_pretty(&schema())? + "\n",
    };
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    printer::unless_gone(written).context("cannot print the configuration")?;
    Ok(Exit::Done)
}

fn show(run: &Command, file: &Config, has_origin: bool) -> anyhow::Result<String> {
    use std::fmt::Write as _;

    let mut text = String::new();
    let mut section = "";
    for key in &KEYS {
        let variable = configured::variable(run, key, |name| std::env::var_os(name))?;
        let (values, origin) = if let Some(values) = variable {
            (values, format!("environment variable {}", key.variable()))
        } else if let Some(setting) = file.get(key) {
            let line = setting.place.line;
            (
                setting.values.clone(),
                format!("{}:{line}", file.path.display()),
            )
        } else {
            let arg = configured::arg(run, key).filter(|_| key.kind != Kind::Switch);
            let Some(default) = arg.and_then(|arg| arg.get_default_values().first()) else {
                continue;
            };
            let default = default.to_string_lossy().into_owned();
            (vec![default], "default".to_owned())
        };
        let comment = if has_origin {
            format!(" # {origin}")
        } else {
            String::new()
        };
        if key.kind == Kind::Exporters {
            for value in &values {
                write!(text, "\n[[exporter]]{comment}\n{}", exporter(value)?)?;
            }
            continue;
        }
        if section != key.section {
            section = key.section;
            let gap = if text.is_empty() { "" } else { "\n" };
            writeln!(text, "{gap}[{section}]")?;
        }
        writeln!(text, "{} = {}{comment}", key.name, toml_value(key, &values))?;
    }
    Ok(text)
}

fn exporter(value: &str) -> anyhow::Result<String> {
    let exporter: crate::settings::exporters::Exporter = value.parse()?;
    toml::to_string(&exporter).context("cannot show an exporter")
}

fn toml_value(key: &Key, values: &[String]) -> String {
    let quoted = |value: &String| toml::Value::String(value.clone()).to_string();
    match key.kind {
        Kind::Texts => format!(
            "[{}]",
            values.iter().map(quoted).collect::<Vec<_>>().join(", ")
        ),
        Kind::Text => values.iter().map(quoted).collect(),
        Kind::Number | Kind::Switch | Kind::Exporters => values.concat(),
    }
}

/// The schema, of the keys that there are.
fn schema() -> Value {
    let mut sections = serde_json::Map::new();
    for key in &KEYS {
        let about = match key.unit {
            Some(unit) => format!("{}, in {unit}", key.about),
            None => key.about.to_owned(),
        };
        if key.kind == Kind::Exporters {
            let mut value = exporters();
            value["description"] = about.into();
            sections.insert(key.section.to_owned(), value);
            continue;
        }
        let mut value = match key.kind {
            Kind::Texts => json!({"type": "array", "items": {"type": "string"}}),
            Kind::Number => json!({"type": "integer", "minimum": 0}),
            Kind::Switch => json!({"type": "boolean"}),
            Kind::Text | Kind::Exporters => json!({"type": "string"}),
        };
        value["description"] = about.into();
        let section = sections.entry(key.section).or_insert_with(
            || json!({"type": "object", "additionalProperties": false, "properties": {}}),
        );
        section["properties"][key.name] = value;
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "sekisho.toml",
        "type": "object",
        "additionalProperties": false,
        "properties": sections,
    })
}

fn exporters() -> Value {
    use crate::settings::exporters::{KEYS, NUMBERS};
    let of = |name: &&str| {
        let is_number = NUMBERS.contains(name);
        let value = if is_number {
            json!({"type": "integer", "minimum": 0})
        } else {
            json!({"type": "string"})
        };
        ((*name).to_owned(), value)
    };
    let properties: serde_json::Map<_, _> = KEYS.iter().map(of).collect();
    json!({"type": "array", "items": {
        "type": "object",
        "additionalProperties": false,
        "required": ["format", "to", "recipient"],
        "properties": properties,
    }})
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: &str = include_str!("../../../packaging/sekisho.toml");

    #[test]
    fn what_is_shown_is_read_again_and_says_its_origin() {
        let command = Cli::command();
        let run = command.find_subcommand("run").unwrap();
        let text = "[run]\ninterfaces = [\"a\"]\nlease = 9\n";
        let file = Config::parse("x.toml".as_ref(), text).unwrap();
        let shown = show(run, &file, true).unwrap();
        assert!(shown.contains("lease = 9 # x.toml:3\n"), "{shown}");
        assert!(shown.contains("tick = 200 # default\n"), "{shown}");
        let again = Config::parse("y.toml".as_ref(), &shown).unwrap();
        assert!(
            file.changes(&again)
                .live
                .iter()
                .all(|key| key.name != "lease")
        );
    }

    #[test]
    fn the_example_is_accepted_also_with_every_key_set() {
        let command = Cli::command();
        let run = command.find_subcommand("run").unwrap();
        let config = Config::parse("sekisho.toml".as_ref(), EXAMPLE).unwrap();
        configured::check(run, &config).unwrap();
        // "#key = value" is a key; "# words" are words.
        let lines = EXAMPLE.lines();
        let lines = lines.map(|line| match line.strip_prefix('#') {
            Some(set) if !set.starts_with(' ') => set,
            _ => line,
        });
        let all = lines.collect::<Vec<_>>().join("\n");
        let config = Config::parse("sekisho.toml".as_ref(), &all).unwrap();
        assert_eq!(config.settings.len(), KEYS.len());
        configured::check(run, &config).unwrap();
    }

    #[test]
    fn every_key_is_in_the_schema_with_a_description() {
        let schema = schema();
        for key in &KEYS {
            let mut value = &schema["properties"][key.section];
            if !key.name.is_empty() {
                value = &value["properties"][key.name];
            }
            let about = value["description"].as_str().unwrap();
            assert!(about.starts_with(key.about), "{}", key.path());
        }
    }
}
