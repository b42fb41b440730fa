//! Amazon's small languages: text and values in, values out.
//!
//! Every language is parsed once, with precise errors, and evaluated many times against a [`scope::Scope`]. Nothing here
//! knows a runtime, a clock, a log or a socket, and nothing here panics, whatever it is given.

pub mod access_log;
pub mod certificate;
pub mod context_names;
#[cfg(test)]
mod corpora;
pub mod cors;
pub mod duration;
pub mod http_mapping;
pub mod http_path;
pub mod http_route;
pub mod json_schema;
pub mod jsonpath;
pub mod jwt;
pub mod literal_template;
pub mod parameter;
pub mod policy;
pub mod private_uri;
pub mod response_key;
pub mod scope;
pub mod selection;
pub mod sigv4;
pub mod syntax;
pub mod trace;
pub mod uri_template;
