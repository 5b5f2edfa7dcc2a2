#![no_main]
sensor_fuzz::fuzz!("text-feed");
