"""Hands that go on scanning while the machine under them has a bad day, and what became of each of their scans."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

from tests.machine import devices
from tests.machine.monitor import MachineError, wait_for
from tests.machine.store import LONG, STORE, StorePc, configuration, gtin
from tests.machine.vm import Vm

UNIT, STATE = "jaego-agent", "/var/lib/jaego"
JAEGO = "setpriv --reuid=jaego --regid=jaego --init-groups jaego"
GOOD, STOP = b"\x1b7,", b"\x1b8,\x1b8,"  # Honeywell's beeps: one, two low ones
ANSWER_S = 1.5  # then the clerk begins to wonder
BACK_S_MAX = 90.0
ON_ITS_WAY_S = 0.5  # a beep of an agent that was alive; a start takes longer than this
# An emulated machine under load: a code that was typed so long ago is written.
WRITTEN_S = 1.5


def in_long_form(check: Callable[..., None]) -> Callable[..., None] | None:
    """Not collected in the short form: it is no check that was skipped there."""
    return check if LONG else None


class Clerk:
    """With the serial scanner, whose beep waits for the agent's answer: each scan another item, from `first` on."""

    def __init__(self, pc: StorePc, first: int = 0, pause_s: float = 0.1) -> None:
        self.pc, self.pause_s = pc, pause_s
        self.answered: dict[int, float] = {}  # by item, when
        self.unanswered: list[int] = []
        self.refused: list[int] = []
        self._next = first
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self.line: socket.socket | None = None

    def plug(self) -> None:
        """Again, too: a machine that was off has forgotten what is plugged in."""
        self.unplug()
        self.line = devices.plug_serial(self.pc.vm, "LINE-1", 5)

    def unplug(self) -> None:
        if self.line is not None:
            self.line.close()

    def scan(self) -> bytes:
        """The next item; what was answered, nothing where no answer came."""
        assert self.line is not None
        number, self._next = self._next, self._next + 1
        up_since = since(self.pc, "line")
        self.line.sendall(f"{gtin(number)}\r".encode())
        answer = self._hear(up_since)
        if answer == GOOD:
            self.answered[number] = time.monotonic()
        else:
            (self.refused if answer else self.unanswered).append(number)
        return answer

    def _hear(self, up_since: str | None) -> bytes:
        """An answer; none once the agent has come anew and says nothing of it. A second code never goes behind one that
        nobody took: it would wait in the adapter."""
        while True:
            last = self._ended.is_set() or since(self.pc, "line") not in {None, up_since}
            if answer := self._receive(ANSWER_S):
                return answer
            if last:
                return b""
            self._ended.wait(0.01)

    def _receive(self, timeout_s: float) -> bytes:
        assert self.line is not None
        self.line.settimeout(timeout_s)
        try:
            return self.line.recv(64)
        except OSError:  # silence, or the machine is off
            return b""

    def scans(self, count: int) -> None:
        """So many, each answered well."""
        for _ in range(count):
            answer = self.scan()
            assert answer == GOOD, (answer, self.pc.journal())

    def begin(self) -> None:
        self._ended.clear()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._ended.wait(self.pause_s):
            self.scan()

    def end(self) -> None:
        self._ended.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        self._ended.clear()

    def answered_after(self, moment_s: float, timeout_s: float = BACK_S_MAX) -> float:
        """Seconds from then, when the agent ended or stood still, to the next good beep; waits for it."""

        def beeps() -> list[float]:
            return [at - moment_s for at in list(self.answered.values()) if at > moment_s + ON_ITS_WAY_S]

        self.pc.until(beeps, lambda: "no scan is answered any more", timeout_s)
        return min(beeps())


class Typist:
    """With a scanner that types: no answer, but what it typed into an agent that lived is written."""

    def __init__(self, pc: StorePc, first: int = 500) -> None:
        self.pc = pc
        self.typed: dict[int, float] = {}  # by item, when it had its Enter
        self._next = first
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def plug(self) -> None:
        devices.plug_keyboard(self.pc.vm, "SCAN-1", 0, 1)
        self.pc.works("usb-1")

    def begin(self) -> None:
        self._thread.start()

    def _run(self) -> None:
        while not self._ended.wait(0.1):
            devices.type_keys(self.pc.vm, 0, gtin(self._next) + "\n")
            self.typed[self._next] = time.monotonic()
            self._next += 1

    def end(self) -> None:
        self._ended.set()
        self._thread.join()

    def between(self, begin_s: float, end_s: float) -> set[int]:
        return {number for number, at in list(self.typed.items()) if begin_s < at < end_s}


@contextmanager
def scanning(*hands: Clerk | Typist) -> Generator[None]:
    with ExitStack() as stack:
        for one in hands:
            one.begin()
            stack.callback(one.end)
        yield


def since(pc: StorePc, device: str) -> str | None:
    """When the device came up, as head office heard; None while it is not."""
    told = pc.heard.payloads(f"stock/v1/{STORE}/device/{device}")[-1:]
    said: dict[str, Any] = json.loads(told[0]) if told and told[0] else {}
    return str(said["since"]) if said.get("state") == "up" else None


# -- what the ledger and head office have -----------------------------------------------------------------------------

READ = """
import sqlite3
ledger = sqlite3.connect("file:/var/lib/jaego/ledger.db?mode=ro", uri=True)
for body, in ledger.execute("SELECT body FROM event ORDER BY seq"):
    print(body.decode())
"""


def events(pc: StorePc) -> list[str]:
    """The ledger as it is in the store, an event a line."""
    pc.vm.put("/srv/read_ledger.py", READ)
    command = "setpriv --reuid=jaego --regid=jaego --clear-groups python3 -I /srv/read_ledger.py"
    return pc.vm.sh(command, expected=0).out.splitlines()


def moved(lines: list[str]) -> Counter[int]:
    """How often each item was booked."""
    found = [json.loads(line) for line in lines]
    return Counter(
        int(line["sku"][4:]) for event in found if event["type"] == "movement" for line in event["data"]["lines"]
    )


def nothing_lost(pc: StorePc, clerk: Clerk, certain: set[int] | None = None) -> list[str]:
    """Every scan that was answered is in the ledger once, what was refused is not, and head office has the same."""
    lines = events(pc)
    booked = moved(lines)
    assert {number: booked[number] for number in clerk.answered} == dict.fromkeys(clerk.answered, 1)
    assert not [number for number in clerk.refused if booked[number]]
    assert not {number: times for number, times in booked.items() if times > 1}
    assert not (certain or set()) - set(booked)
    at_head_office(pc, lines)
    return lines


def at_head_office(pc: StorePc, lines: list[str], timeout_s: float = 60.0) -> None:
    """Until head office has exactly these events."""
    query = "SELECT CAST(body AS TEXT) FROM event ORDER BY log, seq"
    pc.until(lambda: len(pc.at_head_office(query)) >= len(lines), lambda: pc.journal(), timeout_s)  # noqa: PLW0108
    assert [line for (line,) in pc.at_head_office(query)] == lines


# -- the unit ---------------------------------------------------------------------------------------------------------


def shown(pc: StorePc, name: str) -> str:
    return pc.vm.sh(f"systemctl show -P {name} {UNIT}", expected=0).out.strip()


def limit(pc: StorePc, *lines: str) -> None:
    """For the agent's next start: an emulated one has a minute for a sign of life, too long for a check."""
    text = "\n".join(("[Service]", *lines, ""))
    pc.vm.put(f"/etc/systemd/system/{UNIT}.service.d/zz-check.conf", text)
    pc.vm.sh("systemctl daemon-reload", expected=0)


def configure(pc: StorePc, *changes: tuple[str, str]) -> None:
    """Lines of the configuration, before and after, for the agent's next start."""
    text = configuration()
    for before, after in changes:
        assert before in text
        text = text.replace(before, after)
    pc.vm.put("/etc/jaego/agent.toml", text)


def health(pc: StorePc) -> dict[str, Any]:
    """The newest that head office heard."""
    found: dict[str, Any] = json.loads(pc.heard.payloads(f"stock/v1/{STORE}/health")[-1])
    return found


def move_to_own_disk(pc: StorePc, folder: Path) -> None:
    """The agent's state to a file system of its own; the agent starts anew there."""
    disk, device = folder / "state.img", "/dev/disk/by-id/virtio-state"
    with disk.open("wb") as file:
        file.truncate(512 << 20)
    devices.plug_disk(pc.vm, "state", str(disk))
    steps = (
        f"systemctl stop {UNIT}",
        f"mkfs.ext4 -q {device}",
        f"mount {device} /mnt",
        f"cp -a {STATE}/. /mnt/",
        "umount /mnt",
        f"mount {device} {STATE}",
        f"chown jaego:jaego {STATE}",
        f"chmod 750 {STATE}",
        f"systemctl start {UNIT}",
    )
    pc.vm.sh(" && ".join(steps), timeout_s=180.0, expected=0)


def switched_off(pc: StorePc) -> float:
    """Waits for the machine to end by itself. Seconds."""
    begun_s = time.monotonic()
    monitor = pc.vm.monitor
    assert monitor is not None

    def gone() -> bool:
        try:
            monitor("query-status")
        except (MachineError, OSError):
            return True
        return False

    wait_for(gone, 120.0, "the machine's end")
    took_s = time.monotonic() - begun_s
    pc.vm.cut()
    return took_s


class OldMachine(Vm):
    """Its battery is empty: it comes with a clock of long ago, on the disk of another that is off."""

    def __init__(self, former: Vm) -> None:
        super().__init__(former.work, broker_port=former.broker_port, disk=former.disk)
        self._former = former

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        super().__exit__(kind, error, trace)
        self._former.__exit__(kind, error, trace)

    def _command(self) -> list[str]:
        return [*super()._command(), "-rtc", "base=2001-02-03T04:05:06"]
