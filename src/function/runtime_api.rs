//! The Lambda Runtime API, version 2018-06-01, for one process.
//!
//! AWS: "Using the Lambda runtime API for custom runtimes". Each process has a listener of its own on a free loopback port,
//! for `AWS_LAMBDA_RUNTIME_API` is host and port without a path: the port tells who is calling. Whoever may connect to
//! loopback could call it too, so other users of the machine are trusted as far as the functions are.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tracing::debug;

use super::desk::{Desk, Event, Refused};
use super::error::FunctionError;
use crate::base::body::{self, BodyError, Collected};
use crate::base::clock::Clock;
use crate::base::quotas::LAMBDA_PAYLOAD_BYTES;
use crate::base::tasks::{Shutdown, Tasks};

/// Connections that one process may hold; official clients use one or two.
const CONNECTIONS: usize = 16;
/// Largest request head; the official Python client sends up to 1 MiB of stack trace in a header.
const HEAD_BYTES: usize = 2 * 1024 * 1024;
/// What is read and thrown away of a body over the limit, so that its sender hears the 413 and not a reset.
const DRAINED_BYTES: usize = 64 * 1024 * 1024;
/// Pause after a failed accept: the reason, such as no free descriptor, does not go away at once.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

const RUNTIME: &str = "/2018-06-01/runtime/";
const ERROR_TYPE: &str = "lambda-runtime-function-error-type";
const ERROR_BODY: &str = "lambda-runtime-function-error-body";

/// Everything that answering one process takes.
pub(super) struct RuntimeApi {
    pub(super) desk: Arc<Desk>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) function_arn: HeaderValue,
    /// The function's own timeout, which the deadline told to the function follows from.
    pub(super) timeout: Duration,
}

/// A refusal in the shape that the runtime API gives it.
struct ApiError {
    status: StatusCode,
    error_type: &'static str,
    message: String,
}

type Reply = Result<Response<Full<Bytes>>, ApiError>;

impl RuntimeApi {
    /// Serves the process until `stop`; its connections end with it.
    pub(super) async fn serve(
        self: Arc<Self>,
        listener: TcpListener,
        tasks: Tasks,
        stop: Shutdown,
    ) {
        let places = Arc::new(Semaphore::new(CONNECTIONS));
        loop {
            let accepted = tokio::select! {
                accepted = accept(&listener, &places) => accepted,
                () = stop.wait() => return,
            };
            match accepted {
                Ok((stream, place)) => {
                    let (api, stop) = (self.clone(), stop.clone());
                    tasks.spawn("function runtime api", async move {
                        tokio::select! {
                            () = api.converse(stream) => {}
                            () = stop.wait() => {}
                        }
                        drop(place);
                    });
                }
                Err(error) => {
                    debug!(%error, "a function's connection could not be accepted");
                    let pause = self.clock.now().after(ACCEPT_PAUSE);
                    self.clock.sleep_until(pause).await;
                }
            }
        }
    }

    async fn converse(self: Arc<Self>, stream: TcpStream) {
        // Small answers must not wait for acknowledgements of earlier ones.
        stream.set_nodelay(true).ok();
        let service = service_fn(|request| {
            let api = self.clone();
            async move { Ok::<_, Infallible>(api.answer(request).await) }
        });
        let connection = http1::Builder::new()
            // The process may be silent for as long as it likes: it shares this listener with nobody.
            .header_read_timeout(None)
            .max_buf_size(HEAD_BYTES)
            .serve_connection(TokioIo::new(stream), service);
        if let Err(error) = connection.await {
            debug!(%error, "a function's connection broke");
        }
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        self.dispatch(request).await.unwrap_or_else(|error| {
            debug!(status = %error.status, message = error.message, "a function's call was refused");
            let document = serde_json::json!({
                "errorMessage": error.message,
                "errorType": error.error_type,
            });
            json(error.status, document.to_string())
        })
    }

    async fn dispatch(&self, request: Request<Incoming>) -> Reply {
        let path = request.uri().path().to_owned();
        let Some(call) = path.strip_prefix(RUNTIME) else {
            return Err(ApiError::not_found());
        };
        let invocation = call
            .strip_prefix("invocation/")
            .and_then(|rest| rest.split_once('/'));
        match (request.method(), call, invocation) {
            (&Method::GET, "invocation/next", _) => self.next().await,
            (&Method::POST, "init/error", _) => self.init_error(request).await,
            (&Method::POST, _, Some((id, "response"))) => self.response(id, request).await,
            (&Method::POST, _, Some((id, "error"))) => self.error(id, request).await,
            (_, "invocation/next" | "init/error", _) | (_, _, Some((_, "response" | "error"))) => {
                Err(ApiError::method_not_allowed())
            }
            _ => Err(ApiError::not_found()),
        }
    }

    async fn next(&self) -> Reply {
        let event = self.desk.next().await?;
        let mut response = json(StatusCode::OK, event.payload.clone());
        self.describe(&event, response.headers_mut());
        Ok(response)
    }

    /// The headers that tell a runtime about its event.
    fn describe(&self, event: &Event, headers: &mut HeaderMap) {
        let timeout = u64::try_from(self.timeout.as_millis()).unwrap_or(u64::MAX);
        let deadline = self.clock.wall().0.saturating_add(timeout);
        headers.insert("lambda-runtime-deadline-ms", HeaderValue::from(deadline));
        headers.insert(
            "lambda-runtime-invoked-function-arn",
            self.function_arn.clone(),
        );
        let optional = [
            ("lambda-runtime-aws-request-id", Some(event.id.as_str())),
            ("lambda-runtime-trace-id", event.trace_id.as_deref()),
        ];
        for (name, value) in optional {
            // A trace id comes from a client: one that is not a header value is left out.
            if let Some(Ok(value)) = value.map(HeaderValue::from_str) {
                headers.insert(name, value);
            }
        }
    }

    /// The handler's answer. A streamed one is collected; trailers may still turn it into a failure.
    async fn response(&self, id: &str, request: Request<Incoming>) -> Reply {
        self.desk.expects(id)?;
        let (result, reply) = match read(request.into_body()).await {
            Ok(collected) => match failure_in_trailers(&collected.trailers) {
                Some(failure) => (Err(failure), Ok(accepted())),
                None => (Ok(collected.bytes), Ok(accepted())),
            },
            Err((failure, refusal)) => (Err(failure), Err(refusal)),
        };
        self.desk.settle(id, result)?;
        reply
    }

    /// The handler failed.
    async fn error(&self, id: &str, request: Request<Incoming>) -> Reply {
        self.desk.expects(id)?;
        let (failure, reply) = reported_failure(request).await;
        self.desk.settle(id, Err(failure))?;
        reply
    }

    /// The runtime cannot start, for example because the handler's module cannot be loaded.
    async fn init_error(&self, request: Request<Incoming>) -> Reply {
        let (failure, reply) = reported_failure(request).await;
        self.desk.refuse_to_start(failure)?;
        reply
    }
}

/// Reads what a process posts. A body that cannot be taken is a failure of the function and a refusal of the call.
async fn read(body: Incoming) -> Result<Collected, (FunctionError, ApiError)> {
    match body::collect_or_drain(body, LAMBDA_PAYLOAD_BYTES, DRAINED_BYTES).await {
        Ok(collected) => Ok(collected),
        Err(BodyError::TooLarge { limit }) => {
            Err((FunctionError::ResponseTooLarge, ApiError::too_large(limit)))
        }
        Err(BodyError::Broken(reason)) => Err((
            FunctionError::failed("Runtime.TruncatedResponse", reason.clone()),
            ApiError::bad_request("InvalidRequest", reason),
        )),
    }
}

async fn reported_failure(request: Request<Incoming>) -> (FunctionError, Reply) {
    let (parts, body) = request.into_parts();
    match read(body).await {
        Ok(collected) => {
            let fallback = text(&parts.headers, ERROR_TYPE);
            let failure = FunctionError::from_document(collected.bytes, fallback);
            (failure, Ok(accepted()))
        }
        Err((failure, refusal)) => (failure, Err(refusal)),
    }
}

/// Waits for a free place, then for a connection.
async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> std::io::Result<(TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    let place = places
        .clone()
        .acquire_owned()
        .await
        .map_err(std::io::Error::other)?;
    let (stream, _) = listener.accept().await?;
    Ok((stream, place))
}

/// A failure in the middle of a streamed answer: its type, and its document in base64.
fn failure_in_trailers(trailers: &HeaderMap) -> Option<FunctionError> {
    let error_type = text(trailers, ERROR_TYPE)?;
    let document = text(trailers, ERROR_BODY)
        .and_then(|encoded| STANDARD.decode(encoded).ok())
        .unwrap_or_default();
    let document = Bytes::from(document);
    Some(FunctionError::from_document(document, Some(error_type)))
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn accepted() -> Response<Full<Bytes>> {
    json(StatusCode::ACCEPTED, "{\"status\":\"OK\"}\n")
}

fn json(status: StatusCode, document: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(document.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    response
}

impl ApiError {
    fn bad_request(error_type: &'static str, message: impl Into<String>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            error_type,
            message: message.into(),
        }
    }

    fn not_found() -> Self {
        Self {
            status: StatusCode::NOT_FOUND,
            error_type: "NotFound",
            message: "no such path in version 2018-06-01 of the runtime API".to_owned(),
        }
    }

    fn method_not_allowed() -> Self {
        Self {
            status: StatusCode::METHOD_NOT_ALLOWED,
            error_type: "MethodNotAllowed",
            message: "this path has another method".to_owned(),
        }
    }

    fn too_large(limit: usize) -> Self {
        Self {
            status: StatusCode::PAYLOAD_TOO_LARGE,
            error_type: "RequestEntityTooLarge",
            message: format!("exceeded maximum allowed payload size ({limit} bytes)"),
        }
    }
}

impl From<Refused> for ApiError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::WrongState => Self {
                status: StatusCode::FORBIDDEN,
                error_type: "InvalidStateTransition",
                message: "the process is not in a state for this call".to_owned(),
            },
            Refused::WrongId => Self::bad_request("InvalidRequestID", "invalid request id"),
        }
    }
}
