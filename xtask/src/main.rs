//! Sekisho's build, test and check commands, run as `cargo xtask <command>`.
//!
//! Everything a contributor or a machine runs goes through here, so that a fresh
//! clone needs nothing but `rustup`: a command first puts in place what it needs
//! (see [`tools`]) and then works. It is started as an ordinary user and asks
//! `sudo` only for apt and for finished binaries; as root it goes straight.

mod commands;
mod exec;
mod files;
#[path = "../../pins.rs"]
mod pins;
mod privilege;
mod say;
mod tools;
mod workspace;

use std::process::ExitCode;

use clap::Parser;

use crate::commands::Command;

/// Build, test and check Sekisho.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

fn main() -> ExitCode {
    let Err(error) = Cli::parse().command.run() else {
        return ExitCode::SUCCESS;
    };
    say::error(&error);
    ExitCode::FAILURE
}
