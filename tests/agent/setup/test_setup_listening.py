"""Scanners that are found by what they scan: on ptys and FIFOs, and where the machine has uinput, as keyboards."""

from __future__ import annotations

import os
import termios
from pathlib import Path
from typing import Any

import pytest

from agent.clock import SystemClock
from agent.setup.learning import CODE, Learned
from agent.setup.listening import Ear, ears, listen
from drivers.hid.layouts import LayoutName
from drivers.serial_scanner.frames import End
from simulators.hid import FifoSink, HidScanner, HidSetup, UinputSink
from simulators.scanner_line import LineScanner, LineSetup
from tests.agent.setup.scanners import Hand, SpeedScanner

CLOCK = SystemClock()


class Told:
    def __init__(self) -> None:
        self.lines: list[tuple[str, dict[str, Any]]] = []

    def __call__(self, name: str, /, **facts: Any) -> None:
        self.lines.append((name, facts))


def heard(places: list[Ear], told: Told | None = None, seconds: float = 10.0) -> tuple[str, Learned] | None:
    found = listen(places, CLOCK, seconds, told or Told())
    return None if found is None else (Path(found[0].path).name, found[1])


def test_the_scanner_that_scans_is_the_one(tmp_path: Path) -> None:
    quiet = LineScanner(tmp_path / "quiet")
    quiet.plug()
    scanner = LineScanner(tmp_path / "hand", LineSetup(End.CRLF, b"", b"\t"))
    with Hand(scanner):
        found = heard(ears([str(tmp_path / "quiet"), str(tmp_path / "hand")]))
    quiet.unplug()
    assert found == ("hand", Learned({"kind": "serial_line", "end": "crlf", "suffix": "\t"}))


@pytest.mark.parametrize("speed", [115_200, 19_200])
def test_the_speed_of_a_line_is_found(tmp_path: Path, speed: int) -> None:
    told, constant = Told(), {115_200: termios.B115200, 19_200: termios.B19200}[speed]
    with Hand(SpeedScanner(tmp_path / "hand", constant)) as hand:
        found = heard(ears([str(tmp_path / "hand")]), told)
    assert found == ("hand", Learned({"kind": "serial_line", "baud": speed, "end": "cr"}))
    speeds = [facts["baud"] for name, facts in told.lines if name == "scan_again"]
    assert speeds == [115_200, 19_200][: len(speeds)]
    assert hand.scans > len(speeds)


@pytest.mark.parametrize("code", ["8801234567893", "]d201088012345678\x1d10A-1/2"])
def test_another_code_is_no_reason_to_change_the_speed(tmp_path: Path, code: str) -> None:
    told = Told()
    with Hand(LineScanner(tmp_path / "hand"), code, CODE):
        assert heard(ears([str(tmp_path / "hand")]), told) is not None
    assert [name for name, _facts in told.lines] == ["not_the_sheet"]


@pytest.mark.parametrize(
    ("setup", "settings"),
    [
        (HidSetup(end="tab", gs="f12"), {"ends": ("tab",), "gs": ("f12",)}),
        (HidSetup(layout=LayoutName.KR, gs="alt_029"), {}),
        (HidSetup(chars_per_s=0), {}),
    ],
)
def test_a_keyboard_scanner_is_found_beside_a_serial_one(
    tmp_path: Path, setup: HidSetup, settings: dict[str, Any]
) -> None:
    quiet = LineScanner(tmp_path / "quiet")
    quiet.plug()
    with Hand(HidScanner(FifoSink(tmp_path / "keys"), setup)):
        found = heard(ears([str(tmp_path / "quiet"), str(tmp_path / "keys")]))
    quiet.unplug()
    assert found == ("keys", Learned({"kind": "hid", **settings}))


def test_nobody_scans_and_what_cannot_be_opened_is_said(tmp_path: Path) -> None:
    told, quiet = Told(), LineScanner(tmp_path / "quiet")
    quiet.plug()
    assert heard(ears([str(tmp_path / "quiet"), str(tmp_path / "gone")]), told, 0.3) is None
    quiet.unplug()
    [(name, facts)] = told.lines
    assert (name, Path(facts["path"]).name) == ("closed", "gone")
    assert "plug the scanner in" in facts["why"]


def test_a_scanner_that_is_unplugged_meanwhile_stops_nothing(tmp_path: Path) -> None:
    gone = LineScanner(tmp_path / "gone")
    gone.plug()
    places = ears([str(tmp_path / "gone"), str(tmp_path / "hand")])

    class Pulled(Told):
        def __call__(self, name: str, /, **facts: Any) -> None:
            gone.unplug()

    with Hand(LineScanner(tmp_path / "hand"), "8801234567893", CODE):
        assert heard(places, Pulled()) is not None


def test_keyboards_are_named_by_what_stays(tmp_path: Path) -> None:
    """By the socket where the device has no serial number, by its own name where there is no link."""
    root, sysfs = tmp_path / "dev", tmp_path / "sys"
    for number, (name, serial) in enumerate(
        (("Scanner A", "123"), ("Scanner B", ""), ("Scanner C", ""), ("Button", ""))
    ):
        entry = sysfs / f"event{number}" / "device"
        (entry / "id").mkdir(parents=True)
        (entry / "capabilities").mkdir()
        (entry / "name").write_text(name)
        (entry / "uniq").write_text(serial)
        (entry / "capabilities" / "key").write_text("0" if name == "Button" else f"{1 << 28:x}")
    for folder, link, node in (
        ("by-id", "usb-A-event-kbd", "/dev/input/event0"),
        ("by-path", "pci-1-event-kbd", "/dev/input/event0"),
        ("by-id", "usb-B-event-kbd", "/dev/input/event1"),
        ("by-path", "pci-2-event-kbd", "/dev/input/event1"),
    ):
        (root / "input" / folder).mkdir(parents=True, exist_ok=True)
        (root / "input" / folder / link).symlink_to(node)
    found = [one.settings for one in ears([], root=root, sysfs=sysfs) if one.keys]
    assert [{name: Path(text).name for name, text in one.items()} for one in found] == [
        {"path": "usb-A-event-kbd"},
        {"path": "pci-2-event-kbd"},
        {"usb_name": "Scanner C"},
    ]


@pytest.mark.skipif(not os.access("/dev/uinput", os.W_OK), reason="needs /dev/uinput")
def test_a_kernel_keyboard_is_learned() -> None:
    sink = UinputSink("Jaego setup test")
    with Hand(HidScanner(sink, HidSetup(end="tab"))):
        found = listen([Ear({"usb_name": sink.name}, keys=True)], CLOCK, 10.0, Told())
    assert found is not None
    assert found[1] == Learned({"kind": "hid", "ends": ("tab",)})
