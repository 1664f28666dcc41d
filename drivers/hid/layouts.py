"""Keyboard layouts as data: key code (linux/input-event-codes.h) to the plain and the shifted character.

The US table follows the key positions of a US keyboard (HID Usage Tables, page 0x07). A Korean keyboard types the same
characters and has two keys more, Hangul and Hanja, which on keyboards with 101 and 104 keys are the right Alt and
the right Ctrl. A scanner that is set to Korean presses them to leave Hangul mode; they stand for no character.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

KEY_ENTER, KEY_TAB, KEY_KPENTER = 28, 15, 96
KEY_LEFTCTRL, KEY_RIGHTCTRL = 29, 97
KEY_LEFTSHIFT, KEY_RIGHTSHIFT = 42, 54
KEY_LEFTALT, KEY_RIGHTALT = 56, 100
KEY_LEFTMETA, KEY_RIGHTMETA = 125, 126
KEY_CAPSLOCK, KEY_NUMLOCK = 58, 69
KEY_F12, KEY_DOWN = 88, 108
KEY_HANGEUL, KEY_HANJA = 122, 123

SHIFTS = frozenset({KEY_LEFTSHIFT, KEY_RIGHTSHIFT})
CTRLS = frozenset({KEY_LEFTCTRL, KEY_RIGHTCTRL})
ALTS = frozenset({KEY_LEFTALT, KEY_RIGHTALT})
METAS = frozenset({KEY_LEFTMETA, KEY_RIGHTMETA})

# First code of a run of neighbouring keys, their plain and their shifted characters.
_RUNS = (
    (2, "1234567890-=", "!@#$%^&*()_+"),
    (16, "qwertyuiop[]", "QWERTYUIOP{}"),
    (30, "asdfghjkl;'`", 'ASDFGHJKL:"~'),
    (43, "\\zxcvbnm,./", "|ZXCVBNM<>?"),
    (57, " ", " "),
    (86, "<", ">"),
)
# The keypad types digits whatever Num Lock says: scanners press it for digits only.
KEYPAD = {
    **dict(zip((82, 79, 80, 81, 75, 76, 77, 71, 72, 73), "0123456789", strict=True)),
    **dict(zip((55, 74, 78, 83, 98, 117, 121), "*-+./=,", strict=True)),
}
KEYPAD_DIGITS = {code: int(text) for code, text in KEYPAD.items() if text.isdigit()}


class LayoutName(StrEnum):
    US = "us"
    KR = "kr"


@dataclass(frozen=True, slots=True)
class Layout:
    """`silent` keys stand for nothing and change nothing, not even as modifiers."""

    keys: dict[int, tuple[str, str]]
    silent: frozenset[int]


def _keys() -> dict[int, tuple[str, str]]:
    table = {code: (text, text) for code, text in KEYPAD.items()}
    for first, plain, shifted in _RUNS:
        for offset, pair in enumerate(zip(plain, shifted, strict=True)):
            table[first + offset] = pair
    return table


LAYOUTS = {
    LayoutName.US: Layout(_keys(), frozenset({KEY_NUMLOCK})),
    LayoutName.KR: Layout(_keys(), frozenset({KEY_NUMLOCK, KEY_HANGEUL, KEY_HANJA, KEY_RIGHTALT, KEY_RIGHTCTRL})),
}
