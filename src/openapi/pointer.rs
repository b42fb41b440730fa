//! Places in a document, as JSON pointers in the form of a URI fragment (RFC 6901, section 6), e.g. `#/paths/~1orders/get`.

use std::fmt;
use std::sync::Arc;

use percent_encoding::percent_decode_str;
use serde_json::Value;

/// Characters of one segment that are shown.
const SEGMENT_CHARACTERS: usize = 256;

/// A place in a document. It prints as a pointer, without the percent signs that a fragment would need, since people read it.
///
/// What stands below a place shares it, so that places cost no more than their own names, however long those around them are.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Pointer(Option<Arc<Step>>);

/// The last step to a place.
#[derive(Debug, PartialEq, Eq)]
struct Step {
    around: Pointer,
    segment: String,
}

impl Pointer {
    /// The whole document.
    pub fn root() -> Self {
        Self::default()
    }

    /// What stands below it under `segment`.
    #[must_use]
    pub fn child(&self, segment: impl Into<String>) -> Self {
        Self(Some(Arc::new(Step {
            around: self.clone(),
            segment: segment.into(),
        })))
    }

    /// What stands below it, segment by segment.
    #[must_use]
    pub fn below(&self, segments: &[&str]) -> Self {
        segments
            .iter()
            .fold(self.clone(), |at, segment| at.child(*segment))
    }

    /// The pointer that a `$ref` has; `None` when it leads out of the document or is none.
    pub fn of_reference(reference: &str) -> Option<Self> {
        let fragment = reference.strip_prefix('#')?;
        if fragment.is_empty() {
            return Some(Self::root());
        }
        let fragment = percent_decode_str(fragment).decode_utf8().ok()?;
        let segments = fragment.strip_prefix('/')?.split('/');
        let segments = segments.map(|segment| segment.replace("~1", "/").replace("~0", "~"));
        Some(segments.fold(Self::root(), |at, segment| at.child(segment)))
    }

    /// The segments, that of the root first.
    fn segments(&self) -> Vec<&str> {
        let mut segments = Vec::new();
        let mut at = self;
        while let Some(step) = &at.0 {
            segments.push(step.segment.as_str());
            at = &step.around;
        }
        segments.reverse();
        segments
    }

    /// What stands there.
    pub fn find<'d>(&self, document: &'d Value) -> Option<&'d Value> {
        let mut segments = self.segments().into_iter();
        segments.try_fold(document, |value, segment| match value {
            Value::Object(members) => members.get(segment),
            Value::Array(items) => items.get(segment.parse::<usize>().ok()?),
            _ => None,
        })
    }

    /// The name that this has right below `parent`; `None` when it stands elsewhere.
    pub(super) fn name_in(&self, parent: &[&str]) -> Option<&str> {
        let segments = self.segments();
        let (name, around) = segments.split_last()?;
        (around == parent).then_some(*name)
    }

    /// The last segment; empty for the whole document.
    pub fn last(&self) -> &str {
        self.0.as_ref().map_or("", |step| step.segment.as_str())
    }

    /// The same place as Amazon's importer names it in its parse issues: `paths.'/orders'(get).responses`.
    pub(super) fn attribute(&self) -> String {
        let mut text = String::new();
        let mut segments = self.segments().into_iter().map(cut);
        let first = segments.next().unwrap_or_default();
        text.push_str(first);
        if first == "paths" {
            if let Some(path) = segments.next() {
                text.push_str(&format!(".'{path}'"));
            }
            if let Some(method) = segments.next() {
                text.push_str(&format!("({method})"));
            }
        }
        for segment in segments {
            text.push('.');
            text.push_str(segment);
        }
        text
    }
}

fn cut(segment: &str) -> &str {
    match segment.char_indices().nth(SEGMENT_CHARACTERS) {
        Some((end, _)) => segment.get(..end).unwrap_or_default(),
        None => segment,
    }
}

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("#")?;
        for segment in self.segments() {
            let segment = cut(segment).replace('~', "~0").replace('/', "~1");
            write!(f, "/{}", segment.escape_debug())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn pointers_print_what_they_were_read_from() {
        for text in ["#", "#/a", "#/paths/~1a~1{b}/get", "#/a~0b/0", "#/"] {
            let pointer = Pointer::of_reference(text).expect(text);
            assert_eq!(pointer.to_string(), text);
        }
        let encoded = Pointer::of_reference("#/paths/~1a~1%7Bb%7D").expect("a pointer");
        assert_eq!(encoded.to_string(), "#/paths/~1a~1{b}");
        for wrong in ["", "a", "other.yaml#/a", "#a", "#/%ff"] {
            assert_eq!(Pointer::of_reference(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_stands_below_a_place_shares_it() {
        let around = Pointer::root().child("x".repeat(1 << 20));
        let below: Vec<Pointer> = (0..1000).map(|n| around.child(n.to_string())).collect();
        let segment = |at: &Pointer| at.segments()[0].as_ptr();
        assert!(below.iter().all(|at| segment(at) == segment(&around)));
    }

    #[test]
    fn pointers_find_what_they_point_to() {
        let document = json!({ "a/b": [{ "c": 1 }] });
        let find = |text: &str| Pointer::of_reference(text)?.find(&document);
        assert_eq!(find("#/a~1b/0/c"), Some(&json!(1)));
        assert_eq!(find("#"), Some(&document));
        for wrong in ["#/a", "#/a~1b/1", "#/a~1b/x", "#/a~1b/0/c/d"] {
            assert_eq!(find(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn attributes_are_named_as_amazon_names_them() {
        let check = |segments: &[&str], expected: &str| {
            assert_eq!(Pointer::root().below(segments).attribute(), expected);
        };
        check(&["info", "version"], "info.version");
        check(
            &["paths", "/a", "get", "responses"],
            "paths.'/a'(get).responses",
        );
        check(&["paths", "/a"], "paths.'/a'");
        check(&["paths"], "paths");
    }
}
