"""What `jaego record DEVICE FILE` wrote, played back: bytes to a pty, or an LLRP reader that tells it again.

The file is JSON Lines: first `{"recording": 1, "device": name, "kind": kind, "started_us": wall}`, then for every
portion `{"t_us": since the start, "dir": "in"|"out", "hex": "…"}`; "in" is what came from the device.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple, cast

from drivers.llrp.definitions import DEFINITIONS
from drivers.llrp.elements import Content, Element, decode, encode
from drivers.llrp.frames import Decoder, Message
from simulators.reader_core import Frame
from simulators.reader_llrp import LlrpReader, Setup
from simulators.tags import RateSource

LINE_CHARS_MAX = 4 << 20
REPLAYED = {DEFINITIONS[name].number for name in ("RO_ACCESS_REPORT", "READER_EVENT_NOTIFICATION")}
_UTC = {"UTCTimestamp", "FirstSeenTimestampUTC", "LastSeenTimestampUTC"}
_UPTIME = {"Uptime", "FirstSeenTimestampUptime", "LastSeenTimestampUptime"}


class Portion(NamedTuple):
    t_us: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Recording:
    """`portions` are those that came from the device, in their order."""

    device: str
    kind: str
    started_us: int
    portions: tuple[Portion, ...]

    @property
    def llrp(self) -> bool:
        return self.kind == "llrp"


def load(path: Path) -> Recording:
    """Raises OSError, and ValueError naming file and line for what is no recording."""
    with path.open(encoding="utf-8") as file:
        lines = enumerate(file, start=1)
        head = _line(path, *next(lines, (1, "{}")))
        if head.get("recording") != 1:
            raise ValueError(f"{path}: no recording: the first line does not say so")
        try:
            portions = tuple(_portions(path, lines))
            return Recording(str(head["device"]), str(head["kind"]), int(head["started_us"]), portions)
        except KeyError as error:
            raise ValueError(f"{path}: no recording: {error} is missing") from error


def _portions(path: Path, lines: Iterable[tuple[int, str]]) -> Iterator[Portion]:
    for number, text in lines:
        line = _line(path, number, text)
        if line.get("dir") == "in":
            try:
                yield Portion(int(line["t_us"]), bytes.fromhex(line["hex"]))
            except (KeyError, ValueError, TypeError) as error:
                raise ValueError(f"{path}:{number}: no portion: {error!r}") from error


def _line(path: Path, number: int, text: str) -> dict[str, Any]:
    if len(text) > LINE_CHARS_MAX:
        raise ValueError(f"{path}:{number}: {len(text)} characters, at most {LINE_CHARS_MAX}")
    try:
        found = json.loads(text)
    except ValueError as error:
        raise ValueError(f"{path}:{number}: no JSON: {error}") from error
    if not isinstance(found, dict):
        raise ValueError(f"{path}:{number}: no JSON object")  # noqa: TRY004 - bad input, as all that is caught here
    return cast("dict[str, Any]", found)


@dataclass(frozen=True, slots=True)
class Told:
    """A message that the recorded reader sent by itself."""

    t_us: int
    message: Element
    id: int
    version: int


def told(recording: Recording) -> tuple[list[Told], int | None, bool]:
    """Reports and events, the reader's clock at the recording's start, and whether that clock is an uptime.

    The greeting is left out: the simulator has its own. A stream whose framing is lost ends there.
    """
    found: list[Told] = []
    started_us, uptime = None, False
    decoder = Decoder()
    for portion in recording.portions:
        for message in decoder.feed(portion.data):
            if not isinstance(message, Message) or message.type not in REPLAYED:
                continue
            one = decode(message)
            data = one.one("ReaderEventNotificationData")
            if data is not None and data.one("ConnectionAttemptEvent") is not None:
                stamp = data.one("UTCTimestamp") or data.one("Uptime")
                if started_us is None and stamp is not None:
                    started_us, uptime = stamp.number("Microseconds") - portion.t_us, stamp.name == "Uptime"
                continue
            found.append(Told(portion.t_us, one, message.id, message.version))
    return found, started_us, uptime


class PlayedReader(LlrpReader):
    """Answers the set-up by itself. From the first active ROSpec on it tells what the recorded reader told.

    Times keep their distances, and are as far from the reader's clock as they were: a report that was held is old
    again. `speed` shortens the pauses, not the distances.
    """

    def __init__(self, recording: Recording, *, speed: float = 1.0, now_us: int = 0, wall_us: int = 0) -> None:
        if speed <= 0:
            raise ValueError(f"speed {speed:g}, it is above 0")
        self._told, clock_us, uptime = told(recording)
        setup = Setup(clock="uptime" if uptime else "utc")
        super().__init__(RateSource((), 1), setup, now_us=now_us, wall_us=wall_us)
        self._recorded_clock_us = recording.started_us if clock_us is None else clock_us
        self._speed, self._next = speed, 0
        self._play_us: int | None = None  # when the first of them was told

    @property
    def finished(self) -> bool:
        return self._next >= len(self._told)

    def next_us(self) -> int | None:
        due = [one for one in (super().next_us(), self._due_us()) if one is not None]
        return min(due, default=None)

    def advance(self, now_us: int) -> None:
        super().advance(now_us)
        if self._play_us is None and any(one.active for one in self.rospecs.values()):
            self._play_us = now_us
        while (due_us := self._due_us()) is not None and due_us <= now_us:
            one = self._told[self._next]
            self._next += 1
            shift_us = self.clock_us(due_us) - (self._recorded_clock_us + one.t_us)
            wire = encode(_shifted(one.message, shift_us), one.id, self._version)
            self._tell(Frame(wire, event=True))

    def _due_us(self) -> int | None:
        if self._play_us is None or self.finished:
            return None
        return self._play_us + int((self._told[self._next].t_us - self._told[0].t_us) / self._speed)


def _shifted(one: Element, shift_us: int) -> Element:
    """Every time in it moved by so much."""
    parameters: tuple[Content, ...] = tuple(
        _shifted(each, shift_us) if isinstance(each, Element) else each for each in one.parameters
    )
    if one.name in _UTC | _UPTIME:
        moved = max(0, one.number("Microseconds") + shift_us)
        return replace(one, fields={**one.fields, "Microseconds": moved})
    return replace(one, parameters=parameters)
