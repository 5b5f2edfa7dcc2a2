//! The commands, one file each: a new one is a module, a variant and a match arm.

mod bench;
mod build_ebpf;
mod count;
mod demo;
mod fuzz;
mod lines;
mod lint;
mod oracle;
mod scratch;
mod setup;
mod test;
mod vm;

use anyhow::Result;
use clap::Subcommand;

/// What `cargo xtask` can do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Install whatever the other commands need and is missing
    Setup,
    /// Build the eBPF object; print its path, size and SHA-256
    BuildEbpf(build_ebpf::Args),
    /// Measure the match engine and the program beside others, as root
    Bench(bench::Args),
    /// Show the sensor at work on real traffic between three network namespaces
    Demo(demo::Args),
    /// Compare what replay counts in captures, flow by flow, with what tshark reads
    Oracle(oracle::Args),
    /// Fuzz what reads bytes of strangers; keep the hours and what was found
    Fuzz(fuzz::Args),
    /// Run all tests: units and documentation as you, kernel tests as root
    Test(test::Args),
    /// Run the kernel tests on Debian's kernels, in an emulator
    Vm(vm::Args),
    /// What `vm` runs on the other side
    #[command(hide = true)]
    VmGuest(vm::guest::Args),
    /// Check format, lints, documentation, licences and sources
    Lint(lint::Args),
}

impl Command {
    /// Runs the command to its end.
    pub(crate) fn run(self) -> Result<()> {
        match self {
            Self::Setup => setup::run(),
            Self::BuildEbpf(args) => build_ebpf::run(&args),
            Self::Bench(args) => bench::run(&args),
            Self::Demo(args) => demo::run(&args),
            Self::Oracle(args) => oracle::run(&args),
            Self::Fuzz(args) => fuzz::run(&args),
            Self::Test(args) => test::run(&args),
            Self::Vm(args) => vm::run(&args),
            Self::VmGuest(args) => vm::guest::run(&args),
            Self::Lint(args) => lint::run(&args),
        }
    }
}
