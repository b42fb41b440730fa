//! `MOCK`: the answer stands in the definition.

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

use crate::base::body::Payload;
use crate::integration::answer::Answer;
use crate::lang::response_key::ResponseKey;
use crate::plan::integration::MockTarget;

/// The response that the mock's status selects; without one the status alone.
pub(super) fn answer(mock: &MockTarget) -> Answer {
    let status = mock.status.to_string();
    let keys = mock.responses.iter().map(|response| &response.key);
    let template = ResponseKey::select(keys, &status)
        .and_then(|position| mock.responses.get(position))
        .and_then(|response| response.template.as_ref());
    Answer {
        // AWS: on `$connect` an integration response maps to 200 unless its status says otherwise.
        status: StatusCode::from_u16(mock.status).unwrap_or(StatusCode::OK),
        headers: HeaderMap::new(),
        body: template.map_or_else(Payload::default, |template| {
            Payload::from(Bytes::copy_from_slice(template.text().as_bytes()))
        }),
        binary: false,
    }
}
