#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| wheelmark_fuzz::layouts::layout(data));
