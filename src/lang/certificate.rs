//! What is told about the certificate that a client proved to be its own.
//!
//! Source: developer guide, "Create AWS Lambda proxy integrations for HTTP APIs", whose samples spell serial numbers in pairs of
//! hexadecimal digits and times as OpenSSL prints them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use x509_parser::objects::{oid_registry, oid2abbrev};
use x509_parser::prelude::{ASN1Time, FromDer as _, X509Certificate, X509Name};

/// Characters of a line of PEM (RFC 7468 section 2).
const PEM_LINE: usize = 64;

/// `clientCert` of events, and `$context.identity.clientCert`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CertificateFacts {
    /// The certificate.
    pub client_cert_pem: String,
    /// Whose it is, in the certificate's own order: `C=DE,O=Shop,CN=client-7`.
    #[serde(rename = "subjectDN")]
    pub subject_dn: String,
    /// Who made it, in the same form.
    #[serde(rename = "issuerDN")]
    pub issuer_dn: String,
    /// Its number, such as `1f:02:9c`.
    pub serial_number: String,
    /// When it may be used.
    pub validity: Validity,
}

/// When a certificate may be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Validity {
    /// Not before, such as `May  1 00:00:00 2026 GMT`.
    pub not_before: String,
    /// Not after, in the same form.
    pub not_after: String,
    /// The same, in seconds since 1970.
    #[serde(skip)]
    pub ends: i64,
}

impl CertificateFacts {
    /// The facts of a certificate in DER; `None` when it is none.
    pub fn of(der: &[u8]) -> Option<Self> {
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        let validity = certificate.validity();
        Some(Self {
            client_cert_pem: pem(der),
            subject_dn: distinguished_name(certificate.subject()),
            issuer_dn: distinguished_name(certificate.issuer()),
            serial_number: serial_number(certificate.raw_serial()),
            validity: Validity {
                not_before: moment(validity.not_before),
                not_after: moment(validity.not_after),
                ends: validity.not_after.timestamp(),
            },
        })
    }

    /// The value of `$context.identity.clientCert.{name}`.
    pub fn variable(&self, name: &str) -> Option<&str> {
        Some(match name {
            "clientCertPem" => &self.client_cert_pem,
            "subjectDN" => &self.subject_dn,
            "issuerDN" => &self.issuer_dn,
            "serialNumber" => &self.serial_number,
            "validity.notBefore" => &self.validity.not_before,
            "validity.notAfter" => &self.validity.not_after,
            _ => return None,
        })
    }
}

fn pem(der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let mut pem = String::from("-----BEGIN CERTIFICATE-----\n");
    for line in text.as_bytes().chunks(PEM_LINE) {
        pem.extend(line.iter().copied().map(char::from));
        pem.push('\n');
    }
    pem + "-----END CERTIFICATE-----"
}

/// Pairs of hexadecimal digits, without the zero that keeps a number positive.
fn serial_number(bytes: &[u8]) -> String {
    let significant = match bytes {
        [0, rest @ ..] if !rest.is_empty() => rest,
        whole => whole,
    };
    let pairs: Vec<_> = significant
        .iter()
        .map(|byte| const_hex::encode([*byte]))
        .collect();
    pairs.join(":")
}

/// As OpenSSL prints times; years that it could not print stay as they are.
fn moment(time: ASN1Time) -> String {
    let time = time.to_datetime();
    let month = time.month().to_string();
    let month = month.get(..3).unwrap_or_default();
    let (hour, minute, second) = time.time().as_hms();
    format!(
        "{month} {:2} {hour:02}:{minute:02}:{second:02} {} GMT",
        time.day(),
        time.year()
    )
}

/// A name in the order of its certificate, written as RFC 4514 writes its parts.
pub fn distinguished_name(name: &X509Name<'_>) -> String {
    let relative = name.iter_rdn().map(|relative| {
        let parts: Vec<_> = relative
            .iter()
            .map(|attribute| {
                let kind = oid2abbrev(attribute.attr_type(), oid_registry());
                let kind =
                    kind.map_or_else(|_| attribute.attr_type().to_id_string(), str::to_owned);
                let value = match attribute.as_str() {
                    Ok(text) => escaped(text),
                    // RFC 4514 section 2.4: what is no text stands in hexadecimal digits.
                    Err(_) => format!("#{}", const_hex::encode(attribute.as_slice())),
                };
                format!("{kind}={value}")
            })
            .collect();
        parts.join("+")
    });
    relative.collect::<Vec<_>>().join(",")
}

/// RFC 4514 section 2.4: what would read as the end of a value stands behind a backslash.
fn escaped(text: &str) -> String {
    let last = text.chars().count().saturating_sub(1);
    let mut written = String::with_capacity(text.len());
    for (at, letter) in text.chars().enumerate() {
        let edge = (at == 0 && matches!(letter, ' ' | '#')) || (at == last && letter == ' ');
        if edge || matches!(letter, ',' | '+' | '"' | '\\' | '<' | '>' | ';') {
            written.push('\\');
        }
        match letter {
            '\0' => written.push_str("\\00"),
            // A name must not be able to begin a new line of a log.
            letter if letter.is_control() => {
                let mut bytes = [0; 4];
                for byte in letter.encode_utf8(&mut bytes).bytes() {
                    written.push_str(&format!("\\{byte:02X}"));
                }
            }
            letter => written.push(letter),
        }
    }
    written
}

#[cfg(test)]
mod tests;
