//! The clocks of this machine: a setting of the wall clock is noticed, another time namespace
//! refused.

use std::{env, process::Command, time::Duration};

use nix::{
    errno::Errno,
    time::{ClockId, clock_gettime, clock_settime},
};
use sekisho::{
    clock::{Anchors, ClockError, ClockSource as _, News},
    kernel::{SystemClock, check_time_namespace},
};
use sensor_tests::{require, requires};
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(10);

/// Sets the clock of the machine, once, to the time it has: for the kernel that is a step, of
/// about a microsecond. The machine counts as unsynchronised until its time service looks again.
#[tokio::test]
async fn a_setting_of_the_wall_clock_is_noticed_before_and_during_the_wait() {
    require!(privilege);
    let (mut waits, mut comes_late) = (clock(), clock());
    let mut anchors = Anchors::default();
    let before = comes_late.anchor().expect("an anchor");
    assert_eq!(anchors.take(before).expect("taken").news, News::First);
    let waiting = tokio::spawn(async move {
        waits.stepped().await.expect("a wait");
        waits
    });
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(!waiting.is_finished(), "nobody has set the clock yet");

    let now = clock_gettime(ClockId::CLOCK_REALTIME).expect("a clock");
    match clock_settime(ClockId::CLOCK_REALTIME, now) {
        Err(Errno::EPERM) => return requires::skip("no CAP_SYS_TIME"),
        set => set.expect("the clock is set"),
    }

    let mut waits = timeout(PATIENCE, waiting)
        .await
        .expect("whoever waited is woken")
        .expect("the task ends well");
    timeout(PATIENCE, comes_late.stepped())
        .await
        .expect("a setting before the wait is told")
        .expect("a wait");
    for clock in [&mut waits, &mut comes_late] {
        let again = timeout(Duration::from_millis(100), clock.stepped()).await;
        assert!(again.is_err(), "told once");
    }
    let after = comes_late.anchor().expect("an anchor");
    assert!(!after.synchronised, "{after:?}");
    let taken = anchors.take(after).expect("taken");
    assert_eq!(taken.news, News::Steady, "too small to be told as a step");
}

#[test]
fn a_time_namespace_with_another_boot_clock_is_refused() {
    require!(privilege);
    let unshare = require!(tool "unshare");
    check_time_namespace().expect("tests run outside of one");
    for moved in [["--boottime", "86400"], ["--monotonic", "3600"]] {
        let output = Command::new(&unshare)
            .args(["--time", "--fork"])
            .args(moved)
            .arg(env::current_exe().expect("this program"))
            .args(["--exact", "inside_a_time_namespace", "--ignored"])
            .output()
            .expect("unshare runs");
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.success() && said.contains("1 passed"),
            "{moved:?}: {output:?}"
        );
    }
}

#[tokio::test]
#[ignore = "run by the test above, inside of one"]
async fn inside_a_time_namespace() {
    for refused in [check_time_namespace(), SystemClock::new().map(drop)] {
        let error = refused.expect_err("another boot clock than the kernel's");
        assert!(matches!(error, ClockError::TimeNamespace { .. }), "{error}");
    }
}

fn clock() -> SystemClock {
    SystemClock::new().expect("the clocks of this machine")
}
