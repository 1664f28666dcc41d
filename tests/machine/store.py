"""The store's PC and what is around it: the machine with the package in it, a broker and a head office on this host.

The machine is frozen once as `installed`: the package installed by apt, configured, the agent active, nothing plugged
in. Every check thaws that state, so none depends on another. What a check plugs in the configuration names already:

    station     device      what
    till-1      usb-1       keyboard of QEMU's, serial number SCAN-1, on the machine's own USB controller
    till-2      usb-2       the same, SCAN-2
    desk-1      xenon       Honeywell Xenon 1900 as a HID gadget, serial number HW123
    desk-2      zebra       Zebra DS2208 as a HID gadget, serial number ZB456
    dock        line        serial scanner with an answer from the host, serial number LINE-1
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.brokers import Mosquitto, Observer
from tests.machine import devices
from tests.machine.monitor import MachineError
from tests.machine.vm import BROKER, Vm

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
WORK = Path(os.environ.get("JAEGO_MACHINE_WORK", ROOT / ".machine")).resolve()
LONG = os.environ.get("JAEGO_MACHINE") == "long"
STORE = "S001"
SETTLE_S = 0.3
INSIDE = Path(__file__).with_name("inside")
# Emulated, the agent takes its time: the same rules with longer limits.
SLOW = """[Service]
TimeoutStartSec=300
TimeoutStopSec=120
WatchdogSec=60
"""
XENON = "/dev/input/by-id/usb-Honeywell_Xenon_1900_HW123-event-kbd"
ZEBRA = "/dev/input/by-id/usb-Zebra_DS2208_ZB456-event-kbd"
DEVICES = {
    "usb-1": ("till-1", {"kind": "hid", "path": "/dev/input/by-id/usb-QEMU_QEMU_USB_Keyboard_SCAN-1-event-kbd"}),
    "usb-2": ("till-2", {"kind": "hid", "path": "/dev/input/by-id/usb-QEMU_QEMU_USB_Keyboard_SCAN-2-event-kbd"}),
    "xenon": ("desk-1", {"kind": "hid", "path": XENON}),
    "zebra": ("desk-2", {"kind": "hid", "path": ZEBRA}),
    "line": ("dock", {"kind": "serial_line", "path": devices.serial_link("LINE-1"), "host_ack": "honeywell"}),
}


def gtin(number: int) -> str:
    """GTIN-13 of the item with that number, with its check digit (GS1 General Specifications, 7.9)."""
    digits = f"880123{number:06d}"
    total = sum(int(digit) * (3 if at % 2 else 1) for at, digit in enumerate(digits))
    return digits + str(-total % 10)


def catalogue(items: int = 1000) -> str:
    rows = "".join(f"SKU-{number:04d},Item {number},{gtin(number)}\n" for number in range(items))
    return f"sku,name_en,gtin\n{rows}"


def configuration() -> str:
    host, port = BROKER
    lines = [
        f'[store]\nid = "{STORE}"\nzones = ["backroom", "salesfloor"]\nlanguage = "en"\nclock_trusted = true',
        '[catalogue]\nfile = "/etc/jaego/items.csv"',
        f'[uplink]\nhost = "{host}"\nport = {port}\nkeepalive_s = 10\nbackoff_s_max = 2',
    ]
    lines += [f'[[station]]\nname = "{station}"\nzone = "backroom"' for station, _ in DEVICES.values()]
    for name, (station, settings) in DEVICES.items():
        lines.append(f'[[device]]\nname = "{name}"\nstation = "{station}"\n[device.settings]')
        lines += [f"{key} = {json.dumps(value)}" for key, value in settings.items()]
    return "\n".join(lines) + "\n"


def installation(deb: Path) -> str:
    """Name of the frozen state: of this package, this configuration and the programs that checks run in there."""
    inside = [path.name.encode() + path.read_bytes() for path in _programs()]
    parts = [deb.read_bytes(), configuration().encode(), SLOW.encode(), Path(__file__).read_bytes(), *inside]
    return "installed-" + hashlib.sha256(b"".join(parts)).hexdigest()[:12]


def _programs() -> list[Path]:
    return sorted(path for path in INSIDE.iterdir() if path.is_file())


def install(vm: Vm, deb: Path) -> float:
    """As an installer does it: apt, the configuration, the service. Seconds that apt took."""
    vm.put(f"/srv/{deb.name}", deb.read_bytes())
    took_s = vm.sh(f"apt-get install --yes /srv/{deb.name}", timeout_s=600, expected=0).took_s
    vm.put("/etc/jaego/items.csv", catalogue())
    vm.put("/etc/jaego/agent.toml", configuration())
    vm.put("/etc/systemd/system/jaego-agent.service.d/emulated.conf", SLOW)
    for path in _programs():
        vm.put(f"/srv/{path.name}", path.read_bytes(), 0o755)
    vm.sh("systemctl daemon-reload && systemctl start jaego-agent", timeout_s=300, expected=0)
    return took_s


def _is_frozen(name: str) -> bool:
    with Vm(WORK) as vm:
        return vm.frozen(name)


def prepare(deb: Path, broker_port: int) -> str:
    """The frozen states `booted` and `installed-…`, made where they are missing; the latter's name."""
    name = installation(deb)
    with (WORK / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _is_frozen("booted"):
            with Vm(WORK) as vm:
                vm.boot()
                vm.sh("modprobe -a evdev usbhid hid_generic ftdi_sio cdc_acm uinput")
                vm.freeze("booted")
        if not _is_frozen(name):
            for former in WORK.glob("installed-*"):
                subprocess.run(["rm", "-rf", str(former)], check=True)
            with Vm(WORK, broker_port=broker_port) as vm:
                vm.thaw("booted")
                seconds = install(vm, deb)
                vm.freeze(name)
            (WORK / name / "apt_s").write_text(f"{seconds:.1f}")
    return name


class StorePc:
    """`state`: the frozen state it begins with. `disk`: keep it over power cuts."""

    def __init__(self, folder: Path, deb: Path, *, office: bool = True) -> None:
        self.folder = folder
        self.broker = Mosquitto(folder)
        self.broker.start()
        self._office: subprocess.Popen[bytes] | None = None
        if office:
            self.start_office()
        self.state = prepare(deb, self.broker.port)
        self.heard = Observer(self.broker.port, f"stock/v1/{STORE}/#")
        self.vm = Vm(WORK, broker_port=self.broker.port)

    def start_office(self) -> None:
        command = [str(BIN / "jaego-hq"), "run", "--broker", f"127.0.0.1:{self.broker.port}", "--db", "hq.db"]
        with (self.folder / "office.log").open("ab") as log:
            self._office = subprocess.Popen(command, cwd=self.folder, stdout=log, stderr=log)

    def __enter__(self) -> Self:
        self.vm.thaw(self.state)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.vm.__exit__(kind, error, trace)
        self.heard.close()
        if self._office is not None:
            self._office.kill()
            self._office.wait()
        self.broker.kill()

    def journal(self, lines: int = 60) -> str:
        """What the agent and systemd said last, or why nobody knows."""
        try:
            return self.vm.sh(f"journalctl --no-pager -n {lines} -u jaego-agent").out
        except (MachineError, AssertionError, OSError) as error:
            return str(error)

    # -- the store's word -------------------------------------------------------------------------------------------

    def jaego(self, command: str, *, timeout_s: float = 120.0) -> str:
        """A command in the store, as the ledger's owner; what it printed."""
        return self.vm.sh(
            f"setpriv --reuid=jaego --regid=jaego --init-groups jaego {command}", timeout_s=timeout_s, expected=0
        ).out

    def states(self, name: str) -> list[str]:
        """Of a device, as the broker heard of them: connecting, up, down."""
        return [json.loads(payload)["state"] for payload in self.heard.payloads(f"stock/v1/{STORE}/device/{name}")]

    def works(self, name: str, timeout_s: float = 60.0) -> None:
        """Until the agent holds that device, and would not take a code for one that was under way (`settle_ms`)."""
        self.until(lambda: self.states(name)[-1:] == ["up"], lambda: (name, self.states(name)), timeout_s)
        time.sleep(SETTLE_S)

    def moved(self) -> list[dict[str, Any]]:
        """Movements as the broker had them, each event once, in order."""
        found: dict[int, dict[str, Any]] = {}
        for payload in self.heard.payloads(f"stock/v1/{STORE}/movement"):
            for event in json.loads(payload)["events"]:
                found[event["seq"]] = event
        return [found[seq] for seq in sorted(found)]

    def at_head_office(self, sql: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(f"file:{self.folder / 'hq.db'}?mode=ro", uri=True)) as connection:
            return connection.execute(sql).fetchall()

    @staticmethod
    def until(true: Callable[[], Any], what: Callable[[], object], timeout_s: float = 60.0) -> None:
        end_s = time.monotonic() + timeout_s
        while not true():
            assert time.monotonic() < end_s, what()
            time.sleep(0.05)
