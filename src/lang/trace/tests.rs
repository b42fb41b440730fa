use proptest::prelude::*;

use super::*;

/// 2024-07-24T03:19:15Z.
const NOW: i64 = 0x66a0_7533;
const RANDOM_BYTES: Random = *b"\x01\x23\x45\x67\x89\xab\xcd\xef\x01\x23\x45\x67stepping";
const STEP: &str = "7374657070696e67";
const HERE: &str = "66a075330123456789abcdef01234567";
const SENT: &str = "12345678901234567890123456789012";

fn resume(amzn: Option<&str>, traceparent: Option<&str>, tracestate: Option<&str>) -> Trace {
    let carried = Carried {
        amzn,
        traceparent,
        tracestate,
    };
    Trace::resume(&carried, NOW, RANDOM_BYTES)
}

#[test]
fn a_trace_that_begins_here_is_the_same_in_both_spellings() {
    let trace = Trace::begin(NOW, RANDOM_BYTES);
    assert_eq!(trace.amzn(), "Root=1-66a07533-0123456789abcdef01234567");
    assert_eq!(trace.traceparent(), format!("00-{HERE}-{STEP}-01"));
    assert_eq!(trace.root(), "1-66a07533-0123456789abcdef01234567");
    assert_eq!(trace.tracestate(), None);
    assert_eq!(trace, resume(None, None, None));
}

#[test]
fn ids_are_never_zero() {
    let trace = Trace::begin(0, [0; 20]);
    let expected = format!("00-{}1-{}1-01", "0".repeat(31), "0".repeat(15));
    assert_eq!(trace.traceparent(), expected);
}

/// The cases of W3C's own suite (`trace-context`, `test/test.py`) that concern one `traceparent`.
#[test]
fn traceparents() {
    let check = |text: &str, expected: Option<&str>| {
        let trace = resume(None, Some(text), None);
        let expected = match expected {
            Some(flags) => format!("00-{SENT}-{STEP}-{flags}"),
            None => format!("00-{HERE}-{STEP}-01"),
        };
        assert_eq!(trace.traceparent(), expected, "{text}");
    };
    let parent = "1234567890123456";
    let of = |version: &str, id: &str, parent: &str, flags: &str| {
        format!("{version}-{id}-{parent}-{flags}")
    };
    check(&of("00", SENT, parent, "01"), Some("01"));
    check(&of("00", SENT, parent, "00"), Some("00"));
    check(&of("00", SENT, parent, "02"), Some("02"));
    check(&of("00", SENT, parent, "03"), Some("03"));
    // Flags that nobody has defined are not handed on.
    check(&of("00", SENT, parent, "ff"), Some("03"));
    check(&of("00", SENT, parent, "01."), None);
    check(
        &of("00", SENT, parent, "01-what-the-future-will-be-like"),
        None,
    );
    check(&of("00", SENT, parent, "01-"), None);
    check(&of("cc", SENT, parent, "01"), Some("01"));
    check(
        &of("cc", SENT, parent, "01-what-the-future-will-be-like"),
        Some("01"),
    );
    check(
        &of("cc", SENT, parent, "01.what-the-future-will-be-like"),
        None,
    );
    check(&of("ff", SENT, parent, "01"), None);
    for version in [".0", "0.", "000", "0000", "0", "", "0G", "CC"] {
        check(&of(version, SENT, parent, "01"), None);
    }
    for id in [
        "00000000000000000000000000000000",
        ".2345678901234567890123456789012",
        "1234567890123456789012345678901.",
        "123456789012345678901234567890123",
        "1234567890123456789012345678901",
        "1234567890123456789012345678901A",
        "",
    ] {
        check(&of("00", id, parent, "01"), None);
    }
    for parent in [
        "0000000000000000",
        ".234567890123456",
        "123456789012345.",
        "12345678901234567",
        "123456789012345",
        "123456789012345A",
        "",
    ] {
        check(&of("00", SENT, parent, "01"), None);
    }
    for flags in [".0", "0.", "001", "1", "", "0A"] {
        check(&of("00", SENT, parent, flags), None);
    }
    for text in [
        "",
        "-",
        "---",
        "00",
        "00-",
        "xyz",
        "00-ä",
        "\u{0}",
        &"0".repeat(55),
    ] {
        check(text, None);
    }
}

/// The cases of the same suite that concern `tracestate`.
#[test]
fn tracestates() {
    let check = |text: &str, goes_on: bool| {
        let parent = format!("00-{SENT}-1234567890123456-00");
        let trace = resume(None, Some(&parent), Some(text));
        assert_eq!(trace.tracestate(), goes_on.then_some(text), "{text}");
        assert!(trace.traceparent().contains(SENT));
    };
    check("foo=1,bar=2", true);
    check("foo=1 \t , \t bar=2, \t baz=3", true);
    check("foo=1,", true);
    check(",foo=1,,bar=2", true);
    check("foo=1,foo=1", true);
    check("", false);
    check(",", false);
    for key in [
        "foo ",
        "FOO",
        "foo.bar",
        "foo@",
        "@foo",
        "foo@@bar",
        "foo@bar@baz",
        "",
        "ä",
        "-a",
    ] {
        check(&format!("{key}=1"), false);
    }
    for key in ["foo@bar", "foo-_*/bar", "foo@bar-_*/baz", "0a", "0a@b"] {
        check(&format!("{key}=1"), true);
    }
    check("a@0b=1", false);
    check(&format!("{}=1", "z".repeat(256)), true);
    check(&format!("{}=1", "z".repeat(257)), false);
    check(&format!("{}@{}=1", "t".repeat(241), "v".repeat(14)), true);
    check(&format!("{}@v=1", "t".repeat(242)), false);
    check(&format!("t@{}=1", "v".repeat(15)), false);
    check("foo", false);
    check("foo=", false);
    check("foo=,bar=3", false);
    check("foo=bar=baz", false);
    check("foo=\u{7f}", false);
    check("foo=ä", false);
    check(
        r##"foo=!"#$%&'()*+-./0123456789:;<>?@AZ[\]^_`az{|}~ ."##,
        true,
    );
    check(&format!("foo={}", "1".repeat(256)), true);
    check(&format!("foo={}", "1".repeat(257)), false);
    let members = |count: usize| vec!["a=1"; count].join(",");
    check(&members(32), true);
    check(&members(33), false);
}

#[test]
fn a_state_without_a_parent_means_nothing() {
    assert_eq!(resume(None, None, Some("foo=1")).tracestate(), None);
    assert_eq!(resume(None, Some("00-x"), Some("foo=1")).tracestate(), None);
}

#[test]
fn what_a_client_sent_to_amazon_goes_on_as_it_is() {
    let check = |amzn: &str, expected: Option<(&str, &str)>| {
        let trace = resume(Some(amzn), None, None);
        assert_eq!(trace.amzn(), amzn);
        let (id, flags) = expected.unwrap_or((HERE, "01"));
        assert_eq!(
            trace.traceparent(),
            format!("00-{id}-{STEP}-{flags}"),
            "{amzn}"
        );
    };
    let id = "5759e988bd862e3fe1be46a994272793";
    check("Root=1-5759e988-bd862e3fe1be46a994272793", Some((id, "01")));
    check("Root=1-5759E988-BD862E3FE1BE46A994272793", Some((id, "01")));
    check(
        "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1",
        Some((id, "01")),
    );
    check(
        "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=0",
        Some((id, "00")),
    );
    check(
        "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=?",
        Some((id, "01")),
    );
    check(
        "Self=1-67891234-12456789abcdef012345678;Root=1-5759e988-bd862e3fe1be46a994272793; Lineage=a:1",
        Some((id, "01")),
    );
    for unread in [
        "",
        "x",
        "Root=",
        "Root=1-5759e988",
        "Root=2-5759e988-bd862e3fe1be46a994272793",
        "Root=1-5759e98-bd862e3fe1be46a994272793",
        "Root=1-5759e988-bd862e3fe1be46a99427279g",
        "Root=1-00000000-000000000000000000000000",
        "Self=1-67891234-12456789abcdef012345678",
    ] {
        check(unread, None);
    }
}

#[test]
fn a_traceparent_alone_gives_amazons_header() {
    let sent = format!("00-{SENT}-1234567890123456-00");
    let trace = resume(None, Some(&sent), Some("foo=1"));
    let root = "1-12345678-901234567890123456789012";
    assert_eq!(trace.amzn(), format!("Root={root};Parent={STEP};Sampled=0"));
    assert_eq!(trace.root(), root);
    // Each of two that do not agree goes on.
    let amzn = "Root=1-5759e988-bd862e3fe1be46a994272793";
    let both = resume(Some(amzn), Some(&sent), None);
    assert_eq!(both.amzn(), amzn);
    assert_eq!(both.traceparent(), format!("00-{SENT}-{STEP}-00"));
    // One that cannot be read does not hide the other.
    let broken = resume(Some(amzn), Some("00-broken"), None);
    let id = "5759e988bd862e3fe1be46a994272793";
    assert_eq!(broken.traceparent(), format!("00-{id}-{STEP}-01"));
}

proptest! {
    #[test]
    fn whatever_comes_what_goes_on_can_be_read(
        amzn in prop::option::of(any::<String>()),
        traceparent in prop::option::of("[0-9a-f-]{0,60}"),
        tracestate in prop::option::of("[ -~]{0,40}"),
        random in any::<[u8; 20]>(),
    ) {
        let carried = Carried {
            amzn: amzn.as_deref(),
            traceparent: traceparent.as_deref(),
            tracestate: tracestate.as_deref(),
        };
        let trace = Trace::resume(&carried, NOW, random);
        let parent = trace.traceparent();
        prop_assert_eq!(parent.len(), 55);
        prop_assert!(Parent::parse(&parent).is_some());
        if let Some(amzn) = &amzn {
            prop_assert_eq!(trace.amzn(), amzn.as_str());
        } else {
            prop_assert!(Root::parse(&trace.amzn()).is_some_and(|root| root.id == trace.id));
        }
    }
}
