//! The canonical forms of a request, and the strings to sign that go with them.

use aws_lc_rs::digest::{SHA256, digest};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};

use super::{ALGORITHM, Claim, Mismatch, Placement, SigV4Error, SignedRequest};

/// RFC 3986 section 2.3: everything but the unreserved characters is encoded.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

const UNSIGNED_PAYLOAD: &str = "UNSIGNED-PAYLOAD";
const CONTENT_SHA256: &str = "X-Amz-Content-Sha256";

/// Everything that goes into the strings to sign of one request.
pub(super) struct Digester {
    method: String,
    paths: Vec<String>,
    queries: Vec<String>,
    /// Header lines, an empty line, the names of the signed headers, the payload hash: the same in every form.
    tail: Vec<u8>,
    /// Algorithm, time and scope: the lines of the string to sign above the hash.
    prefix: String,
}

impl Digester {
    /// Brings a request into its canonical forms.
    pub(super) fn of(claim: &Claim, request: &SignedRequest<'_>) -> Result<Self, SigV4Error> {
        let mut tail = Vec::new();
        for name in &claim.signed_headers {
            let values: Vec<Vec<u8>> = request.values(name).map(collapse).collect();
            tail.extend_from_slice(name.as_bytes());
            tail.push(b':');
            tail.extend_from_slice(&values.join(&b','));
            tail.push(b'\n');
        }
        tail.push(b'\n');
        tail.extend_from_slice(claim.signed_headers.join(";").as_bytes());
        tail.push(b'\n');
        tail.extend_from_slice(payload_hash(request)?.as_bytes());
        let scope = &claim.scope;
        Ok(Self {
            method: request.method.to_ascii_uppercase(),
            paths: paths(request.path),
            queries: queries(request.query.unwrap_or_default(), claim.placement),
            tail,
            prefix: format!(
                "{ALGORITHM}\n{}\n{}/{}/{}/{}\n",
                claim.stamp, scope.date, scope.region, scope.service, scope.terminator
            ),
        })
    }

    /// One string to sign for each canonical form; at most sixteen, and for most requests one to three.
    pub(super) fn strings_to_sign(&self) -> impl Iterator<Item = String> {
        self.paths.iter().flat_map(move |path| {
            self.queries
                .iter()
                .map(move |query| self.string_to_sign(&self.canonical_request(path, query)))
        })
    }

    /// The form to show when none matches: the first, which is the SDKs'.
    pub(super) fn mismatch(&self) -> Mismatch {
        let first = |forms: &[String]| forms.first().cloned().unwrap_or_default();
        let canonical_request = self.canonical_request(&first(&self.paths), &first(&self.queries));
        Mismatch {
            string_to_sign: self.string_to_sign(&canonical_request),
            canonical_request: String::from_utf8_lossy(&canonical_request).into_owned(),
        }
    }

    fn canonical_request(&self, path: &str, query: &str) -> Vec<u8> {
        let mut text = format!("{}\n{path}\n{query}\n", self.method).into_bytes();
        text.extend_from_slice(&self.tail);
        text
    }

    fn string_to_sign(&self, canonical_request: &[u8]) -> String {
        format!("{}{}", self.prefix, sha256(canonical_request))
    }
}

fn sha256(bytes: &[u8]) -> String {
    hex::encode(digest(&SHA256, bytes))
}

/// A header value without outer white space and with each inner run of it as one space.
fn collapse(value: &[u8]) -> Vec<u8> {
    let words: Vec<&[u8]> = value
        .split(|byte| matches!(byte, b' ' | b'\t'))
        .filter(|word| !word.is_empty())
        .collect();
    words.join(&b' ')
}

/// The last line: what the request says about its body, once that is known to be true.
fn payload_hash(request: &SignedRequest<'_>) -> Result<String, SigV4Error> {
    let actual = sha256(request.body);
    let mut headers = request.values(CONTENT_SHA256);
    let said = match headers.next() {
        Some(value) => Some(String::from_utf8_lossy(&collapse(value)).into_owned()),
        None => said_in_query(request.query.unwrap_or_default()),
    };
    if headers.next().is_some() {
        return Err(SigV4Error::Repeated(CONTENT_SHA256.to_owned()));
    }
    match said {
        None => Ok(actual),
        Some(said) if said == actual || said == UNSIGNED_PAYLOAD => Ok(said),
        Some(_) => Err(SigV4Error::PayloadMismatch),
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

/// The canonical paths, the SDKs' first, without repetition.
///
/// A percent sign that is itself encoded leaves only the forms that encode once more: `/a%3D` encoded once more is what
/// `/a%253D` is as sent, and one signature must not be good for two paths that mean different things.
fn paths(wire: &str) -> Vec<String> {
    let wire = if wire.is_empty() { "/" } else { wire };
    let normal = normalize(wire);
    let raw = |segment: &str| segment.as_bytes().to_vec();
    let decoded = |segment: &str| percent_decode_str(segment).collect::<Vec<u8>>();
    let mut forms = vec![encode_segments(&normal, raw), encode_segments(wire, raw)];
    if !decoded(wire).contains(&b'%') {
        forms.push(encode_segments(&normal, decoded));
        forms.push(wire.to_owned());
    }
    distinct(forms)
}

/// Dot segments and empty segments removed from a path that is still encoded. AWS: "Create a signed AWS API request".
fn normalize(path: &str) -> String {
    let mut segments: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                segments.pop();
            }
            _ => segments.push(segment),
        }
    }
    let end = if path.ends_with('/') && !segments.is_empty() {
        "/"
    } else {
        ""
    };
    format!("/{}{end}", segments.join("/"))
}

fn encode_segments(path: &str, prepare: impl Fn(&str) -> Vec<u8>) -> String {
    let segments: Vec<String> = path
        .split('/')
        .map(|segment| percent_encode(&prepare(segment), RESERVED).to_string())
        .collect();
    segments.join("/")
}

/// The canonical queries: as sent, then read as a form. In a presigned query the signature itself is left out.
///
/// Some signers add the session token after they have signed (AWS: test suite, "post-sts-header-after"), so a presigned
/// query has the forms without it too. The token cannot be exchanged: it is compared with the credential's own.
fn queries(wire: &str, placement: Placement) -> Vec<String> {
    let mut forms = query_forms(wire, placement, &["X-Amz-Signature"]);
    if placement != Placement::Header {
        let unsigned = ["X-Amz-Signature", "X-Amz-Security-Token"];
        forms.extend(query_forms(wire, placement, &unsigned));
    }
    distinct(forms)
}

fn query_forms(wire: &str, placement: Placement, left_out: &[&str]) -> Vec<String> {
    if wire.is_empty() {
        return vec![String::new()];
    }
    let pairs: Vec<(&str, &str)> = wire
        .split('&')
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .filter(|(name, _)| {
            placement == Placement::Header
                || !left_out.contains(&&*percent_decode_str(name).decode_utf8_lossy())
        })
        .collect();
    let as_sent = pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let as_form = pairs
        .iter()
        .filter(|(name, value)| !name.is_empty() || !value.is_empty())
        .map(|(name, value)| (form_encode(name), form_encode(value)))
        .collect();
    vec![in_order(as_sent), in_order(as_form)]
}

/// In a form a plus sign is a space; every signer that reads the query as a form encodes it as one.
fn form_encode(text: &str) -> String {
    let spaced = text.replace('+', " ");
    let decoded: Vec<u8> = percent_decode_str(&spaced).collect();
    percent_encode(&decoded, RESERVED).to_string()
}

fn in_order(mut pairs: Vec<(String, String)>) -> String {
    pairs.sort();
    let joined: Vec<String> = pairs
        .into_iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    joined.join("&")
}

fn distinct(forms: Vec<String>) -> Vec<String> {
    let mut kept: Vec<String> = Vec::with_capacity(forms.len());
    for form in forms {
        if !kept.contains(&form) {
            kept.push(form);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn paths_have_the_forms_of_all_signers() {
        for (wire, forms) in [
            ("", &["/"][..]),
            ("/prod", &["/prod"]),
            ("/@c/a=", &["/%40c/a%3D", "/@c/a="]),
            ("/%40c/a%3D", &["/%2540c/a%253D", "/%40c/a%3D"]),
            ("/@c/a%3D", &["/%40c/a%253D", "/%40c/a%3D", "/@c/a%3D"]),
            ("/a%2Fb", &["/a%252Fb", "/a%2Fb"]),
            ("/a%253D", &["/a%25253D"]),
            ("/100%", &["/100%25"]),
            ("//a/./b/../c/", &["/a/c/", "//a/./b/../c/"]),
        ] {
            assert_eq!(paths(wire), forms, "{wire}");
        }
    }

    #[test]
    fn queries_have_the_forms_of_all_signers() {
        for (wire, forms) in [
            ("", &[""][..]),
            ("b=2&a=1&a=0", &["a=0&a=1&b=2"]),
            ("a", &["a="]),
            ("a=1&&b=", &["=&a=1&b=", "a=1&b="]),
            ("a=b+c", &["a=b+c", "a=b%20c"]),
            ("a=b/c%7e", &["a=b/c%7e", "a=b%2Fc~"]),
            ("a=b=c", &["a=b=c", "a=b%3Dc"]),
        ] {
            assert_eq!(queries(wire, Placement::Header), forms, "{wire}");
        }
        let presigned = Placement::Query { expires: None };
        for wire in ["a=1&X-Amz-Signature=00", "X-Amz%2DSignature=00&a=1"] {
            assert_eq!(queries(wire, presigned), ["a=1"], "{wire}");
        }
    }

    proptest! {
        #[test]
        fn paths_that_share_a_form_mean_the_same(
            one in "(/?(a|=|@|%|61|3D|25|%25|%3D|%61|%40|%2F)){1,5}",
            other in "(/?(a|=|@|%|61|3D|25|%25|%3D|%61|%40|%2F)){1,5}",
        ) {
            let meaning = |wire: &str| -> Vec<Vec<u8>> {
                let normal = normalize(wire);
                normal.split('/').map(|segment| percent_decode_str(segment).collect()).collect()
            };
            // The other path, and those an attacker would derive from the first one's forms.
            for other in paths(&one).into_iter().chain([other]) {
                let forms = paths(&other);
                if paths(&one).iter().any(|form| forms.contains(form)) {
                    prop_assert_eq!(meaning(&one), meaning(&other), "{} and {}", one, other);
                }
            }
        }
    }
}
