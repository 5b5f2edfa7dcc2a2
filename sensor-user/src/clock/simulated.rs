//! Clocks that a test moves: the true time, and a machine's boot and wall clock.
//!
//! It does what Linux does, written for reading, and serves tests of whatever takes a
//! [`ClockSource`]. Clones show the same machine.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Poll, Waker},
    time::Duration,
};

use super::{Anchor, BootId, ClockError, ClockSource};

/// `NTP_PHASE_LIMIT`, kernel/time/ntp.c: what the kernel says of an undisciplined clock.
const LARGEST_ERROR: Duration = Duration::from_secs(16);

/// The clocks of a machine in a test.
#[derive(Clone, Debug)]
pub struct SimulatedClock {
    machine: Arc<Mutex<Machine>>,
    /// Settings of the wall clock that this source has told of.
    told: u64,
}

#[derive(Debug)]
struct Machine {
    boot_id: u128,
    true_time: u64,
    boot: u64,
    /// Wall clock minus true time.
    error: i128,
    max_error: Duration,
    synchronised: bool,
    /// How often the wall clock was set.
    settings: u64,
    waiting: Vec<Waker>,
}

impl SimulatedClock {
    /// A machine whose clock is right and synchronised. Times are nanoseconds since 1970 and
    /// since boot.
    pub fn new(true_time: u64, boot: u64) -> Self {
        Self {
            machine: Arc::new(Mutex::new(Machine {
                boot_id: 1,
                true_time,
                boot,
                error: 0,
                max_error: Duration::ZERO,
                synchronised: true,
                settings: 0,
                waiting: Vec::new(),
            })),
            told: 0,
        }
    }

    /// Nanoseconds since 1970, truly.
    pub fn true_time(&self) -> u64 {
        self.machine().true_time
    }

    /// Nanoseconds since 1970 by the wall clock.
    pub fn wall(&self) -> u64 {
        self.machine().wall()
    }

    /// Time passes.
    pub fn advance(&self, time: Duration) {
        self.machine().advance(time);
    }

    /// The machine is suspended for a while. All clocks go on, and [`ClockSource::stepped`]
    /// completes, as after `timekeeping_resume` of kernel/time/timekeeping.c.
    pub fn suspend(&self, time: Duration) {
        let mut machine = self.machine();
        machine.advance(time);
        machine.was_set();
    }

    /// Somebody moves the wall clock, in nanoseconds. The kernel then counts it as undisciplined
    /// (`do_settimeofday64` of kernel/time/timekeeping.c clears the state of NTP), until
    /// [`Self::set_discipline`].
    pub fn step_wall(&self, by: i128) {
        let mut machine = self.machine();
        machine.error = machine.error.saturating_add(by);
        machine.synchronised = false;
        machine.max_error = LARGEST_ERROR;
        machine.was_set();
    }

    /// Says whether the wall clock is synchronised, and how far it may be off at most. Neither
    /// moves it.
    pub fn set_discipline(&self, synchronised: bool, max_error: Duration) {
        let mut machine = self.machine();
        machine.synchronised = synchronised;
        machine.max_error = max_error;
    }

    /// The machine boots again after being off for a while; its wall clock goes on.
    pub fn reboot(&self, off: Duration) {
        let mut machine = self.machine();
        machine.advance(off);
        machine.boot_id += 1;
        machine.boot = 0;
        machine.synchronised = false;
        machine.max_error = LARGEST_ERROR;
        machine.was_set();
    }

    fn machine(&self) -> MutexGuard<'_, Machine> {
        // A poisoned lock is that of a test that failed already.
        self.machine.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Machine {
    fn wall(&self) -> u64 {
        let wall = i128::from(self.true_time).saturating_add(self.error);
        u64::try_from(wall.max(0)).unwrap_or(u64::MAX)
    }

    fn advance(&mut self, time: Duration) {
        let time = nanoseconds(time);
        self.true_time = self.true_time.saturating_add(time);
        self.boot = self.boot.saturating_add(time);
    }

    fn was_set(&mut self) {
        self.settings += 1;
        self.waiting.drain(..).for_each(Waker::wake);
    }
}

impl ClockSource for SimulatedClock {
    fn boot(&self) -> Result<u64, ClockError> {
        Ok(self.machine().boot)
    }

    fn anchor(&self) -> Result<Anchor, ClockError> {
        let machine = self.machine();
        Ok(Anchor {
            boot_id: BootId(machine.boot_id),
            boot: machine.boot,
            wall: machine.wall(),
            uncertainty: nanoseconds(machine.max_error),
            synchronised: machine.synchronised,
        })
    }

    fn stepped(&mut self) -> impl Future<Output = Result<(), ClockError>> + Send {
        std::future::poll_fn(move |context| {
            let Self { machine, told } = &mut *self;
            let mut machine = machine.lock().unwrap_or_else(PoisonError::into_inner);
            if *told != machine.settings {
                *told = machine.settings;
                return Poll::Ready(Ok(()));
            }
            let waker = context.waker();
            if !machine.waiting.iter().any(|other| other.will_wake(waker)) {
                machine.waiting.push(waker.clone());
            }
            Poll::Pending
        })
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
