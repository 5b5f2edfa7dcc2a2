//! Ports of an indicator.

use sensor_common::Protocol;
use serde::{Deserialize, Serialize};

use crate::watchlist::PortRule;

/// Most ports of one indicator.
const MOST: usize = 64;

/// The ports on which an indicator counts: `tcp/443`, or `6/443` by the number of the protocol.
/// Ascending, each once, one at least.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "Vec<String>", try_from = "Vec<String>")]
pub struct PortNames(Vec<PortRule>);

impl PortNames {
    /// The ports.
    pub fn rules(&self) -> &[PortRule] {
        &self.0
    }
}

impl From<PortNames> for Vec<String> {
    fn from(PortNames(rules): PortNames) -> Self {
        rules.iter().map(ToString::to_string).collect()
    }
}

impl TryFrom<Vec<String>> for PortNames {
    type Error = String;

    fn try_from(names: Vec<String>) -> Result<Self, String> {
        if names.is_empty() {
            return Err("ports is empty; leave it out for an indicator on any port".into());
        }
        if names.len() > MOST {
            let count = names.len();
            return Err(format!(
                "an indicator has {MOST} ports at most, and here are {count}; leave ports out, or \
                 ask for fewer"
            ));
        }
        let mut rules: Vec<PortRule> = names
            .iter()
            .map(|name| rule(name))
            .collect::<Result<_, _>>()?;
        rules.sort_unstable();
        if let Some([twice, _]) = rules.array_windows().find(|[a, b]| a == b) {
            return Err(format!("{twice} is named twice"));
        }
        Ok(Self(rules))
    }
}

/// A protocol and a port: `tcp/443`.
pub(crate) fn rule(name: &str) -> Result<PortRule, String> {
    let shown = || name.chars().take(32).collect::<String>();
    let unclear = || {
        let names = PortRule::NAMED.map(|(name, _)| name).join(", ");
        format!(
            "'{}' is no port; write it as tcp/443 (there are {names}), or as 6/443 with the number \
             of the protocol, and a port from 1 to 65535",
            shown()
        )
    };
    let (protocol, port) = name.split_once('/').ok_or_else(unclear)?;
    let named = PortRule::NAMED
        .into_iter()
        .find(|(name, _)| *name == protocol);
    let protocol = match named {
        Some((_, number)) => number,
        None => number(protocol).ok_or_else(unclear)?,
    };
    let port = number(port).filter(|port| *port > 0).ok_or_else(unclear)?;
    if !Protocol::has_ports(protocol) {
        return Err(format!(
            "'{}' would never count: the sensor reads the ports of tcp, udp, dccp, sctp and \
             udplite; leave it out",
            shown()
        ));
    }
    Ok(PortRule { protocol, port })
}

/// A number in digits, the way it is printed.
fn number<N: std::str::FromStr + ToString>(text: &str) -> Option<N> {
    text.parse()
        .ok()
        .filter(|number: &N| number.to_string() == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ports(names: &[&str]) -> Result<Vec<String>, String> {
        let names: Vec<String> = names.iter().map(|&name| name.into()).collect();
        PortNames::try_from(names).map(Into::into)
    }

    #[test]
    fn ports_are_sorted_and_written_by_name() {
        let written = ports(&["udp/53", "6/443", "132/5000", "tcp/80", "17/1"]).unwrap();
        let sorted = ["tcp/80", "tcp/443", "udp/1", "udp/53", "sctp/5000"];
        assert_eq!(written, sorted);
        let again: Vec<&str> = written.iter().map(String::as_str).collect();
        assert_eq!(ports(&again).unwrap(), written);
        assert!(ports(&["tcp/65535"]).is_ok());
    }

    #[test]
    fn what_is_no_port_is_refused_with_the_way_to_write_it() {
        for bad in [
            "",
            "443",
            "tcp",
            "tcp/",
            "/443",
            "TCP/443",
            "tcp/0",
            "tcp/65536",
            "tcp/+1",
            "tcp/01",
            "tcp/443/1",
            "tcp 443",
            "256/1",
            "-1/1",
            "06/443",
            "icmp/1",
        ] {
            let error = ports(&[bad]).unwrap_err();
            assert!(
                error.starts_with(&format!("'{bad}' is no port; write it as tcp/443")),
                "{error}"
            );
        }
    }

    #[test]
    fn ports_that_the_sensor_does_not_read_are_refused() {
        for never in ["1/1", "47/5000", "58/1", "255/1"] {
            let error = ports(&[never]).unwrap_err();
            assert!(
                error.starts_with(&format!("'{never}' would never count")),
                "{error}"
            );
        }
    }

    #[test]
    fn none_twice_the_same_and_more_than_sixty_four_are_refused() {
        let refused = ports(&[]).unwrap_err();
        assert_eq!(
            refused,
            "ports is empty; leave it out for an indicator on any port"
        );
        assert_eq!(
            ports(&["tcp/1", "udp/1", "6/1"]).unwrap_err(),
            "tcp/1 is named twice"
        );
        let many: Vec<String> = (1..=65).map(|port| format!("tcp/{port}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert!(ports(&many[..64]).is_ok());
        let refused = ports(&many).unwrap_err();
        assert!(refused.starts_with("an indicator has 64 ports at most, and here are 65"));
    }
}
