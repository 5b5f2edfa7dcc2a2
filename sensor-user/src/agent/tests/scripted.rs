//! An authority whose decisions a test writes.

use super::*;
use crate::documents::{Decision, Refusal, Time};

/// What is scripted, and what was done.
#[derive(Debug)]
pub(super) struct Script {
    pub(super) decision: Result<Decision, String>,
    pub(super) refusals: Vec<Refusal>,
    /// Whether arrivals can be logged.
    pub(super) disk: bool,
    /// How often the decision was written, and which of them was looked at last.
    pub(super) written: u64,
    pub(super) seen: u64,
    /// The slots and the lease at each log since the decision was written.
    pub(super) logged: Vec<(Vec<sensor_common::Slot>, u64)>,
    pub(super) looks: u64,
    pub(super) has_changed: bool,
}

/// An authority whose decisions a test writes.
#[derive(Clone)]
pub(super) struct Scripted(pub(super) Arc<Mutex<Script>>, pub(super) Shared);

impl Authority for Scripted {
    fn look(&mut self, _: Time) -> anyhow::Result<Look> {
        let mut script = self.0.lock().unwrap();
        script.looks += 1;
        script.seen = script.written;
        Ok(Look {
            decision: script.decision.clone().map_err(anyhow::Error::msg)?,
            refusals: script.refusals.clone(),
        })
    }

    fn log(&mut self) -> anyhow::Result<()> {
        let mut script = self.0.lock().unwrap();
        let fake = self.1.lock();
        let stands = (fake.slots().to_vec(), fake.attended_until());
        if script.seen == script.written {
            script.logged.push(stands);
        }
        anyhow::ensure!(script.disk, "no space left on device");
        Ok(())
    }

    async fn changed(&mut self) -> io::Result<()> {
        loop {
            if std::mem::take(&mut self.0.lock().unwrap().has_changed) {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}
