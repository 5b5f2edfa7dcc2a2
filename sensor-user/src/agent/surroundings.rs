//! What may change around an agent: clocks and interfaces.

use std::io;

use crate::kernel::probe::{Hardware, NO_DEVICE};

/// Says when an interface may have changed.
pub trait Links {
    /// Completes when an interface of the machine was made, renamed or removed, or may have
    /// been, since the last time. May be dropped and called again without missing one.
    fn changed(&mut self) -> impl Future<Output = io::Result<()>> + Send;

    /// What the interface with this index is.
    ///
    /// # Errors
    ///
    /// When it is gone, or cannot be asked.
    fn hardware(&self, index: u32) -> io::Result<Hardware>;
}

/// Interfaces that never change: for tests.
#[derive(Clone, Copy, Debug)]
pub struct Steady;

impl Links for Steady {
    async fn changed(&mut self) -> io::Result<()> {
        std::future::pending().await
    }

    fn hardware(&self, _: u32) -> io::Result<Hardware> {
        Ok(Hardware {
            mac: "02:00:00:00:00:01".into(),
            bus: NO_DEVICE.into(),
        })
    }
}
