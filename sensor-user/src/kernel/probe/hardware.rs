//! What an interface is, besides its name: its hardware address, and where it is plugged in.
//!
//! The kernel names the parent device in its answer over rtnetlink, for the network namespace of
//! the caller. Only where that device is virtio, which is called by the order in which drivers
//! found it, is sysfs asked for the device it is plugged in by. Folders of buses are the same in
//! every network namespace (only classes are told apart: `net_class`, net/core/net-sysfs.c).

use std::{io, path::Path};

use super::{
    link::{self, IFLA_PARENT_DEV_NAME},
    netlink::{attribute, malformed},
};

const IFLA_ADDRESS: u16 = 1;
const IFLA_PARENT_DEV_BUS_NAME: u16 = 57;

/// Where the devices of all buses are.
const BUSES: &str = "/sys/bus";

/// Where an interface without a device is plugged in.
pub const NO_DEVICE: &str = "virtual";

/// What an interface is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hardware {
    /// Its hardware address, `aa:bb:cc:dd:ee:ff`.
    pub mac: String,
    /// Where it is plugged in: `pci-0000:03:00.0`; [`NO_DEVICE`] for one without a device.
    pub bus: String,
}

/// What the interface with this index is.
///
/// # Errors
///
/// What the kernel answers, `ENODEV` for an interface that is gone.
pub fn hardware(index: u32) -> io::Result<Hardware> {
    let attributes = link::attributes_of(index)?;
    let mac = attribute(&attributes, IFLA_ADDRESS).ok_or_else(malformed)?;
    let name = attribute(&attributes, IFLA_PARENT_DEV_NAME);
    let bus = attribute(&attributes, IFLA_PARENT_DEV_BUS_NAME);
    let bus = match (name, bus) {
        (None, _) => NO_DEVICE.into(),
        (Some(name), Some(bus)) => plugged(Path::new(BUSES), text(bus)?, text(name)?)?,
        // A device without a bus cannot be told from another one of its name.
        (Some(_), None) => return Err(malformed()),
    };
    Ok(Hardware {
        mac: address(mac),
        bus,
    })
}

/// Where a device is plugged in, by its bus and its name there.
fn plugged(buses: &Path, bus: &str, name: &str) -> io::Result<String> {
    if bus != "virtio" {
        return Ok(format!("{bus}-{name}"));
    }
    let device = buses.join(bus).join("devices").join(name).canonicalize()?;
    let parent = device.parent().ok_or_else(malformed)?;
    let bus = parent.join("subsystem").canonicalize()?;
    match (last(&bus), last(parent)) {
        (Some(bus), Some(name)) => Ok(format!("{bus}-{name}")),
        _ => Err(malformed()),
    }
}

fn last(path: &Path) -> Option<&str> {
    path.file_name()?.to_str()
}

fn address(bytes: &[u8]) -> String {
    let octets: Vec<String> = bytes.iter().map(|octet| format!("{octet:02x}")).collect();
    octets.join(":")
}

/// A name, which ends in a zero and is no path.
fn text(bytes: &[u8]) -> io::Result<&str> {
    let bytes = bytes.strip_suffix(b"\0").unwrap_or(bytes);
    let text = std::str::from_utf8(bytes).map_err(|_| malformed())?;
    if text.is_empty() || text == "." || text == ".." || text.contains('/') {
        return Err(malformed());
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink};

    use super::super::interface_index;
    use super::*;

    #[test]
    fn the_loopback_has_an_address_of_zeroes_and_no_device() {
        let loopback = hardware(interface_index("lo").unwrap()).unwrap();
        assert_eq!(loopback.mac, "00:00:00:00:00:00");
        assert_eq!(loopback.bus, NO_DEVICE);
        let gone = hardware(u32::from(u16::MAX) << 8).unwrap_err();
        assert_eq!(gone.raw_os_error(), Some(libc::ENODEV));
    }

    #[test]
    fn a_virtio_device_is_where_its_parent_is_plugged_in() {
        let folder = tempfile::tempdir().unwrap();
        let (buses, devices) = (folder.path().join("bus"), folder.path().join("devices"));
        let card = devices.join("pci0000:00/0000:00:03.0");
        fs::create_dir_all(card.join("virtio1")).unwrap();
        for bus in ["pci", "virtio"] {
            fs::create_dir_all(buses.join(bus).join("devices")).unwrap();
        }
        symlink(buses.join("pci"), card.join("subsystem")).unwrap();
        symlink(card.join("virtio1"), buses.join("virtio/devices/virtio1")).unwrap();
        let there = plugged(&buses, "virtio", "virtio1").unwrap();
        assert_eq!(there, "pci-0000:00:03.0");
        assert!(plugged(&buses, "virtio", "virtio2").is_err());
        let card = plugged(&buses, "pci", "0000:03:00.0").unwrap();
        assert_eq!(card, "pci-0000:03:00.0");
    }

    #[test]
    fn a_name_that_is_a_path_is_refused() {
        for name in [&b"\0"[..], b"..\0", b"a/b\0", b"\xff\0"] {
            assert!(text(name).is_err(), "{name:?}");
        }
        assert_eq!(text(b"virtio1\0").unwrap(), "virtio1");
        assert_eq!(address(&[0x02, 0, 0xab, 0, 0, 1]), "02:00:ab:00:00:01");
    }
}
