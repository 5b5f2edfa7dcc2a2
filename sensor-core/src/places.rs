//! Places: where an address lies, and which rule says so.
//!
//! A territory is built from the registries' statistics, lists and corrections, numbered and
//! written as a document that an overseer can read and sign. With exclusions and operators'
//! prefixes it is flattened into ranges that do not overlap, so that the kernel needs one
//! look-up for an address.
//!
//! A core: no kernel, no clock, no input or output. A territory decides what may be recorded,
//! so unlike a feed a file with one bad line is refused whole.

mod build;
mod conflicts;
pub mod corrections;
mod country;
pub mod delegated;
mod error;
mod explain;
mod flat;
mod flatten;
mod layers;
pub mod list;
pub(crate) mod number;
mod resolve;
pub mod special;
pub mod territory;

pub use build::{Built, Input, InputKind, build};
pub use conflicts::{Claim, Conflict, Conflicts};
pub use country::Country;
pub use error::PlacesError;
pub use explain::{Explanation, Rule, explain};
pub use flat::{Counts, Flat};
pub use flatten::flatten;
pub use layers::{Exclusion, Layers, Operator, OperatorId};
pub use territory::Territory;

#[cfg(test)]
mod tests;
