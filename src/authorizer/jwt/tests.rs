//! Where tokens are found, which subprotocol is answered, and how long a good token stays good.

use std::time::Duration;

use http::{HeaderMap, Method};
use serde_json::json;

use super::*;
use crate::exchange::Headers;
use crate::lang::jwt::tests::mint::{Mint, NOW, mints};

const ISSUER: &str = "https://id.example.com/pool";

fn handshake(query: Option<&str>, headers: &[(&str, &str)]) -> GatewayRequest {
    let mut all = Headers::default();
    for (name, value) in headers {
        all.push(name, value);
    }
    GatewayRequest::handshake(Method::GET, "/prod", query, all)
}

fn request(query: Option<&str>, headers: &[(&str, &str)]) -> GatewayRequest {
    let mut request = GatewayRequest::default();
    let mut fields = HeaderMap::new();
    fields.append("host", HeaderValue::from_static("h"));
    for (name, value) in headers {
        let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
        fields.append(HeaderName::try_from(*name).unwrap(), value);
    }
    request.fields = fields;
    request.query = query.map(str::to_owned);
    request
}

#[test]
fn a_token_is_found_in_a_header() {
    let source = TokenSource::Header("authorization".parse().unwrap());
    let check = |headers: &[(&str, &str)], expected: Option<&str>| {
        for request in [handshake(None, headers), request(None, headers)] {
            assert_eq!(token(&request, &source).as_deref(), expected, "{headers:?}");
        }
    };
    check(&[], None);
    check(&[("X-Other", "a.b.c")], None);
    check(&[("Authorization", "a.b.c")], Some("a.b.c"));
    check(&[("AUTHORIZATION", "bearer a.b.c")], Some("a.b.c"));
    check(&[("Authorization", "")], None);
    check(&[("Authorization", "Bearer ")], None);
    // Twice is once too often, whichever is the good one.
    let twice = [("Authorization", "Bearer a.b.c"), ("Authorization", "x")];
    check(&twice, Some("a.b.c,x"));
    check(&[("Authorization", "x"), ("authorization", "")], Some("x,"));
}

#[test]
fn bytes_that_are_no_text_are_a_bad_token() {
    let source = TokenSource::Header("authorization".parse().unwrap());
    let request = request(None, &[("authorization", "a.b.\u{e9}")]);
    assert_eq!(token(&request, &source).as_deref(), Some("?"));
}

#[test]
fn a_token_is_found_in_the_query() {
    let source = TokenSource::QueryString("token".to_owned());
    let check = |query: &str, expected: Option<&str>| {
        for request in [handshake(Some(query), &[]), request(Some(query), &[])] {
            assert_eq!(token(&request, &source).as_deref(), expected, "{query}");
        }
    };
    check("", None);
    check("token", None);
    check("token=", None);
    check("Token=a.b.c", None);
    check("x=1&token=a.b.c", Some("a.b.c"));
    check("token=a%2Eb.c", Some("a.b.c"));
    check("token=Bearer+a.b.c", Some("a.b.c"));
    check("token=a.b.c&token=x", Some("a.b.c,x"));
}

#[test]
fn a_token_is_found_among_the_subprotocols() {
    let check = |offered: &str, expected: Option<&str>| {
        let request = handshake(None, &[("Sec-WebSocket-Protocol", offered)]);
        let found = token(&request, &TokenSource::Subprotocol);
        assert_eq!(found.as_deref(), expected, "{offered}");
    };
    check("", None);
    check("chat", None);
    check("bearer", None);
    check("chat, bearer", None);
    check("bearer, a.b.c", Some("a.b.c"));
    check("bearer,a.b.c", Some("a.b.c"));
    check("chat, bearer, a.b.c, chat2", Some("a.b.c"));
    check("a.b.c", None);
    check("Bearer, a.b.c", None);
    check("bearer, , a.b.c", Some("a.b.c"));
    let request = handshake(
        None,
        &[
            ("Sec-WebSocket-Protocol", "chat"),
            ("sec-websocket-protocol", "bearer, a.b.c"),
        ],
    );
    let found = token(&request, &TokenSource::Subprotocol);
    assert_eq!(found.as_deref(), Some("a.b.c"));
}

#[test]
fn the_answer_is_one_of_the_offered_and_never_the_token() {
    let check = |offered: &str, chosen: Option<&str>, expected: &str| {
        let request = handshake(None, &[("Sec-WebSocket-Protocol", offered)]);
        let chosen = chosen.map(|chosen| HeaderValue::from_str(chosen).unwrap());
        let answer = subprotocol(&request, chosen).unwrap();
        assert_eq!(answer, expected, "{offered}");
    };
    check("bearer, a.b.c", None, "bearer");
    check("chat, bearer, a.b.c", None, "chat");
    check("bearer, a.b.c, chat", None, "chat");
    check("chat, v2, bearer, a.b.c", Some("v2"), "v2");
    check("chat, bearer, a.b.c", Some("bearer"), "bearer");
    // An integration that answers what it was asked with, or all of it.
    check("chat, bearer, a.b.c", Some("a.b.c"), "chat");
    check("bearer, a.b.c", Some("a.b.c"), "bearer");
    check("bearer, a.b.c", Some("bearer, a.b.c"), "bearer");
    check("chat, bearer, a.b.c", Some("chat, bearer, a.b.c"), "chat");
}

struct Desk {
    tokens: VerifiedTokens,
    keys: KeySet,
    rules: JwtRules,
}

fn keys(mints: &[&Mint]) -> KeySet {
    let keys: Vec<_> = mints.iter().map(|mint| mint.jwk()).collect();
    KeySet::parse(json!({ "keys": keys }).to_string().as_bytes()).unwrap()
}

fn rules(audience: &str) -> JwtRules {
    JwtRules::new(ISSUER.to_owned(), vec![audience.to_owned()], Duration::ZERO)
}

impl Desk {
    fn new() -> Self {
        Self {
            tokens: VerifiedTokens::new(),
            keys: keys(&[&mints().p256]),
            rules: rules("web"),
        }
    }

    fn at(&self, token: &str, seconds: u64) -> Result<Arc<GoodToken>, JwtError> {
        let now = EpochMillis(seconds * 1000);
        self.tokens.verify(token, &self.keys, &self.rules, now)
    }
}

fn good(changes: serde_json::Value) -> String {
    let mut claims =
        json!({ "iss": ISSUER, "aud": "web", "sub": "u-1", "exp": NOW + 60, "scope": "a b" });
    for (name, value) in changes.as_object().unwrap() {
        claims[name] = value.clone();
    }
    mints().p256.sign("ES256", &claims)
}

#[test]
fn a_good_token_is_remembered_while_it_is_good() {
    let desk = Desk::new();
    let token = good(json!({ "nbf": NOW - 10 }));
    let first = desk.at(&token, NOW).unwrap();
    let second = desk.at(&token, NOW + 59).unwrap();
    assert!(Arc::ptr_eq(&first, &second));
    // A clock that was set back does not make a token of the future good.
    assert_eq!(desk.at(&token, NOW - 11).err(), Some(JwtError::NotYetValid));
    assert!(desk.at(&token, NOW - 10).is_ok());
    assert_eq!(desk.at(&token, NOW + 60).err(), Some(JwtError::Expired));
    assert_eq!(desk.at(&token, NOW + 61).err(), Some(JwtError::Expired));
}

#[test]
fn a_verdict_holds_for_its_own_rules_only() {
    let mut desk = Desk::new();
    let token = good(json!({}));
    assert!(desk.at(&token, NOW).is_ok());
    desk.rules = rules("mobile");
    assert_eq!(desk.at(&token, NOW).err(), Some(JwtError::Audience));
    desk.rules = rules("web");
    assert!(desk.at(&token, NOW).is_ok());
}

#[test]
fn a_verdict_holds_for_its_own_keys_only() {
    let mut desk = Desk::new();
    let all = mints();
    let token = good(json!({}));
    let first = desk.at(&token, NOW).unwrap();
    // Another key beside it: looked at anew, and remembered again.
    desk.keys = keys(&[&all.p256, &all.rsa]);
    let second = desk.at(&token, NOW).unwrap();
    assert!(!Arc::ptr_eq(&first, &second));
    assert!(Arc::ptr_eq(&second, &desk.at(&token, NOW).unwrap()));
    // The key is gone, or replaced by another of the same name.
    desk.keys = keys(&[&all.rsa]);
    assert_eq!(desk.at(&token, NOW).err(), Some(JwtError::UnknownKey));
    desk.keys = keys(&[&all.stranger]);
    assert_eq!(desk.at(&token, NOW).err(), Some(JwtError::Signature));
}

#[test]
fn a_changed_token_is_another() {
    let desk = Desk::new();
    let token = good(json!({}));
    assert!(desk.at(&token, NOW).is_ok());
    let cut = token.split_at(token.len() - 1).0;
    assert!(desk.at(cut, NOW).is_err());
    assert!(desk.at(&format!("{token}A"), NOW).is_err());
    assert!(desk.at(&"a".repeat(9000), NOW).is_err());
}

#[test]
fn scopes_show_where_a_route_wants_some() {
    let desk = Desk::new();
    let token = desk.at(&good(json!({})), NOW).unwrap();
    let wanted = ["x".to_owned(), "b".to_owned()];
    assert!(token.suffices_for(&[]));
    assert!(token.suffices_for(&wanted));
    assert!(!token.suffices_for(&["c".to_owned()]));
    assert!(!token.suffices_for(&["A".to_owned()]));
    assert!(!token.suffices_for(&["a b".to_owned()]));
    assert_eq!(token.facts(&[]).scopes, None);
    let all = vec!["a".to_owned(), "b".to_owned()];
    assert_eq!(token.facts(&wanted).scopes, Some(all));
    assert!(Arc::ptr_eq(&token.facts(&wanted), &token.facts(&wanted)));
    assert!(Arc::ptr_eq(&token.facts(&[]), &token.facts(&[])));
    let shown = Value::Object(token.for_connection(&wanted));
    assert_eq!(shown["principalId"], "u-1");
    assert_eq!(shown["claims"]["exp"], (NOW + 60).to_string());
    assert_eq!(shown["scopes"], json!(["a", "b"]));
    let shown = Value::Object(token.for_connection(&[]));
    assert_eq!(shown["scopes"], Value::Null);
}
