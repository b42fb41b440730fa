//! The canonical forms of a request, and the strings to sign that go with them.

use aws_lc_rs::digest::{SHA256, digest};
use percent_encoding::percent_decode_str;

use super::forms::{first_path, first_query, paths, queries};
use super::{ALGORITHM, Claim, Mismatch, SigV4Error, SignedRequest};

const UNSIGNED_PAYLOAD: &str = "UNSIGNED-PAYLOAD";
const CONTENT_SHA256: &str = "X-Amz-Content-Sha256";

/// What the shared end of canonical requests seldom exceeds, in bytes.
const TAIL_BYTES: usize = 512;

/// Everything that goes into the strings to sign of one request.
///
/// Nearly every signer is an SDK, so the SDKs' form is made alone; the others wait until it does not match.
pub(super) struct Digester<'a> {
    claim: &'a Claim,
    request: &'a SignedRequest<'a>,
    /// Header lines, an empty line, the names of the signed headers, the payload hash: the same in every form.
    tail: Vec<u8>,
}

impl<'a> Digester<'a> {
    /// Prepares what the canonical forms of a request share; `signed_headers` are the claim's.
    pub(super) fn of(
        claim: &'a Claim,
        request: &'a SignedRequest<'a>,
        signed_headers: &[&str],
    ) -> Result<Self, SigV4Error> {
        let payload = payload_hash(request)?;
        let mut tail = Vec::with_capacity(TAIL_BYTES);
        for name in signed_headers {
            tail.extend_from_slice(name.as_bytes());
            tail.push(b':');
            for (index, value) in request.values(name).enumerate() {
                if index > 0 {
                    tail.push(b',');
                }
                collapse(value, &mut tail);
            }
            tail.push(b'\n');
        }
        tail.push(b'\n');
        tail.extend_from_slice(claim.signed_headers.as_bytes());
        tail.push(b'\n');
        tail.extend_from_slice(payload.as_bytes());
        Ok(Self {
            claim,
            request,
            tail,
        })
    }

    /// Whether the string to sign of any canonical form is `good`; there are at most sixteen, and for most requests one to three.
    pub(super) fn any_string_to_sign(&self, mut good: impl FnMut(&[u8]) -> bool) -> bool {
        let mut good = |form: &[u8]| good(&self.string_to_sign(form));
        good(&self.first_form()) || self.other_forms().any(|form| good(&form))
    }

    /// The form to show when none matches: the first, which is the SDKs'.
    pub(super) fn mismatch(&self) -> Mismatch {
        let form = self.first_form();
        Mismatch {
            string_to_sign: String::from_utf8_lossy(&self.string_to_sign(&form)).into_owned(),
            canonical_request: String::from_utf8_lossy(&form).into_owned(),
        }
    }

    fn first_form(&self) -> Vec<u8> {
        self.canonical_request(
            &first_path(self.request.path),
            &first_query(self.query(), self.claim.placement),
        )
    }

    fn other_forms(&self) -> impl Iterator<Item = Vec<u8>> {
        let queries = queries(self.query(), self.claim.placement);
        let forms = paths(self.request.path).into_iter().flat_map(move |path| {
            let form = |query: &String| self.canonical_request(&path, query);
            queries.iter().map(form).collect::<Vec<_>>()
        });
        forms.skip(1)
    }

    fn query(&self) -> &'a str {
        self.request.query.unwrap_or_default()
    }

    fn canonical_request(&self, path: &str, query: &str) -> Vec<u8> {
        let method = self.request.method;
        let bytes = method.len() + path.len() + query.len() + self.tail.len() + 3;
        let mut text = Vec::with_capacity(bytes);
        text.extend(method.bytes().map(|byte| byte.to_ascii_uppercase()));
        for line in [path, query] {
            text.push(b'\n');
            text.extend_from_slice(line.as_bytes());
        }
        text.push(b'\n');
        text.extend_from_slice(&self.tail);
        text
    }

    /// Algorithm, time, scope and the hash of the canonical request.
    fn string_to_sign(&self, canonical_request: &[u8]) -> Vec<u8> {
        let hash = sha256(canonical_request);
        let (stamp, scope) = (self.claim.stamp.text(), self.claim.credential.scope());
        let lines = [ALGORITHM, stamp, scope].map(str::as_bytes);
        let [algorithm, stamp, scope] = lines;
        [algorithm, stamp, scope, &hash].join(&b'\n')
    }
}

/// The hash in hexadecimal digits.
fn sha256(bytes: &[u8]) -> [u8; 64] {
    let mut digits = [0; 64];
    let fits = const_hex::encode_to_slice(digest(&SHA256, bytes), &mut digits);
    debug_assert!(fits.is_ok(), "32 bytes have 64 digits");
    digits
}

/// Adds a header value without outer white space and with each inner run of it as one space.
fn collapse(value: &[u8], text: &mut Vec<u8>) {
    if memchr::memchr2(b' ', b'\t', value).is_none() {
        return text.extend_from_slice(value);
    }
    let words = value
        .split(|byte| matches!(byte, b' ' | b'\t'))
        .filter(|word| !word.is_empty());
    for (index, word) in words.enumerate() {
        if index > 0 {
            text.push(b' ');
        }
        text.extend_from_slice(word);
    }
}

/// The last line of a canonical request.
enum Payload {
    Hashed([u8; 64]),
    Unsigned,
}

impl Payload {
    fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Hashed(digits) => digits,
            Self::Unsigned => UNSIGNED_PAYLOAD.as_bytes(),
        }
    }
}

/// What the request says about its body, once that is known to be true.
fn payload_hash(request: &SignedRequest<'_>) -> Result<Payload, SigV4Error> {
    let mut headers = request.values(CONTENT_SHA256);
    let said = match headers.next() {
        Some(value) => {
            let mut said = Vec::with_capacity(value.len());
            collapse(value, &mut said);
            Some(said)
        }
        None => said_in_query(request.query.unwrap_or_default()).map(String::into_bytes),
    };
    if headers.next().is_some() {
        return Err(SigV4Error::Repeated(CONTENT_SHA256.to_owned()));
    }
    if said.as_deref() == Some(UNSIGNED_PAYLOAD.as_bytes()) {
        return Ok(Payload::Unsigned);
    }
    let actual = sha256(request.body);
    match said {
        Some(said) if said != actual => Err(SigV4Error::PayloadMismatch),
        Some(_) | None => Ok(Payload::Hashed(actual)),
    }
}

/// Presigners move `X-Amz-*` headers into the query, this one too.
fn said_in_query(query: &str) -> Option<String> {
    query.split('&').find_map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (percent_decode_str(name).decode_utf8_lossy() == CONTENT_SHA256)
            .then(|| percent_decode_str(value).decode_utf8_lossy().into_owned())
    })
}
