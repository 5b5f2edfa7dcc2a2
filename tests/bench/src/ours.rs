//! The sensor's own way: a list compiled and published as a run does it.
//!
//! This is all that knows how. Whoever exchanges the match engine looks here.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use sekisho::{
    kernel::Workbench,
    places::Flat,
    settings::lab,
    watchlist::{
        Compiled, Limits, Moment, Prefixes, Schedule, Validity, Watchlist, compile, in_order,
    },
};
use sensor_common::Place;

/// Addresses that begin and end one after the other, beside the list.
const SINGLE: u32 = 300;

/// A published list.
#[derive(Debug)]
pub(crate) struct Published {
    watchlist: Watchlist,
    compiled: Compiled,
    pub(crate) compiling: Duration,
    pub(crate) publishing: Duration,
}

/// Puts a list into force, under an approval that names all of it.
///
/// Where all addresses are unknown to it, what matches goes no further than that.
pub(crate) fn publish(
    bench: &mut Workbench,
    prefixes: Arc<Prefixes>,
    everywhere: Place,
) -> Result<Published> {
    let mut watchlist = Watchlist::default();
    let singles = singles(&prefixes);
    watchlist.share_feed("bench".into(), prefixes);
    watchlist.share_feed("singles".into(), singles.into());
    let places = Arc::new(Flat::everywhere(everywhere));
    let started = Instant::now();
    let approvals = in_order(&[lab::replay()]);
    let compiled = compile(
        &watchlist,
        &approvals,
        places,
        bench.next_generation(),
        Moment::at(0),
    );
    let compiling = started.elapsed();
    let started = Instant::now();
    (bench.publish(&compiled.tables)).context("the list cannot be published")?;
    let publishing = started.elapsed();
    Ok(Published {
        watchlist,
        compiled,
        compiling,
        publishing,
    })
}

impl Published {
    /// The match set of every prefix.
    pub(crate) fn sets(&self) -> Vec<(IpNet, u32)> {
        let sets = self.compiled.sets();
        sets.map(|(id, set)| (set.prefix, id.0)).collect()
    }

    /// Lets single addresses begin and end, and says how long each took: what becomes of the
    /// match sets, and the stores.
    pub(crate) fn change(&mut self, bench: &mut Workbench) -> Result<Vec<Duration>> {
        let mut schedule = Schedule::of(&self.watchlist, Moment::at(0));
        let mut took = Vec::new();
        for time in 1..=u64::from(2 * SINGLE) {
            let moment = Moment::at(time);
            let affected = schedule.pass(moment);
            let started = Instant::now();
            let changed = self.compiled.changed(&self.watchlist, &affected, moment);
            let (compiled, change) = changed.context("more than single prefixes")?;
            bench.change(&change)?;
            took.push(started.elapsed());
            ensure!(!change.patches.is_empty(), "nothing changed at {time}");
            self.compiled = compiled;
        }
        Ok(took)
    }
}

/// Addresses of the list's family or families, each of which counts from one moment to the next.
fn singles(list: &Prefixes) -> Prefixes {
    let is_v4 = list
        .iter()
        .any(|(prefix, _)| matches!(prefix, IpNet::V4(_)));
    let mut singles = Prefixes::default();
    for number in 0..SINGLE {
        let begin = u64::from(2 * number + 1);
        let validity = Some(Validity {
            begin,
            end: begin + 1,
        });
        let ports = Vec::new();
        // Anywhere, and each of them once.
        let spread = number.wrapping_mul(0x9e37_79b1);
        let prefix = if is_v4 {
            IpNet::V4(Ipv4Net::from(std::net::Ipv4Addr::from(spread)))
        } else {
            let address = u128::from(spread) << 96 | u128::from(number);
            IpNet::V6(Ipv6Net::from(std::net::Ipv6Addr::from(address)))
        };
        singles.push_limited(prefix, number + 1, &Limits { validity, ports });
    }
    singles
}
