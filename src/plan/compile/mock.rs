//! MOCK integrations: literal templates until there is an engine for others.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Compiler;
use crate::definition::child;
use crate::lang::literal_template::LiteralTemplate;
use crate::lang::response_key::ResponseKey;
use crate::model::v2;
use crate::plan::integration::{MockResponse, MockTarget};

impl Compiler<'_> {
    pub(super) fn mock(&mut self, path: &str, model: &v2::Integration) -> Option<MockTarget> {
        if model.integration_uri.is_some() {
            let what = "a MOCK integration calls nothing";
            self.problem(&child(path, "integrationUri"), what, "remove it");
        }
        if !model.request_parameters.is_empty() {
            let what = "a MOCK integration has no request that could take parameters";
            self.problem(&child(path, "requestParameters"), what, "remove them");
        }
        let status = self.mock_status(path, model);
        let mut responses = Vec::new();
        for (key, response) in &model.integration_responses {
            let path = child(&child(path, "integrationResponses"), key);
            let key = ResponseKey::parse(key).map_err(|error| self.syntax(&path, &error));
            let template = self.only_template(
                &child(&path, "responseTemplates"),
                &response.response_templates,
            );
            if let Ok(key) = key {
                responses.push(MockResponse { key, template });
            }
        }
        Some(MockTarget {
            status: status?,
            responses,
        })
    }

    /// AWS: the request template must give JSON with an integer `statusCode`.
    fn mock_status(&mut self, path: &str, model: &v2::Integration) -> Option<u16> {
        let path = child(path, "requestTemplates");
        let Some(template) = self.only_template(&path, &model.request_templates) else {
            if model.request_templates.is_empty() {
                let remedy = r#"add requestTemplates: { $default: '{"statusCode":200}' }"#;
                self.problem(&path, "a MOCK integration needs a request template", remedy);
            }
            return None;
        };
        let status = serde_json::from_str::<Value>(template.text())
            .ok()
            .and_then(|document| document.get("statusCode")?.as_u64())
            .filter(|status| (200..600).contains(status))
            .and_then(|status| u16::try_from(status).ok());
        if status.is_none() {
            let what =
                "the request template must be JSON with a number `statusCode` from 200 to 599";
            self.problem(&path, what, r#"write '{"statusCode":200}'"#);
        }
        status
    }

    /// The template in force: `$default`, or the only one there is.
    fn only_template(
        &mut self,
        path: &str,
        templates: &BTreeMap<String, String>,
    ) -> Option<LiteralTemplate> {
        let (key, text) = match templates.get_key_value("$default") {
            Some(found) => found,
            None if templates.len() == 1 => templates.iter().next()?,
            None if templates.is_empty() => return None,
            None => {
                let what = "several templates, and nothing that chooses between them";
                self.problem(path, what, "keep one, under `$default`");
                return None;
            }
        };
        if templates.len() > 1 {
            let what = "templates besides `$default` would never be used";
            self.problem(
                path,
                what,
                "keep `$default` only, until templateSelectionExpression is supported",
            );
        }
        match LiteralTemplate::parse(text) {
            Ok(template) => Some(template),
            Err(error) => {
                self.syntax(&child(path, key), &error);
                None
            }
        }
    }
}
