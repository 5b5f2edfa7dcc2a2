//! What governs a run besides its arguments: lab limits, the state folder and what is kept in it.

pub mod anchors;
pub mod config;
pub mod exporters;
pub mod lab;
pub mod runtime;
pub mod state;
