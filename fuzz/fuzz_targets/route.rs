//! Route keys and requests: the tree of routes against a walk through the list.
//!
//! Run with `cargo fuzz run route`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tidegate::lang;

#[path = "../checks/route.rs"]
mod check;

fuzz_target!(|data: &[u8]| {
    // What became of it is asked by the tests that replay the corpus.
    check::check(data);
});
