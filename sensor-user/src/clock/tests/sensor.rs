//! A sensor reduced to its clocks: an agent that keeps anchors and slots, a kernel that judges
//! packets, and an observer who knows the true time and every anchor that was ever taken.

use sensor_common::{Class, Direction, Facts, Passage, Slot, SlotMask, Verdict, judge};

use super::{simulated::has_stepped, *};

/// What happens to a machine. Times in nanoseconds.
#[derive(Clone, Copy, Debug)]
pub(super) enum Act {
    /// Time passes, with packets all the while.
    Advance(u64),
    /// Asleep: no packets.
    Suspend(u64),
    /// Somebody sets the wall clock; nobody has noticed yet.
    Step(i128),
    /// The wall clock is set right.
    Correct,
    /// The wall clock is synchronised, or no longer is.
    Discipline(bool, u64),
    /// The agent looks whether the wall clock was set.
    Notice,
    /// The agent takes an anchor for no reason.
    Anchor,
    /// An approval, from so long after now by the wall clock, for so long.
    Load(i64, u64),
    /// The agent ends; the kernel goes on, as with pinned programs.
    Stop,
    /// The agent starts, with what it kept. It finds the slots of the kernel, or not.
    Start { slots: bool },
    /// The machine is off for so long.
    Reboot(u64),
}

/// Terms of an approval by the anchors kept, or by all that this boot had.
pub(super) type Terming = fn(&Anchors, &[Anchor], u64, u64) -> Terms;

/// How an agent goes about it. [`Rule::RIGHT`] is the sensor's; the others show that the
/// observer sees a mistake.
#[derive(Clone, Copy)]
pub(super) struct Rule {
    /// Terms of an approval.
    pub(super) terms: Terming,
    /// What a slot in force becomes by new terms.
    pub(super) put: fn(Terms, Terms) -> Terms,
    /// What is still known when the agent starts.
    pub(super) keeps: Keeps,
    /// Whether a change of terms is announced, and a step told, as the sensor does it.
    pub(super) tells: bool,
}

/// What an agent knows when it starts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Keeps {
    All,
    ThisBoot,
    Nothing,
}

impl Rule {
    pub(super) const RIGHT: Self = Self {
        terms: |anchors, _, begin, end| anchors.terms(begin, end),
        put: Terms::narrowed,
        keeps: Keeps::All,
        tells: true,
    };
}

struct Approval {
    begin: u64,
    end: u64,
    /// The slot in the kernel, and the anchor by which this boot first loaded it.
    in_force: Option<(Terms, Anchor)>,
}

pub(super) struct Sensor {
    rule: Rule,
    clock: SimulatedClock,
    running: Option<Anchors>,
    /// The state folder.
    kept: String,
    approvals: Vec<Approval>,
    /// Every anchor of this boot.
    taken: Vec<Anchor>,
    /// Whether the first of them was right.
    first_was_right: bool,
    /// The latest time of which a synchronised clock knew, in an earlier boot, that it had passed.
    passed: u64,
    /// Packets recorded.
    pub(super) recorded: u64,
    /// Starts refused on account of the clock.
    pub(super) refused: u64,
}

/// What the observer objects to.
type Seen = Result<(), String>;

macro_rules! ensure {
    ($holds:expr, $($what:tt)+) => {
        if !$holds {
            return Err(format!($($what)+));
        }
    };
}

impl Sensor {
    /// A machine that started a while ago with its clock right, and an agent on it.
    pub(super) fn new(rule: Rule) -> Self {
        let mut sensor = Self {
            rule,
            clock: SimulatedClock::new(NOW, HOUR),
            running: None,
            kept: Anchors::default().to_string(),
            approvals: Vec::new(),
            taken: Vec::new(),
            first_was_right: false,
            passed: 0,
            recorded: 0,
            refused: 0,
        };
        sensor.start(true).unwrap();
        sensor
    }

    pub(super) fn act(&mut self, act: Act) -> Seen {
        match act {
            Act::Advance(time) => self.advance(time)?,
            Act::Suspend(time) => self.clock.suspend(Duration::from_nanos(time)),
            Act::Step(by) => self.clock.step_wall(by),
            Act::Correct => {
                let error = i128::from(self.clock.wall()) - i128::from(self.clock.true_time());
                self.clock.step_wall(-error);
            }
            Act::Discipline(synchronised, max_error) => self
                .clock
                .set_discipline(synchronised, Duration::from_nanos(max_error)),
            Act::Notice => {
                if self.running.is_some() && has_stepped(&mut self.clock) {
                    self.look()?;
                }
            }
            Act::Anchor => self.look()?,
            Act::Load(after, long) => {
                let begin = self.clock.wall().saturating_add_signed(after);
                self.approvals.push(Approval {
                    begin,
                    end: begin.saturating_add(long),
                    in_force: None,
                });
                self.look()?;
            }
            Act::Stop => self.running = None,
            Act::Start { slots } => self.start(slots)?,
            Act::Reboot(off) => self.reboot(off),
        }
        self.packet()
    }

    /// Packets at the begins and ends that fall into this time, where a mistake would show.
    fn advance(&mut self, time: u64) -> Seen {
        let now = self.boot();
        let end = now.saturating_add(time);
        let mut times: Vec<u64> = self
            .approvals
            .iter()
            .filter_map(|approval| approval.in_force)
            .flat_map(|(terms, _)| [terms.begin, terms.end.saturating_sub(1), terms.end])
            .filter(|at| (now..end).contains(at))
            .collect();
        times.push(end);
        times.sort_unstable();
        for at in times {
            self.clock.advance(Duration::from_nanos(at - self.boot()));
            self.packet()?;
        }
        Ok(())
    }

    fn start(&mut self, slots: bool) -> Seen {
        if self.running.is_some() {
            return Ok(());
        }
        let anchor = self.clock.anchor().unwrap();
        if may_start(&anchor, false).is_err() {
            self.refused += 1;
            return Ok(());
        }
        let kept = match self.rule.keeps {
            Keeps::Nothing => Anchors::default(),
            Keeps::ThisBoot if self.taken.is_empty() => Anchors::default(),
            Keeps::ThisBoot | Keeps::All => self.kept.parse().unwrap(),
        };
        if !slots {
            for approval in &mut self.approvals {
                approval.in_force = None;
            }
        }
        self.take(kept, anchor)
    }

    fn look(&mut self) -> Seen {
        let Some(anchors) = self.running.take() else {
            return Ok(());
        };
        let anchor = self.clock.anchor().unwrap();
        self.take(anchors, anchor)
    }

    fn take(&mut self, mut anchors: Anchors, anchor: Anchor) -> Seen {
        let taken = match anchors.take(anchor) {
            Ok(taken) => taken,
            Err(ClockError::SetBack { .. }) => {
                self.refused += 1;
                return Ok(());
            }
            Err(error) => return Err(error.to_string()),
        };
        ensure!(
            anchor.wall.saturating_add(anchor.uncertainty) >= self.passed || !self.taken.is_empty(),
            "started at {} though {} had passed",
            anchor.wall,
            self.passed
        );
        ensure!(anchors.kept().len() <= 5, "kept {:?}", anchors.kept());
        self.check_news(taken.news, &anchor)?;
        if self.taken.is_empty() {
            let off = anchor.wall.abs_diff(self.clock.true_time());
            self.first_was_right = off <= anchor.uncertainty;
        }
        self.taken.push(anchor);
        self.kept = anchors.to_string();
        for approval in &mut self.approvals {
            let terms = (self.rule.terms)(&anchors, &self.taken, approval.begin, approval.end);
            let (before, by) = approval.in_force.unwrap_or((terms, anchor));
            let now = (self.rule.put)(before, terms);
            ensure!(
                now == before || taken.narrowed || !self.rule.tells,
                "terms went from {before:?} to {now:?} unannounced"
            );
            approval.in_force = Some((now, by));
        }
        self.running = Some(anchors);
        Ok(())
    }

    fn check_news(&self, news: News, anchor: &Anchor) -> Seen {
        let Some(last) = self.taken.last().filter(|_| self.rule.tells) else {
            return Ok(());
        };
        let went = i128::from(anchor.boot) - i128::from(last.boot);
        let moved = i128::from(anchor.wall) - i128::from(last.wall) - went;
        let right = match news {
            News::Steady => moved.unsigned_abs() <= STEP.as_nanos(),
            News::Stepped(Step { way, by }) => {
                by.as_nanos() == moved.unsigned_abs()
                    && by > STEP
                    && (way == Way::Forward) == (moved > 0)
            }
            News::First | News::Rebooted => false,
        };
        ensure!(right, "{news:?} of a wall clock moved by {moved}");
        Ok(())
    }

    fn reboot(&mut self, off: u64) {
        let last = self.taken.last().map_or(0, |anchor| anchor.boot);
        let known = self
            .taken
            .iter()
            .filter(|anchor| anchor.synchronised)
            .map(|anchor| (anchor.wall - anchor.uncertainty).saturating_add(last - anchor.boot));
        self.passed = known.max().unwrap_or(0).max(self.passed);
        self.running = None;
        self.taken.clear();
        for approval in &mut self.approvals {
            approval.in_force = None;
        }
        self.clock.reboot(Duration::from_nanos(off));
    }

    /// A packet for each approval, now.
    fn packet(&mut self) -> Seen {
        let now = self.boot();
        for approval in &self.approvals {
            let Some((terms, loaded)) = approval.in_force else {
                continue;
            };
            if !is_recorded(terms, now) {
                continue;
            }
            self.recorded += 1;
            let Approval { begin, end, .. } = *approval;
            let inside = |earliest: i128, latest: i128| {
                i128::from(begin) <= earliest && latest < i128::from(end)
            };
            let by = |anchor: &Anchor| {
                i128::from(anchor.wall) + i128::from(now) - i128::from(anchor.boot)
            };
            ensure!(
                inside(by(&loaded), by(&loaded)),
                "recorded outside what was approved, by the clock that loaded it"
            );
            let truly = i128::from(self.clock.true_time());
            ensure!(
                !self.first_was_right || inside(truly, truly),
                "recorded outside what was approved, truly"
            );
            for anchor in &self.taken {
                let unsure = i128::from(anchor.uncertainty);
                ensure!(
                    inside(by(anchor) - unsure, by(anchor) + unsure),
                    "recorded outside what {anchor:?} allows"
                );
            }
            ensure!(
                self.passed < end,
                "recorded though the end had passed before this boot"
            );
        }
        Ok(())
    }

    fn boot(&self) -> u64 {
        self.clock.boot().unwrap()
    }
}

/// By the rule the kernel has.
fn is_recorded(Terms { begin, end }: Terms, now: u64) -> bool {
    let slot = Slot {
        begin,
        end,
        interfaces: 1,
        classes: 1,
        directions: 1 << Direction::Through as u8,
        ..Slot::default()
    };
    let facts = Facts {
        now,
        passage: Passage {
            class: Class::Transit,
            direction: Direction::Through,
            operator: 0,
        },
        interface: 1,
        own_address: false,
        attended: true,
    };
    judge(&SlotMask::of(0), [slot].as_slice(), &facts).verdict == Verdict::Recorded
}
