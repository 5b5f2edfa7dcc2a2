//! The command line: typed arguments first, the world second; one file a command.

mod approval;
pub mod check;
mod config;
mod configured;
mod detach;
mod exit;
mod explain;
mod feed;
mod flows;
mod init;
mod inputs;
mod papers;
mod places;
mod printer;
mod replay;
mod run;
mod summary;
mod territory;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use self::configured::Refused;

pub use exit::Exit;

/// Watches only what an independent body approved; records who spoke with whom, when and how
/// much, never what was said.
#[derive(Debug, Parser)]
#[command(name = "sekisho", version, max_term_width = 100, after_help = exit::HELP)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Watch interfaces and write records as JSON lines
    Run(run::RunArgs),
    /// Run a capture file through the same program and print the same records
    Replay(replay::ReplayArgs),
    /// Set up the state folder of a sensor
    Init(init::InitArgs),
    /// Look at interfaces before watching them, and say what to do
    Check(check::CheckArgs),
    /// Build the table of which addresses are domestic and foreign, or ask it
    Territory(territory::TerritoryArgs),
    /// Keep feeds of indicators, and say what of them would be watched
    Feed(feed::FeedArgs),
    /// Show what the store has of flows, filtered, sorted and summed
    Flows(Box<flows::FlowsArgs>),
    /// Say what would become of a packet, and why, without touching the kernel
    Explain(explain::ExplainArgs),
    /// Draft, verify and show approvals; list them as the kernel has them, or as papers say
    Approval(approval::ApprovalArgs),
    #[command(flatten)]
    Papers(papers::Command),
    /// Check or show a configuration file, or print its schema
    Config(config::ConfigArgs),
    /// Remove what sensors that died left in the kernel, without reading it
    Detach(detach::DetachArgs),
}

/// Runs the command of the process's arguments.
pub fn main() -> ExitCode {
    let cli = match configured::parse() {
        Ok(cli) => cli,
        Err(Refused::Config(error)) => {
            printer::error(&error.into());
            return Exit::Usage.into();
        }
        Err(Refused::Arguments(error)) => {
            // Help and version are errors to clap, with exit status 0.
            let _ = error.print();
            let is_usage = error.use_stderr();
            return if is_usage { Exit::Usage } else { Exit::Done }.into();
        }
    };
    crate::telemetry::start();
    let done = match &cli.command {
        Command::Run(args) => run::run(args),
        Command::Replay(args) => replay::replay(args),
        Command::Init(args) => init::init(args, &mut std::io::stdout()),
        Command::Territory(args) => territory::territory(args),
        Command::Feed(args) => feed::feed(args, &mut std::io::stdout()),
        Command::Flows(args) => flows::flows(args, &mut std::io::stdout()),
        Command::Explain(args) => explain::explain(args, &mut std::io::stdout()),
        Command::Approval(args) => approval::approval(args, &mut std::io::stdout()),
        Command::Papers(command) => papers::run(command, &mut std::io::stdout()),
        Command::Config(args) => config::config(args, &mut std::io::stdout()),
        Command::Detach(args) => detach::detach(args, &mut std::io::stdout()),
        Command::Check(args) => {
            check::check(args, &mut std::io::stdout()).map(|verdict| match verdict {
                check::Verdict::Ready => Exit::Done,
                check::Verdict::NotReady => Exit::NotReady,
            })
        }
    };
    match done {
        Ok(exit) => exit,
        Err(error) => {
            printer::error(&error);
            Exit::of(&error)
        }
    }
    .into()
}
