//! Changing a query string by name, with everything else left as the client wrote it.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// Kept as they are: the unreserved characters of RFC 3986.
const PARAMETER: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The query without the parameters of a name; names are compared decoded, `+` read as a space.
pub(super) fn remove(query: &str, name: &str) -> String {
    let kept = query.split('&').filter(|pair| {
        let own = pair.split_once('=').map_or(*pair, |(own, _)| own);
        own.is_empty() && pair.is_empty() || decoded(own) != name
    });
    kept.collect::<Vec<_>>().join("&")
}

/// The query with one more parameter at its end.
pub(super) fn append(query: &mut String, name: &str, value: &str) {
    if !query.is_empty() {
        query.push('&');
    }
    query.extend(utf8_percent_encode(name, PARAMETER));
    query.push('=');
    query.extend(utf8_percent_encode(value, PARAMETER));
}

fn decoded(name: &str) -> Cow<'_, str> {
    if !name.contains(['%', '+']) {
        return Cow::Borrowed(name);
    }
    let spaced = name.replace('+', " ");
    let decoded = percent_decode_str(&spaced).decode_utf8_lossy();
    Cow::Owned(decoded.into_owned())
}
