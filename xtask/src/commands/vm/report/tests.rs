use super::*;

fn ended(test: &str, outcome: Outcome, notes: &[&str]) -> Said {
    Said::Ended(Ended {
        program: "run".into(),
        test: test.into(),
        outcome,
        seconds: 1.0,
        notes: notes.iter().map(ToString::to_string).collect(),
    })
}

fn kernel() -> Said {
    Said::Kernel {
        release: "6.1.0-56-amd64".into(),
    }
}

fn skipped() -> Outcome {
    Outcome::Skipped {
        why: "no program 'ping' on PATH".into(),
    }
}

fn failed() -> Outcome {
    Outcome::Failed {
        output: "it panicked".into(),
    }
}

#[test]
fn a_run_to_its_end_without_a_fault_is_good() {
    let said = vec![
        kernel(),
        ended(
            "a",
            Outcome::Passed,
            &["verified sekisho, live: 73309", "other"],
        ),
        ended("b", skipped(), &[]),
        Said::Log {
            line: "veth0: renamed".into(),
        },
        Said::Done,
    ];
    let report = Report::of("6.1", said, 2);
    assert!(report.is_good(), "{report:?}");
    assert_eq!((report.passed, report.count_skipped()), (1, 1));
    assert_eq!(report.verified["sekisho, live"], 73_309);
    let printed = report.to_string();
    assert_eq!(
        printed,
        "--- skipped on 6.1: no program 'ping' on PATH: run b\n"
    );
}

#[test]
fn what_is_missing_is_not_good() {
    let passed = || ended("a", Outcome::Passed, &[]);
    let warning = || Said::Log {
        line: "WARNING: CPU: 0 PID: 1 at kernel/x.c:1".into(),
    };
    let module = || Said::Module {
        file: "/modules/veth.ko".into(),
        why: "EINVAL".into(),
    };
    for (said, complaint) in [
        (vec![], "nothing was heard of it"),
        (vec![kernel(), passed()], "it ended before its tests did"),
        (
            vec![kernel(), passed(), Said::Done],
            "1 of 2 tests were heard of",
        ),
        (
            vec![
                kernel(),
                Said::Stopped {
                    why: "no plan".into(),
                },
            ],
            "no plan",
        ),
        (
            vec![kernel(), passed(), ended("b", failed(), &[]), Said::Done],
            "failed on x: run b\nit panicked",
        ),
        (
            vec![kernel(), passed(), passed(), warning(), Said::Done],
            "x logged: WARNING: CPU: 0",
        ),
        (
            vec![kernel(), module(), passed(), passed(), Said::Done],
            "failed on x: module /modules/veth.ko\nEINVAL",
        ),
    ] {
        let report = Report::of("x", said, 2);
        assert!(!report.is_good(), "{report:?}");
        let printed = report.to_string();
        assert!(printed.contains(complaint), "{complaint}: {printed}");
    }
}

#[test]
fn the_tables_say_what_is_over_and_what_did_not_end() {
    let notes = [
        "verified sekisho: 255091",
        "verified tune: 900",
        "feature `bpf_loop`: yes",
    ];
    let good = vec![kernel(), ended("a", Outcome::Passed, &notes), Said::Done];
    let reports = [
        Report::of("6.1", good, 1),
        Report::of("6.12", vec![kernel()], 1),
    ];
    let ceilings = [("sekisho".to_owned(), 100_000), ("tune".to_owned(), 1_000)];
    let tables = Tables {
        reports: &reports,
        ceilings: &ceilings.into(),
    };
    let printed = tables.to_string();
    let expected = "\
| kernel | release        | passed | skipped | failed         | kernel's log | s |
| ------ | -------------- | ------ | ------- | -------------- | ------------ | - |
| 6.1    | 6.1.0-56-amd64 | 1      | 0       | 0              | clean        | 0 |
| 6.12   | 6.1.0-56-amd64 | 0      | 0       | 0, DID NOT END | not read     | 0 |

| instructions verified | ceiling | 6.1          | 6.12 |
| --------------------- | ------- | ------------ | ---- |
| `sekisho`             | 100,000 | 255,091 OVER | ?    |
| `tune`                | 1,000   | 900          | ?    |

| feature    | 6.1 | 6.12 |
| ---------- | --- | ---- |
| `bpf_loop` | yes | ?    |
";
    assert_eq!(printed, expected);
}
