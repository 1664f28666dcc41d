"""Levels of what is gone: a retained value that nobody clears would stay for ever."""

from __future__ import annotations

from agent.uplink.plane import moved
from tests.agent.uplink.test_traffic import Rig, levels_of, rig

__all__ = ["rig"]


def test_a_sku_that_goes_before_or_while_all_levels_are_due_is_cleared(rig: Rig) -> None:
    """The sweep goes over stock: it does not meet what is no longer there."""
    for sku in ("A", "Y", "Z"):
        rig.stock(sku, 1)
    rig.connect()
    rig.work()
    rig.traffic.disconnected()
    rig.stock("Y", 1, "backroom", "customer")
    rig.line.sent.clear()
    rig.connect()
    rig.stock("Z", 1, "backroom", "customer")
    rig.work(20)
    assert {sku: level is not None for sku, level in levels_of(rig).items()} == {"A": True, "Y": False, "Z": False}


def test_what_a_log_moved_is_known_by_its_events(rig: Rig) -> None:
    rig.stock("A", 1)
    rig.stock("A", 1, "backroom", "customer")
    rig.stock("B", 1)
    assert moved(rig.reader.events(1, 100)) == {"A", "B"}
    assert moved(rig.reader.events(4, 100)) == {"B"}
