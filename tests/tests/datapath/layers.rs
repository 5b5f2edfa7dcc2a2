//! Every header that is read, and every way to contradict, whole and cut off at every byte.

use sekisho::kernel::Datapath as _;
use sensor_common::{Counters, FlowKey, FlowValue, Malformed, Stat, Unsupported, Verdict};
use sensor_tests::require;

use crate::rig::{Rig, at_once};

#[path = "layers/frames.rs"]
mod frames;
pub(crate) use frames::shapes;

const WATCHED: [u8; 4] = [192, 0, 2, 1];
const OTHER: [u8; 4] = [198, 51, 100, 7];
pub(crate) const PREFIXES: [&str; 2] = ["192.0.2.0/24", "2001:db8:1::/48"];

/// What comes of a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Outcome {
    Malformed(Malformed),
    Unsupported(Unsupported),
    NotIp,
    /// Octets, protocol, ports, fragment, VLAN ids.
    Recorded(u64, u8, (u16, u16), u8, Vec<u16>),
}
use Outcome::{NotIp, Recorded};

/// A frame, where the last header that may be read ends, and what comes of it.
pub(crate) struct Shape {
    pub(crate) name: String,
    pub(crate) frame: Vec<u8>,
    pub(crate) headers: usize,
    outcome: Outcome,
}

/// One rig for many frames, each of which is judged by what it adds.
struct Judge {
    rig: Rig,
    before: Counters,
}

impl Judge {
    fn new() -> Self {
        let rig = Rig::watching(&PREFIXES);
        let before = rig.kernel.counters().unwrap();
        Self { rig, before }
    }

    /// What came of a frame of which so much was captured; nothing where it was recorded.
    fn refusal(&mut self, frame: &[u8], captured: usize) -> Option<Outcome> {
        self.rig.receive(&frame[..captured], at_once(frame));
        let now = self.rig.kernel.counters().unwrap();
        let before = std::mem::replace(&mut self.before, now);
        let counted = |stat: Stat| now[stat.cell()] - before[stat.cell()] == 1;
        assert!(counted(Stat::Seen));
        if counted(Stat::Verdict(Verdict::Malformed)) {
            let is_it = |reason: &&Malformed| counted(Stat::Malformed(**reason));
            let mut reasons = Malformed::ALL.iter().filter(is_it);
            let reason = *reasons.next().unwrap();
            assert_eq!(reasons.next(), None);
            return Some(Outcome::Malformed(reason));
        }
        if counted(Stat::Verdict(Verdict::Unsupported)) {
            let is_it = |reason: &&Unsupported| counted(Stat::Unsupported(**reason));
            let mut reasons = Unsupported::ALL.iter().filter(is_it);
            let reason = *reasons.next().unwrap();
            assert_eq!(reasons.next(), None);
            return Some(Outcome::Unsupported(reason));
        }
        if counted(Stat::Verdict(Verdict::NotIp)) {
            return Some(NotIp);
        }
        assert!(counted(Stat::Verdict(Verdict::Recorded)));
        None
    }

    /// What was recorded since it was last asked for, and of how many packets each.
    fn recorded(&mut self) -> Vec<Flow> {
        let flows = self.rig.drain();
        flows
            .iter()
            .map(|(key, value)| Flow::new(key, value))
            .collect()
    }

    /// The one flow that was recorded since it was last asked for.
    fn one_recorded(&mut self) -> Option<Outcome> {
        let mut flows = self.recorded();
        assert!(flows.len() < 2);
        flows.pop().map(|flow| flow.outcome)
    }
}

/// A flow that was recorded, all of whose packets are alike.
struct Flow {
    outcome: Outcome,
    packets: u64,
    has_ports: bool,
}

impl Flow {
    fn new(key: &FlowKey, value: &FlowValue) -> Self {
        let ports = [key.source_port, key.destination_port].map(u16::from_be_bytes);
        let tags = key.vlan.ids.iter().take(key.vlan_tags.into());
        let outcome = Recorded(
            value.octets / value.packets,
            key.protocol,
            ports.into(),
            key.fragment,
            tags.map(|&id| u16::from_be_bytes(id)).collect(),
        );
        assert!(key.has_ports == 1 || ports == [0; 2]);
        Self {
            outcome,
            packets: value.packets,
            has_ports: key.has_ports == 1,
        }
    }
}

#[test]
fn every_header_is_read_and_every_contradiction_has_its_reason() {
    require!(privilege);
    let (mut judge, mut reasons) = (Judge::new(), Vec::new());
    for shape in shapes() {
        let refusal = judge.refusal(&shape.frame, shape.frame.len());
        let found = refusal.or_else(|| judge.one_recorded());
        assert_eq!(found.as_ref(), Some(&shape.outcome), "{}", shape.name);
        reasons.extend(found);
    }
    judge.rig.counted();
    for reason in Malformed::ALL {
        let is_there = reasons.contains(&Outcome::Malformed(reason));
        assert!(is_there || reason == Malformed::Truncated, "{reason:?}");
    }
    for reason in Unsupported::ALL {
        let is_there = reasons.contains(&Outcome::Unsupported(reason));
        assert!(is_there, "{reason:?}");
    }
}

/// Cut while it was captured: `truncated` up to the end of the IP header, then without what is
/// not there, and from its last header on as if it were whole.
#[test]
fn a_frame_cut_off_at_any_byte_is_truncated_or_says_what_is_there() {
    require!(privilege);
    let mut judge = Judge::new();
    for shape in shapes() {
        let truncated = Some(Outcome::Malformed(Malformed::Truncated));
        let is_recorded = matches!(shape.outcome, Recorded(..));
        let (mut read, mut last) = (0, truncated.clone());
        for cut in 0..=shape.frame.len() {
            let refusal = judge.refusal(&shape.frame, cut);
            let said = format!("{} cut at {cut}: {refusal:?} after {last:?}", shape.name);
            // First cut short, then recorded, then refused if it is to be.
            let goes_on = match &refusal {
                one if *one == last => true,
                None => last == truncated,
                Some(found) => last != Some(shape.outcome.clone()) && *found == shape.outcome,
            };
            assert!(goes_on, "{said}");
            if cut >= shape.headers {
                assert_eq!(refusal.is_none(), is_recorded, "{said}");
            }
            read += u64::from(refusal.is_none());
            last = refusal;
        }
        let after_headers = (shape.frame.len() - shape.headers + 1) as u64;
        let mut whole = 0;
        for flow in judge.recorded() {
            read -= flow.packets;
            if flow.outcome == shape.outcome {
                whole += flow.packets;
            } else {
                assert!(!flow.has_ports, "{}: {:?}", shape.name, flow.outcome);
            }
        }
        assert_eq!(read, 0, "{}", shape.name);
        assert!(!is_recorded || whole >= after_headers, "{}", shape.name);
    }
    judge.rig.counted();
}

/// Cut before it was sent: its own lengths contradict, or it is what they say it is.
#[test]
fn a_frame_that_ends_early_on_the_wire_is_never_recorded_in_part() {
    require!(privilege);
    let mut judge = Judge::new();
    for shape in shapes() {
        for cut in 0..shape.frame.len() {
            judge.refusal(&shape.frame[..cut], cut);
        }
        if let Some(found) = judge.one_recorded() {
            assert_eq!(found, shape.outcome, "{}", shape.name);
        }
    }
    judge.rig.counted();
}
