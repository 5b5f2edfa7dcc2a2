//! Commands with which people make and check papers.
//!
//! Drafts are written by what reads them, and signed by people with `ssh-keygen`: no command
//! here has a private key. None needs root, BPF or, unless it is named, a state folder.

pub(super) mod approval;
mod consent;
mod draft;
mod exclusion;
mod files;
mod finding;
mod keyring;
mod policy;
mod request;
mod revoke;
mod sign;
pub(super) mod source;
mod standing;
mod stop;
mod told;
pub(super) mod values;

use std::io::Write;

use clap::Subcommand;

use super::Exit;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Draft, show or check a request: what is asked for, and why
    Request(request::RequestArgs),
    /// Draft an operator's consent to watching its own prefixes, or its withdrawal
    Consent(consent::ConsentArgs),
    /// Draft what ends an approval or a consent
    Revoke(revoke::RevokeArgs),
    /// Draft what stops all recording
    Stop(stop::StopArgs),
    /// Draft what ends a stop
    Lift(stop::LiftArgs),
    /// Draft what an inspector found, the answer, or that it is closed
    Finding(finding::FindingArgs),
    /// Draft an overseer's word that everything still stands
    Standing(standing::StandingArgs),
    /// Draft prefixes that are never recorded
    Exclusion(exclusion::ExclusionArgs),
    /// Draft, show or check a keyring: whose keys count
    Keyring(keyring::KeyringArgs),
    /// Draft, show or check a policy: what an approval may be
    Policy(policy::PolicyArgs),
    /// Print the line with which somebody signs a document
    SignHelp(sign::SignArgs),
}

pub(super) fn run(command: &Command, out: &mut dyn Write) -> anyhow::Result<Exit> {
    match command {
        Command::Request(args) => request::request(args, out),
        Command::Consent(args) => consent::consent(args, out),
        Command::Revoke(args) => revoke::revoke(args, out),
        Command::Stop(args) => stop::stop(args, out),
        Command::Lift(args) => stop::lift(args, out),
        Command::Finding(args) => finding::finding(args, out),
        Command::Standing(args) => standing::standing(args, out),
        Command::Exclusion(args) => exclusion::exclusion(args, out),
        Command::Keyring(args) => keyring::keyring(args, out),
        Command::Policy(args) => policy::policy(args, out),
        Command::SignHelp(args) => sign::sign_help(args, out),
    }
}
