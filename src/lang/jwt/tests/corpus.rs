//! The fuzzing corpus, replayed: no input panics, and each ends as its file name says.

use crate::base::clock::EpochMillis;
use crate::lang;

#[path = "../../../../fuzz/checks/jwt.rs"]
mod fuzz_check;

use fuzz_check::check;

#[test]
fn key_sets_and_tokens_end_as_their_names_say() {
    let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/corpus/jwt");
    let mut seen = Vec::new();
    for entry in std::fs::read_dir(corpus).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let outcome = check(&std::fs::read(entry.path()).unwrap());
        let ending = match outcome {
            None => "nokeys",
            Some(Err(_)) => "refused",
            Some(Ok(())) => "verified",
        };
        // What the fuzzer adds is named by a hash and may end in any way.
        let Some((expected, _)) = name.split_once('-') else {
            continue;
        };
        assert_eq!(ending, expected, "{name}: {outcome:?}");
        seen.push(ending);
    }
    for ending in ["nokeys", "refused", "verified"] {
        assert!(seen.contains(&ending), "{ending} is missing");
    }
}
