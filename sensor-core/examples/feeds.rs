//! How fast feeds are read: lines and bytes a second of CPU, on one thread.
//! `cargo run --release -p sensor-core --example feeds [LINES]`.

use std::{
    fmt::Write as _,
    io::{self, Write as _},
    time::Instant,
};

use sensor_core::feeds::{
    decode::{Options, decode},
    guard::Guard,
    item::{At, Item},
    plain::Shortest,
    tally::{Tally, Wanted},
};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let lines: u64 = match std::env::args().nth(1) {
        Some(lines) => lines.parse()?,
        None => 2_000_000,
    };
    let address = |line: u64| {
        let [a, b, c, d, ..] = line.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes();
        format!("{a}.{b}.{c}.{d}")
    };
    measure("plain list", lines, |text, line| {
        writeln!(text, "{}", address(line))
    })?;
    measure("counted", lines, |text, line| {
        writeln!(text, "{}\t{}", address(line), line % 9)
    })?;
    measure("ranges", lines, |text, line| {
        writeln!(
            text,
            "{0}.{1}.0.0-{0}.{1}.255.255",
            line % 223,
            line / 223 % 256
        )
    })?;
    measure("CSV", lines, |text, line| {
        if line == 0 {
            writeln!(text, "first_seen_utc,dst_ip,dst_port,c2_status")?;
        }
        writeln!(
            text,
            "\"2026-01-01 00:00:00\",\"{}\",\"443\",\"online\"",
            address(line)
        )
    })?;
    measure("STIX", lines / 4, |text, line| {
        let begin = if line == 0 {
            "{\"type\":\"bundle\",\"id\":\"bundle--1\",\"objects\":[\n"
        } else {
            ",\n"
        };
        write!(
            text,
            "{begin}{{\"type\":\"indicator\",\"spec_version\":\"2.1\",\
             \"id\":\"indicator--{line:08x}-0000-4000-8000-000000000000\",\
             \"created_by_ref\":\"identity--f431f809-377b-45e0-aa1c-6a4751cae5ff\",\
             \"created\":\"2026-01-01T00:00:00.000Z\",\"modified\":\"2026-01-01T00:00:00.000Z\",\
             \"name\":\"Malicious address\",\"indicator_types\":[\"malicious-activity\"],\
             \"pattern\":\"[ipv4-addr:value = '{}']\",\"pattern_type\":\"stix\",\
             \"valid_from\":\"2026-01-01T00:00:00Z\",\"confidence\":80,\
             \"object_marking_refs\":[\"marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da\"]}}",
            address(line)
        )?;
        if line + 1 == lines / 4 {
            text.write_str("]}")
        } else {
            Ok(())
        }
    })?;
    Ok(())
}

fn measure(
    name: &str,
    lines: u64,
    each: impl Fn(&mut String, u64) -> std::fmt::Result,
) -> Result<(), Box<dyn std::error::Error>> {
    let mut text = String::new();
    for line in 0..lines {
        each(&mut text, line)?;
    }
    let mut out = io::stdout();
    let mut told = |what: &str, seconds: f64, count: usize| {
        // Both are far below what a double holds exactly.
        let per_second =
            |number: usize| f64::from(u32::try_from(number).unwrap_or(u32::MAX)) / seconds / 1e6;
        let count_of = usize::try_from(lines).unwrap_or(usize::MAX);
        writeln!(
            out,
            "{name:>10}  {what:<8} {:>7.2} million entries/s {:>7.0} MB/s  {count} watched",
            per_second(count_of),
            per_second(text.len()),
        )
    };
    let begin = Instant::now();
    let mut count = 0;
    let mut sink = |_: At<'_>, item: Item<'_>| count += usize::from(matches!(item, Item::Watch(_)));
    decode(text.as_bytes(), u64::MAX, &Options::default(), &mut sink)?;
    told("read", begin.elapsed().as_secs_f64(), count)?;
    let begin = Instant::now();
    let guard = Guard::lab(Shortest::POLICY);
    let mut tally = Tally::new(&guard, Wanted::default(), 5);
    decode(text.as_bytes(), u64::MAX, &Options::default(), &mut tally)?;
    let (prefixes, _) = tally.finish();
    told("checked", begin.elapsed().as_secs_f64(), prefixes.len())?;
    Ok(())
}
