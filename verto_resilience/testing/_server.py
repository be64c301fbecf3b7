"""A listening socket, one thread that accepts, one thread for each connection."""

import contextlib
import errno
import os
import selectors
import socket
import ssl
import threading
from collections.abc import Callable

from verto_resilience.testing._impossible import impossible

_JOIN_SECONDS = 5.0


class LoopbackServer:
    """Accepts connections and hands each to a function of its own thread."""

    def __init__(
        self,
        lock: threading.RLock,
        serve: Callable[[socket.socket, int], None],
        tls: ssl.SSLContext | None,
    ) -> None:
        """Prepare; nothing listens yet.

        Args:
            lock: Guards the books; shared with the rest of one sandbox.
            serve: Talks on one connection, given its number, until it returns.
            tls: Wraps every connection; ``None`` for plain HTTP.
        """
        self.lock = lock
        self._serve = serve
        self._tls = tls
        self._listener: socket.socket | None = None
        self._waker: socket.socket | None = None
        self._acceptor: threading.Thread | None = None
        self._open: dict[int, tuple[socket.socket, threading.Thread]] = {}
        self._accepted = 0

    @property
    def port(self) -> int | None:
        """The port it listens on; ``None`` while it does not."""
        with self.lock:
            return None if self._listener is None else int(self._listener.getsockname()[1])

    def start(self, host: str, port: int) -> None:
        """Listen and begin to accept.

        Raises:
            ConfigurationError: The port is taken, or the host is none of this machine.
        """
        listener = _listen(host, port)
        listener.settimeout(0)
        asleep, waker = socket.socketpair()
        acceptor = threading.Thread(
            target=self._accept, args=(listener, asleep), name="verto-sandbox", daemon=True
        )
        with self.lock:
            self._listener, self._waker, self._acceptor = listener, waker, acceptor
        acceptor.start()

    def close(self) -> None:
        """Stop listening, drop every connection, and wait for the threads to end."""
        with self.lock:
            acceptor, waker = self._acceptor, self._waker
            self._acceptor = self._waker = self._listener = None
        if acceptor is None or waker is None:
            return
        waker.close()
        acceptor.join(_JOIN_SECONDS)
        with self.lock:
            threads = [thread for _, thread in self._open.values()]
            for connection, _ in self._open.values():
                _shut(connection)
        for thread in threads:
            if thread is not threading.current_thread():
                thread.join(_JOIN_SECONDS)

    def leave_to_parent(self) -> None:
        """Close this process's copies of the sockets without a word to the peers."""
        sockets = [self._listener, self._waker, *(pair[0] for pair in self._open.values())]
        self._listener = self._waker = self._acceptor = None
        self._open = {}
        for sock in sockets:
            if sock is not None and (descriptor := sock.detach()) >= 0:
                os.close(descriptor)

    def _accept(self, listener: socket.socket, asleep: socket.socket) -> None:
        with listener, asleep, selectors.DefaultSelector() as selector:
            selector.register(listener, selectors.EVENT_READ)
            selector.register(asleep, selectors.EVENT_READ)
            while True:
                ready = [key.fileobj for key, _ in selector.select()]
                if asleep in ready:
                    return
                # A client that hung up in the queue, or no descriptor left: others may do better.
                with contextlib.suppress(OSError):
                    self._begin(listener.accept()[0])

    def _begin(self, connection: socket.socket) -> None:
        connection.settimeout(None)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self.lock:
            self._accepted += 1
            number = self._accepted
            thread = threading.Thread(
                target=self._converse,
                args=(connection, number),
                name=f"verto-sandbox-{number}",
                daemon=True,
            )
            self._open[number] = (connection, thread)
        thread.start()

    def _converse(self, connection: socket.socket, number: int) -> None:
        try:
            if self._tls is not None:
                connection = self._secure(self._tls, connection, number)
            self._serve(connection, number)
        except OSError:
            # The client went away, or close() shut the socket under this thread.
            pass
        finally:
            with self.lock:
                current = self._open[number][0]
            current.close()
            with self.lock:
                self._open.pop(number, None)

    def _secure(self, tls: ssl.SSLContext, connection: socket.socket, number: int) -> socket.socket:
        # In one piece, or close() would shut a socket that has just been replaced.
        with self.lock:
            secured = tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
            self._open[number] = (secured, threading.current_thread())
        secured.do_handshake()
        return secured


def tls_context(certificate: str, key: str) -> ssl.SSLContext:
    """Read a certificate and its key for serving HTTPS, TLS 1.2 or newer.

    Raises:
        ConfigurationError: A file cannot be read, or the two do not belong together.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificate, key)
    except OSError as error:
        why = f"the certificate {certificate!r} and key {key!r} cannot be used: {error}"
        raise impossible(why) from error
    return context


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=128)
    except OSError as error:
        why = f"cannot listen on {host} port {port}: {error.strerror or error}"
        if error.errno == errno.EADDRINUSE:
            why = f"port {port} on {host} is taken; choose another, or 0 for any free one"
        raise impossible(why) from error


def _shut(connection: socket.socket) -> None:
    # SSLSocket.shutdown would take the TLS state away under the thread that reads.
    with contextlib.suppress(OSError):
        socket.socket.shutdown(connection, socket.SHUT_RDWR)
