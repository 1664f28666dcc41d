"""The only place that builds the agent's objects and joins its threads."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from agent import VERSION
from agent.announce import Announcer
from agent.capture.feed import Feed
from agent.capture.stations import Desk
from agent.capture.supervisor import Device, DeviceStatus, Outage, Supervisor
from agent.catalogue import Catalogue, CatalogueCorrupt, CatalogueFileError, import_file
from agent.catalogue.store import set_aside
from agent.clock import Clock, SystemClock
from agent.config import Config, DeviceSection, UplinkSection
from agent.errors import EXIT_LEDGER, LedgerBusy, LedgerUnusable
from agent.health import device_state, health, outbox
from agent.ledger.log import Ledger, Limits
from agent.ledger.reader import Reader
from agent.notify import notify, watchdog_s
from agent.operations.values import Station
from agent.threads import hand_over_fast
from agent.uplink.engine import Engine, EngineSettings
from agent.uplink.link import Access, Link
from agent.uplink.plane import StatePlane
from agent.uplink.traffic import Outside, Store, StoreTraffic
from agent.web.view import Sync, View
from contract.ids import uuid7
from contract.stock import StockRow
from contract.times import Stamper
from contract.topics import Topics
from drivers import registry

DIRTY_LEVELS_MAX = 50_000
CHANGE_DELAY_S = 0.25


class Agent:
    """One store. `run` ends on SIGTERM or SIGINT, or with the exit code of what failed."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._clock: Clock = SystemClock(trust_unsynchronised=config.store.clock_trusted)
        # Threads stamp times at the same moment: each gets a stamper of its own.
        self._announcer = Announcer(self._clock, self._new_stamper())
        self._loop_stamper, self._link_stamper = self._new_stamper(), self._new_stamper()
        self._stop = asyncio.Event()
        self._failure: BaseException | None = None
        self._started_ns = self._clock.now().monotonic_ns
        folder = config.store.state_dir
        self._catalogue = self._open_catalogue()
        self._ledger = Ledger(
            folder,
            store=config.store.id,
            clock=self._clock,
            stamper=self._new_stamper(),
            limits=Limits(config.ledger.group_max, config.ledger.queue_max),
            on_commit=self._committed,
            on_failure=self._failed,
        )
        self._feed = Feed()
        self._desk = self._build_desk()
        self._supervisor = self._build_supervisor()
        self._screen_reader = Reader(folder)
        self._link: Link | None = None
        self._traffic: StoreTraffic | None = None
        self._uplink_reader: Reader | None = None
        if config.uplink.enabled:
            self._build_uplink(config.uplink)
        self._changed = asyncio.Event()
        self._loop = asyncio.new_event_loop()  # last: what cannot be opened leaves no loop behind

    # -- building ---------------------------------------------------------------------------------------------------

    def _new_stamper(self) -> Stamper:
        return Stamper(ZoneInfo(self._config.store.time_zone))

    def _open_catalogue(self) -> Catalogue:
        folder, source = self._config.store.state_dir, self._config.catalogue.file
        if not folder.is_dir():
            raise LedgerUnusable(f"there is no folder {folder}", hint="create it, owned by the agent's user")
        path = folder / "catalogue.db"
        young = not path.exists()
        try:
            catalogue = Catalogue(path)
        except CatalogueCorrupt as error:
            aside = set_aside(path, f"damaged-{self._clock.now().wall_us // 1_000_000}")
            self._announcer.say("catalogue", f"{error}; it is set aside as {aside.name}, items come anew", level=3)
            catalogue, young = Catalogue(path), True
        if source is None:
            return catalogue
        try:
            if young or not source.exists() or source.stat().st_mtime > path.stat().st_mtime:
                self._import(catalogue, source)
                os.utime(path)
        except CatalogueFileError as error:  # the store opens all the same, with the items it has
            self._announcer.say("catalogue", str(error), hint=error.hint, level=3)
        return catalogue

    def _import(self, catalogue: Catalogue, source: Path) -> None:
        report = import_file(catalogue, source)
        self._announcer.say("catalogue", f"{source.name}: {report.read} items read, {report.refused} refused")
        for refusal in report.refusals[:10]:
            self._announcer.say(f"catalogue line {refusal.line}", f"{refusal.column}: {refusal.text}", level=4)

    def _build_desk(self) -> Desk:
        config = self._config
        zones = frozenset(config.store.zones)
        stations = {
            one.name: Station(one.name, one.mode, one.zone, one.language or config.store.language, zones)
            for one in config.station
        }
        return Desk(
            stations=stations,
            device_stations={one.name: one.station for one in config.device if one.station},
            items=self._catalogue,
            log=self._ledger,
            clock=self._clock,
            post=self._post,
            show=self._feed.publish,
            templates=[one.template() for one in config.in_store],
        )

    def _build_supervisor(self) -> Supervisor:
        def device(section: DeviceSection) -> Device:
            make = registry.factory(section.name, section.settings, self._clock.now)
            return Device(section.name, make, registry.watched(section.settings))

        return Supervisor(
            [device(section) for section in self._config.device],
            handler=self._desk.handle,
            clock=self._clock.now,
            chance=self._clock.chance,
            on_change=self._device_changed,
            on_outage=self._outage,
        )

    def _build_uplink(self, settings: UplinkSection) -> None:
        config, ledger = self._config, self._ledger
        self._uplink_reader = reader = Reader(config.store.state_dir)
        held = reader.positions()
        positions = {name: held.get(name, 0) for name in settings.consumers}
        limits = EngineSettings(
            settings.window_messages, settings.ahead_messages_max, ack_timeout_s=settings.ack_timeout_s
        )
        engine = Engine(ledger.log, ledger.head, positions, limits)
        now_ms = self._clock.now().wall_us // 1000

        def post(call: Callable[[], None]) -> None:
            link.post(call)

        self._traffic = traffic = StoreTraffic(
            Store(config.store.id, ledger.log, uuid7(now_ms, self._clock.entropy(10)), VERSION, settings.prefix),
            engine=engine,
            plane=StatePlane(levels_per_s_max=settings.levels_per_s_max, dirty_max=DIRTY_LEVELS_MAX),
            reader=reader,
            clock=self._clock,
            stamper=self._new_stamper(),
            levels=settings.levels,
            outside=Outside(
                submit=ledger.submit,
                post=post,
                restart=self._restart,
                say=self._announcer.say,
                items=self._catalogue if config.catalogue.topic else None,
            ),
        )
        access, say = Access.of(settings, config.store.id), self._announcer.say
        self._link = link = Link(access, traffic, clock=self._clock, say=say, on_failure=self._failed)

    # -- what happens -----------------------------------------------------------------------------------------------

    def _committed(self, head: int, skus: set[str]) -> None:
        """In the writer's thread."""
        traffic, link = self._traffic, self._link
        if traffic is not None and link is not None:
            traffic.head_boxed[0] = head
            traffic.touched.extend(skus)
            link.wake()

    def _post(self, call: Callable[[], None]) -> None:
        """Run `call` on the event loop."""
        self._loop.call_soon_threadsafe(call)

    def _failed(self, error: BaseException) -> None:
        """In any thread: the process ends, systemd starts it again."""
        self._failure = self._failure or error  # what fails next is most often its consequence
        self._announcer.say("failure", f"{type(error).__name__}: {error}", level=3)
        self._loop.call_soon_threadsafe(self._stop.set)

    def _restart(self, device: str) -> bool:
        known = any(one.name == device for one in self._config.device)
        if known:
            self._loop.call_soon_threadsafe(self._supervisor.restart, device)
        return known

    def _outage(self, outage: Outage) -> None:
        if outage.began:
            self._announcer.say(outage.device, outage.message, hint=outage.hint, level=4)
        else:
            self._announcer.say(outage.device, f"up again after {outage.down_for_s or 0:.1f} s")

    def _device_changed(self, status: DeviceStatus) -> None:
        traffic, link = self._traffic, self._link
        if traffic is not None and link is not None:
            kind = next(one.settings.kind for one in self._config.device if one.name == status.device)
            topic = Topics(self._config.store.id, self._config.uplink.prefix).device(status.device)
            payload = device_state(status, kind, self._loop_stamper).model_dump_json(exclude_none=True).encode()
            link.post(lambda: traffic.put(topic, payload))
        self._changed.set()

    # -- running ----------------------------------------------------------------------------------------------------

    def run(self) -> int:
        hand_over_fast()
        asyncio.set_event_loop(self._loop)
        for number in (signal.SIGTERM, signal.SIGINT):
            self._loop.add_signal_handler(number, self._stop.set)
        try:
            self._loop.run_until_complete(self._main())
        finally:
            self._close()
        if self._failure is None:
            return 0
        return EXIT_LEDGER if self._ledger.failure is self._failure else 1

    async def _main(self) -> None:
        self._ledger.start()
        if self._link is not None:
            self._link.start()
        server = await self._serve()
        tasks = [asyncio.create_task(self._supervise()), asyncio.create_task(self._report())]
        notify("READY=1")
        self._announcer.say("agent", f"store {self._config.store.id} is open, {self._ledger.head} events in the log")
        await self._stop.wait()
        notify("STOPPING=1")
        self._supervisor.stop()
        await tasks[0]
        tasks[1].cancel()
        with suppress(asyncio.CancelledError):
            await tasks[1]
        if server is not None:
            await server.stop()

    async def _serve(self) -> Any:
        settings = self._config.web
        if not settings.enabled:
            return None
        from agent.web.app import build  # noqa: PLC0415  memory: a store without screens does not load them
        from agent.web.server import WebServer  # noqa: PLC0415  same

        server = WebServer(build(self._view()), settings.host, settings.port)
        host, port = await server.start()
        self._announcer.say("screens", f"http://{host}:{port}/")
        return server

    async def _supervise(self) -> None:
        try:
            await self._supervisor.run()
        except ExceptionGroup as group:
            self._failed(group.exceptions[0])
        except Exception as error:  # noqa: BLE001  a bug of the supervisor itself: no device would be looked after
            self._failed(error)

    async def _report(self) -> None:
        """Health on change and at its interval, and a sign of life for systemd from the loop and the writer."""
        interval_s = min(self._config.uplink.health_interval_s, watchdog_s() or 3600.0)
        while True:
            self._publish_health()
            with suppress(LedgerBusy):  # no sign of life, then: the watchdog is there for that
                self._ledger.submit(lambda _tx: None, lambda _result, _error: notify("WATCHDOG=1"))
            try:
                await asyncio.wait_for(self._changed.wait(), interval_s)
            except TimeoutError:
                continue
            await asyncio.sleep(CHANGE_DELAY_S)  # several devices change together
            self._changed.clear()

    def _publish_health(self) -> None:
        traffic, link = self._traffic, self._link
        if traffic is None or link is None:
            return
        devices = self._supervisor.statuses()
        topic = Topics(self._config.store.id, self._config.uplink.prefix).health()

        def publish() -> None:
            traffic.put(topic, self._health(devices).encode())

        link.post(publish)

    def _health(self, devices: list[DeviceStatus]) -> str:
        """In the link's thread, with its reader."""
        traffic, link, reader = self._traffic, self._link, self._uplink_reader
        assert traffic is not None
        assert link is not None
        assert reader is not None
        counters = {
            **asdict(self._desk.tally),
            **asdict(traffic.counts),
            "connects": link.connects,
            "inbound_dropped": link.dropped_inbound,
            "device_overflows": sum(one.overflows for one in devices),
            "device_bugs": sum(one.bugs for one in devices),
        }
        now = self._clock.now()
        return health(
            self._config.store.state_dir,
            reader=reader,
            engine=traffic.engine,
            devices=devices,
            counters=counters,
            clock=self._clock.state(),
            now_us=now.wall_us,
            uptime_s=(now.monotonic_ns - self._started_ns) // 1_000_000_000,
            stamper=self._link_stamper,
        ).model_dump_json(exclude_none=True)

    def _view(self) -> View:
        reader, lock = self._screen_reader, threading.Lock()

        def sync() -> Sync:
            engine = self._traffic.engine if self._traffic else Engine(self._ledger.log, self._ledger.head, {})
            with lock:
                waiting, oldest_s = outbox(reader, engine, self._clock.now().wall_us)
            connected = self._link is not None and self._link.up
            return Sync(connected, self._ledger.head, waiting, oldest_s, self._clock.state())

        def stock(sku: str | None, zone: str | None) -> list[StockRow]:
            with lock:
                return reader.stock(sku, zone)

        def exceptions(limit: int) -> list[dict[str, Any]]:
            with lock:
                return reader.newest(limit, "exception")

        return View(
            store=self._config.store.id,
            language=self._config.store.language,
            version=VERSION,
            stations=tuple(self._desk.stations.values()),
            feed=self._feed,
            devices=self._supervisor.statuses,
            sync=sync,
            stock=stock,
            exceptions=exceptions,
            item=self._catalogue.item,
            health=lambda: asdict(self._desk.tally),
            time_zone=ZoneInfo(self._config.store.time_zone),
        )

    def _close(self) -> None:
        """Nothing is half done: the writer ends last, after everything that hands it work."""
        if self._link is not None:
            self._link.stop()
        for reader in (self._screen_reader, self._uplink_reader):
            if reader is not None:
                reader.close()  # before the writer, whose last close takes the write-ahead log in
        self._ledger.close()
        if self._link is not None:
            self._link.close()
        self._catalogue.close()
        self._loop.close()


def run(config: Config) -> int:
    return Agent(config).run()
