//! Kernel and host agree on every frame that fuzzing found something with.
//!
//! The parser is one source, compiled twice; what the host's does with these frames was fuzzed.
//! Here the program is given the same frames, whole and cut, and so everything it does with them
//! is held against the host: every counter, every flow, every total.

use sensor_common::{ReplayContext, Stat, Verdict};
use sensor_tests::{
    fuzz::{Frame, corpus},
    require,
};

use crate::{rig::Rig, tunnels};

/// Frames before the flows are compared.
const ROOM: usize = 20_000;

fn inputs() -> Vec<corpus::Input> {
    let of = |target| corpus::of(target).unwrap();
    [of("parse"), of("tunnels")].concat()
}

/// An input is two frames: as it was captured, and whole.
fn receive(rig: &mut Rig, input: &[u8]) {
    let Some(frame) = Frame::of(input) else {
        return;
    };
    let context = ReplayContext {
        time: 1_000,
        wire_length: u32::try_from(frame.wire_length).unwrap(),
        interface: 0,
    };
    for captured in [frame.captured, frame.whole] {
        rig.receive(captured, context);
    }
}

#[test]
fn the_program_reads_every_input_as_the_host_does() {
    require!(privilege);
    let inputs = inputs();
    assert!(inputs.len() > 100, "{} inputs", inputs.len());
    let (mut opened, mut recorded, mut refused) = (0, 0, 0);
    for some in inputs.chunks(ROOM / 2) {
        let mut rig = tunnels::opening(ROOM);
        for input in some {
            receive(&mut rig, &input.bytes);
        }
        let counted = rig.counted();
        opened += counted.of(Stat::Opened);
        recorded += counted.verdict(Verdict::Recorded);
        refused += counted.verdict(Verdict::Malformed) + counted.verdict(Verdict::Unsupported);
    }
    println!(
        "{} inputs: {opened} opened, {recorded} recorded, {refused} refused",
        inputs.len()
    );
    assert!(opened > 10 && recorded > 10 && refused > 10);
}
