//! Texts with wildcards and policy variables.
//!
//! `*` stands for any run of characters, `/` and `:` among them, `?` for one character. In documents of version 2012-10-17
//! `${key}` is the value of a condition key, `${key, 'default'}` has a text for when there is none, and `${*}`, `${?}` and
//! `${$}` are the characters themselves. A value's own `*` and `?` are plain characters.
//!
//! Source: IAM User Guide, "IAM policy elements: Variables and tags".

use super::Facts;

/// Most characters a pattern may have once its variables are replaced; beyond, it cannot be decided.
const EXPANDED_CHARACTERS_MAX: usize = 16 * 1024;

/// Which parts of a text are more than characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Syntax {
    pub(super) wildcards: bool,
    pub(super) variables: bool,
    /// Both sides are compared without regard to (ASCII) case.
    pub(super) fold_case: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Char(char),
    AnyRun,
    AnyOne,
    Variable {
        key: String,
        default: Option<String>,
    },
}

/// A parsed text.
#[derive(Clone, Debug)]
pub(super) struct Pattern {
    tokens: Vec<Token>,
    /// The characters that it begins with; nearly every policy has little else, or nothing.
    start: String,
    /// How many tokens these are.
    start_tokens: usize,
    has_variables: bool,
    fold_case: bool,
}

impl Pattern {
    /// Reads a pattern. The error is a sentence about a malformed variable.
    pub(super) fn parse(text: &str, syntax: Syntax) -> Result<Self, String> {
        let mut tokens = Vec::new();
        let mut rest = text.chars();
        while let Some(char) = rest.next() {
            tokens.push(match char {
                '*' if syntax.wildcards => Token::AnyRun,
                '?' if syntax.wildcards => Token::AnyOne,
                '$' if syntax.variables && rest.as_str().starts_with('{') => {
                    let (inside, after) = braced(rest.as_str()).ok_or(
                        "a policy variable has no closing brace; write ${$} for a plain $",
                    )?;
                    rest = after.chars();
                    variable(inside)?
                }
                other => Token::Char(other),
            });
        }
        Ok(Self::of(tokens, syntax.fold_case))
    }

    fn of(tokens: Vec<Token>, fold_case: bool) -> Self {
        let has_variables = tokens
            .iter()
            .any(|token| matches!(token, Token::Variable { .. }));
        let start = tokens.iter().map_while(|token| match token {
            Token::Char(char) => Some(*char),
            Token::AnyRun | Token::AnyOne | Token::Variable { .. } => None,
        });
        let start: String = start.collect();
        Self {
            start_tokens: start.chars().count(),
            start,
            tokens,
            has_variables,
            fold_case,
        }
    }

    /// Whether the text matches; `None` when a variable has no value.
    pub(super) fn matches(&self, text: &str, facts: &Facts) -> Option<bool> {
        match self.has_variables {
            false => Some(self.matches_as_written(text)),
            true => Some(self.run(&self.expand(facts)?, text)),
        }
    }

    /// The condition keys that its variables name, in lower case.
    pub(super) fn keys(&self) -> impl Iterator<Item = &str> {
        self.tokens.iter().filter_map(|token| match token {
            Token::Variable { key, .. } => Some(key.as_str()),
            Token::Char(_) | Token::AnyRun | Token::AnyOne => None,
        })
    }

    /// As [`Pattern::matches`], without variables: the start as a whole, and only the rest token by token.
    fn matches_as_written(&self, text: &str) -> bool {
        let Some((start, rest)) = text.split_at_checked(self.start.len()) else {
            return false;
        };
        let same = match self.fold_case {
            true => start.eq_ignore_ascii_case(&self.start),
            false => start == self.start,
        };
        let tokens = self.tokens.get(self.start_tokens..).unwrap_or_default();
        same && (matches!(tokens, [Token::AnyRun]) || self.run(tokens, rest))
    }

    fn run(&self, tokens: &[Token], text: &str) -> bool {
        // Names and ARNs are ASCII but for odd ones, and then bytes are characters.
        if text.is_ascii() {
            return run(tokens, text.as_bytes(), self.fold_case, &mut || ());
        }
        let text: Vec<char> = text.chars().collect();
        run(tokens, &text, self.fold_case, &mut || ())
    }

    fn expand(&self, facts: &Facts) -> Option<Vec<Token>> {
        let mut expanded = Vec::with_capacity(self.tokens.len());
        for token in &self.tokens {
            match token {
                Token::Variable { key, default } => {
                    let value = match (facts.values(key), default) {
                        ([value], _) => value,
                        (_, Some(default)) => default,
                        _ => return None,
                    };
                    expanded.extend(value.chars().map(Token::Char));
                }
                plain => expanded.push(plain.clone()),
            }
            if expanded.len() > EXPANDED_CHARACTERS_MAX {
                return None;
            }
        }
        Some(expanded)
    }

    /// Splits at the first `count - 1` plain colons, as ARNs are; fewer colons give fewer parts.
    pub(super) fn split_colons(self, count: usize) -> Vec<Self> {
        let fold_case = self.fold_case;
        self.tokens
            .splitn(count, |token| *token == Token::Char(':'))
            .map(|tokens| Self::of(tokens.to_vec(), fold_case))
            .collect()
    }
}

/// What stands between the braces, and what follows them.
fn braced(text: &str) -> Option<(&str, &str)> {
    text.strip_prefix('{')?.split_once('}')
}

fn variable(inside: &str) -> Result<Token, String> {
    match inside {
        "*" | "?" | "$" => return Ok(Token::Char(inside.chars().next().unwrap_or('$'))),
        _ => {}
    }
    let (key, default) = match inside.split_once(',') {
        None => (inside, None),
        Some((key, quoted)) => {
            let text = quoted
                .trim()
                .strip_prefix('\'')
                .and_then(|text| text.strip_suffix('\''))
                .ok_or_else(|| {
                    format!(
                        "the default value in ${{{inside}}} must stand in single quotation marks"
                    )
                })?;
            (key, Some(text.to_owned()))
        }
    };
    let key = key.trim();
    let named = !key.is_empty()
        && key.chars().all(|c| {
            c.is_ascii_alphanumeric() || matches!(c, ':' | '/' | '_' | '-' | '.' | '+' | '=' | '@')
        });
    if !named {
        return Err(format!("${{{inside}}} is not a policy variable"));
    }
    Ok(Token::Variable {
        key: key.to_ascii_lowercase(),
        default,
    })
}

/// Matches in at most `tokens × characters` steps: only the last `*` is ever tried again, since whatever an earlier one
/// could still take, the last one can take as well. `step` is called once for each comparison.
fn run<C: Copy + Into<char>>(
    tokens: &[Token],
    text: &[C],
    fold_case: bool,
    step: &mut impl FnMut(),
) -> bool {
    let (mut at_token, mut at_char) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while let Some(char) = text.get(at_char) {
        step();
        let token = tokens.get(at_token);
        if token == Some(&Token::AnyRun) {
            at_token += 1;
            if at_token == tokens.len() {
                return true;
            }
            retry = Some((at_token, at_char));
        } else if token.is_some_and(|token| takes(token, (*char).into(), fold_case)) {
            at_token += 1;
            at_char += 1;
        } else if let Some((token, char)) = retry {
            at_token = token;
            at_char = char + 1;
            retry = Some((at_token, at_char));
        } else {
            return false;
        }
    }
    tokens
        .iter()
        .skip(at_token)
        .all(|token| *token == Token::AnyRun)
}

fn takes(token: &Token, char: char, fold_case: bool) -> bool {
    match token {
        Token::Char(own) if fold_case => own.eq_ignore_ascii_case(&char),
        Token::Char(own) => *own == char,
        Token::AnyOne => true,
        // Variables are gone by now, and runs are the caller's.
        Token::AnyRun | Token::Variable { .. } => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Syntax = Syntax {
        wildcards: true,
        variables: true,
        fold_case: false,
    };

    fn check(pattern: &str, text: &str, expected: Option<bool>) {
        let facts = Facts::new()
            .with("aws:username", "ann")
            .with("aws:PrincipalTag/team", "a*b")
            .with_all("aws:many", ["x".into(), "y".into()]);
        let parsed = Pattern::parse(pattern, ALL).unwrap();
        assert_eq!(
            parsed.matches(text, &facts),
            expected,
            "{pattern} on {text}"
        );
    }

    #[test]
    fn wildcards_match_as_in_iam() {
        for (pattern, text, expected) in [
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
            ("*", "a/b:c", true),
            ("**", "a", true),
            ("a", "a", true),
            ("a", "A", false),
            ("a", "ab", false),
            ("a?", "ab", true),
            ("a?", "a", false),
            ("?", "é", true),
            ("a*c", "abc", true),
            ("a*c", "ac", true),
            ("a*c", "acd", false),
            ("*b*", "abc", true),
            ("*bc", "abcbc", true),
            ("*ab*ab*", "ab", false),
            ("*ab*ab*", "xabyabz", true),
            ("a*?c", "ac", false),
            ("a*?c", "abc", true),
            (
                "arn:aws:execute-api:*:*:*/prod/*",
                "arn:aws:execute-api:r:1:a/prod/GET/x/y",
                true,
            ),
            (
                "arn:aws:execute-api:*:*:*/prod/*",
                "arn:aws:execute-api:r:1:a/dev/GET/x",
                false,
            ),
            ("a/*/c", "a/b/b/c", true),
            ("$", "$", true),
            ("a$b", "a$b", true),
            ("{x}", "{x}", true),
        ] {
            check(pattern, text, Some(expected));
        }
    }

    #[test]
    fn variables_are_replaced() {
        for (pattern, text, expected) in [
            ("${aws:username}", "ann", Some(true)),
            ("${AWS:UserName}", "ann", Some(true)),
            ("x/${aws:username}/*", "x/ann/y", Some(true)),
            ("x/${aws:username}/*", "x/bob/y", Some(false)),
            ("${aws:PrincipalTag/team}", "a*b", Some(true)),
            ("${aws:PrincipalTag/team}", "axb", Some(false)),
            ("${aws:missing}", "", None),
            ("${aws:many}", "x", None),
            ("${aws:missing, 'anyone'}", "anyone", Some(true)),
            ("${ aws:username , 'anyone' }", "ann", Some(true)),
            ("${aws:missing,''}", "", Some(true)),
            ("${*}", "*", Some(true)),
            ("${*}", "x", Some(false)),
            ("${?}", "?", Some(true)),
            ("${?}", "x", Some(false)),
            ("${$}{a}", "${a}", Some(true)),
        ] {
            check(pattern, text, expected);
        }
    }

    #[test]
    fn malformed_variables_are_refused() {
        for pattern in [
            "${", "${a", "${}", "${ }", "${a b}", "${a,b}", "${a,'b}", "${**}", "${a${b}}",
        ] {
            assert!(Pattern::parse(pattern, ALL).is_err(), "{pattern}");
        }
    }

    #[test]
    fn plain_syntax_knows_neither() {
        let plain = Syntax {
            wildcards: false,
            variables: false,
            fold_case: true,
        };
        for (pattern, text, expected) in [
            ("*", "*", true),
            ("*", "a", false),
            ("${aws:username}", "${AWS:username}", true),
            ("${", "${", true),
        ] {
            let parsed = Pattern::parse(pattern, plain).unwrap();
            assert_eq!(
                parsed.matches(text, &Facts::new()),
                Some(expected),
                "{pattern}"
            );
        }
    }

    #[test]
    fn variables_cannot_blow_a_pattern_up() {
        let facts = Facts::new().with("k", "x".repeat(1000));
        let parsed = Pattern::parse(&"${k}".repeat(100), ALL).unwrap();
        assert_eq!(parsed.matches("x", &facts), None);
    }

    #[test]
    fn hostile_patterns_cost_no_more_than_pattern_times_text() {
        for (pattern, text) in [
            ("a*".repeat(200) + "b", "a".repeat(2000)),
            ("*a".repeat(200) + "b", "a".repeat(2000)),
            ("*?".repeat(200) + "b", "a".repeat(2000)),
            ("*".repeat(400) + "b", "a".repeat(2000)),
            ("*".to_owned() + &"a".repeat(400) + "b", "a".repeat(2000)),
        ] {
            let parsed = Pattern::parse(&pattern, ALL).unwrap();
            let text: Vec<char> = text.chars().collect();
            let mut steps = 0;
            assert!(!run(&parsed.tokens, &text, false, &mut || steps += 1));
            let bound = (parsed.tokens.len() + 1) * (text.len() + 1);
            assert!(steps <= bound, "{steps} steps, bound {bound}");
        }
    }
}
