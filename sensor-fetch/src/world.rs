//! Clock, sleep, chance and names, so that a test can have others.

use std::{
    hash::{BuildHasher as _, RandomState},
    io,
    net::{SocketAddr, ToSocketAddrs as _},
    thread,
    time::{Duration, Instant, SystemTime},
};

/// Clock, sleep, chance and names of the machine, or of a test.
///
/// What waits for a network is not here: a socket's time-outs are the machine's.
pub trait World: Send + Sync {
    /// The monotonic clock, for [`Limits::total`](crate::Limits::total).
    fn now(&self) -> Instant;
    /// The wall clock, for a `Retry-After` that is a date.
    fn wall(&self) -> SystemTime;
    /// Waits between two attempts.
    fn sleep(&self, pause: Duration);
    /// A length of time by chance, from nothing to `most`.
    fn chance(&self, most: Duration) -> Duration;
    /// The addresses of a name. May block; it is called on a thread of its own.
    fn resolve(&self, name: &str, port: u16) -> io::Result<Vec<SocketAddr>>;
}

/// The machine's own.
#[derive(Clone, Copy, Debug, Default)]
pub struct Machine;

impl World for Machine {
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn wall(&self) -> SystemTime {
        SystemTime::now()
    }

    fn sleep(&self, pause: Duration) {
        thread::sleep(pause);
    }

    fn chance(&self, most: Duration) -> Duration {
        // Keys of the hasher come from the kernel's random numbers; this is for spreading
        // requests, not for secrets.
        let random = RandomState::new().hash_one(Instant::now());
        let nanos = u64::try_from(most.as_nanos()).unwrap_or(u64::MAX);
        match nanos.checked_add(1) {
            Some(end) => Duration::from_nanos(random % end),
            None => Duration::from_nanos(random),
        }
    }

    fn resolve(&self, name: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        Ok((name, port).to_socket_addrs()?.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chance_stays_within_its_bound_and_differs() {
        let most = Duration::from_millis(5);
        let drawn: Vec<_> = (0..200).map(|_| Machine.chance(most)).collect();
        assert!(drawn.iter().all(|one| *one <= most));
        assert!(drawn.iter().any(|one| *one != drawn[0]));
        assert_eq!(Machine.chance(Duration::ZERO), Duration::ZERO);
    }
}
