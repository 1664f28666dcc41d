"""One scan of the setup sheet, sent as scanners send, tells how the scanner is set; the drivers then read with it."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from agent.printing.code128 import widths
from agent.setup.learning import CODE, GS, LEFT, RIGHT, Learned, is_end_alone, of_keys, of_serial
from drivers.hid.frames import EV_KEY, EV_SYN, PRESSED, RELEASED, SYN_REPORT, Event, encode
from drivers.hid.layouts import KEY_ENTER, LayoutName
from drivers.reads import Arrival, BarcodeRead
from drivers.serial_scanner.frames import End, encode_line
from drivers.serial_scanner.session import LineSession
from drivers.serial_scanner.settings import SerialLineSettings
from simulators.hid import HidSetup, key_events, type_char
from tests.agent.printing.test_sheet import QUIET_MODULES, np, read

CODE_BYTES = CODE.encode()
AFTER = b"\x1d0112345678901231"


def keys(text: str, setup: HidSetup | None = None, end: int | None = KEY_ENTER) -> bytes:
    setup = setup or HidSetup()
    strokes = [type_char(one, setup) for one in text]
    if end is not None:
        strokes.append([(end, PRESSED), (end, RELEASED)])
    return b"".join(encode(event) for stroke in strokes for event in key_events(stroke))


@pytest.mark.parametrize("end", [End.CR, End.LF, End.CRLF, End.STX_ETX])
@pytest.mark.parametrize(
    ("prefix", "aim", "suffix"), list(itertools.product((b"", b"P:"), (b"", b"]C0"), (b"", b"\t", b"#1")))
)
def test_a_serial_scanner_is_read_with_what_was_learned(end: End, prefix: bytes, aim: bytes, suffix: bytes) -> None:
    learned = of_serial(encode_line(CODE_BYTES, end, prefix=prefix + aim, suffix=suffix))
    assert learned is not None
    assert learned.notes == ()
    session = LineSession("s", SerialLineSettings(path="p", **learned.settings))
    session.open(Arrival(0, 0))
    later = Arrival(0, 10**9)
    [read] = session.receive(encode_line(AFTER, end, prefix=prefix + (b"]d2" if aim else b""), suffix=suffix), later)
    assert isinstance(read, BarcodeRead)
    assert (read.data, read.aim) == (AFTER, "]d2" if aim else None)


def test_a_scanner_that_is_set_as_usual_needs_its_end_alone() -> None:
    assert of_serial(CODE_BYTES + b"\r") == Learned({"kind": "serial_line", "end": "cr"})
    assert of_serial(CODE_BYTES + b"\r\n", 115_200) == Learned({"kind": "serial_line", "baud": 115_200, "end": "crlf"})


def test_a_sheet_that_was_scanned_twice_in_a_row_tells_the_same() -> None:
    once = b"P:" + CODE_BYTES + b"\t\r\n"
    assert of_serial(once * 2) == of_serial(once)
    assert of_keys(keys(CODE) * 3) == of_keys(keys(CODE))


@pytest.mark.parametrize("mark", [b"", b"~", b"\\x1D"])
def test_a_separator_that_is_lost_or_replaced_is_noticed(mark: bytes) -> None:
    learned = of_serial(LEFT.encode() + mark + RIGHT.encode() + b"\r")
    assert learned is not None
    assert learned.notes == ("gs_lost",)


def test_a_scanner_without_an_end_must_be_set_to_one() -> None:
    learned = of_serial(CODE_BYTES)
    assert learned is not None
    assert learned.notes == ("no_end",)


@pytest.mark.parametrize("raw", [b"", b"\xff\x00\xfe\r", b"8801234567893\r", CODE_BYTES[:-1] + b"\r"])
def test_what_is_not_the_sheet_teaches_nothing(raw: bytes) -> None:
    assert of_serial(raw) is None


def test_a_packet_of_ssi_is_known() -> None:
    body = bytes((len(CODE) + 5, 0xF3, 0, 0, 3)) + CODE_BYTES
    learned = of_serial(body + (-sum(body) & 0xFFFF).to_bytes(2, "big"))
    assert learned == Learned({"kind": "ssi"})


@pytest.mark.parametrize(
    ("setup", "end", "expected"),
    [
        (HidSetup(), "enter", {}),
        (HidSetup(gs="alt_029"), "enter", {}),
        (HidSetup(caps_lock=False), "kp_enter", {}),
        (HidSetup(gs="f12"), "enter", {"gs": ("f12",)}),
        (HidSetup(gs="down"), "tab", {"gs": ("down",), "ends": ("tab",)}),
        (HidSetup(), None, {"ends": ()}),
        (HidSetup(layout=LayoutName.KR), "enter", {}),
    ],
)
def test_a_keyboard_scanner_is_read_with_what_was_learned(
    setup: HidSetup, end: str | None, expected: dict[str, Any]
) -> None:
    codes = {"enter": 28, "kp_enter": 96, "tab": 15, None: None}
    assert of_keys(keys(CODE, setup, codes[end])) == Learned({"kind": "hid", **expected})


def test_an_aim_identifier_before_the_code_is_learned() -> None:
    assert of_keys(keys("]C0" + CODE)) == Learned({"kind": "hid", "aim": True})


def test_a_keyboard_scanner_that_drops_the_separator_is_noticed() -> None:
    assert of_keys(keys(LEFT + RIGHT)) == Learned({"kind": "hid"}, ("gs_lost",))


def test_a_key_that_only_the_korean_layout_ignores_tells_the_layout() -> None:
    hangeul = [Event(EV_KEY, 122, PRESSED), Event(EV_KEY, 122, RELEASED), Event(EV_SYN, SYN_REPORT, 0)]
    raw = b"".join(map(encode, hangeul)) + keys(CODE)
    assert of_keys(raw) == Learned({"kind": "hid", "layout": "kr"})


def test_a_person_at_a_keyboard_is_no_scanner() -> None:
    assert of_keys(keys("yes")) is None
    assert is_end_alone(keys(""))
    assert not is_end_alone(keys("yes"))


def test_the_sheets_code_can_be_printed() -> None:
    row = [255] * QUIET_MODULES
    for place, width in enumerate(widths(CODE)):
        row += [0 if place % 2 == 0 else 255] * width
    line = np.repeat(np.array(row + [255] * QUIET_MODULES, dtype=np.uint8), 2)
    assert [one.replace("<GS>", GS) for one in read(np.tile(line, (40, 1)))] == [CODE]
