//! The keys of the file. Defaults and ranges are those of the flags, and written there only.

/// What a key takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A string.
    Text,
    /// An array of strings.
    Texts,
    /// A whole number from 0 on.
    Number,
    /// `true` or `false`.
    Switch,
    /// Tables of their own: exporters.
    Exporters,
}

impl Kind {
    /// As messages say it.
    #[must_use]
    pub const fn what(self) -> &'static str {
        match self {
            Self::Text => "a string in quotes",
            Self::Texts => "an array of strings, such as [\"eth0\"]",
            Self::Number => "a whole number without quotes",
            Self::Switch => "true or false, without quotes",
            Self::Exporters => "tables, each begun with [[exporter]]",
        }
    }
}

/// One key.
#[derive(Debug, PartialEq, Eq)]
pub struct Key {
    /// The table it is in.
    pub section: &'static str,
    /// Its name there; none where the tables of the section are the value.
    pub name: &'static str,
    /// What it takes.
    pub kind: Kind,
    /// The flag of `run` with the same meaning, without dashes.
    pub flag: &'static str,
    /// The unit of a number.
    pub unit: Option<&'static str>,
    /// Whether a change takes effect at once; otherwise at the next start.
    pub is_live: bool,
    /// What it is.
    pub about: &'static str,
}

impl Key {
    const fn new(
        (section, name): (&'static str, &'static str),
        kind: Kind,
        flag: &'static str,
        about: &'static str,
    ) -> Self {
        Self {
            section,
            name,
            kind,
            flag,
            unit: None,
            is_live: false,
            about,
        }
    }

    const fn unit(mut self, unit: &'static str) -> Self {
        self.unit = Some(unit);
        self
    }

    const fn live(mut self) -> Self {
        self.is_live = true;
        self
    }

    /// As messages say it: `run.tick`.
    #[must_use]
    pub fn path(&self) -> String {
        if self.name.is_empty() {
            self.section.to_owned()
        } else {
            format!("{}.{}", self.section, self.name)
        }
    }

    /// Its environment variable: `SEKISHO_RUN_TICK`.
    #[must_use]
    pub fn variable(&self) -> String {
        let path = self.path().replace('.', "_");
        format!("SEKISHO_{}", path.to_ascii_uppercase())
    }
}

/// All of them, in the order of the documentation.
pub static KEYS: [Key; 18] = [
    Key::new(
        ("run", "interfaces"),
        Kind::Texts,
        "interface",
        "Interfaces to watch",
    ),
    Key::new(
        ("run", "generic"),
        Kind::Switch,
        "generic",
        "Attach in the network stack where the driver has no native XDP",
    ),
    Key::new(
        ("run", "duration"),
        Kind::Number,
        "duration",
        "Time after which the run ends",
    )
    .unit("seconds"),
    Key::new(
        ("run", "tick"),
        Kind::Number,
        "tick",
        "Time between two readings of the kernel",
    )
    .unit("milliseconds")
    .live(),
    Key::new(
        ("run", "lease"),
        Kind::Number,
        "lease",
        "Time for which recording goes on when the agent hangs or dies",
    )
    .unit("seconds")
    .live(),
    Key::new(
        ("run", "idle_timeout"),
        Kind::Number,
        "idle-timeout",
        "Time without a packet after which a flow is written",
    )
    .unit("seconds")
    .live(),
    Key::new(
        ("run", "active_timeout"),
        Kind::Number,
        "active-timeout",
        "Time after which a flow that goes on is written",
    )
    .unit("seconds")
    .live(),
    Key::new(
        ("run", "flow_capacity"),
        Kind::Number,
        "flow-capacity",
        "Flows that the kernel holds for each CPU between two readings",
    )
    .unit("flows"),
    Key::new(
        ("run", "ring_size"),
        Kind::Number,
        "ring-size",
        "Size of the ring buffer, a power of two",
    )
    .unit("KiB"),
    Key::new(
        ("state", "dir"),
        Kind::Text,
        "state",
        "State folder of a real sensor; not used with --lab",
    ),
    Key::new(
        ("state", "store"),
        Kind::Text,
        "store",
        "Folder for the store of records",
    ),
    Key::new(
        ("state", "runtime_dir"),
        Kind::Text,
        "runtime-dir",
        "Folder for snapshots of what is loaded",
    ),
    Key::new(
        ("state", "pin_dir"),
        Kind::Text,
        "pin-dir",
        "Folder on a BPF file system for what outlives a dead agent",
    ),
    Key::new(
        ("state", "pseudonym_keys"),
        Kind::Text,
        "pseudonym-keys",
        "Folder with the keys for pseudonyms of domestic addresses",
    ),
    Key::new(
        ("feeds", "dir"),
        Kind::Text,
        "feeds",
        "Folder of feeds, whose withdrawals are not recorded; not used with --lab",
    ),
    Key::new(
        ("metrics", "listen"),
        Kind::Text,
        "metrics",
        "Address and port for metrics",
    )
    .live(),
    Key::new(
        ("metrics", "anywhere"),
        Kind::Switch,
        "metrics-anywhere",
        "Let others than this machine read the metrics",
    )
    .live(),
    Key::new(
        ("exporter", ""),
        Kind::Exporters,
        "exporter",
        "Where else records go, and who receives them there",
    )
    .live(),
];
