//! Parameter mappings with arbitrary keys, values and input.
//!
//! Run with `cargo fuzz run mapping`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tidegate::lang;

#[path = "../checks/mapping.rs"]
mod check;

fuzz_target!(|data: &[u8]| {
    // What became of it is asked by the tests that replay the corpus.
    check::check(data);
});
