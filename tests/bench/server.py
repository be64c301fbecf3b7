"""A loopback server in a process of its own: every request gets the same answer.

It prints its port and ends when its standard input does.
"""

import selectors
import socket
import sys
import threading

from tests.bench.place import pin

PATH = "/orders/v2.1/fx"
_BODY = (
    b'{"success":true,"orders":[{"id":"ORD-1042","state":"SETTLED","currencyFrom":"GBP",'
    b'"currencyTo":"NGN","amount":125000,"rate":2004.25}],"page":1,"total":1}'
)
_HEAD = (
    b"HTTP/1.1 200 OK\r\n"
    b"Date: Sun, 01 Nov 2026 12:00:00 GMT\r\n"
    b"Content-Type: application/json; charset=utf-8\r\n"
    b"Content-Length: %d\r\n"
    b"Connection: keep-alive\r\n"
    b"Cache-Control: no-store\r\n"
    b"Strict-Transport-Security: max-age=15552000; includeSubDomains\r\n"
    b"X-Content-Type-Options: nosniff\r\n"
    b'ETag: W/"93-c2f6a7d1"\r\n'
    b"Vfx-Api-Call-Id: 3f0c1c52-7f0e-4a86-9d24-6a2c6f1c8b11\r\n"
    b"Vfx-Correlation-Id: 8a4f0a35-54d3-4f4e-8d3f-2c37f5a6f6de\r\n"
    b"\r\n"
)
ANSWER = _HEAD % len(_BODY) + _BODY


def serve(listening: socket.socket, ends: socket.socket) -> None:
    """Answer every request on every connection, until the other end of ``ends`` is closed."""
    waiting = selectors.DefaultSelector()
    waiting.register(listening, selectors.EVENT_READ)
    waiting.register(ends, selectors.EVENT_READ)
    while True:
        for key, _ in waiting.select():
            if key.fileobj is ends:
                return
            if key.fileobj is listening:
                connection, _ = listening.accept()
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                waiting.register(connection, selectors.EVENT_READ)
            else:
                _answer(key.fileobj, waiting)  # type: ignore[arg-type]


def _answer(connection: socket.socket, waiting: selectors.BaseSelector) -> None:
    try:
        # A GET without a body; on loopback it comes in one piece.
        asked = connection.recv(65_536)
        if asked:
            connection.sendall(ANSWER)
            return
    except OSError:
        pass
    waiting.unregister(connection)
    connection.close()


def main() -> None:
    """Serve until standard input ends."""
    pin("server")
    listening = socket.create_server(("127.0.0.1", 0), backlog=128)
    ends, other = socket.socketpair()
    serving = threading.Thread(target=serve, args=(listening, ends))
    serving.start()
    print(listening.getsockname()[1], flush=True)
    sys.stdin.read()
    other.close()
    serving.join()


if __name__ == "__main__":
    main()
