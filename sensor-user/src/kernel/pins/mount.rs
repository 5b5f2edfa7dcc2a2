//! Mounts a BPF file system where nobody has.

use std::path::Path;

use nix::mount::{MsFlags, mount};

use super::{PinError, error, is_bpf_fs};

/// Where a BPF file system usually is. systemd mounts it there, and so do other tools that
/// load BPF programs.
pub const BPF_FS_FOLDER: &str = "/sys/fs/bpf";

/// Mounts one at the usual place, unless there is one; `true` when it did.
///
/// In a mount namespace of its own, as `ip netns exec` makes one, it is gone with the last
/// process there, and the pins with it: then a killed agent leaves nothing.
pub fn mount_bpf_fs() -> Result<bool, PinError> {
    let folder = Path::new(BPF_FS_FOLDER);
    if !folder.exists() || is_bpf_fs(folder)? {
        return Ok(false);
    }
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    match mount(Some("bpf"), folder, Some("bpf"), flags, Some("mode=0700")) {
        Ok(()) => Ok(true),
        // Without the privilege: what can be done about it is said where the folder is used.
        Err(nix::errno::Errno::EPERM) => Ok(false),
        Err(errno) => Err(error::of(folder)(errno.into())),
    }
}
