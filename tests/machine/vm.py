"""A Debian guest under QEMU's software emulation: boots, is frozen and thawed, obeys, loses its power.

    with Vm(work) as vm:                 # work: the folder that scripts/machine made
        vm.thaw("booted")
        vm.sh("systemctl is-system-running")

Emulation, because a machine for tests seldom has KVM: Python is about seven times slower in it, so units get longer
times by a drop-in. A frozen guest is thawed in about a second; its wall clock is set forward then, its monotonic clock
goes on from the freeze.
"""

from __future__ import annotations

import base64
import ctypes
import hashlib
import json
import queue
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Any, NamedTuple, Self

from tests.machine.monitor import MachineError, Monitor, connect, wait_for

QEMU = "qemu-system-x86_64"
MEMORY_MIB, CORES, CPU = 768, 2, "Nehalem"
# A display for each QEMU keyboard, only to address it: a usb-kbd that is bound to one takes the keys sent to that one.
SCREENS = 4
BROKER = ("10.0.2.100", 1883)  # of the host, wherever it listens there
KERNEL = (
    "console=ttyS0 root=/dev/vda rw quiet net.ifnames=0 mitigations=off audit=0 lsm= nokaslr no5lvl "
    "tsc=reliable clocksource=tsc random.trust_cpu=on systemd.show_status=0"
)
RELAY = Path(__file__).with_name("relay.py")
QUIET = "udevadm settle; journalctl --flush; sync"


class Result(NamedTuple):
    code: int
    out: str
    err: str
    took_s: float


def die_with_parent() -> None:
    """In the child: a test that is killed leaves no machine behind."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


class Vm:
    """`disk`: an overlay that is kept over power cuts; else one that goes with the machine.

    `broker_port`: of a broker on this machine, which the guest reaches as `BROKER`.
    """

    def __init__(self, work: Path, *, broker_port: int = 0, disk: Path | None = None) -> None:
        self.work, self.broker_port = work, broker_port
        self.folder = Path(tempfile.mkdtemp(prefix="jaego-vm-"))  # short: names of sockets have at most 108 bytes
        self.disk = disk or self.folder / "root.qcow2"
        self.monitor: Monitor | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._hand: socket.socket | None = None
        self._answers: dict[int, queue.Queue[dict[str, Any]]] = {}
        self._asked = 0
        self._asking = threading.Lock()
        self._up = threading.Event()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.cut()
        shutil.rmtree(self.folder, ignore_errors=True)

    # -- life -------------------------------------------------------------------------------------------------------

    def boot(self, timeout_s: float = 240.0) -> float:
        """From its disk, until systemd has settled. Seconds that it took."""
        begun_s = time.monotonic()
        self._overlay(self.work / "root.img", "raw")
        self._spawn()
        if not self._up.wait(timeout_s):
            raise MachineError(f"the guest does not boot: {self.console()[-3000:]}")
        state = self.sh("systemctl is-system-running --wait", timeout_s=timeout_s).out.strip()
        if state not in {"running", "degraded"}:
            raise MachineError(f"systemd says {state}")
        return time.monotonic() - begun_s

    def frozen(self, name: str) -> bool:
        """Whether there is such a state, of this image and this QEMU."""
        try:
            return (self.work / name / "of").read_text() == self._fingerprint(name)
        except OSError:
            return False

    def freeze(self, name: str) -> None:
        """Keep memory and disk as `name`, for `thaw`, and end."""
        assert self.monitor is not None
        folder = self.work / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        self.sh(QUIET)
        self.monitor("migrate-set-parameters", **{"max-bandwidth": 1 << 34})
        self.monitor("stop")
        self.monitor("migrate", uri=f"exec:cat >{folder / 'memory'}")
        status = wait_for(self._migrated, 120.0, "the guest's memory")
        if status != "completed":
            raise MachineError(f"the guest's memory could not be written: {status}")
        self.monitor("quit")
        assert self._process is not None
        self._process.wait(30)
        shutil.copy(self.disk, folder / "disk.qcow2")
        self.cut()
        (folder / "of").write_text(self._fingerprint(name))

    def thaw(self, name: str, *, linked: bool = True) -> float:
        """Go on from a frozen state, on a disk of its own, the network cable in or out. Seconds that it took."""
        begun_s = time.monotonic()
        self._overlay(self.work / name / "disk.qcow2", "qcow2")
        self._spawn("-incoming", f"exec:cat {self.work / name / 'memory'}")
        assert self.monitor is not None
        monitor = self.monitor
        wait_for(lambda: monitor("query-status")["status"] != "inmigrate", 120.0, "the frozen guest")
        if not linked:
            self.link(up=False)
        monitor("cont")
        self.sh(f"date -s @{time.time():.3f} >/dev/null")
        return time.monotonic() - begun_s

    def cut(self) -> None:
        """The power: no flush, no shutdown. What the guest's kernel gave to the disk is there, flushed or not."""
        if self._process is not None:
            if self._process.poll() is None:
                self._process.kill()
            self._process.wait()
            self._process = None
        if self._hand is not None:
            with suppress(OSError):
                self._hand.shutdown(socket.SHUT_RDWR)
            self._hand.close()
            self._hand = None
        if self.monitor is not None:
            self.monitor.close()
            self.monitor = None

    def console(self) -> str:
        path = self.folder / "console"
        return path.read_text(errors="replace") if path.exists() else ""

    def _migrated(self) -> str | None:
        assert self.monitor is not None
        status = str(self.monitor("query-migrate").get("status"))
        return status if status in {"completed", "failed"} else None

    def _fingerprint(self, name: str) -> str:
        version = subprocess.run([QEMU, "--version"], capture_output=True, text=True, check=True).stdout
        image = (self.work / "root.img").stat()
        machine = self._command()[1:8]
        return hashlib.sha256(repr((name, version, machine, image.st_size, image.st_mtime_ns)).encode()).hexdigest()

    def _overlay(self, backing: Path, form: str) -> None:
        if not self.disk.exists():
            make = ["qemu-img", "create", "-q", "-f", "qcow2", "-b", str(backing), "-F", form, str(self.disk)]
            subprocess.run(make, check=True)

    def _command(self) -> list[str]:
        folder = self.folder
        address, port = BROKER
        relay = f"guestfwd=tcp:{address}:{port}-cmd:{sys.executable} -I -S {RELAY} {self.broker_port}"
        command = [
            QEMU, "-M", "q35,hpet=off", "-cpu", CPU, "-smp", str(CORES), "-m", str(MEMORY_MIB),
            "-accel", "tcg,thread=multi,tb-size=512",
            "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
            "-kernel", str(self.work / "vmlinux"), "-initrd", str(self.work / "initrd.img"), "-append", KERNEL,
            "-qmp", f"unix:{folder}/monitor,server=on,wait=off",
            "-chardev", f"file,id=console,path={folder}/console,append=on", "-serial", "chardev:console",
            "-drive", f"file={self.disk},format=qcow2,if=none,id=root,cache=writeback",
            "-device", "virtio-blk-pci,drive=root",
            "-netdev", f"user,id=net0,restrict=on,{relay}",
            "-device", "virtio-net-pci,netdev=net0,id=nic0,romfile=",
            "-device", "virtio-rng-pci", "-device", "virtio-serial-pci",
            "-chardev", f"socket,id=hand,path={folder}/hand,server=on,wait=off",
            "-device", "virtserialport,chardev=hand,name=hand",
            "-device", "qemu-xhci,id=xhci,p2=8,p3=2",
            "-device", "pcie-root-port,id=slot0,chassis=1",
        ]  # fmt: skip
        for number in range(SCREENS):
            command += ["-device", f"bochs-display,id=screen{number},romfile=,vgamem=4M"]
        return command

    def _spawn(self, *more: str) -> None:
        for name in ("monitor", "hand"):
            (self.folder / name).unlink(missing_ok=True)
        self._up.clear()
        with (self.folder / "qemu.log").open("ab") as log:
            self._process = subprocess.Popen(
                [*self._command(), *more],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=die_with_parent,  # noqa: PLW1509  nothing else is between fork and exec
            )
        try:
            self.monitor = Monitor(self.folder / "monitor")
        except MachineError as error:
            raise MachineError(f"{error}: {(self.folder / 'qemu.log').read_text()[-2000:]}") from error
        self._hand = connect(self.folder / "hand")
        threading.Thread(target=self._listen, args=(self._hand.makefile("rb"),), daemon=True).start()

    # -- the guest's hand -------------------------------------------------------------------------------------------

    def _listen(self, lines: IO[bytes]) -> None:
        with suppress(OSError, ValueError), lines:
            for line in lines:
                answer = json.loads(line)
                if answer["id"] == 0:
                    self._up.set()
                elif answer["id"] in self._answers:
                    self._answers[answer["id"]].put(answer)

    def _ask(self, wait_s: float, **request: Any) -> dict[str, Any]:
        box: queue.Queue[dict[str, Any]] = queue.Queue()
        with self._asking:
            assert self._hand is not None, "the machine is off"
            self._asked += 1
            number = self._asked
            self._answers[number] = box
            self._hand.sendall(json.dumps({"id": number, **request}).encode() + b"\n")
        try:
            return box.get(timeout=wait_s)
        except queue.Empty:
            raise MachineError(f"no answer within {wait_s} s to {str(request)[:300]}") from None
        finally:
            del self._answers[number]

    def sh(self, text: str, *, timeout_s: float = 60.0, expected: int | None = None) -> Result:
        """Run in the guest, as root. With `expected` another exit code is a `MachineError` with what was said."""
        begun_s = time.monotonic()
        found = self._ask(timeout_s + 30.0, sh=text, timeout_s=timeout_s)
        result = Result(found["code"], found.get("out", ""), found.get("err", ""), time.monotonic() - begun_s)
        if expected is not None and result.code != expected:
            raise MachineError(f"exit code {result.code}: {text}\n{result.out}{result.err}")
        return result

    def background(self, text: str, timeout_s: float = 600.0) -> Callable[[], Result]:
        """Run beside; what is returned waits for its end."""
        box: queue.Queue[Result] = queue.Queue()
        threading.Thread(target=lambda: box.put(self.sh(text, timeout_s=timeout_s)), daemon=True).start()
        return lambda: box.get(timeout=timeout_s + 30.0)

    def until(self, test: str, timeout_s: float = 60.0) -> float:
        """Wait in the guest for a shell's test. Seconds that it took."""
        result = self.sh(f"until {test}; do sleep 0.1; done", timeout_s=timeout_s)
        if result.code:
            raise MachineError(f"waited {timeout_s} s in the guest for: {test}\n{result.out}{result.err}")
        return result.took_s

    def put(self, path: str, data: bytes | str, mode: int = 0o644) -> None:
        raw = data if isinstance(data, bytes) else data.encode()
        found = self._ask(120.0, put=path, base64=base64.b64encode(raw).decode(), mode=mode)
        if found["code"]:
            raise MachineError(str(found["err"]))

    def get(self, path: str) -> bytes:
        found = self._ask(120.0, get=path)
        if found["code"]:
            raise MachineError(str(found["err"]))
        return base64.b64decode(found["base64"])

    def link(self, *, up: bool) -> None:
        """The network cable."""
        assert self.monitor is not None
        self.monitor("set_link", name="nic0", up=up)
