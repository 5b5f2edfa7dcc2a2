//! A descriptor that becomes readable when there is something to hear.

use std::{io, os::fd::OwnedFd};

use tokio::io::{Interest, unix::AsyncFd};

/// A non-blocking descriptor, known to the runtime once somebody waits: outside of a runtime
/// it cannot be.
#[derive(Debug)]
pub(super) struct Readable {
    descriptor: OwnedFd,
    waiting: Option<AsyncFd<OwnedFd>>,
}

impl Readable {
    pub(super) const fn new(descriptor: OwnedFd) -> Self {
        Self {
            descriptor,
            waiting: None,
        }
    }

    /// Waits until `read` finds something; it fails with [`io::ErrorKind::WouldBlock`] when
    /// there is nothing. May be dropped and called again without missing anything.
    pub(super) async fn wait(
        &mut self,
        read: impl Fn(&OwnedFd) -> io::Result<()>,
    ) -> io::Result<()> {
        let descriptor = match &mut self.waiting {
            Some(descriptor) => descriptor,
            waiting => waiting.insert(register(self.descriptor.try_clone()?)?),
        };
        loop {
            let mut ready = descriptor.readable().await?;
            if let Ok(read) = ready.try_io(|descriptor| read(descriptor.get_ref())) {
                return read;
            }
        }
    }
}

fn register(descriptor: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: the descriptor is owned and open, it goes into the registration, and nothing here
    // closes or replaces it before the registration is dropped.
    Ok(unsafe { AsyncFd::register_with_interest(descriptor, Interest::READABLE)? })
}
