//! What must hold for every signed request. Run by the fuzz target and, on its corpus, by the unit tests.
//!
//! An input is an HTTP/1.1 request with lines ended by `\n`: request line, header lines, an empty line, the body.

use super::lang::sigv4::{Claim, Expected, SigV4Error, SignedRequest, SigningSecret};

/// The secret and the session token that the good requests of the corpus are signed with.
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const TOKEN: &str = "FwoGZXIvYXdzEXAMPLE/token+with=signs==";

/// What became of an input.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Its first line is no request line.
    NotARequest,
    /// It shows no signature.
    Unsigned,
    /// Its signature was refused.
    Refused(SigV4Error),
    /// Its signature is right.
    Verified,
}

/// Panics when a property does not hold: a request verifies with one secret and one method only, and every refusal has
/// its name and words.
pub(super) fn check(data: &[u8]) -> Outcome {
    let (head, body) = split_head(data);
    let mut lines = head.lines();
    let Some((method, target)) = lines.next().and_then(request_line) else {
        return Outcome::NotARequest;
    };
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (target, None),
    };
    let headers: Vec<(&str, &[u8])> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name, value.trim().as_bytes()))
        .collect();
    let request = SignedRequest {
        method,
        path,
        query,
        headers: &headers,
        body,
    };
    match Claim::parse(&request) {
        Ok(None) => Outcome::Unsigned,
        Ok(Some(claim)) => verify(&claim, &request),
        Err(error) => refused(error),
    }
}

/// The head as text, and the body. A head that is not UTF-8 ends where it stops being so.
fn split_head(data: &[u8]) -> (&str, &[u8]) {
    let end = data
        .windows(2)
        .position(|pair| pair == b"\n\n")
        .unwrap_or(data.len());
    let (head, rest) = data.split_at(end);
    let head = match std::str::from_utf8(head) {
        Ok(text) => text,
        Err(error) => std::str::from_utf8(head.get(..error.valid_up_to()).unwrap_or_default())
            .unwrap_or_default(),
    };
    (head, rest.get(2..).unwrap_or_default())
}

fn request_line(line: &str) -> Option<(&str, &str)> {
    let (method, rest) = line.split_once(' ')?;
    let (target, _version) = rest.rsplit_once(' ')?;
    Some((method, target))
}

fn verify(claim: &Claim, request: &SignedRequest<'_>) -> Outcome {
    let expected = Expected {
        region: "eu-central-1",
        service: "execute-api",
        now_epoch_seconds: claim.signed_at_epoch_seconds(),
        skew_seconds: 300,
    };
    let secret = |text: &str| match claim.session_token() {
        Some(_) => SigningSecret::temporary(text, TOKEN),
        None => SigningSecret::permanent(text),
    };
    let other = claim.verify(request, &secret("another"), &expected);
    assert!(other.is_err(), "verified with the wrong secret");
    match claim.verify(request, &secret(SECRET), &expected) {
        Ok(()) => {
            let changed = SignedRequest {
                method: "OTHER",
                ..*request
            };
            let changed = claim.verify(&changed, &secret(SECRET), &expected);
            assert!(
                changed.is_err() || request.method.eq_ignore_ascii_case("other"),
                "verified with another method"
            );
            Outcome::Verified
        }
        Err(error) => refused(error),
    }
}

fn refused(error: SigV4Error) -> Outcome {
    assert!(error.exception().ends_with("Exception"));
    assert!(!error.detailed_message().is_empty());
    Outcome::Refused(error)
}
