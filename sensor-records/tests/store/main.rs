//! The store from outside: what goes in comes out, whatever happens to process and disk.

#![expect(clippy::unwrap_used, reason = "all of this crate is tests")]

mod damage;
mod faults;
mod kills;
mod made;
mod model;
mod properties;
