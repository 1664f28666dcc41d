"""What another program gets of the keys of an input device, and what the console does.

eavesdrop.py SECONDS NODE   Says `ready`; after that time a JSON object: key events of NODE, and the console's text.
"""

from __future__ import annotations

import json
import os
import select
import struct
import sys
import time

CONSOLE = "/dev/tty1"
EVENT = struct.Struct("llHHi")  # linux/input.h
EV_KEY = 1


def main() -> None:
    end_s = time.monotonic() + float(sys.argv[1])
    node, console = (os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY) for path in (sys.argv[2], CONSOLE))
    keys, text = 0, b""
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while (left_s := end_s - time.monotonic()) > 0:
        ready = select.select([node, console], [], [], left_s)[0]
        if node in ready:
            keys += sum(event[2] == EV_KEY for event in EVENT.iter_unpack(os.read(node, 64 * EVENT.size)))
        if console in ready:
            text += os.read(console, 4096)
    sys.stdout.write(json.dumps({"keys": keys, "console": text.decode("ascii", "replace")}) + "\n")


main()
