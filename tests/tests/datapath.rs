//! The XDP program against the fake, by `BPF_PROG_TEST_RUN`.
//!
//! The fake shares the parser and the verdict with the program and nothing else; the
//! expected verdicts and records are written down here, so both are held against them.

#![expect(
    clippy::unwrap_used,
    reason = "a test fails where its own assumptions do"
)]

#[path = "datapath/cases.rs"]
mod cases;
#[path = "datapath/corpus.rs"]
mod corpus;
#[path = "datapath/gate.rs"]
mod gate;
#[path = "datapath/generations.rs"]
mod generations;
#[path = "datapath/large.rs"]
mod large;
#[path = "datapath/layers.rs"]
mod layers;
#[path = "datapath/marker.rs"]
mod marker;
#[path = "datapath/ports.rs"]
mod ports;
#[path = "datapath/property.rs"]
mod property;
#[path = "datapath/random.rs"]
mod random;
#[path = "datapath/reference.rs"]
mod reference;
#[path = "datapath/rig.rs"]
mod rig;
#[path = "datapath/room.rs"]
mod room;
#[path = "datapath/tunnels.rs"]
mod tunnels;
#[path = "datapath/twins.rs"]
mod twins;
#[path = "datapath/verdicts.rs"]
mod verdicts;
