use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose, SigningKey, date_time_ymd,
};

use super::*;

type Authority = CertifiedIssuer<'static, KeyPair>;

/// 2026-06-01.
const NOW: u64 = 1_780_272_000;

fn named(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = date_time_ymd(2026, 1, 1);
    params.not_after = date_time_ymd(2027, 1, 1);
    params
}

fn for_authority(name: &str) -> CertificateParams {
    let mut params = named(name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params
}

fn root(name: &str) -> Authority {
    let key = KeyPair::generate().unwrap();
    CertifiedIssuer::self_signed(for_authority(name), key).unwrap()
}

fn below(name: &str, issuer: &Authority) -> Authority {
    let key = KeyPair::generate().unwrap();
    CertifiedIssuer::signed_by(for_authority(name), key, issuer).unwrap()
}

fn client<S: SigningKey>(issuer: &Issuer<'_, S>) -> CertificateDer<'static> {
    of(named("client"), issuer)
}

fn of<S: SigningKey>(params: CertificateParams, issuer: &Issuer<'_, S>) -> CertificateDer<'static> {
    let key = KeyPair::generate().unwrap();
    params.signed_by(&key, issuer).unwrap().der().clone()
}

fn store(pems: &[String]) -> Truststore {
    Truststore::parse(&pems.concat()).unwrap()
}

fn verified(store: &Truststore, end: &CertificateDer<'_>, sent: &[&Authority]) -> bool {
    at(store, end, sent, NOW)
}

fn at(store: &Truststore, end: &CertificateDer<'_>, sent: &[&Authority], seconds: u64) -> bool {
    let sent: Vec<_> = sent.iter().map(|one| one.der().clone()).collect();
    let now = UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds));
    store.verify(end, &sent, now).is_ok()
}

#[test]
fn certificates_lead_to_a_root() {
    let (own, other) = (root("own"), root("other"));
    let store = store(&[own.pem()]);
    assert!(verified(&store, &client(&own), &[]));
    assert!(!verified(&store, &client(&other), &[]));
    // Of the same name, but not the same.
    assert!(!verified(&store, &client(&root("own")), &[]));
    assert!(!verified(
        &store,
        &CertificateDer::from(&b"no certificate"[..]),
        &[]
    ));
}

#[test]
fn what_is_between_comes_from_either_side_and_is_short() {
    let root = root("root");
    let one = below("one", &root);
    let two = below("two", &one);
    let three = below("three", &two);
    let short = store(&[root.pem()]);
    assert!(verified(&short, &client(&two), &[&two, &one]));
    assert!(!verified(&short, &client(&two), &[&two]));
    let whole = store(&[root.pem(), one.pem(), two.pem(), three.pem()]);
    assert!(verified(&whole, &client(&one), &[]));
    // Four in a row, both ends counted.
    assert!(verified(&whole, &client(&two), &[]));
    assert!(!verified(&whole, &client(&three), &[]));
    assert!(!verified(&short, &client(&three), &[&three, &two, &one]));
    // What does not lead to a root is trusted by nobody.
    let error = Truststore::parse(&one.pem()).unwrap_err();
    assert_eq!(error, "has no root certificate that can be used");
}

#[test]
fn dates_count_at_every_step() {
    let day = 24 * 3600;
    let root_until = |year| {
        let mut params = for_authority("root");
        params.not_after = date_time_ymd(year, 1, 1);
        CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
    };
    let root = root_until(2027);
    let store = store(&[root.pem()]);
    let mut params = named("client");
    params.not_before = date_time_ymd(2026, 3, 1);
    params.not_after = date_time_ymd(2030, 1, 1);
    let client = of(params, &root);
    assert!(at(&store, &client, &[], NOW));
    assert!(!at(&store, &client, &[], NOW - 120 * day), "not yet");
    assert!(
        !at(&store, &client, &[], NOW + 300 * day),
        "its root has expired"
    );
    let old = root_until(2026);
    let store = Truststore::parse(&(old.pem() + &root.pem())).unwrap();
    let warnings = store.warnings(EpochMillis(NOW * 1000));
    assert_eq!(warnings, ["certificate 1 (CN=root) has expired"]);
    let warnings = store.warnings(EpochMillis((NOW - 365 * day) * 1000));
    assert_eq!(
        warnings,
        [
            "certificate 1 (CN=root) is not valid yet",
            "certificate 2 (CN=root) is not valid yet"
        ]
    );
}

#[test]
fn uses_count() {
    let root = root("root");
    let store = store(&[root.pem()]);
    let check = |purposes: &[ExtendedKeyUsagePurpose], expected| {
        let mut params = named("client");
        params.extended_key_usages = purposes.to_vec();
        assert_eq!(
            verified(&store, &of(params, &root), &[]),
            expected,
            "{purposes:?}"
        );
    };
    check(&[], true);
    check(&[ExtendedKeyUsagePurpose::ClientAuth], true);
    check(&[ExtendedKeyUsagePurpose::ServerAuth], false);
    // A client cannot make certificates for others.
    let key = KeyPair::generate().unwrap();
    let fake = CertifiedIssuer::signed_by(named("client"), key, &root).unwrap();
    assert!(!verified(&store, &client(&fake), &[&fake]));
}

#[test]
fn entries_that_are_no_use_are_told_and_left_out() {
    let root = root("root");
    let lost = below("lost", &below("gone", &root));
    let odd = KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
    let odd = CertifiedIssuer::self_signed(for_authority("odd"), odd).unwrap();
    let broken = "-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n".to_owned();
    let empty = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n".to_owned();
    let notes = "whose is this?\n".to_owned();
    let store = store(&[
        notes,
        root.pem(),
        broken,
        empty,
        lost.pem(),
        root.pem(),
        odd.pem(),
    ]);
    let warnings = store.warnings(EpochMillis(NOW * 1000));
    assert_eq!(
        warnings,
        [
            "certificate 2 is not in PEM",
            "certificate 3 cannot be read",
            "certificate 6 (CN=odd) is signed with an algorithm that is not supported",
            "certificate 4 (CN=lost) leads to no root: its issuer, CN=gone, is not in the truststore",
        ]
    );
    assert!(verified(&store, &client(&root), &[]));
    assert!(!verified(&store, &client(&odd), &[]));
    for text in ["", "no PEM at all", &odd.pem()] {
        let error = Truststore::parse(text).unwrap_err();
        let begins = "has no root certificate that can be used";
        assert!(error.starts_with(begins), "{error}");
    }
}

#[test]
fn a_subject_has_one_issuer() {
    let (one, other) = (root("one"), root("other"));
    let text = [one.pem(), other.pem(), below("both", &one).pem()].concat();
    assert!(Truststore::parse(&text).is_ok());
    // The same authority with a new key is no conflict.
    let renewed = text.clone() + &below("both", &one).pem();
    assert!(Truststore::parse(&renewed).is_ok());
    let error = Truststore::parse(&(text + &below("both", &other).pem())).unwrap_err();
    assert_eq!(
        error,
        "The certificate subject CN=both conflicts with an existing certificate from a different issuer."
    );
}

#[test]
fn truststores_are_the_same_by_what_they_have() {
    let text = root("root").pem();
    let read = || Truststore::parse(&text).unwrap();
    assert_eq!(read(), read());
    assert_ne!(read(), store(&[root("root").pem()]));
}

#[test]
fn clients_are_told_the_names_unless_there_are_very_many() {
    let root = root("root");
    let whole = store(&[root.pem(), below("one", &root).pem()]);
    assert_eq!(whole.hints().len(), 2);
    let long = "x".repeat(500);
    let many: String = (0..40)
        .map(|number| self::root(&format!("{long}{number}")).pem())
        .collect();
    assert!(Truststore::parse(&many).unwrap().hints().is_empty());
}

#[test]
fn small_keys_are_told() {
    // An RSA key of 1024 bits, as openssl made it once: nothing here would make another.
    let weak = include_str!("weak.pem");
    let store = store(&[root("root").pem(), weak.to_owned()]);
    let warnings = store.warnings(EpochMillis(NOW * 1000));
    let expected = "certificate 2 (CN=weak) has an RSA key of less than 2048 bits";
    assert_eq!(warnings, [expected]);
}
