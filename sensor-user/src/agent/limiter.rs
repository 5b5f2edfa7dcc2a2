//! The limiter: the one place that may drop.

use tokio::sync::mpsc;

use crate::{
    exporters::json::Line,
    pipeline::{Alarm, Losses, Notice, Record, Summary},
};

/// Passes lines on to a slower stage, and counts what it had to drop.
pub(super) struct Limiter {
    lines: mpsc::Sender<Line>,
    losses: Losses,
    waits: bool,
    has_warned: bool,
}

impl Limiter {
    pub(super) const fn new(lines: mpsc::Sender<Line>) -> Self {
        let losses = Losses {
            alarms: 0,
            limiter: 0,
            notices: 0,
        };
        Self {
            lines,
            losses,
            waits: false,
            has_warned: false,
        }
    }

    /// At the end nothing more arrives, so there is time to wait for the output.
    pub(super) const fn wait_from_now_on(&mut self) {
        self.waits = true;
    }

    pub(super) const fn losses(&self) -> &Losses {
        &self.losses
    }

    /// Completes when nobody takes lines any more.
    pub(super) async fn closed(&self) {
        self.lines.closed().await;
    }

    /// Passes the notices of a new flow on, one for each approval.
    pub(super) async fn pass_notices(&mut self, notices: Vec<Notice>) {
        let lines = notices.into_iter().map(Line::Event).collect();
        if !self.pass(lines).await {
            self.losses.notices += 1;
        }
    }

    /// Passes an alarm on.
    pub(super) async fn pass_alarm(&mut self, alarm: Alarm) {
        if !self.pass(vec![Line::Alarm(alarm)]).await {
            self.losses.alarms += 1;
        }
    }

    /// Passes the rows of a record on, all of them or none; `false` when it was dropped.
    pub(super) async fn pass_rows(&mut self, rows: &[Record]) -> bool {
        let lines = rows.iter().cloned().map(Line::Flow).collect();
        let is_passed = self.pass(lines).await;
        if !is_passed {
            self.losses.limiter += rows.first().map_or(0, |row| row.packets);
        }
        is_passed
    }

    /// Passes the summary on, which is the last line.
    pub(super) async fn pass_summary(&mut self, summary: Summary) {
        self.pass(vec![Line::Summary(summary)]).await;
    }

    async fn pass(&mut self, lines: Vec<Line>) -> bool {
        let room = if self.waits {
            self.lines.reserve_many(lines.len()).await.ok()
        } else {
            self.lines.try_reserve_many(lines.len()).ok()
        };
        if let Some(room) = room {
            for (place, line) in room.zip(lines) {
                place.send(line);
            }
            return true;
        }
        if !self.has_warned {
            self.has_warned = true;
            tracing::warn!("the output does not keep up: records are dropped and counted as lost");
        }
        false
    }
}
