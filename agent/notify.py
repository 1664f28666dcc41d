"""systemd's notification protocol (sd_notify(3)): one datagram, nothing where nobody listens."""

from __future__ import annotations

import os
import socket
from contextlib import suppress


def notify(message: str) -> None:
    """`READY=1`, `STOPPING=1`, `WATCHDOG=1`, `STATUS=…`."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
        sender.setblocking(False)  # the writer's thread calls this too
        with suppress(OSError):  # systemd is away or busy: it will miss the sign of life and act, we cannot
            sender.connect(address)
            sender.send(message.encode())


def watchdog_s() -> float | None:
    """How often systemd wants a sign of life: half of what it waits for."""
    text = os.environ.get("WATCHDOG_USEC", "")
    return int(text) / 2e6 if text.isdigit() and int(text) else None
