//! From a request to a [`Claim`]: the `Authorization` header or the presigned query, taken apart.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use crate::lang::syntax::bytes_of_hex;

use super::credential::Credential;
use super::stamp::Stamp;
use super::{
    ALGORITHM, Claim, EXPIRES_SECONDS_MAX, HEADER_FIELDS_MAX, Placement, SigV4Error, SignedRequest,
};

/// Reads whichever placement the request uses.
pub(super) fn claim(request: &SignedRequest<'_>) -> Result<Option<Claim>, SigV4Error> {
    match single_header(request, "Authorization")? {
        Some(authorization) if !authorization.is_empty() => {
            from_header(request, &authorization).map(Some)
        }
        _ => from_query(request),
    }
}

/// A header that may be there once, as trimmed text.
fn single_header<'a>(
    request: &SignedRequest<'a>,
    name: &'static str,
) -> Result<Option<Cow<'a, str>>, SigV4Error> {
    let mut values = request.values(name);
    let first = values.next();
    if values.next().is_some() {
        return Err(SigV4Error::Repeated(name.to_owned()));
    }
    Ok(first.map(|value| match std::str::from_utf8(value) {
        Ok(text) => Cow::Borrowed(text.trim()),
        Err(_) => Cow::Owned(String::from_utf8_lossy(value).trim().to_owned()),
    }))
}

/// The three parts of the header, each as sent.
#[derive(Default)]
struct Parts<'a> {
    credential: Option<&'a str>,
    signed_headers: Option<&'a str>,
    signature: Option<&'a str>,
}

fn from_header(request: &SignedRequest<'_>, authorization: &str) -> Result<Claim, SigV4Error> {
    let (algorithm, rest) = split_once(authorization, b' ').unwrap_or((authorization, ""));
    let parts = header_parts(rest, authorization)?;
    let stamp = match single_header(request, "X-Amz-Date")? {
        Some(text) => Some(Stamp::from_basic(&text)?),
        None => match single_header(request, "Date")? {
            Some(text) => Some(Stamp::from_date_header(&text)?),
            None => None,
        },
    };
    let dated = stamp.is_some();
    let (Some(credential), Some(signed_headers), Some(signature), Some(stamp)) = (
        parts.credential,
        parts.signed_headers,
        parts.signature,
        stamp,
    ) else {
        return Err(missing_parts(&parts, dated, authorization));
    };
    check_algorithm(algorithm)?;
    Ok(Claim {
        placement: Placement::Header,
        credential: Credential::parse(credential)?,
        signed_headers: countable(signed_headers)?,
        // Signers write lower-case digits, and one signature has one spelling.
        signature: bytes_of_hex(signature),
        stamp,
        session_token: single_header(request, "X-Amz-Security-Token")?.map(Cow::into_owned),
    })
}

fn header_parts<'a>(rest: &'a str, authorization: &str) -> Result<Parts<'a>, SigV4Error> {
    let mut parts = Parts::default();
    if rest.trim().is_empty() {
        return Ok(parts);
    }
    let mut left = Some(rest);
    while let Some(rest) = left {
        let (piece, more) = split_once(rest, b',').map_or((rest, None), |(a, b)| (a, Some(b)));
        left = more;
        let piece = piece.trim();
        let Some((name, value)) = split_once(piece, b'=') else {
            return Err(SigV4Error::NotKeyValue {
                piece: piece.to_owned(),
                authorization: authorization.to_owned(),
            });
        };
        let part = match name {
            "Credential" => &mut parts.credential,
            "SignedHeaders" => &mut parts.signed_headers,
            "Signature" => &mut parts.signature,
            _ => return Err(SigV4Error::UnknownParameter(name.to_owned())),
        };
        if part.replace(value).is_some() {
            return Err(SigV4Error::Repeated(name.to_owned()));
        }
    }
    Ok(parts)
}

/// As the standard library's, which takes longer to begin than these texts are long.
fn split_once(text: &str, byte: u8) -> Option<(&str, &str)> {
    let at = memchr::memchr(byte, text.as_bytes())?;
    Some((text.get(..at)?, text.get(at + 1..)?))
}

fn missing_parts(parts: &Parts<'_>, dated: bool, authorization: &str) -> SigV4Error {
    let mut missing = Vec::new();
    for (name, part) in [
        ("Credential", parts.credential),
        ("Signature", parts.signature),
        ("SignedHeaders", parts.signed_headers),
    ] {
        if part.is_none() {
            missing.push(format!("Authorization header requires '{name}' parameter."));
        }
    }
    if !dated {
        missing.push(
            "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header."
                .to_owned(),
        );
    }
    SigV4Error::MissingParts {
        missing: missing.join(" "),
        authorization: authorization.to_owned(),
    }
}

/// The parameters of a presigned query, decoded.
#[derive(Default)]
struct Parameters<'a> {
    algorithm: Option<Cow<'a, str>>,
    credential: Option<Cow<'a, str>>,
    date: Option<Cow<'a, str>>,
    expires: Option<Cow<'a, str>>,
    signed_headers: Option<Cow<'a, str>>,
    signature: Option<Cow<'a, str>>,
    token: Option<Cow<'a, str>>,
}

fn from_query(request: &SignedRequest<'_>) -> Result<Option<Claim>, SigV4Error> {
    let parameters = query_parameters(request.query.unwrap_or_default())?;
    let traces = [
        &parameters.algorithm,
        &parameters.credential,
        &parameters.signed_headers,
        &parameters.signature,
    ];
    if traces.iter().all(|parameter| parameter.is_none()) {
        return Ok(None);
    }
    let missing = missing_parameters(&parameters);
    let (Some(algorithm), Some(credential), Some(date), Some(signed_headers), Some(signature)) = (
        parameters.algorithm,
        parameters.credential,
        parameters.date,
        parameters.signed_headers,
        parameters.signature,
    ) else {
        return Err(SigV4Error::MissingParameters(missing));
    };
    check_algorithm(&algorithm)?;
    let credential = Credential::parse(&credential)?;
    Ok(Some(Claim {
        placement: Placement::Query {
            expires: parameters.expires.as_deref().map(seconds).transpose()?,
        },
        credential,
        signed_headers: countable(&signed_headers)?,
        signature: bytes_of_hex(&signature),
        stamp: Stamp::from_basic(&date)?,
        session_token: parameters.token.map(Cow::into_owned),
    }))
}

fn query_parameters(query: &str) -> Result<Parameters<'_>, SigV4Error> {
    let mut parameters = Parameters::default();
    for pair in query.split('&') {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let name = percent_decode_str(name).decode_utf8_lossy();
        let parameter = match name.as_ref() {
            "X-Amz-Algorithm" => &mut parameters.algorithm,
            "X-Amz-Credential" => &mut parameters.credential,
            "X-Amz-Date" => &mut parameters.date,
            "X-Amz-Expires" => &mut parameters.expires,
            "X-Amz-SignedHeaders" => &mut parameters.signed_headers,
            "X-Amz-Signature" => &mut parameters.signature,
            "X-Amz-Security-Token" => &mut parameters.token,
            _ => continue,
        };
        let value = percent_decode_str(value).decode_utf8_lossy();
        if parameter.replace(value).is_some() {
            return Err(SigV4Error::Repeated(name.into_owned()));
        }
    }
    Ok(parameters)
}

fn missing_parameters(parameters: &Parameters<'_>) -> String {
    let sentences: Vec<String> = [
        ("X-Amz-Algorithm", &parameters.algorithm),
        ("X-Amz-Credential", &parameters.credential),
        ("X-Amz-Signature", &parameters.signature),
        ("X-Amz-SignedHeaders", &parameters.signed_headers),
        ("X-Amz-Date", &parameters.date),
    ]
    .into_iter()
    .filter(|(_, parameter)| parameter.is_none())
    .map(|(name, _)| format!("AWS query-string parameters must include '{name}'."))
    .collect();
    sentences.join(" ")
}

fn check_algorithm(algorithm: &str) -> Result<(), SigV4Error> {
    if algorithm == ALGORITHM {
        return Ok(());
    }
    Err(SigV4Error::UnsupportedAlgorithm(algorithm.to_owned()))
}

/// The list of signed headers, unless it names more than a request may have.
fn countable(names: &str) -> Result<String, SigV4Error> {
    if memchr::memchr_iter(b';', names.as_bytes()).count() >= HEADER_FIELDS_MAX {
        return Err(SigV4Error::HeadTooLarge);
    }
    Ok(names.to_owned())
}

fn seconds(text: &str) -> Result<i64, SigV4Error> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse()
        .ok()
        .filter(|seconds| digits && (0..=EXPIRES_SECONDS_MAX).contains(seconds))
        .ok_or_else(|| SigV4Error::MalformedExpires(text.to_owned()))
}
