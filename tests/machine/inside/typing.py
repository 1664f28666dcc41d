"""Types codes on HID gadgets, each on its own thread and at its own pace, as scanners in two hands do.

typing.py CHARACTERS_PER_S NODE=FILE…   FILE: a code a line; Enter ends each. Prints what it took, a line a node.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path

# HID Usage Tables, keyboard page.
USAGE = {chr(ord("a") + at): 4 + at for at in range(26)} | {digit: 30 + at for at, digit in enumerate("1234567890")}
USAGE |= {"\n": 0x28, " ": 0x2C, "-": 0x2D, ".": 0x37, "/": 0x38}
SHIFT, RELEASED = 2, bytes(8)


def reports(text: str) -> list[bytes]:
    """Key down and up of each character."""
    found: list[bytes] = []
    for letter in text:
        found += [bytes([SHIFT if letter.isupper() else 0, 0, USAGE[letter.lower()], 0, 0, 0, 0, 0]), RELEASED]
    return found


def type_all(node: str, text: str, per_s: float) -> None:
    device = os.open(node, os.O_RDWR)
    begun_s = time.monotonic()
    for number, report in enumerate(reports(text)):
        wait_s = begun_s + number / (2 * per_s) - time.monotonic()
        if wait_s > 0:
            time.sleep(wait_s)
        os.write(device, report)
    took_s = time.monotonic() - begun_s
    sys.stdout.write(f"{node} {len(text)} characters in {took_s:.2f} s, {len(text) / took_s:.1f} a second\n")


def main() -> None:
    pace = float(sys.argv[1])
    pairs = [pair.split("=") for pair in sys.argv[2:]]
    threads = [threading.Thread(target=type_all, args=(node, Path(file).read_text(), pace)) for node, file in pairs]
    for one in threads:
        one.start()
    for one in threads:
        one.join()


main()
