//! Frames into the session: any bytes, cut anywhere, keep its invariants.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| tidegate::transport::ws::session::exercise(input));
