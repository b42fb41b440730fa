//! Which certificates let a client in.

use std::sync::Arc;

use rcgen::{ExtendedKeyUsagePurpose, KeyPair, date_time_ymd};

use super::people::{
    Identity, Line, authority, below, client, config, config_with, identity, params, status,
};
use super::{forget, gateway, gateway_with};

#[tokio::test]
async fn a_certificate_must_lead_to_the_truststore_of_the_name() {
    let state = tempfile::tempdir().unwrap();
    let (own, other) = (authority("own"), authority("other"));
    let rig = gateway(state.path(), &own, &other).manual().start().await;
    let check = async |what: &str, name: &str, identity: Option<&Identity>, expected| {
        for version in rustls::ALL_VERSIONS {
            let config = config_with(state.path(), identity, &[version]);
            let found = status(rig.address(), name, name, config).await;
            assert_eq!(found, expected, "{what} {name} {:?}", version.version);
        }
    };
    let (mine, theirs) = (client(&own), client(&other));
    check("good", "shop.test", Some(&mine), Some(200)).await;
    check("good", "any.wild.test", Some(&mine), Some(200)).await;
    check("good", "SHOP.test", Some(&mine), Some(200)).await;
    check("good", "other.test", Some(&theirs), Some(200)).await;
    check("none", "shop.test", None, None).await;
    check("other CA", "shop.test", Some(&theirs), None).await;
    check("other CA", "any.wild.test", Some(&theirs), None).await;
    check("other CA", "other.test", Some(&mine), None).await;
    // Where no certificate is wanted, none is asked for.
    check("none", "plain.test", None, Some(200)).await;
    check("unasked", "plain.test", Some(&theirs), Some(200)).await;

    let key = KeyPair::generate().unwrap();
    // The clock stands at 2026-03-12.
    let mut expired = params("client-7");
    expired.not_after = date_time_ymd(2026, 3, 12);
    let mut early = params("client-7");
    early.not_before = date_time_ymd(2026, 3, 13);
    let mut of_server = params("client-7");
    of_server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    for (what, params) in [("expired", expired), ("early", early), ("use", of_server)] {
        let wrong = identity(&own, params, &key);
        check(what, "shop.test", Some(&wrong), None).await;
    }
    // Another's name does not help.
    let fake = authority("own");
    check("fake", "shop.test", Some(&client(&fake)), None).await;
    // Nor does another's certificate.
    let stolen = Identity {
        chain: mine.chain.clone(),
        key: key.serialize_pem(),
    };
    let line = std::panic::catch_unwind(|| config(state.path(), Some(&stolen)));
    assert!(line.is_err(), "the client's own library notices");
    forget(&rig).await;
    rig.close().await;
}

#[tokio::test]
async fn keys_have_to_be_strong() {
    let state = tempfile::tempdir().unwrap();
    let (own, other) = (authority("own"), authority("other"));
    let rig = gateway(state.path(), &own, &other).manual().start().await;
    let check = async |what: &str, algorithm, expected| {
        let key = KeyPair::generate_for(algorithm).unwrap();
        let client = identity(&own, params("client-7"), &key);
        for version in rustls::ALL_VERSIONS {
            let config = config_with(state.path(), Some(&client), &[version]);
            let found = status(rig.address(), "shop.test", "shop.test", config).await;
            assert_eq!(found, expected, "{what} {:?}", version.version);
        }
    };
    check("P-256", &rcgen::PKCS_ECDSA_P256_SHA256, Some(200)).await;
    check("P-384", &rcgen::PKCS_ECDSA_P384_SHA384, Some(200)).await;
    check("RSA", &rcgen::PKCS_RSA_SHA256, Some(200)).await;
    check("P-521", &rcgen::PKCS_ECDSA_P521_SHA512, None).await;
    check("Ed25519", &rcgen::PKCS_ED25519, None).await;
    forget(&rig).await;
    rig.close().await;
}

#[tokio::test]
async fn chains_have_four_certificates_at_most() {
    let state = tempfile::tempdir().unwrap();
    let root = authority("root");
    let one = below("one", &root);
    let two = below("two", &one);
    let three = below("three", &two);
    let bundle = root.pem() + &one.pem();
    let setup = gateway_with(state.path(), &bundle, &authority("other").pem(), "{}");
    let rig = setup.manual().start().await;
    let check = async |issuer, sent: &[String], expected| {
        let mut client = client(issuer);
        client.chain += &sent.concat();
        let config = config(state.path(), Some(&client));
        let found = status(rig.address(), "shop.test", "shop.test", config).await;
        assert_eq!(found, expected);
    };
    check(&root, &[], Some(200)).await;
    check(&one, &[], Some(200)).await;
    check(&two, &[], None).await;
    check(&two, &[two.pem()], Some(200)).await;
    check(&three, &[three.pem(), two.pem(), one.pem()], None).await;
    forget(&rig).await;
    rig.close().await;
}

#[tokio::test]
async fn sessions_are_not_resumed_where_certificates_are_wanted() {
    let state = tempfile::tempdir().unwrap();
    let (own, other) = (authority("own"), authority("other"));
    let rig = gateway(state.path(), &own, &other).manual().start().await;
    let mine = client(&own);
    for version in rustls::ALL_VERSIONS {
        let config = Arc::new(config_with(state.path(), Some(&mine), &[version]));
        let mut kinds = Vec::new();
        for name in ["plain.test", "plain.test", "shop.test", "shop.test"] {
            let mut line = Line::open(rig.address(), name, &config).await.unwrap();
            assert_eq!(line.ask(name, "/v2").await.unwrap().status, 200);
            kinds.push(line.stream.get_ref().1.handshake_kind().unwrap());
        }
        use rustls::HandshakeKind::{Full, Resumed};
        assert_eq!(kinds, [Full, Resumed, Full, Full], "{:?}", version.version);
    }
    forget(&rig).await;
    rig.close().await;
}
