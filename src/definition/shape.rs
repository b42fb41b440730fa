//! The vocabulary in which every resource of a definition is described.
//!
//! The tables of [`super::tables`] are written in it once, and three readers follow them: the walker that checks a
//! definition, the JSON Schema for editors, and the tests that hold the tables and the model together.

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;
use url::Url;

/// What a value may be.
#[derive(Debug)]
pub(super) enum Shape {
    /// Text.
    Text(Text),
    /// One of a few words.
    Choice(&'static [Choice]),
    /// One of these values, spelled so; anything else is refused with the sentence, which says until when or instead of what.
    Only {
        /// What the values are written like.
        shape: &'static Shape,
        /// The values that are accepted.
        accepted: &'static [&'static str],
        /// What to do about any other value.
        otherwise: &'static str,
    },
    /// A whole number within bounds.
    Integer {
        /// Smallest.
        min: i64,
        /// Largest.
        max: i64,
    },
    /// A number within bounds.
    Number {
        /// Smallest.
        min: f64,
        /// Largest.
        max: f64,
    },
    /// `true` or `false`.
    Boolean,
    /// A time such as `500ms`, `10s`, `10m`, `2h`, within bounds in milliseconds.
    Duration {
        /// Shortest.
        min_ms: u64,
        /// Longest.
        max_ms: u64,
    },
    /// One of these words, or a value of the shape.
    Or(&'static [&'static str], &'static Shape),
    /// A list.
    List {
        /// What each item is.
        item: &'static Shape,
        /// Fewest items.
        min: usize,
        /// Most items.
        max: usize,
        /// Whether a single item may stand without brackets.
        or_one: bool,
    },
    /// A map whose keys the user chooses.
    Map {
        /// What a key may be.
        key: Text,
        /// What each value is.
        value: &'static Shape,
        /// Most entries.
        max: usize,
    },
    /// A map whose keys are known.
    Object(&'static Object),
    /// Anything at all, as JSON.
    Document,
}

/// A map whose keys are known.
#[derive(Debug)]
pub(super) struct Object {
    /// What it is called, e.g. `Stage`; unique, names the schema's definition.
    pub(super) name: &'static str,
    /// One sentence.
    pub(super) doc: &'static str,
    /// Its keys.
    pub(super) fields: &'static [Field],
    /// A key whose value may say that the map is of another kind, with other keys.
    pub(super) kind: Option<&'static Kind>,
}

/// A key that tells kinds of a resource apart.
#[derive(Debug)]
pub(super) struct Kind {
    /// The key.
    pub(super) field: &'static str,
    /// Its values for which the resource is something else than the table that has the key, and what.
    pub(super) others: &'static [(&'static str, &'static Object)],
}

/// One known key.
#[derive(Debug)]
pub(super) struct Field {
    /// The key.
    pub(super) name: &'static str,
    /// What the value may be; of a refused key, what editors should expect.
    pub(super) shape: &'static Shape,
    /// Whether it must be there, or what it is when it is not.
    pub(super) need: Need,
    /// One sentence, for editors.
    pub(super) doc: &'static str,
}

/// Whether a key must be there.
#[derive(Debug)]
pub(super) enum Need {
    /// It must.
    Required,
    /// It must; without it the rest is checked as if it were this, so that one mistake does not hide the others.
    RequiredLike(&'static str),
    /// It need not, and then nothing stands in its place.
    Optional,
    /// It need not, and then it is this, as it would be written.
    Default(&'static str),
    /// It need not, and then it is an empty map.
    Empty,
    /// It must not: the sentence says until when, or instead of what.
    Refused(&'static str),
}

/// One word of a [`Shape::Choice`].
#[derive(Debug)]
pub(super) struct Choice {
    /// The word.
    pub(super) word: &'static str,
    /// Why it is refused, if it is.
    pub(super) refused: Option<&'static str>,
}

/// What a text may be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Text {
    /// Fewest characters.
    pub(super) min: usize,
    /// Most characters.
    pub(super) max: usize,
    /// Its inner form.
    pub(super) form: Form,
    /// Whether it must never be printed.
    pub(super) secret: bool,
}

/// The inner form of a text.
#[derive(Debug, Clone, Copy)]
pub(super) enum Form {
    /// Any text.
    Any,
    /// What the regular expression matches, and how to say that to a person.
    Pattern(&'static str, &'static str),
    /// An address and a port.
    Address,
    /// An IP network; an address alone is a network of one.
    Network,
    /// An `http` or `https` URL without query and fragment.
    Endpoint,
    /// A path; relative ones follow the text they stand in.
    Path,
    /// The path of a file that can be read and has at most so many bytes.
    File(usize),
    /// The path of a UTF-8 file of at most so many bytes; its content takes the place of the path.
    Content(usize),
    /// `stdout`, `stderr` or `file:PATH`.
    Destination,
}

impl Field {
    /// Whether a map without the key is wrong.
    pub(super) fn is_required(&self) -> bool {
        matches!(self.need, Need::Required | Need::RequiredLike(_))
    }
}

impl Text {
    /// Any text of so many characters.
    pub(super) const fn of(min: usize, max: usize) -> Self {
        Self {
            min,
            max,
            form: Form::Any,
            secret: false,
        }
    }

    /// Text of so many characters and one form.
    pub(super) const fn form(min: usize, max: usize, form: Form) -> Self {
        Self {
            min,
            max,
            form,
            secret: false,
        }
    }
}

impl Form {
    /// What the form is, to a person.
    pub(super) fn says(&self) -> &'static str {
        match self {
            Form::Any => "any text",
            Form::Pattern(_, says) => says,
            Form::Address => {
                "an address and a port, such as `127.0.0.1:8080`, `0.0.0.0:8080` or `[::1]:8080`"
            }
            Form::Network => "an IP address or network, such as `10.0.0.0/8`",
            Form::Endpoint => "an http or https URL, such as `http://127.0.0.1:4566`",
            Form::Path => "a path",
            Form::File(_) => "the path of a file",
            Form::Content(_) => "the path of a text file",
            Form::Destination => "`stdout`, `stderr`, `file:PATH` or the ARN of a log group",
        }
    }

    /// The text in its normal form, if it has this form. Patterns, paths and contents are the walker's business.
    pub(super) fn normal(&self, text: &str) -> Option<String> {
        match self {
            Form::Any
            | Form::Pattern(..)
            | Form::Path
            | Form::File(_)
            | Form::Content(_)
            | Form::Destination => Some(text.to_owned()),
            Form::Address => {
                let address: SocketAddr = text.parse().ok()?;
                Some(address.to_string())
            }
            Form::Network => network(text).map(|network| network.to_string()),
            Form::Endpoint => endpoint(text),
        }
    }
}

fn network(text: &str) -> Option<IpNet> {
    let address = || text.parse::<IpAddr>().ok().map(IpNet::from);
    text.parse().ok().or_else(address)
}

fn endpoint(text: &str) -> Option<String> {
    let url = Url::parse(text).ok()?;
    let plain = matches!(url.scheme(), "http" | "https")
        && url.has_host()
        && url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    plain.then(|| text.trim_end_matches('/').to_owned())
}

/// A text shape.
pub(super) const fn text(min: usize, max: usize) -> Shape {
    Shape::Text(Text::of(min, max))
}

/// A text shape with a form.
pub(super) const fn formed(min: usize, max: usize, form: Form) -> Shape {
    Shape::Text(Text::form(min, max, form))
}

/// A word that is accepted.
pub(super) const fn word(word: &'static str) -> Choice {
    Choice {
        word,
        refused: None,
    }
}

/// A word that is refused, and what to do instead.
pub(super) const fn refused_word(word: &'static str, otherwise: &'static str) -> Choice {
    Choice {
        word,
        refused: Some(otherwise),
    }
}

/// A key that must be there.
pub(super) const fn required(
    name: &'static str,
    shape: &'static Shape,
    doc: &'static str,
) -> Field {
    Field {
        name,
        shape,
        need: Need::Required,
        doc,
    }
}

/// A key that must be there; `stand_in` is what the rest is checked with when it is not.
pub(super) const fn required_like(
    name: &'static str,
    shape: &'static Shape,
    stand_in: &'static str,
    doc: &'static str,
) -> Field {
    Field {
        name,
        shape,
        need: Need::RequiredLike(stand_in),
        doc,
    }
}

/// A key that may be absent.
pub(super) const fn optional(
    name: &'static str,
    shape: &'static Shape,
    doc: &'static str,
) -> Field {
    Field {
        name,
        shape,
        need: Need::Optional,
        doc,
    }
}

/// A key that is `default` when it is absent.
pub(super) const fn with_default(
    name: &'static str,
    shape: &'static Shape,
    default: &'static str,
    doc: &'static str,
) -> Field {
    Field {
        name,
        shape,
        need: Need::Default(default),
        doc,
    }
}

/// A map that is empty when it is absent.
pub(super) const fn nested(name: &'static str, shape: &'static Shape, doc: &'static str) -> Field {
    Field {
        name,
        shape,
        need: Need::Empty,
        doc,
    }
}

/// A key that is refused by name.
pub(super) const fn refused(name: &'static str, otherwise: &'static str) -> Field {
    Field {
        name,
        shape: &Shape::Document,
        need: Need::Refused(otherwise),
        doc: "",
    }
}
