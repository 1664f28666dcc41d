"""A store that `jaego setup` sets up in the guest beside head office: a keyboard scanner and a serial one."""

from __future__ import annotations

import json
import re
import shutil
import socket
import time
from dataclasses import dataclass

from agent.setup.learning import CODE
from tests.machine.devices import plug_keyboard, plug_serial, serial_link, type_keys
from tests.machine.house import OFFICE
from tests.machine.store import SETTLE_S, WORK
from tests.machine.terminal import HOME, PROMPT, Terminal
from tests.machine.vm import Vm

FROZEN = "headoffice"
KEYBOARD = "/dev/input/by-id/usb-QEMU_QEMU_USB_Keyboard_SCAN-1-event-kbd"
LINE = serial_link("LINE-1")
TEA, RICE = "8801234000017", "8801234000024"
ANSWERS = """
store = "S001"
language = "en"
zones = ["backroom", "salesfloor"]
[broker]
host = "localhost"
[credentials]
way = "token"
desk = "https://localhost:8480"
[[station]]
name = "dock"
zone = "backroom"
[[device]]
name = "hand-1"
station = "dock"
learn = true
[[device]]
name = "hand-2"
station = "dock"
learn = true
"""


def freeze_office(vm: Vm) -> None:
    """With a token for each of two stores."""
    for store in ("S001", "S002"):
        enrol = f"cd {OFFICE} && runuser -u jaego-hq -- jaego-hq enrol {store} --out {store}.token"
        vm.sh(enrol, timeout_s=120, expected=0)
    vm.freeze(FROZEN)


def forget_office() -> None:
    shutil.rmtree(WORK / FROZEN, ignore_errors=True)


def answers(vm: Vm) -> None:
    """The desk does: emulated and just thawed, the first answer takes longer than a store waits for it."""
    ask = "import ssl, urllib.request as r; c = ssl._create_unverified_context(); "
    ask += "r.urlopen('https://localhost:8480/api/v1/enrol/authority', context=c, timeout=100).read()"
    vm.until(f'python3 -c "{ask}" 2>/dev/null', 200.0)


def held(vm: Vm, link: str, unit: str = "") -> None:
    """Until somebody has that device open, or the unit: earlier keys are nobody's."""
    whose = f"$(systemctl show --property=MainPID --value {unit})" if unit else "[0-9]*"
    vm.until(f'ls -l /proc/{whose}/fd 2>/dev/null | grep -q "$(readlink -f {link})$"', 90.0)
    time.sleep(SETTLE_S)


def sold(vm: Vm, store: str = "S001") -> dict[str, int]:
    """What head office has of that store, by its own command."""
    out = vm.sh(f"cd {OFFICE} && runuser -u jaego-hq -- jaego-hq stock --json", expected=0).out
    rows = [json.loads(line) for line in out.splitlines()]
    return {row["sku"]: row["quantity"] for row in rows if row["store"] == store}


def until_known(vm: Vm, items: int = 3) -> None:
    """The catalogue has come from head office."""
    ask = "import sqlite3; c = sqlite3.connect('file:/var/lib/jaego/catalogue.db?mode=ro', uri=True); "
    ask += "print(c.execute('SELECT COUNT(*) FROM item').fetchone()[0])"
    vm.until(f'[ "$(python3 -c "{ask}" 2>/dev/null)" = {items} ]', 120.0)


@dataclass
class Shop:
    """A store with a keyboard scanner and a serial one, both real to its kernel. `told`: what the setup said."""

    vm: Vm
    line: socket.socket
    told: str = ""
    took_s: float = 0.0

    def scan_keys(self, text: str) -> None:
        type_keys(self.vm, 0, text + "\n")

    def scan_line(self, text: str) -> None:
        self.line.sendall(text.encode() + b"\r\n")

    def plug_line(self) -> None:
        """Again, after it was unplugged."""
        self.line.close()
        self.line = plug_serial(self.vm, "LINE-1", 3)

    def works(self) -> None:
        """The running agent holds both."""
        for link in (KEYBOARD, LINE):
            held(self.vm, link, "jaego-agent")


def plugged(vm: Vm) -> Shop:
    """Two scanners, and a keyboard that nobody types at."""
    plug_keyboard(vm, "SCAN-1", 0, 1)
    plug_keyboard(vm, "IDLE", 1, 2)
    line = plug_serial(vm, "LINE-1", 3)
    vm.until(f"[ -e {KEYBOARD} ] && [ -e {LINE} ]")
    return Shop(vm, line)


def set_up(shop: Shop, person: Terminal) -> None:
    """`jaego setup` with answers, and its sheet scanned with one scanner after the other."""
    shop.vm.put(f"{HOME}/answers.toml", ANSWERS)
    shop.vm.sh(f"cp {OFFICE}/S001.token {HOME}/token", expected=0)
    begun_s = time.monotonic()
    person.keys("jaego setup --answers answers.toml --token token\n")
    shop.told = person.wait(r"Scan the sheet [^\n]*\n", 120.0)
    held(shop.vm, KEYBOARD)
    shop.scan_keys(CODE)
    shop.told += person.wait(r"Scan the sheet [^\n]*\n")
    held(shop.vm, LINE)
    shop.scan_line(CODE)
    shop.told += person.wait(re.escape(PROMPT), 180.0)
    shop.took_s = time.monotonic() - begun_s
