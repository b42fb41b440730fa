//! A download of a gigabyte passes through the program without staying in its memory.

use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};

use super::everything;
use crate::harness::soon;

const GIGABYTE: usize = 1 << 30;
const PIECE: usize = 64 * 1024;
/// What the program's peak may grow by.
const ROOM: usize = 32 << 20;
/// Longest wait for all of it, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// The program in front of a backend, in a process of its own so that its memory is its own.
async fn program(backend: &str, directory: &std::path::Path) -> (Child, String) {
    let server = "server: { listen: 127.0.0.1:0, admin: 127.0.0.1:0 }\n";
    let definition = format!("{server}{}", everything(backend));
    std::fs::write(directory.join("tidegate.yaml"), definition).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_tidegate"))
        .arg("serve")
        .current_dir(directory)
        .env_clear()
        .kill_on_drop(true)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = soon("the address", lines.next_line()).await.unwrap();
    let line = line.expect("a line");
    let address = line.split("http://").nth(1).expect("an address");
    (child, address.trim_end_matches('/').to_owned())
}

/// The most memory that the process has had in RAM, in bytes.
fn peak(child: &Child) -> usize {
    let path = format!("/proc/{}/status", child.id().unwrap());
    let status = std::fs::read_to_string(path).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.unwrap().trim().strip_suffix(" kB").unwrap();
    number.parse::<usize>().unwrap() * 1024
}

/// Answers one request with a gigabyte, in chunks or with its length.
async fn pour(mut line: TcpStream, chunked: bool) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        assert!(line.read_buf(&mut head).await.unwrap() > 0);
    }
    let framing = match chunked {
        true => "Transfer-Encoding: chunked".to_owned(),
        false => format!("Content-Length: {GIGABYTE}"),
    };
    let head = format!("HTTP/1.1 200 OK\r\n{framing}\r\n\r\n");
    line.write_all(head.as_bytes()).await.unwrap();
    let mut piece = Vec::new();
    if chunked {
        piece.extend(format!("{PIECE:x}\r\n").bytes());
    }
    piece.extend([b'x'; PIECE]);
    if chunked {
        piece.extend(b"\r\n");
    }
    for _ in 0..GIGABYTE / PIECE {
        line.write_all(&piece).await.unwrap();
    }
    if chunked {
        line.write_all(b"0\r\n\r\n").await.unwrap();
    }
}

/// Reads to the end; gives how many bytes there were.
async fn discard(mut client: TcpStream) -> usize {
    let mut buffer = vec![0; PIECE];
    let mut total = 0;
    loop {
        match client.read(&mut buffer).await.unwrap() {
            0 => return total,
            count => total += count,
        }
    }
}

async fn check(chunked: bool) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let backend = format!("http://{}", listener.local_addr().unwrap());
    let directory = tempfile::tempdir().unwrap();
    let (child, address) = program(&backend, directory.path()).await;
    let mut client = TcpStream::connect(&address).await.unwrap();
    let before = peak(&child);
    let ask = b"GET / HTTP/1.1\r\nHost: gateway.test\r\nConnection: close\r\n\r\n";
    client.write_all(ask).await.unwrap();
    let (line, _) = soon("the backend to be asked", listener.accept())
        .await
        .unwrap();
    let passing = async { tokio::join!(discard(client), pour(line, chunked)) };
    let (total, ()) = tokio::time::timeout(PATIENCE, passing).await.unwrap();
    // A head, and around chunks their sizes.
    assert!(
        (GIGABYTE..GIGABYTE + GIGABYTE / 64).contains(&total),
        "{total}"
    );
    let grown = peak(&child) - before;
    assert!(grown < ROOM, "{} MiB more", grown >> 20);
}

#[tokio::test]
async fn a_gigabyte_of_known_length() {
    check(false).await;
}

#[tokio::test]
async fn a_gigabyte_in_chunks() {
    check(true).await;
}
