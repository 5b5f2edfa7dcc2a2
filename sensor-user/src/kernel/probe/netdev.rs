//! The XDP features of a driver, from the generic netlink family `netdev`
//! (`include/uapi/linux/netdev.h`, Linux 6.3 and newer).

use std::io;

use nix::errno::Errno;
use nix::sys::socket::SockProtocol;

use super::netlink::{array, attribute, malformed, push_attribute, request};
use crate::preflight::Observed;

/// The controller, which knows the numbers of the other families.
const GENL_ID_CTRL: u16 = 0x10;
/// `struct genlmsghdr`: command u8, version u8, reserved u16.
const GENL_HEADER: usize = 4;

const CTRL_CMD_GETFAMILY: u8 = 3;
const CTRL_ATTR_FAMILY_ID: u16 = 1;
const CTRL_ATTR_FAMILY_NAME: u16 = 2;

const NETDEV_CMD_DEV_GET: u8 = 1;
const NETDEV_A_DEV_IFINDEX: u16 = 1;
const NETDEV_A_DEV_XDP_FEATURES: u16 = 3;

/// The `xdp-features` of the interface with this index.
pub(super) fn xdp_features(index: u32) -> Observed<u64> {
    let family = match family(b"netdev\0") {
        Ok(family) => family,
        Err(error) if error.raw_os_error() == Some(Errno::ENOENT as i32) => {
            return Err("this kernel does not report XDP features (6.3 and newer do)".to_owned());
        }
        Err(error) => return Err(error.to_string()),
    };
    features(family, index).map_err(|error| error.to_string())
}

fn family(name: &[u8]) -> io::Result<u16> {
    let answer = call(
        GENL_ID_CTRL,
        CTRL_CMD_GETFAMILY,
        CTRL_ATTR_FAMILY_NAME,
        name,
    )?;
    let id = attribute(&answer, CTRL_ATTR_FAMILY_ID).and_then(|id| array(id, 0));
    id.map(u16::from_ne_bytes).ok_or_else(malformed)
}

fn features(family: u16, index: u32) -> io::Result<u64> {
    let index = index.to_ne_bytes();
    let answer = call(family, NETDEV_CMD_DEV_GET, NETDEV_A_DEV_IFINDEX, &index)?;
    let features = attribute(&answer, NETDEV_A_DEV_XDP_FEATURES).and_then(|bits| array(bits, 0));
    features.map(u64::from_ne_bytes).ok_or_else(malformed)
}

/// One command with one attribute; the attributes of the answer.
fn call(family: u16, command: u8, kind: u16, payload: &[u8]) -> io::Result<Vec<u8>> {
    let mut body = vec![command, 1, 0, 0];
    push_attribute(&mut body, kind, payload)?;
    let mut answer = request(SockProtocol::NetlinkGeneric, family, &body)?;
    if answer.len() < GENL_HEADER {
        return Err(malformed());
    }
    Ok(answer.split_off(GENL_HEADER))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_that_does_not_exist_is_not_found() {
        let error = family(b"sekisho-none\0").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn the_loopback_reports_no_native_xdp_where_features_are_reported() {
        match xdp_features(1) {
            Ok(features) => assert_eq!(features & 1, 0),
            Err(reason) => eprintln!("skipped: {reason}"),
        }
    }
}
