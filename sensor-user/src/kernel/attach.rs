//! Attaches the program to interfaces, through a `bpf_link` and nothing else.
//!
//! aya falls back to netlink in silence where the kernel refuses a link. An XDP
//! program attached by netlink outlives its process and goes on counting, so such
//! an attachment is undone and refused here.

use std::io;

use aya::programs::{
    ProgramError, XdpMode,
    links::{FdLink, LinkError},
    xdp::XdpLink,
};
use thiserror::Error;

use super::{DatapathError, Kernel, LoadError, probe};

/// Where in the kernel the program runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttachMode {
    /// In the driver, before the kernel makes a packet of the frame.
    Native,
    /// In the network stack: slower, and only when asked for.
    Generic,
}

impl AttachMode {
    /// The name in output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Generic => "generic",
        }
    }
}

/// Why an interface could not be attached to.
#[derive(Debug, Error)]
pub enum AttachError {
    /// Another XDP program holds the interface.
    #[error(
        "interface {interface}: {program} is attached already; \
         detach it first ('ip link set dev {interface} xdp off', or end the program that holds it)"
    )]
    Foreign {
        /// The interface.
        interface: String,
        /// The other program.
        program: String,
    },
    /// The driver has no native XDP.
    #[error(
        "interface {interface}: its driver has no native XDP ({source}); \
         --generic attaches in the network stack, which is slower"
    )]
    NoNative {
        /// The interface.
        interface: String,
        /// What the system said.
        source: io::Error,
    },
    /// The kernel gave no link.
    #[error(
        "interface {interface}: the kernel gave no bpf_link, and an attachment by netlink \
         would outlive this process; check the MTU with 'sekisho check --interface {interface}'"
    )]
    NoLink {
        /// The interface.
        interface: String,
    },
    /// Anything else.
    #[error("interface {interface}: cannot attach: {source}")]
    Other {
        /// The interface.
        interface: String,
        /// What aya said.
        source: ProgramError,
    },
    /// The program is not there.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The interface's slot cannot be written.
    #[error(transparent)]
    Datapath(#[from] DatapathError),
}

/// A held attachment; letting it go detaches.
pub struct Attached {
    _link: FdLink,
}

impl Kernel {
    /// Attaches to an interface and gives it a slot.
    pub fn attach(
        &mut self,
        name: &str,
        index: u32,
        slot: u8,
        mode: AttachMode,
    ) -> Result<(), AttachError> {
        self.interfaces
            .insert(&index, &u32::from(slot), 0)
            .map_err(|source| DatapathError::Map {
                map: "INTERFACES",
                source,
            })?;
        let interface = name.to_owned();
        let xdp_mode = match mode {
            AttachMode::Native => XdpMode::Driver,
            AttachMode::Generic => XdpMode::Skb,
        };
        let program = self.program()?;
        let link = match program.attach(index, xdp_mode) {
            Ok(id) => program.take_link(id),
            Err(source) => return Err(refused(interface, index, mode, source)),
        };
        let link: Result<XdpLink, ProgramError> = link;
        let link = match link {
            Ok(link) => FdLink::try_from(link),
            Err(source) => return Err(AttachError::Other { interface, source }),
        };
        let link = link.map_err(|_: LinkError| AttachError::NoLink { interface })?;
        self.links.push(Attached { _link: link });
        Ok(())
    }
}

fn refused(interface: String, index: u32, mode: AttachMode, source: ProgramError) -> AttachError {
    let ProgramError::SyscallError(system) = &source else {
        return AttachError::Other { interface, source };
    };
    match system.io_error.raw_os_error() {
        Some(libc::EBUSY | libc::EEXIST) => AttachError::Foreign {
            interface,
            program: foreign(index),
        },
        Some(libc::EOPNOTSUPP) if mode == AttachMode::Native => AttachError::NoNative {
            interface,
            source: io::Error::from_raw_os_error(libc::EOPNOTSUPP),
        },
        _ => AttachError::Other { interface, source },
    }
}

fn foreign(index: u32) -> String {
    match probe::attached_xdp(index) {
        Ok(Some(probe::AttachedXdp {
            id,
            name: Some(name),
            ..
        })) => {
            format!("the XDP program '{name}' (id {id})")
        }
        Ok(Some(probe::AttachedXdp { id, .. })) => format!("an XDP program with id {id}"),
        Ok(None) | Err(_) => "another XDP program".into(),
    }
}
