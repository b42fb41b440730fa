"""Subscribes N WebSocket clients to one URL, publishes a message once, and says how long the last client waited for it.

    fanout.py HOST PORT SUBSCRIBE-PATH PUBLISH-PATH N PUBLICATIONS

Prints a JSON object: `seconds`, a list with one number a publication, and `lost`, messages that did not arrive. It exists
because `loadtest push` posts to each connection by itself, while servers such as nchan send one message to all.
"""

import json
import select
import socket
import sys
import time

PAYLOAD = b"x" * 64
PATIENCE = 10  # seconds without a message, after which the rest count as lost
UPGRADE = (
    "GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
FRAME = b"\x81" + bytes([len(PAYLOAD)]) + PAYLOAD  # a short text or binary message of a server
SHORT_FRAMES = (FRAME, b"\x82" + FRAME[1:])


def subscribe(host, port, path):
    one = socket.create_connection((host, port), timeout=PATIENCE)
    one.sendall(UPGRADE.format(path=path, host=host, port=port).encode())
    head = b""
    while b"\r\n\r\n" not in head:
        piece = one.recv(4096)
        if not piece:
            raise SystemExit(f"{path}: hung up during the handshake: {head!r}")
        head += piece
    if not head.startswith(b"HTTP/1.1 101"):
        raise SystemExit(f"{path}: {head[:200]!r}")
    one.setblocking(False)
    return one


def publish(publisher, host, port, path):
    head = f"POST {path} HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Type: text/plain\r\nContent-Length: {len(PAYLOAD)}\r\n\r\n"
    publisher.sendall(head.encode() + PAYLOAD)


def await_everyone(poll, clients, begun):
    """Seconds until the last client had the message, and how many never got it."""
    waiting = {number: b"" for number in clients}
    last = begun
    while waiting:
        ready = poll.poll(PATIENCE)
        if not ready:
            break
        for number, _ in ready:
            got = waiting.get(number, b"") + clients[number].recv(256)
            if got in SHORT_FRAMES:
                waiting.pop(number, None)
                last = time.perf_counter()
            elif number in waiting and len(got) < len(FRAME):
                waiting[number] = got
            else:
                raise SystemExit(f"not the message that was published: {got!r}")
    return last - begun, len(waiting)


def main():
    host, port, subscribe_path, publish_path, count, publications = sys.argv[1:]
    port = int(port)
    poll = select.epoll()
    sockets = [subscribe(host, port, subscribe_path) for _ in range(int(count))]
    clients = {one.fileno(): one for one in sockets}
    for number in clients:
        poll.register(number, select.EPOLLIN)
    publisher = socket.create_connection((host, port), timeout=PATIENCE)
    seconds, lost = [], 0
    for _ in range(int(publications)):
        begun = time.perf_counter()
        publish(publisher, host, port, publish_path)
        elapsed, missing = await_everyone(poll, clients, begun)
        if not publisher.recv(4096).startswith(b"HTTP/1.1 2"):
            raise SystemExit(f"{publish_path}: the publication is refused")
        seconds.append(elapsed)
        lost += missing
    print(json.dumps({"seconds": seconds, "lost": lost}))


if __name__ == "__main__":
    main()
