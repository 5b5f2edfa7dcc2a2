//! The tables of one generation.

use std::path::Path;

use sensor_common::{
    Engine, IpVersion, PlaceBucket, PlaceRow4, PlaceRow6, SLOTS, SetRow, Slot, SlotCounts,
    SlotMask, Totals, TunnelRule, engine::Line,
};

use zerocopy::IntoBytes as _;

use super::{
    buckets::{Directory, buckets_v4, buckets_v6},
    live::{Groups, Live},
    mapped::Mapped,
    pin, pin_name, place_of,
    sized::Sized,
};
use crate::{
    clock::Terms,
    kernel::{
        Alarm, DatapathError, Retired, TotalsBySet,
        cells::{Cells, words_of},
        maps::{ANY_SIZE, MMAPABLE, Named, Overflow, Ports, Rows, system},
        sys,
        wire::Wire,
    },
    watchlist::{
        Change, Tables,
        engine::{Key6, Laid, Prefixes, SPARE, Seeds, Sizes, Table},
    },
};

/// Words of a slot, and which of them are its times.
const WORDS: usize = size_of::<Slot>() / size_of::<u64>();
const BEGIN: usize = core::mem::offset_of!(Slot, begin) / size_of::<u64>();
const END: usize = core::mem::offset_of!(Slot, end) / size_of::<u64>();

pub(super) struct Built {
    pub(super) number: u64,
    /// Bits that are set in the filters of IPv4 and IPv6, at most.
    pub(super) set_bits: [usize; 2],
    pub(super) sized: Sized,
    pub(super) lines_v4: Named<Rows<Line>>,
    pub(super) lines_v6: Named<Rows<Line>>,
    pub(super) keys_v6: Named<Rows<Key6>>,
    pub(super) overflow: Named<Overflow>,
    pub(super) ports: Named<Ports>,
    pub(super) rows: Named<Rows<SetRow>>,
    pub(super) groups: Named<Rows<SlotMask>>,
    pub(super) slots: Named<Rows<Slot>>,
    pub(super) totals: Named<Rows<Totals>>,
    pub(super) counts: Named<Rows<SlotCounts>>,
    pub(super) buckets_v4: Named<Rows<PlaceBucket>>,
    pub(super) buckets_v6: Named<Rows<PlaceBucket>>,
    pub(super) places_v4: Named<Rows<PlaceRow4>>,
    pub(super) places_v6: Named<Rows<PlaceRow6>>,
    pub(super) tunnels: Named<Rows<TunnelRule>>,
    live: Live,
    more_groups: Groups,
    /// The slots as words in shared memory.
    words: Cells,
    /// What the slots have to hold.
    wanted: Vec<Slot>,
    mapped_totals: Mapped<Totals>,
    mapped_counts: Mapped<SlotCounts>,
}

impl Built {
    /// Builds the tables. Places are frozen: nobody changes them any more, other than by
    /// exchanging the whole table, which is noticed. What single changes are made in is compared
    /// with what it has to be instead.
    pub(super) fn new(tables: &Tables, sizes: Sizes) -> Result<Self, DatapathError> {
        let sets = u32::try_from(tables.group_of_set.len()).unwrap_or(u32::MAX);
        let stride = sets.max(1).saturating_add(Tables::SPARE_SETS);
        let mut laid = lay(tables, sizes)?;
        laid.engine.stride = stride;
        laid.engine.tunnels = u32::try_from(tables.tunnels.len()).unwrap_or(0);
        let (totals, mapped_totals) = Mapped::create(stride, "TOTALS")?;
        let (counts, mapped_counts) = Mapped::create(SLOTS, "SLOT_COUNTS")?;
        let mut wanted = tables.slots.clone();
        wanted.resize(SLOTS as usize, Slot::default());
        let Directory {
            buckets,
            rows: ranges,
        } = buckets_v4(&tables.places.v4);
        let buckets_v4 = Named::rows(&buckets, ANY_SIZE, "BUCKETS_V4")?;
        let places_v4 = Named::rows(&ranges, ANY_SIZE, "PLACES_V4")?;
        let Directory {
            buckets,
            rows: ranges,
        } = buckets_v6(&tables.places.v6);
        let slots = Named::rows(&wanted, MMAPABLE, "APPROVALS")?;
        let (groups, more_groups) = Groups::new(&tables.groups, "GROUPS", ANY_SIZE)?;
        let built = Self {
            number: tables.generation,
            set_bits: [laid.set_v4, laid.set_v6],
            sized: Sized::new(&laid, place_of(tables.generation))?,
            lines_v4: Named::filled(&laid.lines_v4, ANY_SIZE, "LINES_V4")?,
            lines_v6: Named::filled(&laid.lines_v6, ANY_SIZE, "LINES_V6")?,
            keys_v6: Named::filled(&laid.keys_v6, ANY_SIZE, "KEYS_V6")?,
            overflow: Named::overflow(&laid.overflow, SPARE, "OVERFLOW")?,
            ports: Named::table(&port_rows(&laid), "PORTS")?,
            rows: Named::filled_with_room(&laid.rows, SPARE, ANY_SIZE, "ROWS")?,
            groups,
            more_groups,
            live: Live::new(laid),
            words: Cells::map(&slots, wanted.len() * WORDS)?,
            slots,
            totals,
            counts,
            buckets_v4,
            buckets_v6: Named::rows(&buckets, ANY_SIZE, "BUCKETS_V6")?,
            places_v4,
            places_v6: Named::rows(&ranges, ANY_SIZE, "PLACES_V6")?,
            tunnels: Named::rows(&tunnel_rows(&tables.tunnels), ANY_SIZE, "TUNNELS")?,
            wanted,
            mapped_totals,
            mapped_counts,
        };
        built.freeze()?;
        Ok(built)
    }

    /// Lets single changes be made, when its filters are those that it keeps.
    pub(super) fn open(&mut self) -> Result<(), DatapathError> {
        let live = &mut self.live;
        self.sized.map(live)?;
        live.map(Table::LinesV4, &self.lines_v4)?;
        live.map(Table::LinesV6, &self.lines_v6)?;
        live.map(Table::KeysV6, &self.keys_v6)?;
        live.map(Table::Rows, &self.rows)
    }

    /// Shape and seeds.
    pub(super) const fn engine(&self) -> &Engine {
        &self.live.laid().engine
    }

    /// Takes another filter for the one that was laid out.
    pub(super) fn set_filter(&mut self, family: IpVersion, bits: u32, words: Vec<u64>) {
        self.live.set_filter(family, bits, words);
    }

    /// Changes single prefixes. `engine` stores words of shape and seeds.
    pub(super) fn change(
        &mut self,
        change: &Change,
        engine: impl Fn(usize, u64),
    ) -> Result<(), DatapathError> {
        self.live.check_room(change)?;
        // Rows that lead to them come after them.
        self.more_groups.add(change.first_group, &change.groups);
        self.live.change(change, &mut self.overflow, engine)
    }

    /// Whether something is to be stored when packets that are judged now no longer are.
    pub(super) const fn has_later(&self) -> bool {
        self.live.has_later()
    }

    /// They no longer are.
    pub(super) fn store_later(&mut self) {
        self.live.store_later();
    }

    /// Compares what changes are made in with what has to stand there.
    pub(super) fn mend_watchlist(&mut self, alarms: &mut Vec<Alarm>) -> Result<(), DatapathError> {
        if self.more_groups.mend() {
            let map = self.groups.name;
            alarms.push(Alarm::Words { map });
        }
        self.live.mend(&mut self.overflow, alarms)
    }

    fn freeze(&self) -> Result<(), DatapathError> {
        self.ports.freeze()?;
        self.buckets_v4.freeze()?;
        self.buckets_v6.freeze()?;
        self.places_v4.freeze()?;
        self.places_v6.freeze()?;
        self.tunnels.freeze()
    }

    /// Where its tables stand in every outer map.
    pub(super) const fn place(&self) -> u32 {
        place_of(self.number)
    }

    /// Pins what the next process reads: slots and counts.
    pub(super) fn pin(&self, folder: &Path) -> Result<(), DatapathError> {
        pin(&self.slots, folder, self.number)?;
        pin(&self.totals, folder, self.number)?;
        pin(&self.counts, folder, self.number)
    }

    pub(super) fn unpin(&self, folder: &Path) {
        for name in [self.slots.name, self.totals.name, self.counts.name] {
            let path = folder.join(pin_name(name, self.number));
            if let Err(error) = std::fs::remove_file(&path) {
                tracing::warn!(%error, path = %path.display(), "a pin stays behind");
            }
        }
    }

    /// Stores begin and end of a slot, whose other words stay as they are: a packet that is
    /// being judged meanwhile finds each of them old or new, and both allow no more than was
    /// allowed before.
    pub(super) fn narrow(&mut self, slot: u32, terms: Terms) {
        let Some(wanted) = self.wanted.get_mut(slot as usize) else {
            return;
        };
        wanted.begin = wanted.begin.max(terms.begin);
        wanted.end = wanted.end.min(terms.end);
        let first = slot as usize * WORDS;
        self.words.store(first + BEGIN, wanted.begin);
        self.words.store(first + END, wanted.end);
    }

    pub(super) fn mend_slots(&self, alarms: &mut Vec<Alarm>) {
        for (slot, wanted) in (0u32..).zip(&self.wanted) {
            let first = slot as usize * WORDS;
            if self.words.mend(first, words_of(wanted.as_bytes())) {
                alarms.push(Alarm::Slot { slot });
            }
        }
    }

    pub(super) fn totals(&self) -> TotalsBySet {
        self.mapped_totals.counted(Totals::absorb)
    }

    pub(super) fn slot_counts(&self) -> Vec<SlotCounts> {
        self.mapped_counts.by_row(SlotCounts::absorb)
    }

    /// What it counted, when no packet is judged by it any more.
    pub(super) fn retired(&self) -> Retired {
        Retired {
            generation: self.number,
            totals: self.totals(),
            slot_counts: self.slot_counts(),
        }
    }
}

/// Lays the prefixes out, with seeds that nobody knew before.
fn lay(tables: &Tables, sizes: Sizes) -> Result<Laid, DatapathError> {
    let random = sys::random().map_err(system("asking for random numbers"))?;
    let prefixes = Prefixes {
        v4: &tables.v4,
        v6: &tables.v6,
        ports: &tables.ports,
        group_of_set: &tables.group_of_set,
    };
    Ok(Laid::new(&prefixes, &Seeds::new(random), sizes))
}

/// The rules; a table has one row at least.
fn tunnel_rows(rules: &[TunnelRule]) -> Vec<TunnelRule> {
    let mut rows = rules.to_vec();
    rows.resize(rows.len().max(1), TunnelRule::default());
    rows
}

fn port_rows(laid: &Laid) -> Vec<(u64, Wire<SetRow>)> {
    let rows = laid.ports.iter();
    rows.map(|&(key, row)| (key, Wire(row))).collect()
}
