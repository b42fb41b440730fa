//! What must hold for every request path: what is let through has one reading, or tells the other one.

use super::lang::http_path::{PathError, RoutePath};

/// Panics when a property does not hold; gives what became of the path.
pub(crate) fn check(data: &[u8]) -> Result<(), PathError> {
    let text = String::from_utf8_lossy(data);
    let path = RoutePath::parse(&*text)?;
    assert_eq!(path.raw(), text);
    assert_eq!(path.clone().into_owned(), path);
    assert!(path.raw().starts_with('/') && path.decoded().starts_with('/'));
    let segments = path.segments().map(|segment| format!("/{segment}"));
    assert_eq!(segments.collect::<String>(), text);
    has_one_reading(path.decoded());
    for other in path.other_readings() {
        has_one_reading(other.decoded());
        assert_ne!(other.raw(), path.raw());
        assert_eq!(RoutePath::parse(other.raw()), Ok(other.clone()));
    }
    let Some(other) = path.canonical() else {
        assert!(path.other_readings().is_empty());
        assert!(
            !path.decoded().contains("//"),
            "a run of slashes is not told"
        );
        // As many segments as were sent, so nobody splits it elsewhere.
        let slashes = |text: &str| text.matches('/').count();
        assert_eq!(slashes(path.decoded()), slashes(path.raw()));
        return Ok(());
    };
    has_one_reading(other.decoded());
    assert!(!other.decoded().contains("//"));
    assert_eq!(other.canonical(), None, "once is enough");
    assert_eq!(RoutePath::parse(other.raw()), Ok(other.clone()));
    Ok(())
}

/// Nobody who decodes it, once more too, climbs out of it, and nobody reads a character of it as something else.
fn has_one_reading(path: &str) {
    let mut readings = vec![path.to_owned()];
    readings.push(decoded(path));
    for reading in readings {
        let dots = |segment: &str| {
            let name = segment.split([';', '?']).next().unwrap_or_default();
            matches!(name, "." | "..")
        };
        assert!(!reading.split(['/', '\\']).any(dots), "{reading:?}");
    }
    let bad = |character: char| character.is_control() || character == '\\';
    assert!(!path.contains(bad), "{path:?}");
}

/// Every whole escape decoded, whatever else there is.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        let digits = behind
            .get(..2)
            .and_then(|two| std::str::from_utf8(two).ok());
        let digits = digits.filter(|two| two.bytes().all(|digit| digit.is_ascii_hexdigit()));
        let byte = digits.and_then(|two| u8::from_str_radix(two, 16).ok());
        match (first, byte) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &behind[2..];
            }
            _ => {
                bytes.push(*first);
                rest = behind;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
