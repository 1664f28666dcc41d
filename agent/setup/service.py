"""The agent's unit, where systemd runs this machine and we may tell it something."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.errors import AgentError

UNIT = "jaego-agent"
RUNNING = frozenset({"active", "activating", "reloading", "deactivating"})
ENDS = (signal.SIGHUP, signal.SIGTERM)


@dataclass(frozen=True, slots=True)
class Service:
    """`here`: it can be stopped and started by `command`."""

    here: bool
    command: str = "systemctl"

    @classmethod
    def found(cls) -> Service:
        return cls(here=Path("/run/systemd/system").is_dir() and os.geteuid() == 0)

    def runs(self) -> bool:
        """Also while it starts, or is to be started again in a moment."""
        return self.here and self._told("show", "--property=ActiveState", "--value", UNIT)[1] in RUNNING

    def stop(self) -> None:
        """Raises `AgentError`."""
        if self._told("stop", UNIT)[0]:
            raise AgentError(f"{UNIT} does not stop", hint=f"journalctl -u {UNIT}")

    def start(self) -> bool:
        return self._told("start", UNIT)[0] == 0

    def enable(self) -> bool:
        """At each start of the machine, too."""
        return self._told("enable", "--quiet", UNIT)[0] == 0

    def _told(self, *words: str) -> tuple[int, str]:
        done = subprocess.run([self.command, *words], check=False, capture_output=True, text=True)  # noqa: S603  fixed words
        return done.returncode, done.stdout.strip()


@contextmanager
def ending() -> Generator[None]:
    """A terminal that is closed, or a polite end, becomes `SystemExit`: what is inside is left in order."""

    def leave(number: int, _frame: Any) -> None:
        raise SystemExit(128 + number)

    ours = [one for one in ENDS if signal.getsignal(one) is signal.SIG_DFL]  # nohup stays what it is
    for one in ours:
        signal.signal(one, leave)
    try:
        yield
    finally:
        for one in ours:
            signal.signal(one, signal.SIG_DFL)
