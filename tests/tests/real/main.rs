//! Real mode between namespaces: papers come and go under traffic, and recording with them.

#![expect(clippy::unwrap_used, reason = "an unwrap in a test says what is wrong")]

#[path = "../../../sensor-core/tests/world/mod.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod world;

mod replay;
mod taken_back;
mod town;
mod under_traffic;
