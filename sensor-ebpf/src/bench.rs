//! Entry points for `cargo xtask bench`. They are in an object of their own: the sensor's has
//! none of this, and only here a path ends in anything but `XDP_PASS`.
//!
//! Two kinds. [`walk`] goes through a trace of addresses in one run of the program and does
//! nothing but look them up; [`live`] has whole programs for frames that arrive, and the one
//! that sends these. Both take their ways to look up from [`rivals`] or are given the
//! sensor's own function, so that nothing differs but that.

mod live;
mod rivals;
mod trace;
mod walk;
