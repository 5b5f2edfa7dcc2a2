//! Names in plain words.

/// Verdicts in the order of the decision, and what each means for what is kept.
pub(super) const VERDICTS: [(&str, &str); 15] = [
    (
        "not_ip",
        "neither IPv4 nor IPv6: there is no address to look up",
    ),
    (
        "malformed",
        "contradict themselves or are cut short: nothing is guessed",
    ),
    (
        "unsupported",
        "too deep or in an encapsulation that is not read: nothing is guessed",
    ),
    (
        "no_match",
        "neither end is on the feed: only this number was kept",
    ),
    (
        "excluded",
        "an end is never to be recorded, whoever watches for the other",
    ),
    (
        "unknown",
        "an end is known neither as foreign nor as domestic",
    ),
    (
        "domestic",
        "both ends are domestic, and such are never recorded",
    ),
    (
        "unapproved",
        "an end is on the feed, but no approval names it",
    ),
    ("not_yet", "every approval begins later"),
    ("expired", "every approval has ended"),
    ("class", "no approval is for this class"),
    ("direction", "no approval is for this direction"),
    ("interface", "no approval is for this interface"),
    (
        "unattended",
        "the agent was not there, and without it nothing is recorded",
    ),
    (
        "recorded",
        "an end is on the feed: counted in the flows above",
    ),
];

/// The name of a protocol that the demo uses.
pub(super) fn protocol(number: u8) -> String {
    match number {
        1 => "ICMP".to_owned(),
        6 => "TCP".to_owned(),
        17 => "UDP".to_owned(),
        58 => "ICMPv6".to_owned(),
        other => format!("protocol {other}"),
    }
}
