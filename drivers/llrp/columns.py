"""What the values of a tag's report mean, in one place for the fast and the general way: columns to tag reads.

A run of tags comes as the values of its tags one after the other. Which of them a field of `TagRead` is made of is
found once for each set of columns; then every column goes through at the speed of `zip`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from itertools import repeat
from operator import itemgetter
from typing import Any, Final

from drivers.reads import Arrival, TagRead

# Impinj: 4096 steps to a turn of 2 pi; Doppler in sixteenths of a hertz (Octane LLRP, tag report content).
PHASE_MRAD: Final = {step: round(step * 2_000 * math.pi / 4_096) for step in range(4_096)}
_NONE, _ZERO, _ONE = repeat(None), repeat(0), repeat(1)
# Where these stand among the columns; those of the report follow.
_DEVICE_AT, _ARRIVED_AT, _WALL_AT, _NONE_AT, _ZERO_AT, _ONE_AT, _FIRST_AT = range(7)
# A NamedTuple's own constructor is Python; this is the same without it, and most of the time is spent here.
_MAKE: Final[Callable[[type[TagRead], Iterable[Any]], TagRead]] = tuple.__new__  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
_PLANS_MAX = 512


class Meaning:
    """What a reader's values stand for on this connection; the session sets the offsets.

    Each is added to the reader's microseconds to make microseconds since 1970 by the host's clock. None: that clock
    is not known or not to be believed, and the time of arrival stands for it.
    """

    def __init__(self, device: str, frequencies_khz: Sequence[int] = ()) -> None:
        self.device = device
        self.utc_offset_us: int | None = 0
        self.uptime_offset_us: int | None = None
        self.frequencies_khz: dict[int, int] = dict(enumerate(frequencies_khz, start=1))  # by ChannelIndex


Column = Iterable[Any]
_Convert = Callable[[Any, Meaning, Arrival], Column]


class Plan:
    """How tag reads are made of columns with these names; `epc` is one of them."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self._width = len(names)
        self._at = {name: number for number, name in enumerate(names, start=_FIRST_AT)}
        self._converts: list[tuple[int, _Convert]] = []
        first, first_raw = self._moment("first")
        last, last_raw = self._moment("last")
        seen = last or first or _WALL_AT
        self._pick = itemgetter(
            _DEVICE_AT,
            self._at["epc"],
            self._at.get("antenna", _ZERO_AT),
            self._at.get("rssi_cdbm") or self._made("rssi_dbm", _centi) or _NONE_AT,
            _ARRIVED_AT,
            seen,
            first or seen,
            last_raw or first_raw or _NONE_AT,
            self._at.get("count", _ONE_AT),
            self._at.get("pc", _NONE_AT),
            self._made("phase", _mrad) or _NONE_AT,
            self._made("channel", _khz) or _NONE_AT,
            self._made("doppler", _chz) or _NONE_AT,
        )

    def reads(self, flat: tuple[Any, ...], meaning: Meaning, arrived: Arrival) -> list[TagRead]:
        """`flat` has the values of one tag after the other, each in the order of the names."""
        width = self._width
        columns: list[Column] = [repeat(meaning.device), repeat(arrived), repeat(arrived.wall_us), _NONE, _ZERO, _ONE]
        columns += [flat[number::width] for number in range(width)]
        for at, convert in self._converts:
            columns.append(convert(columns[at], meaning, arrived))
        rows = zip(*self._pick(columns), strict=False)
        return list(map(_MAKE, repeat(TagRead), rows))  # pyright: ignore[reportUnknownArgumentType]

    def _made(self, name: str, convert: _Convert) -> int:
        """Where the column made of this one will stand; 0, which is none's place, if it is not there."""
        if name not in self._at:
            return 0
        self._converts.append((self._at[name], convert))
        return _FIRST_AT + self._width + len(self._converts) - 1

    def _moment(self, which: str) -> tuple[int, int]:
        """Where the moment by the host's clock will stand, and where by the reader's; zeros if it is not there."""
        for clock, convert in (("utc", _by_utc), ("uptime", _by_uptime)):
            if (made := self._made(f"{which}_{clock}", convert)) != 0:
                return made, self._at[f"{which}_{clock}"]
        return 0, 0


@lru_cache(_PLANS_MAX)
def plan(names: tuple[str, ...]) -> Plan:
    return Plan(names)


def _shifted(column: tuple[int, ...], offset_us: int | None, arrived: Arrival) -> Column:
    if offset_us is None:
        return repeat(arrived.wall_us)
    return [value + offset_us for value in column] if offset_us else column


def _by_utc(column: tuple[int, ...], meaning: Meaning, arrived: Arrival) -> Column:
    return _shifted(column, meaning.utc_offset_us, arrived)


def _by_uptime(column: tuple[int, ...], meaning: Meaning, arrived: Arrival) -> Column:
    return _shifted(column, meaning.uptime_offset_us, arrived)


def _centi(column: tuple[int, ...], _: Meaning, __: Arrival) -> Column:
    return [value * 100 for value in column]


def _mrad(column: tuple[int, ...], _: Meaning, __: Arrival) -> Column:
    return map(PHASE_MRAD.get, column)


def _khz(column: tuple[int, ...], meaning: Meaning, _: Arrival) -> Column:
    return map(meaning.frequencies_khz.get, column)


def _chz(column: tuple[int, ...], _: Meaning, __: Arrival) -> Column:
    return [round(value * 6.25) for value in column]
