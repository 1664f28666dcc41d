"""What goes wrong with a simulated reader, and when: in TOML, or one word a fault on the command line.

kind@seconds[:name=value,…]            reset@2:every_s=1,times=50      reboot@10:seconds=3      antenna_off@5:antenna=2

[[fault]]                              [[input]]
kind = "freeze"                        port = 1
at_s = 20                              level = "high"
seconds = 6                            at_s = 2.5
"""

from __future__ import annotations

import heapq
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Kind = Literal[
    "split",  # for `seconds`: every message in pieces of some bytes
    "merge",  # for `seconds`: what comes in 200 ms is one write
    "slow",  # for `seconds`: `bytes_per_s`
    "freeze",  # for `seconds`: nothing is read or written, the socket stays
    "cut",  # the connection is closed in order
    "reset",  # RST, after the peer's kernel has all that was sent
    "garbage",  # bytes that are no message, between two
    "year2000",  # the clock falls back to the year 2000
    "uptime",  # the clock is lost, times are told since power-on
    "reboot",  # in the middle of a message; the port is closed for `seconds`
    "antenna_off",
    "antenna_on",
    "keepalives_off",  # for `seconds`, or for good
]
FAULTS_MAX = 10_000


class Fault(BaseModel):
    """At `at_s` after the start, and then every `every_s`, `times` in all."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    kind: Kind
    at_s: float = Field(ge=0)
    seconds: float = Field(0.0, ge=0)
    antenna: int = Field(1, ge=1)
    bytes_per_s: int = Field(2000, ge=1)
    every_s: float = Field(0.0, ge=0)
    times: int = Field(1, ge=1, le=FAULTS_MAX)


class Input(BaseModel):
    """A level of a GPI, from `at_s` on."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    port: int = Field(ge=1)
    level: Literal["low", "high"]
    at_s: float = Field(ge=0)


class Script(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    fault: tuple[Fault, ...] = Field(default=(), max_length=FAULTS_MAX)
    input: tuple[Input, ...] = Field(default=(), max_length=FAULTS_MAX)

    def joined(self, other: Script) -> Script:
        return Script(fault=self.fault + other.fault, input=self.input + other.input)


Happening = tuple[float, Fault | Input]


def load(path: Path) -> Script:
    """Raises OSError, tomllib.TOMLDecodeError, and pydantic's ValidationError (a ValueError)."""
    return Script.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))


def parse(faults: Iterable[str] = (), inputs: Iterable[str] = ()) -> Script:
    """Of the command line: `reboot@10:seconds=3`, and for inputs `1=high@2.5`. Raises ValueError."""
    return Script(fault=tuple(map(_fault, faults)), input=tuple(map(_input, inputs)))


def _fault(text: str) -> Fault:
    kind, _, rest = text.partition("@")
    at_s, _, options = rest.partition(":")
    values: dict[str, str] = {}
    for option in filter(None, options.split(",")):
        name, _, value = option.partition("=")
        values[name] = value
    return Fault.model_validate({"kind": kind, "at_s": at_s, **values})


def _input(text: str) -> Input:
    where, _, at_s = text.partition("@")
    port, _, level = where.partition("=")
    return Input.model_validate({"port": port, "level": level, "at_s": at_s})


def happenings(script: Script) -> Iterator[Happening]:
    """All of it in order of time, repetitions too."""
    return heapq.merge(
        *(_repeated(one) for one in script.fault), [(one.at_s, one) for one in _ordered(script)], key=_at
    )


def _ordered(script: Script) -> list[Input]:
    return sorted(script.input, key=lambda one: one.at_s)


def _repeated(fault: Fault) -> Iterator[Happening]:
    return ((fault.at_s + number * fault.every_s, fault) for number in range(fault.times))


def _at(happening: Happening) -> float:
    return happening[0]
