"""What the portal's engine is told and what it tells."""

from __future__ import annotations

from typing import NamedTuple

from agent.capture.portal_evidence import Model
from agent.capture.portal_health import AntennaFinding


class Settings(NamedTuple):
    """`zone_of` antenna; the first of `zones` is A. `decide_s` after a crossing its group is decided."""

    zones: tuple[str, str]
    zone_of: dict[int, str]
    decide_s: float = 4.1
    settle_s: float = 0.7
    together_s: float = 2.2
    late_s: float = 60.0
    again_s: float = 12.0
    turn_s: float = 3.5
    forget_s: float = 900.0
    tracks_max: int = 30_000
    model: Model = Model()


class Passage(NamedTuple):
    epc: str
    origin: str
    target: str
    t_cross_s: float
    confidence: float
    reads: int
    decided_s: float
    group: int


class Uncertain(NamedTuple):
    """The tag may have passed; the next count knows. `reason` is a word for machines."""

    epc: str
    reason: str
    t_s: float
    reads: int


Finding = Passage | Uncertain | AntennaFinding
