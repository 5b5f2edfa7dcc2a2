//! Addresses and prefixes as they are stored.
//!
//! The length says what it is: 4 or 16 bytes are a foreign address in clear, 17 bytes a
//! pseudonym behind the letter `p`, NULL a domestic address that is withheld. A prefix is 4 or 6,
//! the bytes of its address, and its length.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::{Address, Pseudonym};

/// First byte of a pseudonym.
const PSEUDONYM: u8 = b'p';

/// The bytes of an address, without the heap.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stored {
    bytes: [u8; 17],
    length: usize,
}

impl Stored {
    /// None for one that is withheld.
    pub(crate) fn bytes(&self) -> Option<&[u8]> {
        self.bytes.get(..self.length).filter(|it| !it.is_empty())
    }
}

/// As it is stored.
pub(crate) fn stored(address: &Address) -> Stored {
    let mut bytes = [0; 17];
    let length = match address {
        Address::Foreign(IpAddr::V4(address)) => {
            bytes[..4].copy_from_slice(&address.octets());
            4
        }
        Address::Foreign(IpAddr::V6(address)) => {
            bytes[..16].copy_from_slice(&address.octets());
            16
        }
        Address::Pseudonym(Pseudonym(pseudonym)) => {
            bytes[0] = PSEUDONYM;
            bytes[1..].copy_from_slice(pseudonym);
            17
        }
        Address::Withheld => 0,
    };
    Stored { bytes, length }
}

/// What is stored; none of what nobody stored.
pub(crate) fn address(bytes: Option<&[u8]>) -> Option<Address> {
    let Some(bytes) = bytes else {
        return Some(Address::Withheld);
    };
    if let Ok(bytes) = <[u8; 4]>::try_from(bytes) {
        return Some(Address::Foreign(IpAddr::from(bytes)));
    }
    if let Ok(bytes) = <[u8; 16]>::try_from(bytes) {
        return Some(Address::Foreign(IpAddr::from(bytes)));
    }
    let (&PSEUDONYM, pseudonym) = bytes.split_first()? else {
        return None;
    };
    let pseudonym = pseudonym.try_into().ok()?;
    Some(Address::Pseudonym(Pseudonym(pseudonym)))
}

/// A prefix as it is stored.
pub(crate) fn in_prefix(prefix: &IpNet) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(18);
    match prefix.network() {
        IpAddr::V4(address) => {
            bytes.push(4);
            bytes.extend(address.octets());
        }
        IpAddr::V6(address) => {
            bytes.push(6);
            bytes.extend(address.octets());
        }
    }
    bytes.push(prefix.prefix_len());
    bytes
}

/// A prefix that is stored.
pub(crate) fn prefix_of(bytes: &[u8]) -> Option<IpNet> {
    let (&length, rest) = bytes.split_last()?;
    let (&version, address) = rest.split_first()?;
    let address = match version {
        4 => IpAddr::from(<[u8; 4]>::try_from(address).ok()?),
        6 => IpAddr::from(<[u8; 16]>::try_from(address).ok()?),
        _ => return None,
    };
    IpNet::new(address, length).ok()
}
