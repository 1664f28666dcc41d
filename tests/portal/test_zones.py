"""Zones without a door: hysteresis, departure, and accuracy under overlapping fields."""

from __future__ import annotations

import math
import random

from agent.capture.zones import ZoneChange, Zones, ZoneSettings

SHOP = ZoneSettings({1: "front", 2: "middle", 3: "back"})
PLACES_M = {1: 0.0, 2: 6.0, 3: 12.0}


def test_a_new_tag_is_put_after_a_while() -> None:
    zones = Zones(SHOP)
    assert zones.read(0.0, "AA", 1, -60.0) == []
    assert zones.where("AA") is None
    assert zones.read(3.0, "AA", 1, -60.0) == [ZoneChange("AA", None, "front", 3.0)]
    assert zones.where("AA") == "front"


def test_one_strong_stray_read_moves_nothing() -> None:
    zones = Zones(SHOP)
    for n in range(20):
        zones.read(n * 1.0, "AA", 1, -60.0)
    assert zones.read(20.0, "AA", 2, -58.0) == []
    assert zones.where("AA") == "front"


def test_a_tag_that_moves_is_followed() -> None:
    zones = Zones(SHOP)
    for n in range(20):
        zones.read(n * 1.0, "AA", 1, -60.0)
    changes = [change for n in range(30) for change in zones.read(20.0 + n, "AA", 3, -60.0)]
    assert [(one.origin, one.target) for one in changes] == [("front", "back")]
    assert changes[0].t_s < 40.0


def test_a_tag_departs() -> None:
    zones = Zones(SHOP)
    zones.read(0.0, "AA", 1, -60.0)
    zones.read(3.0, "AA", 1, -60.0)
    assert zones.tick(100.0) == []
    assert zones.tick(124.0) == [ZoneChange("AA", "front", None, 3.0)]
    assert zones.where("AA") is None


def test_tags_are_bounded() -> None:
    zones = Zones(SHOP._replace(tags_max=10))
    for n in range(100):
        zones.read(n * 0.1, f"{n:04}", 1, -60.0)
    assert sum(zones.where(f"{n:04}") is not None or n >= 90 for n in range(100)) == 10


def level(x_m: float, antenna: int) -> float:
    return -52.7 - 21.6 * math.log10(math.hypot(x_m - PLACES_M[antenna], 1.5))


def test_accuracy_under_overlapping_fields() -> None:
    """200 tags on shelves under three readers 6 m apart: -52.7 - 21.6 log10 d with 3.8 dB of scatter (measured), part
    of it fixed for a tag and an antenna, part from read to read.

    A tag that one zone hears 3 dB better than the others, the margin, is there (98 %). Of all tags 87 % are under the
    nearest reader, for fixed fading puts some under the next. Few may wander to and fro.
    """
    dice = random.Random(5)
    zones, moves = Zones(SHOP), 0
    places = {f"{n:04}": dice.uniform(-2.0, 14.0) for n in range(200)}
    fading = {(epc, antenna): dice.gauss(0, 2.5) for epc in places for antenna in PLACES_M}
    for tenth in range(1200):
        for epc in dice.sample(sorted(places), 20):
            for antenna in PLACES_M:
                rssi = level(places[epc], antenna) + fading[epc, antenna] + dice.gauss(0, 2.9)
                if rssi > -72.0:
                    changes = zones.read(tenth / 10, epc, antenna, rssi)
                    moves += sum(one.origin is not None and one.target is not None for one in changes)
    clear: dict[str, int] = {}
    for epc, x_m in places.items():
        second, first = sorted((level(x_m, antenna) + fading[epc, antenna], antenna) for antenna in PLACES_M)[1:]
        if first[0] - second[0] > SHOP.margin_db:
            clear[epc] = first[1]
    nearest = {epc: min(PLACES_M, key=lambda antenna: abs(PLACES_M[antenna] - places[epc])) for epc in places}
    found = {epc: zones.where(epc) for epc in places}
    assert sum(found[epc] == SHOP.zone_of[antenna] for epc, antenna in clear.items()) >= 0.98 * len(clear)
    assert sum(found[epc] == SHOP.zone_of[nearest[epc]] for epc in places) >= 0.87 * len(places)
    assert moves <= 20
