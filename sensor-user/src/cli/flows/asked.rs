//! The filters, as they are typed.

use clap::{Args, ValueEnum};
use ipnet::IpNet;

use crate::{
    cli::inputs::InputError,
    documents::{Time, field::ClassName},
    feeds::plain::{self, Shortest},
    records::{
        Pseudonym,
        query::{Filter, GroupBy, SortBy, Whom},
        store::Level,
    },
};
use sensor_common::Direction;

/// What flows have to be like.
#[derive(Debug, Args)]
#[command(next_help_heading = "Filters")]
pub(super) struct FilterArgs {
    /// Flows that were not over by then: RFC 3339 in UTC, or a span before now, as -90m, -1h, -7d
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    from: Option<String>,

    /// Flows that had begun by then, likewise
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    until: Option<String>,

    /// Either end: an address or prefix in clear, or a whole pseudonym
    #[arg(long, value_name = "ADDRESS")]
    address: Option<String>,

    /// The source, likewise
    #[arg(long, value_name = "ADDRESS")]
    src: Option<String>,

    /// The destination, likewise
    #[arg(long, value_name = "ADDRESS")]
    dst: Option<String>,

    /// Indicators that are this address or prefix, or in it
    #[arg(long, value_name = "PREFIX")]
    indicator: Option<String>,

    /// Indicators of this feed
    #[arg(long, value_name = "NAME")]
    feed: Option<String>,

    /// Approval
    #[arg(long, value_name = "ID")]
    approval: Option<String>,

    /// Class: transit, infrastructure or relay
    #[arg(long, value_name = "CLASS")]
    class: Option<String>,

    /// Direction: inbound, outbound or through
    #[arg(long, value_name = "DIRECTION")]
    direction: Option<String>,

    /// Either port; may be given several times
    #[arg(long, value_name = "PORT")]
    port: Vec<u16>,

    /// Protocol: tcp, udp, icmp, icmpv6, sctp, or its number
    #[arg(long, value_name = "PROTO")]
    proto: Option<String>,

    /// Interface
    #[arg(long, value_name = "NAME")]
    interface: Option<String>,
}

/// What flows are sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum SortKey {
    Start,
    End,
    Flows,
    Packets,
    Octets,
}

/// What sums are taken by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum GroupKey {
    Source,
    Destination,
    Pair,
    Indicator,
    Approval,
    Class,
    Protocol,
    /// Destination port
    Port,
    Minute,
    Hour,
    Day,
}

impl SortKey {
    pub(super) const fn of_rows(self) -> Option<SortBy> {
        match self {
            Self::Start => Some(SortBy::Start),
            Self::End => Some(SortBy::End),
            Self::Packets => Some(SortBy::Packets),
            Self::Octets => Some(SortBy::Octets),
            Self::Flows => None,
        }
    }
}

impl GroupKey {
    pub(super) const fn of_rows(self) -> GroupBy {
        match self {
            Self::Source => GroupBy::Source,
            Self::Destination => GroupBy::Destination,
            Self::Pair => GroupBy::Pair,
            Self::Indicator => GroupBy::Indicator,
            Self::Approval => GroupBy::Approval,
            Self::Class => GroupBy::Class,
            Self::Protocol => GroupBy::Protocol,
            Self::Port => GroupBy::Port,
            Self::Minute => GroupBy::Time(Level::Minute),
            Self::Hour => GroupBy::Time(Level::Hour),
            Self::Day => GroupBy::Time(Level::Day),
        }
    }

    pub(super) const fn is_time(self) -> bool {
        matches!(self, Self::Minute | Self::Hour | Self::Day)
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Destination => "destination",
            Self::Pair => "pair",
            Self::Indicator => "indicator",
            Self::Approval => "approval",
            Self::Class => "class",
            Self::Protocol => "protocol",
            Self::Port => "port",
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Day => "day",
        }
    }
}

impl FilterArgs {
    /// The filter; `now` is what spans are before.
    pub(super) fn filter(&self, now: Time) -> Result<Filter, InputError> {
        Ok(Filter {
            from: read("--from", self.from.as_ref(), |text| time(text, now))?,
            until: read("--until", self.until.as_ref(), |text| time(text, now))?,
            address: read("--address", self.address.as_ref(), whom)?,
            source: read("--src", self.src.as_ref(), whom)?,
            destination: read("--dst", self.dst.as_ref(), whom)?,
            indicator: read("--indicator", self.indicator.as_ref(), prefix)?,
            feed: self.feed.clone(),
            approval: self.approval.clone(),
            class: read("--class", self.class.as_ref(), |text| {
                let class = ClassName::try_from(text.to_owned());
                class.map(|name| name.0).map_err(str::to_owned)
            })?,
            direction: read("--direction", self.direction.as_ref(), direction)?,
            ports: self.port.clone(),
            protocol: read("--proto", self.proto.as_ref(), protocol)?,
            interface: self.interface.clone(),
        })
    }
}

fn read<T>(
    option: &str,
    text: Option<&String>,
    read: impl FnOnce(&str) -> Result<T, String>,
) -> Result<Option<T>, InputError> {
    let read = text.map(|text| read(text)).transpose();
    read.map_err(|why| InputError::Usage(format!("{option}: {why}")))
}

/// Nanoseconds since 1970.
fn time(text: &str, now: Time) -> Result<u64, String> {
    if let Some(span) = text.strip_prefix('-') {
        let unclear = || format!("'{text}' is no span before now; write it as -90m, -1h or -7d");
        let unit = span.chars().next_back().ok_or_else(unclear)?;
        let seconds = match unit {
            's' => 1,
            'm' => 60,
            'h' => 3600,
            'd' => 86_400,
            _ => return Err(unclear()),
        };
        let count = span
            .strip_suffix(unit)
            .and_then(|count| count.parse::<u64>().ok());
        let span = count.and_then(|count| count.checked_mul(seconds * 1_000_000_000));
        return Ok(now.0.saturating_sub(span.ok_or_else(unclear)?));
    }
    let time = text.parse::<Time>().map(|time| time.0);
    time.map_err(|error| error.to_string())
}

fn prefix(text: &str) -> Result<IpNet, String> {
    plain::prefix(text, Shortest::ANY).map_err(|fault| fault.to_string())
}

fn whom(text: &str) -> Result<Whom, String> {
    if text.starts_with("pseudonym") {
        let pseudonym = text.parse::<Pseudonym>().map(Whom::Pseudonym);
        return pseudonym.map_err(str::to_owned);
    }
    prefix(text).map(Whom::In)
}

fn direction(text: &str) -> Result<Direction, String> {
    let known = Direction::ALL
        .into_iter()
        .find(|known| known.name() == text);
    known.ok_or_else(|| "a direction is inbound, outbound or through".into())
}

fn protocol(text: &str) -> Result<u8, String> {
    match text {
        "icmp" => Ok(1),
        "tcp" => Ok(6),
        "udp" => Ok(17),
        "icmpv6" => Ok(58),
        "sctp" => Ok(132),
        number => number.parse().map_err(|_| {
            format!("'{text}' is no protocol: tcp, udp, icmp, icmpv6, sctp, or a number to 255")
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_moments_or_spans_before_now() {
        let hour = 3600 * 1_000_000_000;
        let now = Time(100 * 24 * hour);
        assert_eq!(time("-1h", now), Ok(now.0 - hour));
        assert_eq!(time("-7d", now), Ok(now.0 - 7 * 24 * hour));
        assert_eq!(time("1970-01-01T01:00:00Z", now), Ok(hour));
        for text in [
            "-",
            "-h",
            "-1",
            "-1w",
            "--1h",
            "-99999999999999999d",
            "yesterday",
            "",
        ] {
            assert!(time(text, now).is_err(), "{text}");
        }
    }

    #[test]
    fn ends_are_prefixes_or_whole_pseudonyms() {
        let prefix = "192.0.2.0/24".parse().unwrap();
        assert_eq!(whom("192.0.2.0/24"), Ok(Whom::In(prefix)));
        let text = format!("pseudonym:{}", "0f".repeat(16));
        assert_eq!(whom(&text), Ok(Whom::Pseudonym(Pseudonym([15; 16]))));
        assert!(whom("pseudonym:0f").is_err());
        assert!(whom("example.org").is_err());
    }
}
