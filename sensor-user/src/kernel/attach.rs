//! Attaches the program to interfaces, through a `bpf_link` and nothing else.
//!
//! aya attaches by netlink where the kernel refuses a link, without saying so. An XDP
//! program attached by netlink outlives its process and goes on counting, and may push
//! another program out. So the link is asked for here, and a refusal is a refusal.

use std::{
    io,
    os::fd::{AsFd as _, AsRawFd as _, FromRawFd as _, OwnedFd},
};

use aya_obj::generated::{XDP_FLAGS_DRV_MODE, XDP_FLAGS_SKB_MODE, bpf_attach_type, bpf_cmd};
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

/// A held attachment; letting it go detaches.
pub struct Attached {
    link: OwnedFd,
    interface: String,
}

impl Attached {
    /// The interface's name when it was attached to.
    pub(super) fn interface(&self) -> &str {
        &self.interface
    }

    /// Whether the interface still holds the program.
    ///
    /// The link of an interface that is gone, or that was detached, has no interface index
    /// (`bpf_xdp_link_fill_link_info`, net/core/dev.c).
    pub(super) fn is_attached(&self) -> Result<bool, DatapathError> {
        let mut info = LinkInfo::default();
        let attributes = GetInfo {
            bpf_fd: self.link.as_raw_fd().cast_unsigned(),
            info_len: INFO_LENGTH,
            info: (&raw mut info) as u64,
        };
        // SAFETY: the kernel reads the attributes and writes as many bytes of `info` as it is
        // told there are.
        let done = unsafe { bpf(bpf_cmd::BPF_OBJ_GET_INFO_BY_FD, &attributes) };
        if done < 0 {
            return Err(DatapathError::System {
                call: "asking for the state of a bpf_link",
                source: io::Error::last_os_error(),
            });
        }
        Ok(info.ifindex != 0)
    }
}

/// The beginning of `struct bpf_link_info` for XDP (include/uapi/linux/bpf.h).
#[repr(C)]
#[derive(Default)]
struct LinkInfo {
    kind: u32,
    id: u32,
    prog_id: u32,
    padding: u32,
    ifindex: u32,
    more: [u32; 11],
}

const INFO_LENGTH: u32 = 64;
const _: () = assert!(size_of::<LinkInfo>() == INFO_LENGTH as usize);

/// The part of `union bpf_attr` that `BPF_OBJ_GET_INFO_BY_FD` reads.
#[repr(C)]
struct GetInfo {
    bpf_fd: u32,
    info_len: u32,
    info: u64,
}

/// The system call.
///
/// # Safety
///
/// The attributes are those of the command, and what they point to is there.
unsafe fn bpf<T>(command: bpf_cmd, attributes: &T) -> libc::c_long {
    // SAFETY: the kernel reads as many bytes of the attributes as it is told there are.
    unsafe {
        libc::syscall(
            libc::SYS_bpf,
            command as u32,
            core::ptr::from_ref(attributes),
            size_of::<T>(),
        )
    }
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
        let program = self.program()?.fd().map_err(LoadError::Program)?;
        match create_link(program.as_fd().as_raw_fd(), index, mode) {
            Ok(link) => {
                self.links.push(Attached {
                    link,
                    interface: name.to_owned(),
                });
                Ok(())
            }
            Err(source) => Err(refused(name.to_owned(), index, mode, source)),
        }
    }
}

/// The part of `union bpf_attr` that `BPF_LINK_CREATE` reads for XDP (include/uapi/linux/bpf.h).
#[repr(C)]
struct LinkCreate {
    prog_fd: u32,
    target_ifindex: u32,
    attach_type: u32,
    flags: u32,
}

fn create_link(program: i32, index: u32, mode: AttachMode) -> io::Result<OwnedFd> {
    let attributes = LinkCreate {
        prog_fd: program.cast_unsigned(),
        target_ifindex: index,
        attach_type: bpf_attach_type::BPF_XDP as u32,
        flags: match mode {
            AttachMode::Native => XDP_FLAGS_DRV_MODE,
            AttachMode::Generic => XDP_FLAGS_SKB_MODE,
        },
    };
    // SAFETY: the attributes hold no pointer.
    let created = unsafe { bpf(bpf_cmd::BPF_LINK_CREATE, &attributes) };
    match i32::try_from(created) {
        // SAFETY: the kernel has just made this descriptor, and nobody else knows it.
        Ok(link) if link >= 0 => Ok(unsafe { OwnedFd::from_raw_fd(link) }),
        _ => Err(io::Error::last_os_error()),
    }
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
