"""Input events from a FIFO: the same bytes as an input device gives, without a kernel device."""

from __future__ import annotations

import os
import stat

from drivers.errors import DeviceError, DeviceRefused, DeviceUnavailable

_READ_BYTES = 4096


class PipeSource:
    """`record_bytes`: reads hand on whole records, so that a loss between two reads keeps the framing."""

    def __init__(self, descriptor: int, path: str, record_bytes: int) -> None:
        self._descriptor = descriptor
        self._path = path
        self._record_bytes = record_bytes
        self._rest = b""

    def fileno(self) -> int:
        return self._descriptor

    @property
    def waits(self) -> bool:
        return False  # it stands for a keyboard, which does not

    def read(self) -> bytes:
        while True:
            data = os.read(self._descriptor, _READ_BYTES)
            if not data:
                return b""
            data = self._rest + data
            whole = len(data) - len(data) % self._record_bytes
            self._rest = data[whole:]
            if whole:
                return data[:whole]

    def write(self, data: bytes) -> int:
        return len(data)  # nobody listens at a keyboard

    def close(self) -> None:
        os.close(self._descriptor)

    def gone(self, error: OSError | None) -> DeviceError:
        why = "its writer closed it" if error is None else (error.strerror or str(error))
        return DeviceUnavailable(f"{self._path} is gone: {why}", hint="start the simulator again")


def open_pipe(path: str, record_bytes: int) -> PipeSource:
    """What was written before is thrown away, as a keyboard's keys are while nobody reads it."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise DeviceUnavailable(f"{path} is not there", hint="start the simulator, or correct the path") from error
    except OSError as error:
        raise DeviceRefused(f"{path}: {error.strerror}", hint="correct the path or its permissions") from error
    if not stat.S_ISFIFO(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise DeviceRefused(f"{path} is no FIFO", hint="correct the path, or set transport to evdev")
    try:
        while os.read(descriptor, _READ_BYTES):
            pass
    except BlockingIOError:
        pass  # empty, with a writer at the other end
    return PipeSource(descriptor, path, record_bytes)
