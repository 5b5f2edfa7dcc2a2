//! `cargo xtask demo`: the sensor at work on real traffic.
//!
//! Three network namespaces stand for a foreign network, a carrier and a domestic
//! network. The carrier forwards between the two others and runs the sensor on both
//! of its interfaces, because XDP sees only what arrives. Real sockets speak with
//! addresses that the example feed names and with others; then what was recorded is
//! shown beside what tcpdump counted at the receivers.
//!
//! Building needs no privilege and namespaces do: as an ordinary user the command
//! ends by handing over to its own finished binary under `sudo`. Everything it makes
//! is held by a guard, and signals only raise a flag that is looked at between steps,
//! so that every way out takes it down again.

pub(super) mod interrupt;
mod namespace;
mod network;
mod process;
mod records;
mod report;
mod sensor;
mod traffic;
mod witness;

use std::{
    env,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, Result, bail};

use self::{
    interrupt::Interrupt, network::Network, records::Records, sensor::Sensor, witness::Witness,
};
use super::{count, scratch, scratch::Scratch};
use crate::{
    privilege,
    say::{say, show},
    tools::{self, Need},
    workspace,
};

/// What is watched for, in the repository.
const FEED: &str = "examples/feed.txt";

/// Until the last acknowledgement has arrived; Linux delays one by 0.2 s at most
/// (`TCP_DELACK_MAX` in `include/net/tcp.h`).
const SETTLE: Duration = Duration::from_millis(500);

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Nothing is to be built: the binary of the sensor is this one
    #[arg(long, hide = true, value_name = "SENSOR")]
    built: Option<PathBuf>,
}

/// Builds the sensor and shows it at work.
pub(crate) fn run(args: &Args) -> Result<()> {
    // Asked first: building may put a fresh file in the place of the one that runs.
    let this = env::current_exe().context("cannot find this program")?;
    let sensor = match &args.built {
        Some(sensor) => sensor.clone(),
        None => build()?,
    };
    if privilege::is_root()? {
        demonstrate(&sensor)
    } else {
        hand_over(&this, &sensor)
    }
}

fn build() -> Result<PathBuf> {
    tools::ensure(&[Need::Demo])?;
    say("demo", "building the sensor");
    workspace::build_sensor(&[])
}

/// Becomes this program as root. It is replaced, so that no process of the ordinary
/// user ends early on Ctrl-C and gives the terminal back while root still cleans up.
fn hand_over(this: &Path, sensor: &Path) -> Result<()> {
    say(
        "demo",
        "network namespaces and XDP need root: going on under sudo",
    );
    let mut sudo = privilege::as_root(this)?;
    let error = sudo.args(["demo", "--built"]).arg(sensor).exec();
    Err(error).context("cannot run sudo; install it, or run the command as root")
}

/// Shows the sensor at work, and leaves nothing behind.
fn demonstrate(sensor: &Path) -> Result<()> {
    let interrupt = Interrupt::catch()?;
    let shown = perform(sensor, &interrupt);
    if interrupt.is_raised() && shown.is_err() {
        bail!("interrupted; namespaces, processes and files of the demo are gone");
    }
    shown
}

/// Whatever is made here is dropped, and so taken down, in the opposite order.
fn perform(binary: &Path, interrupt: &Interrupt) -> Result<()> {
    namespace::remove_stale()?;
    let scratch = Scratch::create()?;
    let network = Network::create(interrupt)?;
    say("demo", &network);

    let feed = workspace::root().join(FEED);
    let output = scratch.file("records.json");
    let sensor = Sensor::start(binary, &feed, &output, &network.carrier, interrupt)?;
    say(
        "demo",
        format_args!("in lab mode the sensor watches both interfaces of the carrier for {FEED}"),
    );
    let witness = |namespace, interface| Witness::start(namespace, interface, &scratch, interrupt);
    let at_domestic = witness(&network.domestic, network::DOMESTIC_END)?;
    let at_foreign = witness(&network.foreign, network::FOREIGN_END)?;
    say(
        "demo",
        "a second reader, tcpdump, counts what arrives in the two other namespaces",
    );

    traffic::exchange(&network, interrupt)?;
    say(
        "demo",
        "TCP, UDP and ICMP were sent both ways, over IPv4 and IPv6, watched and not",
    );
    interrupt.pause(SETTLE)?;

    let receivers = [
        (network::TO_FOREIGN, at_domestic.finish(interrupt)?),
        (network::TO_DOMESTIC, at_foreign.finish(interrupt)?),
    ];
    sensor.stop(interrupt)?;
    let records = Records::read(&output)?;
    drop(network);
    drop(scratch);

    let report = report::Report::new(records, &receivers);
    show(&report);
    say(
        "demo",
        "namespaces, processes and files of the demo are gone",
    );
    report.conclude()
}
