//! What a hosted function is made of, what the host adds, and the environment that comes of both.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use aws_credential_types::Credentials;

/// The variables that a definition may not set, because Lambda, and here the gateway, sets them.
///
/// AWS: "Working with Lambda environment variables", reserved variables. Unlike in Lambda the three credential variables
/// are not among them: a process here has no execution role, so a function that calls real AWS services brings its own
/// pair, which then replaces the minted one as a whole.
pub const RESERVED_NAMES: [&str; 16] = [
    "AWS_DEFAULT_REGION",
    "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_INITIALIZATION_TYPE",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_LAMBDA_MAX_CONCURRENCY",
    "AWS_LAMBDA_METADATA_API",
    "AWS_LAMBDA_RUNTIME_API",
    "AWS_REGION",
    "LAMBDA_RUNTIME_DIR",
    "LAMBDA_TASK_ROOT",
    "_HANDLER",
    "_X_AMZN_TRACE_ID",
];

/// The variables that carry credentials; a function that sets one of them gets none of the minted ones.
const CREDENTIAL_NAMES: [&str; 3] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
];

/// One function of the definition. Two equal settings mean the same processes.
#[derive(Clone, PartialEq, Eq)]
pub struct FunctionSettings {
    /// The name in `function:NAME`.
    pub name: String,
    /// Program and arguments. A program with a slash is found from the working directory, any other in `PATH`.
    pub command: Vec<String>,
    /// What becomes `_HANDLER`.
    pub handler: Option<String>,
    /// Where the process runs; also `LAMBDA_TASK_ROOT`.
    pub working_directory: PathBuf,
    /// Variables of the definition; [`RESERVED_NAMES`] are refused when the definition is checked and never win here.
    pub environment: BTreeMap<String, String>,
    /// How long one event may take; the process is killed when it takes longer. Lambda allows 1 s to 15 min.
    pub timeout: Duration,
    /// Told to the function in MB; not enforced.
    pub memory_size: u32,
    /// Processes kept at most, at least one.
    pub reserved_concurrency: usize,
}

/// What every hosted function is told about where it runs.
#[derive(Clone)]
pub struct HostSettings {
    /// `AWS_REGION`, and the region in the function's ARN.
    pub region: String,
    /// The account in the function's ARN.
    pub account_id: String,
    /// A pair that may sign requests to this gateway; `None` gives functions no credentials.
    pub credentials: Option<Credentials>,
    /// Variables for every function, which its own may replace: the gateway's `PATH`, and for the development CA
    /// `NODE_EXTRA_CA_CERTS`, `AWS_CA_BUNDLE` and `SSL_CERT_FILE`. Nothing else of the gateway's own environment is
    /// passed on.
    pub environment: BTreeMap<String, String>,
}

/// Names only: values may be secrets.
impl fmt::Debug for FunctionSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FunctionSettings")
            .field("name", &self.name)
            .field("command", &self.command)
            .field("working_directory", &self.working_directory)
            .field("environment", &self.environment.keys())
            .finish_non_exhaustive()
    }
}

/// Names only: values may be secrets.
impl fmt::Debug for HostSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HostSettings")
            .field("region", &self.region)
            .field("account_id", &self.account_id)
            .field("environment", &self.environment.keys())
            .finish_non_exhaustive()
    }
}

impl HostSettings {
    /// The ARN under which a function knows itself.
    pub(super) fn arn(&self, function: &str) -> String {
        format!(
            "arn:aws:lambda:{}:{}:function:{function}",
            self.region, self.account_id
        )
    }

    /// The whole environment of one process; the gateway's own is not inherited.
    ///
    /// AWS: "Working with Lambda environment variables", defined runtime environment variables.
    pub(super) fn environment_of(
        &self,
        function: &FunctionSettings,
        runtime_api: &str,
        log_stream: &str,
    ) -> BTreeMap<String, String> {
        let mut all = BTreeMap::new();
        let mut set = |name: &str, value: &str| all.insert(name.to_owned(), value.to_owned());
        set("LANG", "en_US.UTF-8");
        set("TZ", ":UTC");
        let own_credentials = CREDENTIAL_NAMES
            .iter()
            .any(|name| function.environment.contains_key(*name));
        if let (Some(minted), false) = (&self.credentials, own_credentials) {
            set("AWS_ACCESS_KEY_ID", minted.access_key_id());
            set("AWS_SECRET_ACCESS_KEY", minted.secret_access_key());
            if let Some(token) = minted.session_token() {
                set("AWS_SESSION_TOKEN", token);
            }
        }
        for (name, value) in self.environment.iter().chain(&function.environment) {
            set(name, value);
        }
        // Reserved names last, so that nothing replaces them.
        let task_root = function.working_directory.to_string_lossy();
        set("_HANDLER", function.handler.as_deref().unwrap_or_default());
        set("AWS_REGION", &self.region);
        set("AWS_DEFAULT_REGION", &self.region);
        set("AWS_EXECUTION_ENV", "AWS_Lambda_provided");
        set("AWS_LAMBDA_FUNCTION_NAME", &function.name);
        set("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST");
        set(
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
            &function.memory_size.to_string(),
        );
        set("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand");
        set(
            "AWS_LAMBDA_LOG_GROUP_NAME",
            &format!("/aws/lambda/{}", function.name),
        );
        set("AWS_LAMBDA_LOG_STREAM_NAME", log_stream);
        set("AWS_LAMBDA_RUNTIME_API", runtime_api);
        set("LAMBDA_TASK_ROOT", &task_root);
        set("LAMBDA_RUNTIME_DIR", "/var/runtime");
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn function(environment: &[(&str, &str)]) -> FunctionSettings {
        FunctionSettings {
            name: "chat".to_owned(),
            command: vec!["node".to_owned()],
            handler: Some("index.handler".to_owned()),
            working_directory: PathBuf::from("/srv/handlers"),
            environment: pairs(environment),
            timeout: Duration::from_secs(3),
            memory_size: 256,
            reserved_concurrency: 1,
        }
    }

    fn pairs(list: &[(&str, &str)]) -> BTreeMap<String, String> {
        list.iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    fn check(own: &[(&str, &str)], expected: &[(&str, Option<&str>)]) {
        let host = HostSettings {
            region: "eu-west-1".to_owned(),
            account_id: "123456789012".to_owned(),
            credentials: Some(Credentials::from_keys(
                "AKIDMINTED",
                "minted-secret",
                Some("minted-token".to_owned()),
            )),
            environment: pairs(&[("PATH", "/bin"), ("AWS_CA_BUNDLE", "/ca.pem")]),
        };
        let all = host.environment_of(&function(own), "127.0.0.1:9001", "2026/11/21/[$LATEST]0");
        for (name, value) in expected {
            assert_eq!(all.get(*name).map(String::as_str), *value, "{name}");
        }
        for name in RESERVED_NAMES {
            let told = !matches!(
                name,
                "_X_AMZN_TRACE_ID" | "AWS_LAMBDA_MAX_CONCURRENCY" | "AWS_LAMBDA_METADATA_API"
            );
            assert_eq!(all.contains_key(name), told, "{name}");
        }
    }

    #[test]
    fn a_function_is_told_what_lambda_tells() {
        check(
            &[("LOG_LEVEL", "info")],
            &[
                ("LOG_LEVEL", Some("info")),
                ("_HANDLER", Some("index.handler")),
                ("AWS_LAMBDA_RUNTIME_API", Some("127.0.0.1:9001")),
                ("AWS_REGION", Some("eu-west-1")),
                ("AWS_LAMBDA_FUNCTION_NAME", Some("chat")),
                ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", Some("256")),
                ("AWS_LAMBDA_LOG_GROUP_NAME", Some("/aws/lambda/chat")),
                ("LAMBDA_TASK_ROOT", Some("/srv/handlers")),
                ("AWS_ACCESS_KEY_ID", Some("AKIDMINTED")),
                ("AWS_SECRET_ACCESS_KEY", Some("minted-secret")),
                ("AWS_SESSION_TOKEN", Some("minted-token")),
                ("PATH", Some("/bin")),
                ("AWS_CA_BUNDLE", Some("/ca.pem")),
                ("TZ", Some(":UTC")),
                ("HOME", None),
            ],
        );
    }

    #[test]
    fn a_function_may_replace_what_is_not_reserved() {
        check(
            &[
                ("TZ", "Europe/Berlin"),
                ("PATH", "/opt/bin"),
                ("AWS_REGION", "mars-1"),
            ],
            &[
                ("TZ", Some("Europe/Berlin")),
                ("PATH", Some("/opt/bin")),
                ("AWS_REGION", Some("eu-west-1")),
            ],
        );
        check(
            &[
                ("AWS_ACCESS_KEY_ID", "AKIDOWN"),
                ("AWS_SECRET_ACCESS_KEY", "own"),
            ],
            &[
                ("AWS_ACCESS_KEY_ID", Some("AKIDOWN")),
                ("AWS_SECRET_ACCESS_KEY", Some("own")),
                ("AWS_SESSION_TOKEN", None),
            ],
        );
    }

    #[test]
    fn debug_output_keeps_secrets() {
        let text = format!("{:?}", function(&[("TOKEN", "hunter2")]));
        assert!(
            text.contains("TOKEN") && !text.contains("hunter2"),
            "{text}"
        );
    }
}
