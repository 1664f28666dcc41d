"""What QEMU starts for each connection of the guest to its broker: bytes between stdin/stdout and 127.0.0.1:PORT."""

from __future__ import annotations

import os
import socket
import sys
import threading


def copy(source: int, sink: socket.socket) -> None:
    while data := os.read(source, 65536):
        sink.sendall(data)
    sink.shutdown(socket.SHUT_WR)


def main() -> None:
    with socket.create_connection(("127.0.0.1", int(sys.argv[1])), 10) as far:
        far.settimeout(None)
        threading.Thread(target=copy, args=(0, far), daemon=True).start()
        while data := far.recv(65536):
            while data:
                data = data[os.write(1, data) :]


main()
