//! Values of documents as arguments: each is refused with the sentence that its document has.

use std::fmt::Display;

use serde::{
    Deserialize,
    de::{IntoDeserializer as _, value},
};

use crate::{
    cli::inputs::InputError,
    documents::{
        field::{FieldNames, Number},
        paper::{Asked, Bound, Evidence, Interface, Sensor, Tunnel},
    },
};

/// A value that its document reads from a text.
pub(in crate::cli) fn value<T>(text: &str) -> Result<T, String>
where
    T: TryFrom<String>,
    T::Error: Display,
{
    T::try_from(text.to_owned()).map_err(|error| error.to_string())
}

/// A value that is one of several words.
pub(super) fn word<T: for<'a> Deserialize<'a>>(text: &str) -> Result<T, String> {
    let word = T::deserialize(text.into_deserializer());
    word.map_err(|error: value::Error| error.to_string().replace('`', "'"))
}

/// A number of a document.
pub(super) fn number(text: &str) -> Result<Number, String> {
    let number: i64 = text.parse().map_err(|_| "documents are numbered from 1")?;
    Ok(Number::try_from(number)?)
}

/// `NAME=MAC@BUS`.
pub(super) fn interface(text: &str) -> Result<Interface, String> {
    let split = || {
        let (name, rest) = text.split_once('=')?;
        let (mac, bus) = rest.split_once('@')?;
        Some((name, mac, bus))
    };
    let (name, mac, bus) = split().ok_or(
        "write NAME=MAC@BUS, as eth0=aa:bb:cc:dd:ee:ff@pci-0000:03:00.0; without a device, \
         BUS is virtual",
    )?;
    Ok(Interface {
        name: value(name)?,
        mac: value(mac)?,
        bus: value(bus)?,
    })
}

/// `TYPE[:PORT][+SKIP]=PREFIX,PREFIX`.
pub(super) fn tunnel(text: &str) -> Result<Tunnel, String> {
    let form = "write TYPE=PREFIX,PREFIX or TYPE:PORT=PREFIX,PREFIX, where the prefixes are its \
                two ends; l2tpv3+SKIP says how many octets stand before Ethernet";
    let (tunnel, ends) = text.split_once('=').ok_or(form)?;
    let (tunnel, skip) = match tunnel.split_once('+') {
        Some((tunnel, skip)) => (tunnel, Some(skip.parse().map_err(|_| form)?)),
        None => (tunnel, None),
    };
    let (tunnel, port) = match tunnel.split_once(':') {
        Some((tunnel, port)) => (tunnel, Some(port.parse().map_err(|_| form)?)),
        None => (tunnel, None),
    };
    let (first, second) = ends.split_once(',').ok_or(form)?;
    Ok(Tunnel {
        tunnel: word(tunnel)?,
        port,
        skip,
        ends: [value(first)?, value(second)?],
    })
}

/// `PREFIX`, or `PREFIX@ATTACK@WHEN@SOURCE`.
pub(super) fn indicator(text: &str) -> Result<Asked, String> {
    let parts: Vec<&str> = text.split('@').collect();
    let (prefix, evidence) = match parts[..] {
        [prefix] => (prefix, None),
        [prefix, attack, when, source] => {
            let evidence = Evidence {
                attack: value(attack)?,
                when: value(when)?,
                source: value(source)?,
            };
            (prefix, Some(evidence))
        }
        _ => {
            return Err(
                "write PREFIX, or PREFIX@ATTACK@WHEN@SOURCE with the evidence that relay needs; \
                 --indicators takes a file"
                    .into(),
            );
        }
    };
    Ok(Asked {
        evidence,
        ..Asked::of(value(prefix)?)
    })
}

/// `NAME=PREFIX[,PREFIX...]`.
pub(super) fn operator(text: &str) -> Result<Bound, String> {
    let form = "write NAME=PREFIX, or NAME=PREFIX,PREFIX";
    let (name, prefixes) = text.split_once('=').ok_or(form)?;
    Ok(Bound {
        name: value(name)?,
        prefixes: prefixes.split(',').map(value).collect::<Result<_, _>>()?,
    })
}

/// `NAME=FINGERPRINT`.
pub(super) fn sensor(text: &str) -> Result<Sensor, String> {
    let (name, log_key) = text.split_once('=').ok_or("write NAME=SHA256:...")?;
    Ok(Sensor {
        name: value(name)?,
        log_key: value(log_key)?,
    })
}

/// The names given by `--field`; `none` alone is an empty set.
pub(super) fn fields(names: &[String]) -> Result<FieldNames, InputError> {
    let names = if names == ["none"] { &[] } else { names };
    FieldNames::try_from(names.to_vec())
        .map_err(|error| InputError::Usage(format!("--field: {error}, or none alone")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_as_they_are_written_for_people() {
        let interface = interface("eth0=02:00:00:00:00:01@pci-0000:03:00.0").unwrap();
        assert_eq!(
            (&*interface.name, &*interface.bus),
            ("eth0", "pci-0000:03:00.0")
        );
        let tunnel = tunnel("vxlan:4789=192.0.2.0/24,2001:db8::/32").unwrap();
        assert_eq!((tunnel.port, tunnel.skip), (Some(4789), None));
        let tunnel = super::tunnel("l2tpv3+8=192.0.2.0/24,192.0.2.1/32").unwrap();
        assert_eq!((tunnel.port, tunnel.skip), (None, Some(8)));
        let asked = indicator("2001:db8::1@A-7@2026-10-01T00:00:00Z@JPCERT 3").unwrap();
        assert_eq!(&*asked.evidence.unwrap().source, "JPCERT 3");
        assert_eq!(indicator("192.0.2.0/24").unwrap().evidence, None);
    }

    #[test]
    fn what_is_no_value_is_said() {
        assert!(interface("eth0").unwrap_err().starts_with("write NAME=MAC"));
        assert!(interface("eth0=02@virtual").is_err());
        assert!(tunnel("vxlan").is_err());
        assert!(
            tunnel("tube=0.0.0.0/0,0.0.0.0/0")
                .unwrap_err()
                .contains("'tube'")
        );
        assert!(
            indicator("192.0.2.1/24")
                .unwrap_err()
                .contains("bits beyond")
        );
        assert!(indicator("192.0.2.1@attack").is_err());
        assert!(number("0").is_err());
        assert!(sensor("tokyo=abc").is_err());
        assert!(operator("power=").is_err());
        assert!(fields(&["ports".into(), "ports".into()]).is_err());
    }
}
