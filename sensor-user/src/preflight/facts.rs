//! What the preflight judges: values as they were seen, without an opinion.
//!
//! Each value may be unknown, with the reason in words, because a check that cannot see must say
//! so instead of guessing. The types live here and not in `kernel::probe`, which fills them, so
//! that the judgement builds and is tested without a kernel.

use std::net::IpAddr;
use std::time::Duration;

/// A value, or in words why it could not be seen.
pub type Observed<T> = Result<T, String>;

/// All facts of one preflight.
#[derive(Debug, Clone)]
pub struct Facts {
    /// What holds for the whole host.
    pub host: HostFacts,
    /// What holds for each interface asked about, in the order asked.
    pub interfaces: Vec<InterfaceFacts>,
}

/// What holds for the whole host.
#[derive(Debug, Clone)]
pub struct HostFacts {
    /// `uname -r`.
    pub kernel_release: Observed<String>,
    /// Whether `/sys/kernel/btf/vmlinux` exists.
    pub btf: Observed<bool>,
    /// Whether BPF programs are compiled to machine code.
    pub jit: Observed<bool>,
    /// The effective capabilities of this process.
    pub capabilities: Observed<Capabilities>,
    /// The system clock.
    pub clock: Observed<Clock>,
    /// Bytes in a page of memory.
    pub page_size: Observed<u32>,
}

/// What holds for one interface.
#[derive(Debug, Clone)]
pub struct InterfaceFacts {
    /// Its name, such as `eth0`.
    pub name: String,
    /// Its index in this network namespace.
    pub index: u32,
    /// The name of its driver, such as `virtio_net`.
    pub driver: Observed<String>,
    /// `xdp-features` of the kernel's `netdev` family: bit 0 is native XDP.
    pub xdp_features: Observed<u64>,
    /// The offloads that matter to XDP.
    pub offloads: Observed<Offloads>,
    /// MTU and flags.
    pub link: Observed<Link>,
    /// The XDP program that is attached now, if any.
    pub xdp_slot: Observed<Option<AttachedXdp>>,
    /// The IP addresses of this interface.
    pub addresses: Observed<Vec<IpAddr>>,
    /// Its packet counters over a window.
    pub traffic: Observed<Traffic>,
}

/// A set of Linux capabilities, one bit each (`include/uapi/linux/capability.h`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities(pub u64);

impl Capabilities {
    /// Whether the capability with this number is in the set.
    pub const fn has(self, number: u32) -> bool {
        self.0 & (1 << number) != 0
    }
}

/// The state of the system clock, from adjtimex(2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clock {
    /// Whether something disciplines the clock.
    pub synchronised: bool,
    /// The kernel's bound for how far the clock is off.
    pub max_error: Duration,
}

/// Offloads of the card that change what XDP sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offloads {
    /// The card takes the outer VLAN tag off (`rx-vlan-offload`).
    pub rx_vlan: bool,
    /// The card joins packets of a stream (`large-receive-offload`).
    pub lro: bool,
}

/// MTU and flags of an interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// The largest payload of an Ethernet frame, in bytes.
    pub mtu: u32,
    /// Whether the interface is up.
    pub up: bool,
    /// Whether it takes frames that are not addressed to it.
    pub promiscuous: bool,
}

/// An XDP program in the slot of an interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttachedXdp {
    /// The kernel's id of the program.
    pub id: u32,
    /// Its name, where this process may ask for it.
    pub name: Option<String>,
    /// Where on the packet's way it runs.
    pub mode: XdpMode,
}

/// Where on a packet's way an XDP program runs (`IFLA_XDP_ATTACHED`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum XdpMode {
    /// In the driver.
    Native,
    /// In the network stack, after the driver made a packet buffer.
    Generic,
    /// On the card.
    Offloaded,
    /// In more than one of these places.
    Multiple,
}

/// Packet counters of an interface at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// Packets received since the interface exists.
    pub received: u64,
    /// Packets sent since the interface exists.
    pub sent: u64,
}

/// Packets of an interface over a window of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Traffic {
    /// How long was counted.
    pub window: Duration,
    /// Packets received meanwhile.
    pub received: u64,
    /// Packets sent meanwhile.
    pub sent: u64,
}

impl Traffic {
    /// What happened between two samples. A counter that went back, as a driver's reset does,
    /// counts as zero.
    pub const fn between(before: Sample, after: Sample, window: Duration) -> Self {
        Self {
            window,
            received: after.received.saturating_sub(before.received),
            sent: after.sent.saturating_sub(before.sent),
        }
    }
}
