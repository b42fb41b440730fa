//! Messages of a fixed size with an id inside.

use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

use crate::measure::marker::{MARKER_BYTES, Marker, Markers};

/// Bytes of a message unless told otherwise.
const DEFAULT_BYTES: u32 = 64;
const ID: &str = "{id}";
const PAD: &str = "{pad}";

/// A message whose every id is filled in anew for each sending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::scenario) struct Template {
    text: String,
    ids: Vec<usize>,
}

impl Template {
    /// Fills `{pad}` so that a message has `size` bytes (64 if none is asked for), or as few as it can have.
    ///
    /// # Errors
    ///
    /// There is no `{id}`, or a size was asked for and there is no `{pad}` to reach it with.
    pub(super) fn new(template: &str, size: Option<u32>) -> Result<Self, String> {
        let ids = template.matches(ID).count();
        let pads = template.matches(PAD).count();
        if ids == 0 {
            return Err(format!(
                "the message template has no {ID}: replies could not be matched"
            ));
        }
        if size.is_some() && pads == 0 {
            return Err(format!(
                "the message template has no {PAD}: --size could not be reached"
            ));
        }
        let fixed = template.len() - ids * ID.len() - pads * PAD.len() + ids * MARKER_BYTES;
        let wanted = size.unwrap_or(DEFAULT_BYTES) as usize;
        let pad = "x".repeat(wanted.saturating_sub(fixed).checked_div(pads).unwrap_or(0));
        let padded = template.replace(PAD, &pad);
        let placeholder = "0".repeat(MARKER_BYTES);
        let ids = padded
            .match_indices(ID)
            .enumerate()
            .map(|(n, (start, _))| start + n * (MARKER_BYTES - ID.len()))
            .collect();
        Ok(Self {
            text: padded.replace(ID, &placeholder),
            ids,
        })
    }

    /// Bytes of each message.
    pub(in crate::scenario) fn len(&self) -> usize {
        self.text.len()
    }

    /// The text message with the id `marker`.
    pub(in crate::scenario) fn message(&self, markers: &Markers, marker: Marker) -> Message {
        let id = markers.text(marker);
        let mut text = self.text.clone();
        for start in &self.ids {
            text.replace_range(*start..start + MARKER_BYTES, &id);
        }
        Message::Text(Utf8Bytes::from(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_have_their_size_and_ids() {
        let markers = Markers::new(1);
        let marker = Marker {
            connection: 2,
            sequence: 3,
        };
        let id = markers.text(marker);
        let check = |template: &str, size: Option<u32>, expected: &str| {
            let template = Template::new(template, size).unwrap();
            let message = template.message(&markers, marker);
            let expected = expected.replace("ID", &id);
            assert_eq!(message.to_text().unwrap(), expected);
            assert_eq!(template.len(), expected.len());
        };
        check("{id}", None, "ID");
        check("{id}{pad}", Some(30), "IDxxxxxxxx");
        check("{id}{pad}", Some(1), "ID");
        check("ä{pad}{id}{pad}{id}", Some(50), "äxxID\u{78}xID");
        check(r#"{"id":"{id}"}"#, None, r#"{"id":"ID"}"#);
        let default = Template::new(r#"{"id":"{id}","pad":"{pad}"}"#, None).unwrap();
        assert_eq!(default.len(), 64);
    }

    #[test]
    fn templates_that_cannot_work_are_refused() {
        let check = |template: &str, size: Option<u32>, names: &str| {
            let error = Template::new(template, size).unwrap_err();
            assert!(error.contains(names), "{error}");
        };
        check("hello", None, "{id}");
        check("{pad}", None, "{id}");
        check("{id}", Some(64), "{pad}");
    }
}
