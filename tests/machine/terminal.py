"""A person at a terminal of the machine's: a shell with job control on a pty, typed into and read from the host."""

from __future__ import annotations

import base64
import re
import shlex
import time
from types import TracebackType
from typing import Self

from tests.machine.monitor import MachineError
from tests.machine.vm import Vm

HOME = "/root"
PROMPT = "root@store-pc:~# "  # of Debian's /etc/bash.bashrc
POLL_S = 0.1
_COLOURS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Terminal:
    """Logged in as root, as at the machine's console. The shell ends with it, and its jobs."""

    def __init__(self, vm: Vm) -> None:
        self.vm = vm
        self._keys, self._screen = "/run/terminal.keys", "/run/terminal.screen"
        login = shlex.join(["env", "-i", f"HOME={HOME}", "TERM=dumb", "LANG=C.UTF-8", "bash", "--login", "-i"])
        # `script` of util-linux makes the pty; the pipe of the keys has somebody at its other end until we go.
        typing = f"echo $$ >/run/terminal.pid; exec sleep infinity >{self._keys}"
        shell = shlex.join(["script", "--quiet", "--flush", "--command", login, self._screen])
        vm.sh(
            f"cd {HOME}; rm -f {self._keys}; mkfifo {self._keys}; : >{self._screen}\n"
            f"setsid sh -c {shlex.quote(typing)} >/dev/null 2>&1 &\n"
            f"setsid {shell} <{self._keys} >/dev/null 2>&1 &",
            expected=0,
        )
        self._seen = 0
        self.wait(re.escape(PROMPT))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.vm.sh("kill $(cat /run/terminal.pid)")

    def screen(self) -> str:
        """All that was on it."""
        text = self.vm.get(self._screen).decode(errors="replace").replace("\r", "")
        return _COLOURS.sub("", text).partition("\n")[2]  # `script` says when it began

    def keys(self, text: str) -> None:
        sent = base64.b64encode(text.encode()).decode()
        self.vm.sh(f"echo {sent} | base64 -d >{self._keys}", expected=0)

    def wait(self, pattern: str, timeout_s: float = 60.0) -> str:
        """What is new on the screen, to the end of the pattern; the rest is new for the next one."""
        end_s = time.monotonic() + timeout_s
        while True:
            text = self.screen()
            found = re.compile(pattern).search(text, self._seen)
            if found is not None:
                begin, self._seen = self._seen, found.end()
                return text[begin : self._seen]
            if time.monotonic() > end_s:
                raise MachineError(f"waited {timeout_s} s at the terminal for {pattern}\n{text}")
            time.sleep(POLL_S)

    def run(self, line: str, timeout_s: float = 120.0, answer: tuple[str, str] | None = None) -> str:
        """A command, until the next prompt; what it said. `answer`: to a question that it asks, pattern and keys."""
        self.keys(line + "\n")
        told = ""
        if answer is not None:
            told = self.wait(answer[0], timeout_s)
            self.keys(answer[1])
        return (told + self.wait(re.escape(PROMPT), timeout_s)).removesuffix(PROMPT)
