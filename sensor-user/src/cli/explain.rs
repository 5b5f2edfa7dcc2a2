//! `sekisho explain`: what would become of a packet, from what is loaded.

use std::{io::Write, path::PathBuf};

use anyhow::Context as _;
use clap::Args;

use super::{Exit, inputs::InputError, printer};
use crate::{
    kernel::{boot_id, boot_now},
    loaded::explain::{AskError, Explainer, Moment, PacketLine},
    settings::runtime,
};

/// Arguments of `sekisho explain`.
#[derive(Debug, Args)]
#[command(after_help = "\
The packet, in quotes since a shell takes '>' for itself:
  'SRC[:PORT] > DST[:PORT] [PROTO] [on INTERFACE] [vlan N [vlan M]]'
  '203.0.113.5:443 > 198.51.100.7:50000 tcp on eth0 vlan 10'
  '[2001:db8::1]:443 > 2001:db8::2'
PROTO is tcp, udp, icmp, icmpv6, sctp or a number. INTERFACE may be left out where one is watched.")]
pub(super) struct ExplainArgs {
    /// The packet, as one argument or as several words
    #[arg(required = true, value_name = "PACKET")]
    packet: Vec<String>,

    /// Folder of the sensor's snapshots
    #[arg(long, value_name = "DIR", default_value = runtime::DEFAULT_FOLDER)]
    runtime_dir: PathBuf,

    /// Print JSON instead of text
    #[arg(long)]
    json: bool,
}

pub(super) fn explain(args: &ExplainArgs, out: &mut dyn Write) -> anyhow::Result<Exit> {
    let line: PacketLine = (args.packet.join(" "))
        .parse()
        .map_err(|error| InputError::Usage(format!("packet: {error}")))?;
    let (loaded, lives) = runtime::latest_since(boot_id()?, &args.runtime_dir)?;
    let moment = Moment {
        now: boot_now()?,
        attended: lives,
    };
    let explainer = Explainer::new(&loaded).context("what is loaded cannot be compiled")?;
    let answer = match explainer.explain(&line, moment) {
        Ok(answer) => answer,
        Err(error @ AskError::WhichInterface { .. }) => {
            return Err(InputError::Usage(format!("packet: {error}")).into());
        }
        Err(error @ AskError::NoInterface) => return Err(error.into()),
    };
    let written = if args.json {
        serde_json::to_writer_pretty(&mut *out, &answer)
            .map_err(Into::into)
            .and_then(|()| writeln!(out))
    } else {
        write!(out, "{answer}")
    };
    printer::unless_gone(written).context("cannot print the answer")?;
    Ok(Exit::Done)
}
