//! The same with curl, whose signatures nobody here wrote.

use tokio::process::Command;

use super::{credentials, join, leave};
use crate::harness::signer::{KEY_ID, SECRET};
use crate::harness::{Setup, chat, echo, soon};

/// Runs curl; gives what it wrote: the status in front, then the body.
async fn curl(arguments: &[&str], url: &str) -> (u16, String) {
    let mut command = Command::new("curl");
    command
        .args([
            "--silent",
            "--show-error",
            "--noproxy",
            "*",
            "--write-out",
            "\n%{http_code}",
        ])
        .args(["--aws-sigv4", "aws:amz:us-east-1:execute-api"])
        .args(arguments)
        .arg(url);
    let output = soon("curl", command.output())
        .await
        .expect("curl is installed (tests/setup.sh)");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8(output.stdout).unwrap();
    let (body, status) = text.rsplit_once('\n').unwrap();
    (status.parse().unwrap(), body.to_owned())
}

#[tokio::test]
async fn curl_signs_pushes() {
    let definition = format!("{}{}", credentials(), chat("{}"));
    let rig = Setup::new(definition)
        .function("backend", echo)
        .start()
        .await;
    let (mut client, id) = join(&rig).await;
    let url = format!("http://{}{}", rig.address(), super::path_of(&id));
    let user = format!("{KEY_ID}:{SECRET}");
    let pushed = curl(&["--user", &user, "--data-binary", "from curl"], &url).await;
    assert_eq!(pushed, (200, String::new()));
    assert_eq!(client.text().await, "from curl");
    let (status, body) = curl(&["--user", &user], &url).await;
    assert_eq!(status, 200, "{body}");
    let body: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!(body["identity"]["sourceIp"], "127.0.0.1");
    let wrong = format!("{KEY_ID}:wrong");
    let (status, body) = curl(&["--user", &wrong, "--data-binary", "from curl"], &url).await;
    assert_eq!(status, 403);
    assert!(
        body.contains("The request signature we calculated does not match"),
        "{body}"
    );
    let (status, body) = curl(&["--user", &user, "--request", "DELETE"], &url).await;
    assert_eq!((status, body.as_str()), (204, ""));
    assert_eq!(client.closed().await.0, 1000);
    assert_eq!(rig.disconnect().await.0, 1000);
    let (status, body) = curl(&["--user", &user, "--data-binary", "late"], &url).await;
    assert_eq!((status, body.as_str()), (410, ""));
    rig.close().await;
}

#[tokio::test]
async fn curl_sees_the_413() {
    let definition = format!("{}{}", credentials(), chat("{}"));
    let rig = Setup::new(definition)
        .function("backend", echo)
        .start()
        .await;
    let (client, id) = join(&rig).await;
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("large");
    std::fs::write(&file, vec![b'x'; 1024 * 1024]).unwrap();
    let url = format!("http://{}{}", rig.address(), super::path_of(&id));
    let user = format!("{KEY_ID}:{SECRET}");
    let data = format!("@{}", file.display());
    let (status, body) = curl(&["--user", &user, "--data-binary", &data], &url).await;
    assert_eq!(status, 413, "{body}");
    leave(&rig, client).await;
    rig.close().await;
}
