//! Authorizers.

use std::sync::Arc;

use super::{Bench, Target, function};
use crate::definition::child;
use crate::lang::context_names::{self, Protocol, Reach};
use crate::lang::syntax::is_parameter_name;
use crate::model::v2;
use crate::plan::authorizer::{Authorizer, IdentitySource};

/// One authorizer; `None` with the reason noted.
pub(super) fn compile(
    bench: &mut Bench<'_>,
    id: &str,
    authorizer: &v2::Authorizer,
    path: &str,
    stage: Option<Target<'_>>,
) -> Option<Arc<Authorizer>> {
    let uri_path = child(path, "authorizerUri");
    let function = function::target(bench, &authorizer.authorizer_uri, &uri_path, stage);
    let mut identity_sources = Vec::new();
    for (index, text) in authorizer.identity_source.iter().enumerate() {
        let path = bench.scribe.item(&child(path, "identitySource"), index);
        identity_sources.extend(identity_source(bench, text, &path, stage));
    }
    Some(Arc::new(Authorizer {
        id: id.into(),
        function: function?,
        identity_sources,
    }))
}

fn identity_source(
    bench: &mut Bench<'_>,
    text: &str,
    path: &str,
    stage: Option<Target<'_>>,
) -> Option<IdentitySource> {
    let (prefix, name) = ["route.request.header.", "route.request.querystring.", "stageVariables.", "context."]
        .into_iter()
        .find_map(|prefix| Some((prefix, text.strip_prefix(prefix)?)))
        .filter(|(_, name)| is_parameter_name(name))
        .or_else(|| {
            let what = format!("{} is not an identity source", bench.scribe.shown(path, text));
            let remedy = "write `route.request.header.NAME`, `route.request.querystring.NAME`, `stageVariables.NAME` or `context.NAME`";
            bench.scribe.problem(path, what, remedy);
            None
        })?;
    match prefix {
        "route.request.header." => Some(IdentitySource::Header(name.to_owned())),
        "route.request.querystring." => Some(IdentitySource::QueryString(name.to_owned())),
        "stageVariables." => {
            if let Some(stage) = stage
                && !stage.stage.stage_variables.contains_key(name)
            {
                function::missing_variable(bench, name, path, stage);
            }
            Some(IdentitySource::StageVariable(name.to_owned()))
        }
        _ => match context_names::check(name, Protocol::WebSocket, Reach::Everywhere) {
            Ok(()) => Some(IdentitySource::Context(name.to_owned())),
            Err(refused) => {
                bench.scribe.problem(path, refused.problem, refused.remedy);
                None
            }
        },
    }
}
