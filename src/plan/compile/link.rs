//! Integrations through VPC links: which link, and which targets stand for what they name.

use std::collections::BTreeMap;
use std::sync::Arc;

use url::Url;

use super::function::{Variables, check_variables, missing_variable};
use super::{Bench, Target as StageTarget};
use crate::client::proxy::{Destination, Upstream};
use crate::definition::{Author, child};
use crate::lang::private_uri::{NEEDED, PrivateTarget, PrivateUri};
use crate::lang::syntax::nearest;
use crate::lang::uri_template::{UriKind, UriTemplate, UriVariable};
use crate::model::v2::{self, ConnectionType, IntegrationType};
use crate::plan::integration::PrivateBackend;

const SECTION: &str = "vpcLinks";
const TARGETS: &str = "server.upstreams";
const URI: &str = "integrationUri";
const ID: &str = "connectionId";
/// The stage that is not part of paths.
const DEFAULT: &str = "$default";

/// `server.upstreams` by itself.
pub(super) fn check_upstreams(bench: &mut Bench<'_>) {
    let definition = bench.definition;
    for (name, targets) in definition.server.upstreams.iter() {
        let path = child(TARGETS, name);
        if name.starts_with("arn:") && PrivateUri::parse(name).is_none() {
            let what = "is the ARN of neither a load balancer's listener nor a Cloud Map service";
            bench.scribe.problem(&path, what, "write that of one");
        }
        for (index, target) in targets.iter().enumerate() {
            if PrivateTarget::parse(target).is_none() {
                let path = bench.scribe.item(&path, index);
                let what = format!("{} is no target", bench.scribe.shown(&path, target));
                bench
                    .scribe
                    .problem(&path, what, "write a host and a port from 1 to 65535");
            }
        }
    }
}

/// Whether an integration is called through a VPC link; what it says of one is checked.
pub(super) fn is_private(
    bench: &mut Bench<'_>,
    integration: &v2::Integration,
    path: &str,
    stage: Option<StageTarget<'_>>,
) -> bool {
    let is_private = integration.connection_type == Some(ConnectionType::VpcLink);
    let has_type = bench.scribe.has(&child(path, "connectionType"));
    let place = child(path, ID);
    match (&integration.connection_id, is_private) {
        (_, true) if integration.integration_type != IntegrationType::HttpProxy => {
            let what = "has no meaning for this type of integration";
            let remedy = "leave it out: only HTTP_PROXY is called through VPC links";
            let place = child(path, "connectionType");
            bench.scribe.problem(&place, what, remedy);
        }
        (Some(_), false) if !has_type || integration.connection_type.is_some() => {
            let what = "has no meaning without a VPC link";
            let remedy = "add `connectionType: VPC_LINK`, or leave it out";
            bench.scribe.problem(&place, what, remedy);
        }
        (None, true) if !bench.scribe.has(&place) => {
            let remedy = "add `connectionId`: the id of a VPC link";
            bench.scribe.problem(&place, "is missing", remedy);
        }
        (Some(id), true) => {
            if let Some(id) = resolved(bench, id, &place, stage) {
                check_known(bench, id, &place);
            }
        }
        _ => {}
    }
    is_private
}

/// The id of a link that is there.
fn check_known(bench: &mut Bench<'_>, id: &str, path: &str) {
    let definition = bench.definition;
    if definition.vpc_links.contains_key(id) || bench.scribe.has(&child(SECTION, id)) {
        return;
    }
    let known = definition.vpc_links.keys().map(String::as_str);
    let remedy = match (nearest(id, known), bench.author) {
        (Some(near), _) => format!("did you mean `{near}`?"),
        (None, Author::File) => format!("add it to `{SECTION}`"),
        (None, Author::Caller) => "create it first".to_owned(),
    };
    let what = format!("there is no VPC link {}", bench.scribe.shown(path, id));
    bench.scribe.problem(path, what, remedy);
}

/// What `connectionId` says on a stage. In WebSocket APIs it may be a stage variable as a whole; `None` where that is not known.
fn resolved<'i>(
    bench: &mut Bench<'_>,
    id: &'i str,
    path: &str,
    stage: Option<StageTarget<'i>>,
) -> Option<&'i str> {
    let Some(name) = variable(id) else {
        return Some(id);
    };
    let stage = stage?;
    let value = stage.stage.stage_variables.get(name);
    if value.is_none() {
        missing_variable(bench, name, path, stage);
    }
    value.map(String::as_str)
}

/// The stage variable that an id is.
pub(crate) fn variable(id: &str) -> Option<&str> {
    id.strip_prefix("${stageVariables.")?.strip_suffix('}')
}

/// The targets that an HTTP API calls for an ARN; `None` with the reason noted, or without where only a stage can say.
pub(super) fn private(
    bench: &mut Bench<'_>,
    integration: &v2::Integration,
    text: &str,
    path: &str,
    stage: Option<StageTarget<'_>>,
) -> Option<PrivateBackend> {
    let path = child(path, URI);
    let uri = private_uri(bench, text, &path, stage)?;
    let Some(known) = bench.definition.server.upstreams.get(&uri.arn) else {
        note_absent(bench, &uri.arn, &path);
        return None;
    };
    let tls = integration.tls_config.as_ref();
    let server_name: Option<Arc<str>> =
        tls.and_then(|tls| tls.server_name_to_verify.as_deref().map(Arc::from));
    let fitting = targets_of(known).filter(|target| target.fits(&uri.filters));
    let targets: Box<[_]> = fitting
        .map(|target| Destination {
            secure: tls.is_some(),
            authority: target.authority,
            server_name: server_name.clone(),
        })
        .collect();
    if targets.is_empty() && targets_of(known).next().is_some() {
        let arn = shown(bench, &uri.arn, &path);
        let what = format!("no target of {arn} has all of these attributes");
        let remedy = format!("add them to targets in `{TARGETS}`, e.g. `10.0.0.5:8080?slot=green`");
        bench.scribe.problem(&path, what, remedy);
    }
    let base = stage
        .map(|stage| stage.name)
        .filter(|name| *name != DEFAULT);
    (!targets.is_empty()).then(|| PrivateBackend {
        upstream: Upstream {
            name: uri.to_string().into(),
            targets,
        },
        base: base.map_or_else(Box::default, |name| format!("/{name}").into()),
    })
}

fn private_uri(
    bench: &mut Bench<'_>,
    text: &str,
    path: &str,
    stage: Option<StageTarget<'_>>,
) -> Option<PrivateUri> {
    let template = UriTemplate::parse(text);
    let template = template
        .ok()
        .filter(|template| template.kind() == UriKind::Arn);
    let parsed = match (&template, stage) {
        (Some(template), Some(stage)) => {
            check_variables(bench, template, path, Some(stage));
            let scope = Variables(&stage.stage.stage_variables);
            // When it cannot be rendered, that has just been noted.
            let rendered = template.render(&scope, &BTreeMap::new()).ok()?;
            PrivateUri::parse(&rendered)
        }
        (Some(template), None) if template.variables().next().is_some() => return None,
        (Some(_), None) => PrivateUri::parse(text),
        (None, _) => None,
    };
    if parsed.is_none() {
        let remedy = format!("write the ARN of one that `{TARGETS}` has");
        bench
            .scribe
            .problem(path, NEEDED.trim_end_matches('.'), remedy);
    }
    parsed
}

/// The targets that a WebSocket API calls in place of a URL's host; `None` with the reason noted, or without where only a stage can say.
pub(super) fn behind(
    bench: &mut Bench<'_>,
    integration: &v2::Integration,
    template: &UriTemplate,
    path: &str,
    stage: Option<StageTarget<'_>>,
) -> Option<Upstream> {
    let link = integration.connection_id.as_deref()?;
    let link = resolved(bench, link, &child(path, ID), stage);
    let url = rendered(template, stage)?;
    let (host, port) = (url.host_str()?, url.port_or_known_default()?);
    let names = [
        Some(format!("{host}:{port}")),
        Some(host.to_owned()),
        link.map(str::to_owned),
    ];
    let upstreams = &bench.definition.server.upstreams;
    let mut named = names.into_iter().flatten();
    let Some((name, targets)) = named.find_map(|name| upstreams.get_key_value(&name)) else {
        if let Some(link) = link {
            let what = format!("neither the host of the URL nor the VPC link `{link}` has targets");
            let remedy = format!(
                "add `{host}` or `{link}` to `{TARGETS}`, with targets such as `10.0.0.5:8080`"
            );
            bench.scribe.problem(&child(path, URI), what, remedy);
        }
        return None;
    };
    let secure = url.scheme() == "https";
    let server_name: Arc<str> = host.trim_matches(['[', ']']).into();
    let targets: Box<[_]> = targets_of(targets)
        .map(|target| Destination {
            secure,
            authority: target.authority,
            server_name: secure.then(|| Arc::clone(&server_name)),
        })
        .collect();
    (!targets.is_empty()).then(|| Upstream {
        name: name.as_str().into(),
        targets,
    })
}

/// The URL on a stage, with something harmless for variables of a request.
fn rendered(template: &UriTemplate, stage: Option<StageTarget<'_>>) -> Option<Url> {
    let variables = template.variables();
    let paths = variables.filter_map(|variable| match variable {
        UriVariable::Path(name) => Some((name.clone(), "x".to_owned())),
        UriVariable::Stage(_) => None,
    });
    let nothing = BTreeMap::new();
    let scope = Variables(stage.map_or(&nothing, |stage| &stage.stage.stage_variables));
    let text = template.render(&scope, &paths.collect()).ok()?;
    Url::parse(&text).ok()
}

/// Those that are none have been noted.
fn targets_of(targets: &[String]) -> impl Iterator<Item = PrivateTarget> {
    targets
        .iter()
        .filter_map(|target| PrivateTarget::parse(target))
}

fn note_absent(bench: &mut Bench<'_>, arn: &str, path: &str) {
    let what = format!("nothing stands for {} here", shown(bench, arn, path));
    let remedy = format!("add it to `{TARGETS}`, with targets such as `10.0.0.5:8080`");
    bench.scribe.problem(path, what, remedy);
}

/// An ARN as a whole, since its end tells it from others; but nothing that came from outside of the text.
fn shown(bench: &Bench<'_>, arn: &str, path: &str) -> String {
    match bench.scribe.hides(path) {
        true => bench.scribe.shown(path, arn),
        false => format!("`{arn}`"),
    }
}
