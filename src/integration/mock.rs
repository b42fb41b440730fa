//! `MOCK`: the answer stands in the definition.

use http::HeaderMap;

use crate::base::body::Payload;
use crate::integration::answer::Answer;
use crate::plan::integration::MockTarget;

/// The answer, which was chosen when the definition was compiled.
pub(super) fn answer(mock: &MockTarget) -> Answer {
    Answer {
        status: mock.status,
        headers: HeaderMap::new(),
        body: Payload::from(mock.payload.clone()),
        binary: false,
    }
}
