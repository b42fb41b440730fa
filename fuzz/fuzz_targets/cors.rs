//! CORS configurations and requests of arbitrary origins.
//!
//! Run with `cargo fuzz run cors`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tidegate::lang;

#[path = "../checks/cors.rs"]
mod check;

fuzz_target!(|data: &[u8]| {
    // What became of it is asked by the tests that replay the corpus.
    check::check(data);
});
