//! Nothing but a name to depend on.
//!
//! The program is the binary `sekisho-xdp`. This library exists so that the build
//! script of `sekisho` can have this crate, and through it `sensor-common`, as a
//! build-dependency: a change in either then rebuilds the object.

#![no_std]
