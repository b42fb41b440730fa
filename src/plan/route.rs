//! Routes of a stage, and how an event finds its own.

use std::sync::Arc;

use foldhash::HashMap;
use http::Method;

use crate::lang::cors::CorsPolicy;
use crate::lang::http_path::RoutePath;
use crate::lang::http_route::{Match, Router};
use crate::lang::parameter::RequiredParameter;
use crate::plan::authorizer::{Authorizer, JwtAuthorizer, TokenSource};
use crate::plan::integration::Integration;
use crate::plan::model::Validation;
use crate::plan::throttle::Throttle;

/// `routeKey` of the route that runs during the upgrade.
pub const CONNECT: &str = "$connect";
/// `routeKey` of the route that runs after the socket has closed.
pub const DISCONNECT: &str = "$disconnect";
/// `routeKey` of the route for messages that no other route wants.
pub const DEFAULT: &str = "$default";

/// A token bucket: `rate` tokens a second, at most `burst` of them saved up.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RateLimit {
    /// Tokens a second.
    pub rate: f64,
    /// Bucket size in tokens.
    pub burst: u32,
}

/// Who may use a route.
#[derive(Debug, Clone)]
pub enum Authorization {
    /// Anybody.
    Open,
    /// Whoever signs with credentials whose policies allow it (`AWS_IAM`).
    Iam,
    /// Whoever a Lambda function lets in (`CUSTOM`).
    Custom(Arc<Authorizer>),
    /// Whoever brings a token that its issuer has signed, with one of these scopes if there are any (`JWT`).
    Jwt(Arc<JwtAuthorizer>, Arc<[String]>),
    /// Decided at `$connect` for the whole life of the connection.
    FromConnect,
}

impl Authorization {
    /// Whether a token is looked for among the subprotocols that a client offers.
    pub fn takes_subprotocol(&self) -> bool {
        matches!(self, Self::Jwt(authorizer, _) if authorizer.source == TokenSource::Subprotocol)
    }

    /// Whether whoever passes this one passes the other as well.
    pub fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Open, Self::Open)
            | (Self::Iam, Self::Iam)
            | (Self::FromConnect, Self::FromConnect) => true,
            (Self::Custom(one), Self::Custom(other)) => Arc::ptr_eq(one, other),
            (Self::Jwt(one, scopes), Self::Jwt(other, other_scopes)) => {
                Arc::ptr_eq(one, other) && scopes == other_scopes
            }
            _ => false,
        }
    }
}

/// Whether the integration's answer is sent to the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// The answer is dropped.
    OneWay,
    /// The answer becomes a frame: the route has a route response.
    TwoWay,
}

/// How messages of one connection run through a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ordering {
    /// Several at once, as Amazon does.
    #[default]
    Concurrent,
    /// The next is read when the last has been answered.
    Serial,
}

/// One route, ready to run.
#[derive(Debug)]
pub struct Route {
    /// `routeKey`.
    pub key: Arc<str>,
    /// Who may use it.
    pub authorization: Authorization,
    /// Where its events go; `None` only where Amazon lets a route do without.
    pub integration: Option<Arc<Integration>>,
    /// Whether answers are sent.
    pub direction: Direction,
    /// How messages run through it.
    pub ordering: Ordering,
    /// Its share of the traffic; `None` when unlimited.
    pub throttle: Option<Throttle>,
    /// The share of one connection (`messageRate`); `None` when unlimited.
    pub message_rate: Option<Throttle>,
    /// Whether clients must show an API key of a usage plan.
    pub api_key_required: bool,
    /// What its messages must look like; `None` when anything will do.
    pub validation: Option<Validation>,
    /// Parameters of the handshake that must be there (`requestParameters` with `required: true`).
    pub required: Vec<RequiredParameter>,
    /// `detailedMetricsEnabled`: whether it is counted by itself.
    pub detailed_metrics: bool,
}

/// The routes of a stage, by the protocol of its API.
#[derive(Debug)]
pub enum Routes {
    /// A WebSocket API: events of connections.
    Messages(MessageRoutes),
    /// An HTTP API: methods and paths.
    Http(Box<HttpRoutes>),
}

impl Routes {
    /// Those of a WebSocket API.
    pub fn messages(&self) -> Option<&MessageRoutes> {
        match self {
            Self::Messages(routes) => Some(routes),
            Self::Http(_) => None,
        }
    }

    /// Those of an HTTP API.
    pub fn http(&self) -> Option<&HttpRoutes> {
        match self {
            Self::Http(routes) => Some(routes),
            Self::Messages(_) => None,
        }
    }

    /// All routes in the order in which people read them.
    pub fn all(&self) -> Vec<&Arc<Route>> {
        match self {
            Self::Messages(routes) => routes.all(),
            Self::Http(routes) => routes.all(),
        }
    }
}

/// The routes of an HTTP API.
#[derive(Debug)]
pub struct HttpRoutes {
    /// Methods and paths to routes.
    pub router: Router<Arc<Route>>,
    /// All routes, ordered by key.
    pub listed: Vec<Arc<Route>>,
    /// `corsConfiguration`.
    pub cors: Option<Cors>,
}

/// `corsConfiguration`, and the route that answers preflights which meet no other.
#[derive(Debug)]
pub struct Cors {
    /// Who may read answers.
    pub policy: CorsPolicy,
    /// Answers preflights; open, without integration.
    pub preflight: Arc<Route>,
}

impl HttpRoutes {
    /// The route of a request, and what its variables stand for.
    pub fn select(&self, method: &Method, path: &RoutePath<'_>) -> Option<Match<'_, Arc<Route>>> {
        self.router.select(method, path)
    }

    fn all(&self) -> Vec<&Arc<Route>> {
        self.listed.iter().collect()
    }
}

/// The routes of a WebSocket API. It can connect and disconnect even when the definition names no such route.
#[derive(Debug)]
pub struct MessageRoutes {
    /// `$connect`.
    pub connect: Arc<Route>,
    /// `$disconnect`.
    pub disconnect: Arc<Route>,
    /// `$default`.
    pub default: Option<Arc<Route>>,
    /// All others by their key.
    pub custom: HashMap<Box<str>, Arc<Route>>,
    /// Whether any of these takes one message at a time.
    pub any_serial: bool,
}

impl MessageRoutes {
    /// The route for a message whose selection expression gave `key`; `None` for text that is no JSON.
    ///
    /// A client cannot pick `$connect` or `$disconnect`: those are not among the custom routes.
    pub fn for_message(&self, key: Option<&str>) -> Option<&Arc<Route>> {
        key.and_then(|key| self.custom.get(key))
            .or(self.default.as_ref())
    }

    /// All routes: the predefined ones first, then the others by key.
    pub fn all(&self) -> Vec<&Arc<Route>> {
        let mut custom: Vec<_> = self.custom.values().collect();
        custom.sort_by(|a, b| a.key.cmp(&b.key));
        let fixed = [
            Some(&self.connect),
            Some(&self.disconnect),
            self.default.as_ref(),
        ];
        fixed.into_iter().flatten().chain(custom).collect()
    }
}
