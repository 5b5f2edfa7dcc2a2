//! Fetches the feeds of Sekisho: from named hosts only, within bounds, whole or not at all.
//!
//! A crate of its own, because it is the only code that speaks to strangers over a network: it
//! knows no paper, no table and no kernel, and its output is bytes in a file that somebody else
//! judges (ADR 0028). Of formats it knows the envelope of TAXII 2.1 ([`taxii`]) and the manifest
//! of a MISP feed ([`misp`]), no more.
//!
//! [`Client`] is made of an [`Endpoint`] (what is asked, and as whom), [`Hosts`] (whom it may
//! speak to at all) and [`Limits`]. Its calls block. Each of them ends within [`Limits::total`],
//! and either has the whole of what was asked for or is an [`Error`].
//!
//! ```no_run
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use sensor_fetch::{Client, Endpoint, Fetched, Hosts, Known, Limits};
//!
//! let endpoint = Endpoint::new("https://feeds.example/list.txt")?;
//! let hosts = Hosts::parse("feeds.example  # the list of the example")?;
//! let client = Client::new(endpoint, hosts, Limits::default())?;
//! let mut file = std::fs::File::create_new("list.txt.part")?;
//! match client.fetch(&Known::default(), &mut file, &mut |_| {})? {
//!     Fetched::Unchanged => {}
//!     Fetched::New(new) => println!("{} octets", new.bytes),
//! }
//! # Ok(())
//! # }
//! ```

mod client;
mod endpoint;
mod error;
mod hosts;
mod limits;
pub mod misp;
mod progress;
mod secret;
pub mod taxii;
mod world;

pub use url::Url;

pub use self::{
    client::{Client, Fetched, Known, New},
    endpoint::{Credential, Endpoint, Identity, Proxy},
    error::{Error, Kind},
    hosts::{Hosts, HostsError},
    limits::Limits,
    progress::Progress,
    secret::Secret,
    world::{Machine, World},
};
