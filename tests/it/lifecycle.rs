//! Health, and how a gateway ends.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use tokio::sync::Semaphore;

use crate::harness::http_client::{connect, request, send};
use crate::harness::ws_client::{CLOSE, FINAL, frame, status};
use crate::harness::{Response, Rig, Setup, chat, echo, gated, soon};

async fn ask(address: SocketAddr, method: &str, path: &str) -> Response {
    send(address, &request(method, path, &[], b"")).await
}

async fn started() -> Rig {
    let setup = Setup::new(chat("{}")).function("backend", echo);
    setup.manual().start().await
}

#[tokio::test]
async fn health_is_told_to_operators_only() {
    let rig = started().await;
    for path in ["/livez", "/readyz"] {
        let admin = rig.gateway.admin_address();
        let well = ask(admin, "GET", path).await;
        assert_eq!((well.status, well.text()), (200, "ok\n"), "{path}");
        assert_eq!(ask(admin, "POST", path).await.status, 405, "{path}");
        assert_eq!(ask(rig.address(), "GET", path).await.status, 403, "{path}");
    }
    rig.close().await;
}

#[tokio::test]
async fn while_it_drains_it_is_alive_but_not_ready() {
    let rig = started().await;
    let mut client = rig.open().await;
    rig.event_of("CONNECT").await;
    let (address, admin) = (rig.address(), rig.gateway.admin_address());
    let Rig {
        gateway, functions, ..
    } = rig;
    let watching = async {
        assert_eq!(client.message(CLOSE).await, status(1001, "Going away"));
        // The client has not answered, so the gateway cannot have ended.
        let alive = ask(admin, "GET", "/livez").await;
        assert_eq!((alive.status, alive.text()), (200, "ok\n"));
        let ready = ask(admin, "GET", "/readyz").await;
        assert_eq!((ready.status, ready.text()), (503, "draining\n"));
        let late = tokio::net::TcpStream::connect(address).await;
        assert!(late.is_err(), "clients are not accepted any more");
        client.write(&frame(FINAL | CLOSE, &status(1001, ""))).await;
        assert_eq!(client.frame().await, None);
    };
    soon("the end", async {
        tokio::join!(gateway.shutdown(), watching)
    })
    .await;
    let late = tokio::net::TcpStream::connect(admin).await;
    assert!(late.is_err(), "nobody listens any more");
    assert_eq!(
        functions["backend"].rest().await.len(),
        1,
        "one $disconnect"
    );
}

#[tokio::test]
async fn sockets_that_say_nothing_do_not_hold_up_the_end() {
    let rig = started().await;
    let mut silent = connect(rig.address()).await;
    let mut operator = connect(rig.gateway.admin_address()).await;
    // One that has asked, and now keeps the connection.
    let mut kept = connect(rig.address()).await;
    let mut buffer = Vec::new();
    tokio::io::AsyncWriteExt::write_all(&mut kept, &request("GET", "/", &[], b""))
        .await
        .unwrap();
    let answer = crate::harness::http_client::read_response(&mut kept, &mut buffer).await;
    assert_eq!(answer.map(|answer| answer.status), Some(403));
    rig.stop(&[]).await;
    for stream in [&mut silent, &mut operator, &mut kept] {
        let read = soon("the end of a socket", stream.read(&mut [0; 1])).await;
        assert!(matches!(read, Ok(0) | Err(_)), "{read:?}");
    }
}

#[tokio::test]
async fn what_is_in_flight_is_brought_to_its_end() {
    let gate = Arc::new(Semaphore::new(0));
    let rig = Setup::new(chat("{}"))
        .function("backend", gated("MESSAGE", &gate))
        .manual()
        .start()
        .await;
    let mut client = rig.open().await;
    rig.event_of("CONNECT").await;
    client.send("slow").await;
    rig.event_of("MESSAGE").await;
    let services = Arc::clone(rig.gateway.services());
    let Rig {
        gateway, functions, ..
    } = rig;
    let ending = async {
        assert_eq!(client.closed().await, (1001, "Going away".into()));
        assert!(services.tasks.live() > 0, "the message is not done");
        gate.add_permits(1);
    };
    soon("the end", async {
        tokio::join!(gateway.shutdown(), ending)
    })
    .await;
    assert_eq!(services.tasks.live(), 0);
    assert_eq!(
        functions["backend"].rest().await.len(),
        1,
        "one $disconnect"
    );
}

#[tokio::test]
async fn a_stop_takes_no_longer_than_it_may() {
    let rig = Setup::new(chat("{}"))
        .server("shutdownTimeout: 20s")
        .function("backend", gated("MESSAGE", &Arc::new(Semaphore::new(0))))
        .manual()
        .start()
        .await;
    let mut client = rig.open().await;
    rig.event_of("CONNECT").await;
    client.send("for ever").await;
    rig.event_of("MESSAGE").await;
    let clock = Arc::clone(rig.clock.as_ref().unwrap());
    let passing = async {
        assert_eq!(client.closed().await.0, 1001);
        clock.advance(Duration::from_secs(20));
        // What serves no client has five seconds more; the function in this process never ends.
        loop {
            tokio::task::yield_now().await;
            clock.advance(Duration::from_secs(5));
        }
    };
    soon("the end", async {
        tokio::select! {
            () = rig.gateway.shutdown() => {}
            () = passing => {}
        }
    })
    .await;
}
