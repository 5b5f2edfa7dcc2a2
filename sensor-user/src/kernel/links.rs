//! Notices that interfaces of the machine change, by rtnetlink's group of links.

use std::{
    io,
    os::fd::{AsRawFd as _, OwnedFd},
};

use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, recv, socket,
};

use super::{
    probe::{Hardware, hardware},
    readable::Readable,
};
use crate::agent::Links;

/// `RTMGRP_LINK` (include/uapi/linux/rtnetlink.h).
const LINKS: u32 = 1;

/// A subscription to what becomes of interfaces.
#[derive(Debug)]
pub struct LinkWatch(Readable);

impl LinkWatch {
    /// Watches the interfaces of this process's network namespace from now on.
    pub fn new() -> io::Result<Self> {
        let socket = socket(
            AddressFamily::Netlink,
            SockType::Raw,
            SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK,
            SockProtocol::NetlinkRoute,
        )?;
        bind(socket.as_raw_fd(), &NetlinkAddr::new(0, LINKS))?;
        Ok(Self(Readable::new(socket)))
    }
}

impl Links for LinkWatch {
    async fn changed(&mut self) -> io::Result<()> {
        self.0.wait(empty).await
    }

    fn hardware(&self, index: u32) -> io::Result<Hardware> {
        hardware(index)
    }
}

/// Reads all messages, whatever they say: whoever asked looks at the interfaces themselves.
/// [`io::ErrorKind::WouldBlock`] when there was none.
fn empty(socket: &OwnedFd) -> io::Result<()> {
    let mut any = false;
    let mut message = [0; 4096];
    loop {
        match recv(socket.as_raw_fd(), &mut message, MsgFlags::MSG_TRUNC) {
            // The kernel had more to say than the socket holds: something changed.
            Ok(_) | Err(nix::errno::Errno::ENOBUFS) => any = true,
            Err(nix::errno::Errno::EAGAIN) if any => return Ok(()),
            Err(errno) => return Err(errno.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn while_no_interface_changes_nobody_is_woken() {
        let mut links = LinkWatch::new().unwrap();
        let waited = timeout(Duration::from_millis(20), links.changed()).await;
        assert!(waited.is_err(), "{waited:?}");
    }
}
