"""Zones without a door: the last seen zone of each tag, under overhead or shelf readers whose fields overlap.

Every zone's evidence for a tag is the strength of its reads there, fading with time. A tag changes its zone when
another one's evidence has been clearly the greater for some time (hysteresis in strength and in time), and departs when
nobody has read it for long. Pure: time comes with the reads and with `tick`.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from typing import NamedTuple


class ZoneSettings(NamedTuple):
    """`zone_of` antenna. Evidence halves in `half_life_s`; another zone wins that is `margin_db` stronger for `hold_s`.

    `first_s` is how long a new tag is watched before it is put anywhere, `departed_s` how long it may be unseen.
    """

    zone_of: dict[int, str]
    half_life_s: float = 8.0
    margin_db: float = 3.0
    hold_s: float = 4.0
    first_s: float = 2.0
    departed_s: float = 120.0
    tags_max: int = 100_000


class ZoneChange(NamedTuple):
    """`origin` is None for a tag that arrives, `target` None for one that departed or had to make room."""

    epc: str
    origin: str | None
    target: str | None
    t_s: float


class _Place:
    __slots__ = ("evidence", "first_s", "last_s", "rival", "rival_s", "zone")

    def __init__(self, t_s: float) -> None:
        self.first_s = self.last_s = t_s
        self.zone: str | None = None
        self.rival: str | None = None
        self.rival_s = t_s
        self.evidence: dict[str, float] = {}


class Zones:
    """Feed reads in order of time; a read that is older than the last counts as of now."""

    def __init__(self, settings: ZoneSettings) -> None:
        self._settings = settings
        self._margin = 10 ** (settings.margin_db / 10)
        self._fade = math.log(2) / settings.half_life_s
        self._places: OrderedDict[str, _Place] = OrderedDict()
        self._now_s = -math.inf

    def where(self, epc: str) -> str | None:
        """The tag's zone; None for one that is unknown, new or departed."""
        place = self._places.get(epc)
        return place.zone if place is not None else None

    def read(self, t_s: float, epc: str, antenna: int, rssi_dbm: float) -> list[ZoneChange]:
        """One observation. Antennas without a zone are ignored."""
        zone = self._settings.zone_of.get(antenna)
        if zone is None:
            return []
        self._now_s = t_s = max(t_s, self._now_s)
        changes = self._departed()
        place = self._places.get(epc)
        if place is None:
            place = self._places[epc] = _Place(t_s)
            if len(self._places) > self._settings.tags_max:
                oldest, old = self._places.popitem(last=False)
                if old.zone is not None:
                    changes.append(ZoneChange(oldest, old.zone, None, t_s))
        else:
            self._places.move_to_end(epc)
        self._weigh(place, zone, rssi_dbm)
        change = self._judge(epc, place)
        return [*changes, change] if change is not None else changes

    def tick(self, now_s: float) -> list[ZoneChange]:
        """Time passes without reads: call it every few seconds."""
        self._now_s = max(now_s, self._now_s)
        return self._departed()

    def _departed(self) -> list[ZoneChange]:
        changes: list[ZoneChange] = []
        while self._places:
            epc, oldest = next(iter(self._places.items()))
            if self._now_s - oldest.last_s < self._settings.departed_s:
                break
            del self._places[epc]
            if oldest.zone is not None:
                changes.append(ZoneChange(epc, oldest.zone, None, oldest.last_s))
        return changes

    def _weigh(self, place: _Place, zone: str, rssi_dbm: float) -> None:
        fade = math.exp(-self._fade * (self._now_s - place.last_s))
        for known in place.evidence:
            place.evidence[known] *= fade
        # As amplitude, not power: one lucky strong read must not outweigh ten of the right shelf.
        place.evidence[zone] = place.evidence.get(zone, 0.0) + 10 ** ((rssi_dbm + 60.0) / 20)
        place.last_s = self._now_s

    def _judge(self, epc: str, place: _Place) -> ZoneChange | None:
        best = max(place.evidence, key=lambda zone: place.evidence[zone])
        if place.zone is None:
            if self._now_s - place.first_s < self._settings.first_s:
                return None
            place.zone = best
            return ZoneChange(epc, None, best, self._now_s)
        if best == place.zone or place.evidence[best] < self._margin * place.evidence.get(place.zone, 0.0):
            place.rival = None
            return None
        if place.rival != best:
            place.rival, place.rival_s = best, self._now_s
        if self._now_s - place.rival_s < self._settings.hold_s:
            return None
        origin, place.zone, place.rival = place.zone, best, None
        return ZoneChange(epc, origin, best, self._now_s)
