use rcgen::{
    CertificateParams, DistinguishedName, DnType, DnValue, KeyPair, SerialNumber, date_time_ymd,
};

use super::*;

fn facts(name: &[(DnType, &str)], serial: &[u8]) -> CertificateFacts {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    for (kind, value) in name {
        let value = DnValue::Utf8String((*value).to_owned());
        params.distinguished_name.push(kind.clone(), value);
    }
    params.serial_number = Some(SerialNumber::from_slice(serial));
    params.not_before = date_time_ymd(2026, 5, 1);
    params.not_after = date_time_ymd(2027, 12, 31);
    let key = KeyPair::generate().unwrap();
    let made = params.self_signed(&key).unwrap();
    let facts = CertificateFacts::of(made.der()).unwrap();
    let written = facts.client_cert_pem.replace('\n', "");
    assert_eq!(written, made.pem().replace(['\n', '\r'], ""));
    facts
}

#[test]
fn facts_are_spelled_as_amazons_samples_are() {
    let name = [
        (DnType::CountryName, "DE"),
        (DnType::OrganizationName, "Shop, Inc."),
        (DnType::CommonName, "client-7"),
    ];
    let facts = facts(&name, &[0x1f, 0x02, 0x9c]);
    let expected = r"C=DE,O=Shop\, Inc.,CN=client-7";
    let shown = serde_json::to_value(&facts).unwrap();
    assert_eq!(
        shown,
        serde_json::json!({
            "clientCertPem": facts.client_cert_pem,
            "subjectDN": expected,
            "issuerDN": expected,
            "serialNumber": "1f:02:9c",
            "validity": { "notBefore": "May  1 00:00:00 2026 GMT", "notAfter": "Dec 31 00:00:00 2027 GMT" },
        })
    );
    assert_eq!(facts.validity.ends, 1_830_211_200);
    assert!(
        facts
            .client_cert_pem
            .starts_with("-----BEGIN CERTIFICATE-----\n")
    );
    assert!(
        facts
            .client_cert_pem
            .ends_with("\n-----END CERTIFICATE-----")
    );
    assert!(facts.client_cert_pem.lines().all(|line| line.len() <= 64));
    for name in [
        "clientCertPem",
        "subjectDN",
        "issuerDN",
        "serialNumber",
        "validity.notBefore",
        "validity.notAfter",
    ] {
        let pointer = format!("/{}", name.replace('.', "/"));
        assert_eq!(
            facts.variable(name),
            shown.pointer(&pointer).unwrap().as_str(),
            "{name}"
        );
    }
    assert_eq!(facts.variable("validity"), None);
}

#[test]
fn names_cannot_pretend_to_have_more_parts() {
    let check = |value: &str, expected: &str| {
        let facts = facts(&[(DnType::CommonName, value)], &[1]);
        assert_eq!(facts.subject_dn, expected);
        assert_eq!(facts.serial_number, "01");
    };
    check("a,O=Bank", r"CN=a\,O=Bank");
    check("a+b", r"CN=a\+b");
    check(" #a ", r"CN=\ #a\ ");
    check("#a", r"CN=\#a");
    check("a\\\"", r#"CN=a\\\""#);
    check("a\nb", r"CN=a\0Ab");
    check("ä", "CN=ä");
    check("", "CN=");
}

#[test]
fn numbers_have_no_zero_in_front() {
    let check = |bytes: &[u8], expected: &str| assert_eq!(serial_number(bytes), expected);
    check(&[0, 0xa1, 0xff], "a1:ff");
    check(&[0], "00");
    check(&[7], "07");
    check(&[], "");
}

#[test]
fn what_is_no_certificate_has_no_facts() {
    for bytes in [&b""[..], b"\x30", b"\x30\x03\x02\x01\x01", b"hello"] {
        assert_eq!(CertificateFacts::of(bytes), None);
    }
}
