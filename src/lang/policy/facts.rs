//! What is known about a request when a policy is evaluated: condition keys and their values.

use std::collections::HashMap;

/// The global condition keys that a gateway knows values for.
///
/// Source: IAM User Guide, "AWS global condition context keys".
pub mod key {
    /// The caller's address.
    pub const SOURCE_IP: &str = "aws:SourceIp";
    /// The time of the request, ISO 8601.
    pub const CURRENT_TIME: &str = "aws:CurrentTime";
    /// The time of the request, seconds since 1970.
    pub const EPOCH_TIME: &str = "aws:EpochTime";
    /// `true` for TLS.
    pub const SECURE_TRANSPORT: &str = "aws:SecureTransport";
    /// The `User-Agent` header.
    pub const USER_AGENT: &str = "aws:UserAgent";
    /// The `Referer` header.
    pub const REFERER: &str = "aws:Referer";
    /// The user's name; absent for roles.
    pub const USERNAME: &str = "aws:username";
    /// The user's unique id.
    pub const USERID: &str = "aws:userid";
    /// The ARN of the caller.
    pub const PRINCIPAL_ARN: &str = "aws:PrincipalArn";
    /// The account of the caller, twelve digits.
    pub const PRINCIPAL_ACCOUNT: &str = "aws:PrincipalAccount";
    /// `User`, `AssumedRole`, `Account` and so on.
    pub const PRINCIPAL_TYPE: &str = "aws:PrincipalType";
    /// The region asked, for instance `eu-central-1`.
    pub const REQUESTED_REGION: &str = "aws:RequestedRegion";
}

/// Condition keys with their values. A key that is not set is absent, which conditions can tell from an empty value; key
/// names match in any case.
#[derive(Clone, Debug, Default)]
pub struct Facts(HashMap<String, Vec<String>>);

impl Facts {
    /// No facts.
    pub fn new() -> Self {
        Self::default()
    }

    /// These facts and one more; the last value given for a key counts.
    #[must_use]
    pub fn with(self, key: &str, value: impl Into<String>) -> Self {
        self.with_all(key, [value.into()])
    }

    /// These facts and a key with several values, as `ForAnyValue:` and `ForAllValues:` ask for; none makes the key absent.
    #[must_use]
    pub fn with_all(mut self, key: &str, values: impl IntoIterator<Item = String>) -> Self {
        self.0
            .insert(key.to_ascii_lowercase(), values.into_iter().collect());
        self
    }

    /// The values of a key whose name is in lower case already.
    pub(super) fn values(&self, lower_case_key: &str) -> &[String] {
        self.0.get(lower_case_key).map_or(&[], Vec::as_slice)
    }
}
