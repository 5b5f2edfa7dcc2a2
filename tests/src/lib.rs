//! What the tests of Sekisho against a kernel have in common.
//!
//! A test makes namespaces of its own, starts the real binary in one of them, sends
//! real traffic through it from the others, and compares what the sensor wrote with
//! what was sent. Everything made is held by a value and gone when the value is, so a
//! test that panics leaves nothing behind. Nothing here sleeps to be on the safe side:
//! it waits for conditions, and a limit of time only guards against a hang.

pub mod clock_state;
pub mod command;
pub mod dump;
pub mod fuzz;
pub mod grace;
pub mod kept;
pub mod netns;
pub mod packet;
pub mod papers;
pub mod peer;
pub mod pins;
pub mod requires;
pub mod road;
pub mod search;
pub mod sensor;
pub mod slow_disk;
pub mod traffic;
pub mod wait;
