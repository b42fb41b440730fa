//! The fuzzing corpus, replayed: no input panics, and each ends as its file name says.
//!
//! The good requests were sent by botocore, the AWS SDK for JavaScript, aws4 and curl, and taken off the wire.

use crate::lang;

#[path = "../../../../fuzz/checks/sigv4.rs"]
mod fuzz_check;

use fuzz_check::{Outcome, check};

#[test]
fn recorded_requests_end_as_their_names_say() {
    let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/corpus/sigv4");
    let mut verified = Vec::new();
    for entry in std::fs::read_dir(corpus).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let outcome = check(&std::fs::read(entry.path()).unwrap());
        let ending = match outcome {
            Outcome::NotARequest => "garbage",
            Outcome::Unsigned => "unsigned",
            Outcome::Refused(_) => "refused",
            Outcome::Verified => "verified",
        };
        // What the fuzzer adds is named by a hash and may end in any way.
        let Some((expected, signer)) = name.split_once('-') else {
            continue;
        };
        assert_eq!(ending, expected, "{name}: {outcome:?}");
        if ending == "verified" {
            verified.push(signer.to_owned());
        }
    }
    for signer in ["botocore", "js", "aws4", "curl"] {
        let of_signer = verified.iter().filter(|name| name.starts_with(signer));
        assert!(of_signer.count() >= 5, "{signer} is missing");
    }
}
