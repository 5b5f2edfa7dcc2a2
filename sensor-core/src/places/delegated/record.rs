//! Summary lines and records.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::{Block, Country, Fault, Record, Status, Type, aligned};

/// A line after the header.
#[derive(Debug)]
pub(super) enum Line {
    /// How many records of a type there are.
    Summary(Type, u64),
    /// A record of autonomous systems.
    System,
    /// A record of addresses.
    Addresses(Record),
}

/// Decodes the fields of a line. What follows the status is an extension: the opaque id of the
/// extended form, which some registries leave out where nobody has the addresses.
pub(super) fn decode(fields: &[&str], line: u32) -> Result<Line, Fault> {
    if let [registry, "*", of, "*", count, "summary", rest @ ..] = fields {
        if !rest.iter().all(|field| field.is_empty()) || registry.is_empty() {
            return Err(Fault::field(&fields.join("|"), "summary line"));
        }
        let count = (count.parse()).map_err(|_| Fault::field(count, "count of records"))?;
        return Ok(Line::Summary(type_of(of)?, count));
    }
    let [registry, country, of, start, value, date, status, ..] = *fields else {
        return Err(Fault::FewFields(fields.len()));
    };
    if registry.is_empty() {
        return Err(Fault::field(registry, "registry"));
    }
    let country = country_of(country)?;
    if !(date.is_empty() || date.len() == 8 && date.bytes().all(|b| b.is_ascii_digit())) {
        return Err(Fault::field(date, "date (YYYYMMDD)"));
    }
    let status = status_of(status)?;
    let block = match type_of(of)? {
        Type::Asn => return Ok(Line::System),
        Type::Ipv4 => v4(start, value)?,
        Type::Ipv6 => v6(start, value)?,
    };
    Ok(Line::Addresses(Record {
        block,
        country,
        status,
        line,
    }))
}

fn type_of(text: &str) -> Result<Type, Fault> {
    match text {
        "asn" => Ok(Type::Asn),
        "ipv4" => Ok(Type::Ipv4),
        "ipv6" => Ok(Type::Ipv6),
        _ => Err(Fault::field(text, "type (asn, ipv4 or ipv6)")),
    }
}

fn status_of(text: &str) -> Result<Status, Fault> {
    match text {
        "allocated" => Ok(Status::Allocated),
        "assigned" => Ok(Status::Assigned),
        "available" => Ok(Status::Available),
        "reserved" => Ok(Status::Reserved),
        _ => Err(Fault::field(
            text,
            "status (allocated, assigned, available or reserved)",
        )),
    }
}

/// The country, in capitals or not; none for nothing and for codes that are no country's.
fn country_of(text: &str) -> Result<Option<Country>, Fault> {
    if text.is_empty() {
        return Ok(None);
    }
    if text.len() != 2 || !text.bytes().all(|b| b.is_ascii_alphabetic()) {
        return Err(Fault::field(text, "code of a country"));
    }
    Ok(Country::new(&text.to_ascii_uppercase()))
}

fn v4(start: &str, value: &str) -> Result<Block, Fault> {
    let first: Ipv4Addr = (start.parse()).map_err(|_| Fault::field(start, "IPv4 address"))?;
    let count: u64 = (value.parse()).map_err(|_| Fault::field(value, "count of addresses"))?;
    let more = (count.checked_sub(1)).ok_or_else(|| Fault::field(value, "count of addresses"))?;
    let last = u32::try_from(more)
        .ok()
        .and_then(|more| u32::from(first).checked_add(more))
        .ok_or(Fault::PastEnd { first, count })?;
    Ok(Block::V4 {
        first: first.into(),
        last,
    })
}

fn v6(start: &str, value: &str) -> Result<Block, Fault> {
    let address: Ipv6Addr = (start.parse()).map_err(|_| Fault::field(start, "IPv6 address"))?;
    let length = (value.parse().ok())
        .filter(|length| (0..=128).contains(length))
        .ok_or_else(|| Fault::field(value, "prefix length"))?;
    aligned(address, length)
        .map(Block::V6)
        .ok_or(Fault::HostBits { address, length })
}
