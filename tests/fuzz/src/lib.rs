//! A fuzzer for each target of `sensor_tests::fuzz`.

#[doc(hidden)]
pub use libfuzzer_sys::fuzz_target;
#[doc(hidden)]
pub use sensor_tests::fuzz::target_of;

/// The body of the target of this name, under libFuzzer.
#[macro_export]
macro_rules! fuzz {
    ($name:literal) => {
        $crate::fuzz_target!(|input: &[u8]| {
            static BODY: std::sync::LazyLock<fn(&[u8])> = std::sync::LazyLock::new(|| {
                $crate::target_of($name)
                    .expect("a target of sensor_tests::fuzz")
                    .body
            });
            BODY(input);
        });
    };
}
