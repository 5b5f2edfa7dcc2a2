//! Alarms: what an overseer should hear of a run.

/// What an alarm is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AlarmKind {
    /// Something stood otherwise in the kernel than it was put there, and was mended.
    Kernel,
    /// An interface went away or has another name.
    Interface,
    /// The wall clock was set.
    Clock,
    /// The lease ran out before it was renewed.
    Lease,
    /// There is no key for the pseudonyms of an approval.
    Keys,
    /// The store does not take records, or takes them again; or it was damaged and another one
    /// begins.
    Store,
    /// A paper is refused, or what it says cannot be logged or put into force.
    Papers,
    /// Recording began or stopped.
    Recording,
}

impl AlarmKind {
    /// The name in output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Kernel => "kernel",
            Self::Interface => "interface",
            Self::Clock => "clock",
            Self::Lease => "lease",
            Self::Keys => "keys",
            Self::Store => "store",
            Self::Papers => "papers",
            Self::Recording => "recording",
        }
    }
}

/// Something that is not as it should be, after which the run goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alarm {
    /// When it was noticed: nanoseconds since boot, in output since 1970.
    pub time: u64,
    /// What it is about.
    pub kind: AlarmKind,
    /// What was found.
    pub text: String,
}
