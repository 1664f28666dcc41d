"""A serial scanner behind an FTDI adapter that waits for the host's word (Honeywell, host acknowledgement)."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager

from tests.machine.devices import plug_serial, unplug_serial
from tests.machine.scanners import bad_reads, events, has, scans, until_state
from tests.machine.store import LONG, SETTLE_S, StorePc, gtin
from tests.machine.surviving import GOOD, STOP

Tell = Callable[[str], None]
ALONE = True  # the broker is the end of these ways
CUTS = 10 if LONG else 1


@contextmanager
def plugged(pc: StorePc) -> Generator[tuple[socket.socket, float]]:
    """The scanner's end of the line, and the seconds until the agent held it."""
    begun_s = time.monotonic()
    with plug_serial(pc.vm, "LINE-1", 5) as far:
        far.settimeout(20)
        until_state(pc, "line", "up")
        took_s = time.monotonic() - begun_s
        time.sleep(SETTLE_S)
        yield far, took_s


def answered(far: socket.socket, data: bytes, expected: bytes) -> float:
    """Seconds until the scanner hears that."""
    begun_s = time.monotonic()
    far.sendall(data)
    heard = b""
    while len(heard) < len(expected):
        heard += far.recv(64)
    assert heard == expected, (data[:40], heard)
    return time.monotonic() - begun_s


def test_half_a_line_never_becomes_a_code_and_whole_ones_are_answered(pc: StorePc, tell: Tell) -> None:
    waits_s: list[float] = []
    backs_s: list[float] = []
    expected: list[str] = []
    halves: list[tuple[str, str]] = []
    for turn in range(CUTS + 1):
        with plugged(pc) as (far, back_s):
            backs_s.append(back_s)
            for number in (3 * turn, 3 * turn + 1):
                waits_s.append(answered(far, f"{gtin(number)}\r".encode(), GOOD))
                expected.append(gtin(number))
            if turn == CUTS:
                break
            halves.append(("incomplete", gtin(3 * turn + 2)[: 7 + turn % 6]))
            far.sendall(halves[-1][1].encode())
            time.sleep(0.2)
        unplug_serial(pc.vm, "LINE-1")
        until_state(pc, "line", "down")
        pc.until(lambda: bad_reads(pc) == halves, lambda: (halves, bad_reads(pc)))
    has(pc, len(expected))
    assert bad_reads(pc) == halves
    assert [scan.text for scan in scans(pc)] == expected
    tell(
        f"{len(expected)} codes answered, slowest in {max(waits_s) * 1000:.0f} ms; {CUTS} unplugs in mid-line: each "
        f"half reported as incomplete, none became a code; back after {max(backs_s[1:]):.2f} s at most"
    )


def test_noise_and_lines_without_end_are_reported_and_the_next_code_is_right(pc: StorePc, tell: Tell) -> None:
    with plugged(pc) as (far, _):
        answered(far, b"\xff\xfe\x00\x81\r", STOP)
        answered(far, b"9" * 6000 + b"\r", STOP)
        answered(far, f"{gtin(1)}\r".encode(), GOOD)
        answered(far, gtin(2)[:5].encode(), STOP)  # and then silence: the rest of it never comes
        answered(far, gtin(2)[5:].encode() + b"\r", STOP)  # and if it does come after all it is no code
        answered(far, f"{gtin(3)}\r".encode(), GOOD)
        has(pc, 2)
    assert [scan.text for scan in scans(pc)] == [gtin(1), gtin(3)]
    told = [f"{event['data']['kind']}: {event['data']['reason']}" for event in events(pc, "exception")]
    assert told[1:] == ["bad_read: too_long", "bad_read: incomplete", "bad_read: incomplete"]
    tell(f"noise ({told[0]}), 6000 digits ({told[1]}), half a line and its late rest ({told[2]}); else all is right")
