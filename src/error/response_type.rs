//! Amazon's gateway response types: the one table of names, statuses and texts.
//!
//! Source: "Gateway response types for API Gateway" (developer guide), texts as captured from the service.

use http::StatusCode;

macro_rules! response_types {
    ($($(#[$doc:meta])* $variant:ident, $name:literal, $status:ident, $message:literal;)*) => {
        /// Why the gateway itself answers, by Amazon's name.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum ResponseType {
            $($(#[$doc])* $variant,)*
        }

        impl ResponseType {
            /// Every type, in Amazon's order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The name in `$context.error.responseType`.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The status, unless the place of failure has its own.
            pub fn default_status(self) -> StatusCode {
                match self { $(Self::$variant => StatusCode::$status,)* }
            }

            /// The text, unless the place of failure has its own.
            pub fn default_message(self) -> &'static str {
                match self { $(Self::$variant => $message,)* }
            }
        }
    };
}

response_types! {
    /// A policy or an authorizer says no.
    AccessDenied, "ACCESS_DENIED", FORBIDDEN, "Forbidden";
    /// The API is set up in a way that cannot work.
    ApiConfigurationError, "API_CONFIGURATION_ERROR", INTERNAL_SERVER_ERROR, "Internal server error";
    /// The authorizer gave an answer that cannot be understood.
    AuthorizerConfigurationError, "AUTHORIZER_CONFIGURATION_ERROR", INTERNAL_SERVER_ERROR, "Internal server error";
    /// The authorizer failed.
    AuthorizerFailure, "AUTHORIZER_FAILURE", INTERNAL_SERVER_ERROR, "Internal server error";
    /// A required parameter is missing.
    BadRequestParameters, "BAD_REQUEST_PARAMETERS", BAD_REQUEST, "Bad Request";
    /// The body does not fit its model.
    BadRequestBody, "BAD_REQUEST_BODY", BAD_REQUEST, "Invalid request body";
    /// A session token has expired.
    ExpiredToken, "EXPIRED_TOKEN", FORBIDDEN, "The security token included in the request is expired";
    /// The backend cannot be reached or makes no sense.
    IntegrationFailure, "INTEGRATION_FAILURE", GATEWAY_TIMEOUT, "Internal server error";
    /// The backend took too long.
    IntegrationTimeout, "INTEGRATION_TIMEOUT", GATEWAY_TIMEOUT, "Endpoint request timed out";
    /// The API key is missing or unknown.
    InvalidApiKey, "INVALID_API_KEY", FORBIDDEN, "Forbidden";
    /// The signature is wrong.
    InvalidSignature, "INVALID_SIGNATURE", FORBIDDEN, "Forbidden";
    /// No signature where one is needed.
    MissingAuthenticationToken, "MISSING_AUTHENTICATION_TOKEN", FORBIDDEN, "Missing Authentication Token";
    /// A usage plan's quota is spent.
    QuotaExceeded, "QUOTA_EXCEEDED", TOO_MANY_REQUESTS, "Limit Exceeded";
    /// The payload is too large.
    RequestTooLarge, "REQUEST_TOO_LARGE", PAYLOAD_TOO_LARGE, "Request Entity Too Large";
    /// No route for this event.
    ResourceNotFound, "RESOURCE_NOT_FOUND", NOT_FOUND, "Forbidden";
    /// Too many requests.
    Throttled, "THROTTLED", TOO_MANY_REQUESTS, "Too Many Requests";
    /// The caller has not said who it is.
    Unauthorized, "UNAUTHORIZED", UNAUTHORIZED, "Unauthorized";
    /// No template for this content type.
    UnsupportedMediaType, "UNSUPPORTED_MEDIA_TYPE", UNSUPPORTED_MEDIA_TYPE, "Unsupported Media Type";
    /// A web application firewall says no.
    WafFiltered, "WAF_FILTERED", FORBIDDEN, "Forbidden";
    /// Any other failure on the client's side.
    Default4xx, "DEFAULT_4XX", BAD_REQUEST, "Bad Request";
    /// Any other failure on the gateway's or the backend's side.
    Default5xx, "DEFAULT_5XX", INTERNAL_SERVER_ERROR, "Internal server error";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_amazons() {
        assert_eq!(ResponseType::ALL.len(), 21);
        assert!(
            ResponseType::ALL
                .iter()
                .all(|kind| kind.default_status().as_u16() >= 400)
        );
    }
}
