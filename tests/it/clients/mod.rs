//! Clients, SDKs, runtimes and a browser that nobody here wrote, driven by the scripts of `tests/clients`.
//!
//! What `tests/setup.sh` installs has to be there: a test whose tool is missing fails.

mod authorizers;
mod chalice;
mod chats;
mod control;
mod dashboards;
mod iam_routes;
mod members;
mod mutual_tls;
mod private;
mod program;
mod routing_rules;
mod runtimes;
mod scrapes;
mod sdks;
mod smuggling;
mod terraform;
mod tokens;
mod websockets;

use std::path::{Path, PathBuf};

use program::{Program, Running};

use crate::harness::{Rig, Setup};

/// A file of the checkout, by its path from the root.
fn file(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// A file that `tests/setup.sh` makes.
fn installed(path: &str) -> PathBuf {
    let file = file(path);
    assert!(file.exists(), "{path} is not there: run tests/setup.sh");
    file
}

/// A program of this package, or one of its examples as `examples/NAME`.
fn built(program: &str) -> PathBuf {
    let tidegate = Path::new(env!("CARGO_BIN_EXE_tidegate"));
    let folder = tidegate.parent().expect("it is in a folder");
    let program = folder.join(program);
    let name = program.display();
    assert!(
        program.exists(),
        "{name} is not built: run cargo build --examples"
    );
    program
}

/// Starts a gateway on ports of its own.
fn start(program: Program) -> Running {
    program
        .variable("TIDEGATE_SERVER_LISTEN", "127.0.0.1:0")
        .variable("TIDEGATE_SERVER_ADMIN", "127.0.0.1:0")
        .start()
}

/// The address with this end that a gateway prints when it has started.
async fn announced(gateway: &mut Running, end: &str) -> String {
    while let Some(line) = gateway.line().await {
        let mut words = line.split_whitespace();
        let page = words.find(|word| word.starts_with("http://") && word.ends_with(end));
        if let Some(page) = page {
            return page.to_owned();
        }
    }
    panic!("no address was announced");
}

/// Node.js, with the packages of `tests/clients`.
fn node() -> PathBuf {
    installed("tests/clients/node_modules/.tidegate-setup");
    installed(".venv/bin/node")
}

/// Python, with the packages of `tests/clients/requirements.txt`.
fn python() -> PathBuf {
    installed(".venv/tidegate-setup");
    installed(".venv/bin/python3")
}

/// A script of `tests/clients`, in the language that its name tells.
fn script(name: &str) -> Program {
    let interpreter = match name.ends_with(".py") {
        true => python(),
        false => node(),
    };
    let script = file(&format!("tests/clients/{name}"));
    Program::new(name, interpreter).argument(script)
}

/// TLS by the development CA, which is kept in `directory`.
fn secured(setup: Setup, directory: &Path) -> Setup {
    let directory = directory.display();
    setup
        .server("tls: development")
        .server(&format!("stateDirectory: \"{directory}\""))
}

/// The development CA's certificate, under each name that one of the tools looks for.
fn trusting(mut program: Program, directory: &Path) -> Program {
    for variable in ["NODE_EXTRA_CA_CERTS", "AWS_CA_BUNDLE", "SSL_CERT_FILE"] {
        program = program.variable(variable, directory.join("development-ca.pem"));
    }
    program
}

/// Host and port under which the gateway's certificate is asked for.
fn authority(rig: &Rig) -> String {
    // Resolvers may know only ::1 as localhost; the development CA certifies addresses too.
    rig.address().to_string()
}
