//! `sekisho territory build`: a numbered table from statistics, lists and corrections.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
    process,
};

use anyhow::Context as _;
use clap::Args;
use jiff::{Timestamp, civil::Date, tz};

use crate::{
    cli::{Exit, inputs::InputError, places::read, summary::count},
    places::{self, Built, Conflicts, Country, Counts, Flat, Input, InputKind, Layers},
};

/// Largest file that a territory is built from, in bytes.
const LARGEST: u64 = 256 << 20;

/// Arguments of `sekisho territory build`.
#[derive(Debug, Args)]
pub(super) struct BuildArgs {
    /// Number of the territory: one more than of the one before
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=i64::MAX as u64))]
    number: u64,

    /// Day that the facts are of, from which the age of the territory counts; without it, the
    /// earliest of the statistics
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = day)]
    date: Option<Date>,

    /// Domestic countries, by their codes in ISO 3166-1
    #[arg(long, value_name = "CC", required = true, value_delimiter = ',')]
    domestic: Vec<Country>,

    /// Statistics of a regional registry, delegated or delegated-extended; give it again for each
    /// further one
    #[arg(long, value_name = "FILE")]
    delegated: Vec<PathBuf>,

    /// List of prefixes that are all domestic or all foreign; give it again for each further one
    #[arg(long, value_name = "PLACE=FILE", value_parser = list)]
    cidr: Vec<(InputKind, PathBuf)>,

    /// Corrections, a PREFIX and a PLACE a line; give it again for each further one
    #[arg(long, value_name = "FILE")]
    corrections: Vec<PathBuf>,

    /// Write the territory to a new file
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
}

pub(super) fn build(args: &BuildArgs) -> anyhow::Result<Exit> {
    check_new(&args.output)?;
    let files = read_all(args)?;
    let inputs: Vec<Input<'_>> = (files.iter())
        .map(|(kind, path, bytes)| Input {
            path,
            kind: *kind,
            bytes,
        })
        .collect();
    let domestic = args.domestic.iter().copied().collect();
    let built = places::build(args.number, args.date, &domestic, &inputs)?;
    check_day(&built.territory.date, Timestamp::now())?;
    write_new(&args.output, built.territory.write().as_bytes())?;
    print(built, inputs.len(), &mut io::stdout()).context("cannot print the summary")?;
    Ok(Exit::Done)
}

fn list(text: &str) -> Result<(InputKind, PathBuf), String> {
    match text.split_once('=') {
        Some(("domestic", file)) if !file.is_empty() => Ok((InputKind::Domestic, file.into())),
        Some(("foreign", file)) if !file.is_empty() => Ok((InputKind::Foreign, file.into())),
        _ => Err("write domestic=FILE or foreign=FILE".into()),
    }
}

fn day(text: &str) -> Result<Date, String> {
    (text.parse::<Date>().ok())
        // Days are written in one way only.
        .filter(|date| date.to_string() == text)
        .ok_or_else(|| "write a day as 2026-12-31".into())
}

/// Refuses a day that has begun nowhere: a territory from the future would never grow too old.
fn check_day(date: &str, now: Timestamp) -> Result<(), InputError> {
    let latest = tz::offset(14).to_datetime(now).date();
    if date.parse::<Date>().is_ok_and(|date| date <= latest) {
        return Ok(());
    }
    Err(InputError::Usage(format!(
        "the facts are of {date}, which has not come; name the day that they are of with --date"
    )))
}

/// Kind, path and content of each file, in the order in which they become sources.
fn read_all(args: &BuildArgs) -> Result<Vec<(InputKind, String, Vec<u8>)>, InputError> {
    let delegated = args
        .delegated
        .iter()
        .map(|path| (InputKind::Delegated, path));
    let lists = args.cidr.iter().map(|(kind, path)| (*kind, path));
    let corrections = args
        .corrections
        .iter()
        .map(|path| (InputKind::Corrections, path));
    (delegated.chain(lists).chain(corrections))
        .map(|(kind, path)| Ok((kind, path.display().to_string(), read(path, LARGEST)?)))
        .collect()
}

/// A territory that is there already may be in force.
fn check_new(path: &Path) -> Result<(), InputError> {
    let kind = match path.metadata() {
        Ok(there) if there.is_dir() => io::ErrorKind::IsADirectory,
        Ok(there) if !there.is_file() || there.len() > 0 => io::ErrorKind::AlreadyExists,
        _ => return Ok(()),
    };
    Err(unwritable(path, kind.into()))
}

/// Writes beside the file and renames, so that nobody reads half a territory.
fn write_new(path: &Path, bytes: &[u8]) -> Result<(), InputError> {
    let name = path.file_name().unwrap_or_default().display();
    let beside = path.with_file_name(format!(".{name}.{}", process::id()));
    let mut file = File::create_new(&beside).map_err(|source| unwritable(path, source))?;
    let written = (file.write_all(bytes))
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::rename(&beside, path));
    written.map_err(|source| {
        // What cannot be removed either is left to whoever looks into the folder.
        let _ = fs::remove_file(&beside);
        unwritable(path, source)
    })
}

fn unwritable(path: &Path, source: io::Error) -> InputError {
    InputError::Output {
        path: path.into(),
        source,
    }
}

fn print(built: Built, files: usize, out: &mut dyn io::Write) -> anyhow::Result<()> {
    let Built {
        territory,
        conflicts,
        without_country,
    } = built;
    let (number, rows) = (territory.number, territory.rows.len());
    let date = territory.date.clone();
    let (rows, files) = (count(rows as u64, "row"), count(files as u64, "file"));
    writeln!(out, "territory {number} of {date}: {rows} from {files}")?;
    table(&places::flatten(&Layers::of(territory))?, out)?;
    if without_country > 0 {
        let records = count(without_country as u64, "record");
        writeln!(out, "{records} under no country's code: unknown")?;
    }
    let Conflicts {
        count: lines,
        first,
    } = conflicts;
    if lines > 0 {
        let lines = count(lines as u64, "line");
        writeln!(out, "{lines} giving way to a more protective one:")?;
    }
    for conflict in &first {
        writeln!(out, "  {conflict}")?;
    }
    if lines > first.len() {
        writeln!(out, "  and {} more", lines - first.len())?;
    }
    Ok(())
}

fn table(flat: &Flat, out: &mut dyn io::Write) -> io::Result<()> {
    let head = ["domestic", "foreign", "unknown", "excluded"];
    let [domestic, foreign, unknown, excluded] = head;
    writeln!(
        out,
        "{:14}{domestic:>21}{foreign:>21}{unknown:>21}{excluded:>21}",
        ""
    )?;
    for (name, counts) in [
        ("IPv4 addresses", flat.v4_addresses()),
        ("IPv6 /64", flat.v6_networks()),
    ] {
        let Counts {
            domestic,
            foreign,
            unknown,
            operator: _,
            excluded,
        } = counts;
        writeln!(
            out,
            "{name:14}{domestic:>21}{foreign:>21}{unknown:>21}{excluded:>21}"
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_written_in_one_way() {
        assert_eq!(day("2024-02-29"), Ok(jiff::civil::date(2024, 2, 29)));
        for text in [
            "",
            "20240229",
            "2023-02-29",
            "2024-2-9",
            "2024-02-29T00",
            "today",
        ] {
            assert!(day(text).is_err(), "{text}");
        }
    }

    #[test]
    fn no_day_is_taken_before_it_has_begun_somewhere() {
        let now: Timestamp = "2026-12-31T10:00:00Z".parse().unwrap();
        assert!(check_day("2026-12-31", now).is_ok());
        assert!(check_day("2027-01-01", now).is_ok());
        let error = check_day("2027-01-02", now).unwrap_err();
        assert!(error.to_string().starts_with("the facts are of 2027-01-02"));
    }
}
