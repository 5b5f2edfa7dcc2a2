#![no_main]
sensor_fuzz::fuzz!("json-feed");
