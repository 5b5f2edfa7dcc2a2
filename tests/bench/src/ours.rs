//! The sensor's own way: a list compiled and published as a run does it.
//!
//! This is all that knows how. Whoever exchanges the match engine looks here.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use ipnet::IpNet;
use sekisho::{
    kernel::Workbench,
    places::Flat,
    settings::lab,
    watchlist::{Moment, Watchlist, compile, in_order},
};
use sensor_common::Place;

/// A published list.
#[derive(Debug)]
pub(crate) struct Published {
    /// The match set of every prefix.
    pub(crate) sets: Vec<(IpNet, u32)>,
    pub(crate) compiling: Duration,
    pub(crate) publishing: Duration,
}

/// Puts a list into force, under an approval that names all of it.
///
/// All addresses are unknown to it, so that what matches goes no further than that.
pub(crate) fn publish(bench: &mut Workbench, prefixes: &[IpNet]) -> Result<Published> {
    let mut watchlist = Watchlist::default();
    watchlist.add_feed("bench".into(), prefixes.iter().copied().zip(1..));
    let places = Arc::new(Flat::everywhere(Place::Unknown));
    let started = Instant::now();
    let approvals = in_order(&[lab::replay()]);
    let compiled = compile(
        &watchlist,
        &approvals,
        places,
        bench.next_generation(),
        Moment::default(),
    );
    let compiling = started.elapsed();
    let started = Instant::now();
    (bench.publish(&compiled.tables)).context("the list cannot be published")?;
    let publishing = started.elapsed();
    let sets = compiled.sets();
    Ok(Published {
        sets: sets.map(|(id, set)| (set.prefix, id.0)).collect(),
        compiling,
        publishing,
    })
}
