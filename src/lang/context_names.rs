//! The one table of `$context` names of WebSocket APIs, and where each may be written.
//!
//! Values are not here: a [`crate::lang::scope::Scope`] gives them under `context.NAME`.
//!
//! Source: API Gateway Developer Guide, "WebSocket API mapping template reference" and "Monitoring WebSocket API execution
//! with CloudWatch metrics and logging".

use crate::lang::syntax::nearest;

/// Where a name may be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// In access logs, expressions, parameter mappings and templates.
    Everywhere,
    /// In access logs only.
    AccessLog,
}

/// Every name of the closed set, without `context.`; what an authorizer adds under `authorizer.` is open.
pub const NAMES: &[(&str, Reach)] = &[
    ("apiId", Reach::Everywhere),
    ("authenticate.error", Reach::AccessLog),
    ("authenticate.latency", Reach::AccessLog),
    ("authenticate.status", Reach::AccessLog),
    ("authorize.error", Reach::AccessLog),
    ("authorize.latency", Reach::AccessLog),
    ("authorize.status", Reach::AccessLog),
    ("authorizer.error", Reach::AccessLog),
    ("authorizer.integrationLatency", Reach::AccessLog),
    ("authorizer.integrationStatus", Reach::AccessLog),
    ("authorizer.latency", Reach::AccessLog),
    ("authorizer.principalId", Reach::Everywhere),
    ("authorizer.requestId", Reach::AccessLog),
    ("authorizer.status", Reach::AccessLog),
    ("awsEndpointRequestId", Reach::AccessLog),
    ("connectedAt", Reach::Everywhere),
    ("connectionId", Reach::Everywhere),
    ("domainName", Reach::Everywhere),
    ("error.message", Reach::AccessLog),
    ("error.messageString", Reach::Everywhere),
    ("error.responseType", Reach::AccessLog),
    ("error.validationErrorString", Reach::Everywhere),
    ("eventType", Reach::Everywhere),
    ("extendedRequestId", Reach::Everywhere),
    ("identity.accountId", Reach::Everywhere),
    ("identity.apiKey", Reach::Everywhere),
    ("identity.apiKeyId", Reach::Everywhere),
    ("identity.caller", Reach::Everywhere),
    ("identity.cognitoAuthenticationProvider", Reach::Everywhere),
    ("identity.cognitoAuthenticationType", Reach::Everywhere),
    ("identity.cognitoIdentityId", Reach::Everywhere),
    ("identity.cognitoIdentityPoolId", Reach::Everywhere),
    ("identity.principalOrgId", Reach::AccessLog),
    ("identity.sourceIp", Reach::Everywhere),
    ("identity.user", Reach::Everywhere),
    ("identity.userAgent", Reach::Everywhere),
    ("identity.userArn", Reach::Everywhere),
    ("integration.error", Reach::AccessLog),
    ("integration.integrationStatus", Reach::AccessLog),
    ("integration.latency", Reach::AccessLog),
    ("integration.requestId", Reach::AccessLog),
    ("integration.status", Reach::AccessLog),
    ("integrationErrorMessage", Reach::AccessLog),
    ("integrationLatency", Reach::AccessLog),
    ("integrationStatus", Reach::AccessLog),
    ("messageId", Reach::Everywhere),
    ("requestId", Reach::Everywhere),
    ("requestTime", Reach::Everywhere),
    ("requestTimeEpoch", Reach::Everywhere),
    ("routeKey", Reach::Everywhere),
    ("stage", Reach::Everywhere),
    ("status", Reach::Everywhere),
    ("waf.error", Reach::AccessLog),
    ("waf.latency", Reach::AccessLog),
    ("waf.status", Reach::AccessLog),
];

/// A name that may not be written where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// What is wrong, lower case, without a full stop.
    pub problem: String,
    /// How to fix it, lower case, without a full stop.
    pub remedy: String,
}

/// Accepts `name` (without `context.`) when it is known at `place`, or a property that an authorizer may set.
///
/// # Errors
/// An unknown name, with the nearest known one; a name that exists in access logs only, elsewhere.
pub fn check(name: &str, place: Reach) -> Result<(), Refused> {
    match NAMES.iter().find(|(known, _)| *known == name) {
        Some((_, reach)) if *reach == Reach::Everywhere || place == Reach::AccessLog => Ok(()),
        _ if is_authorizer_property(name) => Ok(()),
        Some(_) => Err(Refused {
            problem: format!("context.{name} exists in access logs only"),
            remedy: "use it in accessLogSettings.format, or another variable here".to_owned(),
        }),
        None => Err(unknown(name, place)),
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

fn unknown(name: &str, place: Reach) -> Refused {
    let known = NAMES
        .iter()
        .filter(|(_, reach)| *reach == Reach::Everywhere || place == Reach::AccessLog)
        .map(|(known, _)| *known);
    let shown: String = name.chars().take(64).collect();
    Refused {
        problem: format!("there is no variable context.{shown}"),
        remedy: match nearest(name, known) {
            Some(near) => format!("write context.{near}"),
            None => "write one such as context.requestId, context.connectionId or context.routeKey"
                .to_owned(),
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
    fn names_by_place() {
        fn check_name(name: &str, place: Reach, expected: &str) {
            let outcome = match check(name, place) {
                Ok(()) => "ok".to_owned(),
                Err(refused) => refused.remedy,
            };
            assert_eq!(outcome, expected, "{name} {place:?}");
        }
        let only_logs = "use it in accessLogSettings.format, or another variable here";
        check_name("connectionId", Reach::Everywhere, "ok");
        check_name("connectionId", Reach::AccessLog, "ok");
        check_name("integration.error", Reach::AccessLog, "ok");
        check_name("integration.error", Reach::Everywhere, only_logs);
        check_name("authorizer.tenant", Reach::Everywhere, "ok");
        check_name("authorizer.a-b_c.d", Reach::AccessLog, "ok");
        check_name("authorizer.usageIdentifierKey", Reach::Everywhere, "ok");
        check_name(
            "conectionId",
            Reach::Everywhere,
            "write context.connectionId",
        );
        check_name(
            "identity.sourceIP",
            Reach::Everywhere,
            "write context.identity.sourceIp",
        );
        check_name(
            "integrationLatancy",
            Reach::AccessLog,
            "write context.integrationLatency",
        );
        let any = "write one such as context.requestId, context.connectionId or context.routeKey";
        check_name("", Reach::Everywhere, any);
        check_name("zzz", Reach::Everywhere, any);
        assert!(check("authorizer.", Reach::Everywhere).is_err());
        assert!(check("authorizer.a b", Reach::Everywhere).is_err());
        assert!(check("identity", Reach::AccessLog).is_err());
    }
}
