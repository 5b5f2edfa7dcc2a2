//! Gathers the facts of the preflight, and answers small questions about interfaces.
//!
//! Links are asked through rtnetlink and not through `/sys/class/net`: sysfs shows the network
//! namespace it was mounted in, netlink the one the caller is in, and one answer holds MTU,
//! flags, counters and the XDP slot of the same moment. Nothing here reads a packet, and nothing
//! changes the interface.

use std::io;
use std::net::IpAddr;

use nix::errno::Errno;
use nix::ifaddrs::getifaddrs;
use nix::net::if_::{if_nameindex, if_nametoindex};

use crate::preflight::{BONDING, HostFacts, InterfaceFacts, Observed, Sample};

pub(super) mod clock;
mod ethtool;
mod hardware;
mod host;
mod link;
mod netdev;
mod netlink;
pub mod xdp_slot;

pub use self::hardware::{Hardware, NO_DEVICE, hardware};
pub use self::xdp_slot::{AttachedXdp, XdpMode, attached_xdp};

/// Why an interface could not be looked at.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// The network namespace has no interface of this name.
    #[error("no interface '{}'; there are: {}", name.escape_debug(), available.join(", "))]
    NoSuchInterface {
        /// The name asked for.
        name: String,
        /// The names there are, sorted.
        available: Vec<String>,
    },
    /// The kernel did not answer which interfaces there are.
    #[error("cannot ask for interface '{}'", name.escape_debug())]
    Lookup {
        /// The name asked for.
        name: String,
        /// What the kernel said.
        source: io::Error,
    },
}

/// The facts of this host.
pub fn host() -> HostFacts {
    host::facts()
}

/// The facts of an interface, all but its traffic: that is for the caller to [`sample`] twice.
///
/// # Errors
///
/// When there is no such interface. What else cannot be seen is unknown in the facts.
pub fn interface(name: &str) -> Result<InterfaceFacts, ProbeError> {
    let index = interface_index(name)?;
    let link = link::by_index(index);
    Ok(InterfaceFacts {
        name: name.to_owned(),
        index,
        driver: observed(ethtool::driver(name)),
        xdp_features: netdev::xdp_features(index),
        offloads: observed(ethtool::offloads(name)),
        link: observed(link.as_ref().map(link::LinkMessage::link)),
        xdp_slot: observed(attached_xdp(index)),
        addresses: observed(addresses(Some(name))),
        traffic: Err("not sampled".to_owned()),
    })
}

/// Whether an interface is several links as one.
pub fn is_bond(name: &str) -> bool {
    ethtool::driver(name).is_ok_and(|driver| driver == BONDING)
}

/// The index of an interface of this network namespace.
///
/// # Errors
///
/// [`ProbeError::NoSuchInterface`] names the interfaces there are.
pub fn interface_index(name: &str) -> Result<u32, ProbeError> {
    match if_nametoindex(name) {
        Ok(index) => Ok(index),
        Err(Errno::ENODEV | Errno::EINVAL | Errno::ENXIO | Errno::ENAMETOOLONG) => {
            Err(ProbeError::NoSuchInterface {
                name: name.to_owned(),
                available: available(),
            })
        }
        Err(errno) => Err(ProbeError::Lookup {
            name: name.to_owned(),
            source: errno.into(),
        }),
    }
}

/// Whether hardware stands behind the interface, real or virtual to this machine: a card or
/// virtio has a parent device, as `/sys/class/net/NAME/device` shows; lo, veth or a bridge has
/// none.
pub fn has_device(name: &str) -> bool {
    interface_index(name).is_ok_and(|index| link::by_index(index).is_ok_and(|link| link.has_parent))
}

/// Whether the interface is a veth or a tap, on which lab mode records everything.
///
/// A bridge, a bond or a VLAN has no hardware of its own either, but may carry the traffic of a
/// real card; so these are named and not excluded. An interface that cannot be asked counts as
/// real.
pub fn is_virtual_end(index: u32) -> bool {
    link::by_index(index).is_ok_and(|link| link.is_virtual_end && !link.has_parent)
}

/// Whether the frames of an interface begin with an Ethernet header, as those of a tun or a
/// tunnel do not. An interface that cannot be asked counts as one without.
pub fn is_ethernet(index: u32) -> bool {
    link::by_index(index).is_ok_and(|link| link.is_ethernet)
}

/// Whether this process may load and attach XDP programs; unknown counts as yes, since the
/// kernel says no itself.
pub fn may_load_programs() -> bool {
    host::capabilities().map_or(true, |capabilities| capabilities.missing().is_empty())
}

/// All IP addresses of this host in this network namespace, sorted, each once.
///
/// # Errors
///
/// What getifaddrs(3) returns.
pub fn own_addresses() -> io::Result<Vec<IpAddr>> {
    addresses(None)
}

/// The packet counters of an interface now.
///
/// # Errors
///
/// What rtnetlink returns, such as `ENODEV` for an interface that is gone.
pub fn sample(index: u32) -> io::Result<Sample> {
    link::by_index(index)?.sample.ok_or_else(|| {
        io::Error::new(
            io::ErrorKind::InvalidData,
            "the link message has no counters",
        )
    })
}

fn available() -> Vec<String> {
    let mut names: Vec<_> = if_nameindex()
        .map(|all| {
            (all.iter())
                .map(|interface| interface.name().to_string_lossy().into_owned())
                .collect()
        })
        .unwrap_or_default();
    names.sort();
    names
}

fn addresses(of: Option<&str>) -> io::Result<Vec<IpAddr>> {
    let mut addresses: Vec<IpAddr> = getifaddrs()?
        .filter(|entry| of.is_none_or(|name| entry.interface_name == name))
        .filter_map(|entry| {
            let address = entry.address?;
            let v4 = address.as_sockaddr_in().map(|v4| IpAddr::V4(v4.ip()));
            v4.or_else(|| address.as_sockaddr_in6().map(|v6| IpAddr::V6(v6.ip())))
        })
        .collect();
    addresses.sort_unstable();
    addresses.dedup();
    Ok(addresses)
}

/// An error as the reason why a fact is unknown.
fn observed<T, E: std::fmt::Display>(result: Result<T, E>) -> Observed<T> {
    result.map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    // Only what is true in every network namespace; the cases of real interfaces are in the
    // integration tests, which make their own.

    #[test]
    fn the_loopback_has_index_counters_and_no_device() {
        let index = interface_index("lo").unwrap();
        assert_eq!(interface("lo").unwrap().index, index);
        assert!(sample(index).is_ok());
        assert!(!has_device("lo"));
    }

    #[test]
    fn a_missing_interface_names_those_there_are() {
        for name in [
            "chk-none",
            "",
            "a-name-that-is-too-long-for-linux",
            "a/b",
            "nul\0",
        ] {
            let error = interface_index(name).unwrap_err();
            let text = error.to_string();
            let named = format!("no interface '{}'; there are: ", name.escape_debug());
            assert!(text.starts_with(&named), "{text}");
            assert!(text.contains("lo"), "{text}");
            assert!(!has_device(name));
        }
    }

    #[test]
    fn own_addresses_are_sorted_and_unique() {
        let addresses = own_addresses().unwrap();
        assert!(addresses.is_sorted_by(|a, b| a < b), "{addresses:?}");
    }
}
