"""A wire between client and broker that a test may hold: a relay of TCP which can refuse MQTT 5 for a broker."""

from __future__ import annotations

import selectors
import socket
import threading
from contextlib import suppress
from types import TracebackType
from typing import Self

LEVEL_5 = b"\x00\x04MQTT\x05"
REFUSED = bytes((0x20, 2, 0, 1))  # CONNACK of MQTT 3.1.1, 3.2.2.3: unacceptable protocol version
PIECE_BYTES = 65_536


class OldGate:
    """Whoever comes with MQTT 5 is refused as a broker of 3.1.1 does it, everything else goes through."""

    def __init__(self, port: int) -> None:
        self._behind = port
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._server.getsockname()[1])
        self._thread = threading.Thread(target=self._run, name="gate", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        with suppress(OSError):  # closed
            while True:
                peer, _address = self._server.accept()
                threading.Thread(target=self._serve, args=(peer,), name="wire", daemon=True).start()

    def _serve(self, peer: socket.socket) -> None:
        with suppress(OSError), peer:
            first = peer.recv(PIECE_BYTES)
            if LEVEL_5 in first[:16]:
                peer.sendall(REFUSED)
                return
            with socket.create_connection(("127.0.0.1", self._behind)) as broker:
                broker.sendall(first)
                _relay(peer, broker)

    def close(self) -> None:
        with suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._thread.join(5.0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _relay(one: socket.socket, other: socket.socket) -> None:
    """Until either hangs up."""
    ways = {one: other, other: one}
    with selectors.DefaultSelector() as ready:
        for end in ways:
            ready.register(end, selectors.EVENT_READ)
        while True:
            for key, _events in ready.select():
                source = key.fileobj
                assert isinstance(source, socket.socket)
                data = source.recv(PIECE_BYTES)
                if not data:
                    return
                ways[source].sendall(data)
