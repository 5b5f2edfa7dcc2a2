//! Papers to judge by: those of a sensor, or of any folder.

use std::{path::PathBuf, time::Instant};

use clap::Args;
use jiff::Timestamp;

use super::files;
use crate::{
    cli::inputs::InputError,
    documents::{
        Body, Digest, Folder, Gate, Identity, Paper, Refusal, Shelf, Time, field::Fingerprint,
        journal::Arrival,
    },
    settings::state::{AGAIN, Journal, StateFolder},
};

/// Arguments that name papers.
#[derive(Debug, Args)]
pub(in crate::cli) struct SourceArgs {
    /// State folder of a sensor: its papers, and when they arrived
    #[arg(long, value_name = "DIR", conflicts_with_all = ["papers", "root", "sensor"])]
    state: Option<PathBuf>,

    /// Folder of papers, taken as if all of them arrived now; needs --root
    #[arg(long, value_name = "DIR", requires = "root")]
    papers: Option<PathBuf>,

    /// SHA-256 of the first keyring, for --papers
    #[arg(long, value_name = "SHA256", requires = "papers")]
    root: Option<Digest>,

    /// Fingerprint of the log key of the sensor to judge for, for --papers; the only one of the
    /// keyring without it
    #[arg(long, value_name = "FINGERPRINT", requires = "papers",
        value_parser = super::values::value::<Fingerprint>)]
    sensor: Option<Fingerprint>,

    /// Judge at this moment, in UTC; now without it
    #[arg(long, value_name = "TIME")]
    at: Option<Time>,
}

/// Papers that were judged.
#[derive(Debug)]
pub(in crate::cli) struct Opened {
    pub(in crate::cli) gate: Gate,
    pub(in crate::cli) shelf: Shelf,
    /// What arrived before, and what arrives now.
    pub(in crate::cli) arrivals: Vec<Arrival>,
    /// Files that could not be taken, of a state folder.
    pub(in crate::cli) left_out: Vec<Refusal>,
    pub(in crate::cli) identity: Identity,
    pub(in crate::cli) now: Time,
}

/// Now.
pub(super) fn now() -> Time {
    Time::of(Timestamp::now())
}

impl SourceArgs {
    /// Whether papers are named.
    pub(in crate::cli) const fn is_given(&self) -> bool {
        self.state.is_some() || self.papers.is_some()
    }

    /// The moment to judge at.
    pub(in crate::cli) fn moment(&self) -> Time {
        self.at.unwrap_or_else(now)
    }

    /// The papers, if any are named.
    pub(in crate::cli) fn may_open(&self) -> anyhow::Result<Option<Opened>> {
        self.is_given().then(|| self.open()).transpose()
    }

    /// The papers, whichever of several sensors they are judged for.
    pub(super) fn open_for_any(&self) -> anyhow::Result<Opened> {
        self.open_with(|folder| Ok(sensors(folder).into_iter().next()))
    }

    /// The papers.
    pub(in crate::cli) fn open(&self) -> anyhow::Result<Opened> {
        self.open_with(|folder| {
            let sensors = sensors(folder);
            if sensors.len() > 1 {
                let each: Vec<String> = sensors.iter().map(ToString::to_string).collect();
                let text = format!("--sensor: there are several, {}; name one", each.join(", "));
                return Err(InputError::Usage(text));
            }
            Ok(sensors.into_iter().next())
        })
    }

    fn open_with(
        &self,
        only: impl FnOnce(&Folder) -> Result<Option<Fingerprint>, InputError>,
    ) -> anyhow::Result<Opened> {
        let now = self.moment();
        let (identity, logged, folder, left_out) = match (&self.state, &self.papers, self.root) {
            (Some(state), ..) => {
                let opened = StateFolder::open_read_only(state)?;
                let journal = Journal::open(&opened)?;
                let scan = opened.papers(AGAIN).scan(Instant::now());
                let logged = journal.arrivals().to_vec();
                (
                    opened.identity().clone(),
                    logged,
                    scan.folder,
                    scan.left_out,
                )
            }
            (None, Some(papers), Some(root)) => {
                let folder = files::folder(papers)?;
                let log_key = match &self.sensor {
                    Some(sensor) => Some(sensor.clone()),
                    None => only(&folder)?,
                };
                let log_key = log_key.ok_or_else(|| {
                    let text = format!(
                        "{} has no keyring that binds a sensor: put it there, or name a sensor \
                         with --sensor",
                        papers.display()
                    );
                    InputError::Papers(text)
                })?;
                (Identity { root, log_key }, Vec::new(), folder, Vec::new())
            }
            _ => {
                let text = "name the papers: --state DIR, or --papers DIR with --root SHA256";
                return Err(InputError::Usage(text.into()).into());
            }
        };
        let mut cache = Shelf::default();
        let (gate, arriving) = Gate::open(&identity, &logged, &folder, &mut cache, now);
        Ok(Opened {
            gate,
            shelf: cache,
            arrivals: [logged, arriving].concat(),
            left_out,
            identity,
            now,
        })
    }
}

/// The sensors of the last keyring of a folder.
fn sensors(folder: &Folder) -> Vec<Fingerprint> {
    let documents = folder.files.iter().filter(|(name, bytes)| {
        // What is large is a territory or a feed.
        files::is_document(name) && bytes.len() < 16 << 20
    });
    let keyrings =
        documents.filter_map(|(name, bytes)| match Paper::read(name, bytes).ok()?.body {
            Body::Keyring(keyring) => Some(keyring),
            _ => None,
        });
    let last = keyrings.max_by_key(|keyring| keyring.number);
    let sensors = last.map_or_else(Vec::new, |keyring| keyring.sensors);
    sensors.into_iter().map(|sensor| sensor.log_key).collect()
}
