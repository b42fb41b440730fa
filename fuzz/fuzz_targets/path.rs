//! Request paths: parse, and compare every reading of what is let through.
//!
//! Run with `cargo fuzz run path`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tidegate::lang;

#[path = "../checks/path.rs"]
mod check;

fuzz_target!(|data: &[u8]| {
    // What became of it is asked by the tests that replay the corpus.
    check::check(data).ok();
});
