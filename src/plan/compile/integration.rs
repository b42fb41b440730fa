//! Integrations, bound to a stage's variables.

use std::collections::BTreeMap;
use std::time::Duration;

use http::Method;

use super::Compiler;
use super::function::Variables;
use super::stage::Binding;
use crate::definition::child;
use crate::lang::context_names::{self, Reach};
use crate::lang::parameter::{MappingError, ParameterMapping, ParameterSource, ParameterTarget};
use crate::lang::uri_template::{UriKind, UriTemplate, UriVariable};
use crate::model::v2;
use crate::plan::integration::{ContentHandling, HttpTarget, Integration, Target};
use crate::plan::route::CONNECT;

impl Compiler<'_> {
    /// An integration, or nothing after a problem was reported.
    pub(super) fn integration(
        &mut self,
        binding: &Binding<'_>,
        id: &str,
        model: &v2::Integration,
    ) -> Option<Integration> {
        let path = child(&child(binding.api_path, "integrations"), id);
        let parameters = self.parameters(binding, &path, id, model);
        let target = match model.integration_type {
            v2::IntegrationType::AwsProxy => self.lambda(binding, &path, model),
            v2::IntegrationType::HttpProxy => self.http(binding, &path, model, &parameters),
            v2::IntegrationType::Mock => self.mock(&path, model).map(Target::Mock),
        };
        Some(Integration {
            id: id.into(),
            target: target?,
            timeout: Duration::from_millis(model.timeout_in_millis),
            parameters,
            content: match model.content_handling_strategy {
                None => ContentHandling::Unchanged,
                Some(v2::ContentHandlingStrategy::ConvertToBinary) => ContentHandling::ToBinary,
                Some(v2::ContentHandlingStrategy::ConvertToText) => ContentHandling::ToText,
            },
        })
    }

    fn lambda(
        &mut self,
        binding: &Binding<'_>,
        path: &str,
        model: &v2::Integration,
    ) -> Option<Target> {
        if !model.request_parameters.is_empty() {
            let what = "an AWS_PROXY integration passes the whole event and maps nothing";
            let remedy = "remove requestParameters; the function finds everything in its event";
            self.problem(&child(path, "requestParameters"), what, remedy);
        }
        if let Some(method) = model
            .integration_method
            .as_deref()
            .filter(|method| *method != "POST")
        {
            let what = format!("functions are invoked with POST, not `{method}`");
            self.problem(
                &child(path, "integrationMethod"),
                what,
                "write POST, or remove it",
            );
        }
        let Some(uri) = &model.integration_uri else {
            let remedy = "add integrationUri: function:NAME, an ARN or an invocation URL";
            self.problem(path, "an AWS_PROXY integration needs a function", remedy);
            return None;
        };
        let path = child(path, "integrationUri");
        self.function(binding, &path, uri).map(Target::Function)
    }

    fn http(
        &mut self,
        binding: &Binding<'_>,
        path: &str,
        model: &v2::Integration,
        parameters: &[ParameterMapping],
    ) -> Option<Target> {
        let method = self.method(path, model);
        let Some(uri) = &model.integration_uri else {
            let what = "an HTTP_PROXY integration needs an address";
            self.problem(path, what, "add integrationUri: http://HOST/PATH");
            return None;
        };
        let path = child(path, "integrationUri");
        let template = match UriTemplate::parse(uri) {
            Ok(template) if template.kind() == UriKind::Http => template,
            Ok(_) => {
                self.problem(
                    &path,
                    "an ARN is no address of a web server",
                    "write http://HOST/PATH",
                );
                return None;
            }
            Err(error) => {
                self.syntax(&path, &error);
                return None;
            }
        };
        self.check_uri(binding, &path, &template, parameters);
        Some(Target::Http(HttpTarget {
            method: method?,
            uri: template,
        }))
    }

    fn method(&mut self, path: &str, model: &v2::Integration) -> Option<Method> {
        let Some(text) = &model.integration_method else {
            let what = "an HTTP_PROXY integration needs a method";
            self.problem(path, what, "add integrationMethod, e.g. POST");
            return None;
        };
        match Method::from_bytes(text.as_bytes()) {
            Ok(method) if text != "ANY" && method != Method::CONNECT => Some(method),
            _ => {
                let path = child(path, "integrationMethod");
                let what = format!("`{text}` cannot be sent: a message has no method of its own");
                self.problem(&path, what, "write the method for the backend, e.g. POST");
                None
            }
        }
    }

    /// Renders the URI once with this stage's variables, so that what cannot work shows now.
    fn check_uri(
        &mut self,
        binding: &Binding<'_>,
        path: &str,
        template: &UriTemplate,
        parameters: &[ParameterMapping],
    ) {
        let mut filled = BTreeMap::new();
        let mut unmapped = Vec::new();
        for variable in template.variables() {
            if let UriVariable::Path(name) = variable {
                let maps = |mapping: &ParameterMapping| matches!(mapping.target(), ParameterTarget::Path(target) if target == name);
                match parameters.iter().any(maps) {
                    true => drop(filled.insert(name.clone(), "x".to_owned())),
                    false => unmapped.push(name.clone()),
                }
            }
        }
        for name in &unmapped {
            let what = format!("nothing fills `{{{name}}}`");
            let remedy =
                format!("map it: requestParameters: {{ integration.request.path.{name}: … }}");
            self.problem(path, what, remedy);
        }
        if unmapped.is_empty()
            && let Err(error) = template.render(&Variables(binding), &filled)
        {
            let what = format!("on stage `{}`: {error}", binding.name);
            self.problem(path, what, "set the stage variable on every stage");
        }
    }

    fn parameters(
        &mut self,
        binding: &Binding<'_>,
        path: &str,
        id: &str,
        model: &v2::Integration,
    ) -> Vec<ParameterMapping> {
        let mut mappings = Vec::new();
        for (key, value) in &model.request_parameters {
            let path = child(&child(path, "requestParameters"), key);
            match ParameterMapping::parse(key, value) {
                Ok(mapping) => {
                    self.check_source(binding, &path, id, mapping.source());
                    mappings.push(mapping);
                }
                Err(MappingError::Target(error) | MappingError::Source(error)) => {
                    self.syntax(&path, &error);
                }
            }
        }
        mappings
    }

    /// A source that the integration's routes never have would be mapped to nothing, silently.
    fn check_source(
        &mut self,
        binding: &Binding<'_>,
        path: &str,
        id: &str,
        source: &ParameterSource,
    ) {
        if let ParameterSource::Context(name) = source
            && let Err(refused) = context_names::check(name, Reach::Everywhere)
        {
            self.problem(path, refused.problem, refused.remedy);
        }
        if let ParameterSource::StageVariable(name) = source
            && !binding.stage.stage_variables.contains_key(name)
        {
            let what = format!("stage `{}` has no variable `{name}`", binding.name);
            self.problem(path, what, "set it under stageVariables");
        }
        let wanted = format!("integrations/{id}");
        let users = binding.api.routes.iter();
        let mut users = users.filter(|(_, route)| route.target.as_deref() == Some(&wanted));
        if source.needs_handshake() && !users.any(|(key, _)| key == CONNECT) {
            let what = "only $connect has headers and a query string, and it does not use this integration";
            self.problem(
                path,
                what,
                "keep the value at $connect, or send it in the message",
            );
        }
    }
}
