"""The same receipt by control barcodes alone, by a screen alone, and mixed, leaves the same events.

Apart from what must differ: ids, times, hashes, and the device that a code came from.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from identity.control import encode
from simulators.day_plan import Day, Order, Scan
from simulators.ptys import PtyPort
from tests.day.store import Store

SCANS = 45  # of the delivery; then it is closed
SCANNER = """
[[device]]
name = "dock-scanner"
station = "dock"
[device.settings]
kind = "serial_line"
path = "dev/scanner"
settle_ms = 0
"""
OWN = frozenset(
    {"id", "log", "occurred_at", "recorded_at", "hash", "prev", "multiplier_until", "device", "session", "press"}
)


def acts(day: Day) -> tuple[dict[str, object], list[Scan | Order]]:
    """The delivery's document, and what is done with it: with a stop, a look, damaged goods, an undo."""
    played = day.acts()
    document = next(played).document  # type: ignore[union-attr]
    done = [act for act in itertools.islice(played, SCANS) if isinstance(act, Scan | Order)]
    extra = day.items[-1].gtin
    return document, [*done, Scan("dock", extra, "stop"), Order("dock", "CLOSE"), Order("dock", "CLOSE")]


class Dock:
    """A scanner on a line and a screen at the same station."""

    def __init__(self, store: Store, port: PtyPort) -> None:
        self._store = store
        self._port = port
        self._presses = itertools.count(1)

    def by_scanner(self, act: Scan | Order) -> None:
        code = act.code if isinstance(act, Scan) else encode(act.verb, act.argument)
        before = self._last()
        assert self._port.write(code.encode() + b"\r")
        end_s = time.monotonic() + 15
        while self._last() == before:
            assert time.monotonic() < end_s, (act, self._store.log("jaego"))
            time.sleep(0.01)  # an address may ask 200 times a second

    def by_screen(self, act: Scan | Order) -> None:
        """Goods are typed, orders are buttons."""
        body = {"code": act.code} if isinstance(act, Scan) else {"verb": act.verb, "argument": act.argument}
        headers = {"X-Jaego-Press": f"press-{next(self._presses):06}"}
        answer = self._store.client.post("/stations/dock/scan", json=body, headers=headers)
        assert answer.is_success, answer.text

    def mixed(self, act: Scan | Order) -> None:
        (self.by_scanner if next(self._presses) % 2 else self.by_screen)(act)

    def _last(self) -> Any:
        held = self._store.client.get("/stations").json()["stations"]
        last = next(one["last"] for one in held if one["station"] == "dock")
        return last and (last["at_us"], last["seq"])


def receipt(folder: Path, way: str) -> list[Any]:
    day = Day(11)
    folder.mkdir()
    (folder / "dev").mkdir()
    port = PtyPort(folder / "dev" / "scanner")
    port.plug()
    with Store(folder, day.items, SCANNER) as store:
        document, done = acts(day)
        store.expect(document)
        end_s = time.monotonic() + 15
        while not store.client.get("/documents/ASN-1").is_success or not _up(store):
            assert time.monotonic() < end_s, store.log("jaego")
        play: Callable[[Scan | Order], None] = getattr(Dock(store, port), way)
        for act in done:
            play(act)
        events = store.events()
    port.unplug()
    return [said(one) for one in events if one["type"] != "journal" or one["data"]["kind"] != "opening"]


def _up(store: Store) -> bool:
    return bool(store.client.get("/devices/dock-scanner").json()["state"] == "up")


def said(value: Any) -> Any:
    """An event without what is its own."""
    if isinstance(value, dict):
        kept = {key: one for key, one in value.items() if key not in OWN}
        return {key: said(one) for key, one in kept.items()}
    return [said(one) for one in value] if isinstance(value, list) else value


@pytest.mark.broker
@pytest.mark.timeout(120)
def test_barcodes_a_screen_and_both_leave_the_same_events(tmp_path: Path) -> None:
    scanner, screen, mixed = (receipt(tmp_path / way, way) for way in ("by_scanner", "by_screen", "mixed"))
    assert scanner == screen
    assert scanner == mixed
    kinds = [one["data"]["kind"] for one in scanner]
    assert kinds.count("closed") == 1
    assert {"received", "opened", "unexpected_item"} <= set(kinds)
