//! What an agent does about approvals, clocks and what stands in the kernel.

use super::*;

/// What an agent did while `during` went on.
async fn run_while<F: Future<Output = ()>>(
    datapath: &Shared,
    clock: &SimulatedClock,
    approvals: Vec<Approval>,
    during: F,
) -> (Summary, Output) {
    let output = Output::default();
    let agent = agent(datapath, clock, approvals, output.clone(), config());
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let run = tokio::spawn(agent.run(async { drop(stopped.await) }, |_| {}));
    attended(datapath).await;
    during.await;
    stop.send(()).unwrap();
    (run.await.unwrap().unwrap(), output)
}

/// Waits until the slots in force are as wanted.
async fn until(datapath: &Shared, wanted: impl Fn(&[sensor_common::Slot]) -> bool) {
    while !wanted(datapath.lock().slots()) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Waits until the agent has looked after everything at the clock's present time.
async fn renewed(datapath: &Shared, clock: &SimulatedClock) {
    let lease = clock.boot().unwrap() + 10_000_000_000;
    while datapath.lock().attended_until() < lease {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

const SECOND: i128 = 1_000_000_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_set_forward_ends_an_approval_at_once_and_set_back_ends_it_no_later() {
    for (step, expected) in [
        (90 * SECOND, Verdict::Expired),
        (10 * SECOND, Verdict::Recorded),
        (-90 * SECOND, Verdict::NotYet),
    ] {
        let (datapath, clock) = (fake(), clock());
        let frame = udp(1);
        let end = approval("lab", 60).terms.end;
        let during = async {
            datapath.lock().receive(&frame, now(&clock, &frame));
            let before = datapath.lock().slots().to_vec();
            clock.step_wall(step);
            until(&datapath, |slots| slots != before).await;
            // One that has ended may have left the kernel by now.
            let ends_no_later = |slot: &sensor_common::Slot| slot.end <= end;
            assert!(datapath.lock().slots().iter().all(ends_no_later));
            datapath.lock().receive(&frame, now(&clock, &frame));
        };
        let (summary, output) =
            run_while(&datapath, &clock, vec![approval("lab", 60)], during).await;
        let recorded = 1 + u64::from(expected == Verdict::Recorded);
        assert_eq!(summary.verdict(Verdict::Recorded), recorded, "{step}");
        assert_eq!(summary.verdict(expected).max(1), recorded, "{step}");
        assert_eq!(summary.alarms, 1, "{step}");
        let alarm = &output.objects("alarm")[0];
        assert_eq!(alarm["about"], "clock", "{alarm}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_ended_approval_leaves_the_kernel_and_the_others_stay() {
    let (datapath, clock) = (fake(), clock());
    let frame = udp(1);
    let approvals = vec![approval("short", 5), approval("long", 3600)];
    let during = async {
        datapath.lock().receive(&frame, now(&clock, &frame));
        clock.advance(Duration::from_secs(6));
        until(&datapath, |slots| {
            slots[0] == sensor_common::Slot::default()
        })
        .await;
        renewed(&datapath, &clock).await;
        datapath.lock().receive(&frame, now(&clock, &frame));
    };
    let (summary, output) = run_while(&datapath, &clock, approvals, during).await;
    assert_eq!(summary.verdict(Verdict::Recorded), 2);
    let mut under: Vec<String> = (output.objects("flow").iter())
        .map(|flow| flow["approvals"][0].as_str().unwrap().to_owned())
        .collect();
    under.sort();
    assert_eq!(under, ["long", "long", "short"]);
    let counted = |name: &str| summary.approvals[&ApprovalId(name.into())].of(Verdict::Recorded);
    assert_eq!((counted("short"), counted("long")), (1, 2), "folded");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_stood_otherwise_in_the_kernel_is_an_alarm() {
    let (datapath, clock) = (fake(), clock());
    let during = async {
        let alarm = kernel::Alarm::Slot { slot: 3 };
        datapath.lock().set_alarm(alarm);
        clock.advance(Duration::from_secs(2));
        renewed(&datapath, &clock).await;
    };
    let (summary, output) = run_while(&datapath, &clock, hour(), during).await;
    assert_eq!(summary.alarms, 1);
    let alarm = &output.objects("alarm")[0];
    assert_eq!(
        (&alarm["about"], &alarm["text"]),
        (
            &"kernel".into(),
            &"slot 3 had other terms than were published".into()
        )
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_ends_with_its_last_approval() {
    let (datapath, output, clock) = (fake(), Output::default(), clock());
    let config = Config {
        ends_with_approvals: true,
        ..config()
    };
    let approvals = vec![approval("lab", 5)];
    let agent = agent(&datapath, &clock, approvals, output.clone(), config);
    let run = tokio::spawn(agent.run(std::future::pending(), |_| {}));
    attended(&datapath).await;
    let frame = udp(1);
    datapath.lock().receive(&frame, now(&clock, &frame));
    clock.advance(Duration::from_secs(5));
    let summary = run.await.unwrap().unwrap();
    assert_eq!((summary.records, summary.packets), (1, 1));
}
