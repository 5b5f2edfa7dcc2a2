//! The limiter: the one place that may drop.

use tokio::sync::mpsc::{self, error::TrySendError};

use crate::{exporters::json::Line, pipeline::Losses};

/// Passes lines on to a slower stage, and counts what it had to drop.
pub(super) struct Limiter {
    lines: mpsc::Sender<Line>,
    losses: Losses,
    waits: bool,
    warned: bool,
}

impl Limiter {
    pub(super) const fn new(lines: mpsc::Sender<Line>) -> Self {
        Self {
            lines,
            losses: Losses {
                limiter: 0,
                notices: 0,
            },
            waits: false,
            warned: false,
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

    /// Passes a line on; `false` when it was dropped.
    pub(super) async fn pass(&mut self, line: Line) -> bool {
        let refused = if self.waits {
            self.lines.send(line).await.err().map(|refused| refused.0)
        } else {
            match self.lines.try_send(line) {
                Ok(()) => None,
                Err(TrySendError::Full(line) | TrySendError::Closed(line)) => Some(line),
            }
        };
        let Some(line) = refused else {
            return true;
        };
        match line {
            Line::Event(_) => self.losses.notices += 1,
            Line::Flow(record) => self.losses.limiter += record.packets,
            Line::Summary(_) => {}
        }
        if !self.warned {
            self.warned = true;
            tracing::warn!("the output does not keep up: records are dropped and counted as lost");
        }
        false
    }
}
