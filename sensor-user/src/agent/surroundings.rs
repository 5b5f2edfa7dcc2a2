//! What may change around an agent: clocks and interfaces.

use std::io;

/// Says when an interface may have changed.
pub trait Links {
    /// Completes when an interface of the machine was made, renamed or removed, or may have
    /// been, since the last time. May be dropped and called again without missing one.
    fn changed(&mut self) -> impl Future<Output = io::Result<()>> + Send;
}

/// Interfaces that never change: for tests.
#[derive(Clone, Copy, Debug)]
pub struct Steady;

impl Links for Steady {
    async fn changed(&mut self) -> io::Result<()> {
        std::future::pending().await
    }
}
