//! The verdict: what is decided about a packet, each packet getting exactly one.
//!
//! It starts with the approvals that name the matched indicators and narrows
//! them step by step; the first step that leaves none is the verdict. A slot
//! that falls at step `k` fell for that step alone, so the step that empties the
//! mask is the furthest any slot came, and the slots that came to the end are
//! the approvals the packet is counted under. [`judge`] computes that in one
//! pass over the slots, where a mask for every step would not fit on the stack.

use crate::{
    fields::Fields,
    place::Place,
    slot::{SLOTS, Slot, SlotMask},
};

/// What was decided about a packet, in the order of the decision.
///
/// The numbers index counters and stored data: they are never reused.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// Neither IPv4 nor IPv6.
    NotIp = 0,
    /// Contradicts itself or is cut short.
    Malformed = 1,
    /// Too deep or in an encapsulation that is not read.
    Unsupported = 2,
    /// Nothing watched.
    NoMatch = 3,
    /// An end is excluded.
    Excluded = 4,
    /// An end cannot be placed.
    Unknown = 5,
    /// Both ends are domestic.
    Domestic = 6,
    /// No approval names the indicator.
    Unapproved = 7,
    /// No approval has begun.
    NotYet = 8,
    /// Every approval has ended.
    Expired = 9,
    /// No approval covers the class.
    Class = 10,
    /// No approval covers the direction.
    Direction = 11,
    /// No approval covers the interface.
    Interface = 12,
    /// The agent is gone.
    Unattended = 13,
    /// Counted in a flow.
    Recorded = 14,
}

impl Verdict {
    /// All verdicts in their order.
    pub const ALL: [Self; 15] = [
        Self::NotIp,
        Self::Malformed,
        Self::Unsupported,
        Self::NoMatch,
        Self::Excluded,
        Self::Unknown,
        Self::Domestic,
        Self::Unapproved,
        Self::NotYet,
        Self::Expired,
        Self::Class,
        Self::Direction,
        Self::Interface,
        Self::Unattended,
        Self::Recorded,
    ];

    /// The name in output and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotIp => "not_ip",
            Self::Malformed => "malformed",
            Self::Unsupported => "unsupported",
            Self::NoMatch => "no_match",
            Self::Excluded => "excluded",
            Self::Unknown => "unknown",
            Self::Domestic => "domestic",
            Self::Unapproved => "unapproved",
            Self::NotYet => "not_yet",
            Self::Expired => "expired",
            Self::Class => "class",
            Self::Direction => "direction",
            Self::Interface => "interface",
            Self::Unattended => "unattended",
            Self::Recorded => "recorded",
        }
    }
}

/// Whose communication a packet belongs to, from the territory of its two addresses.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// Foreign to foreign, through this network.
    Transit = 0,
    /// Foreign with the prefix of a consenting operator.
    Infrastructure = 1,
    /// Foreign with another domestic address, through a server used in past attacks.
    Relay = 2,
}

impl Class {
    /// All classes in their order.
    pub const ALL: [Self; 3] = [Self::Transit, Self::Infrastructure, Self::Relay];

    /// The name in output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Transit => "transit",
            Self::Infrastructure => "infrastructure",
            Self::Relay => "relay",
        }
    }

    /// The class with this number.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }
}

/// Which way a packet goes, seen from the territory.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// From foreign to domestic.
    Inbound = 0,
    /// From domestic to foreign.
    Outbound = 1,
    /// From foreign to foreign.
    Through = 2,
}

impl Direction {
    /// All directions in their order.
    pub const ALL: [Self; 3] = [Self::Inbound, Self::Outbound, Self::Through];

    /// The name in output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Inbound => "inbound",
            Self::Outbound => "outbound",
            Self::Through => "through",
        }
    }

    /// The direction with this number.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }
}

/// What the places of a packet's two ends make of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Passage {
    /// Class.
    pub class: Class,
    /// Direction.
    pub direction: Direction,
    /// The operator whose prefix one end lies in; 0 is none.
    pub operator: u16,
}

impl Passage {
    /// Class and direction of a packet between two places, or why it is never recorded.
    ///
    /// The prefix of an operator is `infrastructure` whether or not a consent is in force:
    /// what has ended must not become `relay`.
    #[inline(always)]
    pub const fn between(source: Place, destination: Place) -> Result<Self, Verdict> {
        let (class, direction, operator) = match (source, destination) {
            (Place::Excluded, _) | (_, Place::Excluded) => return Err(Verdict::Excluded),
            (Place::Unknown, _) | (_, Place::Unknown) => return Err(Verdict::Unknown),
            (Place::Foreign, Place::Foreign) => (Class::Transit, Direction::Through, 0),
            (Place::Foreign, Place::Domestic) => (Class::Relay, Direction::Inbound, 0),
            (Place::Domestic, Place::Foreign) => (Class::Relay, Direction::Outbound, 0),
            (Place::Foreign, Place::Operator(operator)) => {
                (Class::Infrastructure, Direction::Inbound, operator)
            }
            (Place::Operator(operator), Place::Foreign) => {
                (Class::Infrastructure, Direction::Outbound, operator)
            }
            (Place::Domestic | Place::Operator(_), Place::Domestic | Place::Operator(_)) => {
                return Err(Verdict::Domestic);
            }
        };
        Ok(Self {
            class,
            direction,
            operator,
        })
    }
}

/// What the verdict depends on besides the slots.
#[derive(Clone, Copy, Debug)]
pub struct Facts {
    /// Time of the packet, on the clock of the slots.
    pub now: u64,
    /// Class, direction and operator of the packet.
    pub passage: Passage,
    /// The bit of the interface's slot; 0 when the interface has none.
    pub interface: u64,
    /// Whether either end is an address of this host.
    pub own_address: bool,
    /// Whether the agent's lease holds.
    pub attended: bool,
}

/// Where [`judge`] reads slots from.
pub trait SlotTable {
    /// The slot with this number.
    fn slot(&self, number: u32) -> Option<&Slot>;

    /// Counts how far a packet came in a slot.
    #[inline(always)]
    fn count(&self, number: u32, reached: Verdict) {
        let _ = (number, reached);
    }

    /// Takes every step of a narrowing. The kernel side has a loop of its own kind for it.
    #[inline(always)]
    fn narrow(&self, narrowing: &mut Narrowing, facts: &Facts) {
        while narrowing.step(self, facts) {}
    }
}

impl SlotTable for [Slot] {
    fn slot(&self, number: u32) -> Option<&Slot> {
        self.get(number as usize)
    }
}

/// A verdict with the approvals it rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// The verdict.
    pub verdict: Verdict,
    /// The approvals the packet is counted under; empty unless it is recorded.
    pub approvals: SlotMask,
    /// What any of them lets a record say.
    pub fields: Fields,
    /// The last of them; 0 where there is none.
    pub last: u32,
}

/// Narrows the approvals that name a packet's match sets to those that allow recording it.
#[inline(always)]
pub fn judge<T: SlotTable + ?Sized>(named: &SlotMask, slots: &T, facts: &Facts) -> Judgement {
    let mut reached = 0;
    let mut fields = Fields::NONE;
    let mut last = 0;
    let mut narrow = |word: usize, first: u32| {
        if named.words[word] == 0 {
            return 0;
        }
        let mut narrowing = Narrowing {
            left: named.words[word],
            number: first,
            reached: 0,
            bit: 1,
            kept: 0,
            fields: Fields::NONE,
            reserved: 0,
            last: 0,
        };
        slots.narrow(&mut narrowing, facts);
        reached |= narrowing.reached;
        fields = fields.union(narrowing.fields);
        if narrowing.kept != 0 {
            last = narrowing.last;
        }
        narrowing.kept
    };
    let words = [narrow(0, 0), narrow(1, 64), narrow(2, 128), narrow(3, 192)];
    Judgement {
        verdict: furthest(reached),
        approvals: SlotMask { words },
        fields,
        last,
    }
}

/// The narrowing of up to 64 slots, a slot a step.
///
/// The order keeps zeroes apart: 16 bytes of them in a row become a call to `memset`, whose
/// loop the verifier refuses without `CAP_PERFMON`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Narrowing {
    /// Slots to come, the next one in the lowest bit.
    left: u64,
    /// The slots that came to the end.
    kept: u64,
    /// The next slot's own bit.
    bit: u64,
    /// Number of the next slot.
    number: u32,
    /// A bit for every step that a slot came to.
    reached: u32,
    /// What the slots that came to the end let a record say.
    fields: Fields,
    reserved: u16,
    /// The last of them.
    last: u32,
}

impl Narrowing {
    /// Steps after which none is left, whatever there was.
    pub const STEPS: u32 = u64::BITS;

    /// Judges the next slot; `false` when none is left.
    #[inline(always)]
    pub fn step<T: SlotTable + ?Sized>(&mut self, slots: &T, facts: &Facts) -> bool {
        if self.left == 0 {
            return false;
        }
        if self.left & 1 == 1
            && let Some(slot) = slots.slot(self.number)
        {
            let reached = reach(slot, facts);
            self.reached |= 1 << reached as u32;
            if reached as u32 == Verdict::Recorded as u32 {
                self.kept |= self.bit;
                self.fields = self.fields.union(slot.fields);
                self.last = self.number;
            }
            slots.count(self.number, reached);
        }
        self.left >>= 1;
        self.number += 1;
        self.bit <<= 1;
        true
    }
}

/// How far one slot gets; [`Verdict::Recorded`] when it allows the packet.
#[inline(always)]
fn reach(slot: &Slot, facts: &Facts) -> Verdict {
    let interface = facts.interface;
    if slot.own_addresses_only & interface != 0 && !facts.own_address {
        return Verdict::Unapproved;
    }
    if facts.now < slot.begin {
        return Verdict::NotYet;
    }
    if facts.now >= slot.end {
        return Verdict::Expired;
    }
    let Passage {
        class,
        direction,
        operator,
    } = facts.passage;
    if slot.classes >> class as u8 & 1 == 0 || !covers(slot, operator) {
        return Verdict::Class;
    }
    if slot.directions >> direction as u8 & 1 == 0 {
        return Verdict::Direction;
    }
    if slot.interfaces & interface == 0 {
        return Verdict::Interface;
    }
    if !facts.attended {
        return Verdict::Unattended;
    }
    Verdict::Recorded
}

/// Whether an approval covers this operator; each has the consent of one.
#[inline(always)]
const fn covers(slot: &Slot, operator: u16) -> bool {
    operator == 0 || slot.operator == operator || slot.operator == Slot::ANY_OPERATOR
}

/// The verdict of the furthest step that any slot came to.
#[inline(always)]
fn furthest(reached: u32) -> Verdict {
    const LATER: [Verdict; 7] = [
        Verdict::Recorded,
        Verdict::Unattended,
        Verdict::Interface,
        Verdict::Direction,
        Verdict::Class,
        Verdict::Expired,
        Verdict::NotYet,
    ];
    for verdict in LATER {
        if reached >> verdict as u32 & 1 == 1 {
            return verdict;
        }
    }
    Verdict::Unapproved
}

const _: () = assert!(SLOTS == 4 * u64::BITS);

#[cfg(test)]
mod tests;
