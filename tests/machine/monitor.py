"""QEMU's monitor (QMP): a command at a time, a JSON object a line; events are let go."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")


class MachineError(Exception):
    """The machine did not do what was asked: what it said is in the message."""


def wait_for(found: Callable[[], T | None], timeout_s: float, what: object, pause_s: float = 0.02) -> T:
    """Until there is something."""
    end_s = time.monotonic() + timeout_s
    while not (value := found()):
        if time.monotonic() > end_s:
            raise MachineError(f"waited {timeout_s} s for {what}")
        time.sleep(pause_s)
    return value


def connect(path: Path, timeout_s: float = 20.0) -> socket.socket:
    def attempt() -> socket.socket | None:
        one = socket.socket(socket.AF_UNIX)
        try:
            one.connect(str(path))
        except OSError:
            one.close()
            return None
        return one

    return wait_for(attempt, timeout_s, path)


class Monitor:
    """Raises `MachineError` for what QEMU refuses, and when it is gone."""

    def __init__(self, path: Path) -> None:
        self._socket = connect(path)
        self._lines = self._socket.makefile("rwb")
        try:
            self._lines.readline()  # its greeting
            self("qmp_capabilities")
        except OSError as error:
            raise MachineError(f"QEMU ended: {error}") from error

    def __call__(self, command: str, **arguments: Any) -> Any:
        self._lines.write(json.dumps({"execute": command, "arguments": arguments}).encode() + b"\n")
        self._lines.flush()
        while line := self._lines.readline():
            answer = json.loads(line)
            if "error" in answer:
                raise MachineError(f"{command}: {answer['error']['desc']}")
            if "return" in answer:
                return answer["return"]
        raise MachineError(f"QEMU ended during {command}")

    def line(self, text: str) -> str:
        """Of the monitor for people, for what QMP has no command."""
        return str(self("human-monitor-command", **{"command-line": text}))

    def close(self) -> None:
        self._socket.close()
