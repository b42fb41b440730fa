//! Requests with arbitrary signatures: parse and verify.
//!
//! Run with `cargo fuzz run sigv4`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tidegate::lang;

#[path = "../checks/sigv4.rs"]
mod check;

fuzz_target!(|data: &[u8]| {
    check::check(data);
});
