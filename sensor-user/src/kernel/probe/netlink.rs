//! One question to the kernel over netlink, and the attributes of its answer.
//!
//! A socket lives for one question, so an answer cannot be taken for that of another. Nothing
//! here trusts a length: a message or attribute that ends outside its buffer ends the reading.

use std::io;
use std::os::fd::AsRawFd;

use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, send, socket,
};

/// `struct nlmsghdr`: length u32, type u16, flags u16, sequence u32, port u32.
const MESSAGE_HEADER: usize = 16;
/// `struct nlattr`: length u16, type u16.
const ATTRIBUTE_HEADER: usize = 4;
/// The two top bits of an attribute's type are flags (`NLA_TYPE_MASK`).
const ATTRIBUTE_TYPE_MASK: u16 = 0x3fff;

const NLMSG_ERROR: u16 = 2;
const NLM_F_REQUEST: u16 = 1;

/// Sends one message and returns the body of the one that answers it.
///
/// # Errors
///
/// The error the kernel answered with, such as `ENODEV`, or that of the socket.
pub(super) fn request(protocol: SockProtocol, kind: u16, body: &[u8]) -> io::Result<Vec<u8>> {
    let socket = socket(
        AddressFamily::Netlink,
        SockType::Raw,
        SockFlag::SOCK_CLOEXEC,
        protocol,
    )?;
    let length = u32::try_from(MESSAGE_HEADER + body.len()).map_err(|_| malformed())?;
    let mut message = Vec::with_capacity(MESSAGE_HEADER + body.len());
    message.extend(length.to_ne_bytes());
    message.extend(kind.to_ne_bytes());
    message.extend(NLM_F_REQUEST.to_ne_bytes());
    message.extend([0; 8]);
    message.extend(body);
    send(socket.as_raw_fd(), &message, MsgFlags::empty())?;

    let mut answer = vec![0; 64 * 1024];
    // MSG_TRUNC returns the true length, so a longer answer fails in `body_of`, never shortens.
    let length = recv(socket.as_raw_fd(), &mut answer, MsgFlags::MSG_TRUNC)?;
    body_of(answer.get(..length).ok_or_else(malformed)?).map(<[u8]>::to_vec)
}

/// Appends an attribute, padded to four bytes.
///
/// # Errors
///
/// When the payload is too long for an attribute.
pub(super) fn push_attribute(body: &mut Vec<u8>, kind: u16, payload: &[u8]) -> io::Result<()> {
    let length = u16::try_from(ATTRIBUTE_HEADER + payload.len()).map_err(|_| malformed())?;
    body.extend(length.to_ne_bytes());
    body.extend(kind.to_ne_bytes());
    body.extend(payload);
    body.resize(body.len().next_multiple_of(4), 0);
    Ok(())
}

/// The attributes in `bytes`, as type and payload, up to the first that is malformed.
pub(super) fn attributes(bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let length = usize::from(u16::from_ne_bytes(array(rest, 0)?));
        let kind = u16::from_ne_bytes(array(rest, 2)?) & ATTRIBUTE_TYPE_MASK;
        let payload = rest.get(ATTRIBUTE_HEADER..length)?;
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((kind, payload))
    })
}

/// The payload of the first attribute of this type.
pub(super) fn attribute(bytes: &[u8], wanted: u16) -> Option<&[u8]> {
    attributes(bytes).find_map(|(kind, payload)| (kind == wanted).then_some(payload))
}

/// `N` bytes at an offset.
pub(super) fn array<const N: usize>(bytes: &[u8], offset: usize) -> Option<[u8; N]> {
    bytes.get(offset..)?.first_chunk().copied()
}

/// An answer that is not what its protocol says.
pub(super) fn malformed() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "a malformed netlink message")
}

fn body_of(answer: &[u8]) -> io::Result<&[u8]> {
    let length = array(answer, 0)
        .map(u32::from_ne_bytes)
        .ok_or_else(malformed)?;
    let kind = array(answer, 4)
        .map(u16::from_ne_bytes)
        .ok_or_else(malformed)?;
    let length = usize::try_from(length).map_err(|_| malformed())?;
    let body = answer.get(MESSAGE_HEADER..length).ok_or_else(malformed)?;
    if kind != NLMSG_ERROR {
        return Ok(body);
    }
    let code = array(body, 0)
        .map(i32::from_ne_bytes)
        .ok_or_else(malformed)?;
    Err(io::Error::from_raw_os_error(code.saturating_neg()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: u16, length: u32, body: &[u8]) -> Vec<u8> {
        let mut bytes = length.to_ne_bytes().to_vec();
        bytes.extend(kind.to_ne_bytes());
        bytes.extend([0; 10]);
        bytes.extend(body);
        bytes
    }

    #[test]
    fn attributes_come_back_as_pushed() {
        let mut body = vec![];
        push_attribute(&mut body, 3, b"netdev\0").unwrap();
        push_attribute(&mut body, 0x802b, &7u32.to_ne_bytes()).unwrap();
        push_attribute(&mut body, 5, b"").unwrap();
        let all: Vec<_> = attributes(&body).collect();
        assert_eq!(
            all,
            [
                (3, &b"netdev\0"[..]),
                (43, &7u32.to_ne_bytes()[..]),
                (5, b"")
            ],
        );
        assert_eq!(attribute(&body, 43), Some(&7u32.to_ne_bytes()[..]));
        assert_eq!(attribute(&body, 9), None);
        assert!(push_attribute(&mut body, 1, &vec![0; 0x10000]).is_err());
    }

    #[test]
    fn malformed_attributes_end_the_reading() {
        let mut body = vec![];
        push_attribute(&mut body, 1, b"abcd").unwrap();
        for tail in [
            &b""[..],
            &[8],
            &[0, 0, 1, 0],
            &[3, 0, 1, 0],
            &[9, 0, 1, 0, 1, 2, 3, 4],
        ] {
            let bytes = [&body[..], tail].concat();
            assert_eq!(attributes(&bytes).count(), 1, "{tail:?}");
        }
    }

    #[test]
    fn an_answer_is_a_body_or_an_error() {
        assert_eq!(body_of(&message(16, 20, b"abcd")).unwrap(), b"abcd");
        let enodev = message(
            NLMSG_ERROR,
            36,
            &[&(-19i32).to_ne_bytes()[..], &[0; 16]].concat(),
        );
        assert_eq!(body_of(&enodev).unwrap_err().raw_os_error(), Some(19));
        for bad in [
            vec![],
            vec![0; 15],
            message(16, 0, b""),
            message(16, 15, b""),
            message(16, 21, b"abcd"),
            message(16, u32::MAX, b"abcd"),
            message(NLMSG_ERROR, 18, b"ab"),
        ] {
            let error = body_of(&bad).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{bad:?}");
        }
    }
}
