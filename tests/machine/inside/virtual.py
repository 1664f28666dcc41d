"""A keyboard scanner of the kernel's own making (uinput), at the pace that it is told.

/opt/jaego/bin/python -I virtual.py NAME FIFO   Each line of FIFO is a JSON array: characters a second, and a text.

Types letters with Shift, GS as F12, and Enter at the end. There when FIFO is.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from evdev import UInput, ecodes

SHIFTED = dict(zip('!@#$%^&*()_+:"<>?', "1234567890-=;',./", strict=True))
NAMES = {" ": "SPACE", "-": "MINUS", "=": "EQUAL", ".": "DOT", ",": "COMMA", "/": "SLASH", ";": "SEMICOLON"}
PLACES = NAMES | {"[": "LEFTBRACE", "]": "RIGHTBRACE", "'": "APOSTROPHE", "\x1d": "F12", "\n": "ENTER"}


def key(letter: str) -> tuple[int, bool]:
    plain = SHIFTED.get(letter, letter.lower())
    return ecodes.ecodes[f"KEY_{PLACES.get(plain, plain.upper())}"], plain != letter


def type_text(keyboard: UInput, per_s: float, text: str) -> None:
    for letter in text:
        code, shifted = key(letter)
        presses = [(code, 1), (code, 0)]
        if shifted:
            presses = [(ecodes.KEY_LEFTSHIFT, 1), *presses, (ecodes.KEY_LEFTSHIFT, 0)]
        for which, value in presses:
            keyboard.write(ecodes.EV_KEY, which, value)
            keyboard.syn()
        time.sleep(1 / per_s)


def main() -> None:
    name, fifo = sys.argv[1:]
    abilities: dict[int, Sequence[int]] = {
        ecodes.EV_KEY: list(range(1, 128)),
        ecodes.EV_LED: [ecodes.LED_CAPSL, ecodes.LED_NUML],
    }
    with UInput(abilities, name=name) as keyboard:
        os.mkfifo(fifo)
        while True:
            with Path(fifo).open(encoding="utf-8") as lines:
                for line in lines:
                    type_text(keyboard, *json.loads(line))


main()
