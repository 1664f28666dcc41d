"""What one scan of the setup sheet tells of a scanner. Pure: bytes as they came, to settings, or None.

The code on the sheet is known, so what stands before and behind it is the scanner's: AIM identifier, prefix, suffix,
end. In its middle is a GS, as in codes with lot and expiry: how a keyboard scanner types it, or whether it is lost.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product
from typing import Any, Literal

from drivers.hid.layouts import LayoutName
from drivers.hid.session import HidSession
from drivers.hid.settings import EndKey, GsKey, HidSettings
from drivers.reads import Arrival, BadRead, BarcodeRead

LEFT, GS, RIGHT = "JAEGO-setup", "\x1d", "29%aZ+7"
CODE = LEFT + GS + RIGHT
BAUDS = (9600, 115_200, 19_200, 38_400, 57_600, 4800)  # in the order in which scanners have them
_AFTERWARDS_NS = 60_000_000_000
_SHEET = re.compile(re.escape(LEFT.encode()) + rb"(.{0,8}?)" + re.escape(RIGHT.encode()), re.DOTALL)
_AIM = re.compile(rb"\][A-Za-z][0-9A-Za-z]$")
_SSI_DATA = 0xF3  # DECODE_DATA, second byte of a packet
_ENDS = ((b"\r\n", "crlf"), (b"\r", "cr"), (b"\n", "lf"))
Note = Literal["gs_lost", "no_end"]


@dataclass(frozen=True, slots=True)
class Learned:
    """`settings` are those that are not as they would be without; `notes`: what to change in the scanner."""

    settings: dict[str, Any]
    notes: tuple[Note, ...] = field(default=())


def of_serial(raw: bytes, baud: int = 9600) -> Learned | None:
    """From the bytes of one scan. None: it is not the sheet's code, or the line's speed is another."""
    scans = list(_SHEET.finditer(raw))
    if not scans:
        return None
    found = scans[0]
    if len(scans) > 1:  # somebody scanned twice: what stands before the second stands before the first
        raw = raw[: max(found.end(), scans[1].start() - found.start())]
    line = {"baud": baud} if baud != BAUDS[0] else {}
    lost: tuple[Note, ...] = () if found[1] == GS.encode() else ("gs_lost",)
    head, tail = raw[: found.start()], raw[found.end() :]
    if head[1:2] == bytes((_SSI_DATA,)) and len(head) >= 5:
        return Learned({"kind": "ssi", **line}, lost)
    settings: dict[str, Any] = {"kind": "serial_line", **line}
    if head.startswith(b"\x02") and tail.endswith(b"\x03"):
        settings["end"], head, tail = "stx_etx", head[1:], tail[:-1]
    else:
        mark, name = next(((mark, name) for mark, name in _ENDS if tail.endswith(mark)), (b"", ""))
        if not name:
            return Learned(settings, (*lost, "no_end"))
        settings["end"], tail = name, tail[: len(tail) - len(mark)]
    aim = _AIM.search(head)
    if aim is not None:
        settings["aim"], head = True, head[: aim.start()]
    for place, text in (("prefix", head), ("suffix", tail)):
        if text:
            settings[place] = text.decode("latin-1")
    return Learned(settings, lost)


def of_keys(raw: bytes) -> Learned | None:
    """From the key events of one scan, as the kernel gives them. None: it is not the sheet's code."""
    tried: tuple[tuple[str, tuple[Note, ...]], ...] = ((CODE, ()), (LEFT + RIGHT, ("gs_lost",)))
    for wanted, notes in tried:
        for given in _settings():
            if _typed(raw, given) == wanted.encode():
                return Learned({"kind": "hid", **given}, notes)
    return None


def is_end_alone(raw: bytes) -> bool:
    """Somebody pressed Enter at a keyboard."""
    return [type(one) for one in _reads(raw, {})] == [BadRead]


def _settings() -> Iterator[dict[str, Any]]:
    """The defaults first, then whatever differs from them in one or several."""
    ends: tuple[tuple[EndKey, ...] | None, ...] = (None, ("tab",), ())
    gs: tuple[tuple[GsKey, ...] | None, ...] = (None, ("f12",), ("down",))
    for layout, aim, end, mark in product((None, LayoutName.KR.value), (None, True), ends, gs):
        given = {"layout": layout, "ends": end, "gs": mark, "aim": aim}
        yield {name: value for name, value in given.items() if value is not None}


def _typed(raw: bytes, given: dict[str, Any]) -> bytes | None:
    reads = _reads(raw, given)
    if not all(isinstance(one, BarcodeRead) and (one.aim is not None or not given.get("aim")) for one in reads):
        return None
    found = {one.data for one in reads}
    return found.pop() if len(found) == 1 else None  # more than one read: somebody scanned twice


def _reads(raw: bytes, given: dict[str, Any]) -> list[Any]:
    settings = HidSettings(transport="pipe", path="sheet", settle_ms=0, **given)
    session = HidSession("sheet", settings)
    begin = Arrival(0, 0)
    session.open(begin)
    return [*session.receive(raw, begin), *session.tick(Arrival(0, _AFTERWARDS_NS))]
