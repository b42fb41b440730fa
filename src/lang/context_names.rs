//! The one table of `$context` names, and on which kind of API and where each may be written.
//!
//! Values are not here: a [`crate::lang::scope::Scope`] gives them under `context.NAME`.
//!
//! Sources: API Gateway Developer Guide, "WebSocket API mapping template reference", "Monitoring WebSocket API execution with
//! CloudWatch metrics and logging", and "Customize HTTP API access logs".

use crate::lang::syntax::nearest;

/// The kinds of API, as `protocolType` names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// `WEBSOCKET`
    WebSocket,
    /// `HTTP`
    Http,
}

impl Protocol {
    /// The kind in a sentence.
    fn apis(self) -> &'static str {
        match self {
            Self::WebSocket => "WebSocket APIs",
            Self::Http => "HTTP APIs",
        }
    }

    fn reach(self, (_, websocket, http): &(&str, Option<Reach>, Option<Reach>)) -> Option<Reach> {
        match self {
            Self::WebSocket => *websocket,
            Self::Http => *http,
        }
    }
}

/// Where a name may be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// In access logs, expressions, parameter mappings and templates.
    Everywhere,
    /// In access logs only.
    AccessLog,
}

/// Every name of the closed set, without `context.`, with its reach on WebSocket APIs and on HTTP APIs; `None` where an API
/// has no such variable. What an authorizer adds under `authorizer.` is open.
///
/// Ours: the names of API keys are there on HTTP APIs too, as those have keys here; and `xrayTraceId`, which in AWS only REST
/// APIs have, is in every access log, because a trace is hard to find without it.
#[rustfmt::skip]
const NAMES: &[(&str, Option<Reach>, Option<Reach>)] = &[
    ("accountId", NOWHERE, EVERYWHERE),
    ("apiId", EVERYWHERE, EVERYWHERE),
    ("authenticate.error", LOGS, NOWHERE),
    ("authenticate.latency", LOGS, NOWHERE),
    ("authenticate.status", LOGS, NOWHERE),
    ("authorize.error", LOGS, NOWHERE),
    ("authorize.latency", LOGS, NOWHERE),
    ("authorize.status", LOGS, NOWHERE),
    ("authorizer.claims", NOWHERE, LOGS),
    ("authorizer.error", LOGS, LOGS),
    ("authorizer.integrationLatency", LOGS, NOWHERE),
    ("authorizer.integrationStatus", LOGS, NOWHERE),
    ("authorizer.latency", LOGS, NOWHERE),
    ("authorizer.principalId", EVERYWHERE, EVERYWHERE),
    ("authorizer.requestId", LOGS, NOWHERE),
    ("authorizer.status", LOGS, NOWHERE),
    ("awsEndpointRequestId", LOGS, LOGS),
    ("awsEndpointRequestId2", NOWHERE, LOGS),
    ("connectedAt", EVERYWHERE, NOWHERE),
    ("connectionId", EVERYWHERE, NOWHERE),
    ("customDomain.basePathMatched", NOWHERE, EVERYWHERE),
    ("dataProcessed", NOWHERE, LOGS),
    ("domainName", EVERYWHERE, EVERYWHERE),
    ("domainPrefix", NOWHERE, EVERYWHERE),
    ("error.message", LOGS, LOGS),
    ("error.messageString", EVERYWHERE, LOGS),
    ("error.responseType", LOGS, LOGS),
    ("error.validationErrorString", EVERYWHERE, NOWHERE),
    ("eventType", EVERYWHERE, NOWHERE),
    ("extendedRequestId", EVERYWHERE, EVERYWHERE),
    ("httpMethod", NOWHERE, EVERYWHERE),
    ("identity.accountId", EVERYWHERE, EVERYWHERE),
    ("identity.apiKey", EVERYWHERE, EVERYWHERE),
    ("identity.apiKeyId", EVERYWHERE, EVERYWHERE),
    ("identity.caller", EVERYWHERE, EVERYWHERE),
    ("identity.clientCert.clientCertPem", NOWHERE, EVERYWHERE),
    ("identity.clientCert.issuerDN", NOWHERE, EVERYWHERE),
    ("identity.clientCert.serialNumber", NOWHERE, EVERYWHERE),
    ("identity.clientCert.subjectDN", NOWHERE, EVERYWHERE),
    ("identity.clientCert.validity.notAfter", NOWHERE, EVERYWHERE),
    ("identity.clientCert.validity.notBefore", NOWHERE, EVERYWHERE),
    ("identity.cognitoAuthenticationProvider", EVERYWHERE, EVERYWHERE),
    ("identity.cognitoAuthenticationType", EVERYWHERE, EVERYWHERE),
    ("identity.cognitoIdentityId", EVERYWHERE, EVERYWHERE),
    ("identity.cognitoIdentityPoolId", EVERYWHERE, EVERYWHERE),
    ("identity.principalOrgId", LOGS, EVERYWHERE),
    ("identity.sourceIp", EVERYWHERE, EVERYWHERE),
    ("identity.user", EVERYWHERE, EVERYWHERE),
    ("identity.userAgent", EVERYWHERE, EVERYWHERE),
    ("identity.userArn", EVERYWHERE, EVERYWHERE),
    ("integration.error", LOGS, LOGS),
    ("integration.integrationStatus", LOGS, LOGS),
    ("integration.latency", LOGS, LOGS),
    ("integration.requestId", LOGS, LOGS),
    ("integration.status", LOGS, LOGS),
    ("integrationErrorMessage", LOGS, LOGS),
    ("integrationLatency", LOGS, LOGS),
    ("integrationStatus", LOGS, LOGS),
    ("messageId", EVERYWHERE, NOWHERE),
    ("path", NOWHERE, EVERYWHERE),
    ("protocol", NOWHERE, EVERYWHERE),
    ("requestId", EVERYWHERE, EVERYWHERE),
    ("requestTime", EVERYWHERE, EVERYWHERE),
    ("requestTimeEpoch", EVERYWHERE, EVERYWHERE),
    ("responseLatency", NOWHERE, LOGS),
    ("responseLength", NOWHERE, LOGS),
    ("routeKey", EVERYWHERE, EVERYWHERE),
    ("stage", EVERYWHERE, EVERYWHERE),
    ("status", EVERYWHERE, LOGS),
    ("waf.error", LOGS, NOWHERE),
    ("waf.latency", LOGS, NOWHERE),
    ("waf.status", LOGS, NOWHERE),
    ("xrayTraceId", LOGS, LOGS),
];

const EVERYWHERE: Option<Reach> = Some(Reach::Everywhere);
const LOGS: Option<Reach> = Some(Reach::AccessLog);
const NOWHERE: Option<Reach> = None;

/// The names of one kind of API that may be written at `place`, sorted; without `context.`.
pub fn names(protocol: Protocol, place: Reach) -> impl Iterator<Item = &'static str> {
    let reaching = NAMES.iter().filter(move |entry| {
        let reach = protocol.reach(entry);
        reach == EVERYWHERE || (reach == LOGS && place == Reach::AccessLog)
    });
    reaching.map(|(name, _, _)| *name)
}

/// A name that may not be written where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// What is wrong, lower case, without a full stop.
    pub problem: String,
    /// How to fix it, lower case, without a full stop.
    pub remedy: String,
}

/// Accepts `name` (without `context.`) when an API of this kind has it at `place`, or a property that an authorizer may set.
///
/// # Errors
/// An unknown name, with the nearest known one; a name of the other kind of API; a name that exists in access logs only,
/// elsewhere.
pub fn check(name: &str, protocol: Protocol, place: Reach) -> Result<(), Refused> {
    if names(protocol, place).any(|known| known == name) || is_authorizer_property(name) {
        return Ok(());
    }
    match NAMES.iter().find(|(known, _, _)| *known == name) {
        Some(entry) if protocol.reach(entry).is_some() => Err(Refused {
            problem: format!("context.{name} exists in access logs only"),
            remedy: "use it in accessLogSettings.format, or another variable here".to_owned(),
        }),
        Some(_) => {
            let other = match protocol {
                Protocol::WebSocket => Protocol::Http,
                Protocol::Http => Protocol::WebSocket,
            };
            Err(Refused {
                problem: format!("context.{name} exists on {} only", other.apis()),
                remedy: format!("use a variable of {}", protocol.apis()),
            })
        }
        None => Err(unknown(name, protocol, place)),
    }
}

/// AWS: an authorizer's context has keys of its own choosing ("Output from an Amazon API Gateway Lambda authorizer").
fn is_authorizer_property(name: &str) -> bool {
    name.strip_prefix("authorizer.").is_some_and(|property| {
        !property.is_empty()
            && property
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
    })
}

fn unknown(name: &str, protocol: Protocol, place: Reach) -> Refused {
    let shown: String = name.chars().take(64).collect();
    let examples = match protocol {
        Protocol::WebSocket => "context.requestId, context.connectionId or context.routeKey",
        Protocol::Http => "context.requestId, context.httpMethod or context.routeKey",
    };
    Refused {
        problem: format!("there is no variable context.{shown}"),
        remedy: match nearest(name, names(protocol, place)) {
            Some(near) => format!("write context.{near}"),
            None => format!("write one such as {examples}"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_without_duplicates() {
        assert!(NAMES.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }

    #[test]
    fn names_by_kind_of_api_and_place() {
        fn check_name(name: &str, protocol: Protocol, place: Reach, expected: &str) {
            let outcome = match check(name, protocol, place) {
                Ok(()) => "ok".to_owned(),
                Err(refused) => refused.remedy,
            };
            assert_eq!(outcome, expected, "{name} {protocol:?} {place:?}");
        }
        use Protocol::{Http, WebSocket};
        use Reach::{AccessLog, Everywhere};
        let only_logs = "use it in accessLogSettings.format, or another variable here";
        check_name("connectionId", WebSocket, Everywhere, "ok");
        check_name("connectionId", WebSocket, AccessLog, "ok");
        check_name(
            "connectionId",
            Http,
            AccessLog,
            "use a variable of HTTP APIs",
        );
        check_name("httpMethod", Http, Everywhere, "ok");
        check_name(
            "httpMethod",
            WebSocket,
            AccessLog,
            "use a variable of WebSocket APIs",
        );
        check_name("integration.error", WebSocket, AccessLog, "ok");
        check_name("integration.error", WebSocket, Everywhere, only_logs);
        check_name("integration.error", Http, Everywhere, only_logs);
        check_name("status", WebSocket, Everywhere, "ok");
        check_name("status", Http, Everywhere, only_logs);
        check_name("authorizer.tenant", WebSocket, Everywhere, "ok");
        check_name("authorizer.a-b_c.d", WebSocket, AccessLog, "ok");
        check_name("authorizer.usageIdentifierKey", WebSocket, Everywhere, "ok");
        check_name("authorizer.claims.sub", Http, Everywhere, "ok");
        check_name("authorizer.latency", Http, Everywhere, "ok");
        check_name(
            "conectionId",
            WebSocket,
            Everywhere,
            "write context.connectionId",
        );
        check_name(
            "identity.sourceIP",
            Http,
            Everywhere,
            "write context.identity.sourceIp",
        );
        check_name(
            "integrationLatancy",
            WebSocket,
            AccessLog,
            "write context.integrationLatency",
        );
        check_name("httpMetod", Http, AccessLog, "write context.httpMethod");
        let any = "write one such as context.requestId, context.connectionId or context.routeKey";
        check_name("", WebSocket, Everywhere, any);
        check_name("zzz", WebSocket, Everywhere, any);
        let any = "write one such as context.requestId, context.httpMethod or context.routeKey";
        check_name("zzz", Http, AccessLog, any);
        for protocol in [WebSocket, Http] {
            assert!(check("authorizer.", protocol, Everywhere).is_err());
            assert!(check("authorizer.a b", protocol, Everywhere).is_err());
            assert!(check("identity", protocol, AccessLog).is_err());
        }
    }

    #[test]
    fn a_name_of_the_other_kind_is_told_so() {
        let refused = check("messageId", Protocol::Http, Reach::AccessLog).unwrap_err();
        assert_eq!(
            refused.problem,
            "context.messageId exists on WebSocket APIs only"
        );
        let refused = check("path", Protocol::WebSocket, Reach::AccessLog).unwrap_err();
        assert_eq!(refused.problem, "context.path exists on HTTP APIs only");
        assert_eq!(names(Protocol::Http, Reach::AccessLog).count(), 54);
    }
}
