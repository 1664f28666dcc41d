"""A clerk who writes down what was answered, a store whose state is on a disk that forgets, and the ledger's word."""

from __future__ import annotations

import hashlib
import json
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from types import TracebackType
from typing import Any, NamedTuple, Self

from tests.machine.devices import plug_disk, plug_serial
from tests.machine.disk import ForgetfulDisk
from tests.machine.monitor import wait_for
from tests.machine.store import SETTLE_S, STORE, WORK, StorePc, gtin
from tests.machine.surviving import GOOD, STATE
from tests.machine.vm import Vm

ITEMS = 1000
ANSWER_S_MAX = 60.0
PLACE = "/dev/disk/by-id/virtio-state"
DISK_MIB = 512  # a snapshot leaves 200 MB
SPAN_S = 0.1  # from the cut to the end of the machine: whoever answers without a disk would do it here

# Debian's own Python, beside the agent: what lies in the ledger, read from its file.
_LEDGER = f"""python3 - <<'END'
import hashlib, json, sqlite3
base = sqlite3.connect("file:{STATE}/ledger.db?mode=ro", uri=True)
bodies = [body for (body,) in base.execute("SELECT body FROM event ORDER BY seq")]
events = [json.loads(body) for body in bodies]
lines = [one["data"].get("lines", []) for one in events if one.get("source", {{}}).get("device") == "line"]
print(json.dumps({{
    "log": base.execute("SELECT log FROM identity").fetchone()[0],
    "bodies": len(bodies),
    "digest": hashlib.sha256(b"".join(bodies)).hexdigest(),
    "scanned": [line["sku"] for one in lines for line in one],
}}))
END"""


class Ledger(NamedTuple):
    """`digest`: of all bodies, in order. `scanned`: items of the serial scanner's events, in order."""

    log: str
    bodies: int
    digest: str
    scanned: list[str]


def ledger(pc: StorePc) -> Ledger:
    return Ledger(**json.loads(pc.vm.sh(_LEDGER, expected=0).out))


def office(pc: StorePc, log: str) -> tuple[int, str]:
    """How many events of that log head office has, and the digest of their bodies."""
    rows = pc.at_head_office(f"SELECT body FROM event WHERE store = '{STORE}' AND log = '{log}' ORDER BY seq")
    return len(rows), hashlib.sha256(b"".join(body for (body,) in rows)).hexdigest()


class Scanner:
    """The next item as soon as the last one is answered. `sent`: items and whether the good beep was heard.

    No two items within `ITEMS` scans are the same.
    """

    def __init__(self) -> None:
        self.sent: list[tuple[str, bool]] = []
        self._line: socket.socket | None = None

    def plug(self, vm: Vm, port: int = 1) -> None:
        self.close()
        self._line = plug_serial(vm, "LINE-1", port)
        self._line.settimeout(ANSWER_S_MAX)

    def close(self) -> None:
        if self._line is not None:
            self._line.close()

    @property
    def answered(self) -> int:
        return sum(good for _, good in self.sent)

    def scan(self) -> bool:
        """Whether the good beep came; never is it waited for longer than `ANSWER_S_MAX`, nor behind the power's end."""
        assert self._line is not None
        number = len(self.sent) % ITEMS
        sku, heard = f"SKU-{number:04d}", b""
        self.sent.append((sku, False))
        try:
            self._line.sendall(gtin(number).encode() + b"\r")
            while len(heard) < len(GOOD) and (more := self._line.recv(len(GOOD) - len(heard))):
                heard += more
        except OSError:
            return False
        self.sent[-1] = (sku, heard == GOOD)
        return heard == GOOD

    def scan_on(self) -> Callable[[], None]:
        """Until one is not answered. What is returned waits for that."""
        thread = threading.Thread(target=self._scan_on, daemon=True)
        thread.start()
        return lambda: thread.join(ANSWER_S_MAX + 10.0)

    def _scan_on(self) -> None:
        while self.scan():
            pass


def compare(sent: Sequence[tuple[str, bool]], found: Sequence[str]) -> tuple[int, int]:
    """Answered scans that are not in the ledger, and what is there that is not of a scan, or twice."""
    at = lost = 0
    for sku, answered in sent:
        if at < len(found) and found[at] == sku:
            at += 1
        else:
            lost += answered
    return lost, len(found) - at


def make_disk(path: Path) -> Path:
    with path.open("wb") as file:
        file.truncate(DISK_MIB << 20)
    subprocess.run(["/sbin/mke2fs", "-q", "-t", "ext4", "-E", "lazy_itable_init=0", str(path)], check=True)
    return path


class Home:
    """The store over its lives: each has a machine of its own, the state's disk is the same one.

    `tell` what happened in it: `flushes`, `lost_sectors`, `kept_sectors` of all lives, `first_s` of each, from the
    agent's start to the first answer.
    """

    def __init__(self, pc: StorePc, image: Path) -> None:
        self.pc, self.image = pc, make_disk(image)
        self.scanner = Scanner()
        self.flushes = self.lost_sectors = self.kept_sectors = 0
        self.first_s: list[float] = []
        self.disk: ForgetfulDisk | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.scanner.close()
        if self.disk is not None:
            self.pc.vm.cut()
            self.disk.close()

    def thaw(self, *, lies: bool = False) -> ForgetfulDisk:
        """Another machine, its agent stopped before it says a word, with the disk in it."""
        self.pc.vm.__exit__(None, None, None)
        self.pc.vm = vm = Vm(WORK, broker_port=self.pc.broker.port)
        vm.thaw(self.pc.state, linked=False)
        return self.plug(lies=lies)

    def plug(self, *, lies: bool = False) -> ForgetfulDisk:
        stopped = self.pc.vm.background("systemctl stop jaego-agent")
        self.disk = ForgetfulDisk(self.image, lies=lies)
        plug_disk(self.pc.vm, "state", self.disk.place)
        self.scanner.plug(self.pc.vm)
        assert stopped().code == 0
        return self.disk

    def fill(self) -> None:
        """The first time: what the installed agent has written so far goes over."""
        text = f"mount {PLACE} /mnt && cp -a {STATE}/. /mnt/ && umount /mnt"
        self.pc.vm.sh(text, expected=0)

    @staticmethod
    def mount_and_start() -> str:
        """The command that does what the machine's boot does; it ends when the agent is ready."""
        return f"mount -t ext4 {PLACE} {STATE} && systemctl start jaego-agent"

    def start_beside(self) -> Callable[[], None]:
        self.pc.vm.sh(f"({self.mount_and_start()}) >/dev/null 2>&1 &", expected=0)
        return lambda: None

    def begin(self) -> float:
        """Mount, start, and the first scan is answered. Seconds from the start to the answer."""
        begun_s, before = time.monotonic(), Before(self.pc, "line")
        self.pc.vm.link(up=True)
        self.pc.vm.sh(self.mount_and_start(), timeout_s=300, expected=0)
        before.held()
        assert self.scanner.scan(), self.pc.journal()
        self.first_s.append(time.monotonic() - begun_s)
        return self.first_s[-1]

    def cut(self, begin: Callable[[], Any], flush: int, keep: float, chance: Random) -> None:
        """`begin` is what goes on as the power ends, at the FLUSH with this number."""
        assert self.disk is not None
        self.disk.cut_at(flush, keep, chance)
        ended = begin()
        assert self.disk.tripped.wait(120), f"no FLUSH {flush}: {self.disk.flushes}"
        time.sleep(SPAN_S)
        self.pc.vm.cut()
        ended()
        disk, self.disk = self.disk, None
        disk.close()
        self.flushes += disk.flushes
        self.lost_sectors += disk.lost_sectors
        self.kept_sectors += disk.kept_sectors


class Before:
    """What was heard of devices in earlier lives."""

    def __init__(self, pc: StorePc, *devices: str) -> None:
        self._pc = pc
        self._heard = {name: len(pc.states(name)) for name in devices}

    def held(self, timeout_s: float = 120.0) -> None:
        """Until the agent of this life holds all of them."""
        for name, before in self._heard.items():
            self._held(name, before, timeout_s)
        time.sleep(SETTLE_S)

    def _held(self, name: str, before: int, timeout_s: float) -> None:
        said = self._pc.states
        self._pc.until(lambda: said(name)[before:][-1:] == ["up"], lambda: (name, said(name)), timeout_s)


def boot(pc: StorePc, plug: Callable[[], object]) -> float:
    """A cold boot of the machine's own disk; `plug` is done as soon as there is power. Seconds until it has settled.

    The machine ends with the thread that began it, so `plug` is what happens beside.
    """

    def plug_in() -> None:
        wait_for(lambda: pc.vm.monitor, 60.0, "power")
        plug()

    with ThreadPoolExecutor(1) as beside:
        plugged = beside.submit(plug_in)
        took_s = pc.vm.boot()
        plugged.result()
    return took_s
