"""Scanners that are unplugged and plugged in again: found by their names, at once, and nothing is joined."""

from __future__ import annotations

import time
from collections.abc import Callable
from random import Random
from typing import NamedTuple, Protocol

from tests.machine import devices
from tests.machine.scanners import (
    GADGETS,
    bad_reads,
    has,
    middle_and_most,
    plug_gadget,
    plug_gadget_again,
    reconfigure,
    right_or_reported,
    scans,
    story,
    type_codes,
    unplug_gadget,
    until_state,
)
from tests.machine.store import LONG, SETTLE_S, XENON, ZEBRA, StorePc, gtin
from tests.machine.surviving import in_long_form
from tests.machine.vm import Vm

Tell = Callable[[str], None]
ALONE = True  # the broker is the end of these ways
PLUGS = 50 if LONG else 5
BACK_S_MAX = 2.0  # issue 9


class Scanner(Protocol):
    name: str
    link: str

    def plug(self) -> None: ...

    def scan(self, code: str) -> None: ...

    def unplug(self) -> None: ...


class Keyboard:
    """Of QEMU's; each time on another port."""

    def __init__(self, pc: StorePc, name: str, serial: str, screen: int) -> None:
        self.name, self._pc, self._serial, self._screen = name, pc, serial, screen
        self.link = f"/dev/input/by-id/usb-QEMU_QEMU_USB_Keyboard_{serial}-event-kbd"
        self._ports = [1 + screen, 3 + screen]

    def plug(self) -> None:
        devices.plug_keyboard(self._pc.vm, self._serial, self._screen, self._ports[0])
        self._ports.reverse()

    def scan(self, code: str) -> None:
        devices.type_keys(self._pc.vm, self._screen, code + "\n")

    def unplug(self) -> None:
        devices.unplug(self._pc.vm, self._serial)


class Gadget:
    def __init__(self, pc: StorePc, name: str, link: str) -> None:
        self.name, self.link, self._pc = name, link, pc
        self._node = plug_gadget(pc, name)
        until_state(pc, name, "up")
        self.unplug()
        until_state(pc, name, "down")

    def plug(self) -> None:
        plug_gadget_again(self._pc, self.name)

    def scan(self, code: str) -> None:
        type_codes(self._pc, 60, {self._node: [code]})()

    def unplug(self) -> None:
        unplug_gadget(self._pc, self.name)


class Line:
    """A serial scanner behind an adapter."""

    name, link = "line", devices.serial_link("LINE-1")

    def __init__(self, pc: StorePc) -> None:
        self._pc = pc

    def plug(self) -> None:
        self._far = devices.plug_serial(self._pc.vm, "LINE-1", 6)

    def scan(self, code: str) -> None:
        self._far.sendall(f"{code}\r".encode())

    def unplug(self) -> None:
        self._far.close()
        devices.unplug_serial(self._pc.vm, "LINE-1")


class Back(NamedTuple):
    """Until the agent holds it: since it was plugged in, by this host's clock; since its node, by the guest's."""

    plugged_s: float
    node_s: float


def plugged(pc: StorePc, scanner: Scanner, code: str) -> Back:
    """Plug in, scan, see that this is right, unplug."""
    begun_s = time.monotonic()
    scanner.plug()
    held_s = until_state(pc, scanner.name, "up")
    took_s = time.monotonic() - begun_s
    node_s = float(pc.vm.sh(f"stat -L -c %.3W {scanner.link}", expected=0).out)
    time.sleep(SETTLE_S)
    before = len(scans(pc))
    scanner.scan(code)
    has(pc, before + 1)
    assert [(scan.device, scan.text) for scan in scans(pc)][before:] == [(scanner.name, code)]
    scanner.unplug()
    until_state(pc, scanner.name, "down")
    return Back(took_s, held_s - node_s)


def test_a_scanner_that_is_plugged_in_again_is_back_within_2_s(pc: StorePc, tell: Tell) -> None:
    """Keyboards on changing ports, gadgets, the serial adapter, in turns."""
    scanners: list[Scanner] = [Keyboard(pc, "usb-1", "SCAN-1", 0), Gadget(pc, "xenon", XENON), Line(pc)]
    if LONG:
        scanners += [Keyboard(pc, "usb-2", "SCAN-2", 1), Gadget(pc, "zebra", ZEBRA)]
    backs = [plugged(pc, scanners[number % len(scanners)], gtin(number)) for number in range(PLUGS)]
    assert bad_reads(pc) == []
    assert max(back.node_s for back in backs) <= BACK_S_MAX, backs
    within = sum(back.plugged_s <= BACK_S_MAX for back in backs)
    tell(
        f"{PLUGS} of {PLUGS} held and their first scan right; "
        f"from the kernel's node {middle_and_most(b.node_s for b in backs)}; "
        f"from the plug {middle_and_most(b.plugged_s for b in backs)}, {within} within {BACK_S_MAX:.0f} s"
    )


def test_half_a_code_is_reported_and_never_joined(pc: StorePc, tell: Tell) -> None:
    devices.plug_keyboard(pc.vm, "SCAN-1", 0, 1)
    pc.works("usb-1")
    devices.type_keys(pc.vm, 0, gtin(1)[:7])
    devices.unplug(pc.vm, "SCAN-1")
    until_state(pc, "usb-1", "down")
    pc.until(lambda: bad_reads(pc), lambda: pc.heard.messages[-5:])
    devices.plug_keyboard(pc.vm, "SCAN-1", 0, 1)
    pc.works("usb-1")
    devices.type_keys(pc.vm, 0, gtin(2) + "\n")
    has(pc, 1)
    assert bad_reads(pc) == [("incomplete", gtin(1)[:7])]
    assert [scan.text for scan in scans(pc)] == [gtin(2)]
    tell(f"{gtin(1)[:7]}|unplugged: incomplete; the next code is right")


@in_long_form
def test_unplugged_anywhere_at_full_pace(pc: StorePc, tell: Tell) -> None:
    """Codes before are right, the one under way is reported, the next ones are right."""
    node, chance = plug_gadget(pc, "xenon"), Random(9)
    until_state(pc, "xenon", "up")
    right = 0
    for turn in range(10):
        time.sleep(SETTLE_S)
        codes, before = [gtin(20 * turn + number) for number in range(20)], len(story(pc, "xenon"))
        wait = type_codes(pc, 60, {node: codes})
        has(pc, right + 2)
        time.sleep(chance.random())
        unplug_gadget(pc, "xenon")
        whole = codes[: len(wait()[0].entered_s)]
        until_state(pc, "xenon", "down")
        time.sleep(SETTLE_S)
        right += right_or_reported(story(pc, "xenon")[before:], whole)
        plug_gadget_again(pc, "xenon")
        until_state(pc, "xenon", "up")
    sent = [gtin(number) for number in range(200)]
    cut = [text for reason, text in bad_reads(pc) if reason == "incomplete"]
    assert all(any(code.startswith(text) for code in sent) for text in cut), cut
    dropped = len(bad_reads(pc)) - len(cut)
    tell(f"10 unplugs at 60 characters/s: {right} codes right, {len(cut)} cut ones reported, {dropped} dropped")


PORT = "/dev/input/by-path/pci-0000:00:05.0-usb-0:{port}:1.0-event-kbd"


def hid(name: str, path: str) -> str:
    return f'[[device]]\nname = "{name}"\nstation = "{name}"\n[device.settings]\nkind = "hid"\npath = "{path}"\n'


def plug_nameless(vm: Vm, screen: int, port: int) -> None:
    assert vm.monitor is not None
    place = {"bus": "xhci.0", "display": f"screen{screen}", "port": str(port)}
    vm.monitor("device_add", driver="usb-kbd", id=f"twin{screen}", serial="", **place)


@in_long_form
def test_two_of_one_model_without_serial_numbers_are_told_apart_by_their_ports(pc: StorePc, tell: Tell) -> None:
    reconfigure(pc, ["left", "right"], hid("left", PORT.format(port=2)) + hid("right", PORT.format(port=3)))
    for screens in ((0, 1), (1, 0)):  # the second time they change places
        for port, screen in zip((2, 3), screens, strict=True):
            plug_nameless(pc.vm, screen, port)
        for name in ("left", "right"):
            until_state(pc, name, "up")
        time.sleep(SETTLE_S)
        before = len(scans(pc))
        for number, (name, screen) in enumerate(zip(("left", "right"), screens, strict=True)):
            code = gtin(10 * screens[0] + number)
            devices.type_keys(pc.vm, screen, code + "\n")
            has(pc, before + number + 1)
            last = scans(pc)[-1]
            assert (last.device, last.station, last.text) == (name, name, code)
        for screen in screens:
            devices.unplug(pc.vm, f"twin{screen}")
        for name in ("left", "right"):
            until_state(pc, name, "down")
    links = pc.vm.sh("ls /dev/input/by-id").out.split()
    assert links == []
    tell("4 of 4 codes at the station of their port, also after the two changed places")


ACM = "/dev/serial/by-id/usb-Zebra_DS2208_ZB456-if01"
SERIAL = """
[[device]]
name = "acm"
station = "acm"
[device.settings]
kind = "serial_line"
path = "{path}"
"""


@in_long_form
def test_a_scanner_with_keys_and_a_serial_port_works_on_both(pc: StorePc, tell: Tell) -> None:
    reconfigure(pc, ["acm"], SERIAL.format(path=ACM))
    node = plug_gadget(pc, "zebra", acm=True)
    for turn in range(2):  # the second time after an unplug
        for name in ("zebra", "acm"):
            pc.works(name)
        pc.vm.sh(f"stty -F /dev/ttyGS0 raw -echo; printf '{gtin(10 + turn)}\\r' >/dev/ttyGS0", expected=0)
        type_codes(pc, 60, {node: [gtin(20 + turn)]})()
        has(pc, turn + 1, "acm")
        has(pc, turn + 1, "zebra")
        unplug_gadget(pc, "zebra")
        for name in ("zebra", "acm"):
            until_state(pc, name, "down")
        plug_gadget_again(pc, "zebra")
    assert [scan.text for scan in scans(pc, "acm")] == [gtin(10), gtin(11)]
    assert [scan.text for scan in scans(pc, "zebra")] == [gtin(20), gtin(21)]
    assert bad_reads(pc) == []
    tell(f"{GADGETS['zebra'][3]}: 2 codes typed, 2 on {ACM.rsplit('/', 1)[-1]}, before and after an unplug")
