"""Commands to an SSI scanner, one after another: each waits for its ACK, a NAK, or a time-out.

SSI allows one unanswered packet a direction (SSI Programmer's Guide, "Transaction examples").
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace

from drivers.session import NS_PER_S
from drivers.ssi.frames import RETRANSMIT, Cause, Packet, encode

QUEUE_MAX = 16  # beyond, the oldest is dropped: a beep that comes seconds late tells a lie
TRIES_MAX = 2


class Commands:
    def __init__(self, timeout_s: float) -> None:
        self._timeout_ns = int(timeout_s * NS_PER_S)
        self._waiting: deque[Packet] = deque(maxlen=QUEUE_MAX)
        self._sent: Packet | None = None
        self._tries = 0
        self._deadline_ns = 0

    @property
    def waiting(self) -> bool:
        return bool(self._waiting) and self._sent is None

    def add(self, command: Packet) -> None:
        self._waiting.append(command)

    def next_deadline(self) -> int | None:
        return self._deadline_ns if self._sent is not None else None

    def take(self, now_ns: int) -> bytes:
        """What may be sent now."""
        if self._sent is not None or not self._waiting:
            return b""
        self._tries = 0
        return self._send(self._waiting.popleft(), now_ns)

    def acknowledged(self) -> None:
        self._sent = None

    def refused(self, cause: int, now_ns: int) -> tuple[bytes, str | None]:
        """What to send again, or why the command failed."""
        if self._sent is None:
            return b"", None
        if cause == Cause.CHECKSUM and self._tries < TRIES_MAX:
            return self._again(now_ns), None
        failed, self._sent = self._sent, None
        return b"", f"the scanner refuses {failed} (cause {cause})"

    def tick(self, now_ns: int) -> tuple[bytes, str | None]:
        """What to send again, or why the command failed."""
        if self._sent is None or now_ns < self._deadline_ns:
            return b"", None
        if self._tries < TRIES_MAX:
            return self._again(now_ns), None
        failed, self._sent = self._sent, None
        return b"", f"the scanner does not answer {failed}"

    def _again(self, now_ns: int) -> bytes:
        assert self._sent is not None
        return self._send(replace(self._sent, status=self._sent.status | RETRANSMIT), now_ns)

    def _send(self, command: Packet, now_ns: int) -> bytes:
        self._sent = command
        self._tries += 1
        self._deadline_ns = now_ns + self._timeout_ns
        return encode(command)
