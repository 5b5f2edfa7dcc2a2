//! `sekisho run`: watches interfaces.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use anyhow::Context as _;
use clap::Args;
use sensor_common::{FlowKey, FlowValue, WIRE_VERSION};
use tokio::signal::unix::{SignalKind, signal};

use super::{
    Exit,
    inputs::{
        Existing, InputError, LabArgs, check_permission, load_feeds, nanoseconds, open_output,
    },
    places::PlacesArgs,
    printer,
    summary::{self, count},
};
use crate::{
    agent::{Agent, Config, Parts, Publisher},
    clock::{Anchors, ClockSource as _, may_start},
    exporters::json::{ClockMark, Mark},
    feeds::plain::Shortest,
    kernel::{
        self, AttachError, AttachMode, Kernel, LinkWatch, Options, PinFolder, Recovered, Remains,
        SystemClock, probe,
    },
    loaded::{self, Loaded},
    pipeline::{Clock, Generation, Names, Timeouts},
    settings::{
        lab,
        runtime::{self, RuntimeFolder},
    },
    watchlist::Approval,
};

/// Arguments of `sekisho run`.
#[derive(Debug, Args)]
pub(super) struct RunArgs {
    /// Interface to watch; give it again for each further one
    #[arg(long = "interface", value_name = "NAME", required = true)]
    interfaces: Vec<String>,

    /// List of addresses and prefixes to watch for; give it again for each further one
    #[arg(long = "feed", value_name = "FILE", required = true)]
    feeds: Vec<PathBuf>,

    #[command(flatten)]
    lab: LabArgs,

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

    /// Flows the kernel holds between two readings; what finds no room is counted as lost
    #[arg(long, value_name = "N", default_value_t = Options::FLOW_CAPACITY, value_parser = clap::value_parser!(u32).range(1..=16_777_216))]
    flow_capacity: u32,

    /// Folder on a BPF file system for what outlives a dead agent: link, program and maps
    #[arg(long, value_name = "DIR", default_value = kernel::DEFAULT_FOLDER)]
    pin_dir: PathBuf,

    /// Folder for snapshots of what is loaded
    #[arg(long, value_name = "DIR", default_value = runtime::DEFAULT_FOLDER)]
    runtime_dir: PathBuf,
}

/// An interface to watch.
struct Interface {
    name: String,
    index: u32,
    is_real: bool,
}

pub(super) fn run(args: &RunArgs) -> anyhow::Result<Exit> {
    args.lab.check()?;
    check_permission()?;
    let clock = SystemClock::new()?;
    let interfaces = find(&args.interfaces)?;
    let watchlist = load_feeds(&args.feeds, Shortest::POLICY)?;
    let layers = args.places.load()?;
    let output = open_output(args.output.as_deref(), Existing::Append)?;
    let pins = lock_pins(&args.pin_dir)?;
    let runtime = RuntimeFolder::lock(&args.runtime_dir)?;
    let mut remains = pins.remains()?;
    let old_names = old_names(&runtime, &remains)?;

    let mut kernel = Kernel::load_pinned(options(args), &pins, &mut remains)?;
    let own_addresses = set_own_addresses(&mut kernel, &interfaces)?;

    // The approval begins here: what takes time is done, or does not delay what follows.
    let anchor = clock.anchor()?;
    let is_unsynchronised = may_start(&anchor, true)?;
    let config = config(args, is_unsynchronised);
    let mut anchors = Anchors::default();
    let _first = anchors.take(config.anchor(anchor))?;
    if is_unsynchronised {
        printer::tell("LAB: nobody disciplines this machine's clock: every output is marked");
    }
    let times = Clock {
        unix_at_boot: anchor.wall.saturating_sub(anchor.boot),
    };

    let loaded = Loaded {
        wire_version: WIRE_VERSION,
        boot_id: anchor.boot_id.to_string(),
        unix_at_boot: times.unix_at_boot,
        generation: 0,
        lab: true,
        interfaces: numbered(&interfaces),
        own_addresses,
        approvals: Vec::new(),
        layers,
        watchlist,
    };
    let indicators = loaded.watchlist.indicators.len();
    let mut publisher = Publisher::new(loaded, Some(runtime))?;
    let approval = approval(&interfaces, lasting(args.duration), anchor.wall, &anchors);
    let generation = publisher.publish(&mut kernel, vec![approval])?;
    attach(&mut kernel, &interfaces, args.generic)?;
    let mut names = Names::new(interfaces.iter().map(|i| i.name.clone()).collect(), times);
    let recovered = take_over(&mut kernel, remains, old_names, &mut publisher, &mut names)?;
    names.add(generation);

    printer::tell(&format!(
        "LAB: {}; ends by itself in {} s; Ctrl-C ends it now",
        count(indicators as u64, "indicator"),
        left(&publisher, clock.boot()?).as_secs_f64().round()
    ));
    let mark = config.mark;
    let parts = Parts {
        datapath: kernel,
        publisher,
        names,
        clock,
        anchors,
        links: LinkWatch::new().context("cannot watch the interfaces of this machine")?,
        recovered,
        output,
    };
    let agent = Agent::new(parts, config);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let done = runtime.block_on(async {
        let stop = stop_when_asked()?;
        let attended = || printer::tell("LAB: recording");
        anyhow::Ok(Box::pin(agent.run(stop, attended)).await?)
    })?;
    printer::tell(&summary::text(mark, &done));
    Ok(Exit::Done)
}

/// The folder of pins. Where nobody mounted a BPF file system at the usual place, it is done
/// here, as other tools that load BPF programs do.
fn lock_pins(folder: &std::path::Path) -> anyhow::Result<PinFolder> {
    if folder.starts_with(kernel::BPF_FS_FOLDER) && kernel::mount_bpf_fs()? {
        printer::tell(&format!(
            "LAB: mounted a BPF file system at {}",
            kernel::BPF_FS_FOLDER
        ));
    }
    Ok(PinFolder::lock(folder)?)
}

/// What the numbers of dead agents mean, by generation.
fn old_names(
    runtime: &RuntimeFolder,
    remains: &[Remains],
) -> anyhow::Result<BTreeMap<u64, Generation>> {
    let mut names = BTreeMap::new();
    for remains in remains {
        let number = remains.generation();
        // The generation before may have flows that were not drained yet.
        for number in number.saturating_sub(1)..=number {
            if let Some(loaded) = runtime.load(number)? {
                names.insert(number, loaded.compile(loaded.places()?));
            }
        }
    }
    Ok(names)
}

/// Reads what dead agents counted, under the names they knew it by.
fn take_over(
    kernel: &mut Kernel,
    remains: Vec<Remains>,
    old_names: BTreeMap<u64, Generation>,
    publisher: &mut Publisher,
    names: &mut Names,
) -> anyhow::Result<Vec<(FlowKey, FlowValue)>> {
    let mut flows = Vec::new();
    for recovered in kernel.take_over(remains)? {
        let Recovered {
            generation,
            totals,
            slot_counts,
            flows: found,
            ..
        } = recovered;
        if let Some(generation) = old_names.get(&generation) {
            publisher.fold(generation, &totals, &slot_counts);
        }
        let packets: u64 = found.iter().map(|(_, value)| value.packets).sum();
        printer::tell(&format!(
            "LAB: an agent ended without detaching; {} in {} were left in the kernel and are \
             written now",
            count(packets, "packet"),
            count(found.len() as u64, "flow"),
        ));
        flows.extend(found);
    }
    for generation in old_names.into_values() {
        names.add(generation.into());
    }
    Ok(flows)
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

const fn options(args: &RunArgs) -> Options {
    Options {
        lab: true,
        flow_capacity: args.flow_capacity,
    }
}

/// On a real interface lab records this host's own packets only, so the program has to know
/// its addresses.
fn set_own_addresses(
    kernel: &mut Kernel,
    interfaces: &[Interface],
) -> anyhow::Result<Vec<ipnet::IpNet>> {
    if interfaces.iter().all(|interface| !interface.is_real) {
        return Ok(Vec::new());
    }
    let own = probe::own_addresses().context("cannot read the addresses of this host")?;
    kernel.set_own_addresses(own.iter().copied())?;
    Ok(own.into_iter().map(Into::into).collect())
}

fn numbered(interfaces: &[Interface]) -> Vec<loaded::Interface> {
    let numbered = (0..)
        .zip(interfaces)
        .map(|(slot, interface)| loaded::Interface {
            name: interface.name.clone(),
            index: interface.index,
            slot,
        });
    numbered.collect()
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

fn attach(kernel: &mut Kernel, interfaces: &[Interface], generic: bool) -> anyhow::Result<()> {
    let mode = if generic {
        AttachMode::Generic
    } else {
        AttachMode::Native
    };
    for (slot, interface) in (0..).zip(interfaces) {
        kernel.attach(&interface.name, interface.index, slot, mode)?;
        printer::tell(&watching(interface, mode));
    }
    Ok(())
}

fn config(args: &RunArgs, is_unsynchronised: bool) -> Config {
    Config {
        tick: Duration::from_millis(args.tick),
        lease: Duration::from_secs(args.lease),
        timeouts: Timeouts {
            idle: nanoseconds(args.idle_timeout),
            active: nanoseconds(args.active_timeout),
        },
        backlog: BACKLOG,
        ends_with_approvals: true,
        mark: Mark {
            replay: false,
            lab: true,
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

/// Completes at SIGINT, SIGTERM or SIGHUP. Then a second signal ends the process
/// at once: whoever reads the output may have stopped reading.
fn stop_when_asked() -> anyhow::Result<impl Future<Output = ()> + Send> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
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

fn find(names: &[String]) -> anyhow::Result<Vec<Interface>> {
    let mut found: Vec<Interface> = Vec::new();
    for name in names {
        let index = probe::interface_index(name)?;
        if found.iter().any(|known| known.index == index) {
            return Err(InputError::Usage(format!("interface {name} is named twice")).into());
        }
        if !probe::is_ethernet(index) {
            return Err(AttachError::NotEthernet {
                interface: name.clone(),
            }
            .into());
        }
        let is_real = !probe::is_virtual_end(index);
        found.push(Interface {
            name: name.clone(),
            index,
            is_real,
        });
    }
    let most = sensor_common::MAX_INTERFACES;
    if found.len() > most as usize {
        return Err(InputError::Usage(format!("more than {most} interfaces")).into());
    }
    Ok(found)
}

/// One bit a slot.
fn mask(interfaces: &[Interface], has: impl Fn(&Interface) -> bool) -> u64 {
    (0..64)
        .zip(interfaces)
        .filter(|(_, i)| has(i))
        .fold(0, |mask, (slot, _)| mask | 1 << slot)
}

fn watching(interface: &Interface, mode: AttachMode) -> String {
    let Interface { name, is_real, .. } = interface;
    let limit = if *is_real {
        "; a real interface, so only packets to or from this host's own addresses"
    } else {
        ""
    };
    format!("LAB: watching {name}, {} mode{limit}", mode.name())
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
