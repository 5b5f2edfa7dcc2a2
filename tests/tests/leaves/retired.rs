//! A generation that was retired stands in its place until the next but one is published:
//! no less a leaf to look under. `sekisho run --lab` has one generation, so the kernel's
//! part is driven from here.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use sekisho::{
    kernel::{AttachMode, Datapath as _, Kernel, Options, boot_now, probe},
    places::{Flat, flatten},
    settings::lab,
    watchlist::{Moment, Watchlist, compile, in_order},
};
use sensor_tests::{dump::Dump, require};

use crate::{
    complete, counters, each_has_its_verdict,
    kinds::WATCHED,
    places::{self, Files, find},
    the_kernel_holds_what_is_recorded,
    town::Town,
};

const LEASE: u64 = 60_000_000_000;

#[test]
fn a_retired_generation_holds_no_trace_either() {
    require!(privilege);
    require!(tool "bpftool");
    let (town, files) = (Town::new(), Files::new());
    let places = Arc::new(flatten(&files.layers()).unwrap());
    let mut kernel = Kernel::load(Options {
        flow_capacity: 1024,
        ..Options::new(true)
    })
    .unwrap();
    for (slot, name) in (0..).zip(["r0", "r1"]) {
        let attached = town.road.barrier.run(|| {
            let index = probe::interface_index(name).unwrap();
            kernel.attach(name, index, slot, AttachMode::Native)
        });
        attached.unwrap();
    }
    for round in 0..2 {
        publish(&mut kernel, u64::from(round) + 1, &places);
        kernel.attend(boot_now().unwrap() + LEASE).unwrap();
        town.speak(round);
    }

    let (_, program) = town.road.barrier.attached("r0").unwrap();
    let dump = Dump::of(std::process::id(), program, None);
    complete::is_all(&dump, 2);
    each_has_its_verdict(&town, &counters(&dump));
    the_kernel_holds_what_is_recorded(&town, &places::maps(&dump));

    // As long as nobody reads them, flows stay. One that counted nothing between two readings,
    // of either bank, leaves nothing.
    for _ in 0..4 {
        kernel.take(&mut |_| {}).unwrap();
    }
    let drained = places::maps(&Dump::of(std::process::id(), program, None));
    assert_eq!(find(&town.nowhere(), &drained), BTreeSet::new());
    places::found_only(&town.foreign(), "network order", &["EVENTS"], &drained);
}

/// A generation under a lab approval of its own.
fn publish(kernel: &mut Kernel, generation: u64, places: &Arc<Flat>) {
    let mut watchlist = Watchlist::default();
    let prefixes = WATCHED.map(|prefix| prefix.parse().unwrap());
    watchlist.add_feed("test".into(), prefixes.into_iter().zip(1..));
    let approval = lab::live(boot_now().unwrap(), Duration::from_mins(10), 0b11, 0);
    let approvals = in_order(&[approval]);
    let tables = compile(
        &watchlist,
        &approvals,
        places.clone(),
        generation,
        Moment::default(),
    )
    .tables;
    kernel.publish(&tables).unwrap();
}
