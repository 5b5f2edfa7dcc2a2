//! Papers over time: what comes, what ends it, and what is left after a restart.

mod driver;
mod ends;
mod numbers;
mod order;
mod rules;
