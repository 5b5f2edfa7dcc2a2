//! Driver name and offloads, from the `SIOCETHTOOL` ioctl (`include/uapi/linux/ethtool.h`).
//!
//! The ioctl and not its netlink successor, because `ETHTOOL_GFLAGS` answers both offloads as
//! two bits, where the successor sends a bitset that needs its names. It does not show the
//! offload of 802.1ad service tags (`rx-vlan-stag-hw-parse`), nor whether an offload is fixed.

use std::io;
use std::os::fd::AsRawFd;

use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};

use crate::preflight::Offloads;

const ETH_FLAG_RXVLAN: u32 = 1 << 8;
const ETH_FLAG_LRO: u32 = 1 << 15;

/// Commands whose answer fits into an [`Exchange`].
#[derive(Clone, Copy)]
#[repr(u32)]
enum Command {
    /// `ETHTOOL_GDRVINFO`, with `struct ethtool_drvinfo` of 196 bytes.
    DriverInfo = 0x03,
    /// `ETHTOOL_GFLAGS`, with `struct ethtool_value` of 8 bytes.
    Flags = 0x25,
}

/// As many words as `struct ethtool_drvinfo`, the largest of the answers: the command in word
/// 0, the answer after it.
type Exchange = [u32; 49];

/// Words 1 to 8 of `struct ethtool_drvinfo` are `char driver[32]`.
const DRIVER_WORDS: std::ops::Range<usize> = 1..9;

/// The name of the driver, such as `virtio_net`.
///
/// # Errors
///
/// What the kernel answers, `EOPNOTSUPP` where nothing names the driver (lo).
pub(super) fn driver(interface: &str) -> io::Result<String> {
    let answer = call(interface, Command::DriverInfo)?;
    let bytes: Vec<u8> = (answer[DRIVER_WORDS].iter())
        .flat_map(|word| word.to_ne_bytes())
        .take_while(|byte| *byte != 0)
        .collect();
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The offloads as they are set now.
///
/// # Errors
///
/// What the kernel answers.
pub(super) fn offloads(interface: &str) -> io::Result<Offloads> {
    let [_, flags, ..] = call(interface, Command::Flags)?;
    Ok(Offloads {
        rx_vlan: flags & ETH_FLAG_RXVLAN != 0,
        lro: flags & ETH_FLAG_LRO != 0,
    })
}

#[expect(unsafe_code, reason = "nix has no wrapper for SIOCETHTOOL")]
fn call(interface: &str, command: Command) -> io::Result<Exchange> {
    let mut name: [libc::c_char; libc::IFNAMSIZ] = [0; libc::IFNAMSIZ];
    if interface.len() >= name.len() {
        return Err(io::Error::from_raw_os_error(libc::ENODEV));
    }
    for (to, from) in name.iter_mut().zip(interface.bytes()) {
        *to = libc::c_char::from_ne_bytes([from]);
    }
    let mut exchange: Exchange = [0; 49];
    exchange[0] = command as u32;
    let mut request = libc::ifreq {
        ifr_name: name,
        ifr_ifru: libc::__c_anonymous_ifr_ifru {
            ifru_data: exchange.as_mut_ptr().cast(),
        },
    };
    let socket = socket(
        AddressFamily::Inet,
        SockType::Datagram,
        SockFlag::SOCK_CLOEXEC,
        None,
    )?;
    // SAFETY: `request` is a whole `struct ifreq` whose name ends in a zero and whose data
    // points to `exchange`; both outlive the call, and the kernel reads and writes at most the
    // struct of the command there, which is no larger than an `Exchange` and aligned like it.
    let result = unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCETHTOOL, &raw mut request) };
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(exchange)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loopback_takes_no_tags_off() {
        assert_eq!(
            offloads("lo").unwrap(),
            Offloads {
                rx_vlan: false,
                lro: false
            }
        );
    }

    #[test]
    fn a_missing_interface_is_an_error() {
        for name in ["chk-none", "a-name-that-is-too-long-for-linux"] {
            let error = offloads(name).unwrap_err();
            assert_eq!(error.raw_os_error(), Some(libc::ENODEV), "{name}");
            assert!(driver(name).is_err());
        }
    }
}
