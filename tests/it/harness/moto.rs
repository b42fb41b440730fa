//! AWS on loopback: `moto_server` from PyPI, which `tests/setup.sh` installs.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::sync::oneshot;

/// Longest wait for its start or one of its answers: it loads each service with that service's first call, and Python takes
/// its time on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// Behind this it says where it listens, when it does.
const LISTENING: &str = "Running on http://";

/// A server of its own, with nothing in it; it is gone when this is dropped.
pub(crate) struct Moto {
    address: SocketAddr,
    child: Child,
    log: Arc<Mutex<String>>,
    _home: TempDir,
}

impl Drop for Moto {
    fn drop(&mut self) {
        // The id is the group's as long as the process has not been waited for.
        let id = self
            .child
            .id()
            .and_then(|id| Pid::from_raw(id.try_into().ok()?));
        if let Some(group) = id {
            kill_process_group(group, Signal::KILL).ok();
        }
    }
}

impl Moto {
    /// Starts it on a port that the system chooses, and waits until it listens.
    pub(crate) async fn start() -> Self {
        let venv = Path::new(env!("CARGO_MANIFEST_DIR")).join(".venv");
        let marker = venv.join("tidegate-setup");
        assert!(
            marker.exists(),
            "moto_server is not there: run tests/setup.sh"
        );
        let home = tempfile::tempdir().unwrap();
        let mut child = Command::new(venv.join("bin/python3"))
            .args(["-m", "moto.server", "-H", "127.0.0.1", "-p", "0"])
            .env_clear()
            .env("HOME", home.path())
            .env("TMPDIR", home.path())
            // It calls its own services in the name of others, and asks for no more than that there be a key.
            .env("AWS_ACCESS_KEY_ID", "moto")
            .env("AWS_SECRET_ACCESS_KEY", "moto")
            .process_group(0)
            .kill_on_drop(true)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().expect("it is piped")).lines();
        let log = Arc::new(Mutex::new(String::new()));
        let (tell, told) = oneshot::channel();
        let heard = Arc::clone(&log);
        // Ends with the process.
        tokio::spawn(async move {
            let mut tell = Some(tell);
            while let Ok(Some(line)) = lines.next_line().await {
                let place = line.split_once(LISTENING).map(|(_, place)| place.trim());
                if let Some(address) = place.and_then(|place| place.parse().ok())
                    && let Some(tell) = tell.take()
                {
                    tell.send(address).ok();
                }
                let mut heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
                heard.push_str(&line);
                heard.push('\n');
            }
        });
        let told = tokio::time::timeout(PATIENCE, told).await;
        let Ok(Ok(address)) = told else {
            let log = log.lock().unwrap_or_else(PoisonError::into_inner);
            panic!("moto_server does not listen:\n{log}");
        };
        Self {
            address,
            child,
            log,
            _home: home,
        }
    }

    /// What `server.awsEndpoint` is set to.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Calls a service past the gateway, which must work. `target` is an `X-Amz-Target`; which service that is, is read from
    /// the scope of a signature, as nobody verifies it.
    pub(crate) async fn call(&self, service: &str, target: &str, parameters: Value) -> Value {
        let body = parameters.to_string();
        let request = format!(
            "POST / HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Type: application/x-amz-json-1.1\r\n\
             X-Amz-Target: {target}\r\nContent-Length: {}\r\n\
             Authorization: AWS4-HMAC-SHA256 Credential=AKID/20260312/us-east-1/{service}/aws4_request, \
             SignedHeaders=host, Signature=0\r\n\r\n{body}",
            self.address,
            body.len()
        );
        let exchange = async {
            let mut stream = TcpStream::connect(self.address).await.unwrap();
            stream.write_all(request.as_bytes()).await.unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.unwrap();
            answer
        };
        let answer = tokio::time::timeout(PATIENCE, exchange).await;
        let answer = answer.unwrap_or_else(|_| self.fail(target, "no answer"));
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        if head.split(' ').nth(1) != Some("200") {
            self.fail(target, &answer);
        }
        match body {
            "" => Value::Null,
            body => serde_json::from_str(body).unwrap_or_else(|_| self.fail(target, body)),
        }
    }

    fn fail(&self, target: &str, answer: &str) -> ! {
        let log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        panic!("{target}: {answer}\n{log}");
    }
}
