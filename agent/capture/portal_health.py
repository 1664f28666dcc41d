"""Antennas that say nothing while their neighbours hear goods at the door."""

from __future__ import annotations

from typing import NamedTuple


class AntennaFinding(NamedTuple):
    antenna: int
    finding: str  # "silent" or "heard again"
    t_s: float


class Health:
    """An antenna is silent when others heard so many reads of it since its own last one.

    Reads of tags that have just come to the door count for every antenna: they move and would be heard by all. The
    reads of its own zone's other antennas count too, for they see the same goods: at more of them, since goods at rest
    may stand where only one antenna sees them.
    """

    FRESH_READS, SIBLING_READS = 150, 600

    def __init__(self, zone_of: dict[int, str]) -> None:
        self._zone_of = zone_of
        self._fresh = dict.fromkeys(zone_of, 0)
        self._siblings = dict.fromkeys(zone_of, 0)
        self.silent: set[int] = set()
        self.silent_zones: frozenset[str] = frozenset()
        self._count = 0
        self._counted: dict[tuple[int, bool], int] = {}

    def read(self, antenna: int, fresh: bool, t_s: float) -> list[AntennaFinding]:
        """Counts are spread every 32 reads; a read of a silent antenna is told at once."""
        if antenna in self.silent:
            self.silent.discard(antenna)
            self._fresh[antenna] = self._siblings[antenna] = 0
            self.silent_zones -= {self._zone_of[antenna]}
            return [AntennaFinding(antenna, "heard again", t_s)]
        key = (antenna, fresh)
        self._counted[key] = self._counted.get(key, 0) + 1
        self._count += 1
        if self._count < 32:
            return []
        return self._spread(t_s)

    def _spread(self, t_s: float) -> list[AntennaFinding]:
        heard = {antenna for antenna, _ in self._counted}
        fresh = sum(n for (_, new), n in self._counted.items() if new)
        zones: dict[str, int] = {}
        for (antenna, _), n in self._counted.items():
            zone = self._zone_of[antenna]
            zones[zone] = zones.get(zone, 0) + n
        self._counted.clear()
        self._count = 0
        found: list[AntennaFinding] = []
        for antenna, zone in self._zone_of.items():
            if antenna in heard:
                self._fresh[antenna] = self._siblings[antenna] = 0
                continue
            self._fresh[antenna] += fresh
            self._siblings[antenna] += zones.get(zone, 0)
            enough = self._fresh[antenna] >= self.FRESH_READS or self._siblings[antenna] >= self.SIBLING_READS
            if enough and antenna not in self.silent:
                self.silent.add(antenna)
                found.append(AntennaFinding(antenna, "silent", t_s))
        self.silent_zones = frozenset(zone for zone in self._zone_of.values() if self._silent(zone))
        return found

    def _silent(self, zone: str) -> bool:
        """No antenna of the zone is heard, or none has been for a while that goods were near the door."""
        return all(
            antenna in self.silent or self._fresh[antenna] >= self.FRESH_READS // 2
            for antenna, its in self._zone_of.items()
            if its == zone
        )
