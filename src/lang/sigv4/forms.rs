//! The forms that signers give the path and the query of a request.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};

use super::Placement;

/// RFC 3986 section 2.3: everything but the unreserved characters is encoded.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');
/// The same for a whole path, whose slashes stay.
const RESERVED_IN_PATH: &AsciiSet = &RESERVED.remove(b'/');

/// The canonical paths, the SDKs' first, without repetition.
///
/// A percent sign that is itself encoded leaves only the forms that encode once more: `/a%3D` encoded once more is what
/// `/a%253D` is as sent, and one signature must not be good for two paths that mean different things.
pub(super) fn paths(wire: &str) -> Vec<String> {
    let wire = if wire.is_empty() { "/" } else { wire };
    let normal = normalize(wire);
    let mut forms = vec![encode_path(&normal), encode_path(wire)];
    if percent_decode_str(wire).all(|byte| byte != b'%') {
        forms.push(encode_again(&normal));
        forms.push(wire.to_owned());
    }
    distinct(forms)
}

/// The first of the canonical paths.
pub(super) fn first_path(wire: &str) -> String {
    encode_path(&normalize(wire))
}

/// Dot segments and empty segments removed from a path that is still encoded. AWS: "Create a signed AWS API request".
fn normalize(path: &str) -> Cow<'_, str> {
    if path.starts_with('/') && !path.contains("//") && !path.contains("/.") {
        return Cow::Borrowed(path);
    }
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
    Cow::Owned(format!("/{}{end}", segments.join("/")))
}

/// A path with its segments encoded once more.
fn encode_path(path: &str) -> String {
    let mut encoded = String::with_capacity(path.len() + path.len() / 2);
    encoded.extend(percent_encode(path.as_bytes(), RESERVED_IN_PATH));
    encoded
}

/// A path with its segments decoded, then encoded.
fn encode_again(path: &str) -> String {
    let segments: Vec<String> = path
        .split('/')
        .map(|segment| {
            let decoded: Vec<u8> = percent_decode_str(segment).collect();
            percent_encode(&decoded, RESERVED).to_string()
        })
        .collect();
    segments.join("/")
}

/// The canonical queries: as sent, then read as a form. In a presigned query the signature itself is left out.
///
/// Some signers add the session token after they have signed (AWS: test suite, "post-sts-header-after"), so a presigned
/// query has the forms without it too. The token cannot be exchanged: it is compared with the credential's own.
pub(super) fn queries(wire: &str, placement: Placement) -> Vec<String> {
    let mut forms = query_forms(wire, placement, &["X-Amz-Signature"]);
    if placement != Placement::Header {
        let unsigned = ["X-Amz-Signature", "X-Amz-Security-Token"];
        forms.extend(query_forms(wire, placement, &unsigned));
    }
    distinct(forms)
}

/// The first of the canonical queries.
pub(super) fn first_query(wire: &str, placement: Placement) -> String {
    match wire {
        "" => String::new(),
        _ => as_sent(&pairs(wire, placement, &["X-Amz-Signature"])),
    }
}

fn query_forms(wire: &str, placement: Placement, left_out: &[&str]) -> Vec<String> {
    if wire.is_empty() {
        return vec![String::new()];
    }
    let pairs = pairs(wire, placement, left_out);
    let as_form = pairs
        .iter()
        .filter(|(name, value)| !name.is_empty() || !value.is_empty())
        .map(|(name, value)| (form_encode(name), form_encode(value)))
        .collect();
    vec![as_sent(&pairs), in_order(as_form)]
}

/// Names and values of a query, without those that a presigned one is signed without.
fn pairs<'a>(wire: &'a str, placement: Placement, left_out: &[&str]) -> Vec<(&'a str, &'a str)> {
    wire.split('&')
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .filter(|(name, _)| {
            placement == Placement::Header
                || !left_out.contains(&&*percent_decode_str(name).decode_utf8_lossy())
        })
        .collect()
}

fn as_sent(pairs: &[(&str, &str)]) -> String {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    in_order(pairs.iter().map(owned).collect())
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

    #[test]
    fn the_form_made_alone_is_the_first() {
        for wire in [
            "",
            "/",
            "/prod",
            "/@c/a%3D",
            "a",
            "//a/./b/../c/",
            "/a/.b",
            "/100%",
        ] {
            assert_eq!(paths(wire).first().unwrap(), &first_path(wire), "{wire}");
        }
        let presigned = Placement::Query { expires: None };
        for wire in [
            "",
            "b=2&a=1",
            "a=b+c",
            "a=1&X-Amz-Signature=00&X-Amz-Security-Token=b",
        ] {
            for placement in [Placement::Header, presigned] {
                let forms = queries(wire, placement);
                assert_eq!(
                    forms.first().unwrap(),
                    &first_query(wire, placement),
                    "{wire}"
                );
            }
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
