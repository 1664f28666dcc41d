"""The retained levels of one store, heard for as long as its check lasts: 20,000 messages, then nothing.

A broker that hands no retained messages to a wildcard gives none, and a store may be set to publish changes only or
nothing: then there is nothing to compare, which the check says.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from pydantic import ValidationError

from contract.messages import Level
from headoffice.clock import Clock
from headoffice.mqtt import Broker, Connected, Shell

LISTEN_S_MAX = 30.0
QUIET_S = 2.0
LEVELS_MAX = 100_000
TAKE_MAX = 2_000


class Levels:
    """`heard` is None until it has been quiet for a while, or long enough."""

    def __init__(self, broker: Broker, store: str, *, prefix: str, clock: Clock, say: Callable[[str], None]) -> None:
        named = replace(broker, client_id=f"{broker.client_id}-{clock.entropy(6).hex()}", keep_session=False)
        self._clock = clock
        self._end_s = clock.now_s() + LISTEN_S_MAX
        self._quiet_s = self._end_s
        self._found: dict[str, Level] = {}
        self._shell = Shell(named, [f"{prefix}/{store}/level/+"], say, clock.chance)
        self._shell.open()

    def heard(self) -> list[Level] | None:
        items = self._shell.take(TAKE_MAX, 0.0)
        now_s = self._clock.now_s()
        for item in items:
            if not isinstance(item, Connected):
                self._level(item.topic.rpartition("/")[2], bytes(item.payload))
        if items:
            self._quiet_s = now_s + QUIET_S
        if now_s < min(self._end_s, self._quiet_s) and len(self._found) < LEVELS_MAX:
            return None
        return list(self._found.values())

    def _level(self, sku: str, payload: bytes) -> None:
        self._found.pop(sku, None)
        try:
            level = Level.model_validate_json(payload) if payload else None  # empty: the SKU is gone
        except ValidationError:
            return
        if level is not None and level.sku == sku:
            self._found[sku] = level

    def close(self) -> None:
        self._shell.close()
