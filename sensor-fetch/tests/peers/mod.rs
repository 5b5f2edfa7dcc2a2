//! Servers of this machine that do what they are told, and a world without waiting.

pub(crate) mod certificates;
pub(crate) mod server;
pub(crate) mod world;
