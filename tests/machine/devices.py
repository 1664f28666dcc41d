"""What is plugged into the machine: keyboards and serial adapters on USB, disks."""

from __future__ import annotations

import socket
import time

from tests.machine.monitor import MachineError, connect, wait_for
from tests.machine.vm import Vm

GADGET = "/srv/gadget"
# An idle guest takes a key in 16 ms; QEMU keeps 16 events (8 characters) and drops what is more without a word.
GAP_S = 0.06
_KEYS = {letter: letter for letter in "abcdefghijklmnopqrstuvwxyz0123456789"} | {"\n": "ret", "-": "minus", ".": "dot"}
_WITH = {"%": ("shift", "5"), "+": ("shift", "equal"), "\x1d": ("ctrl", "bracket_right")}  # GS as scanners type it


def plug_keyboard(vm: Vm, name: str, screen: int, port: int) -> str:
    """A scanner that types, always 0627:0001; `name` is its serial number. `port` of the root hub, 1 to 8. Its link."""
    assert vm.monitor is not None
    vm.monitor(
        "device_add", driver="usb-kbd", id=name, bus="xhci.0", display=f"screen{screen}", serial=name, port=str(port)
    )
    return f"/dev/input/by-id/usb-QEMU_QEMU_USB_Keyboard_{name}-event-kbd"


def unplug(vm: Vm, name: str) -> None:
    assert vm.monitor is not None
    vm.monitor("device_del", id=name)


def type_keys(vm: Vm, screen: int, text: str, gap_s: float = GAP_S) -> None:
    """Wait until the agent has grabbed the keyboard: earlier keys go to the console."""
    assert vm.monitor is not None
    for letter in text:
        with_key, key = _WITH.get(letter) or ("shift" if letter.isupper() else "", _KEYS[letter.lower()])
        presses = [(key, True), (key, False)]
        if with_key:
            presses = [(with_key, True), *presses, (with_key, False)]
        events = [
            {"type": "key", "data": {"down": down, "key": {"type": "qcode", "data": key}}} for key, down in presses
        ]
        vm.monitor("input-send-event", device=f"screen{screen}", events=events)
        time.sleep(gap_s)


def plug_serial(vm: Vm, name: str, port: int) -> socket.socket:
    """A serial scanner behind an FTDI adapter (0403:6001) with that serial number: the scanner's end of the line."""
    assert vm.monitor is not None
    path = vm.folder / f"{name}.tty"
    path.unlink(missing_ok=True)
    backend = {"addr": {"type": "unix", "data": {"path": str(path)}}, "server": True, "wait": False}
    vm.monitor("chardev-add", id=f"line-{name}", backend={"type": "socket", "data": backend})
    vm.monitor(
        "device_add",
        **{"driver": "usb-serial", "id": name, "bus": "xhci.0", "chardev": f"line-{name}", "always-plugged": True},
        serial=name,
        port=str(port),
    )
    return connect(path)


def serial_link(name: str) -> str:
    return f"/dev/serial/by-id/usb-QEMU_QEMU_USB_SERIAL_{name}-if00-port0"


def unplug_serial(vm: Vm, name: str) -> None:
    unplug(vm, name)
    monitor = vm.monitor
    assert monitor is not None

    def removed() -> bool:
        try:
            monitor("chardev-remove", id=f"line-{name}")
        except MachineError:
            return False  # the guest has not let go of it
        return True

    wait_for(removed, 10.0, "the serial line's end")


def plug_disk(vm: Vm, name: str, place: str) -> None:
    """`place`: a raw image's path, or nbd:unix:SOCKET (disk.py). /dev/disk/by-id/virtio-NAME."""
    assert vm.monitor is not None
    told = vm.monitor.line(f"drive_add 0 if=none,id=disk-{name},file={place},format=raw,cache=writeback")
    if "OK" not in told:
        raise MachineError(told)
    vm.monitor("device_add", driver="virtio-blk-pci", id=name, drive=f"disk-{name}", bus="slot0", serial=name)
    vm.until(f"[ -e /dev/disk/by-id/virtio-{name} ]")
