"""What the agent knows of itself: one look for head office, the metrics page and `jaego doctor`."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from agent import VERSION
from agent.capture.supervisor import DeviceStatus
from agent.catalogue import Catalogue
from agent.catalogue.errors import CatalogueError
from agent.certificates import Certificates, renewal_failure
from agent.clock import Clock
from agent.config import Config
from agent.errors import LedgerError
from agent.health import health
from agent.ledger.log import Ledger
from agent.ledger.reader import Reader
from agent.looking import Looking
from agent.metrics import Seen, exposition
from agent.uplink.engine import Engine
from agent.uplink.link import Link
from agent.uplink.traffic import StoreTraffic
from agent.web.view import Sync
from contract.messages import Health
from contract.times import Stamper

WRITE_S_MAX = 3.0
PAGE_BYTES = os.sysconf("SC_PAGESIZE")


@dataclass(frozen=True, slots=True)
class Glance:
    """What belongs to the event loop, taken there."""

    devices: list[DeviceStatus]
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Sources:
    """`devices` and `counts` are for the event loop. `uplink` is empty where there is none."""

    ledger: Ledger
    catalogue: Catalogue
    looking: Looking
    devices: Callable[[], list[DeviceStatus]]
    counts: Callable[[], Mapping[str, int]]
    uplink: tuple[Link, StoreTraffic] | None
    kept: Callable[[Stamper], dict[str, Any]] = lambda _stamper: {}  # of snapshots and checks: ledger/keeper.py


class Observer:
    def __init__(self, config: Config, sources: Sources, clock: Clock, stamper: Stamper) -> None:
        self._folder, self._store = config.store.state_dir, config.store.id
        self._sources = sources
        self._clock = clock
        self._stamper = stamper
        self._files = certificate_files(config)
        self._certificates = Certificates(self._files)
        self._sent_certificates = Certificates(self._files)  # the uplink's thread has its own
        self._started_ns = clock.now().monotonic_ns

    @property
    def engine(self) -> Engine:
        """The uplink's; a store without one has nobody who waits."""
        uplink, ledger = self._sources.uplink, self._sources.ledger
        return uplink[1].engine if uplink is not None else Engine(ledger.log, ledger.head, {})

    def glance(self) -> Glance:
        """On the event loop."""
        return Glance(self._sources.devices(), self._sources.counts())

    def report(self, glance: Glance, reader: Reader, stamper: Stamper) -> Health:
        """The `health` message, in the uplink's thread with its reader and stamper."""
        found = self._health(glance, reader, stamper, self._sent_certificates)
        return found.model_copy(update={"commit_us_max": self._sources.ledger.latency.take_slowest_us()})

    def sync(self) -> Sync:
        """How far head office is, for the screens."""
        sources = self._sources
        waiting, oldest_s = sources.looking.waiting(self.engine, self._clock.now().wall_us)
        halted = sources.uplink is not None and sources.uplink[1].lineage.halted
        return Sync(self._connected, sources.ledger.head, waiting, oldest_s, self._clock.state(), halted)

    async def metrics(self) -> str:
        return exposition(await self.seen(), self._store, VERSION)

    async def told(self) -> dict[str, Any]:
        """The `health` message for the tools, and: is there a connection, does the disk take writes, how fast."""
        seen, latency = await self.seen(), self._sources.ledger.latency
        slow_ms = latency.within_ms(0.99)
        found = seen.health.model_dump(mode="json", exclude_none=True)
        commits = {} if slow_ms is None else {"commit_ms_p99": slow_ms}
        return {**found, **commits, "connected": seen.connected, "writes": await self._writes()}

    async def _writes(self) -> bool:
        """Whether the writer takes a job that changes nothing."""
        try:
            await asyncio.wait_for(self._sources.ledger.write(lambda _tx: None), WRITE_S_MAX)
        except (TimeoutError, LedgerError):
            return False
        return True

    async def seen(self) -> Seen:
        """For who asks here: on the event loop; the ledger is read in another thread."""
        glance, sources = self.glance(), self._sources

        def look(reader: Reader) -> Health:
            return self._health(glance, reader, self._stamper, self._certificates)

        found = await asyncio.to_thread(sources.looking.ask, look)
        latency = sources.ledger.latency
        # As of the moment of the health: the connection may have come or gone since.
        connected = found.broker_up_s is not None
        return Seen(found, glance.devices, tuple(latency.counts), latency.sum_ns, connected)

    @property
    def _connected(self) -> bool:
        return self._sources.uplink is not None and self._sources.uplink[0].up

    def _health(self, glance: Glance, reader: Reader, stamper: Stamper, certificates: Certificates) -> Health:
        return health(
            self._folder,
            reader=reader,
            engine=self.engine,
            devices=glance.devices,
            counters={**glance.counts, **self._counters(glance.devices)},
            clock=self._clock.state(),
            now=self._clock.now(),
            started_ns=self._started_ns,
            stamper=stamper,
            more=self._more(stamper, certificates.ends_s()),
        )

    def _counters(self, devices: list[DeviceStatus]) -> dict[str, int]:
        found = {
            "commits": self._sources.ledger.commits,
            "device_overflows": sum(one.overflows for one in devices),
            "device_bugs": sum(one.bugs for one in devices),
        }
        if self._sources.uplink is not None:
            link, traffic = self._sources.uplink
            found |= {**asdict(traffic.counts), "connects": link.connects, "inbound_dropped": link.dropped_inbound}
        return found

    def _more(self, stamper: Stamper, ends_s: dict[str, int]) -> dict[str, Any]:
        accepted = self._sources.uplink[0].accepted if self._sources.uplink is not None else None
        found: dict[str, Any] = {
            "waiting": self._sources.ledger.waiting,
            **process(),
            **self._sources.kept(stamper),
        }
        if accepted is not None:
            found["broker_up_s"] = max(0, int(self._clock.now().monotonic_ns / 1e9 - accepted.since_s))
            if accepted.certificate_ends_s is not None:
                ends_s["broker"] = accepted.certificate_ends_s
        if "store" in self._files and (why := renewal_failure(self._folder)) is not None:
            found["renewal_failure"] = why
        if ends_s:
            found["certificates"] = {name: stamper.text(at_s * 1_000_000) for name, at_s in ends_s.items()}
        with suppress(CatalogueError):  # who looks up codes says so, with a hint
            found["catalogue_revision"] = self._sources.catalogue.revision()
            found["catalogue_items"] = self._sources.catalogue.count()
        return found


def process() -> dict[str, int]:
    """Memory and open files of this process (proc(5)); nothing where /proc is not there."""
    with suppress(OSError):
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
        return {"memory_bytes": pages * PAGE_BYTES, "open_files": sum(1 for _ in Path("/proc/self/fd").iterdir())}
    return {}


def certificate_files(config: Config) -> dict[str, Path]:
    """This store's own certificate at the broker and that of its screens, where they have one."""
    found = {"store": config.uplink.cert_file, "screens": config.web.cert_file}
    return {name: path for name, path in found.items() if path is not None}
