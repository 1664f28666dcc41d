"""Serial lines through pyserial, which sets them up and holds them; reads and writes go to the descriptor itself.

pyserial's own `read` waits, and its `write` spins while the line takes nothing (3.5), so neither is used.
"""

from __future__ import annotations

import errno
import os
import termios

import serial

from drivers.errors import DeviceError, DeviceRefused, DeviceUnavailable
from drivers.settings import SerialPort

_READ_BYTES = 4096
_PARITY = {
    "none": serial.PARITY_NONE,
    "even": serial.PARITY_EVEN,
    "odd": serial.PARITY_ODD,
    "mark": serial.PARITY_MARK,
    "space": serial.PARITY_SPACE,
}
_ABSENT = {errno.ENOENT, errno.ENODEV, errno.ENXIO, errno.EIO, errno.ENOTDIR}
_HELD = {errno.EBUSY, errno.EAGAIN, errno.EWOULDBLOCK}


class SerialSource:
    def __init__(self, port: serial.Serial, path: str) -> None:
        self._port = port
        self._path = path
        self._descriptor = port.fileno()

    def fileno(self) -> int:
        return self._descriptor

    @property
    def waits(self) -> bool:
        return False

    def read(self) -> bytes:
        return os.read(self._descriptor, _READ_BYTES)

    def write(self, data: bytes) -> int:
        return os.write(self._descriptor, data)

    def close(self) -> None:
        self._port.close()

    def gone(self, error: OSError | None) -> DeviceError:
        why = "the line was hung up" if error is None else (error.strerror or str(error))
        return DeviceUnavailable(f"{self._path} is gone: {why}", hint="plug the scanner in again")


def open_serial(settings: SerialPort) -> SerialSource:
    """Open exclusively. Raises DeviceUnavailable if it is not there, DeviceRefused if a person must act."""
    try:
        port = serial.Serial(
            settings.path,
            baudrate=settings.baud,
            bytesize=settings.bytesize,
            parity=_PARITY[settings.parity],
            stopbits=settings.stopbits,
            xonxoff=settings.xonxoff,
            rtscts=settings.rtscts,
            timeout=0,
            exclusive=True,
        )
    except (OSError, ValueError, termios.error) as error:  # SerialException is an OSError
        raise _refusal(settings.path, error) from error
    try:
        _wait_for_bytes(port.fileno())
    except termios.error as error:
        port.close()
        raise _refusal(settings.path, error) from error
    return SerialSource(port, settings.path)


def _wait_for_bytes(descriptor: int) -> None:
    """VMIN 1: an empty line is then EAGAIN, and 0 bytes mean a hang-up (termios(3), non-canonical mode)."""
    attributes = termios.tcgetattr(descriptor)
    attributes[6][termios.VMIN] = 1
    attributes[6][termios.VTIME] = 0
    termios.tcsetattr(descriptor, termios.TCSANOW, attributes)


def _refusal(path: str, error: Exception) -> DeviceError:
    code = getattr(error, "errno", None)
    if code is None and isinstance(error, termios.error) and error.args:
        code = error.args[0]
    if code in _ABSENT:
        return DeviceUnavailable(f"{path} is not there", hint="plug the scanner in, or correct its path")
    if code in _HELD:
        return DeviceRefused(
            f"another program holds {path}", hint=f"close the other program (fuser {path} names it), or ModemManager"
        )
    if code in {errno.EACCES, errno.EPERM}:
        return DeviceRefused(
            f"no permission for {path}", hint="install the udev rule, or add the user to group dialout"
        )
    return DeviceRefused(f"{path} does not take these settings: {error}", hint="correct baud, parity and flow control")
