//! Selection expressions and JSON paths: parse, print, and evaluate against a message.
//!
//! Run with `cargo fuzz run selection`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tidegate::lang;

#[path = "../checks/selection.rs"]
mod check;

fuzz_target!(|data: &[u8]| check::check(data));
