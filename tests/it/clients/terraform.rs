//! What Terraform's provider for AWS does with its resources for API Gateway V2: nothing fails, and nothing is read back otherwise than it
//! was written, which each further plan would want to put right.
//!
//! Terraform itself is no package of Debian, PyPI or npm; `tests/clients/terraform_boto3.py` makes the same calls.

use serde_json::json;

use super::private::LISTENER;
use super::{script, secured};
use crate::harness::signer::{KEY_ID, SECRET};
use crate::harness::{Setup, echo};

/// Fewer steps than this would mean that some have been lost.
const STEPS: usize = 100;

#[tokio::test]
async fn terraform_finds_everything_as_it_wrote_it() {
    let state = tempfile::tempdir().unwrap();
    let credentials =
        format!("credentials: [{{ accessKeyId: {KEY_ID}, secretAccessKey: \"{SECRET}\" }}]\n");
    let setup = secured(Setup::new(credentials), state.path());
    let setup = setup.server(&format!("upstreams: {{ \"{LISTENER}\": \"127.0.0.1:9\" }}"));
    let rig = setup.function("shop", echo).start().await;
    let arn = |service: &str, resource: &str| {
        format!("arn:aws:{service}:us-east-1:123456789012:{resource}")
    };
    let mut provider = script("terraform_boto3.py")
        .variable(
            "AWS_ENDPOINT_URL",
            format!("http://{}", rig.gateway.admin_address()),
        )
        .variable("AWS_ACCESS_KEY_ID", KEY_ID)
        .variable("AWS_SECRET_ACCESS_KEY", SECRET)
        .variable("AWS_REGION", "us-east-1")
        .variable("AWS_DEFAULT_REGION", "us-east-1")
        .variable("AWS_EC2_METADATA_DISABLED", "true")
        .variable("CERTIFICATE_ARN", arn("acm", "certificate/shop"))
        .variable("FUNCTION_ARN", arn("lambda", "function:shop"))
        .variable("LISTENER_ARN", LISTENER)
        .start();
    let mut steps = 0;
    loop {
        let seen = provider.seen().await;
        assert_eq!(seen["diff"], json!({}), "{seen}");
        steps += 1;
        if seen["step"] == "end" {
            break;
        }
    }
    provider.end().await;
    assert!(steps >= STEPS, "{steps}");
    rig.close().await;
}
