//! Attaches the program to interfaces, through a `bpf_link` and nothing else.
//!
//! aya attaches by netlink where the kernel refuses a link, without saying so. An XDP
//! program attached by netlink outlives its process and goes on counting, and may push
//! another program out. So the link is asked for here, and a refusal is a refusal.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    path::PathBuf,
};

use aya_obj::generated::{XDP_FLAGS_DRV_MODE, XDP_FLAGS_SKB_MODE};
use nix::net::if_::if_indextoname;
use thiserror::Error;

use super::{
    DatapathError, Kernel, LoadError,
    maps::system,
    pins::{self, Inherited},
    probe, sys,
};

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
         detach it first ('ip link set dev {interface} xdp off', or end the program that holds \
         it; 'sekisho detach' removes what a dead sensor left behind)"
    )]
    Foreign {
        /// The interface.
        interface: String,
        /// The other program.
        program: String,
    },
    /// The driver has no native XDP.
    #[error(
        "interface {interface}: its driver has no native XDP, or an offload stands in its way \
         ('sekisho check --interface {interface}'); \
         --generic attaches in the network stack, which is slower"
    )]
    NoNative {
        /// The interface.
        interface: String,
    },
    /// Frames without an Ethernet header.
    #[error(
        "interface {interface}: its frames have no Ethernet header, so the program would read \
         them wrong; only Ethernet interfaces can be watched"
    )]
    NotEthernet {
        /// The interface.
        interface: String,
    },
    /// A bond, whose links run the program under their own numbers.
    #[error(
        "interface {interface}: a bond has the program run by its links, where no packet would \
         be known to be of {interface}; watch its links instead ('ip link show master \
         {interface}'), or --generic attaches to the bond, which is slower"
    )]
    Bond {
        /// The interface.
        interface: String,
    },
    /// The MTU does not fit into one buffer.
    #[error(
        "interface {interface}: its MTU is too large for native XDP; lower it \
         ('sekisho check --interface {interface}' says to what), on a veth that of its peer"
    )]
    Mtu {
        /// The interface.
        interface: String,
    },
    /// Anything else.
    #[error(
        "interface {interface}: the kernel gives no bpf_link; \
         'sekisho check --interface {interface}' may say why"
    )]
    Other {
        /// The interface.
        interface: String,
        /// What the system said.
        source: io::Error,
    },
    /// The program is not there.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The interface's slot cannot be written.
    #[error(transparent)]
    Datapath(#[from] DatapathError),
}

/// A held attachment. Letting it go detaches, unless it is pinned.
pub struct Attached {
    link: OwnedFd,
    interface: String,
    index: u32,
    slot: u8,
    pin: Option<PathBuf>,
    /// Whether the interface was found under another name: its slot is closed.
    pub(super) is_closed: bool,
}

impl Attached {
    /// The interface's name when it was attached to.
    pub(super) fn interface(&self) -> &str {
        &self.interface
    }

    /// Index and slot of the interface.
    pub(super) const fn key(&self) -> (u32, u8) {
        (self.index, self.slot)
    }

    /// Whether the interface still holds a program by this link.
    pub(super) fn is_attached(&self) -> Result<bool, DatapathError> {
        Ok(self.info()?.interface != 0)
    }

    /// Whether the interface still has its name. The name is what an approval says.
    pub(super) fn has_its_name(&self) -> bool {
        if_indextoname(self.index).is_ok_and(|name| name.as_bytes() == self.interface.as_bytes())
    }

    /// Puts the program back where another one stands; `false` when it stood there.
    pub(super) fn mend(&self, program: BorrowedFd<'_>) -> Result<bool, DatapathError> {
        let wanted = sys::id(program).map_err(system("asking for the id of the program"))?;
        let info = self.info()?;
        if info.interface == 0 || info.program == wanted {
            return Ok(false);
        }
        sys::link_update(self.link.as_fd(), program).map_err(system("updating a bpf_link"))?;
        Ok(true)
    }

    fn info(&self) -> Result<sys::LinkInfo, DatapathError> {
        sys::link_info(self.link.as_fd()).map_err(system("asking for the state of a bpf_link"))
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        pins::detach(&self.link);
        if let Some(pin) = &self.pin {
            pins::remove(pin);
        }
    }
}

impl Kernel {
    /// Attaches to an interface and gives it a slot.
    ///
    /// Where a dead agent's link holds the interface, the program takes its program's place,
    /// and no packet goes unseen.
    pub fn attach(
        &mut self,
        name: &str,
        index: u32,
        slot: u8,
        mode: AttachMode,
    ) -> Result<(), AttachError> {
        // `bond_xdp_set` (drivers/net/bonding/bond_main.c) hands the program down, and to the links
        // `ingress_ifindex` is their own.
        if mode == AttachMode::Native && probe::is_bond(name) {
            return Err(AttachError::Bond {
                interface: name.to_owned(),
            });
        }
        self.close_own_addresses()?;
        self.open_interface(index, slot)?;
        let inherited = self.inherited.remove(&index);
        let program = self.program()?.fd().map_err(LoadError::Program)?;
        let (link, old_pin) = match inherited {
            Some(Inherited {
                link,
                pin,
                mode: its,
            }) if its == mode => {
                let updated = sys::link_update(link.as_fd(), program.as_fd());
                (updated.map(|()| link), Some(pin))
            }
            other => {
                // One in the other mode goes first: an interface has one program.
                if let Some(Inherited { link, pin, .. }) = other {
                    pins::detach(&link);
                    pins::remove(&pin);
                }
                (create_link(program.as_fd(), index, mode), None)
            }
        };
        let link = link.map_err(|source| refused(name.to_owned(), index, mode, source))?;
        let pin = self.pin_link(&link, index, mode)?;
        if let Some(pin) = old_pin {
            pins::remove(&pin);
        }
        self.links.push(Attached {
            link,
            interface: name.to_owned(),
            index,
            slot,
            pin,
            is_closed: false,
        });
        Ok(())
    }
}

fn create_link(program: BorrowedFd<'_>, index: u32, mode: AttachMode) -> io::Result<OwnedFd> {
    let flags = match mode {
        AttachMode::Native => XDP_FLAGS_DRV_MODE,
        AttachMode::Generic => XDP_FLAGS_SKB_MODE,
    };
    sys::link_create(program, index, flags)
}

fn refused(interface: String, index: u32, mode: AttachMode, source: io::Error) -> AttachError {
    match source.raw_os_error() {
        Some(libc::EBUSY | libc::EEXIST) => AttachError::Foreign {
            interface,
            program: foreign(index),
        },
        Some(libc::EOPNOTSUPP) if mode == AttachMode::Native => AttachError::NoNative { interface },
        Some(libc::ERANGE) => AttachError::Mtu { interface },
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
