//! The checks of what arrives: promiscuous mode, and both directions.
//!
//! They read counters and never a packet, so they cannot see whether both halves of a
//! conversation are mirrored. [`directions`] therefore never answers `Ok`: at best it says how to
//! find out.

use std::net::IpAddr;

use super::{Check, Finding, InterfaceFacts, Link, Status, Traffic};

pub(super) fn promiscuous(interface: &InterfaceFacts) -> Finding {
    const CHECK: Check = Check::Promiscuous;
    let name = &interface.name;
    let on = format!("`ip link set dev {name} promisc on`");
    let promiscuous = match &interface.link {
        Ok(Link { promiscuous, .. }) => *promiscuous,
        Err(reason) => {
            let advice = format!("a mirror port needs it: {on}");
            return Finding::unknown(CHECK, reason, advice);
        }
    };
    if promiscuous {
        let advice = "frames addressed to others arrive too";
        return Finding::new(CHECK, Status::Ok, "on", advice);
    }
    match &interface.addresses {
        Ok(addresses) if addresses.iter().any(is_configured) => Finding::new(
            CHECK,
            Status::Ok,
            "off, with an address of its own",
            format!("fits a host that watches its own traffic; on a mirror port: {on}"),
        ),
        Ok(_) => Finding::new(
            CHECK,
            Status::Warn,
            "off, without an address of its own",
            format!(
                "this looks like a mirror port, and the card drops frames addressed to others \
                 before XDP: {on}"
            ),
        ),
        Err(reason) => Finding::unknown(CHECK, reason, format!("on a mirror port: {on}")),
    }
}

/// `others` is how many further interfaces are to be watched.
pub(super) fn directions(interface: &InterfaceFacts, others: usize) -> Finding {
    const CHECK: Check = Check::Directions;
    let name = &interface.name;
    let link = interface.link.as_ref().ok();
    if link.is_some_and(|link| !link.up) {
        let advice = format!("nothing arrives until `ip link set dev {name} up`");
        return Finding::new(CHECK, Status::Fail, "the interface is down", advice);
    }
    let Traffic {
        window,
        received,
        sent,
    } = match &interface.traffic {
        Ok(traffic) => *traffic,
        Err(reason) => {
            let advice = format!("watch `ip -s link show dev {name}` while traffic flows");
            return Finding::unknown(CHECK, reason, advice);
        }
    };
    let seconds = window.as_secs_f64();
    let observed = format!("{received} packets received and {sent} sent in {seconds} s");
    let leaves = format!(
        "packets that leave through {name} are not seen by XDP; they are counted only if they \
         arrive on another watched interface: give that with a second --interface"
    );
    let elsewhere = format!(
        "packets that leave through {name} are counted where they arrived: see that the other \
         interfaces given are those they come from"
    );
    let (status, advice) = match (received, sent) {
        (1.., 1..) if others > 0 => (Status::Ok, elsewhere),
        (0, 0) => (
            Status::Warn,
            format!("nothing arrived in {seconds} s: is traffic mirrored here?"),
        ),
        (0, _) => (
            Status::Warn,
            format!("nothing arrived in {seconds} s: is traffic mirrored here? Also, {leaves}"),
        ),
        (_, 0) => {
            let mirror = if link.is_some_and(|link| link.promiscuous) {
                "it looks like a mirror port"
            } else {
                "it only receives"
            };
            let advice = format!(
                "{mirror}; counters cannot tell whether both directions of a conversation are \
                 mirrored. Make sure the mirror session copies both (`both`, `rx and tx`), and \
                 that the packets received here grow like the received and sent ones of the \
                 mirrored port together"
            );
            (Status::Unknown, advice)
        }
        (_, _) => (Status::Warn, leaves),
    };
    Finding::new(CHECK, status, observed, advice)
}

/// Whether somebody gave this address. The link-local one of IPv6 comes by itself on every
/// interface that is up, mirror ports too.
const fn is_configured(address: &IpAddr) -> bool {
    match address {
        IpAddr::V4(_) => true,
        IpAddr::V6(address) => !address.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::preflight::tests::{interface, table, unknown};
    use std::time::Duration;

    fn link(up: bool, promiscuous: bool) -> Link {
        Link {
            mtu: 1500,
            up,
            promiscuous,
        }
    }

    #[test]
    fn promiscuous_modes() {
        let judge = |(on, addresses): (bool, &[&str])| {
            promiscuous(&InterfaceFacts {
                link: Ok(link(true, on)),
                addresses: Ok(addresses.iter().map(|a| a.parse().unwrap()).collect()),
                ..interface()
            })
        };
        table(
            judge,
            &[
                ((true, &[][..]), Status::Ok, "addressed to others"),
                ((true, &["192.0.2.1"]), Status::Ok, "addressed to others"),
                ((false, &["192.0.2.1"]), Status::Ok, "its own traffic"),
                ((false, &["2001:db8::1"]), Status::Ok, "its own traffic"),
                ((false, &["fe80::1"]), Status::Warn, "dev eth0 promisc on"),
                ((false, &[]), Status::Warn, "looks like a mirror port"),
            ],
        );
        let no_link = InterfaceFacts {
            link: Err("ENODEV".into()),
            ..interface()
        };
        unknown(&promiscuous(&no_link), "ENODEV");
        let no_addresses = InterfaceFacts {
            addresses: Err("EPERM".into()),
            ..interface()
        };
        unknown(&promiscuous(&no_addresses), "EPERM");
    }

    #[test]
    fn directions_of_traffic() {
        let among = |others| {
            move |(link, received, sent)| {
                let window = Duration::from_secs(2);
                let traffic = Ok(Traffic {
                    window,
                    received,
                    sent,
                });
                let facts = InterfaceFacts {
                    link: Ok(link),
                    traffic,
                    ..interface()
                };
                directions(&facts, others)
            }
        };
        let judge = among(0);
        let (down, plain, mirror) = (link(false, false), link(true, false), link(true, true));
        table(
            judge,
            &[
                ((down, 0, 0), Status::Fail, "ip link set dev eth0 up"),
                (
                    (mirror, 0, 0),
                    Status::Warn,
                    "nothing arrived in 2 s: is traffic",
                ),
                (
                    (plain, 0, 9),
                    Status::Warn,
                    "nothing arrived in 2 s: is traffic",
                ),
                ((plain, 0, 9), Status::Warn, "second --interface"),
                ((plain, 9, 9), Status::Warn, "second --interface"),
                ((mirror, 9, 0), Status::Unknown, "looks like a mirror port"),
                ((plain, 9, 0), Status::Unknown, "it only receives"),
            ],
        );
        assert_eq!(
            judge((mirror, 9, 1)).observed,
            "9 packets received and 1 sent in 2 s",
        );
        table(
            among(1),
            &[
                ((plain, 9, 9), Status::Ok, "counted where they arrived"),
                ((plain, 0, 9), Status::Warn, "nothing arrived"),
                ((plain, 9, 0), Status::Unknown, "it only receives"),
            ],
        );
        unknown(&directions(&interface(), 0), "not sampled");
    }

    #[test]
    fn a_counter_that_went_back_is_no_traffic() {
        let sample = |received, sent| crate::preflight::Sample { received, sent };
        let window = Duration::from_secs(1);
        assert_eq!(
            Traffic::between(sample(10, 10), sample(3, 12), window),
            Traffic {
                window,
                received: 0,
                sent: 2
            },
        );
    }
}
