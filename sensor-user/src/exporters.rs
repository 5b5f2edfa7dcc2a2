//! Exporters: forms in which records leave the sensor, one a module.

pub mod json;
pub mod parquet;
