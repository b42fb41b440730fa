//! AWS service integrations (`integrationSubtype`): which calls there are, what each takes, and where it goes.
//!
//! Source: developer guide, "Integration subtype reference"; names on the wire are from the services' own models. How a call
//! is written is in `integration::service`.

use serde_json::{Number, Value};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use url::Url;

use crate::lang::http_mapping::MappingValue;

/// A call of a service, with where its parameters come from.
#[derive(Debug)]
pub struct ServiceTarget {
    /// Which call.
    pub action: &'static Action,
    /// `server.awsEndpoint`: called in place of the region's endpoint.
    pub endpoint: Option<Url>,
    /// `Region`, or that of the gateway.
    pub region: MappingValue,
    /// The other parameters that are set.
    pub arguments: Vec<Argument>,
}

/// A parameter with where its value comes from.
#[derive(Debug)]
pub struct Argument {
    /// Which one.
    pub parameter: &'static Parameter,
    /// Its value.
    pub value: MappingValue,
}

/// One value of `integrationSubtype`.
#[derive(Debug, PartialEq, Eq)]
pub struct Action {
    /// Its name.
    pub subtype: &'static str,
    /// The service's name in the scope of signatures.
    pub signing_name: &'static str,
    /// First label of the host name of a region's endpoint.
    pub host: &'static str,
    /// How the call is written.
    pub form: Form,
    /// What it takes, [`REGION`] aside.
    pub parameters: &'static [Parameter],
}

/// How a call is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `POST /` with a JSON object.
    Json {
        /// Of the protocol: `1.0` or `1.1`.
        version: &'static str,
        /// `X-Amz-Target`.
        target: &'static str,
        /// Where in the object the parameters are.
        members: Members,
    },
    /// AppConfig's `GET /applications/{Application}/environments/{Environment}/configurations/{Configuration}`.
    Configuration,
}

/// Where in a JSON object the parameters are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Members {
    /// They are its members.
    Named,
    /// They are its members, and their names begin with a small letter.
    Lowercase,
    /// They are members of the only object in the list `Entries`.
    Entry,
}

/// A parameter of a call.
#[derive(Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Its name in `requestParameters`.
    pub name: &'static str,
    /// Whether there is no call without it.
    pub required: bool,
    /// What its value is.
    pub kind: Kind,
}

/// What the value of a parameter is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Text.
    Text,
    /// Text that is JSON.
    Document,
    /// Bytes, sent as base64.
    Blob,
    /// A whole number.
    Integer,
    /// A list of texts: as JSON, or separated by commas.
    List,
    /// A JSON object.
    Map,
    /// A moment: RFC 3339, or since 1970, in seconds or milliseconds. `$context.requestTimeEpoch` is the latter.
    Time,
}

/// The parameter that every call takes: in which region the service is called.
pub const REGION: &str = "Region";

/// From here on a number is milliseconds since 1970: as seconds it would be in the year 5138.
const MILLISECONDS: f64 = 1e11;

const fn required(name: &'static str, kind: Kind) -> Parameter {
    Parameter {
        name,
        required: true,
        kind,
    }
}

const fn optional(name: &'static str, kind: Kind) -> Parameter {
    Parameter {
        name,
        required: false,
        kind,
    }
}

const fn sqs(
    subtype: &'static str,
    target: &'static str,
    parameters: &'static [Parameter],
) -> Action {
    Action {
        subtype,
        signing_name: "sqs",
        host: "sqs",
        form: Form::Json {
            version: "1.0",
            target,
            members: Members::Named,
        },
        parameters,
    }
}

const fn states(
    subtype: &'static str,
    host: &'static str,
    target: &'static str,
    parameters: &'static [Parameter],
) -> Action {
    Action {
        subtype,
        signing_name: "states",
        host,
        form: Form::Json {
            version: "1.0",
            target,
            members: Members::Lowercase,
        },
        parameters,
    }
}

/// Every subtype.
pub static ACTIONS: [Action; 10] = [
    Action {
        subtype: "EventBridge-PutEvents",
        signing_name: "events",
        host: "events",
        form: Form::Json {
            version: "1.1",
            target: "AWSEvents.PutEvents",
            members: Members::Entry,
        },
        parameters: &[
            required("Detail", Kind::Document),
            required("DetailType", Kind::Text),
            required("Source", Kind::Text),
            optional("Time", Kind::Time),
            optional("EventBusName", Kind::Text),
            optional("Resources", Kind::List),
            optional("TraceHeader", Kind::Text),
        ],
    },
    sqs(
        "SQS-SendMessage",
        "AmazonSQS.SendMessage",
        &[
            required("QueueUrl", Kind::Text),
            required("MessageBody", Kind::Text),
            optional("DelaySeconds", Kind::Integer),
            optional("MessageAttributes", Kind::Map),
            optional("MessageDeduplicationId", Kind::Text),
            optional("MessageGroupId", Kind::Text),
            optional("MessageSystemAttributes", Kind::Map),
        ],
    ),
    sqs(
        "SQS-ReceiveMessage",
        "AmazonSQS.ReceiveMessage",
        &[
            required("QueueUrl", Kind::Text),
            optional("AttributeNames", Kind::List),
            optional("MaxNumberOfMessages", Kind::Integer),
            optional("MessageAttributeNames", Kind::List),
            optional("ReceiveRequestAttemptId", Kind::Text),
            optional("VisibilityTimeout", Kind::Integer),
            optional("WaitTimeSeconds", Kind::Integer),
        ],
    ),
    sqs(
        "SQS-DeleteMessage",
        "AmazonSQS.DeleteMessage",
        &[
            required("ReceiptHandle", Kind::Text),
            required("QueueUrl", Kind::Text),
        ],
    ),
    sqs(
        "SQS-PurgeQueue",
        "AmazonSQS.PurgeQueue",
        &[required("QueueUrl", Kind::Text)],
    ),
    Action {
        subtype: "AppConfig-GetConfiguration",
        signing_name: "appconfig",
        host: "appconfig",
        form: Form::Configuration,
        parameters: &[
            required("Application", Kind::Text),
            required("Environment", Kind::Text),
            required("Configuration", Kind::Text),
            required("ClientId", Kind::Text),
            optional("ClientConfigurationVersion", Kind::Text),
        ],
    },
    Action {
        subtype: "Kinesis-PutRecord",
        signing_name: "kinesis",
        host: "kinesis",
        form: Form::Json {
            version: "1.1",
            target: "Kinesis_20131202.PutRecord",
            members: Members::Named,
        },
        parameters: &[
            required("StreamName", Kind::Text),
            required("Data", Kind::Blob),
            required("PartitionKey", Kind::Text),
            optional("SequenceNumberForOrdering", Kind::Text),
            optional("ExplicitHashKey", Kind::Text),
        ],
    },
    states(
        "StepFunctions-StartExecution",
        "states",
        "AWSStepFunctions.StartExecution",
        &[
            required("StateMachineArn", Kind::Text),
            optional("Name", Kind::Text),
            optional("Input", Kind::Document),
        ],
    ),
    states(
        "StepFunctions-StartSyncExecution",
        "sync-states",
        "AWSStepFunctions.StartSyncExecution",
        &[
            required("StateMachineArn", Kind::Text),
            optional("Name", Kind::Text),
            optional("Input", Kind::Document),
            optional("TraceHeader", Kind::Text),
        ],
    ),
    states(
        "StepFunctions-StopExecution",
        "states",
        "AWSStepFunctions.StopExecution",
        &[
            required("ExecutionArn", Kind::Text),
            optional("Cause", Kind::Text),
            optional("Error", Kind::Text),
        ],
    ),
];

impl Action {
    /// The one of this name.
    pub fn named(subtype: &str) -> Option<&'static Self> {
        ACTIONS.iter().find(|action| action.subtype == subtype)
    }

    /// What it takes under this name.
    pub fn parameter(&self, name: &str) -> Option<&'static Parameter> {
        let mut parameters = self.parameters.iter();
        parameters.find(|parameter| parameter.name == name)
    }

    /// The service's own endpoint in a region, see [`is_region`].
    ///
    /// AWS: "AWS service endpoints" (General Reference).
    pub fn endpoint(&self, region: &str) -> Result<Url, url::ParseError> {
        let domain = match region.starts_with("cn-") {
            true => "amazonaws.com.cn",
            false => "amazonaws.com",
        };
        Url::parse(&format!("https://{}.{region}.{domain}", self.host))
    }
}

/// Whether a text can be the name of a region, and so a label of a host name.
pub fn is_region(text: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let bytes = text.as_bytes();
    let ends = [bytes.first(), bytes.last()];
    (1..=32).contains(&bytes.len())
        && bytes.iter().copied().all(letter)
        && !ends.contains(&Some(&b'-'))
}

impl Kind {
    /// The value as a service takes it, `None` when the text is not of this kind.
    pub fn read(self, text: &str) -> Option<Value> {
        match self {
            Self::Text | Self::Document => Some(text.into()),
            Self::Blob => Some(Self::blob(text.as_bytes())),
            Self::Integer => text.parse::<i64>().ok().map(Value::from),
            Self::List => list(text),
            Self::Map => serde_json::from_str(text)
                .ok()
                .filter(|value| matches!(value, Value::Object(_))),
            Self::Time => moment(text),
        }
    }

    /// A blob as a service takes it.
    pub fn blob(bytes: &[u8]) -> Value {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD
            .encode(bytes)
            .into()
    }

    /// What a text of this kind is, for people.
    pub fn description(self) -> &'static str {
        match self {
            Self::Text | Self::Blob => "text",
            Self::Document => "JSON text",
            Self::Integer => "a whole number",
            Self::List => "a list of texts: JSON, or separated by commas",
            Self::Map => "a JSON object",
            Self::Time => "a moment: seconds or milliseconds since 1970, or `2026-03-12T08:15:30Z`",
        }
    }
}

fn list(text: &str) -> Option<Value> {
    if !text.trim_start().starts_with('[') {
        let items = text.split(',').map(str::trim);
        let items: Vec<Value> = items
            .filter(|item| !item.is_empty())
            .map(Value::from)
            .collect();
        return Some(items.into());
    }
    let items: Vec<String> = serde_json::from_str(text).ok()?;
    Some(items.into())
}

/// Seconds since 1970, to the millisecond.
fn moment(text: &str) -> Option<Value> {
    let plain = text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'.');
    let milliseconds = match text.parse::<f64>().ok().filter(|_| plain) {
        Some(number) if number < MILLISECONDS => number * 1000.0,
        Some(number) => number,
        None => {
            let moment = OffsetDateTime::parse(text, &Rfc3339).ok()?;
            (moment.unix_timestamp_nanos() / 1_000_000) as f64
        }
    };
    let milliseconds = milliseconds.round();
    let whole =
        (milliseconds % 1000.0 == 0.0).then(|| Number::from((milliseconds / 1000.0) as i64));
    Some(Value::Number(
        whole.or_else(|| Number::from_f64(milliseconds / 1000.0))?,
    ))
}
#[cfg(test)]
mod tests;
