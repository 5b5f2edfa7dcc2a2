//! A world in which nobody waits, and names are what tests say.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::Mutex,
    thread,
    time::{Duration, Instant, SystemTime},
};

use sensor_fetch::World;

/// A wall clock of its own, sleep that only moves the clock, and names that are this machine.
pub(crate) struct Still {
    slept: Mutex<Vec<Duration>>,
}

impl Still {
    pub(crate) fn new() -> Self {
        Self {
            slept: Mutex::new(Vec::new()),
        }
    }

    /// How long was waited, each time.
    pub(crate) fn slept(&self) -> Vec<Duration> {
        self.slept.lock().unwrap().clone()
    }
}

impl World for Still {
    fn now(&self) -> Instant {
        Instant::now() + self.slept().iter().sum::<Duration>()
    }

    /// Sun, 06 Nov 1994 08:49:37 GMT, the example of RFC 9110.
    fn wall(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777)
    }

    fn sleep(&self, pause: Duration) {
        self.slept.lock().unwrap().push(pause);
    }

    fn chance(&self, most: Duration) -> Duration {
        most
    }

    fn resolve(&self, name: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        match name {
            "hangs.test" => {
                thread::sleep(Duration::from_secs(20));
                Ok(Vec::new())
            }
            "nobody.test" => Ok(Vec::new()),
            // First an address at which nobody answers.
            "second.test" => Ok(vec![
                (Ipv4Addr::new(127, 0, 0, 2), 1).into(),
                (Ipv4Addr::LOCALHOST, port).into(),
            ]),
            "feed.test" | "other.test" | "unlisted.test" => {
                Ok(vec![(Ipv4Addr::LOCALHOST, port).into()])
            }
            _ => Err(io::Error::other("no such name")),
        }
    }
}
