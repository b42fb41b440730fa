//! Names of members in documents and in resources: two tables, read in both directions.

/// How a member is written in a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// As in the resource.
    Same,
    /// A word of upper case in the resource; case does not matter in a document.
    Word,
    /// A text that may stand there as a number, e.g. `1.0`.
    Version,
    /// A map whose values are texts, at any depth.
    Texts,
    /// A list in the resource, one text with commas in a document.
    Commas,
}

/// One member: its name in a document, its name in the resource, and its form.
pub(super) type Member = (&'static str, &'static str, Form);

/// Members of `x-amazon-apigateway-integration`, in the order in which they are written.
pub(super) static INTEGRATION: &[Member] = &[
    (
        "payloadFormatVersion",
        "payloadFormatVersion",
        Form::Version,
    ),
    ("type", "integrationType", Form::Word),
    ("integrationSubtype", "integrationSubtype", Form::Same),
    ("httpMethod", "integrationMethod", Form::Word),
    ("uri", "integrationUri", Form::Same),
    ("connectionType", "connectionType", Form::Word),
    ("connectionId", "connectionId", Form::Same),
    ("credentials", "credentialsArn", Form::Same),
    ("description", "description", Form::Same),
    ("requestParameters", "requestParameters", Form::Texts),
    ("responseParameters", "responseParameters", Form::Texts),
    ("timeoutInMillis", "timeoutInMillis", Form::Same),
    ("tlsConfig", "tlsConfig", Form::Same),
    (super::OURS, "tidegate", Form::Same),
];

/// Members of `x-amazon-apigateway-authorizer`, in the order in which they are written.
pub(super) static AUTHORIZER: &[Member] = &[
    ("type", "authorizerType", Form::Word),
    ("identitySource", "identitySource", Form::Commas),
    ("jwtConfiguration", "jwtConfiguration", Form::Same),
    ("authorizerUri", "authorizerUri", Form::Same),
    (
        "authorizerPayloadFormatVersion",
        "authorizerPayloadFormatVersion",
        Form::Version,
    ),
    ("enableSimpleResponses", "enableSimpleResponses", Form::Same),
    (
        "authorizerResultTtlInSeconds",
        "authorizerResultTtlInSeconds",
        Form::Same,
    ),
    (
        "authorizerCredentials",
        "authorizerCredentialsArn",
        Form::Same,
    ),
    (
        "identityValidationExpression",
        "identityValidationExpression",
        Form::Same,
    ),
    (super::OURS, "tidegate", Form::Same),
];

/// Members of integrations that only REST APIs have.
pub(super) const OF_REST: [&str; 6] = [
    "cacheKeyParameters",
    "cacheNamespace",
    "contentHandling",
    "passthroughBehavior",
    "requestTemplates",
    "responses",
];

/// Members of operations that routes have under other names; for messages only.
pub(super) static ROUTE: &[Member] = &[
    ("operationId", "operationName", Form::Same),
    ("security", "authorizationScopes", Form::Same),
    ("security", "authorizationType", Form::Same),
    ("security", "authorizerId", Form::Same),
    (super::INTEGRATION, "target", Form::Same),
];
