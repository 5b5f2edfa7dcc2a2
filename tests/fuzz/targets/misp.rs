#![no_main]
sensor_fuzz::fuzz!("misp");
