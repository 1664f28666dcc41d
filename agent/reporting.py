"""What the agent says of itself while it runs: health and devices to head office, a sign of life to systemd."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from agent.capture.supervisor import DeviceStatus
from agent.errors import LedgerBusy
from agent.health import device_state
from agent.ledger.log import Ledger
from agent.ledger.reader import Reader
from agent.notify import notify, watchdog_s
from agent.observing import Observer
from agent.uplink.link import Link
from agent.uplink.traffic import StoreTraffic
from contract.times import Stamper
from contract.topics import Topics

CHANGE_DELAY_S = 0.25


@dataclass(frozen=True, slots=True)
class Wire:
    """The uplink, where there is one; `reader` and `stamper` are its thread's own."""

    link: Link
    traffic: StoreTraffic
    reader: Reader
    stamper: Stamper
    topics: Topics


class Reporter:
    """On the event loop. `kinds` are the devices' by name."""

    def __init__(
        self,
        observer: Observer,
        *,
        stamper: Stamper,
        ledger: Ledger,
        kinds: Mapping[str, str],
        interval_s: float,
        wire: Wire | None,
    ) -> None:
        self._observer = observer
        self._stamper = stamper
        self._ledger = ledger
        self._kinds = kinds
        self._interval_s = min(interval_s, watchdog_s() or 3600.0)
        self._wire = wire
        self._changed = asyncio.Event()

    def device_changed(self, status: DeviceStatus) -> None:
        wire = self._wire
        if wire is not None:
            topic = wire.topics.device(status.device)
            state = device_state(status, self._kinds[status.device], self._stamper)
            payload = state.model_dump_json(exclude_none=True).encode()
            wire.link.post(lambda: wire.traffic.put(topic, payload))
        self._changed.set()

    async def run(self) -> None:
        """Health on change and at its interval, and a sign of life from the loop and the writer."""
        while True:
            if self._wire is not None:
                self._publish(self._wire)
            with suppress(LedgerBusy):  # no sign of life, then: the watchdog is there for that
                self._ledger.submit(lambda _tx: None, lambda _result, _error: notify("WATCHDOG=1"))
            try:
                await asyncio.wait_for(self._changed.wait(), self._interval_s)
            except TimeoutError:
                continue
            await asyncio.sleep(CHANGE_DELAY_S)  # several devices change together
            self._changed.clear()

    def _publish(self, wire: Wire) -> None:
        glance = self._observer.glance()

        def put() -> None:
            found = self._observer.report(glance, wire.reader, wire.stamper)
            wire.traffic.put(wire.topics.health(), found.model_dump_json(exclude_none=True).encode())

        wire.link.post(put)
