//! OpenAPI documents: read, write, and read again.
//!
//! Run with `cargo fuzz run openapi`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tidegate::openapi;

#[path = "../checks/openapi.rs"]
mod check;

fuzz_target!(|data: &[u8]| {
    // What became of it is asked by the tests that replay the corpus.
    check::check(data);
});
