//! `sekisho territory explain`: where addresses lie, and why.

use std::{
    io::{self, Write},
    net::IpAddr,
};

use anyhow::Context as _;
use clap::Args;

use crate::{
    cli::{Exit, places::PlacesArgs},
    places::{self, Explanation, Layers, flatten},
};

/// Arguments of `sekisho territory explain`.
#[derive(Debug, Args)]
#[command(mut_arg("territory", |territory| territory.required(true)))]
pub(super) struct ExplainArgs {
    /// Address to explain
    #[arg(value_name = "ADDRESS", required = true)]
    addresses: Vec<IpAddr>,

    #[command(flatten)]
    places: PlacesArgs,

    /// Print JSON lines instead of text
    #[arg(long)]
    json: bool,
}

pub(super) fn explain(args: &ExplainArgs) -> anyhow::Result<Exit> {
    let layers = args.places.load()?;
    // What the sensor would refuse is refused here too.
    flatten(&layers)?;
    print(args, &layers, &mut io::stdout().lock()).context("cannot print the explanation")?;
    Ok(Exit::Done)
}

fn print(args: &ExplainArgs, layers: &Layers, out: &mut dyn Write) -> io::Result<()> {
    for address in &args.addresses {
        let explanation = places::explain(layers, *address);
        if args.json {
            serde_json::to_writer(&mut *out, &explanation)?;
            writeln!(out)?;
            continue;
        }
        let Explanation {
            address,
            place,
            rule,
            beat,
        } = explanation;
        writeln!(out, "{address}: {}", place.name())?;
        writeln!(out, "  by    {rule}")?;
        for beaten in beat {
            writeln!(out, "  over  {beaten}")?;
        }
    }
    Ok(())
}
