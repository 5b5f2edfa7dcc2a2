//! IPv6 extension headers of which only the chain counts.

use etherparse::IpNumber;

use super::fit;

/// A header of this type and size whose content is padding.
pub(super) fn extension(kind: u8, next: u8, size: usize) -> Vec<u8> {
    let mut header = vec![0; size];
    header[0] = next;
    // The authentication header counts words of 4 bytes less 2, the others 8 bytes less 1.
    let length = if IpNumber(kind) == IpNumber::AUTHENTICATION_HEADER {
        size / 4 - 2
    } else {
        size / 8 - 1
    };
    header[1] = fit::<u8>(length);
    let takes_options = [
        IpNumber::IPV6_HEADER_HOP_BY_HOP,
        IpNumber::IPV6_DESTINATION_OPTIONS,
    ];
    if takes_options.contains(&IpNumber(kind)) && size > 4 {
        // PadN: type 1 and the length of what follows.
        header[2] = 1;
        header[3] = fit::<u8>((size - 4).min(255));
    }
    header
}
