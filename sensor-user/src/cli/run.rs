//! `sekisho run`: watches interfaces.

mod interfaces;
mod takeover;

use std::{
    fs::DirBuilder,
    io::{self, IsTerminal as _},
    net::SocketAddr,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Context as _;
use clap::Args;
use sensor_common::WIRE_VERSION;
use tokio::{
    runtime::Runtime,
    signal::unix::{SignalKind, signal},
};

use self::{
    interfaces::{Interface, attach, find, mask, numbered, set_own_addresses},
    takeover::{lock_pins, old_names, take_over},
};
use super::{
    Exit,
    inputs::{
        Existing, InputError, Mode, ModeArgs, check_permission, load_feeds, nanoseconds,
        open_output,
    },
    places::PlacesArgs,
    printer,
    summary::{self, count},
};
use crate::{
    agent::{Agent, Config, Outlets, Parts, Publisher, Recording, Recovery, grants},
    authority::StateAuthority,
    capped,
    clock::{Anchor, Anchors, ClockSource as _, may_start},
    exporters::json::{ClockMark, Mark},
    feeds::plain::Shortest,
    kernel::{self, Kernel, LinkWatch, Options, SystemClock},
    loaded::Loaded,
    pipeline::{Clock, Names, Timeouts},
    places::Layers,
    records::{Pseudonyms, export::openmetrics::Server, pseudonym::KeyError, store::Store},
    settings::{
        anchors,
        exporters::{self, Exporter},
        lab,
        runtime::{self, RuntimeFolder},
    },
    watchlist::{Approval, Watchlist},
};

/// Arguments of `sekisho run`.
#[derive(Debug, Args)]
pub(super) struct RunArgs {
    #[expect(clippy::doc_markdown, reason = "shown as help")]
    /// File with settings; a flag or an environment variable such as SEKISHO_RUN_TICK counts
    /// before it [default: /etc/sekisho/sekisho.toml, where there is one]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Interface to watch; give it again for each further one
    #[arg(long = "interface", value_name = "NAME", required = true)]
    interfaces: Vec<String>,

    /// In lab, list of addresses and prefixes to watch for; give it again for each further one
    #[arg(long = "feed", value_name = "FILE")]
    feeds: Vec<PathBuf>,

    #[command(flatten)]
    mode: ModeArgs,

    #[command(flatten)]
    places: PlacesArgs,

    /// Attach in the network stack where the driver has no native XDP
    #[arg(long)]
    generic: bool,

    /// Write records to the end of a file instead of standard output
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// End after so many seconds; lab mode ends after an hour in any case
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    duration: Option<u64>,

    /// Seconds without a packet after which a flow is written
    #[arg(long, value_name = "SECONDS", default_value_t = 15)]
    idle_timeout: u64,

    /// Seconds after which a flow that goes on is written
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    active_timeout: u64,

    /// Seconds for which recording goes on when the agent hangs or dies
    #[arg(long, value_name = "SECONDS", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=60))]
    lease: u64,

    /// Milliseconds between two readings of the kernel
    #[arg(long, value_name = "MS", default_value_t = 200, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    tick: u64,

    /// Flows that the kernel holds for each CPU between two readings; more give way to others and
    /// are handed over early
    #[arg(long, value_name = "N", default_value_t = Options::FLOW_CAPACITY, value_parser = clap::value_parser!(u32).range(1..=16_777_216))]
    flow_capacity: u32,

    /// KiB of the ring buffer that they are handed over through, a power of two; what finds no
    /// room there is counted as lost
    #[arg(long, value_name = "KIB", default_value_t = Options::RING_BYTES / 1024, value_parser = ring)]
    ring_size: u32,

    /// Folder on a BPF file system for what outlives a dead agent: link, program and maps
    #[arg(long, value_name = "DIR", default_value = kernel::DEFAULT_FOLDER)]
    pin_dir: PathBuf,

    /// Folder with the keys for pseudonyms of domestic addresses, one for each approval; in lab
    /// the keys are those of one run, unless one is given [default: /var/lib/sekisho-keys]
    #[arg(long, value_name = "DIR")]
    pseudonym_keys: Option<PathBuf>,

    /// Folder for the store of records; in lab there is none, unless one is given [default: records
    /// in the state folder]
    #[arg(long, value_name = "DIR")]
    store: Option<PathBuf>,

    /// Where else records go, and who receives them there, such as
    /// format=eve,to=file:/var/log/sekisho/eve.json,recipient=carrier (formats: eve, ipfix, syslog,
    /// stix; to: file, udp, tcp, unix); give it again for each further one
    #[arg(long = "exporter", value_name = "KEY=VALUE,...")]
    exporters: Vec<Exporter>,

    /// Address and port for metrics, such as 127.0.0.1:9187
    #[arg(long, value_name = "ADDRESS:PORT")]
    metrics: Option<SocketAddr>,

    /// Let others than this machine read the metrics
    #[arg(long, requires = "metrics")]
    metrics_anywhere: bool,

    /// Folder for snapshots of what is loaded
    #[arg(long, value_name = "DIR", default_value = runtime::DEFAULT_FOLDER)]
    runtime_dir: PathBuf,
}

/// Under what is recorded, with what that takes.
enum Under {
    Lab {
        watchlist: Watchlist,
        layers: Layers,
    },
    Papers {
        folder: PathBuf,
        authority: Box<StateAuthority>,
    },
}

pub(super) fn run(args: &RunArgs) -> anyhow::Result<Exit> {
    let mode = args.check()?;
    let is_lab = mode == Mode::Lab;
    if let Some(file) = &args.config {
        printer::say(is_lab, &format!("configuration {}", file.display()));
    }
    check_permission()?;
    let clock = SystemClock::new()?;
    let interfaces = find(&args.interfaces)?;
    let under = Under::load(mode, args)?;
    let pseudonyms = args.pseudonyms(is_lab)?;
    let store = args.store(mode)?;
    let output = open_output(args.output.as_deref(), Existing::Append)?;
    let (pins, is_mounted) = lock_pins(&args.pin_dir)?;
    let runtime = RuntimeFolder::lock(&args.runtime_dir)?;
    let keep = match &under {
        Under::Lab { .. } => runtime.path().to_owned(),
        Under::Papers { folder, .. } => folder.clone(),
    };
    let mut remains = pins.remains()?;
    let old_names = old_names(&runtime, &remains, &kernel::boot_id()?)?;
    let links = LinkWatch::new().context("cannot watch the interfaces of this machine")?;
    let executor = executor()?;
    // From here on a signal ends the run in order, also while it begins.
    let stop = executor.block_on(async { stop_when_asked() })?;

    let mut kernel = Kernel::load_pinned(options(args, is_lab), &pins, &mut remains)?;
    let set = is_lab.then(|| set_own_addresses(&mut kernel, &interfaces));
    let own_addresses = set.transpose()?.unwrap_or_default();

    // A lab approval begins here: what takes time is done, or does not delay what follows.
    let anchor = clock.anchor()?;
    let config = config(args, is_lab, may_start(&anchor, is_lab)?);
    let anchors = tie(&config, anchor, &keep)?;
    let times = Clock {
        unix_at_boot: anchor.wall.saturating_sub(anchor.boot),
    };

    let (watchlist, layers, authority) = match under {
        Under::Lab { watchlist, layers } => (watchlist, layers, None),
        Under::Papers { authority, .. } => {
            (Watchlist::default(), grants::nowhere(), Some(*authority))
        }
    };
    let loaded = Loaded {
        wire_version: WIRE_VERSION,
        run: kernel.run().unwrap_or(0),
        boot_id: anchor.boot_id.to_string(),
        unix_at_boot: times.unix_at_boot,
        generation: 0,
        moments: Vec::new(),
        lab: is_lab,
        interfaces: numbered(&interfaces),
        own_addresses,
        approvals: Vec::new(),
        layers,
        watchlist,
    };
    let indicators = loaded.watchlist.len();
    let mut publisher = Publisher::new(loaded, Some(runtime))?;
    publisher.reach(anchors.moment(anchor.boot));
    // Under papers nothing is recorded before they were read: the lease begins at 0.
    let lasts = lasting(args.duration);
    let approvals = is_lab.then(|| approval(&interfaces, lasts, anchor.wall, &anchors));
    let generation = publisher.publish(&mut kernel, approvals.into_iter().collect())?;
    let (outlets, _metrics) = args.outlets(anchor.wall, store.is_some())?;
    let mut names = Names::new(interfaces.iter().map(|i| i.name.clone()).collect(), times);
    names.add(generation);
    let ends = left(&publisher, clock.boot()?);
    let parts = Parts {
        datapath: kernel,
        publisher,
        names,
        clock,
        anchors,
        keep: Some(keep),
        links,
        authority,
        recovered: Recovery::default(),
        store,
        pseudonyms,
        outlets,
        output,
    };
    let _entered = executor.enter();
    reopen_when_hung_up(&parts.outlets)?;
    let mut agent = Agent::new(parts, config);
    // What a dead agent left goes on recording until the program in its links is replaced. This one
    // has the right to record by then, or nobody has.
    agent.prepare()?;
    let (kernel, publisher, names, store) = agent.hands();
    attach(kernel, &interfaces, args.generic, is_lab)?;
    tell_circumstances(config.mark, is_mounted);
    let recovered = take_over(kernel, remains, old_names, publisher, (names, store))?;
    agent.recover(recovered);

    if is_lab {
        tell_lab(indicators as u64, ends);
    }
    // A lab run ends with its approval.
    let at_most = args.duration.filter(|_| !is_lab).map(Duration::from_secs);
    let done = executor.block_on(async {
        let stop = within(at_most, stop);
        let told = |state: &Recording| printer::say(is_lab, &state.to_string());
        anyhow::Ok(Box::pin(agent.run(stop, told)).await?)
    })?;
    printer::tell(&summary::text(config.mark, &done));
    Ok(Exit::Done)
}

impl Under {
    fn load(mode: Mode<'_>, args: &RunArgs) -> anyhow::Result<Self> {
        Ok(match mode {
            Mode::Lab => Self::Lab {
                watchlist: load_feeds(&args.feeds, Shortest::POLICY)?,
                layers: args.places.load()?,
            },
            Mode::Real(folder) => Self::Papers {
                folder: folder.into(),
                authority: Box::new(StateAuthority::open(folder, args.mode.taken_back()?)?),
            },
        })
    }
}

fn executor() -> anyhow::Result<Runtime> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let built = builder.worker_threads(2).enable_all().build();
    built.context("cannot start the runtime")
}

fn tell_lab(indicators: u64, ends: Duration) {
    printer::tell(&format!(
        "LAB: {}; ends by itself in {} s; Ctrl-C ends it now",
        count(indicators, "indicator"),
        ends.as_secs_f64().round()
    ));
}

fn tell_circumstances(mark: Mark, is_mounted: bool) {
    if mark.clock == ClockMark::Unsynchronised {
        let text = "nobody disciplines this machine's clock: every output is marked";
        printer::say(mark.lab, text);
    }
    if is_mounted {
        let place = kernel::BPF_FS_FOLDER;
        printer::say(mark.lab, &format!("mounted a BPF file system at {place}"));
    }
}

/// The name of this machine.
const HOST_NAME: &str = "/proc/sys/kernel/hostname";

/// Where the store of a sensor under papers is, in its state folder.
pub(super) const STORE: &str = "records";

/// Where the keys of a sensor under papers are, unless told otherwise.
const KEYS: &str = "/var/lib/sekisho-keys";

impl RunArgs {
    /// Some of what is set, for tests of how it is set.
    #[cfg(test)]
    pub(super) fn as_set(&self) -> (Vec<String>, u64) {
        (self.interfaces.clone(), self.tick)
    }

    /// What gives domestic addresses their pseudonyms.
    fn pseudonyms(&self, is_lab: bool) -> Result<Pseudonyms, KeyError> {
        match &self.pseudonym_keys {
            Some(folder) => Pseudonyms::in_folder(folder),
            None if is_lab => match &self.store {
                // What is under way is read again by the next run.
                Some(store) => Pseudonyms::in_folder(&store.join("keys")),
                None => Ok(Pseudonyms::of_this_run()),
            },
            None => Pseudonyms::in_folder(Path::new(KEYS)),
        }
    }

    /// Exporters that run, and what tells counts to whoever asks.
    fn outlets(&self, now: u64, has_store: bool) -> anyhow::Result<(Outlets, Option<Server>)> {
        exporters::check_names(&self.exporters)?;
        let host = capped::read_to_string(HOST_NAME, 1 << 10)
            .with_context(|| format!("cannot read {HOST_NAME}"))?;
        let host = host.trim();
        let mut outlets = Outlets::default();
        for exporter in &self.exporters {
            let spawned = exporter.spawn(host);
            let spawned =
                spawned.with_context(|| format!("cannot begin exporter {}", exporter.name));
            outlets.exporters.push(spawned?);
        }
        outlets.gauge.begin(now, has_store);
        let gauge = outlets.gauge.clone();
        let serve = |address| Server::spawn(address, self.metrics_anywhere, move || gauge.look());
        Ok((outlets, self.metrics.map(serve).transpose()?))
    }

    /// What keeps records.
    fn store(&self, mode: Mode<'_>) -> anyhow::Result<Option<Store>> {
        let folder = match (&self.store, mode) {
            (Some(folder), _) => folder.clone(),
            (None, Mode::Lab) => return Ok(None),
            (None, Mode::Real(state)) => state.join(STORE),
        };
        let mut builder = DirBuilder::new();
        (builder.recursive(true).mode(0o700).create(&folder))
            .with_context(|| format!("cannot make the folder {}", folder.display()))?;
        let mut store = Store::open(&folder)?;
        for aside in store.set_aside() {
            printer::warn(&format!(
                "the store was damaged ({}): it is {} now, and a new one begins",
                aside.what,
                aside.path.display()
            ));
        }
        Ok(Some(store))
    }

    /// Refuses arguments that do not go together.
    fn check(&self) -> anyhow::Result<Mode<'_>> {
        let feeds = [("--feed", !self.feeds.is_empty())];
        let mode = self
            .mode
            .check(&[&feeds[..], &self.places.given()].concat())?;
        if mode == Mode::Lab && self.feeds.is_empty() {
            let text = "nothing to watch for: give --feed FILE";
            return Err(InputError::Usage(text.into()).into());
        }
        if self.lease.saturating_mul(500) <= self.tick {
            let text =
                "--lease must be longer than two times --tick: recording would stop in between";
            return Err(InputError::Usage(text.into()).into());
        }
        Ok(mode)
    }
}

/// The first anchor of the run, kept. Lab begins with new ones; under papers those of earlier
/// runs count, and a clock that was set back is refused.
fn tie(config: &Config, anchor: Anchor, keep: &Path) -> anyhow::Result<Anchors> {
    let mut anchors = if config.mark.lab {
        Anchors::default()
    } else {
        anchors::load(keep)?
    };
    let _first = anchors.take(config.anchor(anchor))?;
    anchors::store(keep, &anchors)?;
    Ok(anchors)
}

/// Completes when `stop` does, or after so long.
async fn within(at_most: Option<Duration>, stop: impl Future<Output = ()>) {
    match at_most {
        // Whether it came to its end makes no difference.
        Some(at_most) => drop(tokio::time::timeout(at_most, stop).await),
        None => stop.await,
    }
}

/// How long the lab approval is in force: as long as asked for, up to an hour.
fn lasting(asked: Option<u64>) -> Duration {
    asked
        .map_or(lab::LONGEST, Duration::from_secs)
        .min(lab::LONGEST)
}

/// Time to the end of the approval: the run ends with it.
fn left(publisher: &Publisher, now: u64) -> Duration {
    Duration::from_nanos(publisher.end().saturating_sub(now))
}

const fn options(args: &RunArgs, lab: bool) -> Options {
    Options {
        lab,
        flow_capacity: args.flow_capacity,
        ring_bytes: args.ring_size * 1024,
    }
}

/// KiB that make whole pages, of every size that pages have, and that the kernel takes.
fn ring(given: &str) -> Result<u32, String> {
    let kib: u32 = given
        .parse()
        .map_err(|_| "give a number of KiB, such as 8192".to_owned())?;
    if kib.is_power_of_two() && (64..=1 << 20).contains(&kib) {
        Ok(kib)
    } else {
        Err("give a power of two from 64 to 1048576, such as 8192".to_owned())
    }
}

/// A lab approval that begins now.
fn approval(
    interfaces: &[Interface],
    duration: Duration,
    wall: u64,
    anchors: &Anchors,
) -> Approval {
    let all = mask(interfaces, |_| true);
    let real = mask(interfaces, |interface| interface.is_real);
    let mut approval = lab::live(wall, duration, all, real);
    let terms = anchors.terms(approval.validity.begin, approval.validity.end);
    (approval.terms.begin, approval.terms.end) = (terms.begin, terms.end);
    approval
}

fn config(args: &RunArgs, lab: bool, is_unsynchronised: bool) -> Config {
    Config {
        tick: Duration::from_millis(args.tick),
        lease: Duration::from_secs(args.lease),
        timeouts: Timeouts {
            idle: nanoseconds(args.idle_timeout),
            active: nanoseconds(args.active_timeout),
        },
        backlog: BACKLOG,
        ends_with_approvals: lab,
        mark: Mark {
            replay: false,
            lab,
            clock: if is_unsynchronised {
                ClockMark::Unsynchronised
            } else {
                ClockMark::Synchronised
            },
        },
    }
}

/// Lines that wait for a slow output.
const BACKLOG: usize = 65_536;

/// SIGHUP has exporters open their files and connections anew. Where the sensor was started from a
/// terminal it says that this is gone, and ends it.
fn reopen_when_hung_up(outlets: &Outlets) -> anyhow::Result<()> {
    if io::stdin().is_terminal() {
        return Ok(());
    }
    let mut hung_up = signal(SignalKind::hangup()).context("cannot listen for SIGHUP")?;
    let reopen = outlets.reopen.clone();
    tokio::spawn(async move {
        while hung_up.recv().await.is_some() {
            reopen.notify_one();
        }
    });
    Ok(())
}

/// Completes at SIGINT or SIGTERM, and at SIGHUP where that means that the terminal is gone. Then a second signal ends the process
/// at once: whoever reads the output may have stopped reading.
fn stop_when_asked() -> anyhow::Result<impl Future<Output = ()> + Send> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    let is_terminal = io::stdin().is_terminal();
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv(), if is_terminal => {}
        }
        tokio::spawn(async move {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            printer::warn("ended at the second signal: what was not written yet is lost");
            std::process::exit(i32::from(Exit::Output as u8));
        });
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{Anchor, SimulatedClock};

    #[test]
    fn a_lab_run_lasts_as_long_as_asked_for_up_to_an_hour() {
        assert_eq!(lasting(Some(5)), Duration::from_secs(5));
        assert_eq!(lasting(None), Duration::from_hours(1));
        assert_eq!(lasting(Some(86_400)), Duration::from_hours(1));
        assert_eq!(lasting(Some(u64::MAX)), Duration::from_hours(1));
    }

    #[test]
    fn under_papers_a_clock_that_was_set_back_over_a_reboot_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let clock = SimulatedClock::new(1_700_000_000_000_000_000, 5_000);
        let config = |lab| Config {
            tick: Duration::ZERO,
            lease: Duration::ZERO,
            timeouts: Timeouts { idle: 0, active: 0 },
            backlog: 1,
            ends_with_approvals: lab,
            mark: Mark {
                replay: false,
                lab,
                clock: ClockMark::Synchronised,
            },
        };
        let tie = |lab| tie(&config(lab), clock.anchor().unwrap(), folder.path());
        assert!(tie(false).is_ok());
        clock.advance(Duration::from_secs(5));
        clock.reboot(Duration::from_secs(60));
        clock.step_wall(-3_600_000_000_000);
        let refused = tie(false).unwrap_err();
        assert_eq!(Exit::of(&refused), Exit::Clock, "{refused:#}");
        clock.step_wall(3_600_000_000_000);
        let anchors = tie(false).unwrap();
        assert_eq!(anchors.not_before(), 1_700_000_000_000_000_000);
        assert!(tie(true).unwrap().not_before() == 0, "lab begins anew");
    }

    #[test]
    fn a_lab_approval_begins_now_and_ends_on_the_boot_clock() {
        let interface = Interface {
            name: "veth0".into(),
            index: 1,
            is_real: true,
        };
        let clock = SimulatedClock::new(1_700_000_000_000_000_000, 5_000);
        let anchor = clock.anchor().unwrap();
        let mut anchors = Anchors::default();
        let _first = anchors
            .take(Anchor {
                uncertainty: 0,
                ..anchor
            })
            .unwrap();
        let approval = approval(&[interface], lasting(Some(86_400)), anchor.wall, &anchors);
        let slot = approval.terms;
        assert_eq!((slot.interfaces, slot.own_addresses_only), (1, 1));
        assert_eq!((slot.begin, slot.end), (5_000, 5_000 + 3_600_000_000_000));
    }
}
