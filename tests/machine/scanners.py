"""Scanners in hands: what they type, how fast, and what became of it at the broker."""

from __future__ import annotations

import json
import shlex
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

from tests.machine import devices
from tests.machine.store import STORE, StorePc

# Vendor and product, serial number, maker, model.
GADGETS = {
    "xenon": (("0c2e", "0b61"), "HW123", "Honeywell", "Xenon 1900"),
    "zebra": (("05e0", "1200"), "ZB456", "Zebra", "DS2208"),
    # Other scanners under the names that the configuration has for QEMU's keyboards: these come at any pace.
    "usb-1": (("05f9", "2214"), "SCAN-1", "QEMU", "QEMU USB Keyboard"),
    "usb-2": (("1eab", "0c03"), "SCAN-2", "QEMU", "QEMU USB Keyboard"),
}


class Scan(NamedTuple):
    """A code as head office has it; `written_s` is when it was in the ledger, by the guest's clock."""

    device: str
    station: str
    text: str
    written_s: float


class Typed(NamedTuple):
    """`per_s`: characters a second. `late_s`: how late a key was at most; the machine stood still then.

    `entered_s`: the time of each Enter, by the guest's clock.
    """

    characters: int
    per_s: float
    late_s: float
    entered_s: list[float]


def seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def middle_and_most(values: Iterable[float]) -> str:
    values = list(values)
    return f"median {statistics.median(values):.2f} s, most {max(values):.2f} s"


def plug_gadget(pc: StorePc, name: str, *, acm: bool = False) -> str:
    """One of `GADGETS`, with a serial port beside its keys or without; the node that it is typed on."""
    ids, serial, maker, model = GADGETS[name]
    command = [devices.GADGET, "add", name, *ids, serial, maker, model, *(["acm"] if acm else [])]
    return pc.vm.sh(shlex.join(command), expected=0).out.strip()


def plug_gadget_again(pc: StorePc, name: str) -> None:
    pc.vm.sh(f"{devices.GADGET} plug {name}", expected=0)


def unplug_gadget(pc: StorePc, name: str) -> None:
    pc.vm.sh(f"{devices.GADGET} unplug {name}", expected=0)


def type_codes(pc: StorePc, per_s: float, codes: dict[str, Sequence[str]]) -> Callable[[], list[Typed]]:
    """On those nodes at once, beside; what is returned waits for the end."""
    pairs: list[str] = []
    for number, (node, texts) in enumerate(codes.items()):
        pc.vm.put(f"/run/codes{number}", "".join(f"{text}\n" for text in texts))
        pairs.append(f"{node}=/run/codes{number}")
    # Of the store's PC no scanner is a program: it types whatever else that computes.
    wait = pc.vm.background(f"chrt --fifo 1 python3 -I /srv/typing.py {per_s} {' '.join(pairs)}")

    def finish() -> list[Typed]:
        result = wait()
        assert result.code == 0, result
        said = {one["node"]: one for one in map(json.loads, result.out.splitlines())}
        return [
            Typed(one["characters"], one["characters"] / one["took_s"], one["late_s"], one["entered_s"])
            for one in (said[node] for node in codes)
        ]

    return finish


def events(pc: StorePc, topic: str) -> list[dict[str, Any]]:
    """Of that topic, each once, in the ledger's order."""
    found: dict[int, dict[str, Any]] = {}
    for payload in pc.heard.payloads(f"stock/v1/{STORE}/{topic}"):
        found |= {event["seq"]: event for event in _events_of(payload)}
    return [found[seq] for seq in sorted(found)]


@cache
def _events_of(payload: bytes) -> list[dict[str, Any]]:
    """Read once: who waits looks often, beside a machine that wants this processor."""
    found: list[dict[str, Any]] = json.loads(payload)["events"]
    return found


def scans(pc: StorePc, device: str | None = None) -> list[Scan]:
    """Goods that moved, by one device or by all."""
    return [
        Scan(source["device"], source["station"], line["code"]["text"], seconds(event["recorded_at"]))
        for event in events(pc, "movement")
        for source, line in [(event["source"], event["data"]["lines"][0])]
        if device in {None, source["device"]}
    ]


def bad_reads(pc: StorePc, device: str | None = None) -> list[tuple[str, str]]:
    """Reason and what was there of the code."""
    return [
        (data["reason"], bytes.fromhex(data.get("code", {}).get("raw_hex", "")).decode("latin-1"))
        for event in events(pc, "exception")
        for data in [event["data"]]
        if data["kind"] == "bad_read" and device in {None, event["source"]["device"]}
    ]


def story(pc: StorePc, device: str) -> list[str | None]:
    """What became of a device's codes, in the ledger's order: the code, None for a bad read, else what is wrong."""
    both: list[dict[str, Any]] = [*events(pc, "movement"), *events(pc, "exception")]
    mine = sorted((event for event in both if event["source"]["device"] == device), key=lambda event: event["seq"])
    words: list[str | None] = []
    for data in (event["data"] for event in mine):
        word = data["lines"][0]["code"]["text"] if "lines" in data else f"{data['kind']} {data.get('code')}"
        words.append(None if data["kind"] == "bad_read" else word)
    return words


def right_or_reported(told: list[str | None], sent: list[str]) -> int:
    """Each code is there, in order and once, or a bad read stands in its place. How many are there."""
    at, reported = 0, False
    for code in [*told, "the end"]:
        if code is None:
            reported = True
            continue
        assert code in {*sent, "the end"}, code
        place = len(sent) if code == "the end" else sent.index(code)
        assert place == at or (place > at and reported), f"{sent[at:place]} before {code} are lost"
        at, reported = place + 1, False
    return len(told) - told.count(None)


def counters(pc: StorePc) -> dict[str, dict[str, Any]]:
    """`jaego device list`, by name."""
    return {one["device"]: one for one in map(json.loads, pc.jaego("device list --json").splitlines())}


def has(pc: StorePc, count: int, device: str | None = None, timeout_s: float = 60.0) -> None:
    """Until so many scans are at the broker."""
    pc.until(
        lambda: len(scans(pc, device)) >= count,
        lambda: f"{len(scans(pc, device))} of {count}; bad: {bad_reads(pc, device)}",
        timeout_s,
    )


def until_state(pc: StorePc, name: str, state: str, timeout_s: float = 30.0) -> float:
    """Of a device at the broker. Since when by the guest's clock."""
    topic = f"stock/v1/{STORE}/device/{name}"
    end_s = time.monotonic() + timeout_s
    while True:
        said = [json.loads(payload) for payload in pc.heard.payloads(topic)[-1:]]
        if said and said[0]["state"] == state:
            return seconds(said[0]["since"])
        assert time.monotonic() < end_s, (name, state, said)
        time.sleep(0.01)


def reconfigure(pc: StorePc, stations: Sequence[str], devices_toml: str) -> None:
    """More stations and devices, and a new start."""
    more = "".join(f'[[station]]\nname = "{name}"\nzone = "backroom"\n' for name in stations)
    pc.vm.put("/etc/jaego/agent.toml", pc.vm.get("/etc/jaego/agent.toml").decode() + more + devices_toml)
    pc.vm.sh("systemctl restart jaego-agent", timeout_s=180, expected=0)
