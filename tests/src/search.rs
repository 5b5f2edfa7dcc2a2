//! Looks for traces of a packet in whatever bytes there are.
//!
//! An address is looked for in every form that anything here could have left it in: as
//! text in its usual and its long form, as hexadecimal digits, as a list of bytes, as one
//! number, and as bytes in network order and reversed, whole and by words. The halves of
//! an IPv6 address are looked for as well: one of them would be a trace too.
//!
//! All forms are found in one pass: they are kept by their first four bytes.

use std::{
    collections::{BTreeSet, HashMap},
    net::{IpAddr, Ipv6Addr},
};

/// What all forms are at least as long as.
const START: usize = 4;

/// Traces to look for.
#[derive(Clone, Debug, Default)]
pub struct Search {
    by_start: HashMap<[u8; START], Vec<Form>>,
}

#[derive(Clone, Debug)]
struct Form {
    trace: String,
    name: &'static str,
    bytes: Vec<u8>,
    /// Digits before or after it make another number of it.
    is_number: bool,
}

/// A trace that was found.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Found {
    /// What it is a trace of.
    pub trace: String,
    /// The form it has.
    pub form: &'static str,
}

impl Search {
    /// Looks for these addresses.
    pub fn addresses(addresses: impl IntoIterator<Item = IpAddr>) -> Self {
        let mut search = Self::default();
        for address in addresses {
            search.address(address);
        }
        search
    }

    /// Looks for an address too.
    pub fn address(&mut self, address: IpAddr) {
        let trace = address.to_string();
        let mut add = |name, bytes: &[u8]| self.add(&trace, name, bytes, false);
        add("text", trace.as_bytes());
        match address {
            IpAddr::V4(v4) => {
                let bytes = v4.octets();
                binary(&bytes, &mut add);
                let [a, b, c, d] = bytes;
                // Every text of the mapped address that does not end with the usual text
                // ends with this.
                let mapped = format!("ffff:{a:02x}{b:02x}:{c:02x}{d:02x}");
                add("IPv4-mapped", mapped.as_bytes());
                let (big, little) = (u32::from_be_bytes(bytes), u32::from_le_bytes(bytes));
                self.number(&trace, &big);
                self.number(&trace, &little);
            }
            IpAddr::V6(v6) => {
                let bytes = v6.octets();
                binary(&bytes, &mut add);
                for half in bytes.chunks(8) {
                    binary(half, &mut add);
                }
                let long = expanded(v6);
                add("expanded", long.as_bytes());
                add("capitals", long.to_uppercase().as_bytes());
                add("capitals", trace.to_uppercase().as_bytes());
                let (big, little) = (u128::from_be_bytes(bytes), u128::from_le_bytes(bytes));
                self.number(&trace, &big);
                self.number(&trace, &little);
            }
        }
    }

    /// Looks for a text too.
    pub fn text(&mut self, text: &str) {
        self.add(text, "text", text.as_bytes(), false);
    }

    /// Looks for a port of at least four digits too.
    pub fn port(&mut self, port: u16) {
        self.number(&format!("port {port}"), &port);
    }

    /// What is found in these bytes.
    pub fn find(&self, bytes: &[u8]) -> BTreeSet<Found> {
        let mut found = BTreeSet::new();
        for (at, start) in bytes.windows(START).enumerate() {
            // Most of a dump is zeroes, and no form begins with them.
            let forms = match start {
                [0, 0, 0, 0] => None,
                start => <[u8; START]>::try_from(start)
                    .ok()
                    .and_then(|start| self.by_start.get(&start)),
            };
            for form in forms.into_iter().flatten() {
                if form.stands_at(at, bytes) {
                    found.insert(Found {
                        trace: form.trace.clone(),
                        form: form.name,
                    });
                }
            }
        }
        found
    }

    fn number(&mut self, trace: &str, number: &impl ToString) {
        self.add(trace, "number", number.to_string().as_bytes(), true);
    }

    fn add(&mut self, trace: &str, name: &'static str, bytes: &[u8], is_number: bool) {
        let start = bytes.first_chunk().copied().unwrap_or_default();
        assert_ne!(start, [0; START], "{trace}: {name} cannot be looked for");
        self.by_start.entry(start).or_default().push(Form {
            trace: trace.to_owned(),
            name,
            bytes: bytes.to_owned(),
            is_number,
        });
    }
}

impl Form {
    fn stands_at(&self, at: usize, bytes: &[u8]) -> bool {
        let is_digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
        bytes[at..].starts_with(&self.bytes)
            && !(self.is_number
                && (at.checked_sub(1).is_some_and(is_digit) || is_digit(at + self.bytes.len())))
    }
}

/// All groups with all digits.
fn expanded(address: Ipv6Addr) -> String {
    let groups = address.segments().map(|group| format!("{group:04x}"));
    groups.join(":")
}

/// The forms that do not depend on what the bytes are.
fn binary(bytes: &[u8], add: &mut impl FnMut(&'static str, &[u8])) {
    let reversed: Vec<u8> = bytes.iter().rev().copied().collect();
    add("network order", bytes);
    add("reversed", &reversed);
    for word in [2, 4, 8] {
        if word < bytes.len() {
            let words = bytes.chunks(word).flat_map(|word| word.iter().rev());
            add("words reversed", &words.copied().collect::<Vec<u8>>());
        }
    }
    for bytes in [bytes, &reversed] {
        let digits: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let digits = digits.concat();
        add("hexadecimal", digits.as_bytes());
        add("hexadecimal", digits.to_uppercase().as_bytes());
        let numbers: Vec<String> = bytes.iter().map(ToString::to_string).collect();
        for between in [",", ", "] {
            add("list", numbers.join(between).as_bytes());
        }
    }
}

#[cfg(test)]
mod tests;
