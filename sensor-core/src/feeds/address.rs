//! The text of an indicator, in whichever format it stands: an address, a prefix, a range, an
//! address with a port. What is known to be something else is told by kind.
//!
//! Strict where two readers could understand two things: `010.0.0.1` is refused and not guessed.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use super::{
    item::{About, At, Item, Sink, Watch},
    plain::{self, Fault, Shortest},
    reason::{Inexpressible, Refusal},
};
use crate::{places::number, watchlist::PortRule};

/// What a text names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Named {
    /// A prefix.
    Prefix(IpNet),
    /// IPv4 addresses, from the first to the last.
    V4(u32, u32),
    /// IPv6 addresses, from the first to the last.
    V6(u128, u128),
    /// An address on one port.
    Endpoint(IpAddr, u16),
}

/// Why a text names no addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum No {
    /// It should.
    Refused(Refusal),
    /// It is something else.
    Inexpressible(Inexpressible),
}

impl From<Refusal> for No {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Inexpressible> for No {
    fn from(why: Inexpressible) -> Self {
        Self::Inexpressible(why)
    }
}

impl From<No> for Item<'_> {
    fn from(no: No) -> Self {
        match no {
            No::Refused(refusal) => Self::Refused(refusal),
            No::Inexpressible(why) => Self::Inexpressible(why),
        }
    }
}

/// Reads what a text names.
pub fn named(text: &str) -> Result<Named, No> {
    // First, since no prefix has a hyphen and lists of ranges are long.
    if let Some((first, last)) = text.split_once('-')
        && let (Some(first), Some(last)) = (number_of(first), number_of(last))
    {
        return range(text, first, last).map_err(No::from);
    }
    let fault = match plain::prefix(text, Shortest::ANY) {
        Ok(prefix) => return Ok(Named::Prefix(prefix)),
        Err(fault @ Fault::NotAPrefix(_)) => fault,
        Err(fault) => return Err(Refusal::Address(fault).into()),
    };
    if let Some(endpoint) = endpoint(text) {
        return endpoint;
    }
    if let Some(why) = kind(text) {
        return Err(why.into());
    }
    Err(mistake(text).unwrap_or(Refusal::Address(fault)).into())
}

/// Reads the text of one address or prefix and nothing else.
pub fn prefix(text: &str) -> Result<IpNet, Refusal> {
    plain::prefix(text, Shortest::ANY).map_err(|fault| match fault {
        Fault::NotAPrefix(_) => mistake(text).unwrap_or(Refusal::Address(fault)),
        fault => Refusal::Address(fault),
    })
}

/// A port in digits.
pub fn port(text: &str) -> Result<u16, Refusal> {
    let port = text.parse().ok().filter(|port: &u16| *port > 0);
    port.ok_or_else(|| Refusal::Port(clip(text)))
}

/// The rules of a port for every protocol that has ports: a source that names none means all.
pub fn on_any(port: u16) -> [PortRule; PortRule::NAMED.len()] {
    PortRule::NAMED.map(|(_, protocol)| PortRule { protocol, port })
}

impl Named {
    /// Hands on the prefixes, on these ports or the one it has itself.
    pub fn give(
        &self,
        at: At<'_>,
        ports: &[PortRule],
        about: About,
        sink: &mut (impl Sink + ?Sized),
    ) {
        let mut give = |prefix| {
            let watch = Watch {
                prefix,
                ports,
                about,
            };
            sink.take(at, Item::Watch(watch));
        };
        match *self {
            Self::Prefix(prefix) => give(prefix),
            Self::V4(first, last) => number::prefixes(first, last).for_each(give),
            Self::V6(first, last) => number::prefixes(first, last).for_each(give),
            Self::Endpoint(address, port) => {
                let ports = &on_any(port);
                let prefix = address.into();
                sink.take(
                    at,
                    Item::Watch(Watch {
                        prefix,
                        ports,
                        about,
                    }),
                );
            }
        }
    }
}

/// Reads a text and hands on what it names.
pub fn give(text: &str, at: At<'_>, about: About, sink: &mut (impl Sink + ?Sized)) {
    match named(text) {
        Ok(named) => named.give(at, &[], about, sink),
        Err(no) => sink.take(at, no.into()),
    }
}

fn number_of(text: &str) -> Option<IpAddr> {
    text.trim().parse().ok()
}

fn range(text: &str, first: IpAddr, last: IpAddr) -> Result<Named, Refusal> {
    let mapped = |address: &Ipv6Addr| address.to_ipv4_mapped().is_some();
    match (first, last) {
        (IpAddr::V4(first), IpAddr::V4(last)) if first <= last => {
            Ok(Named::V4(first.into(), last.into()))
        }
        (IpAddr::V6(first), IpAddr::V6(last))
            if first <= last && !mapped(&first) && !mapped(&last) =>
        {
            Ok(Named::V6(first.into(), last.into()))
        }
        _ => Err(Refusal::Range(clip(text))),
    }
}

/// `192.0.2.1:443` or `[2001:db8::1]:443`.
fn endpoint(text: &str) -> Option<Result<Named, No>> {
    let (address, port_text) = text.rsplit_once(':')?;
    let address = match address.strip_prefix('[') {
        Some(rest) => IpAddr::V6(rest.strip_suffix(']')?.parse().ok()?),
        None => IpAddr::V4(address.parse::<Ipv4Addr>().ok()?),
    };
    let endpoint = prefix(&address.to_string()).and_then(|_| Ok((address, port(port_text)?)));
    Some(match endpoint {
        Ok((address, port)) => Ok(Named::Endpoint(address, port)),
        Err(refusal) => Err(refusal.into()),
    })
}

/// What a text is that is no address.
fn kind(text: &str) -> Option<Inexpressible> {
    let is_hex = text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_hex && matches!(text.len(), 32 | 40 | 56 | 64 | 96 | 128) {
        return Some(Inexpressible::Hash);
    }
    if text.contains("://") {
        return Some(Inexpressible::Url);
    }
    if let Some((_, host)) = text.split_once('@') {
        return is_domain(host).then_some(Inexpressible::Email);
    }
    if let Some((host, _)) = text.split_once('/') {
        return is_domain(host).then_some(Inexpressible::Url);
    }
    let host = text.strip_prefix("*.").unwrap_or(text);
    let host = host.split_once(':').map_or(host, |(host, _)| host);
    if is_domain(host) {
        return Some(Inexpressible::Domain);
    }
    let system = text.strip_prefix("AS").or_else(|| text.strip_prefix("as"));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    system
        .filter(|number| is_number(number))
        .map(|_| Inexpressible::AutonomousSystem)
}

/// Whether a text has the form of a name with a top-level domain, which is never a number.
fn is_domain(text: &str) -> bool {
    let name = text.strip_suffix('.').unwrap_or(text);
    let is_label = |label: &str| {
        let is_plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_');
        (1..=63).contains(&label.len()) && label.chars().all(is_plain)
    };
    let Some((_, top)) = name.rsplit_once('.') else {
        return false;
    };
    name.len() <= 253 && name.split('.').all(is_label) && top.chars().any(char::is_alphabetic)
}

/// A mistake that has a name.
fn mistake(text: &str) -> Option<Refusal> {
    if let Some((address, _)) = text.split_once('%')
        && address.trim_start_matches('[').parse::<Ipv6Addr>().is_ok()
    {
        return Some(Refusal::Zone(clip(text)));
    }
    let address = text.split(['/', '-', ':']).next().unwrap_or_default();
    let octets: Vec<&str> = address.split('.').collect();
    let is_octet = |octet: &&str| {
        (1..=8).contains(&octet.len()) && octet.bytes().all(|byte| byte.is_ascii_digit())
    };
    let has_zero = octets
        .iter()
        .any(|octet| octet.len() > 1 && octet.starts_with('0'));
    (octets.len() == 4 && octets.iter().all(is_octet) && has_zero)
        .then(|| Refusal::LeadingZero(clip(text)))
}

/// The first characters of a text, without what could move a cursor.
pub fn clip(text: &str) -> String {
    const SHOWN: usize = 60;
    let mut shown: String = text.chars().take(SHOWN).collect();
    shown = shown.replace(char::is_control, "\u{fffd}");
    if text.chars().nth(SHOWN).is_some() {
        shown.push_str("...");
    }
    shown
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn told(text: &str) -> String {
        match named(text) {
            Ok(Named::Prefix(prefix)) => prefix.to_string(),
            Ok(Named::Endpoint(address, port)) => format!("{address} on {port}"),
            Ok(range) => {
                let mut all = Vec::new();
                let mut sink = |_: At<'_>, item: Item<'_>| {
                    if let Item::Watch(watch) = item {
                        all.push(watch.prefix.to_string());
                    }
                };
                range.give(At::default(), &[], About::default(), &mut sink);
                all.join(" ")
            }
            Err(No::Refused(refusal)) => format!("refused {}", refusal.name()),
            Err(No::Inexpressible(why)) => format!("no {}", why.name()),
        }
    }

    #[test]
    fn what_a_text_names() {
        for (text, is) in [
            ("8.8.8.8", "8.8.8.8/32"),
            ("2001:4860::/32", "2001:4860::/32"),
            ("1.2.3.0-1.2.3.255", "1.2.3.0/24"),
            ("1.2.3.254 - 1.2.4.0", "1.2.3.254/31 1.2.4.0/32"),
            ("2600::-2600::1", "2600::/127"),
            ("8.8.8.8:53", "8.8.8.8 on 53"),
            ("[2600::1]:53", "2600::1 on 53"),
            ("8.8.8.8:0", "refused port"),
            ("8.8.8.8:65536", "refused port"),
            ("[::ffff:8.8.8.8]:80", "refused ipv4-in-ipv6"),
            ("1.2.3.9-1.2.3.1", "refused range"),
            ("1.2.3.9-2600::1", "refused range"),
            ("010.0.0.1", "refused leading-zero"),
            ("10.0.0.01/32", "refused leading-zero"),
            ("08.8.8.8:53", "refused leading-zero"),
            ("fe80::1%eth0", "refused zone"),
            ("::ffff:8.8.8.8", "refused ipv4-in-ipv6"),
            ("8.8.8.8/8", "refused host-bits"),
            ("8.8.8.300", "refused not-an-address"),
            ("8.8.8.8/33", "refused not-an-address"),
            ("8.8.8.8/255.255.255.255", "refused not-an-address"),
            ("[2600::1]", "refused not-an-address"),
            ("8.8.8", "refused not-an-address"),
            ("0x08080808", "refused not-an-address"),
            ("", "refused not-an-address"),
            ("example.org", "no domain"),
            ("*.example.org.", "no domain"),
            ("example.org:8080", "no domain"),
            ("例え.jp", "no domain"),
            ("http://8.8.8.8/x", "no url"),
            ("example.org/x", "no url"),
            ("a@example.org", "no email"),
            ("d41d8cd98f00b204e9800998ecf8427e", "no hash"),
            ("AS64500", "no autonomous-system"),
        ] {
            assert_eq!(told(text), is, "{text}");
        }
    }

    proptest! {
        #[test]
        fn ranges_are_every_address_from_the_first_to_the_last(first: u32, more in 0..700u32) {
            let last = first.saturating_add(more);
            let text = format!("{}-{}", Ipv4Addr::from(first), Ipv4Addr::from(last));
            let mut all = Vec::new();
            let mut sink = |_: At<'_>, item: Item<'_>| {
                if let Item::Watch(Watch { prefix: IpNet::V4(net), .. }) = item {
                    all.extend(u32::from(net.network())..=u32::from(net.broadcast()));
                }
            };
            give(&text, At::default(), About::default(), &mut sink);
            prop_assert_eq!(all, (first..=last).collect::<Vec<_>>());
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,80}") {
            let _ = named(&text);
        }
    }
}
