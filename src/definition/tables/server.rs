//! The `server` and `credentials` sections.

use super::super::shape::{
    Form, Object, Shape, Text, formed, nested, optional, refused, required, with_default, word,
};

const SECOND_MS: u64 = 1000;
const PEM: Shape = formed(1, 4096, Form::File(1024 * 1024));
/// AWS: a truststore has at most so many bytes.
const BUNDLE: Shape = formed(1, 4096, Form::Content(1024 * 1024));
const HOST: Shape = formed(
    1,
    253,
    Form::Pattern(
        r"^([A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*|\[[0-9A-Fa-f:.]+\])$",
        "a host name or an address, without a port",
    ),
);
const UPSTREAM: Text = Text::form(
    1,
    2048,
    Form::Pattern(
        r"^[^\s?/@]+(/[^\s?@]*)*$",
        "an ARN, a host, or the id of a VPC link",
    ),
);
const TARGET: Shape = formed(
    1,
    2048,
    Form::Pattern(
        r"^([A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5}(\?[^\s?]*)?$",
        "a host and a port such as `10.0.0.5:8080`, and behind them the attributes of a Cloud Map instance, if any: `10.0.0.5:8080?slot=green`",
    ),
);
const OFF: &[&str] = &["off"];

/// The process itself.
pub(in super::super) static SERVER: Object = Object {
    name: "Server",
    doc: "The process itself: addresses, limits, identity.",
    kind: None,
    fields: &[
        with_default(
            "listen",
            &Shape::List {
                item: &formed(1, 64, Form::Address),
                min: 1,
                max: 64,
                or_one: true,
            },
            "127.0.0.1:8080",
            "Where clients connect: WebSocket, HTTP and @connections.",
        ),
        with_default(
            "admin",
            &formed(1, 64, Form::Address),
            "127.0.0.1:8081",
            "Where /livez, /readyz and /metrics answer, and whatever clients may ask for.",
        ),
        with_default(
            "adminHosts",
            &Shape::List {
                item: &HOST,
                min: 0,
                max: 100,
                or_one: true,
            },
            "",
            "Names that `admin` answers to besides `localhost`, loopback addresses, the address it was reached at and custom domain names.",
        ),
        optional(
            "tls",
            &Shape::Or(&["development"], &Shape::Object(&TLS)),
            "TLS on the same port as plain text: a development certificate, or files.",
        ),
        nested(
            "certificates",
            &Shape::Map {
                key: super::domain_name::ARN,
                value: &Shape::Object(&TLS),
                max: 1000,
            },
            "Certificates of domain names, by the ARN that their `certificateArn` says; other names are shown that of `tls`.",
        ),
        nested(
            "upstreams",
            &Shape::Map {
                key: UPSTREAM,
                value: &Shape::List {
                    item: &TARGET,
                    min: 1,
                    max: 100,
                    or_one: true,
                },
                max: 1000,
            },
            "Targets of integrations through VPC links, by what these name: the ARN of a load balancer's listener or of a Cloud Map service; for WebSocket APIs the URL's host, or the id of the VPC link.",
        ),
        nested(
            "truststores",
            &Shape::Map {
                key: super::domain_name::TRUSTSTORE_URI,
                value: &Shape::Object(&TRUSTSTORE),
                max: 1000,
            },
            "Authorities that clients of domain names with mutual TLS have their certificates from, by the URI that `truststoreUri` says.",
        ),
        with_default(
            "region",
            &formed(
                1,
                32,
                Form::Pattern("^[a-z0-9-]+$", "a region such as `us-east-1`"),
            ),
            "us-east-1",
            "The region in ARNs, host names and signatures.",
        ),
        with_default(
            "accountId",
            &formed(
                12,
                12,
                Form::Pattern("^[0-9]{12}$", "an account id of twelve digits"),
            ),
            "000000000000",
            "The account in ARNs and events.",
        ),
        with_default(
            "stateDirectory",
            &formed(1, 4096, Form::Path),
            "./state",
            "What must survive a restart: resources of the control plane, the development CA, and what was used of quotas.",
        ),
        nested(
            "limits",
            &Shape::Object(&LIMITS),
            "The account level of throttling; `off` lifts one.",
        ),
        optional(
            "lambdaEndpoint",
            &formed(1, 2048, Form::Endpoint),
            "Where Lambda ARNs are invoked, in place of the region's endpoint.",
        ),
        optional(
            "awsEndpoint",
            &formed(1, 2048, Form::Endpoint),
            "Where every AWS service is called, in place of the region's endpoints; Lambda too, unless `lambdaEndpoint` says otherwise.",
        ),
        optional(
            "managementAuth",
            &Shape::Choice(&[word("none")]),
            "`none` lets anyone on this machine use @connections unsigned; only with loopback addresses.",
        ),
        with_default(
            "trustedProxies",
            &Shape::List {
                item: &formed(1, 64, Form::Network),
                min: 0,
                max: 1000,
                or_one: true,
            },
            "",
            "Networks whose X-Forwarded-For, -Proto and -Port are believed.",
        ),
        with_default(
            "shutdownTimeout",
            &Shape::Duration {
                min_ms: 0,
                max_ms: 3600 * SECOND_MS,
            },
            "30s",
            "How long a stop may take: sockets are closed one after the other within it.",
        ),
        optional(
            "adminAuth",
            &Shape::Choice(&[word("none")]),
            "`none` lets anyone on this machine use the control plane unsigned; only with a loopback `admin`.",
        ),
        refused(
            "memoryCeiling",
            "leave it out until the memory ceiling lands; bound `limits.connections` meanwhile",
        ),
    ],
};

static TLS: Object = Object {
    name: "Tls",
    doc: "A certificate chain and its private key, in PEM.",
    kind: None,
    fields: &[
        required("certificateFile", &PEM, "The chain, leaf first."),
        required("keyFile", &PEM, "The private key of the leaf."),
    ],
};

static TRUSTSTORE: Object = Object {
    name: "Truststore",
    doc: "Certificates of authorities, in PEM: every one from those that sign for clients to the root, four in a row at most.",
    kind: None,
    fields: &[
        required("file", &BUNDLE, "What is there without a version."),
        nested(
            "versions",
            &Shape::Map {
                key: super::domain_name::TRUSTSTORE_VERSION,
                value: &BUNDLE,
                max: 100,
            },
            "Files by the version that `truststoreVersion` says.",
        ),
    ],
};

static LIMITS: Object = Object {
    name: "ServerLimits",
    doc: "Limits over all APIs together.",
    kind: None,
    fields: &[
        with_default(
            "requestRate",
            &Shape::Or(OFF, &Shape::Number { min: 0.0, max: 1e9 }),
            "10000",
            "Requests per second: messages, handshakes and @connections calls.",
        ),
        with_default(
            "requestBurst",
            &Shape::Or(
                OFF,
                &Shape::Integer {
                    min: 0,
                    max: 1_000_000_000,
                },
            ),
            "5000",
            "Requests at once above the rate.",
        ),
        with_default(
            "connectRate",
            &Shape::Or(OFF, &Shape::Number { min: 0.0, max: 1e9 }),
            "500",
            "New WebSocket connections per second.",
        ),
        with_default(
            "connections",
            &Shape::Or(
                &["auto", "off"],
                &Shape::Integer {
                    min: 1,
                    max: 100_000_000,
                },
            ),
            "auto",
            "Open connections; `auto` is the open-file limit less a reserve.",
        ),
        with_default(
            "connectionsPerAddress",
            &Shape::Or(
                OFF,
                &Shape::Integer {
                    min: 1,
                    max: 100_000_000,
                },
            ),
            "off",
            "Open connections from one source address.",
        ),
        with_default(
            "pendingHandshakes",
            &Shape::Or(
                OFF,
                &Shape::Integer {
                    min: 1,
                    max: 100_000_000,
                },
            ),
            "20000",
            "Handshakes whose `$connect` has not answered; a further one gets 503. Each costs about 30 KB, or 70 KB with headers as large as may be.",
        ),
    ],
};

/// One key pair.
pub(super) static CREDENTIAL: Object = Object {
    name: "Credential",
    doc: "An access key that may sign requests (SigV4).",
    kind: None,
    fields: &[
        required(
            "accessKeyId",
            &formed(
                1,
                128,
                Form::Pattern(
                    "^[A-Za-z0-9_]+$",
                    "an access key id of letters, digits and `_`",
                ),
            ),
            "The access key id.",
        ),
        required("secretAccessKey", &SECRET, "The secret access key."),
        optional(
            "sessionToken",
            &SECRET,
            "The session token that must come with the key, if it is temporary.",
        ),
        optional(
            "userName",
            &formed(
                1,
                64,
                Form::Pattern(
                    "^[A-Za-z0-9_+=,.@-]+$",
                    "a user name of letters, digits and `_+=,.@-`",
                ),
            ),
            "The IAM user in ARNs and events; the access key id when absent.",
        ),
        optional(
            "policy",
            &Shape::Document,
            "An IAM policy document; when absent, everything on this gateway is allowed.",
        ),
    ],
};

const SECRET: Shape = Shape::Text(Text {
    secret: true,
    ..Text::of(1, 4096)
});

#[cfg(test)]
mod tests {
    use super::super::super::shape::Need;
    use super::*;

    #[test]
    fn defaults_are_amazons_quotas() {
        use crate::base::quotas;
        let default = |name: &str| {
            let field = LIMITS.fields.iter().find(|field| field.name == name);
            match field.map(|field| &field.need) {
                Some(Need::Default(text)) => text.parse::<f64>().unwrap(),
                other => panic!("{name} has no default: {other:?}"),
            }
        };
        assert_eq!(default("requestRate"), quotas::ACCOUNT_RATE);
        assert_eq!(default("requestBurst"), f64::from(quotas::ACCOUNT_BURST));
        assert_eq!(default("connectRate"), quotas::CONNECT_RATE);
        // As many as that rate, a second's worth of which may come at once, can leave waiting for an authorizer and an
        // integration.
        let longest = quotas::AUTHORIZER_TIMEOUT + quotas::INTEGRATION_TIMEOUT_MAX;
        let pending = quotas::CONNECT_RATE * (1.0 + longest.as_secs_f64());
        assert_eq!(default("pendingHandshakes"), pending);
    }
}
