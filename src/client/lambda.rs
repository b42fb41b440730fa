//! The Lambda Invoke API, at AWS or at anything that speaks it: LocalStack, the runtime interface emulator, SAM.
//!
//! AWS: Lambda API Reference, "Invoke". Functions elsewhere come to the same answers and errors as those hosted here.

use std::fmt;
use std::sync::Arc;

use aws_credential_types::Credentials;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use url::Url;

use super::aws::Signer;
use super::http::{CallError, HttpClient};
use crate::base::clock::Clock;
use crate::base::quotas::LAMBDA_PAYLOAD_BYTES;
use crate::function::{FunctionAnswer, FunctionError, Invocation};

/// What stays as it is in a path segment (RFC 3986, section 2.3); the SDKs write ARNs the same way.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// What is kept of the text of a refusal, which could be as long as a payload.
const REASON_CHARACTERS: usize = 512;

/// Where one function is invoked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvokeTarget {
    url: Url,
    region: String,
}

/// A text that names no Lambda function.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// Neither `arn:aws:lambda:…:function:NAME` nor `arn:aws:apigateway:…:lambda:path/…/invocations`.
    #[error(
        "`{0}` is no Lambda function: write arn:aws:lambda:REGION:ACCOUNT:function:NAME, or \
         arn:aws:apigateway:REGION:lambda:path/2015-03-31/functions/ARN/invocations"
    )]
    NotAFunction(String),
    /// Not a URL of the Invoke API.
    #[error("`{0}` is no invoke URL: write http(s)://HOST/2015-03-31/functions/NAME/invocations")]
    NotAnInvokeUrl(String),
}

impl InvokeTarget {
    /// A complete URL of the Invoke API, `http(s)://HOST/2015-03-31/functions/NAME/invocations`.
    ///
    /// # Errors
    /// [`TargetError::NotAnInvokeUrl`] for any other URL.
    pub fn at_url(text: &str, region: &str) -> Result<Self, TargetError> {
        let refuse = || TargetError::NotAnInvokeUrl(text.to_owned());
        let url = Url::parse(text).map_err(|_| refuse())?;
        let name = url
            .path()
            .strip_prefix("/2015-03-31/functions/")
            .and_then(|rest| rest.strip_suffix("/invocations"));
        let named = name.is_some_and(|name| !name.is_empty() && !name.contains('/'));
        let plain =
            url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
        if !matches!(url.scheme(), "http" | "https") || !named || !plain {
            return Err(refuse());
        }
        Ok(Self {
            url,
            region: region.to_owned(),
        })
    }

    /// A function named by its ARN, or by the ARN that integrations and authorizers carry.
    ///
    /// Called at `endpoint` if there is one, else at the Lambda endpoint of the function's region.
    ///
    /// # Errors
    /// [`TargetError::NotAFunction`] for any other text.
    pub fn from_arn(text: &str, endpoint: Option<&Url>) -> Result<Self, TargetError> {
        let refuse = || TargetError::NotAFunction(text.to_owned());
        let arn = FunctionArn::parse(function_part(text)).ok_or_else(refuse)?;
        let base = match endpoint {
            Some(endpoint) => endpoint.clone(),
            None => arn.endpoint().ok_or_else(refuse)?,
        };
        Self::function(&base, arn.function, arn.qualifier, arn.region).ok_or_else(refuse)
    }

    /// A function, by name or ARN, at an endpoint whose own path, if any, goes in front.
    fn function(base: &Url, function: &str, qualifier: Option<&str>, region: &str) -> Option<Self> {
        let mut url = base.clone();
        let function = utf8_percent_encode(function, SEGMENT);
        let prefix = base.path().trim_end_matches('/');
        url.set_path(&format!(
            "{prefix}/2015-03-31/functions/{function}/invocations"
        ));
        url.set_query(None);
        url.set_fragment(None);
        if let Some(qualifier) = qualifier {
            url.query_pairs_mut().append_pair("Qualifier", qualifier);
        }
        url.has_host().then(|| Self {
            url,
            region: region.to_owned(),
        })
    }

    /// The URL that is called.
    pub fn url(&self) -> &Url {
        &self.url
    }
}

/// The function's own ARN, out of `arn:aws:apigateway:{region}:lambda:path/2015-03-31/functions/{arn}/invocations`.
fn function_part(text: &str) -> &str {
    text.split_once(":lambda:path/2015-03-31/functions/")
        .filter(|(gateway, _)| gateway.starts_with("arn:") && gateway.contains(":apigateway:"))
        .and_then(|(_, rest)| rest.strip_suffix("/invocations"))
        .unwrap_or(text)
}

/// `arn:{partition}:lambda:{region}:{account}:function:{name}[:{qualifier}]`.
struct FunctionArn<'a> {
    partition: &'a str,
    region: &'a str,
    /// The ARN without its qualifier.
    function: &'a str,
    qualifier: Option<&'a str>,
}

impl<'a> FunctionArn<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let parts: Vec<&str> = text.split(':').collect();
        let (fixed, qualifier) = match parts.as_slice() {
            [fixed @ .., qualifier] if fixed.len() == 7 => (fixed, Some(*qualifier)),
            all => (all, None),
        };
        let [
            "arn",
            partition,
            "lambda",
            region,
            account,
            "function",
            name,
        ] = fixed
        else {
            return None;
        };
        let word = |text: &str| {
            let allowed = |c: char| c.is_ascii_alphanumeric() || "-_$.".contains(c);
            !text.is_empty() && text.chars().all(allowed)
        };
        let all = [partition, region, account, name]
            .into_iter()
            .chain(&qualifier);
        if !all.into_iter().all(|part| word(part)) {
            return None;
        }
        let function = match qualifier {
            Some(qualifier) => text.strip_suffix(qualifier)?.strip_suffix(':')?,
            None => text,
        };
        Some(Self {
            partition,
            region,
            function,
            qualifier,
        })
    }

    /// AWS: "AWS Lambda endpoints and quotas".
    fn endpoint(&self) -> Option<Url> {
        let domain = match self.partition {
            "aws-cn" => "amazonaws.com.cn",
            _ => "amazonaws.com",
        };
        Url::parse(&format!("https://lambda.{}.{domain}", self.region)).ok()
    }
}

/// Invokes functions elsewhere.
#[derive(Clone)]
pub struct LambdaClient {
    http: HttpClient,
    clock: Arc<dyn Clock>,
}

impl fmt::Debug for LambdaClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LambdaClient").finish_non_exhaustive()
    }
}

/// What the Invoke API says when it fails; emulators differ in the case of the field.
#[derive(Deserialize, Default)]
#[serde(default)]
struct ExceptionDocument {
    #[serde(alias = "Message")]
    message: Option<String>,
    #[serde(rename = "__type", alias = "Type", alias = "code")]
    exception: Option<String>,
}

impl LambdaClient {
    /// A client that calls through `http` and dates its signatures by `clock`.
    pub fn new(http: HttpClient, clock: Arc<dyn Clock>) -> Self {
        Self { http, clock }
    }

    /// Sends an event to a function and waits for its answer; signed when credentials are given.
    ///
    /// # Errors
    /// See [`FunctionError`]. One attempt is made: a function may not be run twice for one event.
    pub async fn invoke(
        &self,
        target: &InvokeTarget,
        credentials: Option<&Credentials>,
        invocation: Invocation,
    ) -> Result<FunctionAnswer, FunctionError> {
        if invocation.payload.len() > LAMBDA_PAYLOAD_BYTES {
            return Err(FunctionError::RequestTooLarge);
        }
        let deadline = invocation.deadline;
        let mut request = request(target, invocation)?;
        if let Some(credentials) = credentials {
            let signer = Signer {
                credentials,
                region: &target.region,
                service: "lambda",
            };
            signer
                .sign(&mut request, self.clock.wall())
                .map_err(|error| FunctionError::unavailable(error.to_string()))?;
        }
        match self
            .http
            .send(request, deadline, LAMBDA_PAYLOAD_BYTES)
            .await
        {
            Ok(response) => understand(response),
            Err(CallError::TimedOut) => Err(FunctionError::TimedOut),
            Err(CallError::TooLarge(_)) => Err(FunctionError::ResponseTooLarge),
            Err(error) => Err(FunctionError::unavailable(error.to_string())),
        }
    }
}

fn request(
    target: &InvokeTarget,
    invocation: Invocation,
) -> Result<http::Request<Bytes>, FunctionError> {
    let mut request = http::Request::post(target.url.as_str())
        .header(header::CONTENT_TYPE, "application/json")
        .header("x-amz-invocation-type", "RequestResponse")
        .header("x-amz-log-type", "None")
        .body(invocation.payload)
        .map_err(|error| FunctionError::unavailable(error.to_string()))?;
    // A trace id comes from a client: one that is not a header value is left out.
    let trace_id = invocation.trace_id.as_deref().map(HeaderValue::from_str);
    if let Some(Ok(trace_id)) = trace_id {
        request.headers_mut().insert("x-amzn-trace-id", trace_id);
    }
    Ok(request)
}

fn understand(response: Response<Bytes>) -> Result<FunctionAnswer, FunctionError> {
    let (parts, payload) = response.into_parts();
    match parts.status {
        StatusCode::OK if parts.headers.contains_key("x-amz-function-error") => {
            Err(FunctionError::from_document(payload, None))
        }
        StatusCode::OK => Ok(FunctionAnswer {
            payload,
            request_id: text(&parts.headers, "x-amzn-requestid"),
            status: parts.status.as_u16(),
        }),
        status => Err(refusal(status, &parts.headers, &payload)),
    }
}

/// An answer of the Invoke API itself, other than success.
fn refusal(status: StatusCode, headers: &HeaderMap, payload: &[u8]) -> FunctionError {
    let document = serde_json::from_slice::<ExceptionDocument>(payload).unwrap_or_default();
    let exception = text(headers, "x-amzn-errortype").or(document.exception);
    // The name may be followed by the address of a description.
    let exception = exception.as_deref().and_then(|text| text.split(':').next());
    let exception = exception.unwrap_or("no exception named");
    let message = document.message.unwrap_or_default();
    let reason = format!(
        "Lambda answered {}: {exception}: {message}",
        status.as_u16()
    );
    let reason = reason.chars().take(REASON_CHARACTERS).collect();
    match status {
        StatusCode::TOO_MANY_REQUESTS => FunctionError::Throttled { reason },
        StatusCode::PAYLOAD_TOO_LARGE => FunctionError::RequestTooLarge,
        status => FunctionError::Unavailable {
            reason,
            status: Some(status.as_u16()),
        },
    }
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    let value = headers.get(name)?.to_str().ok()?;
    Some(value.to_owned())
}

#[cfg(test)]
mod tests;
