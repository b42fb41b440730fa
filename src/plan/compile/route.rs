//! Routes: what they point at, who may use them, whether they answer.

use std::sync::Arc;

use super::Compiler;
use super::stage::{Binding, throttle};
use crate::definition::child;
use crate::lang::parameter::RequiredParameter;
use crate::model::v2;
use crate::plan::integration::Integration;
use crate::plan::route::{Authorization, CONNECT, DEFAULT, DISCONNECT, Direction, Ordering, Route};

impl Compiler<'_> {
    pub(super) fn route(&mut self, binding: &Binding<'_>, key: &str, model: &v2::Route) -> Route {
        let path = child(&child(binding.api_path, "routes"), key);
        if key.starts_with('$') && !matches!(key, CONNECT | DISCONNECT | DEFAULT) {
            let what = format!("a route key of your own cannot start with `$`: `{key}`");
            let remedy = "the predefined ones are $connect, $disconnect and $default";
            self.problem(&path, what, remedy);
        }
        Route {
            key: key.into(),
            authorization: self.authorization(binding, &path, key, model),
            integration: self.target(binding, &path, model),
            direction: self.direction(&path, key, model),
            ordering: match model.tidegate.ordering {
                v2::Ordering::Concurrent => Ordering::Concurrent,
                v2::Ordering::Serial => Ordering::Serial,
            },
            throttle: throttle(binding, key),
            required: self.required(&path, key, model),
        }
    }

    fn target(
        &mut self,
        binding: &Binding<'_>,
        path: &str,
        model: &v2::Route,
    ) -> Option<Arc<Integration>> {
        let target = model.target.as_deref()?;
        let id = target.strip_prefix("integrations/").unwrap_or(target);
        match binding.parts.get(id) {
            Some(integration) => integration.clone(),
            None => {
                let remedy = nearest(id, binding.api.integrations.keys(), "integrations");
                let what = format!("there is no integration `{id}`");
                self.problem(&child(path, "target"), what, remedy);
                None
            }
        }
    }

    fn authorization(
        &mut self,
        binding: &Binding<'_>,
        path: &str,
        key: &str,
        model: &v2::Route,
    ) -> Authorization {
        let named = model.authorizer_id.as_deref();
        if key != CONNECT {
            if model.authorization_type != v2::AuthorizationType::None || named.is_some() {
                let what = "a caller is authorized at $connect, for the whole connection";
                let remedy = "move authorizationType and authorizerId to the route $connect";
                self.problem(&child(path, "authorizationType"), what, remedy);
            }
            return fallback(key);
        }
        match (model.authorization_type, named) {
            (v2::AuthorizationType::None, None) => Authorization::Open,
            (v2::AuthorizationType::AwsIam, None) => Authorization::Iam,
            (v2::AuthorizationType::Custom, Some(id)) => self.custom(binding, path, id),
            (v2::AuthorizationType::Custom, None) => {
                let what = "authorizationType CUSTOM needs an authorizer";
                self.problem(path, what, "add authorizerId, with a key of `authorizers`");
                Authorization::Iam
            }
            (_, Some(id)) => {
                let what = format!("the authorizer `{id}` would never be asked");
                self.problem(
                    &child(path, "authorizerId"),
                    what,
                    "write authorizationType: CUSTOM",
                );
                Authorization::Iam
            }
        }
    }

    fn custom(&mut self, binding: &Binding<'_>, path: &str, id: &str) -> Authorization {
        let Some(model) = binding.api.authorizers.get(id) else {
            let remedy = nearest(id, binding.api.authorizers.keys(), "authorizers");
            let what = format!("there is no authorizer `{id}`");
            self.problem(&child(path, "authorizerId"), what, remedy);
            // The plan is thrown away; until then nothing is left open.
            return Authorization::Iam;
        };
        match self.authorizer(binding, id, model) {
            Some(authorizer) => Authorization::Custom(Arc::new(authorizer)),
            None => Authorization::Iam,
        }
    }

    /// AWS: a route answers when it has both the expression `$default` and a route response of that key.
    fn direction(&mut self, path: &str, key: &str, model: &v2::Route) -> Direction {
        let expression = model.route_response_selection_expression.as_deref();
        let answers = expression.is_some() && model.route_responses.contains_key(DEFAULT);
        if answers && matches!(key, CONNECT | DISCONNECT) {
            let what = format!("{key} cannot answer with a message");
            let path = child(path, "routeResponseSelectionExpression");
            self.problem(&path, what, "remove it together with routeResponses");
        }
        match answers {
            true => Direction::TwoWay,
            false => Direction::OneWay,
        }
    }

    fn required(&mut self, path: &str, key: &str, model: &v2::Route) -> Vec<RequiredParameter> {
        let mut required = Vec::new();
        for (name, constraint) in &model.request_parameters {
            let path = child(&child(path, "requestParameters"), name);
            match RequiredParameter::parse(name) {
                Err(error) => self.syntax(&path, &error),
                Ok(_) if key != CONNECT => {
                    let what = "only a handshake has headers and a query string";
                    self.problem(&path, what, "move it to the route $connect");
                }
                Ok(parameter) if constraint.required => required.push(parameter),
                Ok(_) => {}
            }
        }
        required
    }
}

/// Who may use a route that does not say: `$connect` is open, and what it decided holds for the others.
pub(super) fn fallback(key: &str) -> Authorization {
    match key {
        CONNECT => Authorization::Open,
        _ => Authorization::FromConnect,
    }
}

/// A remedy for a name that is not there: the nearest one that is.
pub(super) fn nearest<'n>(
    name: &str,
    known: impl Iterator<Item = &'n String>,
    section: &str,
) -> String {
    let near = known
        .map(|known| (strsim::damerau_levenshtein(name, known), known))
        .min()
        .filter(|(distance, known)| *distance <= known.chars().count().max(3) / 2);
    match near {
        Some((_, known)) => format!("did you mean `{known}`?"),
        None => format!("add it under `{section}`"),
    }
}
