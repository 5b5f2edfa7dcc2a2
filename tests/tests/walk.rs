//! The walk of the documentation, walked: every command of `docs/walk.md` is run as it stands
//! there, by the person at whose prompt it stands, and prints what stands below it.
//!
//! What differs from one walk to the next is compared by its form: hashes, fingerprints, keys,
//! times of the day, process numbers. `SEKISHO_WALK=write` writes what was printed into the
//! document instead.

#![expect(clippy::unwrap_used, reason = "an unwrap in a test says what is wrong")]

use std::{
    env, fs,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{SystemTime, UNIX_EPOCH},
};

use sensor_tests::{clock_state, netns::Namespace, netns::v4, require, requires, road::Road};

const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/walk.md");

/// The day of the walk, in seconds since 1970: 2026-11-22T12:00:00Z.
const DAY: u64 = 1_795_348_800;

/// Folders of people on the machine of the sensor; those of others have no network.
const ON_THE_BARRIER: &str = "engineer";

/// A step: at whose prompt, what is typed, and what stands below it.
#[derive(Debug)]
struct Step {
    /// Line of the prompt, counted from 0.
    at: usize,
    who: String,
    command: String,
    /// Lines below, up to the next prompt or the end of the block.
    below: std::ops::Range<usize>,
}

#[test]
fn the_walk_goes_as_it_is_written() {
    require!(privilege);
    require!(clock);
    require!(tool "ssh-keygen");
    require!(tool "ping");
    let text = sekisho::capped::read_to_string(DOCUMENT, 1 << 20).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let steps = steps(&lines);
    assert!(steps.len() > 40, "{} steps", steps.len());
    let road = Road::v4();
    road.settle_west(v4([9, 9, 9, 9]));
    road.settle_east(v4([8, 8, 8, 8]));
    road.settle_east(v4([133, 10, 0, 5]));
    let folder = tempfile::tempdir().unwrap();
    let walk = Walk::new(&road, folder.path());
    let is_writing = env::var("SEKISHO_WALK").is_ok_and(|value| value == "write");
    let mut written: Vec<String> = Vec::new();
    let mut next = 0;
    let mut wrong = Vec::new();
    for step in &steps {
        let printed = walk.take(step);
        let expected: Vec<&str> = lines[step.below.clone()].to_vec();
        if form(&printed) != form(&expected.join("\n")) {
            let Step {
                at, who, command, ..
            } = step;
            let expected = expected.join("\n");
            wrong.push(format!(
                "line {}: {who}$ {command}\n--- printed\n{printed}\n--- written\n{expected}\n",
                at + 1
            ));
            if !is_writing {
                break;
            }
        }
        written.extend(
            lines[next..step.below.start]
                .iter()
                .map(ToString::to_string),
        );
        let is_same = form(&printed) == form(&expected.join("\n"));
        if is_same {
            written.extend(expected.iter().map(ToString::to_string));
        } else {
            written.extend(printed.lines().map(ToOwned::to_owned));
        }
        next = step.below.end;
    }
    if is_writing {
        written.extend(lines[next..].iter().map(ToString::to_string));
        fs::write(DOCUMENT, written.join("\n") + "\n").unwrap();
        return;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Prompts in blocks of a console: `WHO$ COMMAND`, going on where a line ends with a backslash.
fn steps(lines: &[&str]) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut in_block = false;
    let mut at = 0;
    while at < lines.len() {
        let line = lines[at];
        if line.starts_with("```") {
            in_block = line == "```console";
            at += 1;
            continue;
        }
        if !in_block {
            at += 1;
            continue;
        }
        let (who, first) = line.split_once("$ ").unwrap_or_else(|| {
            panic!("line {}: {line} is below no prompt", at + 1);
        });
        let start = at;
        let mut command = first.to_owned();
        while command.ends_with('\\') {
            at += 1;
            command.push('\n');
            command.push_str(lines[at].trim_start_matches("> "));
        }
        at += 1;
        let below = at;
        while !lines[at].starts_with("```") && !is_prompt(lines[at]) {
            at += 1;
        }
        steps.push(Step {
            at: start,
            who: who.into(),
            command,
            below: below..at,
        });
    }
    steps
}

fn is_prompt(line: &str) -> bool {
    line.split_once("$ ").is_some_and(|(who, _)| {
        !who.is_empty() && who.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')
    })
}

/// People, and where they are.
struct Walk<'a> {
    road: &'a Road,
    folder: &'a Path,
    path: String,
    shift: i64,
}

impl<'a> Walk<'a> {
    fn new(road: &'a Road, folder: &'a Path) -> Self {
        let bin = folder.join("bin");
        fs::create_dir(&bin).unwrap();
        fs::create_dir(folder.join("post")).unwrap();
        std::os::unix::fs::symlink(requires::binary(), bin.join("sekisho")).unwrap();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let now = i64::try_from(now.as_nanos()).unwrap();
        Self {
            road,
            folder,
            path: format!("{}:{}", bin.display(), env::var("PATH").unwrap()),
            shift: i64::try_from(DAY).unwrap() * 1_000_000_000 - now,
        }
    }

    /// Types a command at a prompt; what it printed, to both.
    fn take(&self, step: &Step) -> String {
        let home: PathBuf = self.folder.join(&step.who);
        fs::create_dir_all(&home).unwrap();
        let namespace: &Namespace = match step.who.as_str() {
            ON_THE_BARRIER => &self.road.barrier,
            "west" => &self.road.west,
            _ => &self.road.east,
        };
        // A step that waits in vain is a hang.
        let mut command = namespace.command("timeout");
        let typed = format!("exec 2>&1\n{}", step.command);
        command.args(["20", "bash", "-c"]).arg(typed);
        command.current_dir(&home).env("PATH", &self.path);
        command
            .env("TZ", "UTC")
            .env("HOME", &home)
            .stdin(Stdio::null());
        command.env("SEKISHO_WALK_ROOT", self.folder);
        clock_state::shifted(clock_state::synchronised(&mut command), self.shift);
        command.process_group(0);
        let output = command.output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let Step {
            at, who, command, ..
        } = step;
        assert!(
            output.status.success(),
            "line {}: {who}$ {command}\n{text}\n{}",
            at + 1,
            output.status
        );
        text.trim_end().to_owned()
    }
}

impl Drop for Walk<'_> {
    /// Ends the sensor if the walk ended before it.
    fn drop(&mut self) {
        let pid = self.folder.join("engineer/run.pid");
        if let Ok(pid) = sekisho::capped::read_to_string(pid, 64) {
            let _ = Command::new("kill")
                .arg(pid.trim())
                .stderr(Stdio::null())
                .status();
        }
    }
}

/// A text with what differs from walk to walk replaced by its form.
fn form(text: &str) -> String {
    let mut out = String::new();
    for line in text.trim_end().lines() {
        for (at, word) in line
            .split_inclusive(|c: char| " ,;\"'()[]".contains(c))
            .enumerate()
        {
            let (body, end) = match word.char_indices().last() {
                Some((at, last)) if " ,;\"'()[]".contains(last) => word.split_at(at),
                _ => (word, ""),
            };
            out.push_str(&word_form(body, at));
            out.push_str(end);
        }
        out.push('\n');
    }
    out
}

fn word_form(word: &str, _: usize) -> String {
    let core = word.trim_end_matches(['.', ':', '…']);
    let rest = &word[core.len()..];
    let is_hex = |text: &str| {
        text.bytes()
            .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    };
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if (core.len() == 64 || core.len() == 12) && is_hex(core) && !is_digits(core) {
        return format!("<{} digits>{rest}", core.len());
    }
    if let Some(start) = core.find("SHA256:") {
        return format!("{}<fingerprint>{rest}", &core[..start]);
    }
    if core.starts_with("AAAA") {
        return format!("<key>{rest}");
    }
    if let Some(time) = core.strip_prefix("2026-11-22T")
        && time.ends_with('Z')
        && time != "00:00:00Z"
    {
        return format!("<today>{rest}");
    }
    word.to_owned()
}
