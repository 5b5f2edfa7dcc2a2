use std::fmt::Write as _;

use super::*;
use crate::feeds::stix::pattern::parse;

/// What is watched for and what is not, in one line.
fn told(pattern: &str) -> String {
    let parsed = match parse(pattern) {
        Ok(parsed) => parsed,
        Err(error) => return format!("bad: {error}"),
    };
    let no = |no: &No| match no {
        No::Refused(refusal) => format!("refused {}", refusal.name()),
        No::Inexpressible(why) => format!("no {}", why.name()),
    };
    let each = express(&parsed)
        .into_iter()
        .map(|alternative| match alternative {
            Err(why) => no(&why),
            Ok(expressed) => {
                let prefixes = expressed.prefixes.iter().map(|prefix| match prefix {
                    Ok(prefix) => prefix.to_string(),
                    Err(why) => no(why),
                });
                let mut text = prefixes.collect::<Vec<_>>().join(" ");
                if let [first, .., last] = &expressed.ports[..] {
                    write!(text, " on {first}..{last}").unwrap();
                } else if let [only] = &expressed.ports[..] {
                    write!(text, " on {only}").unwrap();
                }
                if let (Some(from), Some(until)) = (expressed.from, expressed.until) {
                    write!(text, " from {from} until {until}").unwrap();
                }
                text
            }
        });
    each.collect::<Vec<_>>().join(", ")
}

#[test]
fn what_addresses_say_is_watched_for() {
    for (pattern, is) in [
        ("[ipv4-addr:value = '203.0.113.5/32']", "203.0.113.5/32"),
        ("[ipv6-addr:value == '2001:db8::1']", "2001:db8::1/128"),
        (
            "[ipv4-addr:value ISSUBSET '198.51.100.0/24']",
            "198.51.100.0/24",
        ),
        (
            "[ipv4-addr:value IN ('192.0.2.1', '192.0.2.2')]",
            "192.0.2.1/32 192.0.2.2/32",
        ),
        (
            "[ipv4-addr:value = '192.0.2.1' OR ipv6-addr:value = '2001:db8::1']",
            "192.0.2.1/32, 2001:db8::1/128",
        ),
        (
            "[ipv4-addr:value = '192.0.2.1'] OR [ipv4-addr:value = '192.0.2.2']",
            "192.0.2.1/32, 192.0.2.2/32",
        ),
        (
            "[network-traffic:dst_ref.value = '192.0.2.1' AND network-traffic:dst_port = 443 \
             AND network-traffic:protocols[*] = 'tcp']",
            "192.0.2.1/32 on tcp/443",
        ),
        (
            "[network-traffic:dst_ref.type = 'ipv4-addr' AND \
             network-traffic:dst_ref.value = '192.0.2.1']",
            "192.0.2.1/32",
        ),
        (
            "[(network-traffic:src_ref.value = '192.0.2.1' OR \
             network-traffic:src_ref.value = '192.0.2.2') AND network-traffic:src_port IN (1, 2) \
             AND network-traffic:protocols[0] = 'UDP']",
            "192.0.2.1/32 on udp/1..udp/2, 192.0.2.2/32 on udp/1..udp/2",
        ),
        (
            "[ipv4-addr:value = '192.0.2.1' AND network-traffic:dst_port = 80]",
            "192.0.2.1/32 on tcp/80..udplite/80",
        ),
        (
            "[ipv4-addr:value = '192.0.2.1' AND ipv4-addr:value = '192.0.2.1']",
            "192.0.2.1/32",
        ),
        (
            "[ipv4-addr:value = '192.0.2.1'] START t'2026-01-01T00:00:00Z' \
             STOP t'2026-02-01T00:00:00Z'",
            "192.0.2.1/32 from 2026-01-01T00:00:00Z until 2026-02-01T00:00:00Z",
        ),
        (
            "[ipv4-addr:value = '192.0.2.1'] REPEATS 1 TIMES",
            "192.0.2.1/32",
        ),
        (
            "[domain-name:value = 'x.example' OR ipv4-addr:value = '192.0.2.1']",
            "no domain, 192.0.2.1/32",
        ),
        (
            "/* one */ [ipv4-addr:value='192.0.2.1'] // two",
            "192.0.2.1/32",
        ),
        ("([ipv4-addr:'value' = '192.0.2.1'])", "192.0.2.1/32"),
    ] {
        assert_eq!(told(pattern), is, "{pattern}");
    }
}

#[test]
fn nothing_is_watched_for_that_the_pattern_does_not_say() {
    let ip = "ipv4-addr:value = '192.0.2.1'";
    for (with, why) in [
        ("AND domain-name:value = 'x.example'", "conjunction"),
        (
            "AND file:hashes.MD5 = 'd41d8cd98f00b204e9800998ecf8427e'",
            "conjunction",
        ),
        ("AND ipv4-addr:value = '192.0.2.2'", "several-addresses"),
        ("AND NOT EXISTS url:value", "conjunction"),
        ("AND ipv4-addr:value != '192.0.2.2'", "negation"),
        ("AND network-traffic:protocols[*] = 'icmp'", "protocol"),
        ("AND network-traffic:protocols[*] = 'tcp'", "protocol"),
        ("AND network-traffic:dst_port > 1024", "comparison"),
        ("AND network-traffic:dst_port NOT IN (80)", "negation"),
        (
            "AND network-traffic:dst_port = 80 AND network-traffic:src_port = 80",
            "other-end",
        ),
        (
            "AND network-traffic:dst_port = 80 AND network-traffic:dst_port = 81",
            "conjunction",
        ),
        ("AND network-traffic:dst_byte_count = 5", "conjunction"),
        ("AND ipv4-addr:belongs_to_refs[*].number = 5", "conjunction"),
    ] {
        let found = told(&format!("[{ip} {with}]"));
        let is_said =
            found == format!("no {why}") || (why == "protocol" && found == "no conjunction");
        assert!(is_said, "{with}: {found}");
    }
    for (pattern, is) in [
        ("[ipv4-addr:value != '192.0.2.1']", "no negation"),
        ("[ipv4-addr:value NOT = '192.0.2.1']", "no negation"),
        ("[ipv4-addr:value LIKE '192.0.2.%']", "no text-match"),
        ("[ipv4-addr:value MATCHES '192']", "no text-match"),
        ("[ipv4-addr:value > '192.0.2.1']", "no comparison"),
        ("[ipv4-addr:value ISSUPERSET '192.0.2.1']", "no superset"),
        ("[EXISTS ipv4-addr:value]", "no existence"),
        ("[network-traffic:dst_port = 4444]", "no port-alone"),
        ("[network-traffic:protocols[*] = 'tcp']", "no protocol"),
        (
            "[network-traffic:src_ref.value = '192.0.2.1' AND network-traffic:dst_port = 80]",
            "no other-end",
        ),
        (
            "[network-traffic:src_ref.value = '192.0.2.1' AND \
             network-traffic:dst_ref.value = '192.0.2.2']",
            "no several-addresses",
        ),
        (
            "[ipv4-addr:value = '192.0.2.1'] AND [ipv4-addr:value = '192.0.2.2']",
            "no observations",
        ),
        (
            "[ipv4-addr:value = '192.0.2.1'] FOLLOWEDBY [ipv4-addr:value = '192.0.2.2']",
            "no sequence",
        ),
        (
            "[ipv4-addr:value = '192.0.2.1'] REPEATS 5 TIMES",
            "no repetition",
        ),
        (
            "[ipv4-addr:value = '192.0.2.1'] WITHIN 300 SECONDS",
            "no window",
        ),
        ("[url:value = 'http://192.0.2.1/x']", "no url"),
        ("[network-traffic:dst_ref.value = 'x.example']", "no domain"),
        (
            "[network-traffic:dst_ref.type = 'domain-name' AND network-traffic:dst_ref.value = 'x.example']",
            "no conjunction",
        ),
        ("[windows-registry-key:key = 'x']", "no other-object"),
        (
            "[ipv4-addr:value = '192.0.2.300']",
            "refused not-an-address",
        ),
        ("[ipv4-addr:value = '2001:db8::1']", "refused pattern"),
        ("[ipv4-addr:value = '192.0.2.1/24']", "refused host-bits"),
        ("[ipv4-addr:value = '010.0.0.1']", "refused leading-zero"),
        ("[ipv4-addr:value = 5]", "refused pattern"),
        ("[ipv4-addr:value IN ()]", "refused pattern"),
        (
            "[ipv4-addr:value = '192.0.2.1' AND network-traffic:dst_port = 0]",
            "refused port",
        ),
        (
            "[ipv4-addr:value = '192.0.2.1' AND network-traffic:dst_port = 65536]",
            "refused port",
        ),
        (
            "[ipv4-addr:value = '192.0.2.1'] START t'2026-02-01T00:00:00Z' STOP t'2026-01-01T00:00:00Z'",
            "refused pattern",
        ),
    ] {
        assert_eq!(told(pattern), is, "{pattern}");
    }
}

#[test]
fn a_conjunction_of_many_alternatives_is_not_worked_out() {
    let any = |n: usize| {
        let each: Vec<String> = (0..n)
            .map(|i| format!("network-traffic:dst_port = {}", i + 1))
            .collect();
        format!("({})", each.join(" OR "))
    };
    let pattern = format!(
        "[{} AND {} AND ipv4-addr:value = '192.0.2.1']",
        any(100),
        any(100)
    );
    assert_eq!(told(&pattern), "no too-complex");
}
