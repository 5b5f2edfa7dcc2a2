//! `sekisho run`: watches interfaces.

use std::{path::PathBuf, sync::Arc, time::Duration};

use anyhow::Context as _;
use clap::Args;
use sensor_common::Place;
use tokio::signal::unix::{SignalKind, signal};

use super::{
    Exit,
    inputs::{
        Existing, InputError, LabArgs, check_permission, load_feeds, nanoseconds, open_output,
    },
    printer,
    summary::{self, count},
};
use crate::{
    agent::{Agent, Config},
    exporters::json::Mark,
    feeds::plain::Shortest,
    kernel::{AttachError, AttachMode, Datapath as _, Kernel, Options, boot_now, clock_now, probe},
    pipeline::{Generation, Names, Timeouts},
    places::Flat,
    settings::lab,
    watchlist::{Watchlist, compile, in_order},
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

    /// Milliseconds between two readings of the kernel
    #[arg(long, value_name = "MS", default_value_t = 200, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    tick: u64,

    /// Flows the kernel holds between two readings; what finds no room is counted as lost
    #[arg(long, value_name = "N", default_value_t = Options::FLOW_CAPACITY, value_parser = clap::value_parser!(u32).range(1..=16_777_216))]
    flow_capacity: u32,
}

/// An interface to watch.
struct Interface {
    name: String,
    index: u32,
    is_real: bool,
}

/// How every line of a run is marked.
const MARK: Mark = Mark {
    replay: false,
    lab: true,
};

pub(super) fn run(args: &RunArgs) -> anyhow::Result<Exit> {
    args.lab.check()?;
    check_permission()?;
    let interfaces = find(&args.interfaces)?;
    let watchlist = load_feeds(&args.feeds, Shortest::POLICY)?;
    let output = open_output(args.output.as_deref(), Existing::Append)?;
    let mut kernel = load(args, &interfaces)?;
    let names = names(&interfaces, watchlist, lasting(args.duration))?;
    let generation = names.latest().context("no generation")?.clone();
    kernel.publish(&generation.compiled.tables)?;
    attach(&mut kernel, &interfaces, args.generic)?;
    printer::tell(&format!(
        "LAB: {}; ends by itself in {} s; Ctrl-C ends it now",
        count(generation.watchlist.indicators.len() as u64, "indicator"),
        left(&generation)?.as_secs_f64().round()
    ));
    let until_end = left(&generation)?;
    let agent = Agent::new(kernel, names, output, config(args));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let done = runtime.block_on(async {
        let stop = stop_after(until_end)?;
        let attended = || printer::tell("LAB: recording");
        anyhow::Ok(agent.run(stop, attended).await?)
    })?;
    printer::tell(&summary::text(MARK, &done));
    Ok(Exit::Done)
}

/// How long the lab approval is in force: as long as asked for, up to an hour.
fn lasting(asked: Option<u64>) -> Duration {
    asked
        .map_or(lab::LONGEST, Duration::from_secs)
        .min(lab::LONGEST)
}

/// Time to the end of the approval: the run ends with it.
fn left(generation: &Generation) -> anyhow::Result<Duration> {
    let end = generation
        .compiled
        .tables
        .slots
        .first()
        .map_or(0, |slot| slot.end);
    Ok(Duration::from_nanos(end.saturating_sub(boot_now()?)))
}

fn load(args: &RunArgs, interfaces: &[Interface]) -> anyhow::Result<Kernel> {
    let mut kernel = Kernel::load(Options {
        lab: true,
        flow_capacity: args.flow_capacity,
    })?;
    if interfaces.iter().any(|interface| interface.is_real) {
        let own = probe::own_addresses().context("cannot read the addresses of this host")?;
        kernel.set_own_addresses(own)?;
    }
    Ok(kernel)
}

/// The watchlist compiled under a lab approval that begins now.
fn names(
    interfaces: &[Interface],
    watchlist: Watchlist,
    duration: Duration,
) -> anyhow::Result<Names> {
    let approval = lab::live(
        boot_now()?,
        duration,
        mask(interfaces, |_| true),
        mask(interfaces, |interface| interface.is_real),
    );
    let places = Arc::new(Flat::everywhere(Place::Foreign));
    let interfaces = interfaces.iter().map(|i| i.name.clone()).collect();
    let mut names = Names::new(interfaces, clock_now()?);
    names.add(Arc::new(Generation {
        compiled: compile(&watchlist, &in_order(&[approval]), places, 1),
        watchlist,
        interfaces: None,
    }));
    Ok(names)
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

fn config(args: &RunArgs) -> Config {
    Config {
        tick: Duration::from_millis(args.tick),
        lease: LEASE,
        timeouts: Timeouts {
            idle: nanoseconds(args.idle_timeout),
            active: nanoseconds(args.active_timeout),
        },
        backlog: BACKLOG,
        mark: MARK,
    }
}

/// How far ahead attendance is promised: many ticks, and well below the kernel's limit.
const LEASE: Duration = Duration::from_secs(20);

/// Lines that wait for a slow output.
const BACKLOG: usize = 65_536;

/// Completes at SIGINT, SIGTERM or SIGHUP, or when time is up. Then a second signal ends the process
/// at once: whoever reads the output may have stopped reading.
fn stop_after(duration: Duration) -> anyhow::Result<impl Future<Output = ()> + Send> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
            () = tokio::time::sleep(duration) => {}
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

    #[test]
    fn a_lab_run_lasts_as_long_as_asked_for_up_to_an_hour() {
        assert_eq!(lasting(Some(5)), Duration::from_secs(5));
        assert_eq!(lasting(None), Duration::from_hours(1));
        assert_eq!(lasting(Some(86_400)), Duration::from_hours(1));
        assert_eq!(lasting(Some(u64::MAX)), Duration::from_hours(1));
    }

    #[test]
    fn a_run_ends_with_its_approval() {
        let interface = Interface {
            name: "veth0".into(),
            index: 1,
            is_real: true,
        };
        let names = names(&[interface], Watchlist::default(), lasting(Some(86_400))).unwrap();
        let generation = names.latest().unwrap();
        let slot = generation.compiled.tables.slots[0];
        assert_eq!((slot.interfaces, slot.own_addresses_only), (1, 1));
        assert!(left(generation).unwrap() <= Duration::from_hours(1));
    }
}
