//! Statistics of the regional registries as a feed: all that was given to somebody.

use super::{
    item::{About, At, Item, Sink, Watch},
    reason::{Inexpressible, Refusal},
};
use crate::places::{
    PlacesError,
    delegated::{self, Status},
};

/// Reads statistics; `file` is for messages. They are read as a whole, as their counts are of it.
pub fn decode(
    file: &str,
    bytes: &[u8],
    sink: &mut (impl Sink + ?Sized),
) -> Result<(), PlacesError> {
    let read = delegated::decode(file, bytes)?;
    for record in read.records {
        let at = At::line(record.line.into());
        match record.status {
            Status::Available | Status::Reserved => {
                sink.take(at, Item::Refused(Refusal::NotForDetection));
            }
            Status::Allocated | Status::Assigned => {
                for prefix in record.block.prefixes() {
                    let watch = Watch {
                        prefix,
                        ports: &[],
                        about: About::default(),
                    };
                    sink.take(at, Item::Watch(watch));
                }
            }
        }
    }
    for _ in 0..read.systems {
        let why = Inexpressible::AutonomousSystem;
        sink.take(At::default(), Item::Inexpressible(why));
    }
    Ok(())
}
