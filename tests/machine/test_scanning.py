"""Codes at their pace: real evdev, real USB, the installed agent."""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.machine.devices import plug_keyboard, plug_serial, type_keys
from tests.machine.scanners import (
    Scan,
    Typed,
    bad_reads,
    counters,
    has,
    middle_and_most,
    plug_gadget,
    reconfigure,
    right_or_reported,
    scans,
    story,
    type_codes,
)
from tests.machine.store import LONG, StorePc, gtin
from tests.machine.surviving import in_long_form, limit

Tell = Callable[[str], None]
ALONE = True  # the broker is the end of these ways
SCANS = 250 if LONG else 30
STATION = {"xenon": "desk-1", "zebra": "desk-2", "usb-1": "till-1", "usb-2": "till-2", "line": "dock"}
BUSY = """for n in $(seq 24); do
systemd-run --quiet --unit busy-$n setpriv --reuid=65534 --regid=65534 --clear-groups sh -c 'while :; do :; done'
done"""
STANDSTILL_S = 0.1  # 64 events, the kernel's buffer, are 10 characters: 0.17 s at 60 characters a second


def in_order(pc: StorePc, sent: dict[str, list[str]]) -> None:
    """Every code of every device at its station, once, in the device's own order, and nothing else."""
    has(pc, sum(map(len, sent.values())))
    for name, codes in sent.items():
        assert [scan.text for scan in scans(pc, name)] == codes, name
        assert {scan.station for scan in scans(pc, name)} == {STATION[name]}
    assert bad_reads(pc) == []
    said = counters(pc)
    assert {name: (said[name]["bad_reads"], said[name]["overflows"]) for name in sent} == dict.fromkeys(sent, (0, 0))


def late(found: list[Scan], typed: Typed) -> list[float]:
    """From each Enter to the ledger."""
    return [scan.written_s - entered_s for scan, entered_s in zip(found, typed.entered_s, strict=True)]


def rates(typed: list[Typed]) -> str:
    return " and ".join(f"{one.per_s:.1f}" for one in typed) + " characters/s"


def ended(pc: StorePc, device: str, before: int, sent: list[str]) -> list[str | None]:
    """What became of these codes: once the last one is there, or nothing has come for a while."""
    size, since_s = -1, time.monotonic()
    while time.monotonic() - since_s < 5:
        told = story(pc, device)[before:]
        if told[-1:] == [sent[-1]]:
            break
        if len(told) != size:
            size, since_s = len(told), time.monotonic()
        time.sleep(0.1)
    return story(pc, device)[before:]


def test_the_first_scan_is_at_the_broker(pc: StorePc, tell: Tell) -> None:
    plug_keyboard(pc.vm, "SCAN-1", 0, 1)
    pc.works("usb-1")
    type_keys(pc.vm, 0, gtin(1) + "\n")
    pc.until(pc.moved, lambda: pc.heard.messages[-5:])
    [event] = pc.moved()
    assert event["source"]["device"] == "usb-1"
    assert event["data"]["lines"][0]["sku"] == "SKU-0001"
    tell(f"{event['data']['lines'][0]['sku']} of {event['source']['device']}")


def test_two_scanners_at_60_characters_a_second_lose_and_mix_nothing(pc: StorePc, tell: Tell) -> None:
    """A busy host lets the emulated processor stand still, and USB goes on: such an attempt is made again, and said."""
    nodes = {name: plug_gadget(pc, name) for name in ("xenon", "zebra")}
    for name in nodes:
        pc.works(name)
    stood = ""
    for attempt in range(3):
        first = attempt * 2 * SCANS % 1000
        sent = {name: [gtin(first + at * SCANS + n) for n in range(SCANS)] for at, name in enumerate(nodes)}
        before = {name: len(story(pc, name)) for name in nodes}
        typed = type_codes(pc, 60, {nodes[name]: sent[name] for name in nodes})()
        told = {name: ended(pc, name, before[name], sent[name]) for name in nodes}
        if told == sent:
            break
        right = sum(right_or_reported(told[name], sent[name]) for name in nodes)
        held_s = max(one.late_s for one in typed)
        stood += f"; before, {right} right and the others reported: the machine stood still for {held_s:.2f} s"
        assert held_s > STANDSTILL_S, (right, bad_reads(pc), stood)
    assert told == sent, stood
    found = {name: scans(pc, name)[-SCANS:] for name in nodes}
    assert all({scan.station for scan in found[name]} == {STATION[name]} for name in nodes)
    said = counters(pc)
    overflows = sum(said[name]["overflows"] for name in nodes)
    assert overflows == 0
    late_s = [one for name, by in zip(nodes, typed, strict=True) for one in late(found[name], by)]
    tell(
        f"{2 * SCANS} of {2 * SCANS} right at {rates(typed)}; SYN_DROPPED 0, overflows {overflows}; "
        f"from the last key to the ledger {middle_and_most(late_s)}{stood}"
    )


@in_long_form
def test_two_keyboards_of_the_machine_at_once(pc: StorePc, tell: Tell) -> None:
    """The emulator's own keyboards keep 8 characters: slower, and a second kind of hardware."""
    sent = {"usb-1": [gtin(number) for number in range(20)], "usb-2": [gtin(500 + number) for number in range(20)]}
    for screen, (name, serial) in enumerate((("usb-1", "SCAN-1"), ("usb-2", "SCAN-2"))):
        plug_keyboard(pc.vm, serial, screen, screen + 1)
        pc.works(name)
    begun_s = time.monotonic()
    texts = ["".join(f"{code}\n" for code in codes) for codes in sent.values()]
    for pair in zip(*texts, strict=True):  # key by key, in turns
        for screen, letter in enumerate(pair):
            type_keys(pc.vm, screen, letter, 0.04)
    took_s = time.monotonic() - begun_s
    in_order(pc, sent)
    tell(f"40 of 40 right, key by key in turns, {len(texts[0]) / took_s:.0f} characters/s each")


@in_long_form
def test_flat_out_every_code_is_right_or_reported(pc: StorePc, tell: Tell) -> None:
    """As fast as the bus goes, and the agent's process stands still for a moment: the kernel's buffer overflows."""
    sent = {"xenon": [gtin(number) for number in range(200)], "zebra": [gtin(500 + n) for n in range(200)]}
    nodes = {name: plug_gadget(pc, name) for name in sent}
    for name in nodes:
        pc.works(name)
    wait = type_codes(pc, float("inf"), {nodes[name]: sent[name] for name in nodes})
    pc.until(lambda: len(scans(pc)) > 20, lambda: scans(pc))
    pc.vm.sh("systemctl kill -s STOP jaego-agent; sleep 0.5; systemctl kill -s CONT jaego-agent", expected=0)
    typed = wait()
    last = {name: gtin(900 + number) for number, name in enumerate(sent)}
    type_codes(pc, 30, {nodes[name]: [code] for name, code in last.items()})()
    pc.until(lambda: all(story(pc, name)[-1:] == [last[name]] for name in sent), lambda: bad_reads(pc))
    right = {name: right_or_reported(story(pc, name), [*sent[name], last[name]]) - 1 for name in sent}
    bad = bad_reads(pc)
    assert {reason for reason, _ in bad} == {"dropped"}
    overflows = sum(one["overflows"] for one in counters(pc).values())
    tell(
        f"{sum(right.values())} of 400 right at {rates(typed)} and half a second of standstill; {len(bad)} bad reads "
        f"(SYN_DROPPED) stand for the other {400 - sum(right.values())}; none wrong, none joined; overflows {overflows}"
    )


@in_long_form
@pytest.mark.parametrize("nice", ["as installed", "Nice=0"])
def test_on_a_pc_with_two_dozen_busy_programs_every_code_is_right_or_reported(
    pc: StorePc, nice: str, tell: Tell
) -> None:
    """Without the unit's own rank keys are lost by the dozen, so that what becomes of the rest of a code is seen."""
    if nice != "as installed":
        limit(pc, nice)
        pc.vm.sh("systemctl restart jaego-agent", timeout_s=180, expected=0)
    sent = {"xenon": [gtin(number) for number in range(100)], "zebra": [gtin(500 + n) for n in range(100)]}
    nodes = {name: plug_gadget(pc, name) for name in sent}
    for name in nodes:
        pc.works(name)
    pc.vm.sh(BUSY, expected=0)
    typed = type_codes(pc, 60, {nodes[name]: sent[name] for name in nodes})()
    pc.vm.sh("systemctl stop 'busy-*'", expected=0)
    right = sum(right_or_reported(ended(pc, name, 0, sent[name]), sent[name]) for name in sent)
    tell(f"{nice}: {right} of 200 right at {rates(typed)}, the others reported, none wrong")


def eavesdropped(pc: StorePc, node: str, code: str) -> dict[str, Any]:
    """What another program and the console get of a code that is typed now."""
    wait = pc.vm.background(f"python3 -I /srv/eavesdrop.py 2.5 {node} | tee /run/heard")
    pc.vm.until("grep -qs ready /run/heard")
    type_keys(pc.vm, 0, code + "\n")
    found: dict[str, Any] = json.loads(wait().out.splitlines()[-1])
    pc.vm.sh("rm /run/heard")
    return found


def test_no_other_program_gets_the_keys_while_the_agent_has_the_scanner(pc: StorePc, tell: Tell) -> None:
    node = plug_keyboard(pc.vm, "SCAN-1", 0, 1)
    pc.works("usb-1")
    assert eavesdropped(pc, node, gtin(1)) == {"keys": 0, "console": ""}
    assert [scan.text for scan in scans(pc)] == [gtin(1)]
    pc.vm.sh("systemctl stop jaego-agent", timeout_s=120, expected=0)
    assert eavesdropped(pc, node, gtin(2)) == {"keys": 28, "console": f"{gtin(2)}\n"}
    assert len(scans(pc)) == 1
    tell("with the agent: 0 of 28 key events at a second reader, nothing at the console; without it all 28, and typed")


VIRTUAL = """
[[device]]
name = "virtual"
station = "lab"
[device.settings]
kind = "hid"
usb_name = "Virtual scanner"
gs = ["f12"]
aim = true
"""


def virtual_scanner(pc: StorePc) -> Callable[[float, str], None]:
    """Types at so many characters a second, beside."""
    pc.vm.sh("systemd-run -q --unit virtual /opt/jaego/bin/python -I /srv/virtual.py 'Virtual scanner' /run/virtual")
    pc.vm.until("[ -p /run/virtual ]")

    def type_code(per_s: float, text: str) -> None:
        pc.vm.sh(f"echo {shlex.quote(json.dumps([per_s, text + chr(10)]))} >/run/virtual", expected=0)

    return type_code


def press_caps_lock(pc: StorePc) -> None:
    """On another keyboard, the one of the office."""
    assert pc.vm.monitor is not None
    for down in (True, False):
        press = {"type": "key", "data": {"down": down, "key": {"type": "qcode", "data": "caps_lock"}}}
        pc.vm.monitor("input-send-event", device="screen3", events=[press])
        time.sleep(0.1)


def gs1(number: int) -> str:
    """GTIN, a lot with letters of both cases, GS, a serial number; with its AIM identifier."""
    return f"]C1010{gtin(number)}10Lot-aB{number}\x1d21xY{number}"


@in_long_form
@pytest.mark.parametrize("caps", ["before", "after"])
def test_a_scanner_with_gs_and_letters_whatever_caps_lock_says(pc: StorePc, tell: Tell, caps: str) -> None:
    """Caps Lock is pressed on the office's keyboard, before or after the agent takes the scanner."""
    reconfigure(pc, ["lab"], VIRTUAL)
    plug_keyboard(pc.vm, "OFFICE", 3, 4)
    pc.vm.until("[ -e /dev/input/by-id/usb-QEMU_QEMU_USB_Keyboard_OFFICE-event-kbd ]")
    lit = "grep -l 1 /sys/class/leds/*::capslock/brightness"
    if caps == "before":
        press_caps_lock(pc)
        pc.vm.until(lit)
    type_code = virtual_scanner(pc)
    pc.works("virtual")
    if caps == "after":
        press_caps_lock(pc)
        pc.vm.until(lit)
    for number in range(20):  # in lockstep: the next one when this one is there
        type_code(100, gs1(number))
        has(pc, number + 1, "virtual")
    assert [scan.text for scan in scans(pc, "virtual")] == [gs1(number)[3:] for number in range(20)]
    assert bad_reads(pc) == []
    tell(f"20 of 20 with GS as F12 and lots like {gs1(1)[19:26]}, one after the other, Caps Lock on {caps} the opening")


@in_long_form
def test_five_devices_at_two_codes_a_second_for_a_minute(pc: StorePc, tell: Tell) -> None:
    count = 120
    names = ("xenon", "zebra", "usb-1", "usb-2", "line")
    sent = {name: [gtin(200 * at + number) for number in range(count)] for at, name in enumerate(names)}
    nodes = {name: plug_gadget(pc, name) for name in names[:4]}
    with plug_serial(pc.vm, "LINE-1", 5) as serial:
        for name in names:
            pc.works(name)
        begun_s = time.monotonic()
        wait = type_codes(pc, 2 * 14, {nodes[name]: sent[name] for name in nodes})
        for number, code in enumerate(sent["line"]):
            time.sleep(max(0.0, begun_s + number / 2 - time.monotonic()))
            serial.sendall(f"{code}\r".encode())
        typed = wait()
        in_order(pc, sent)
    late_s = [one for name, by in zip(nodes, typed, strict=True) for one in late(scans(pc, name), by)]
    tell(
        f"{5 * count} of {5 * count} right, {rates(typed)}, and {count / 60:.0f} lines/s; "
        f"from the last key to the ledger {middle_and_most(late_s)}"
    )
