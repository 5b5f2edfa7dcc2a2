//! The way of a record: from what the kernel counted to what is written.
//!
//! Pure stages; `agent` and `replay` wire them.

mod alarm;
mod clock;
mod flow_table;
mod lasting;
mod losses;
mod names;
mod summary;

pub use alarm::{Alarm, AlarmKind};
pub use clock::Clock;
pub use flow_table::{Absorbed, Flow, FlowTable, Timeouts};
pub use lasting::Lasting;
pub use losses::Losses;
pub use names::{Generation, Names};
pub use sensor_records::{End, Matched, Notice, Record, RecordId, Under};
pub use summary::Summary;
