//! Whose XDP program is attached to an interface.
//!
//! An interface has one slot; `run` refuses to push another program out and names it with what
//! is found here.

use std::io;

use super::link;
pub use crate::preflight::{AttachedXdp, XdpMode};

/// The XDP program attached to the interface with this index.
///
/// Its name is known where this process may walk the loaded programs (`CAP_SYS_ADMIN`). The
/// kernel keeps at most 15 bytes of it.
///
/// # Errors
///
/// What rtnetlink returns, such as `ENODEV`.
pub fn attached_xdp(ifindex: u32) -> io::Result<Option<AttachedXdp>> {
    let attached = link::by_index(ifindex)?.xdp;
    Ok(attached.map(|(id, mode)| AttachedXdp {
        id,
        name: program_name(id),
        mode,
    }))
}

fn program_name(id: u32) -> Option<String> {
    aya::programs::loaded_programs()
        .flatten()
        .find(|program| program.id() == id)
        .and_then(|program| program.name_as_str().map(str::to_owned))
        .filter(|name| !name.is_empty())
}
