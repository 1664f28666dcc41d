"""Types codes on HID gadgets, each on its own thread and at its own pace, as scanners in two hands do.

typing.py CHARACTERS_PER_S NODE=FILE…   FILE: a code a line; Enter ends each. `inf`: as fast as the bus takes them.

Prints a JSON object a node: how many characters it typed in which time, how late a key was at most, and when each Enter
was (seconds since 1970). A scanner that is unplugged stops; `characters` says how far it came.
"""

from __future__ import annotations

import json
import os
import select
import sys
import threading
import time
from pathlib import Path

# HID Usage Tables, keyboard page.
LETTERS = {chr(ord("a") + at): 4 + at for at in range(26)} | {digit: 30 + at for at, digit in enumerate("1234567890")}
USAGE = LETTERS | {"\n": 0x28, " ": 0x2C, "-": 0x2D, ".": 0x37, "/": 0x38}
SHIFT, RELEASED = 2, bytes(8)
TAKEN_S_MAX = 2


def press(letter: str) -> bytes:
    return bytes([SHIFT if letter.isupper() else 0, 0, USAGE[letter.lower()], 0, 0, 0, 0, 0])


def type_all(node: str, text: str, per_s: float) -> None:
    device = os.open(node, os.O_RDWR | os.O_NONBLOCK)
    bus = select.poll()
    bus.register(device, select.POLLOUT)
    entered_s: list[float] = []
    typed, late_s, gap_s = 0, 0.0, 1 / per_s
    due_s = begun_s = time.monotonic()
    try:
        for letter in text:
            if (wait_s := due_s - time.monotonic()) > 0:
                time.sleep(wait_s)
            late_s = max(late_s, time.monotonic() - due_s)
            # Held up, it makes up for that at twice its pace, and never in a burst that no scanner sends.
            due_s = max(due_s + gap_s, time.monotonic() + gap_s / 2)
            for report in (press(letter), RELEASED):
                if not bus.poll(1000 * TAKEN_S_MAX):
                    raise TimeoutError(node)
                os.write(device, report)
                if report[2] == USAGE["\n"]:
                    entered_s.append(time.time())
            typed += 1
    except OSError:
        pass  # unplugged: nobody takes it
    took_s = time.monotonic() - begun_s
    said = {"node": node, "characters": typed, "took_s": took_s, "late_s": late_s, "entered_s": entered_s}
    sys.stdout.write(json.dumps(said) + "\n")


def main() -> None:
    pace = float(sys.argv[1])
    pairs = [pair.split("=") for pair in sys.argv[2:]]
    threads = [threading.Thread(target=type_all, args=(node, Path(file).read_text(), pace)) for node, file in pairs]
    for one in threads:
        one.start()
    for one in threads:
        one.join()


main()
