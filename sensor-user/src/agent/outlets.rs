//! What records go to besides the output: exporters, and counts for whoever asks.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::Notify;

use crate::{
    pipeline::{Notice, Record},
    records::export::{
        Item,
        openmetrics::{Exposition, Outlet, Store},
        sink::Exporter,
    },
};

/// How long exporters may take at the end for what waits, all together.
const PATIENCE: Duration = Duration::from_secs(5);

/// Counts of a run, as they are told when somebody asks.
#[derive(Clone, Debug, Default)]
pub struct Gauge(Arc<Mutex<Exposition>>);

impl Gauge {
    /// Begins with nothing counted, at this time in nanoseconds since 1970.
    pub fn begin(&self, now: u64, has_store: bool) {
        let mut told = self.lock();
        told.started = now;
        told.store = has_store.then(|| Store {
            up: true,
            ..Store::default()
        });
    }

    /// What is told now.
    pub fn look(&self) -> Exposition {
        self.lock().clone()
    }

    /// Changes them.
    pub(super) fn tell(&self, change: impl FnOnce(&mut Exposition)) {
        change(&mut self.lock());
    }

    fn lock(&self) -> MutexGuard<'_, Exposition> {
        // Whoever panicked with it left counts, no more.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Exporters that run.
#[derive(Debug, Default)]
pub struct Outlets {
    /// In the order in which they were named.
    pub exporters: Vec<Exporter>,
    /// Where counts are told.
    pub gauge: Gauge,
    /// Asks for files and connections to be opened anew, as after a file was moved away.
    pub reopen: Arc<Notify>,
}

impl Outlets {
    /// Offers a record's row.
    pub(super) fn offer_row(&self, row: &Record) {
        let mut gauge = self.gauge.lock();
        for under in &row.notice.approvals {
            if let Some(approval) = gauge.approvals.get_mut(&under.id.0) {
                let class = row.notice.class.name().to_owned();
                *approval.recorded.entry(class).or_default() += row.packets;
            }
        }
        drop(gauge);
        if !self.exporters.is_empty() {
            self.offer(&Arc::new(Item::Flow(row.clone())));
        }
    }

    /// Offers the notice of a new flow.
    pub(super) fn offer_notice(&self, notice: &Notice) {
        if !self.exporters.is_empty() {
            self.offer(&Arc::new(Item::Notice(notice.clone())));
        }
    }

    fn offer(&self, item: &Arc<Item>) {
        for exporter in &self.exporters {
            exporter.offer(item);
        }
    }

    /// Opens files and connections anew.
    pub(super) fn reopen(&self) {
        for exporter in &self.exporters {
            exporter.reopen();
        }
    }

    /// Tells how exporters do.
    pub(super) fn observe(&self) {
        let mut gauge = self.gauge.lock();
        for exporter in &self.exporters {
            let losses = exporter.losses();
            let outlet = Outlet {
                up: exporter.error().is_none(),
                sent: losses.sent,
                lost: losses.lost(),
            };
            gauge.exporters.insert(exporter.name().to_owned(), outlet);
        }
    }

    /// Ends them; what each lost, by name and cause.
    pub(super) fn finish(&mut self) -> Vec<(String, [(&'static str, u64); 4])> {
        let mut lost = Vec::new();
        let exporters = std::mem::take(&mut self.exporters);
        let each = PATIENCE / u32::try_from(exporters.len().max(1)).unwrap_or(u32::MAX);
        for exporter in exporters {
            let name = exporter.name().to_owned();
            lost.push((name, exporter.finish(each).by_cause()));
        }
        lost
    }
}
