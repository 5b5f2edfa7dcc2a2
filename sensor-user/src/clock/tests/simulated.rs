//! The simulated clocks themselves, and how one waits for a step.

use std::task::{Context, Poll, Waker};

use super::*;

/// Whether `stepped` completes at once.
pub(super) fn has_stepped(clock: &mut SimulatedClock) -> bool {
    let future = std::pin::pin!(clock.stepped());
    matches!(
        future.poll(&mut Context::from_waker(Waker::noop())),
        Poll::Ready(Ok(()))
    )
}

#[test]
fn a_step_is_told_once_also_one_before_the_wait() {
    let mut clock = SimulatedClock::new(NOW, 0);
    assert!(!has_stepped(&mut clock));
    clock.advance(Duration::from_hours(1));
    assert!(!has_stepped(&mut clock));
    clock.step_wall(-5);
    clock.step_wall(5);
    assert!(has_stepped(&mut clock));
    assert!(!has_stepped(&mut clock));
    clock.suspend(Duration::from_hours(1));
    assert!(has_stepped(&mut clock));
}

#[tokio::test]
async fn a_step_wakes_whoever_waits() {
    let clock = SimulatedClock::new(NOW, 0);
    let mut waiting = clock.clone();
    let task = tokio::spawn(async move { waiting.stepped().await });
    tokio::task::yield_now().await;
    clock.step_wall(1);
    task.await.unwrap().unwrap();
}

#[test]
fn the_clocks_go_as_those_of_a_machine() {
    let clock = SimulatedClock::new(NOW, 5);
    clock.suspend(Duration::from_nanos(10));
    clock.advance(Duration::from_nanos(10));
    assert_eq!(clock.anchor().unwrap(), anchor(25, NOW + 20));
    clock.step_wall(-i128::from(DAY));
    let stepped = clock.anchor().unwrap();
    assert_eq!(stepped.wall, NOW + 20 - DAY);
    assert_eq!(
        (stepped.synchronised, stepped.uncertainty),
        (false, 16 * SECOND)
    );
    assert_eq!(clock.true_time(), NOW + 20);
    clock.set_discipline(true, Duration::ZERO);
    assert_eq!(clock.anchor().unwrap(), anchor(25, NOW + 20 - DAY));
    clock.reboot(Duration::from_nanos(7));
    let booted = clock.anchor().unwrap();
    assert_eq!((booted.boot, booted.wall), (0, NOW + 27 - DAY));
    assert_ne!(booted.boot_id, stepped.boot_id);
    clock.step_wall(i128::MIN);
    assert_eq!(clock.wall(), 0);
}
