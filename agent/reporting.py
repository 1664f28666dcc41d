"""What the agent says of itself while it runs: health and devices to head office, a sign of life to systemd."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from agent.capture.supervisor import DeviceStatus
from agent.clock import Clock
from agent.errors import LedgerBusy
from agent.health import device_state, health
from agent.ledger.log import Ledger
from agent.ledger.reader import Reader
from agent.notify import notify, watchdog_s
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
    """On the event loop. `counts` are the agent's own, `kinds` the devices' by name."""

    def __init__(
        self,
        folder: Path,
        *,
        clock: Clock,
        stamper: Stamper,
        ledger: Ledger,
        devices: Callable[[], list[DeviceStatus]],
        kinds: Mapping[str, str],
        counts: Callable[[], dict[str, int]],
        interval_s: float,
        wire: Wire | None,
    ) -> None:
        self._folder = folder
        self._clock = clock
        self._stamper = stamper
        self._ledger = ledger
        self._devices = devices
        self._kinds = kinds
        self._counts = counts
        self._interval_s = min(interval_s, watchdog_s() or 3600.0)
        self._wire = wire
        self._started_ns = clock.now().monotonic_ns
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
        devices, counts = self._devices(), self._counts()
        wire.link.post(lambda: wire.traffic.put(wire.topics.health(), self._health(wire, devices, counts).encode()))

    def _health(self, wire: Wire, devices: list[DeviceStatus], counts: dict[str, int]) -> str:
        """In the link's thread, with its reader."""
        counters = {
            **counts,
            **asdict(wire.traffic.counts),
            "connects": wire.link.connects,
            "inbound_dropped": wire.link.dropped_inbound,
            "device_overflows": sum(one.overflows for one in devices),
            "device_bugs": sum(one.bugs for one in devices),
        }
        now = self._clock.now()
        return health(
            self._folder,
            reader=wire.reader,
            engine=wire.traffic.engine,
            devices=devices,
            counters=counters,
            clock=self._clock.state(),
            now_us=now.wall_us,
            uptime_s=(now.monotonic_ns - self._started_ns) // 1_000_000_000,
            stamper=wire.stamper,
        ).model_dump_json(exclude_none=True)
