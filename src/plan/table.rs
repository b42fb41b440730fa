//! A plan as a table for people: what `tidegate routes` prints.

use crate::plan::Plan;
use crate::plan::integration::{FunctionTarget, Integration, ProxyBackend, Target};
use crate::plan::route::{Authorization, Direction, Ordering, RateLimit, Route};

const HEADER: [&str; 6] = [
    "API",
    "STAGE",
    "ROUTE",
    "AUTHORIZATION",
    "THROTTLE",
    "INTEGRATION",
];

/// One line for each route of each stage, under a line of headings.
pub fn render(plan: &Plan) -> String {
    let mut rows = vec![HEADER.map(str::to_owned)];
    for stage in plan.stages() {
        for route in stage.routes.all() {
            rows.push([
                stage.api.id.to_string(),
                stage.name.to_string(),
                route.key.to_string(),
                authorization(route),
                throttle(route),
                integration(route),
            ]);
        }
    }
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<_> = (0..HEADER.len()).map(width).collect();
    let mut text = String::new();
    for row in &rows {
        let cells = row.iter().zip(&widths);
        let line: Vec<_> = cells
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        text.push_str(line.join("  ").trim_end());
        text.push('\n');
    }
    text
}

fn authorization(route: &Route) -> String {
    let mut text = authorizer(&route.authorization);
    if route.api_key_required {
        text.push_str(" + API key");
    }
    text
}

fn authorizer(authorization: &Authorization) -> String {
    match authorization {
        Authorization::Open => "none".to_owned(),
        Authorization::Iam => "AWS_IAM".to_owned(),
        Authorization::Custom(authorizer) => format!("CUSTOM {}", authorizer.id),
        Authorization::Jwt(authorizer, scopes) if scopes.is_empty() => {
            format!("JWT {}", authorizer.id)
        }
        Authorization::Jwt(authorizer, scopes) => {
            format!("JWT {} ({})", authorizer.id, scopes.join(" "))
        }
        Authorization::FromConnect => "as $connect".to_owned(),
    }
}

fn throttle(route: &Route) -> String {
    let shown = |limit: RateLimit| format!("{}/s, burst {}", limit.rate, limit.burst);
    let mut text = match route.throttle {
        Some(throttle) => shown(throttle.limit),
        None => "account".to_owned(),
    };
    if let Some(rate) = route.message_rate {
        text.push_str(&format!("; a connection {}", shown(rate.limit)));
    }
    text
}

fn integration(route: &Route) -> String {
    let mut text = match &route.integration {
        Some(integration) => target(integration),
        None => "-".to_owned(),
    };
    if route.direction == Direction::TwoWay {
        text.push_str(" (two-way)");
    }
    if route.ordering == Ordering::Serial {
        text.push_str(" (serial)");
    }
    text
}

fn target(integration: &Integration) -> String {
    match &integration.target {
        Target::Function(FunctionTarget::Hosted(name)) => format!("AWS_PROXY function:{name}"),
        Target::Function(FunctionTarget::Remote(target)) => format!("AWS_PROXY {}", target.url()),
        Target::Http(http) => {
            let link = http.upstream.as_ref().map_or("", |_| " (VPC_LINK)");
            format!("HTTP_PROXY {} {}{link}", http.method, http.uri)
        }
        Target::Proxy(proxy) => {
            let method = proxy
                .method
                .as_ref()
                .map_or("ANY", |method| method.as_str());
            match &proxy.backend {
                ProxyBackend::Public(public) => format!("HTTP_PROXY {method} {}", public.uri),
                ProxyBackend::Private(private) => {
                    format!("HTTP_PROXY {method} {} (VPC_LINK)", private.upstream.name)
                }
            }
        }
        Target::Service(service) => format!("AWS_PROXY {}", service.action.subtype),
        Target::Preflight => "CORS".to_owned(),
        Target::Mock(mock) => format!("MOCK {}", mock.status.as_u16()),
    }
}
