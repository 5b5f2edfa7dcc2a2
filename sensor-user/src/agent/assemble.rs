//! Assemble: puts flows together, names them and splits them into rows.
//!
//! With a store, what was drained is safe when it is committed: parts of flows under way, rows of
//! those that ended, and up to where the kernel was read, all in one. Rows go on afterwards.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    time::Duration,
};

use sensor_common::{Direction, FlowKey, FlowPart, FlowValue};
use tokio::sync::{mpsc, oneshot};

use super::{
    collect::Batch,
    keep::{Entry, Keeper, Told},
    limiter::Limiter,
    outlets::Outlets,
};
use crate::{
    exporters::json::Line,
    pipeline::{
        Absorbed, Alarm, AlarmKind, Clock, Flow, FlowTable, Names, Notice, RecordId, Summary,
        Timeouts,
    },
    records::{Endpoint, Pseudonyms, pseudonym::KeyError, store::Part},
    watchlist::ApprovalId,
};

/// How long the end waits for a store that fails. What it does not take stays in the kernel.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// What the stage begins with.
pub(super) struct Begin {
    pub(super) names: Names,
    pub(super) pseudonyms: Pseudonyms,
    pub(super) timeouts: Timeouts,
    /// Packets that dead agents had counted.
    pub(super) recovered: u64,
    /// What commits, the first record that is free, and what was under way when it was left.
    pub(super) store: Option<(Keeper, RecordId, Vec<Part>)>,
    /// Where else records go.
    pub(super) outlets: Outlets,
}

/// Runs until the last batch; then everything left in the table is written, without dropping.
///
/// Ends early when the output is gone, and with it the stage before: recording stops
/// where records cannot be written.
pub(super) async fn run(
    mut batches: mpsc::Receiver<Batch>,
    lines: mpsc::Sender<Line>,
    begin: Begin,
) -> Summary {
    let reopen = begin.outlets.reopen.clone();
    let mut stage = Assemble::new(lines, begin);
    loop {
        let woken = tokio::select! {
            told = told(&mut stage.keeper) => Woken::Told(told),
            () = reopen.notified() => {
                stage.outlets.reopen();
                continue;
            }
            batch = batches.recv() => Woken::Batch(batch.map(Box::new)),
            () = stage.limiter.closed() => Woken::Batch(None),
        };
        let batch = match woken {
            Woken::Told(told) => {
                stage.hear(told).await;
                continue;
            }
            Woken::Batch(batch) => batch,
        };
        let Some(mut batch) = batch else {
            // Without a last batch the stage before has failed; what it had drained counts.
            stage.limiter.wait_from_now_on();
            stage.end_all();
            stage.commit(None).await;
            stage.until_kept().await;
            break;
        };
        let Some((counters, lasting, recovered)) = batch.end.take() else {
            stage.take(*batch, false).await;
            continue;
        };
        stage.limiter.wait_from_now_on();
        stage.take(*batch, true).await;
        stage.until_kept().await;
        stage.summary.finish(&counters, stage.limiter.losses());
        stage.end_exporters().await;
        stage.summary.approvals = lasting.by_approval;
        stage.summary.recovered_approvals = recovered.by_approval;
        let summary = stage.summary.clone();
        stage.limiter.pass_summary(summary).await;
    }
    stage.summary
}

enum Woken {
    Batch(Option<Box<Batch>>),
    Told(Option<Told>),
}

/// What the keeper tells; never, where there is none.
async fn told(keeper: &mut Option<Keeper>) -> Option<Told> {
    match keeper {
        Some(keeper) => keeper.told().await,
        None => std::future::pending().await,
    }
}

/// Who is to be told when a commit is done, if anybody.
struct Pending(Option<oneshot::Sender<()>>);

struct Assemble {
    /// What was under way when an agent died, until the first batch.
    under_way: Vec<Part>,
    table: FlowTable,
    limiter: Limiter,
    outlets: Outlets,
    pseudonyms: Pseudonyms,
    names: Names,
    keeper: Option<Keeper>,
    /// What goes with the next commit.
    entry: Entry,
    /// A commit that is not done, and who is to be told when it is.
    pending: Option<Pending>,
    /// Why commits fail, as it was told.
    failing: Option<String>,
    /// Flows announced whose counts come with a later batch.
    announced: BTreeSet<FlowKey>,
    /// Nanoseconds since boot, of the last batch.
    now: u64,
    /// Whether keys were made ready for the generations known.
    has_keys: bool,
    summary: Summary,
}

impl Assemble {
    fn new(lines: mpsc::Sender<Line>, begin: Begin) -> Self {
        let Begin {
            names,
            pseudonyms,
            timeouts,
            recovered,
            store,
            outlets,
        } = begin;
        let (keeper, next, under_way) = match store {
            Some((keeper, next, under_way)) => (Some(keeper), next, under_way),
            None => (None, RecordId(1), Vec::new()),
        };
        Self {
            under_way,
            table: FlowTable::new(Some(timeouts), next),
            limiter: Limiter::new(lines),
            outlets,
            pseudonyms,
            names,
            keeper,
            entry: Entry::default(),
            pending: None,
            failing: None,
            announced: BTreeSet::new(),
            now: 0,
            has_keys: false,
            summary: Summary {
                recovered,
                ..Summary::default()
            },
        }
    }

    /// Puts back what was under way when an agent died: of this boot into the table, so that
    /// what it had not read comes to it; what is older has ended. Who reads lines of this agent only
    /// hears of them from their beginning.
    async fn resume(&mut self) {
        let mut flows: BTreeMap<RecordId, Flow> = BTreeMap::new();
        for Part { record, key, value } in std::mem::take(&mut self.under_way) {
            let key = opened(key, &value, &self.pseudonyms);
            let flow = flows.entry(record).or_insert(Flow {
                record,
                key,
                value: FlowValue::default(),
            });
            flow.value.absorb(&value);
        }
        for flow in flows.into_values() {
            self.summary.recovered += flow.value.packets;
            let record = self.names.record_at(flow.record, &flow, Clock::UNIX);
            self.announce(&record.notice).await;
            let boot = self.names.clock.unix_at_boot;
            if let Some(first) = flow.value.first.checked_sub(boot) {
                let last = flow.value.last.saturating_sub(boot);
                let value = FlowValue {
                    first,
                    last,
                    ..flow.value
                };
                self.table.resume(Flow { value, ..flow });
            } else {
                self.end_at(&flow, Clock::UNIX);
            }
        }
    }

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

    /// Takes what one drain brought. What was drained before may not be kept yet: then nothing was
    /// drained, and flows stay as they are.
    async fn take(&mut self, batch: Batch, is_last: bool) {
        let Batch {
            now,
            generation,
            generations,
            mut notices,
            mut flows,
            alarms,
            end: _,
            position,
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
        for alarm in alarms {
            self.alarm(alarm).await;
        }
        self.observe();
        // Only what was drained is committed: what was not may come while the next drain is on its
        // way, which must find no commit pending.
        let is_drained = safe.is_some() || self.keeper.is_none();
        if self.pending.is_some() || !is_drained {
            return;
        }
        self.resume().await;
        // A flow begins with its earliest part, whichever CPU counted it.
        flows.sort_by_key(|part| part.value.first);
        notices.sort_by_key(|notice| notice.value.first);
        for part in flows {
            self.absorb(part).await;
        }
        for notice in notices {
            // What is not in the table began after the counts were drained. The kernel announces
            // a flow that goes on as well, since to each bank it is new.
            if !self.table.has(&notice.key) && self.announced.insert(notice.key) {
                let notice = self.names.announced(&notice);
                self.announce(&notice).await;
            }
        }
        for flow in self.table.end_before(generation) {
            self.end(&flow);
        }
        for flow in self.table.expire(now) {
            self.end(&flow);
        }
        if is_last {
            self.end_all();
        }
        if is_new {
            self.forget_names();
        }
        self.entry.position = position.or(self.entry.position);
        self.commit(safe).await;
    }

    /// Makes keys ready for all approvals. Where there is none, domestic addresses are withheld,
    /// and an alarm says why.
    async fn prepare_keys(&mut self) {
        self.has_keys = true;
        let named = self.names.generations();
        let named = named.flat_map(|generation| generation.compiled.approvals());
        let approvals: BTreeSet<ApprovalId> = named.map(|approval| approval.id.clone()).collect();
        let mut failed: Vec<KeyError> = Vec::new();
        for approval in approvals {
            failed.extend(self.pseudonyms.prepare(&approval).err());
        }
        if self.keeper.is_some() {
            failed.extend(self.pseudonyms.prepare_seal().err());
        }
        for error in failed {
            let text = format!("{error}; until then, domestic addresses are left out of records");
            tracing::warn!("{text}");
            let alarm = Alarm {
                time: self.now,
                kind: AlarmKind::Keys,
                text,
            };
            self.alarm(alarm).await;
        }
    }

    async fn absorb(&mut self, FlowPart { key, value }: FlowPart) {
        let Absorbed {
            record,
            begins,
            ended,
        } = self.table.absorb(key, value);
        if let Some(ended) = ended {
            self.end(&ended);
        }
        if self.keeper.is_some() {
            let value = in_unix(value, self.names.clock);
            let key = sealed(key, &value, &self.pseudonyms);
            self.entry.parts.push(Part { record, key, value });
        }
        let is_announced = self.announced.remove(&key);
        // Its own notice, if the ring had room for it, comes after its counts.
        if begins && !is_announced {
            let notice = self.names.begun(&Flow { record, key, value });
            self.announce(&notice).await;
        }
    }

    /// Passes the notice of a new flow on.
    async fn announce(&mut self, notice: &Notice<Endpoint>) {
        let notices: Vec<Notice> = notice.split(&self.pseudonyms).collect();
        for notice in &notices {
            self.outlets.offer_notice(notice);
        }
        self.limiter.pass_notices(notices).await;
    }

    /// Tells what this stage and those behind it lost.
    fn observe(&self) {
        self.outlets.observe();
        let losses = self.limiter.losses();
        let of_limiter = [
            ("alarms", losses.alarms),
            ("events", losses.notices),
            ("limiter", losses.limiter),
        ];
        let of_limiter = of_limiter.map(|(stage, count)| (stage.to_owned(), count));
        self.outlets.gauge.tell(|told| told.lost.extend(of_limiter));
    }

    async fn alarm(&mut self, mut alarm: Alarm) {
        self.summary.alarms += 1;
        alarm.time = self.names.clock.unix_ns(alarm.time);
        self.limiter.pass_alarm(alarm).await;
    }

    /// Makes the record of a flow that ended; it goes with the next commit.
    fn end(&mut self, flow: &Flow) {
        self.end_at(flow, self.names.clock);
    }

    fn end_at(&mut self, flow: &Flow, clock: Clock) {
        let record = self.names.record_at(flow.record, flow, clock);
        if flow.key.reserved == LOST {
            self.entry.rows.extend(record.split(&Pseudonyms::none()));
        } else {
            self.entry.rows.extend(record.split(&self.pseudonyms));
        }
        self.entry.ended.push(flow.record);
    }

    fn end_all(&mut self) {
        for flow in self.table.drain() {
            self.end(&flow);
        }
    }

    /// Has everything that was put together kept, and tells `safe` when it is. Without a store it
    /// is passed on at once.
    async fn commit(&mut self, safe: Option<oneshot::Sender<()>>) {
        if self.pending.is_some() {
            return;
        }
        let mut entry = std::mem::take(&mut self.entry);
        match &self.keeper {
            Some(keeper) if !entry.is_empty() => {
                let ended: HashSet<RecordId> = entry.ended.iter().copied().collect();
                entry.parts.retain(|part| !ended.contains(&part.record));
                keeper.commit(entry);
                self.pending = Some(Pending(safe));
            }
            _ => {
                self.pass(entry.rows).await;
                tell(safe);
            }
        }
    }

    /// Hears what the keeper tells.
    async fn hear(&mut self, told: Option<Told>) {
        match told {
            Some(Told::Kept(entry, aside)) => {
                if let Some(text) = &aside {
                    self.alarm_of_store(text).await;
                }
                if self.failing.take().is_some() {
                    self.alarm_of_store("the store takes records again").await;
                }
                if aside.is_some() && self.give_again(&entry.parts) {
                    self.pass(entry.rows).await;
                    return;
                }
                self.pass(entry.rows).await;
                tell(self.pending.take().and_then(|Pending(safe)| safe));
            }
            Some(Told::Fails(text)) => {
                self.outlets.gauge.tell(|told| {
                    if let Some(store) = &mut told.store {
                        store.up = false;
                    }
                });
                if self.failing.as_ref() != Some(&text) {
                    self.alarm_of_store(&text).await;
                    self.failing = Some(text);
                }
            }
            Some(Told::Erased(rows)) => {
                tracing::info!("{rows} rows are kept no longer and were erased");
            }
            // Only at a panic, which said so: nothing is safe any more.
            None => self.keeper = None,
        }
    }

    /// Gives a store that begins anew what was under way in the one before, but for these parts,
    /// which it has; whether there is anything.
    fn give_again(&mut self, there: &[Part]) -> bool {
        let Some(keeper) = &self.keeper else {
            return false;
        };
        let mut has: HashMap<RecordId, [u64; 2]> = HashMap::new();
        for Part { record, value, .. } in there {
            let [packets, octets] = has.entry(*record).or_default();
            *packets += value.packets;
            *octets += value.octets;
        }
        let clock = self.names.clock;
        let missing = self.table.under_way().filter_map(|flow| {
            let [packets, octets] = has.get(&flow.record).copied().unwrap_or_default();
            let value = FlowValue {
                packets: flow
                    .value
                    .packets
                    .checked_sub(packets)
                    .filter(|&left| left > 0)?,
                octets: flow.value.octets.saturating_sub(octets),
                ..in_unix(flow.value, clock)
            };
            let (record, key) = (flow.record, sealed(flow.key, &value, &self.pseudonyms));
            Some(Part { record, key, value })
        });
        let parts: Vec<Part> = missing.collect();
        let is_any = !parts.is_empty();
        if is_any {
            keeper.commit(Entry {
                parts,
                ..Entry::default()
            });
        }
        is_any
    }

    /// Passes rows on, those of one record together.
    async fn pass(&mut self, rows: Vec<crate::pipeline::Record>) {
        let (is_up, count) = (self.failing.is_none(), rows.len() as u64);
        self.outlets.gauge.tell(|told| {
            if let Some(store) = &mut told.store {
                store.up = is_up;
                store.rows += count;
            }
        });
        for rows in rows.chunk_by(|one, other| one.id == other.id) {
            for row in rows {
                self.outlets.offer_row(row);
            }
            self.outlets.gauge.tell(|told| told.records += 1);
            if self.limiter.pass_rows(rows).await
                && let Some(row) = rows.first()
            {
                self.summary.add(row);
            }
        }
    }

    /// Ends the exporters, in a thread that may wait, and tells what each lost.
    async fn end_exporters(&mut self) {
        let mut outlets = std::mem::take(&mut self.outlets);
        let ended = tokio::task::spawn_blocking(move || outlets.finish()).await;
        for (name, lost) in ended.unwrap_or_default() {
            for (cause, rows) in lost.into_iter().filter(|(_, rows)| *rows > 0) {
                tracing::warn!("exporter {name}: {rows} rows were not sent ({cause})");
            }
            let rows = lost.iter().map(|(_, rows)| rows).sum();
            self.summary.exporters.insert(name, rows);
        }
    }

    async fn alarm_of_store(&mut self, text: &str) {
        tracing::warn!("{text}");
        let alarm = Alarm {
            time: self.now,
            kind: AlarmKind::Store,
            text: text.to_owned(),
        };
        self.alarm(alarm).await;
    }

    /// Returns when nothing is left to be kept, or it took too long: then it stays in the kernel.
    async fn until_kept(&mut self) {
        let kept = async {
            while self.pending.is_some() && self.keeper.is_some() {
                let told = told(&mut self.keeper).await;
                self.hear(told).await;
            }
        };
        if tokio::time::timeout(PATIENCE, kept).await.is_err() {
            tracing::warn!("the store does not take what is left; it stays in the kernel");
        }
        self.keeper = None;
    }
}

fn tell(safe: Option<oneshot::Sender<()>>) {
    if let Some(safe) = safe {
        // Whoever drained it may be gone.
        let _ = safe.send(());
    }
}

/// In [`FlowKey::reserved`] of one whose domestic end could not be sealed, and is lost.
const LOST: [u8; 5] = [1, 0, 0, 0, 0];

/// The key of a flow under way as it may be stored: what is domestic of it is sealed.
fn sealed(mut key: FlowKey, value: &FlowValue, pseudonyms: &Pseudonyms) -> FlowKey {
    if let Some(end) = domestic(&mut key, value) {
        let sealed = pseudonyms.seal(*end);
        *end = sealed.unwrap_or_default();
        if sealed.is_none() {
            key.reserved = LOST;
        }
    }
    key
}

/// The other way round.
fn opened(mut key: FlowKey, value: &FlowValue, pseudonyms: &Pseudonyms) -> FlowKey {
    if key.reserved == LOST {
        return key;
    }
    if let Some(end) = domestic(&mut key, value) {
        match pseudonyms.open(*end) {
            Some(opened) => *end = opened,
            None => key.reserved = LOST,
        }
    }
    key
}

/// The domestic end of a flow, if it has one.
fn domestic<'a>(key: &'a mut FlowKey, value: &FlowValue) -> Option<&'a mut [u8; 16]> {
    match Direction::from_number(value.direction)? {
        Direction::Inbound => Some(&mut key.destination),
        Direction::Outbound => Some(&mut key.source),
        Direction::Through => None,
    }
}

/// With times since 1970: what is under way may be read after another boot.
const fn in_unix(value: FlowValue, clock: Clock) -> FlowValue {
    FlowValue {
        first: clock.unix_ns(value.first),
        last: clock.unix_ns(value.last),
        ..value
    }
}
