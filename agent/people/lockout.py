"""Growing pauses after wrong PINs. Pure; the clock is an argument.

An attempt counts as wrong from its beginning and is taken back when it was right: a hundred attempts at the same moment
are a hundred.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import NamedTuple

KEPT_MAX = 4096
PAUSE_S_FIRST = 30.0
PAUSE_S_MAX = 900.0
FORGET_S = 3600.0


class _Record(NamedTuple):
    wrong: int
    last_s: float
    until_s: float


class Lockout:
    """`free` wrong attempts cost nothing; each further one doubles the pause."""

    def __init__(self, free: int) -> None:
        self._free = free
        self._held: OrderedDict[bytes, _Record] = OrderedDict()

    def wait_s(self, key: bytes, now_s: float) -> float:
        held = self._held.get(key)
        return max(0.0, held.until_s - now_s) if held is not None else 0.0

    def begin(self, key: bytes, now_s: float) -> None:
        held = self._held.pop(key, None)
        wrong = 1 if held is None or now_s - held.last_s > FORGET_S else held.wrong + 1
        beyond = min(wrong - self._free, 10)
        pause_s = min(PAUSE_S_MAX, PAUSE_S_FIRST * 2.0 ** (beyond - 1)) if beyond > 0 else 0.0
        self._held[key] = _Record(wrong, now_s, now_s + pause_s)
        while len(self._held) > KEPT_MAX:
            self._held.popitem(last=False)

    def right(self, key: bytes) -> None:
        """All is forgiven."""
        self._held.pop(key, None)

    def take_back(self, key: bytes) -> None:
        """This attempt alone was right: who shares an address with others does not clear their account."""
        held = self._held.get(key)
        if held is not None:
            wrong = held.wrong - 1
            self._held[key] = held._replace(wrong=wrong, until_s=held.until_s if wrong > self._free else 0.0)
