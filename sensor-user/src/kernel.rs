//! Everything that talks to the kernel. The rest of the program knows [`Datapath`] only.

#![expect(unsafe_code, reason = "system calls and memory shared with the kernel")]

mod attach;
mod cells;
mod clock;
mod datapath;
mod fake;
mod flows;
mod generation;
mod links;
mod loader;
mod maps;
mod memory;
mod object;
mod pins;
pub mod probe;
mod readable;
mod replay;
mod ring;
mod shared;
mod sys;
mod wire;
mod workbench;

pub use attach::{AttachError, AttachMode, Attached};
pub use clock::{SystemClock, boot_id, boot_now, check_time_namespace, clock_now};
pub use datapath::{Alarm, Datapath, DatapathError, Held, Retired, TotalsBySet};
pub use fake::Fake;
pub use generation::{Measured, Tuned};
pub use links::LinkWatch;
pub use loader::{Kernel, LoadError, Options};
pub use object::{OBJECT, ObjectError, map_names, wire_version};
pub use pins::{
    BPF_FS_FOLDER, Cleared, DEFAULT_FOLDER, PinError, PinFolder, Read, Recovered, Remains, View,
    mount_bpf_fs,
};
pub use replay::{ReplayError, Replayer};
pub use shared::Shared;
pub use workbench::Workbench;
