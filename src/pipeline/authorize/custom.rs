//! `CUSTOM`: a Lambda function is asked, or was asked before.

use std::sync::Arc;

use super::{circumstances, invoked_arns};
use crate::authorizer::Identified;
use crate::authorizer::lambda::{Identities, Refusal, Verdict};
use crate::base::quotas;
use crate::error::GatewayError;
use crate::exchange::{Event, Exchange, IntegrationFacts};
use crate::integration::{FunctionCall, event, invoke_function};
use crate::pipeline::Services;
use crate::plan::authorizer::{Authorizer, AuthorizerFormat};
use crate::plan::route::Route;

/// Lets in whom the function lets in.
///
/// # Errors
/// 401 without an identity source, or when the function wants it so; 403 when it says no; 500 when it fails.
pub(super) async fn authorize(
    services: &Services,
    exchange: &mut Exchange,
    route: &Route,
    authorizer: &Authorizer,
) -> Result<Identified, GatewayError> {
    let question = Question {
        identities: Identities::of(exchange, authorizer)?,
        arns: invoked_arns(exchange, route),
        authorizer,
    };
    let mut facts = std::mem::take(&mut exchange.context.authorizer);
    let verdict = question.verdict(services, exchange, &mut facts).await;
    let judged = verdict
        .map_err(|refusal| GatewayError::from(&*refusal))
        .and_then(|verdict| {
            verdict.judge(&question.arns, &circumstances(exchange).facts())?;
            Ok(match exchange.event {
                Event::Http => verdict.for_request(),
                _ => verdict.for_connection(facts.latency.unwrap_or_default()),
            })
        });
    facts.status = Some(match &judged {
        Ok(_) => 200,
        Err(error) => error.http_status().as_u16(),
    });
    if let Err(error) = &judged {
        facts.error = Some(error.cause().unwrap_or(error.client_message()).to_owned());
    }
    exchange.context.authorizer = facts;
    judged
}

/// What an authorizer is asked about.
struct Question<'a> {
    authorizer: &'a Authorizer,
    identities: Identities,
    arns: Vec<String>,
}

impl Question<'_> {
    /// The function's verdict: one that is kept, or else a new one.
    async fn verdict(
        &self,
        services: &Services,
        exchange: &Exchange,
        facts: &mut IntegrationFacts,
    ) -> Result<Arc<Verdict>, Arc<Refusal>> {
        let asking = self.ask(services, exchange, facts);
        match &self.authorizer.caching {
            Some(caching) => {
                let clock = services.clock.as_ref();
                let kept = &services.verdicts;
                kept.about(caching, &self.identities, clock, asking).await
            }
            None => asking.await.map(Arc::new).map_err(Arc::new),
        }
    }

    async fn ask(
        &self,
        services: &Services,
        exchange: &Exchange,
        facts: &mut IntegrationFacts,
    ) -> Result<Verdict, Refusal> {
        let call = FunctionCall {
            target: self.authorizer.function.clone(),
            payload: self.event(exchange),
            request_id: exchange.context.request_id.to_string(),
            trace_id: Some(exchange.context.trace.amzn().into_owned()),
        };
        let limit = quotas::AUTHORIZER_TIMEOUT;
        let answer = invoke_function(&services.backends, facts, call, limit).await?;
        Verdict::read(&answer.payload, self.authorizer.format)
    }

    fn event(&self, exchange: &Exchange) -> bytes::Bytes {
        // AWS: the concrete path, where it has two readings the one that was sent.
        let arn = self.arns.first().map_or("", String::as_str);
        match self.authorizer.format {
            AuthorizerFormat::WebSocket => event::websocket::authorizer(exchange, arn),
            AuthorizerFormat::V1 => {
                event::http_v1::authorizer(exchange, arn, &self.identities.texts())
            }
            AuthorizerFormat::V2 { .. } => {
                event::http_v2::authorizer(exchange, arn, &self.identities.texts())
            }
        }
    }
}
