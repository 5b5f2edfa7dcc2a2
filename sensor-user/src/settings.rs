//! What governs a run besides its arguments: lab limits and the state folder.

pub mod lab;
pub mod state;
