//! Assemble: puts flows together, names them and splits them into rows.

use std::collections::BTreeSet;

use sensor_common::{FlowKey, FlowPart};
use tokio::sync::mpsc;

use super::{collect::Batch, limiter::Limiter};
use crate::{
    exporters::json::Line,
    pipeline::{Absorbed, Alarm, AlarmKind, Flow, FlowTable, Names, RecordId, Summary, Timeouts},
    records::Pseudonyms,
    watchlist::ApprovalId,
};

/// Runs until the last batch; then everything left in the table is written, without dropping.
///
/// Ends early when the output is gone, and with it the stage before: recording stops
/// where records cannot be written.
pub(super) async fn run(
    mut batches: mpsc::Receiver<Batch>,
    lines: mpsc::Sender<Line>,
    names: Names,
    pseudonyms: Pseudonyms,
    (timeouts, recovered): (Timeouts, u64),
) -> Summary {
    let mut stage = Assemble {
        table: FlowTable::new(Some(timeouts)),
        limiter: Limiter::new(lines, pseudonyms),
        names,
        announced: BTreeSet::new(),
        next_record: 1,
        now: 0,
        has_keys: false,
        summary: Summary {
            recovered,
            ..Summary::default()
        },
    };
    loop {
        let batch = tokio::select! {
            batch = batches.recv() => batch,
            () = stage.limiter.closed() => None,
        };
        let Some(batch) = batch else {
            // Without a last batch the stage before has failed; what it had drained counts.
            stage.limiter.wait_from_now_on();
            stage.write_all().await;
            break;
        };
        let mut batch = batch;
        let end = batch.end.take();
        if end.is_some() {
            stage.limiter.wait_from_now_on();
        }
        stage.take(batch).await;
        if let Some((counters, lasting, recovered)) = end {
            stage.write_all().await;
            stage.summary.finish(&counters, stage.limiter.losses());
            stage.summary.approvals = lasting.by_approval;
            stage.summary.recovered_approvals = recovered.by_approval;
            let summary = stage.summary.clone();
            stage.limiter.pass_summary(summary).await;
        }
    }
    stage.summary
}

struct Assemble {
    table: FlowTable,
    limiter: Limiter,
    names: Names,
    /// Flows announced whose counts come with a later batch.
    announced: BTreeSet<FlowKey>,
    next_record: u64,
    /// Nanoseconds since boot, of the last batch.
    now: u64,
    /// Whether keys were made ready for the generations known.
    has_keys: bool,
    summary: Summary,
}

impl Assemble {
    /// Names are needed as long as a flow that was counted under them is under way. A batch
    /// that brings a generation brings the last flows of the one before.
    fn forget_names(&mut self) {
        let announced = self.announced.iter().map(|key| key.generation).min();
        let latest = self.names.latest();
        let in_force = latest.map(|latest| latest.compiled.tables.generation);
        let needed = [self.table.earliest_generation(), announced, in_force];
        if let Some(earliest) = needed.into_iter().flatten().min() {
            self.names.forget_before(earliest);
        }
    }

    async fn take(&mut self, batch: Batch) {
        let Batch {
            now,
            generations,
            mut notices,
            mut flows,
            alarms,
            end: _,
            safe,
        } = batch;
        let is_new = !generations.is_empty();
        self.now = now;
        for generation in generations {
            self.names.add(generation);
        }
        if is_new || !self.has_keys {
            self.prepare_keys().await;
        }
        for mut alarm in alarms {
            self.summary.alarms += 1;
            alarm.time = self.names.clock.unix_ns(alarm.time);
            self.limiter.pass_alarm(alarm).await;
        }
        // A flow begins with its earliest part, whichever CPU counted it.
        flows.sort_by_key(|part| part.value.first);
        notices.sort_by_key(|notice| notice.value.first);
        for FlowPart { key, value } in flows {
            let Absorbed { begins, ended } = self.table.absorb(key, value);
            if let Some(ended) = ended {
                self.write(&ended).await;
            }
            let is_announced = self.announced.remove(&key);
            // Its own notice, if the ring had room for it, comes after its counts.
            if begins && !is_announced {
                let notice = self.names.begun(&Flow { key, value });
                self.limiter.pass_notice(notice).await;
            }
        }
        for notice in notices {
            // What is not in the table began after the counts were drained. The kernel announces
            // a flow that goes on as well, since to each bank it is new.
            if !self.table.has(&notice.key) && self.announced.insert(notice.key) {
                let notice = self.names.announced(&notice);
                self.limiter.pass_notice(notice).await;
            }
        }
        for flow in self.table.expire(now) {
            self.write(&flow).await;
        }
        if is_new {
            self.forget_names();
        }
        if let Some(safe) = safe {
            // Whoever drained it may be gone.
            let _ = safe.send(());
        }
    }

    /// Makes keys ready for all approvals. Where there is none, domestic addresses are withheld,
    /// and an alarm says why.
    async fn prepare_keys(&mut self) {
        self.has_keys = true;
        let named = self.names.generations();
        let named = named.flat_map(|generation| generation.compiled.approvals());
        let approvals: BTreeSet<ApprovalId> = named.map(|approval| approval.id.clone()).collect();
        for approval in approvals {
            let Err(error) = self.limiter.prepare(&approval) else {
                continue;
            };
            let text = format!("{error}; until then, domestic addresses are left out of records");
            tracing::warn!("{text}");
            self.summary.alarms += 1;
            let alarm = Alarm {
                time: self.names.clock.unix_ns(self.now),
                kind: AlarmKind::Keys,
                text,
            };
            self.limiter.pass_alarm(alarm).await;
        }
    }

    async fn write_all(&mut self) {
        for flow in self.table.drain() {
            self.write(&flow).await;
        }
    }

    /// Sums count a flow once, however many approvals it has a row under.
    async fn write(&mut self, flow: &Flow) {
        let record = self.names.record(RecordId(self.next_record), flow);
        self.next_record += 1;
        if self.limiter.pass_rows(&record).await {
            self.summary.add(&record);
        }
    }
}
