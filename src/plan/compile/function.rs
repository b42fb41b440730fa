//! Functions that integrations and authorizers name: hosted here, or behind an Invoke API.

use std::collections::BTreeMap;
use std::sync::Arc;

use url::Url;

use super::Compiler;
use super::stage::Binding;
use crate::client::lambda::InvokeTarget;
use crate::lang::scope::Scope;
use crate::lang::uri_template::{UriKind, UriTemplate};
use crate::plan::integration::FunctionTarget;

impl Compiler<'_> {
    /// The function behind `function:NAME`, an ARN or an invocation URL.
    pub(super) fn function(
        &mut self,
        binding: &Binding<'_>,
        path: &str,
        uri: &str,
    ) -> Option<FunctionTarget> {
        if let Some(name) = uri.strip_prefix("function:") {
            return self.hosted(path, name);
        }
        let (kind, uri) = self.bound_uri(binding, path, uri)?;
        let server = &self.definition.server;
        let target = match kind {
            UriKind::Http => InvokeTarget::at_url(&uri, &server.region),
            UriKind::Arn => {
                let endpoint = server.lambda_endpoint.as_deref().map(Url::parse);
                // The definition was checked: an endpoint that is there is a URL.
                InvokeTarget::from_arn(&uri, endpoint.and_then(Result::ok).as_ref())
            }
        };
        match target {
            Ok(target) => Some(FunctionTarget::Remote(Arc::new(target))),
            Err(error) => {
                let text = error.to_string();
                let (what, remedy) = text.split_once(": ").unwrap_or((&text, ""));
                self.problem(path, what, remedy);
                None
            }
        }
    }

    fn hosted(&mut self, path: &str, name: &str) -> Option<FunctionTarget> {
        let functions = &self.definition.functions;
        if functions.contains_key(name) || self.in_process.iter().any(|known| known == name) {
            return Some(FunctionTarget::Hosted(name.into()));
        }
        let remedy =
            super::route::nearest(name, functions.keys().chain(self.in_process), "functions");
        self.problem(path, format!("there is no function `{name}`"), remedy);
        None
    }

    /// A URI with this stage's variables filled in.
    fn bound_uri(
        &mut self,
        binding: &Binding<'_>,
        path: &str,
        uri: &str,
    ) -> Option<(UriKind, String)> {
        let template = match UriTemplate::parse(uri) {
            Ok(template) => template,
            Err(error) => {
                self.syntax(path, &error);
                return None;
            }
        };
        match template.render(&Variables(binding), &BTreeMap::new()) {
            Ok(uri) => Some((template.kind(), uri.into_owned())),
            Err(error) => {
                let what = format!("on stage `{}`: {error}", binding.name);
                self.problem(path, what, "set the stage variable on every stage");
                None
            }
        }
    }
}

/// Stage variables as a scope.
pub(super) struct Variables<'a>(pub(super) &'a Binding<'a>);

impl Scope for Variables<'_> {
    fn value(&self, name: &str) -> Option<std::borrow::Cow<'_, str>> {
        let name = name.strip_prefix("stageVariables.")?;
        let value = self.0.stage.stage_variables.get(name)?;
        Some(value.as_str().into())
    }
}
