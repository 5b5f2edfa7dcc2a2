//! `cargo xtask vm`: the kernel tests on Debian's kernels, one after the other.
//!
//! A kernel is booted in an emulator with this binary as its first process and the programs of
//! `sensor-tests` in its memory; nothing of this machine is changed but `target/vm`. What each
//! test did comes back by a serial line, the kernel's log with it. The kernel of this machine
//! carries out the same plan, as root.

mod choice;
mod cpio;
pub(super) mod guest;
mod image;
mod kernels;
mod log;
mod machine;
mod modules;
mod plan;
mod report;

use std::{
    collections::BTreeMap,
    env, fs, io,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};

use self::{
    kernels::{Kernel, Source},
    machine::Machine,
    plan::{Plan, Trial},
    report::{Report, Tables},
};
use crate::{
    commands::scratch::Scratch,
    exec, files, privilege,
    say::{say, show},
    tools::{self, Need},
    workspace,
};

/// What fuzzing found, for `datapath corpus::`.
const CORPORA: &str = "tests/fuzz/corpus";

/// Most instructions that may be verified, by program; `tests/tests/verifier.rs` reads it too.
const CEILINGS: &str = "tests/expected/verifier.tsv";

/// Where a guest has the library that gives a process a clock of its own.
const CLOCK: &str = "target/vm/clock_state.so";

/// Seconds after which a test hangs: those of `.config/nextest.toml`.
const TEST_LIMIT: u64 = 600;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Kernels by the names that `--list` shows; all, unless some are named
    #[arg(value_name = "KERNEL")]
    kernels: Vec<String>,
    /// Only show which kernels there are
    #[arg(long)]
    list: bool,
    /// Run only tests whose program and name contain one of these
    #[arg(long = "test", value_name = "FILTER")]
    filters: Vec<String>,
    /// Run those too that stay out because they take long or say nothing about a kernel
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    boot: Boot,
}

/// How kernels are booted.
#[derive(Debug, clap::Args)]
struct Boot {
    /// Use the processor instead of an emulated one; inside a virtual machine it may hang
    #[arg(long)]
    kvm: bool,
    /// Keep the images that were booted
    #[arg(long)]
    keep: bool,
    /// Minutes after which a kernel is ended, which is a failure
    #[arg(long, value_name = "MINUTES", default_value_t = 60)]
    limit: u64,
}

/// Runs the tests on each kernel, and fails if any kernel is not good.
pub(crate) fn run(args: &Args) -> Result<()> {
    let kernels = kernels::named(&args.kernels)?;
    if args.list {
        return list(&kernels);
    }
    tools::ensure(&[Need::Vm])?;
    let ceilings = ceilings()?;
    let mut bench = Bench::build(args)?;
    let mut reports = Vec::new();
    for kernel in kernels {
        let begin = Instant::now();
        say(
            "vm",
            format_args!("{}: {} tests", kernel.name, bench.plan.trials.len()),
        );
        let mut report = bench.run(kernel)?;
        report.seconds = begin.elapsed().as_secs();
        show(&report);
        say(
            "vm",
            format_args!("{}: {}", kernel.name, conclusion(&report)),
        );
        reports.push(report);
    }
    let tables = Tables {
        reports: &reports,
        ceilings: &ceilings,
    }
    .to_string();
    fs::write(bench.folder.join("tables.md"), &tables)?;
    show(&tables);
    for (why, tests) in &bench.left_out {
        say(
            "vm",
            format_args!("left out, for --all: {}: {why}", tests.join(", ")),
        );
    }
    let bad = reports.iter().filter(|report| !report.is_good());
    let bad: Vec<&str> = bad.map(|report| report.name.as_str()).collect();
    ensure!(bad.is_empty(), "not as it should be on: {}", bad.join(", "));
    Ok(())
}

fn list(kernels: &[Kernel]) -> Result<()> {
    for kernel in kernels {
        let from = match kernel.source {
            Source::Host => exec::captured(exec::apart("uname").arg("-r"))?,
            Source::Debian(metapackage) => kernels::package(*kernel, metapackage)
                .unwrap_or_else(|error| format!("not to be had: {error:#}")),
        };
        show(format_args!("{:<10}  {}", kernel.name, from.trim()));
    }
    Ok(())
}

fn conclusion(report: &Report) -> String {
    let (passed, skipped, failed) = (report.passed, report.count_skipped(), report.failed.len());
    let mut slowest: Vec<_> = report.by_program.iter().collect();
    slowest.sort_by(|one, other| other.1.total_cmp(one.1));
    let slowest = slowest.iter().take(5);
    let slowest: Vec<_> = slowest.map(|(name, s)| format!("{name} {s:.0}")).collect();
    format!(
        "{passed} passed, {skipped} skipped, {failed} failed in {} s; seconds of the slowest: {}",
        report.seconds,
        slowest.join(", ")
    )
}

/// What is built once for all kernels.
struct Bench<'a> {
    args: &'a Args,
    /// Tests that stay out, by why.
    left_out: BTreeMap<&'static str, Vec<String>>,
    plan: Plan,
    /// `target/vm`.
    folder: PathBuf,
    /// The part of an image that all kernels share; none before the first needs it.
    shared: Option<PathBuf>,
    scratch: Scratch,
}

impl<'a> Bench<'a> {
    fn build(args: &'a Args) -> Result<Self> {
        say("vm", "building the sensor and its kernel tests");
        let folder = workspace::target_dir()?.join("vm");
        fs::create_dir_all(&folder)?;
        let (sensor, programs) = workspace::build_kernel_tests()?;
        let clock = workspace::root().join(CLOCK);
        compile_clock(&clock)?;
        let mut left_out: BTreeMap<_, Vec<String>> = BTreeMap::new();
        let mut trials = trials(&programs)?;
        trials.retain(|trial| choice::is_asked_for(trial, &args.filters));
        trials.retain(|trial| match choice::left_out(trial) {
            Some(why) if !args.all => {
                let test = format!("{} {}", trial.program, trial.test);
                left_out.entry(why).or_default().push(test);
                false
            }
            _ => true,
        });
        let plan = Plan {
            environment: environment(&sensor, &clock),
            folder: workspace::root().join("tests"),
            trials,
            at_once: 2,
            limit: TEST_LIMIT,
            modules: Vec::new(),
        };
        ensure!(
            !plan.trials.is_empty(),
            "no test has such a name, or it is for --all"
        );
        let scratch = Scratch::create()?;
        Ok(Self {
            args,
            left_out,
            plan,
            folder,
            shared: None,
            scratch,
        })
    }

    fn run(&mut self, kernel: Kernel) -> Result<Report> {
        let folder = self.folder.join("runs").join(kernel.name);
        fs::create_dir_all(&folder)?;
        let mut report = match kernel.source {
            Source::Host => self.here(kernel, &folder)?,
            Source::Debian(metapackage) => self.boot(kernel, metapackage, &folder)?,
        };
        fs::write(folder.join("kernel.log"), report.log.join("\n"))?;
        let wanted = self.plan.trials.iter().filter(|trial| is_cost(trial));
        if wanted.count() > 0 && report.verified.is_empty() && report.amiss.is_none() {
            report.amiss = Some("it says nothing of the verifier's cost".to_owned());
        }
        Ok(report)
    }

    /// On the kernel of this machine.
    fn here(&mut self, kernel: Kernel, folder: &Path) -> Result<Report> {
        self.plan.modules.clear();
        let (plan, results) = (folder.join("plan.json"), folder.join("results.jsonl"));
        fs::write(&plan, serde_json::to_vec(&self.plan)?)?;
        if results.exists() {
            fs::remove_file(&results)?;
        }
        // Made by us, or it would be root's.
        fs::write(&results, "")?;
        let mut guest = privilege::as_root(env::current_exe().context("cannot find this binary")?)?;
        guest
            .args(["vm-guest", "--here", "--from-now", "--plan"])
            .arg(&plan);
        exec::check(guest.arg("--results").arg(&results))?;
        let said = plan::read(&files::text(&results)?);
        Ok(Report::of(kernel.name, said, self.plan.trials.len()))
    }

    fn boot(&mut self, kernel: Kernel, metapackage: &str, folder: &Path) -> Result<Report> {
        let package = kernels::package(kernel, metapackage)?;
        let unpacked = kernels::fetch(&package, &self.folder)?;
        let image = folder.join("image.cpio");
        let missing = image::own(&unpacked, &mut self.plan, &image)?;
        if !missing.is_empty() {
            let missing = missing.join(", ");
            say("vm", format_args!("{}: no module {missing}", kernel.name));
        }
        let mut whole = fs::OpenOptions::new().append(true).open(&image)?;
        io::copy(&mut fs::File::open(self.shared()?)?, &mut whole)?;
        let machine = Machine {
            kernel: &unpacked.image,
            image: &image,
            folder,
            kvm: self.args.boot.kvm,
            limit: Duration::from_secs(60 * self.args.boot.limit),
        };
        let ended = machine.run()?;
        if !self.args.boot.keep {
            fs::remove_file(&image)?;
        }
        let said = plan::read(&ended.results);
        let mut report = Report::of(kernel.name, said, self.plan.trials.len());
        let console = files::text(&ended.console)?;
        if report.amiss.is_some() {
            // It could not read its own log.
            let faults = console.lines().filter(|line| log::is_fault(line));
            report.faults.extend(faults.map(str::to_owned));
        }
        if let Some(amiss) = ended.amiss {
            let console = ended.console.display();
            report.amiss = Some(format!("{amiss}; its messages are in {console}"));
        }
        Ok(report)
    }

    fn shared(&mut self) -> Result<PathBuf> {
        if let Some(shared) = &self.shared {
            return Ok(shared.clone());
        }
        let binaries = self.plan.trials.iter().map(|trial| trial.binary.as_path());
        let mut built: Vec<&Path> = binaries.collect();
        built.dedup();
        let sensor = self.plan.environment.get("SEKISHO_BIN").map(Path::new);
        built.extend(sensor);
        let expected = workspace::root().join("tests/expected");
        let clock = workspace::root().join(CLOCK);
        // What this kernel's program is given beside the host's parser, others' are too.
        let corpora = ["parse", "tunnels"].map(|name| workspace::root().join(CORPORA).join(name));
        let mut data = vec![expected.as_path(), clock.as_path()];
        data.extend(corpora.iter().map(PathBuf::as_path));
        data.extend(self.plan.environment.get("SEKISHO_DATA").map(Path::new));
        let shared = self.folder.join("shared.cpio");
        image::shared(&image::Shared { built, data }, &shared, &self.scratch)?;
        self.shared = Some(shared.clone());
        Ok(shared)
    }
}

/// The test that says what the verifier's cost is.
fn is_cost(trial: &Trial) -> bool {
    trial.program == "verifier"
}

/// As `cargo xtask test` sets it, and what lowers counts.
fn environment(sensor: &Path, clock: &Path) -> BTreeMap<String, String> {
    let text = |path: &Path| path.to_string_lossy().into_owned();
    let mut environment: BTreeMap<String, String> = [
        ("PATH", "/usr/sbin:/usr/bin"),
        ("HOME", "/root"),
        // Else insta asks Cargo, and writes beside the sources.
        ("INSTA_UPDATE", "no"),
        ("PROPTEST_DISABLE_FAILURE_PERSISTENCE", "1"),
    ]
    .into_iter()
    .chain(choice::KNOBS)
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .collect();
    for knob in choice::KNOBS
        .map(|(name, _)| name)
        .into_iter()
        .chain(["SEKISHO_SEED"])
    {
        if let Ok(value) = env::var(knob) {
            environment.insert(knob.to_owned(), value);
        }
    }
    environment.insert("INSTA_WORKSPACE_ROOT".into(), text(workspace::root()));
    environment.insert("SEKISHO_BIN".into(), text(sensor));
    environment.insert("SEKISHO_CLOCK_STATE".into(), text(clock));
    let data = env::var_os("SEKISHO_DATA").map(PathBuf::from);
    let data = data.or_else(|| workspace::root().join("../shared/data").canonicalize().ok());
    if let Some(data) = data {
        environment.insert("SEKISHO_DATA".into(), text(&data));
    }
    environment
}

/// A guest has no compiler.
fn compile_clock(to: &Path) -> Result<()> {
    let mut cc = exec::apart("cc");
    cc.args(["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o"])
        .arg(to);
    exec::captured(cc.arg(workspace::root().join("tests/src/clock_state.c")))?;
    Ok(())
}

/// All tests of the programs, in the order of their names.
fn trials(programs: &[(String, PathBuf)]) -> Result<Vec<Trial>> {
    let mut trials = Vec::new();
    for (program, binary) in programs {
        let mut list = Command::new(binary);
        let listed = exec::captured(list.args(["--list", "--format", "terse"]))?;
        for test in listed
            .lines()
            .filter_map(|line| line.strip_suffix(": test"))
        {
            trials.push(Trial {
                program: program.clone(),
                binary: binary.clone(),
                test: test.to_owned(),
            });
        }
    }
    trials.sort();
    Ok(trials)
}

/// Lines of a program, a tab, and most instructions that may be verified.
fn ceilings() -> Result<BTreeMap<String, u64>> {
    let path = workspace::root().join(CEILINGS);
    let text = files::text(&path)?;
    let mut ceilings = BTreeMap::new();
    for (number, line) in (1..).zip(text.lines()) {
        if line.starts_with('#') {
            continue;
        }
        let pair = line.split_once('\t');
        let pair = pair.and_then(|(program, count)| Some((program, count.parse().ok()?)));
        let Some((program, count)) = pair else {
            bail!("{CEILINGS}:{number}: not a program, a tab and a number: {line}");
        };
        ceilings.insert(program.to_owned(), count);
    }
    Ok(ceilings)
}
