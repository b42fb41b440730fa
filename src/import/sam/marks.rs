//! What references to resources mean in a definition.

use crate::definition::tree::{Entry, Node, Value};

use super::intrinsics::{self, MARK, scalar, text_at};
use super::{Template, serverless, words};

impl Template<'_, '_> {
    /// A value with marks as a value without: references become what the definition calls the resource, and those that only AWS could
    /// resolve become variables of the environment.
    pub(super) fn plain(&mut self, node: &Node) -> Node {
        let value = match &node.value {
            Value::Scalar(found) if found.text.contains(MARK) => {
                let text = self.plain_text(&found.text, node);
                return text_at(node, text);
            }
            Value::Scalar(found) => {
                if found.text.contains("${env:") || found.text.contains("${file:") {
                    self.warn(
                        &node.place,
                        "",
                        "looks like a substitution of the definition file, and will be one",
                        "write it differently",
                    );
                }
                return node.clone();
            }
            Value::Sequence(items) => {
                Value::Sequence(items.iter().map(|item| self.plain(item)).collect())
            }
            Value::Mapping(all) => {
                let mut plain = Vec::new();
                for entry in all {
                    let value = self.plain(&entry.value);
                    plain.push(Entry {
                        value,
                        ..entry.clone()
                    });
                }
                Value::Mapping(plain)
            }
        };
        intrinsics::with(node, value)
    }

    fn plain_text(&mut self, text: &str, node: &Node) -> String {
        let mut output = String::new();
        for (place, part) in text.split(MARK).enumerate() {
            // Every second part stood between two marks.
            match place % 2 {
                0 => output.push_str(part),
                _ => {
                    let meant = self.meant(part, node);
                    output.push_str(&meant);
                }
            }
        }
        if output.contains(".execute-api.") {
            let what = "is an address at AWS";
            let remedy = "write the gateway's, such as http://127.0.0.1:8080/_apis/{apiId}/{stage}";
            self.warn(&node.place, "", what, remedy);
        }
        output
    }

    /// What a reference means in a definition.
    fn meant(&mut self, reference: &str, node: &Node) -> String {
        let (logical, attribute) = reference.split_once('.').unwrap_or((reference, ""));
        let found = self.find(logical).cloned();
        let name = |property: &str| {
            let found = found
                .as_ref()
                .and_then(|resource| resource.properties.get(property));
            found.and_then(scalar).map(str::to_owned)
        };
        let meant = match (
            found.as_ref().map(|resource| resource.kind.as_str()),
            attribute,
        ) {
            (Some("AWS::ApiGatewayV2::Api" | "AWS::Serverless::HttpApi"), "" | "ApiId") => {
                self.draft.api(logical).map(|api| api.id.clone())
            }
            (None, "" | "ApiId") if logical == serverless::IMPLICIT => {
                self.draft.api(logical).map(|api| api.id.clone())
            }
            (Some("AWS::ApiGatewayV2::Integration"), "" | "IntegrationId") => {
                Some(logical.to_owned())
            }
            (Some("AWS::ApiGatewayV2::Authorizer"), "" | "AuthorizerId") => {
                Some(logical.to_owned())
            }
            (Some("AWS::ApiGatewayV2::VpcLink"), "" | "VpcLinkId") => Some(logical.to_owned()),
            (Some("AWS::ApiGatewayV2::Model"), _) => name("Name"),
            (Some("AWS::ApiGatewayV2::Stage"), _) => name("StageName"),
            (Some("AWS::ApiGatewayV2::DomainName"), "") => name("DomainName"),
            (Some("AWS::ApiGatewayV2::DomainName"), "DomainNameArn") => {
                let region = &self.region;
                name("DomainName")
                    .map(|name| format!("arn:aws:apigateway:{region}::/domainnames/{name}"))
            }
            (Some("AWS::Serverless::Function" | "AWS::Lambda::Function"), "") => {
                Some(logical.to_owned())
            }
            _ => None,
        };
        meant.unwrap_or_else(|| {
            let variable = snake(&format!("{logical} {attribute}"));
            let what = format!("`{reference}` is known only where the template is deployed");
            let remedy = format!("set the variable {variable} for the gateway, or write the value");
            self.warn(&node.place, "", &what, &remedy);
            let text = format!("${{env:{variable}}}");
            self.variables.push(variable);
            text
        })
    }
}

/// `ChatTable Arn` as `CHAT_TABLE_ARN`.
fn snake(name: &str) -> String {
    words(name).join("_").to_ascii_uppercase()
}
