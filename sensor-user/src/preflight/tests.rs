//! What the tables of the checks share, and the order of the whole answer.

use std::fmt::Debug;

use super::{Facts, Finding, HostFacts, InterfaceFacts, Link, Offloads, Status, judge};

/// One row: a fact, and the status and a part of the advice it should lead to.
pub(super) type Row<T> = (T, Status, &'static str);

/// Every fact has its status, and the advice says what the row asks for.
pub(super) fn table<T: Copy + Debug>(check: impl Fn(T) -> Finding, rows: &[Row<T>]) {
    for &(fact, status, advice) in rows {
        let finding = check(fact);
        assert_eq!(finding.status, status, "{fact:?}: {finding:?}");
        assert!(finding.advice.contains(advice), "{fact:?}: {finding:?}");
    }
}

/// The finding is unknown, says why, and still says what to do.
pub(super) fn unknown(finding: &Finding, reason: &str) {
    assert_eq!(finding.status, Status::Unknown, "{finding:?}");
    assert!(finding.observed.contains(reason), "{finding:?}");
    assert!(!finding.advice.is_empty(), "{finding:?}");
}

/// An interface to change one fact of.
pub(super) fn interface() -> InterfaceFacts {
    InterfaceFacts {
        name: "eth0".to_owned(),
        index: 2,
        driver: Ok("virtio_net".to_owned()),
        xdp_features: Ok(1),
        offloads: Ok(Offloads {
            rx_vlan: false,
            lro: false,
        }),
        link: Ok(Link {
            mtu: 1500,
            up: true,
            promiscuous: false,
        }),
        xdp_slot: Ok(None),
        addresses: Ok(vec![]),
        traffic: Err("not sampled".to_owned()),
    }
}

#[test]
fn every_check_answers_once_host_first_and_blind_facts_are_unknown() {
    let blind = || "nothing to see".to_owned();
    let host = HostFacts {
        kernel_release: Err(blind()),
        btf: Err(blind()),
        jit: Err(blind()),
        capabilities: Err(blind()),
        clock: Err(blind()),
        page_size: Err(blind()),
    };
    let interface = |name: &str| InterfaceFacts {
        name: name.to_owned(),
        index: 1,
        driver: Err(blind()),
        xdp_features: Err(blind()),
        offloads: Err(blind()),
        link: Err(blind()),
        xdp_slot: Err(blind()),
        addresses: Err(blind()),
        traffic: Err(blind()),
    };
    let findings = judge(&Facts {
        host,
        interfaces: vec![interface("a"), interface("b")],
    });
    for finding in &findings {
        unknown(finding, "nothing to see");
    }
    let names: Vec<_> = (findings.iter())
        .map(|finding| {
            format!(
                "{}{}",
                finding.interface.as_deref().unwrap_or_default(),
                finding.check.name()
            )
        })
        .collect();
    assert_eq!(
        names.join(" "),
        "kernel btf jit capabilities clock \
         anative_xdp axdp_slot avlan_offload amtu alro apromiscuous adirections \
         bnative_xdp bxdp_slot bvlan_offload bmtu blro bpromiscuous bdirections",
    );
}

#[test]
fn a_check_has_one_name_in_text_and_json() {
    for finding in judge(&Facts {
        host: HostFacts {
            kernel_release: Ok("6.1.0".to_owned()),
            btf: Ok(true),
            jit: Ok(true),
            capabilities: Err(String::new()),
            clock: Err(String::new()),
            page_size: Ok(4096),
        },
        interfaces: vec![interface()],
    }) {
        let json = serde_json::to_value(&finding).unwrap();
        assert_eq!(json["check"], finding.check.name());
        let status = match finding.status {
            Status::Ok => "ok",
            Status::Warn => "warn",
            Status::Fail => "fail",
            Status::Unknown => "unknown",
        };
        assert_eq!(json["status"], status);
    }
}
