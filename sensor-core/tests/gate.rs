//! What a sensor makes of papers: those in order, and every way in which they are not.

#![expect(clippy::unwrap_used, reason = "what a test makes is there")]

mod world;

use world::World;

#[test]
fn papers_in_order_are_in_force() {
    let seen = World::new().seen();
    assert_eq!(seen.refusals(world::NOW), []);
    assert_eq!(seen.in_force(), ["R-1", "R-2", "R-3"]);
}
