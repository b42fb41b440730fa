//! OpenAPI 3.0 documents of HTTP APIs: a document becomes an API in the form of a definition, and an API becomes a document.
//!
//! Source: developer guide, "Working with OpenAPI definitions for HTTP APIs" and "OpenAPI extensions for API Gateway". Both ways are
//! pure: [`read`] takes a text, [`write()`] gives a value, and neither knows a store, a stage or a plan. What an API may contain is for
//! the tables of [`crate::definition`] and for [`crate::plan::compile`] to say; [`Imported::locate`] finds where in the document that stands
//! which they speak of.
//!
//! Nothing in a document is taken and ignored in silence. What HTTP APIs have no use for is told as info, what they leave out as a
//! warning, and what cannot be left out without changing who may call what is an error.

mod findings;
mod members;
mod places;
mod pointer;
mod read;
mod write;
mod yaml;

pub use findings::Rendered;
pub use pointer::Pointer;
pub use read::{BasePath, Imported, Reading, read};
pub use write::{Server, Writing, write};
pub use yaml::to_yaml;

/// The one version of Amazon's form that there is.
pub const FORM_VERSION: &str = "1.0";

/// What Amazon's extensions begin with.
const AMAZON: &str = "x-amazon-apigateway-";
const ANY_METHOD: &str = "x-amazon-apigateway-any-method";
const AUTH: &str = "x-amazon-apigateway-auth";
const AUTHORIZER: &str = "x-amazon-apigateway-authorizer";
const AUTH_TYPE: &str = "x-amazon-apigateway-authtype";
const CORS: &str = "x-amazon-apigateway-cors";
const ENDPOINT: &str = "x-amazon-apigateway-endpoint-configuration";
const FORM: &str = "x-amazon-apigateway-importexport-version";
const INTEGRATION: &str = "x-amazon-apigateway-integration";
const INTEGRATIONS: &str = "x-amazon-apigateway-integrations";
const TAG_VALUE: &str = "x-amazon-apigateway-tag-value";
/// Where members stand that Amazon does not have.
const OURS: &str = "x-tidegate";
/// The key, and so the path, of the route that takes what no other takes.
const DEFAULT: &str = "$default";

/// Operations of a path item, with the methods of route keys; in the order in which they are written.
const METHODS: [(&str, &str); 9] = [
    ("get", "GET"),
    ("put", "PUT"),
    ("post", "POST"),
    ("delete", "DELETE"),
    ("options", "OPTIONS"),
    ("head", "HEAD"),
    ("patch", "PATCH"),
    ("trace", "TRACE"),
    (ANY_METHOD, "ANY"),
];

#[cfg(test)]
mod tests;
