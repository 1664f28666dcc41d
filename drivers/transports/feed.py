"""Lines from a thread of a library to the drain thread: a socket pair whose reading end is the source's descriptor.

Writing blocks while the pair is full, which is the back pressure on whoever sends. When the writer ends, the reader
finds the end behind the last line, and `gone` says the reason that the writer gave.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable

from drivers.errors import DeviceError, DeviceUnavailable

READ_BYTES = 262_144


class FeedSource:
    """`release` lets the other side go; it may wait, and is called after the reading end is shut.

    `wording` makes the loss from its reason.
    """

    def __init__(self, release: Callable[[], None], wording: Callable[[str], DeviceError]) -> None:
        self._reading, self._writing = socket.socketpair()
        self._reading.setblocking(False)
        self._release = release
        self._wording = wording
        self._reason = "it ended"
        self._ended = False

    # -- the writer's side --------------------------------------------------------------------------------------------

    def put(self, data: bytes) -> bool:
        """False when nobody reads any more."""
        try:
            self._writing.sendall(data)
        except OSError:
            return False
        return True

    def end(self, reason: str) -> None:
        """The first reason counts."""
        if self._ended:
            return
        self._ended, self._reason = True, reason
        with contextlib.suppress(OSError):  # closed by the reader's side
            self._writing.shutdown(socket.SHUT_WR)

    # -- the drain's side ---------------------------------------------------------------------------------------------

    def fileno(self) -> int:
        return self._reading.fileno()

    @property
    def waits(self) -> bool:
        return True

    def read(self) -> bytes:
        return self._reading.recv(READ_BYTES)

    def write(self, data: bytes) -> int:
        return len(data)  # a stream in one direction

    def close(self) -> None:
        self._reading.shutdown(socket.SHUT_RDWR)  # a writer that waits for room wakes up
        self._release()
        self._writing.close()
        self._reading.close()

    def gone(self, error: OSError | None) -> DeviceError:
        return self._wording(self._reason if error is None else (error.strerror or str(error)))


def lost(peer: str, hint: str) -> Callable[[str], DeviceError]:
    """The usual wording: try again."""
    return lambda reason: DeviceUnavailable(f"{peer} is gone: {reason}", hint=hint)
