//! The preflight: what on this host stands in the way of watching an interface, and what to do
//! about each point.
//!
//! The judgement is a pure function from [`Facts`] to [`Finding`]s. `kernel::probe` gathers the
//! facts and `cli::check` prints the findings, so that every case here, an old kernel or an
//! unsynchronised clock, is tested on any machine. A check that could not see its fact answers
//! [`Status::Unknown`] with the reason; it never guesses.

use serde::Serialize;

mod arrival;
mod driver;
mod facts;
mod frame;
mod host;

pub(crate) use self::driver::BONDING;
pub use self::facts::{
    AttachedXdp, Capabilities, Clock, Facts, HostFacts, InterfaceFacts, Link, Observed, Offloads,
    Sample, Traffic, XdpMode,
};

/// The checks, in the order they are reported. Their serialised names are stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    /// The kernel is recent enough.
    Kernel,
    /// The kernel describes its own types.
    Btf,
    /// BPF programs run as machine code.
    Jit,
    /// This process may load and attach programs.
    Capabilities,
    /// The clock that stamps the records is disciplined.
    Clock,
    /// The driver runs XDP programs itself.
    NativeXdp,
    /// No other XDP program holds the interface.
    XdpSlot,
    /// The card leaves VLAN tags in the frame.
    VlanOffload,
    /// A frame fits into the single buffer of the sensor's program.
    Mtu,
    /// The card does not join packets.
    Lro,
    /// A mirror port takes frames addressed to others.
    Promiscuous,
    /// Both directions of a conversation arrive.
    Directions,
}

impl Check {
    /// The stable name, the same as in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Kernel => "kernel",
            Self::Btf => "btf",
            Self::Jit => "jit",
            Self::Capabilities => "capabilities",
            Self::Clock => "clock",
            Self::NativeXdp => "native_xdp",
            Self::XdpSlot => "xdp_slot",
            Self::VlanOffload => "vlan_offload",
            Self::Mtu => "mtu",
            Self::Lro => "lro",
            Self::Promiscuous => "promiscuous",
            Self::Directions => "directions",
        }
    }
}

/// What a check came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Nothing to do.
    Ok,
    /// The sensor runs, but sees less or costs more than it could.
    Warn,
    /// The sensor would not start here, or would see nothing.
    Fail,
    /// This host cannot tell; the advice says how to find out.
    Unknown,
}

/// The result of one check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The interface it is about; none when it is about the host.
    pub interface: Option<String>,
    /// Which check.
    pub check: Check,
    /// What it came to.
    pub status: Status,
    /// What was seen.
    pub observed: String,
    /// What to do about it; for [`Status::Ok`] why it is fine.
    pub advice: String,
}

impl Finding {
    fn new(
        check: Check,
        status: Status,
        observed: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self {
            interface: None,
            check,
            status,
            observed: observed.into(),
            advice: advice.into(),
        }
    }

    fn unknown(check: Check, reason: &str, advice: impl Into<String>) -> Self {
        Self::new(check, Status::Unknown, format!("unknown: {reason}"), advice)
    }

    fn on(self, interface: &str) -> Self {
        Self {
            interface: Some(interface.to_owned()),
            ..self
        }
    }
}

/// Judges the facts: first the host, then each interface in the order given.
pub fn judge(facts: &Facts) -> Vec<Finding> {
    let Facts { host, interfaces } = facts;
    let mut findings = vec![
        host::kernel(&host.kernel_release),
        host::btf(&host.btf),
        host::jit(&host.jit),
        host::capabilities(&host.capabilities),
        host::clock(&host.clock),
    ];
    for interface in interfaces {
        let on_interface = [
            driver::native_xdp(interface),
            driver::xdp_slot(interface),
            frame::vlan_offload(interface),
            frame::mtu(interface, &host.page_size),
            frame::lro(interface),
            arrival::promiscuous(interface),
            arrival::directions(interface, interfaces.len() - 1),
        ];
        findings.extend(on_interface.map(|finding| finding.on(&interface.name)));
    }
    findings
}

#[cfg(test)]
mod tests;
