//! Runs frames through a program of its own by `BPF_PROG_TEST_RUN`.
//!
//! The kernel refuses frames below 14 bytes and above a page. Above, the headers
//! are passed and the wire length stands in the metadata: no verdict needs more.
//! Below, the host parser judges, which is the same code.

use std::time::Duration;

use aya::{TestRun as _, TestRunOptions, programs::ProgramError};
use sensor_common::{
    Bytes, Counters, FlowPart, IpVersion, Packet, ReplayContext, SlotCounts, Stat, Unparsed, parse,
};
use thiserror::Error;
use zerocopy::IntoBytes as _;

use super::{
    Alarm, Datapath, DatapathError, Held, Kernel, LoadError, Options, Retired, TotalsBySet, Tuned,
};
use crate::{
    clock::Terms,
    watchlist::{Change, Tables},
};

/// `ETH_HLEN`: fewer bytes are refused (`bpf_prog_test_run_xdp`, `net/bpf/test_run.c`).
const SHORTEST: usize = 14;

/// Bytes of a frame that are passed on; the parser reads fewer of almost all.
const HEADERS: usize = 512;

/// Bytes that are passed on of a frame whose headers are longer. What the kernel takes in one
/// piece is a page without the room that it wants around it.
const LONG_HEADERS: usize = 3_072;

const XDP_PASS: u32 = 2;

/// Why a frame could not be run.
#[derive(Debug, Error)]
pub enum ReplayError {
    /// The kernel did not run the program.
    #[error("the kernel did not run the program on {length} bytes: {source}")]
    NotRun {
        /// Bytes passed, metadata included.
        length: usize,
        /// What aya said.
        source: ProgramError,
    },
    /// The program did something else than pass the frame.
    #[error("the program returned {action} instead of XDP_PASS")]
    NotPassed {
        /// What it returned.
        action: u32,
    },
    /// The program wrote into the frame.
    #[error("the frame came out of the program changed")]
    Changed,
    /// The program could not be loaded.
    #[error(transparent)]
    Load(#[from] LoadError),
}

/// A program that frames are run through, loaded for replay or live. It has no way to attach.
pub struct Replayer {
    kernel: Kernel,
    is_live: bool,
    host: Counters,
}

/// `LOOPBACK_IFINDEX` (include/net/flow.h): where a frame without a device comes from
/// (`xdp_convert_md_to_buff`, `net/bpf/test_run.c`).
const LOOPBACK: u32 = 1;

/// `struct xdp_md` (include/uapi/linux/bpf.h).
#[repr(C)]
#[derive(zerocopy::IntoBytes, zerocopy::Immutable)]
struct XdpMd {
    data: u32,
    data_end: u32,
    data_meta: u32,
    ingress_ifindex: u32,
    rx_queue_index: u32,
    egress_ifindex: u32,
}

impl Replayer {
    /// Loads a program and maps of its own. Its lease is without end, until [`Datapath::attend`]
    /// says otherwise, in nanoseconds since 1970.
    pub fn load(options: Options) -> Result<Self, LoadError> {
        let mut kernel = Kernel::load_as(options, true, 0)?;
        kernel.attend(u64::MAX)?;
        Ok(Self {
            kernel,
            is_live: false,
            host: [0; Stat::COUNT],
        })
    }

    /// Loads a program as [`Kernel::load`] does: it reads the boot clock and the lease counts.
    /// Every frame arrives whole, through one interface, which has this slot.
    pub fn load_live(options: Options, slot: u8) -> Result<Self, LoadError> {
        let mut kernel = Kernel::load(options)?;
        kernel.open_interface(LOOPBACK, slot)?;
        Ok(Self {
            kernel,
            is_live: true,
            host: [0; Stat::COUNT],
        })
    }

    /// Whether it was loaded live.
    pub const fn is_live(&self) -> bool {
        self.is_live
    }

    /// Runs one frame, as captured. Live, `context` says nothing.
    pub fn run(&mut self, captured: &[u8], context: ReplayContext) -> Result<(), ReplayError> {
        if captured.len() < SHORTEST {
            self.judge_on_host(captured, context);
            return Ok(());
        }
        if self.is_live {
            return self.test_run(captured, None);
        }
        let mut headers = captured.get(..HEADERS).unwrap_or(captured);
        let longer = captured.get(..LONG_HEADERS).unwrap_or(captured);
        if headers.len() < longer.len() && read(headers, context) != read(longer, context) {
            headers = longer;
        }
        let meta = context.as_bytes();
        let data = [meta, headers].concat();
        let context = XdpMd {
            data: length_of(meta),
            data_end: length_of(&data),
            data_meta: 0,
            ingress_ifindex: 0,
            rx_queue_index: 0,
            egress_ifindex: 0,
        };
        self.test_run(&data, Some(context.as_bytes()))
    }

    fn test_run(&mut self, data: &[u8], context: Option<&[u8]>) -> Result<(), ReplayError> {
        let mut out = vec![0; data.len()];
        let mut options = TestRunOptions::new();
        options.data_in = Some(data);
        options.data_out = Some(&mut out);
        options.ctx_in = context;
        let result =
            self.kernel
                .program()?
                .test_run(options)
                .map_err(|source| ReplayError::NotRun {
                    length: data.len(),
                    source,
                })?;
        match result.return_value {
            XDP_PASS if result.data_size_out == length_of(data) && out == data => Ok(()),
            XDP_PASS => Err(ReplayError::Changed),
            action => Err(ReplayError::NotPassed { action }),
        }
    }

    /// Runs one frame so many times and says how long one run took on average. The same frame
    /// over and over finds everything in the cache, so this is what a run takes at least.
    pub fn time(
        &mut self,
        captured: &[u8],
        context: ReplayContext,
        repeat: u32,
    ) -> Result<Duration, ReplayError> {
        let mut data = context.as_bytes().to_vec();
        let meta = length_of(&data);
        data.extend(captured);
        let md = XdpMd {
            data: meta,
            data_end: length_of(&data),
            data_meta: 0,
            ingress_ifindex: 0,
            rx_queue_index: 0,
            egress_ifindex: 0,
        };
        let mut options = TestRunOptions::new();
        options.data_in = Some(&data);
        options.ctx_in = Some(md.as_bytes());
        options.repeat = repeat;
        let result = self.kernel.program()?.test_run(options);
        let length = data.len();
        let result = result.map_err(|source| ReplayError::NotRun { length, source })?;
        Ok(result.duration)
    }

    /// Makes the addresses of this host known, as on a real network card in lab mode.
    pub fn set_own_addresses(
        &mut self,
        addresses: impl IntoIterator<Item = std::net::IpAddr>,
    ) -> Result<(), DatapathError> {
        self.kernel.set_own_addresses(addresses)
    }

    /// Gives filters that by the rule would have `rule` another size. Both are bits of the number
    /// of words.
    pub fn choose_filter(&mut self, family: IpVersion, rule: u32, bits: u32) {
        self.kernel.tuner().choose(family, rule, bits);
    }

    /// See [`Kernel::tuned`].
    pub fn tuned(&self) -> &[Tuned] {
        self.kernel.tuned()
    }

    /// See [`Kernel::leftovers`].
    pub fn leftovers(&self) -> Result<usize, DatapathError> {
        self.kernel.leftovers()
    }

    /// No frame this short holds a packet, so there is nothing to match.
    fn judge_on_host(&mut self, captured: &[u8], context: ReplayContext) {
        let frame = Bytes {
            captured,
            wire_length: context.wire_length as usize,
        };
        self.host[Stat::Seen.cell()] += 1;
        if let Err(unparsed) = parse(&frame) {
            if let Some(reason) = Stat::of_unparsed(unparsed) {
                self.host[reason.cell()] += 1;
            }
            self.host[Stat::Verdict(unparsed.verdict()).cell()] += 1;
        }
    }
}

/// What these bytes of a frame say: not the same where a header goes on behind them.
fn read(captured: &[u8], context: ReplayContext) -> Result<Packet, Unparsed> {
    parse(&Bytes {
        captured,
        wire_length: context.wire_length as usize,
    })
}

/// A length far below 2^32.
fn length_of(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX)
}

impl Datapath for Replayer {
    fn next_generation(&self) -> u64 {
        self.kernel.next_generation()
    }

    fn publish(&mut self, tables: &Tables) -> Result<Retired, DatapathError> {
        self.kernel.publish(tables)
    }

    fn change(&mut self, change: &Change) -> Result<(), DatapathError> {
        self.kernel.change(change)
    }

    fn narrow(&mut self, slot: u32, terms: Terms) -> Result<(), DatapathError> {
        self.kernel.narrow(slot, terms)
    }

    fn attend(&mut self, until: u64) -> Result<(), DatapathError> {
        self.kernel.attend(until)
    }

    fn drain(&mut self, sink: &mut dyn FnMut(FlowPart)) -> Result<(), DatapathError> {
        self.kernel.drain(sink)
    }

    fn forget(&mut self) -> Result<(), DatapathError> {
        self.kernel.forget()
    }

    fn counters(&self) -> Result<Counters, DatapathError> {
        let mut counters = self.kernel.counters()?;
        for (cell, count) in counters.iter_mut().zip(self.host) {
            *cell += count;
        }
        Ok(counters)
    }

    fn totals(&self) -> Result<TotalsBySet, DatapathError> {
        self.kernel.totals()
    }

    fn slot_counts(&self) -> Result<Vec<SlotCounts>, DatapathError> {
        self.kernel.slot_counts()
    }

    fn held(&mut self) -> Result<Held, DatapathError> {
        self.kernel.held()
    }

    fn mend(&mut self) -> Result<Vec<Alarm>, DatapathError> {
        self.kernel.mend()
    }

    fn detach(&mut self) {
        self.kernel.detach();
    }
}
