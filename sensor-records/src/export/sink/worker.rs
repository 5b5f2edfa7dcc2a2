//! What the thread of an exporter does.

use std::{
    io,
    sync::{
        Arc, PoisonError,
        atomic::{
            AtomicU64,
            Ordering::{Acquire, Relaxed},
        },
        mpsc::{Receiver, RecvTimeoutError, TryRecvError},
    },
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use super::{Admitted, Counts, Encode, Failure, Frame, Outlet, Stop};

/// How long it waits for rows before it looks at what else there is to do.
const TICK: Duration = Duration::from_millis(100);

/// How long it sleeps at most before it looks whether it should end.
const NAP: Duration = Duration::from_millis(20);

pub(super) struct Worker {
    pub(super) rows: Receiver<Admitted>,
    pub(super) encoder: Box<dyn Encode>,
    pub(super) outlet: Box<dyn Outlet>,
    pub(super) batch: usize,
    pub(super) pauses: (Duration, Duration),
    pub(super) counts: Arc<Counts>,
    pub(super) stop: Arc<Stop>,
}

impl Worker {
    pub(super) fn run(mut self) {
        let mut waiting: Vec<Admitted> = Vec::with_capacity(self.batch);
        let mut is_open = false;
        let mut pause = self.pauses.0;
        while !self.stop.is_over() {
            if self.stop.reopen.swap(false, Acquire) {
                is_open = false;
            }
            let step = if is_open {
                self.step(&mut waiting)
            } else if self.is_drained(&mut waiting) {
                return;
            } else {
                self.open().map(|()| Step::Opened)
            };
            match step {
                Ok(Step::Opened) => is_open = true,
                Ok(Step::Sent) => pause = self.pauses.0,
                Ok(Step::Idle) => {}
                Ok(Step::Ended) => return,
                Err(error) => {
                    is_open = false;
                    self.failed(&error);
                    self.rest(pause);
                    pause = (pause * 2).min(self.pauses.1);
                }
            }
        }
    }

    /// Whether it is to end and nothing waits: then nothing has to be opened.
    fn is_drained(&self, waiting: &mut Vec<Admitted>) -> bool {
        if self.stop.left().is_none() || !waiting.is_empty() {
            return false;
        }
        match self.rows.try_recv() {
            Ok(row) => {
                waiting.push(row);
                false
            }
            Err(TryRecvError::Disconnected) => true,
            Err(TryRecvError::Empty) => false,
        }
    }

    fn open(&mut self) -> io::Result<()> {
        self.outlet.open(&self.stop)?;
        self.encoder.begin();
        Ok(())
    }

    /// Takes rows and sends them.
    fn step(&mut self, waiting: &mut Vec<Admitted>) -> io::Result<Step> {
        if waiting.is_empty() {
            match self.rows.recv_timeout(TICK) {
                Ok(row) => waiting.push(row),
                Err(RecvTimeoutError::Timeout) => {
                    return self.outlet.check().map(|()| Step::Idle);
                }
                Err(RecvTimeoutError::Disconnected) => return Ok(Step::Ended),
            }
        }
        self.outlet.check()?;
        waiting.extend(self.rows.try_iter().take(self.batch - waiting.len()));
        let frames = self.encoder.encode(waiting, now());
        self.send(&frames, waiting)
    }

    fn send(&mut self, mut frames: &[Frame], waiting: &mut Vec<Admitted>) -> io::Result<Step> {
        while !frames.is_empty() && !self.stop.is_over() {
            let (sent, lost, error) = match self.outlet.send(frames, &self.stop) {
                Ok(()) => (frames.len(), 0, None),
                Err(Failure {
                    sent,
                    lost,
                    is_closed,
                    error,
                }) => (sent, lost, Some((is_closed, error))),
            };
            let (done, later) = frames.split_at((sent + lost).min(frames.len()));
            let (whole, torn) = done.split_at(sent.min(done.len()));
            let rows = |frames: &[Frame]| frames.iter().map(|frame| frame.rows).sum();
            add(&self.counts.sent, rows(whole));
            add(&self.counts.broken, rows(torn));
            add(
                &self.counts.no_form,
                done.iter().map(|frame| frame.refused).sum(),
            );
            let settled: usize = done.iter().map(Frame::settles).sum();
            waiting.drain(..settled.min(waiting.len()));
            frames = later;
            match error {
                None => self.recovered(),
                // What is left is encoded again for the next session.
                Some((true, error)) => return Err(error),
                Some((false, error)) => self.failed(&error),
            }
        }
        Ok(Step::Sent)
    }

    fn failed(&self, error: &io::Error) {
        let text = self.counts.error.lock();
        *text.unwrap_or_else(PoisonError::into_inner) = Some(error.to_string());
    }

    fn recovered(&self) {
        let text = self.counts.error.lock();
        text.unwrap_or_else(PoisonError::into_inner).take();
    }

    /// Sleeps, and wakes when there is an end to everything.
    fn rest(&self, pause: Duration) {
        let until = Instant::now() + pause;
        while !self.stop.is_over() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            thread::sleep(left.min(NAP));
        }
    }
}

enum Step {
    Opened,
    Sent,
    Idle,
    Ended,
}

fn add(count: &AtomicU64, rows: usize) {
    count.fetch_add(u64::try_from(rows).unwrap_or(u64::MAX), Relaxed);
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let since = since.unwrap_or_default().as_nanos();
    u64::try_from(since).unwrap_or(u64::MAX)
}
