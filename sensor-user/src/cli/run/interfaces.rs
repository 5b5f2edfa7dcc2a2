//! The interfaces of a run.

use anyhow::Context as _;

use super::super::{inputs::InputError, printer};
use crate::{
    kernel::{AttachError, AttachMode, Kernel, probe},
    loaded,
};

/// An interface to watch.
pub(super) struct Interface {
    pub(super) name: String,
    pub(super) index: u32,
    /// Whether it is more than a veth or tap.
    pub(super) is_real: bool,
}

/// Finds the interfaces of these names.
pub(super) fn find(names: &[String]) -> anyhow::Result<Vec<Interface>> {
    let mut found: Vec<Interface> = Vec::new();
    for name in names {
        let index = probe::interface_index(name)?;
        if found.iter().any(|known| known.index == index) {
            return Err(InputError::Usage(format!("interface {name} is named twice")).into());
        }
        if !probe::is_ethernet(index) {
            return Err(AttachError::NotEthernet {
                interface: name.clone(),
            }
            .into());
        }
        let is_real = !probe::is_virtual_end(index);
        found.push(Interface {
            name: name.clone(),
            index,
            is_real,
        });
    }
    let most = sensor_common::MAX_INTERFACES;
    if found.len() > most as usize {
        return Err(InputError::Usage(format!("more than {most} interfaces")).into());
    }
    Ok(found)
}

/// One bit a slot.
pub(super) fn mask(interfaces: &[Interface], has: impl Fn(&Interface) -> bool) -> u64 {
    (0..64)
        .zip(interfaces)
        .filter(|(_, i)| has(i))
        .fold(0, |mask, (slot, _)| mask | 1 << slot)
}

fn watching(interface: &Interface, mode: AttachMode, is_lab: bool) -> String {
    let Interface { name, is_real, .. } = interface;
    let limit = if is_lab && *is_real {
        "; a real interface, so only packets to or from this host's own addresses"
    } else {
        ""
    };
    format!("watching {name}, {} mode{limit}", mode.name())
}

/// On a real interface lab records this host's own packets only, so the program has to know
/// its addresses.
pub(super) fn set_own_addresses(
    kernel: &mut Kernel,
    interfaces: &[Interface],
) -> anyhow::Result<Vec<ipnet::IpNet>> {
    if interfaces.iter().all(|interface| !interface.is_real) {
        return Ok(Vec::new());
    }
    let own = probe::own_addresses().context("cannot read the addresses of this host")?;
    kernel.set_own_addresses(own.iter().copied())?;
    Ok(own.into_iter().map(Into::into).collect())
}

/// The interfaces with their slots, for snapshots.
pub(super) fn numbered(interfaces: &[Interface]) -> Vec<loaded::Interface> {
    let numbered = (0..)
        .zip(interfaces)
        .map(|(slot, interface)| loaded::Interface {
            name: interface.name.clone(),
            index: interface.index,
            slot,
        });
    numbered.collect()
}

/// Attaches to each.
pub(super) fn attach(
    kernel: &mut Kernel,
    interfaces: &[Interface],
    generic: bool,
    is_lab: bool,
) -> anyhow::Result<()> {
    let mode = if generic {
        AttachMode::Generic
    } else {
        AttachMode::Native
    };
    for (slot, interface) in (0..).zip(interfaces) {
        kernel.attach(&interface.name, interface.index, slot, mode)?;
        printer::say(is_lab, &watching(interface, mode, is_lab));
    }
    Ok(())
}
