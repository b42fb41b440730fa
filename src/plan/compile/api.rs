//! APIs: their expression, and the parts that all stages share.

use std::sync::Arc;

use super::Compiler;
use crate::base::quotas;
use crate::definition::child;
use crate::lang::selection::{Root, SelectionExpression};
use crate::model::v2;
use crate::plan::stage::{Api, Stage};

impl Compiler<'_> {
    pub(super) fn api(&mut self, id: &str, model: &v2::Api) -> Vec<Stage> {
        let path = child("apis", id);
        self.quotas(&path, model);
        let server = &self.definition.server;
        let api = Arc::new(Api {
            id: id.into(),
            name: model.name.clone().unwrap_or_else(|| id.to_owned()),
            region: server.region.as_str().into(),
            account_id: server.account_id.as_str().into(),
            route_selection: self.route_selection(&path, model),
        });
        let stages = model.stages.iter();
        stages
            .map(|(name, stage)| self.stage(&path, &api, model, name, stage))
            .collect()
    }

    fn route_selection(&mut self, path: &str, model: &v2::Api) -> SelectionExpression {
        let path = child(path, "routeSelectionExpression");
        let expression = SelectionExpression::parse(&model.route_selection_expression);
        let expression = expression.unwrap_or_else(|error| {
            self.syntax(&path, &error);
            SelectionExpression::default()
        });
        let foreign = expression
            .variables()
            .find(|variable| variable.root() != Root::RequestBody);
        if let Some(variable) = foreign {
            let what = format!("`{}` is not part of a message", variable.written());
            self.problem(
                &path,
                what,
                "choose by `$request.body.…`: messages have no headers",
            );
        }
        expression
    }

    fn quotas(&mut self, path: &str, model: &v2::Api) {
        let counted = [
            ("routes", model.routes.len(), quotas::ROUTES_PER_API),
            (
                "integrations",
                model.integrations.len(),
                quotas::INTEGRATIONS_PER_API,
            ),
            (
                "authorizers",
                model.authorizers.len(),
                quotas::AUTHORIZERS_PER_API,
            ),
            ("stages", model.stages.len(), quotas::STAGES_PER_API),
        ];
        for (key, count, most) in counted {
            if count > most {
                let what = format!("{count} {key} are more than the {most} of one API");
                self.problem(&child(path, key), what, "split the API");
            }
        }
        if model.stages.is_empty() {
            let what = "an API without stages has no address";
            self.problem(
                &child(path, "stages"),
                what,
                "add one, e.g. `stages: { prod: {} }`",
            );
        }
    }
}
