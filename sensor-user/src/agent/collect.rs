//! Collect: attends the kernel and drains it on a timer.

use std::collections::BTreeSet;

use sensor_common::{Counters, FlowEvent, FlowKey, FlowValue};
use tokio::{sync::mpsc, time::MissedTickBehavior};

use super::Config;
use crate::kernel::{Datapath, DatapathError, Held, boot_now};

/// What one drain brought.
#[derive(Debug)]
pub(super) struct Batch {
    /// Nanoseconds since boot, after draining.
    pub(super) now: u64,
    pub(super) events: Vec<FlowEvent>,
    pub(super) flows: Vec<(FlowKey, FlowValue)>,
    /// The counters at the end; in the last batch only.
    pub(super) end: Option<Counters>,
}

/// Drains until `stop` completes or nobody takes what is drained; then lets go of
/// the interfaces first, so that the last drain brings everything that was counted.
pub(super) async fn run<D: Datapath>(
    mut datapath: D,
    batches: mpsc::Sender<Batch>,
    config: &Config,
    stop: impl Future<Output = ()>,
    attended: impl FnOnce(),
) -> Result<(), DatapathError> {
    let mut stop = std::pin::pin!(stop);
    let mut attended = Some(attended);
    let mut timer = tokio::time::interval(config.tick);
    timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let lease = u64::try_from(config.lease.as_nanos()).unwrap_or(0);
    let mut missed = BTreeSet::new();
    let mut failed = Ok(());
    while failed.is_ok() {
        tokio::select! {
            () = &mut stop => break,
            () = batches.closed() => break,
            _ = timer.tick() => {}
        }
        failed = boot_now()
            .and_then(|now| datapath.attend(now.saturating_add(lease)))
            .and_then(|()| look_after(&mut datapath, &mut missed));
        if failed.is_ok()
            && let Some(attended) = attended.take()
        {
            attended();
        }
        let (batch, drained) = drain(&mut datapath);
        failed = failed.and(drained);
        if batches.send(batch).await.is_err() {
            break;
        }
    }
    datapath.detach();
    failed = failed.and(datapath.attend(0));
    let (mut last, drained) = drain(&mut datapath);
    last.end = datapath.counters().ok();
    // A receiver that is gone failed, and its error is the one reported.
    let _ = batches.send(last).await;
    failed.and(drained)
}

/// Says which interfaces went away, each once; an error when none is left.
fn look_after(
    datapath: &mut impl Datapath,
    missed: &mut BTreeSet<String>,
) -> Result<(), DatapathError> {
    let Held {
        attached,
        vanished,
        exchanged,
    } = datapath.held()?;
    for interface in &vanished {
        if missed.insert(interface.clone()) {
            tracing::warn!(
                interface,
                "went away, or somebody detached the program: nothing is seen there any more"
            );
        }
    }
    for interface in &exchanged {
        if missed.insert(interface.clone()) {
            tracing::warn!(
                interface,
                "has another name now: nothing is recorded there until the sensor starts again"
            );
        }
    }
    if attached == 0 && !(vanished.is_empty() && exchanged.is_empty()) {
        let interfaces = [vanished, exchanged].concat().join(", ");
        return Err(DatapathError::Vanished { interfaces });
    }
    Ok(())
}

/// Flows first: draining them waits for the programs that counted them, so the notice of
/// every flow drained is in the ring by then, and comes in this batch or came before.
///
/// What was drained before a failure comes with it: it is no longer in the kernel.
fn drain(datapath: &mut impl Datapath) -> (Batch, Result<(), DatapathError>) {
    let mut flows = Vec::new();
    let mut events = Vec::new();
    let drained = datapath
        .drain_flows(&mut |key, value| flows.push((key, value)))
        .and_then(|()| datapath.drain_events(&mut |event| events.push(event)));
    let now = boot_now().unwrap_or(0);
    let batch = Batch {
        now,
        events,
        flows,
        end: None,
    };
    (batch, drained)
}
