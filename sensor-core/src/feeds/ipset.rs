//! `ipset save`: the sets of a kernel, as lines that would make them again.
//!
//! `create NAME TYPE OPTIONS` says what the entries of a set are, `add NAME ENTRY OPTIONS` is one
//! entry, whose parts are separated by commas. An entry with `nomatch` is an exception.

use std::{
    collections::HashMap,
    io::{self, Read},
};

use ipnet::IpNet;

use super::{
    address::{self, Named, No, clip},
    item::{About, At, Item, Sink},
    plain::{Fault, as_text},
    reason::{Inexpressible, Refusal},
    text::each_line,
};
use crate::watchlist::PortRule;

/// Sets whose type is remembered.
const MOST_SETS: usize = 10_000;

/// Most ports of one entry.
const MOST_PORTS: usize = 1024;

/// Reads the entries of all sets.
pub fn decode(reader: impl Read, sink: &mut (impl Sink + ?Sized)) -> io::Result<()> {
    let mut kinds = HashMap::new();
    each_line(reader, |line, content| {
        let at = At::line(line);
        let Some(content) = content else {
            return sink.take(at, Item::Refused(Refusal::Address(Fault::TooLong)));
        };
        let Some(text) = as_text(content) else {
            return sink.take(at, Item::Refused(Refusal::Address(Fault::NotText)));
        };
        let mut words = text.split_whitespace();
        let (command, set) = (words.next(), words.next().unwrap_or_default());
        match command {
            None | Some("COMMIT" | "flush" | "destroy") => {}
            Some(comment) if comment.starts_with('#') => {}
            Some("create" | "-N" | "new") => {
                if kinds.len() < MOST_SETS {
                    kinds.insert(set.to_owned(), words.next().unwrap_or_default().to_owned());
                }
            }
            Some("add" | "-A") => {
                let entry = words.next().unwrap_or_default();
                // A comment in quotes may have any word in it.
                let is_exception = words
                    .take_while(|word| *word != "comment")
                    .any(|word| word == "nomatch");
                let kind = kinds.get(set).map_or("", String::as_str);
                give(kind, entry, is_exception, at, sink);
            }
            Some(other) => {
                let text = format!("'{}' is neither create nor add", clip(other));
                sink.take(at, Item::Refused(Refusal::Record(text)));
            }
        }
    })
}

fn give(kind: &str, entry: &str, is_exception: bool, at: At<'_>, sink: &mut (impl Sink + ?Sized)) {
    let entry = match read(kind, entry) {
        Ok(entry) => entry,
        Err(no) => return sink.take(at, no.into()),
    };
    match (&entry.named, is_exception) {
        (Named::Prefix(prefix), true) if entry.ports.is_empty() => {
            sink.take(at, Item::Exclude(*prefix));
        }
        (_, true) => sink.take(at, Item::Inexpressible(Inexpressible::Negation)),
        (named, false) => named.give(at, &entry.ports, About::default(), sink),
    }
}

struct Entry {
    named: Named,
    ports: Vec<PortRule>,
}

/// An entry of a set of a type; of a set that was not created in the text, by its form.
fn read(kind: &str, entry: &str) -> Result<Entry, No> {
    let (_, parts) = kind.split_once(':').unwrap_or(("", kind));
    let parts: Vec<&str> = parts.split(',').collect();
    let values: Vec<&str> = entry.split(',').collect();
    match (&parts[..], &values[..]) {
        (["mac"], _) => Err(Inexpressible::HardwareAddress.into()),
        (["port"], _) => Err(Inexpressible::PortAlone.into()),
        (["set"], _) => Err(Inexpressible::OtherObject.into()),
        (["" | "ip" | "net"], [address]) => Ok(Entry {
            named: address_of(address)?,
            ports: Vec::new(),
        }),
        ([""] | ["ip" | "net", "port"], [address, port]) => Ok(Entry {
            named: address_of(address)?,
            ports: ports(port)?,
        }),
        (["ip" | "net", "port", ..] | ["ip" | "net", "ip" | "net"], _) => {
            Err(Inexpressible::SeveralAddresses.into())
        }
        (["ip" | "net", "iface" | "mark" | "mac"], _) => Err(Inexpressible::Conjunction.into()),
        _ => Err(Refusal::Record(format!("'{}' is no entry of {kind}", clip(entry))).into()),
    }
}

fn address_of(text: &str) -> Result<Named, No> {
    match address::named(text)? {
        Named::Endpoint(..) => Err(Refusal::Record("an entry has no port here".into()).into()),
        // `0.0.0.0/0` of hash:net is all addresses, as in any other list.
        named @ (Named::Prefix(IpNet::V4(_) | IpNet::V6(_)) | Named::V4(..) | Named::V6(..)) => {
            Ok(named)
        }
    }
}

/// `tcp:80`, `udp:53-54`, `80`, which is TCP.
fn ports(text: &str) -> Result<Vec<PortRule>, No> {
    let (protocol, ports) = text.split_once(':').unwrap_or(("tcp", text));
    let mut named = PortRule::NAMED.into_iter();
    let Some((_, protocol)) = named.find(|(name, _)| *name == protocol) else {
        return Err(Inexpressible::Protocol.into());
    };
    let (first, last) = ports.split_once('-').unwrap_or((ports, ports));
    let (first, last) = (address::port(first)?, address::port(last)?);
    if first > last || usize::from(last - first) >= MOST_PORTS {
        return Err(Refusal::Port(clip(text)).into());
    }
    Ok((first..=last)
        .map(|port| PortRule { protocol, port })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feeds::item::Watch;

    #[test]
    fn entries_of_sets_of_every_type() {
        let text = "# Generated by ipset\ncreate a hash:net family inet hashsize 1024 maxelem 65536 timeout 0 comment\n\
            add a 1.10.16.0/20 timeout 300 comment \"nomatch here\"\nadd a 1.10.16.0/24 nomatch\n\
            create b hash:ip,port family inet6\nadd b 2a00::1,udp:53-54\nadd b 2a00::1,icmp:8/0\n\
            create c hash:mac\nadd c 01:02:03:04:05:06\ncreate d bitmap:port range 0-9\nadd d 5\n\
            create e hash:ip,port,ip\nadd e 1.1.1.1,tcp:1,2.2.2.2\ncreate f hash:net,iface\n\
            add f 1.0.0.0/8,eth0\ncreate g list:set\nadd g a\ncreate h bitmap:ip range 1.1.1.0/24\n\
            add h 1.1.1.1-1.1.1.2\nadd unknown 9.9.9.9\nadd unknown 9.9.9.9,80\nadd a x\nrename a b\nadd b 1.1.1.1,tcp:0\n\nCOMMIT\n";
        let mut all = Vec::new();
        let mut sink = |at: At<'_>, item: Item<'_>| {
            let what = match item {
                Item::Watch(Watch { prefix, ports, .. }) => format!("{prefix} {}", ports.len()),
                Item::Exclude(prefix) => format!("exclude {prefix}"),
                Item::Refused(refusal) => format!("refused {}", refusal.name()),
                Item::Inexpressible(why) => format!("no {}", why.name()),
                Item::Beside | Item::Told(_) => "?".into(),
            };
            all.push(format!("{} {what}", at.line));
        };
        decode(text.as_bytes(), &mut sink).unwrap();
        insta::assert_snapshot!(all.join("\n"), @r#"
        3 1.10.16.0/20 0
        4 exclude 1.10.16.0/24
        6 2a00::1/128 2
        7 no protocol
        9 no hardware-address
        11 no port-alone
        13 no several-addresses
        15 no conjunction
        17 no other-object
        19 1.1.1.1/32 0
        19 1.1.1.2/32 0
        20 9.9.9.9/32 0
        21 9.9.9.9/32 1
        22 refused not-an-address
        23 refused record
        24 refused port
        "#);
    }
}
