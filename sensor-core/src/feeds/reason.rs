//! Why something of a feed is not watched for: each reason has a name that is counted by.

use std::net::IpAddr;

use ipnet::IpNet;
use thiserror::Error;

use super::plain::Fault;
use crate::documents::Time;

/// Why what could be watched for is not.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    /// No address, or one that cannot be watched for as it is written.
    #[error(transparent)]
    Address(#[from] Fault),
    /// An octet with a leading zero: some programs read eight as its base, others ten.
    #[error("'{0}' has an octet with a leading zero, which some read as octal; write it without")]
    LeadingZero(String),
    /// An address of one interface of some machine.
    #[error("'{0}' has a zone, which no packet carries; write the address alone")]
    Zone(String),
    /// The first address of a range comes after its last, or they are of two families.
    #[error("'{0}' is no range; write the lower address first, both of one family")]
    Range(String),
    /// No port.
    #[error("'{0}' is no port; a port is a number from 1 to 65535")]
    Port(String),
    /// A record without what the format says it has.
    #[error("no record of this format: {0}")]
    Record(String),
    /// A pattern that does not follow the grammar.
    #[error("pattern cannot be read: {0}")]
    Pattern(String),
    /// The source took it back.
    #[error("revoked by its source")]
    Revoked,
    /// The source knows a later version of it.
    #[error("an older version of what stands in the feed a second time")]
    Superseded,
    /// The source does not mean it to be looked for.
    #[error("its source does not mean it to be looked for (to_ids, or addresses given to nobody)")]
    NotForDetection,
    /// Its count is lower than what was asked for.
    #[error("its count {count} is lower than {least}")]
    Count {
        /// As given.
        count: u64,
        /// As asked for.
        least: u64,
    },
    /// Its confidence is lower than what was asked for.
    #[error("its confidence {confidence} is lower than {least}")]
    Confidence {
        /// As given.
        confidence: u8,
        /// As asked for.
        least: u8,
    },
    /// It counts no longer.
    #[error("expired at {0}")]
    Expired(Time),
    /// Every address of a family.
    #[error("{0} is every address; name what to watch for")]
    DefaultRoute(IpNet),
    /// Broader than the policy allows.
    #[error("{prefix} is broader than the shortest prefix allowed (/{shortest}); name longer ones")]
    TooBroad {
        /// The prefix.
        prefix: IpNet,
        /// The shortest length allowed.
        shortest: u8,
    },
    /// Addresses that no packet between networks has.
    #[error(
        "{prefix} is or holds {name} ({around}, RFC {rfc}), where no server of the Internet is; leave it out"
    )]
    Bogon {
        /// The prefix.
        prefix: IpNet,
        /// The entry of the registry.
        around: IpNet,
        /// What that is for.
        name: &'static str,
        /// The RFC that says so.
        rfc: u16,
    },
    /// Never recorded.
    #[error("{prefix} lies in excluded space ({by})")]
    Excluded {
        /// The prefix.
        prefix: IpNet,
        /// Which exclusion says so.
        by: String,
    },
    /// Of the network the sensor is in, or of an operator.
    #[error("{prefix} has addresses of {of}; an indicator is somebody else's")]
    OwnNetwork {
        /// The prefix.
        prefix: IpNet,
        /// Whose they are.
        of: String,
    },
    /// Domestic, for a class that has none.
    #[error("{0} is domestic: not for transit; for relay a request names it with its evidence")]
    Domestic(IpNet),
    /// More than one domestic server.
    #[error("{0} has domestic addresses: for relay a server is named by its address alone")]
    DomesticBroad(IpNet),
    /// A domestic server without evidence.
    #[error("{0} is domestic, and no feed has the evidence relay needs; name it in the request")]
    DomesticEvidence(IpAddr),
}

impl Refusal {
    /// The name it is counted by.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Address(fault) => match fault {
                Fault::NotText => "not-text",
                Fault::TooLong => "too-long",
                Fault::NotAPrefix(_) => "not-an-address",
                Fault::HostBits { .. } => "host-bits",
                Fault::Mapped { .. } => "ipv4-in-ipv6",
                Fault::TooBroad { .. } => "too-broad",
                Fault::Trailing(_) => "trailing",
            },
            Self::LeadingZero(_) => "leading-zero",
            Self::Zone(_) => "zone",
            Self::Range(_) => "range",
            Self::Port(_) => "port",
            Self::Record(_) => "record",
            Self::Pattern(_) => "pattern",
            Self::Revoked => "revoked",
            Self::Superseded => "superseded",
            Self::NotForDetection => "not-for-detection",
            Self::Count { .. } => "low-count",
            Self::Confidence { .. } => "low-confidence",
            Self::Expired(_) => "expired",
            Self::DefaultRoute(_) => "default-route",
            Self::TooBroad { .. } => "too-broad",
            Self::Bogon { .. } => "bogon",
            Self::Excluded { .. } => "excluded",
            Self::OwnNetwork { .. } => "own-network",
            Self::Domestic(_) | Self::DomesticBroad(_) => "domestic",
            Self::DomesticEvidence(_) => "no-evidence",
        }
    }
}

/// Declares the reasons with their names and meanings, so that no list of them can miss one.
macro_rules! inexpressible {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal, $meaning:literal;)+) => {
        /// What no match of an address and its ports says.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Inexpressible {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Inexpressible {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The name it is counted by.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }

            /// What it is, for people.
            pub const fn meaning(self) -> &'static str {
                match self {
                    $(Self::$variant => $meaning,)+
                }
            }
        }
    };
}

inexpressible! {
    /// A name.
    Domain = "domain", "a domain or host name";
    /// A place on the web, also where its host is an address.
    Url = "url", "a URL: its host may serve many others";
    /// A hash.
    Hash = "hash", "a hash of a file or a key";
    /// A file, by anything else.
    File = "file", "a file name, path or size";
    /// Somebody's mail.
    Email = "email", "an e-mail address or message";
    /// An autonomous system.
    AutonomousSystem = "autonomous-system", "an autonomous system by its number";
    /// A hardware address.
    HardwareAddress = "hardware-address", "a MAC address";
    /// A user agent, a JA3: something in the packet's content.
    Content = "content", "something inside the packets";
    /// Any other kind of object or attribute.
    OtherObject = "other-object", "another kind of thing: process, registry key, text";
    /// A port without an address.
    PortAlone = "port-alone", "ports without an address";
    /// A protocol without an address and a port.
    Protocol = "protocol", "a protocol without ports, or one the sensor reads no ports of";
    /// The port of the other end.
    OtherEnd = "other-end", "a port of the other end, or both ports";
    /// Two addresses at once.
    SeveralAddresses = "several-addresses", "more than one address at once";
    /// Something else at once.
    Conjunction = "conjunction", "an address together with something that is not matched";
    /// What is not there.
    Negation = "negation", "everything but something";
    /// A text pattern.
    TextMatch = "text-match", "LIKE or MATCHES";
    /// An order.
    Comparison = "comparison", "greater or smaller than something";
    /// Whatever is around a prefix.
    Superset = "superset", "ISSUPERSET: any prefix around one";
    /// That something is there.
    Existence = "existence", "EXISTS";
    /// Several observations.
    Observations = "observations", "several observations at once";
    /// One after the other.
    Sequence = "sequence", "FOLLOWEDBY: one after the other";
    /// More than once.
    Repetition = "repetition", "REPEATS: so many times";
    /// Close together.
    Window = "window", "WITHIN: so close together";
    /// Another language.
    Language = "language", "a pattern in another language: Snort, YARA, Sigma";
    /// A pattern that would take too much to look at.
    TooComplex = "too-complex", "a pattern with too many alternatives or levels";
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_reason_is_documented() {
        let documented = include_str!("../../../docs/feeds.md");
        for why in Inexpressible::ALL {
            let name = format!("`{}`", why.name());
            assert!(documented.contains(&name), "{name} is in docs/feeds.md");
        }
        for format in crate::feeds::format::Format::ALL {
            let name = format!("`{}`", format.name());
            assert!(documented.contains(&name), "{name} is in docs/feeds.md");
        }
    }

    #[test]
    fn names_are_words_with_hyphens_and_each_is_one_reason() {
        let names: BTreeSet<&str> = Inexpressible::ALL.iter().map(|why| why.name()).collect();
        assert_eq!(names.len(), Inexpressible::ALL.len());
        let is_plain = |name: &&str| name.bytes().all(|b| b == b'-' || b.is_ascii_lowercase());
        assert!(names.iter().all(is_plain));
    }
}
