//! Which route takes a request.
//!
//! The order, from first to last:
//!
//! 1. a key that matches without a greedy variable, one that ends in a greedy variable, `$default`;
//! 2. a key of the request's method, a key of `ANY`;
//! 3. from left to right, a literal segment, `{v}`, `{v+}`.
//!
//! AWS: "Create routes for HTTP APIs" has the first; the second stands above the third by observation of the service.
//!
//! There is a tree of segments for each method and one for `ANY`. A tree is walked at most twice, and a walk visits a node at
//! most once, as its depth is that of the segment it takes. Literals are looked up by hash: with ordinary routes the cost is
//! that of the path, whatever the number of routes.

use std::borrow::Cow;

use foldhash::HashMap;
use http::Method;

use super::key::{HttpRouteKey, Segment};
use crate::lang::http_path::{RoutePath, decoded_part};

/// The routes of a stage, ready to be looked up.
#[derive(Debug, Clone)]
pub struct Router<T> {
    routes: Vec<(HttpRouteKey, T)>,
    /// A handful at most.
    methods: Vec<(Method, Node)>,
    any: Node,
    default: Option<usize>,
}

/// The route that takes a request.
#[derive(Debug, PartialEq, Eq)]
pub struct Match<'r, T> {
    /// Its key.
    pub key: &'r HttpRouteKey,
    /// What was stored under the key.
    pub route: &'r T,
    /// The variables of the path in order, decoded; a greedy one without leading slash.
    pub variables: Vec<(String, String)>,
}

/// A node of a tree: what the segments up to here lead to, as places in the list of routes.
#[derive(Debug, Clone, Default)]
struct Node {
    literals: HashMap<String, Node>,
    variable: Option<Box<Node>>,
    /// The route whose key ends here.
    here: Option<usize>,
    /// The route whose key goes on with a greedy variable.
    greedy: Option<usize>,
}

/// Which tier a walk looks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tier {
    Full,
    Greedy,
}

impl<T> Router<T> {
    /// Builds the trees. Of two keys of one [shape](HttpRouteKey::shape) the first counts.
    pub fn new(routes: impl IntoIterator<Item = (HttpRouteKey, T)>) -> Self {
        let mut router = Self {
            routes: Vec::new(),
            methods: Vec::new(),
            any: Node::default(),
            default: None,
        };
        for (key, route) in routes {
            let place = router.routes.len();
            if key.is_default() {
                router.default.get_or_insert(place);
            } else {
                let root = match key.method() {
                    Some(method) => router.of_method(method),
                    None => &mut router.any,
                };
                root.insert(&key, place);
            }
            router.routes.push((key, route));
        }
        router
    }

    /// All routes, in the order given.
    pub fn routes(&self) -> impl Iterator<Item = (&HttpRouteKey, &T)> {
        self.routes.iter().map(|(key, route)| (key, route))
    }

    /// The route that takes a request, `None` when none does; there is no "method not allowed".
    pub fn select(&self, method: &Method, path: &RoutePath<'_>) -> Option<Match<'_, T>> {
        let text = path.after_slash();
        let mut methods = self.methods.iter();
        let of_method = methods.find(|(known, _)| known == method);
        let found = [Tier::Full, Tier::Greedy].into_iter().find_map(|tier| {
            let own = of_method.and_then(|(_, root)| root.find(tier, Some(text)));
            own.or_else(|| self.any.find(tier, Some(text)))
        });
        let (key, route) = self.routes.get(found.or(self.default)?)?;
        Some(Match {
            key,
            route,
            variables: captures(key, text),
        })
    }
}

impl<T> Router<T> {
    fn of_method(&mut self, method: &Method) -> &mut Node {
        let known = self.methods.iter().position(|(known, _)| known == method);
        let place = known.unwrap_or_else(|| {
            self.methods.push((method.clone(), Node::default()));
            self.methods.len() - 1
        });
        &mut self.methods[place].1
    }
}

impl Node {
    fn insert(&mut self, key: &HttpRouteKey, place: usize) {
        // The path `/` is one empty segment, which no other key has.
        let root = [Segment::Literal(String::new())];
        let segments = match key.segments() {
            [] => &root,
            segments => segments,
        };
        let mut node = self;
        for segment in segments {
            node = match segment {
                Segment::Literal(text) => node.literals.entry(text.clone()).or_default(),
                Segment::Variable(_) => node.variable.get_or_insert_default(),
                Segment::Greedy(_) => {
                    node.greedy.get_or_insert(place);
                    return;
                }
            };
        }
        node.here.get_or_insert(place);
    }

    /// The route for what is left of a path behind a slash; `None` is left when the path has ended.
    fn find(&self, tier: Tier, left: Option<&str>) -> Option<usize> {
        let Some(left) = left else {
            return self.here.filter(|_| tier == Tier::Full);
        };
        let (segment, rest) = next_segment(left);
        let literal = match self.literals.is_empty() {
            true => None,
            false => self.literals.get(decoded_part(segment).as_ref()),
        };
        let deeper = literal.and_then(|node| node.find(tier, rest)).or_else(|| {
            let variable = self.variable.as_deref().filter(|_| !segment.is_empty());
            variable.and_then(|node| node.find(tier, rest))
        });
        deeper.or_else(|| {
            let takes = tier == Tier::Greedy && has_segment(left);
            self.greedy.filter(|_| takes)
        })
    }
}

/// The first segment of what is left of a path, and what follows its slash.
fn next_segment(left: &str) -> (&str, Option<&str>) {
    // Looked for in bytes: paths are short, and setting up a search for characters costs more than it.
    let end = left.bytes().position(|byte| byte == b'/');
    match end.and_then(|end| Some((left.get(..end)?, left.get(end + 1..)?))) {
        Some((segment, rest)) => (segment, Some(rest)),
        None => (left, None),
    }
}

/// Whether there is a segment that is not empty: less is not enough for a greedy variable.
fn has_segment(left: &str) -> bool {
    left.bytes().any(|byte| byte != b'/')
}

/// The variables of a key in a path that it matches.
fn captures(key: &HttpRouteKey, text: &str) -> Vec<(String, String)> {
    let mut variables = Vec::new();
    let mut left = Some(text);
    for segment in key.segments() {
        let Some(text) = left else { break };
        let (own, rest) = next_segment(text);
        let capture = |name: &String, raw| (name.clone(), Cow::into_owned(decoded_part(raw)));
        match segment {
            Segment::Literal(_) => {}
            Segment::Variable(name) => variables.push(capture(name, own)),
            Segment::Greedy(name) => variables.push(capture(name, text)),
        }
        left = rest;
    }
    variables
}
