//! Calls and answers on the wire: JSON with lower-case camel names, and pages of lists.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Response, StatusCode};
use serde_json::{Map, Value, json};
use url::form_urlencoded;

use crate::base::body::Payload;
use crate::definition::Diagnostic;
use crate::error::ServiceException;

/// Items on a page unless the caller says how many; most that it may ask for.
const PAGE: usize = 25;
const PAGE_MAX: usize = 100;
/// What the query parameters of a signature begin with.
const SIGNING: &str = "X-Amz-";
/// Problems that one message names; the rest are counted.
const PROBLEMS_SHOWN: usize = 10;

/// One call, read.
#[derive(Debug)]
pub(super) struct Call {
    ids: Vec<(&'static str, String)>,
    query: Vec<(String, String)>,
    /// Members of the body, without those that are `null`.
    pub(super) body: Map<String, Value>,
}

impl Call {
    /// Reads query and body; `ids` stood in the path.
    pub(super) fn new(
        ids: Vec<(&'static str, String)>,
        query: Option<&str>,
        body: &[u8],
    ) -> Result<Self, ServiceException> {
        let query = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
        Ok(Self {
            ids,
            query: query.into_owned().collect(),
            body: members(body)?,
        })
    }

    /// A variable of the path.
    pub(super) fn id(&self, name: &str) -> &str {
        let found = self.ids.iter().find(|(known, _)| *known == name);
        found.map_or("", |(_, id)| id)
    }

    /// The values of a query parameter.
    pub(super) fn query<'c>(&'c self, name: &'c str) -> impl Iterator<Item = &'c str> {
        let all = self.query.iter().filter(move |(known, _)| known == name);
        all.map(|(_, value)| value.as_str())
    }

    /// Refuses query parameters of other names, lest a slip (`dryrun`) is taken for nothing. Those of a signature are not the operation's.
    pub(super) fn check_query(&self, known: &[&str]) -> Result<(), ServiceException> {
        let signs = |name: &str| {
            let start = name.get(..SIGNING.len());
            start.is_some_and(|start| start.eq_ignore_ascii_case(SIGNING))
        };
        let mut names = self.query.iter().map(|(name, _)| name.as_str());
        match names.find(|name| !known.contains(name) && !signs(name)) {
            None => Ok(()),
            Some(other) => {
                let known = known.join(", ");
                let message = format!("{other}: unknown query parameter; known here: {known}");
                Err(ServiceException::bad_request(message))
            }
        }
    }

    /// The page of a list that the call asks for, as `member` with a `nextToken` where there are more. Items come with their ids,
    /// sorted by them.
    pub(super) fn page(
        &self,
        member: &str,
        items: Vec<(String, Map<String, Value>)>,
    ) -> Result<Value, ServiceException> {
        let size = self
            .query("maxResults")
            .next()
            .map_or(Ok(PAGE), page_size)?;
        let after = self.query("nextToken").next().map(position).transpose()?;
        let rest = items
            .into_iter()
            .filter(|(id, _)| after.as_ref().is_none_or(|after| id > after));
        let mut page: Vec<_> = rest.take(size + 1).collect();
        let more = page.len() > size;
        page.truncate(size);
        let last = page.last().map(|(id, _)| id.clone()).filter(|_| more);
        let items: Vec<Value> = page.into_iter().map(|(_, item)| item.into()).collect();
        let mut answer = json!({ member: items });
        if let Some(last) = last {
            answer["nextToken"] = URL_SAFE_NO_PAD.encode(last).into();
        }
        Ok(answer)
    }
}

fn page_size(text: &str) -> Result<usize, ServiceException> {
    match text.parse() {
        Ok(size) if (1..=PAGE_MAX).contains(&size) => Ok(size),
        _ => {
            let message = format!("maxResults must be a number from 1 to {PAGE_MAX}");
            Err(ServiceException::bad_request(message))
        }
    }
}

fn position(token: &str) -> Result<String, ServiceException> {
    let bytes = URL_SAFE_NO_PAD.decode(token).ok();
    let id = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    id.ok_or_else(|| ServiceException::bad_request("nextToken is none that this API gave"))
}

fn members(body: &[u8]) -> Result<Map<String, Value>, ServiceException> {
    if body.is_empty() {
        return Ok(Map::new());
    }
    match serde_json::from_slice(body) {
        Ok(Value::Object(mut members)) => {
            members.retain(|_, value| !value.is_null());
            Ok(members)
        }
        Ok(_) => Err(ServiceException::bad_request(
            "The body must be a JSON object",
        )),
        Err(error) => {
            let message = format!("The body is no JSON: {error}");
            Err(ServiceException::bad_request(message))
        }
    }
}

/// The answer to a call that worked.
pub(super) struct Reply {
    /// Its status.
    pub(super) status: StatusCode,
    /// Its body, if it has one.
    pub(super) body: Option<Content>,
}

/// The body of an answer.
pub(super) enum Content {
    /// JSON.
    Json(Value),
    /// Text of a media type.
    Text(String, &'static str),
}

impl From<Value> for Content {
    fn from(value: Value) -> Self {
        Self::Json(value)
    }
}

impl Reply {
    /// As it is sent.
    pub(super) fn response(self) -> Response<Payload> {
        let (text, media_type) = match self.body {
            Some(Content::Json(value)) => (value.to_string(), Some("application/json")),
            Some(Content::Text(text, media_type)) => (text, Some(media_type)),
            None => (String::new(), None),
        };
        let mut response = Response::new(Payload::from(text));
        *response.status_mut() = self.status;
        if let Some(media_type) = media_type {
            let media_type = HeaderValue::from_static(media_type);
            response.headers_mut().insert(CONTENT_TYPE, media_type);
        }
        response
    }
}

/// 400 with everything that is wrong; paths of members begin behind the first of `around` that they begin with.
pub(super) fn refused(problems: &[Diagnostic], around: &[String]) -> ServiceException {
    let shown = problems.iter().take(PROBLEMS_SHOWN).map(|problem| {
        let mut inner = around
            .iter()
            .filter_map(|around| problem.path.strip_prefix(around));
        let path = inner
            .next()
            .unwrap_or(&problem.path)
            .trim_start_matches('.');
        match path.is_empty() {
            true => format!("{}; {}", problem.what, problem.remedy),
            false => format!("{path}: {}; {}", problem.what, problem.remedy),
        }
    });
    let mut lines: Vec<String> = shown.collect();
    if problems.len() > PROBLEMS_SHOWN {
        let rest = problems.len() - PROBLEMS_SHOWN;
        lines.push(format!("and {rest} more problems"));
    }
    ServiceException::bad_request(lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(query: &str) -> Call {
        Call::new(Vec::new(), Some(query), b"").unwrap()
    }

    #[test]
    fn lists_come_in_pages() {
        let items = || {
            let ids = ["a", "b", "c"].map(|id| (id.to_owned(), Map::new()));
            ids.to_vec()
        };
        let all = call("").page("items", items()).unwrap();
        assert_eq!(all, json!({ "items": [{}, {}, {}] }));
        let first = call("maxResults=2").page("items", items()).unwrap();
        assert_eq!(first["items"], json!([{}, {}]));
        let next = first["nextToken"].as_str().unwrap();
        let query = format!("maxResults=2&nextToken={next}");
        assert_eq!(
            call(&query).page("items", items()).unwrap(),
            json!({ "items": [{}] })
        );
        for wrong in [
            "maxResults=0",
            "maxResults=101",
            "maxResults=x",
            "nextToken=%",
        ] {
            assert!(call(wrong).page("items", items()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn other_query_parameters_are_refused() {
        let check = |query, expected: Option<&str>| {
            let refused = call(query).check_query(&["dryRun", "prune"]).err();
            let told = refused.and_then(|refused| refused.message);
            assert_eq!(told.as_deref(), expected, "{query}");
        };
        check("", None);
        check("dryRun=true&prune=false", None);
        check("X-Amz-Signature=00&x-amz-date=1&prune=true", None);
        let unknown = "unknown query parameter; known here: dryRun, prune";
        check(
            "prune=true&dryrun=true",
            Some(&format!("dryrun: {unknown}")),
        );
        check("file=true", Some(&format!("file: {unknown}")));
        check("%C3%A9=1", Some(&format!("é: {unknown}")));
    }

    #[test]
    fn bodies_are_objects() {
        let read = |body: &[u8]| Call::new(Vec::new(), None, body).map(|call| call.body);
        assert_eq!(read(b"").unwrap(), Map::new());
        assert_eq!(read(b"{\"a\":null}").unwrap(), Map::new());
        for wrong in [&b"[]"[..], b"{", b"\xff"] {
            let refused = read(wrong).unwrap_err();
            assert_eq!(refused.name, "BadRequestException");
        }
    }
}
