//! What of a decision a run covers: which approvals, and on which of its interfaces.
//!
//! It asks neither kernel nor clock: what the interfaces are is an argument. A replay uses it
//! like an agent.

use std::{collections::BTreeSet, sync::Arc};

use sensor_common::{Class, Slot};

use super::Content;
use crate::{
    clock::Terms,
    documents::{
        Granted, IndicatorSet, Time,
        paper::{self, Interface},
    },
    kernel::probe::Hardware,
    places::{Exclusion, Layers},
    watchlist::{Approval, ApprovalId, Handling, Scope, Tunnel, Validity, Watchlist},
};

/// An interface of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// Its name.
    pub name: String,
    /// Its slot.
    pub slot: u8,
    /// What it is, or why that is unknown; `None` in replay, where the name alone decides.
    pub hardware: Option<Result<Hardware, String>>,
}

/// An approval as a run covers it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Covered {
    /// What is granted.
    pub granted: Granted,
    /// The interfaces of the run, a bit for each slot.
    pub interfaces: u64,
}

/// What a run covers of what is granted at a moment, and what it cannot cover, in words.
pub fn cover(
    granted: &[Granted],
    layers: Option<&Layers>,
    now: Time,
    ports: &[Port],
) -> (Vec<Covered>, BTreeSet<String>) {
    let mut covered = Vec::new();
    let mut refused = BTreeSet::new();
    for granted in granted {
        if now < granted.from || granted.until <= now {
            continue;
        }
        let id = &granted.id;
        if operator(granted, layers).is_none() {
            refused.insert(format!(
                "{id} is not loaded: no place is known of what it is for"
            ));
            continue;
        }
        let (interfaces, misfits) = interfaces(&granted.interfaces, ports);
        refused.extend(misfits.into_iter().map(|misfit| format!("{id}: {misfit}")));
        if interfaces == 0 {
            refused.insert(format!(
                "{id} is not loaded: none of its interfaces is one of this run's"
            ));
            continue;
        }
        covered.push(Covered {
            granted: granted.clone(),
            interfaces,
        });
    }
    (covered, refused)
}

/// A bit for the slot of each interface that is here as it was asked for, and why others that
/// have a name of this run's are not.
fn interfaces(asked: &[Interface], ports: &[Port]) -> (u64, Vec<String>) {
    let mut mask = 0;
    let mut misfits = Vec::new();
    for asked in asked {
        for port in ports.iter().filter(|port| *port.name == *asked.name) {
            match fits(port, asked) {
                Ok(()) => mask |= 1u64.checked_shl(u32::from(port.slot)).unwrap_or(0),
                Err(misfit) => misfits.push(misfit),
            }
        }
    }
    (mask, misfits)
}

/// Whether an interface of this name is the one that was asked for.
fn fits(port: &Port, asked: &Interface) -> Result<(), String> {
    let Port { name, hardware, .. } = port;
    let hardware = match hardware {
        None => return Ok(()),
        Some(Ok(hardware)) => hardware,
        Some(Err(error)) => return Err(format!("interface {name} cannot be looked at: {error}")),
    };
    let Hardware { mac, bus } = hardware;
    if *mac != asked.mac.to_string() {
        let asked = &asked.mac;
        return Err(format!(
            "interface {name} has the hardware address {mac}, the request says {asked}"
        ));
    }
    if **bus != *asked.bus {
        let asked = &asked.bus;
        return Err(format!(
            "interface {name} is plugged in at {bus}, the request says {asked}"
        ));
    }
    Ok(())
}

/// The number of its operator in tables, 0 where it has none; `None` where the operator has no
/// place.
fn operator(granted: &Granted, layers: Option<&Layers>) -> Option<u16> {
    let layers = layers?;
    let operator = match (granted.class, &granted.operator) {
        (Class::Infrastructure, Some(operator)) => operator,
        (Class::Infrastructure, None) => return None,
        (Class::Transit | Class::Relay, _) => return Some(0),
    };
    let at = (layers.operators.iter()).position(|known| *known.id.0 == **operator)?;
    u16::try_from(at + 1).ok()
}

impl Covered {
    /// Whether everything that `before` let be recorded may still be, but for when.
    pub fn only_widens(&self, before: &Self) -> bool {
        let (new, old) = (&self.granted, &before.granted);
        new.id == old.id
            && new.document == old.document
            && new.class == old.class
            && new.operator == old.operator
            && new.fields == old.fields
            && old
                .directions
                .iter()
                .all(|way| new.directions.contains(way))
            && old
                .tunnels
                .iter()
                .all(|tunnel| new.tunnels.contains(tunnel))
            && before.interfaces & !self.interfaces == 0
            && has_all(&new.indicators, &old.indicators)
    }

    /// Its name in the kernel's book.
    pub fn id(&self) -> ApprovalId {
        ApprovalId(self.granted.id.clone())
    }
}

fn has_all(new: &Arc<IndicatorSet>, old: &Arc<IndicatorSet>) -> bool {
    // Equal is what they nearly always are, and the same `Arc` is compared at once.
    if new == old {
        return true;
    }
    old.prefixes.beyond(&new.prefixes).is_none()
}

/// What a generation with these approvals is made of. `terms` puts begin and end on the clock of
/// the kernel.
pub fn content(
    covered: &[Covered],
    layers: Arc<Layers>,
    terms: impl Fn(Time, Time) -> Terms,
) -> Content {
    let mut watchlist = Watchlist::default();
    let mut known: Vec<(&Arc<IndicatorSet>, Scope)> = Vec::new();
    let mut approvals = Vec::with_capacity(covered.len());
    for covered in covered {
        let granted = &covered.granted;
        let set = granted.watched();
        let known_as = known.iter().find(|(added, _)| *added == set);
        let scope = if let Some((_, scope)) = known_as {
            scope.clone()
        } else {
            let scope = add(&mut watchlist, set);
            known.push((set, scope.clone()));
            scope
        };
        let Terms { begin, end } = terms(granted.from, granted.until);
        let directions = granted.directions.iter();
        approvals.push(Approval {
            id: covered.id(),
            validity: Validity {
                begin: granted.from.0,
                end: granted.until.0,
            },
            scope,
            handling: Arc::new(Handling {
                retention: Some(granted.retention),
                recipients: Some(granted.recipients.clone()),
            }),
            tunnels: granted.tunnels.iter().map(tunnel).collect(),
            terms: Slot {
                begin,
                end,
                interfaces: covered.interfaces,
                own_addresses_only: 0,
                epoch: 0,
                fields: granted.fields,
                operator: operator(granted, Some(&layers)).unwrap_or(0),
                classes: 1 << granted.class as u8,
                directions: directions.fold(0, |bits, way| bits | 1 << *way as u8),
                reserved: [0; 6],
            },
        });
    }
    Content {
        approvals,
        layers,
        watchlist,
    }
}

/// A tunnel as it was asked for.
fn tunnel(asked: &paper::Tunnel) -> Tunnel {
    Tunnel {
        kind: asked.tunnel.kind(),
        port: asked.port,
        skipped: asked.skipped(),
        ends: asked.ends.map(|end| end.0),
    }
}

fn add(watchlist: &mut Watchlist, set: &IndicatorSet) -> Scope {
    let numbers = watchlist.share_feed(set.file.clone(), set.prefixes.clone());
    Scope::Indicators(numbers.into())
}

/// Before there is a territory: every address is excluded.
pub fn nowhere() -> Layers {
    let everything = [
        ipnet::IpNet::V4(ipnet::Ipv4Net::default()),
        ipnet::IpNet::V6(ipnet::Ipv6Net::default()),
    ];
    Layers {
        exclusions: everything
            .map(|prefix| Exclusion {
                prefix,
                source: "no territory is in force".into(),
                line: 0,
            })
            .into(),
        ..Layers::lab()
    }
}

#[cfg(test)]
mod tests;
