//! Collect: attends the kernel and drains it on a timer.

use sensor_common::{Counters, FlowEvent, FlowKey, FlowValue};
use tokio::{sync::mpsc, time::MissedTickBehavior};

use super::Config;
use crate::kernel::{Datapath, DatapathError, boot_now};

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
    loop {
        tokio::select! {
            () = &mut stop => break,
            () = batches.closed() => break,
            _ = timer.tick() => {}
        }
        datapath.attend(boot_now()?.saturating_add(lease))?;
        if let Some(attended) = attended.take() {
            attended();
        }
        let batch = drain(&mut datapath)?;
        if batches.send(batch).await.is_err() {
            break;
        }
    }
    datapath.detach();
    datapath.attend(0)?;
    let mut last = drain(&mut datapath)?;
    last.end = Some(datapath.counters()?);
    // A receiver that is gone failed, and its error is the one reported.
    let _ = batches.send(last).await;
    Ok(())
}

/// Flows first: draining them waits for the programs that counted them, so the notice of
/// every flow drained is in the ring by then, and comes in this batch or came before.
fn drain(datapath: &mut impl Datapath) -> Result<Batch, DatapathError> {
    let mut flows = Vec::new();
    datapath.drain_flows(&mut |key, value| flows.push((key, value)))?;
    let mut events = Vec::new();
    datapath.drain_events(&mut |event| events.push(event))?;
    Ok(Batch {
        now: boot_now()?,
        events,
        flows,
        end: None,
    })
}
