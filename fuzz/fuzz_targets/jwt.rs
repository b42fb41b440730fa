//! Arbitrary key sets and tokens: parse and verify.
//!
//! Run with `cargo fuzz run jwt`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tidegate::base::clock::EpochMillis;
use tidegate::lang;

#[path = "../checks/jwt.rs"]
mod check;

fuzz_target!(|data: &[u8]| {
    // What became of it is asked by the tests that replay the corpus.
    drop(check::check(data));
});
