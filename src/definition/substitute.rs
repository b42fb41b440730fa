//! `${env:NAME}`, `${env:NAME:-default}` and `${file:PATH}` inside a scalar.
//!
//! Replaced once, after parsing: what comes in is never looked at again, and never appears in a message.

/// Where the replacements come from.
pub(super) trait Sources {
    /// The value of a variable of the environment.
    fn variable(&self, name: &str) -> Option<String>;

    /// The content of a file, or what is wrong with it.
    fn file(&mut self, path: &str) -> Result<String, String>;
}

/// What is wrong with a substitution, and how to fix it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) what: String,
    pub(super) remedy: String,
}

/// Whether the text asks for a substitution.
pub(super) fn asks(text: &str) -> bool {
    text.contains("${env:") || text.contains("${file:")
}

/// The text with every substitution made, or the first thing that is wrong with one.
pub(super) fn substitute(text: &str, sources: &mut dyn Sources) -> Result<String, Problem> {
    let mut output = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        output.push_str(before);
        let asked = after.starts_with("env:") || after.starts_with("file:");
        if !asked {
            output.push_str("${");
            rest = after;
            continue;
        }
        let Some((inner, after)) = after.split_once('}') else {
            return Err(problem("`${` is not closed", "add the `}`"));
        };
        output.push_str(&replacement(inner, sources)?);
        rest = after;
    }
    output.push_str(rest);
    Ok(output)
}

fn replacement(inner: &str, sources: &mut dyn Sources) -> Result<String, Problem> {
    if let Some(path) = inner.strip_prefix("file:") {
        let content = sources.file(path).map_err(|error| {
            let what = format!("the file `{path}` cannot be read: {error}");
            problem(&what, "correct the path or provide the file")
        })?;
        let trimmed = content.strip_suffix('\n').unwrap_or(&content);
        return Ok(trimmed.strip_suffix('\r').unwrap_or(trimmed).to_owned());
    }
    let inner = inner.strip_prefix("env:").unwrap_or(inner);
    let (name, default) = match inner.split_once(":-") {
        Some((name, default)) => (name, Some(default)),
        None => (inner, None),
    };
    let named = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if !named {
        let what = "`${env:...}` does not name a variable";
        return Err(problem(
            what,
            "write `${env:NAME}` or `${env:NAME:-default}`",
        ));
    }
    match (sources.variable(name), default) {
        // As in a shell, `:-` also stands in for an empty value.
        (Some(value), Some(default)) if value.is_empty() => Ok(default.to_owned()),
        (Some(value), _) => Ok(value),
        (None, Some(default)) => Ok(default.to_owned()),
        (None, None) => {
            let what = format!("the environment variable `{name}` is not set");
            let remedy = format!("set it, or write `${{env:{name}:-default}}`");
            Err(problem(&what, &remedy))
        }
    }
}

fn problem(what: &str, remedy: &str) -> Problem {
    Problem {
        what: what.to_owned(),
        remedy: remedy.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Two;

    impl Sources for Two {
        fn variable(&self, name: &str) -> Option<String> {
            match name {
                "A" => Some("${env:B}".to_owned()),
                "EMPTY" => Some(String::new()),
                _ => None,
            }
        }

        fn file(&mut self, path: &str) -> Result<String, String> {
            match path {
                "key" => Ok("s3\r\n".to_owned()),
                _ => Err("No such file".to_owned()),
            }
        }
    }

    #[test]
    fn substitutions_are_made_once() {
        let check = |text, expected: &str| {
            assert_eq!(
                substitute(text, &mut Two),
                Ok(expected.to_owned()),
                "{text}"
            );
        };
        check("x", "x");
        check("${env:A}", "${env:B}");
        check("<${env:A}|${file:key}>", "<${env:B}|s3>");
        check("${env:EMPTY}", "");
        check("${env:EMPTY:-x}", "x");
        check("${env:NONE:-a:-b c}", "a:-b c");
        check("${env:NONE:-}", "");
        check(
            "${stageVariables.x}${request.body.a}",
            "${stageVariables.x}${request.body.a}",
        );
        check("$ ${ ", "$ ${ ");
    }

    #[test]
    fn what_cannot_be_substituted_is_refused_by_name() {
        let check = |text, expected: &str| {
            let problem = substitute(text, &mut Two).unwrap_err();
            assert!(problem.what.contains(expected), "{problem:?}");
        };
        check("${env:NONE}", "`NONE` is not set");
        check("${env:}", "does not name a variable");
        check("${env:1A}", "does not name a variable");
        check("${env:A B}", "does not name a variable");
        check("${env:A", "not closed");
        check("${file:none}", "`none` cannot be read: No such file");
    }
}
