//! The authority of a state folder: what its papers say, live and at the time of a capture.

use std::{io, path::Path};

use crate::{
    agent::{Authority, Look},
    documents::{Decision, Time},
    replay::History,
};

/// What the papers of a state folder say now.
#[derive(Debug)]
pub enum StateAuthority {}

impl StateAuthority {
    /// Opens the state folder of a real sensor, and holds it until the value is dropped.
    ///
    /// # Errors
    ///
    /// When it is none, another sensor holds it, or its papers cannot be read.
    pub fn open(folder: &Path) -> anyhow::Result<Self> {
        anyhow::bail!("{}: papers cannot be read yet", folder.display())
    }
}

impl Authority for StateAuthority {
    fn look(&mut self, _: Time) -> anyhow::Result<Look> {
        match *self {}
    }

    fn log(&mut self) -> anyhow::Result<()> {
        match *self {}
    }

    fn changed(&mut self) -> impl Future<Output = io::Result<()>> + Send {
        std::future::pending()
    }
}

/// What the papers of a state folder said at every moment. It changes nothing there.
#[derive(Debug)]
pub enum StateHistory {}

impl StateHistory {
    /// Reads the state folder of a real sensor, whether or not one is running.
    ///
    /// # Errors
    ///
    /// When it is none, or its papers cannot be read.
    pub fn open(folder: &Path) -> anyhow::Result<Self> {
        anyhow::bail!("{}: papers cannot be read yet", folder.display())
    }
}

impl History for StateHistory {
    fn at(&self, _: Time) -> Decision {
        match *self {}
    }

    fn next_arrival(&self, _: Time) -> Option<Time> {
        match *self {}
    }
}
