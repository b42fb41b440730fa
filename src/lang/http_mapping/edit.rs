//! What all mappings together change, for one event.

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use thiserror::Error;

use super::target::{Action, RequestTarget, ResponseTarget};
use super::value::{MappingValue, TooLong};
use super::{RequestMapping, ResponseMapping, path, query, read_status};
use crate::base::quotas::REQUEST_HEAD_BYTES;
use crate::lang::scope::Scope;

/// Longest value that is written into a head, in bytes (ours): what Amazon allows a whole head.
const VALUE_BYTES: usize = REQUEST_HEAD_BYTES;

/// A request that cannot be mapped, because a value of it does not fit where it should go; answered with status 400. The
/// target is told, the value is not.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Unfit {
    /// A control character for a header.
    #[error("the value for {0} has a control character")]
    Control(String),
    /// More bytes than a head may have.
    #[error("the value for {0} is longer than {VALUE_BYTES} bytes")]
    TooLong(String),
    /// A path with a dot segment or another second reading.
    #[error("the value for the path has a dot segment, a control character or a backslash")]
    Path,
}

/// What the mappings change in a request, all found before the first is applied.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RequestEdits {
    headers: Vec<HeaderEdit>,
    /// Action, name and value.
    query: Vec<(Action, String, String)>,
    path: Option<String>,
}

/// What the mappings of a status change in an answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ResponseEdits {
    headers: Vec<HeaderEdit>,
    status: Option<StatusCode>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum HeaderEdit {
    Remove(HeaderName),
    Overwrite(HeaderName, HeaderValue),
    Append(HeaderName, HeaderValue),
}

impl RequestEdits {
    /// Finds the values; a parameter whose source is not set is left alone. Of several changes to one parameter, those that
    /// remove come first, then those that overwrite.
    ///
    /// # Errors
    /// [`Unfit`]
    pub fn resolve(mappings: &[RequestMapping], scope: &dyn Scope) -> Result<Self, Unfit> {
        let mut edits = Self::default();
        for mapping in in_order(mappings, |mapping| mapping.action) {
            edits.add(mapping, scope)?;
        }
        Ok(edits)
    }

    fn add(&mut self, mapping: &RequestMapping, scope: &dyn Scope) -> Result<(), Unfit> {
        let too_long = |TooLong| Unfit::TooLong(mapping.target.to_string());
        let RequestMapping {
            action,
            target,
            value,
        } = mapping;
        match target {
            RequestTarget::Header(name) => {
                let found = header_edit(*action, name, value, scope);
                self.headers.extend(found.map_err(|failure| match failure {
                    HeaderFailure::Control => Unfit::Control(target.to_string()),
                    HeaderFailure::TooLong => Unfit::TooLong(target.to_string()),
                })?);
            }
            RequestTarget::Query(name) => {
                if let Some(text) = value.resolve(scope, VALUE_BYTES).map_err(too_long)? {
                    self.query.push((*action, name.clone(), text.into_owned()));
                }
            }
            RequestTarget::Path => {
                let text = value.resolve_with(scope, VALUE_BYTES, path::encode);
                if let Some(text) = text.map_err(too_long)? {
                    self.path = Some(path::finish(&text).ok_or(Unfit::Path)?);
                }
            }
        }
        Ok(())
    }

    /// Whether any header is changed.
    pub fn touch_headers(&self) -> bool {
        !self.headers.is_empty()
    }

    /// Changes the headers of the request.
    pub fn apply_to_headers(&self, headers: &mut HeaderMap) {
        self.headers.iter().for_each(|edit| edit.apply(headers));
    }

    /// The query string after all changes, without `?`; what is not changed stays as the client wrote it.
    pub fn apply_to_query(&self, query: Option<&str>) -> Option<String> {
        if self.query.is_empty() {
            return query.map(str::to_owned);
        }
        let mut changed = query.unwrap_or_default().to_owned();
        for (action, name, value) in &self.query {
            if *action != Action::Append {
                changed = query::remove(&changed, name);
            }
            if *action != Action::Remove {
                query::append(&mut changed, name, value);
            }
        }
        (!changed.is_empty()).then_some(changed)
    }

    /// The path that takes the place of the one in the integration URI: percent-encoded, with its first slash.
    pub fn path(&self) -> Option<&str> {
        self.path.as_deref()
    }
}

impl ResponseEdits {
    /// Finds the values; a mapping whose source is not set, or whose value does not fit, is left out.
    pub fn resolve(mappings: &[ResponseMapping], scope: &dyn Scope) -> Self {
        let mut edits = Self::default();
        for mapping in in_order(mappings, |mapping| mapping.action) {
            match &mapping.target {
                ResponseTarget::Header(name) => {
                    let found = header_edit(mapping.action, name, &mapping.value, scope);
                    edits.headers.extend(found.ok().flatten());
                }
                ResponseTarget::Status => {
                    let text = mapping.value.resolve(scope, VALUE_BYTES).ok().flatten();
                    edits.status = text.and_then(|text| read_status(&text));
                }
            }
        }
        edits
    }

    /// Changes the headers of the answer.
    pub fn apply_to_headers(&self, headers: &mut HeaderMap) {
        self.headers.iter().for_each(|edit| edit.apply(headers));
    }

    /// The status that takes the place of the integration's.
    pub fn status(&self) -> Option<StatusCode> {
        self.status
    }
}

impl HeaderEdit {
    fn apply(&self, headers: &mut HeaderMap) {
        match self {
            Self::Remove(name) => {
                headers.remove(name);
            }
            Self::Overwrite(name, value) => {
                headers.insert(name, value.clone());
            }
            Self::Append(name, value) => {
                headers.append(name, value.clone());
            }
        }
    }
}

enum HeaderFailure {
    Control,
    TooLong,
}

/// What a mapping does to a header, `None` when its source is not set.
fn header_edit(
    action: Action,
    name: &HeaderName,
    value: &MappingValue,
    scope: &dyn Scope,
) -> Result<Option<HeaderEdit>, HeaderFailure> {
    if action == Action::Remove {
        return Ok(Some(HeaderEdit::Remove(name.clone())));
    }
    let found = value.resolve(scope, VALUE_BYTES);
    let Some(text) = found.map_err(|TooLong| HeaderFailure::TooLong)? else {
        return Ok(None);
    };
    let value = HeaderValue::from_bytes(text.as_bytes()).map_err(|_| HeaderFailure::Control)?;
    Ok(Some(match action {
        Action::Append => HeaderEdit::Append(name.clone(), value),
        Action::Overwrite | Action::Remove => HeaderEdit::Overwrite(name.clone(), value),
    }))
}

fn in_order<M>(mappings: &[M], action: impl Fn(&M) -> Action) -> Vec<&M> {
    let mut ordered: Vec<_> = mappings.iter().collect();
    ordered.sort_by_key(|mapping| action(mapping));
    ordered
}
