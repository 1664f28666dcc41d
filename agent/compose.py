"""The only place that builds the agent's objects and joins its threads."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from agent import VERSION
from agent.announce import Announcer
from agent.backing import back_of
from agent.capture.feed import Feed
from agent.capture.office import Office
from agent.capture.orders import lapse
from agent.capture.portals import PortalDesk, portal_of
from agent.capture.stations import SCREEN, Desk
from agent.capture.supervisor import Supervisor
from agent.capture.tagging import Range, Tagging
from agent.capture.tags import TagDesk
from agent.catalogue.start import open_at_start
from agent.clock import Clock, SystemClock
from agent.config import Config
from agent.control import Control
from agent.errors import EXIT_LEDGER, LedgerError
from agent.keeping import keeper_of, open_whole
from agent.ledger.checkpoints import Rule
from agent.ledger.log import Ledger, Limits, ticking
from agent.ledger.moment import Moments
from agent.ledger.reader import Reader
from agent.looking import Looking
from agent.notify import notify
from agent.observing import Observer, Sources
from agent.people import People
from agent.reporting import Reporter, Wire
from agent.selling import sales_files, till_desk
from agent.stationing import devices_of, epc_of, stations_of, zones_of
from agent.threads import hand_over_fast
from agent.training.desk import Practices
from agent.uplinking import Around, Uplink, uplink_of
from agent.verbs import Parts, verbs
from agent.web.access import Access as WebAccess
from agent.web.view import SCANNERS, View
from contract.times import Stamper
from contract.topics import Topics

ANSWERED_S_MAX = 5.0  # systemd gives an end 30 s


class Agent:
    """One store. `run` ends on SIGTERM or SIGINT, or with the exit code of what failed."""

    def __init__(self, config: Config, clock: Clock | None = None) -> None:
        """`clock` is another than the machine's: for who plays days in minutes, or lets it jump."""
        self._config = config
        self._clock = clock or SystemClock(trust_unsynchronised=config.store.clock_trusted)
        # Threads stamp times at the same moment: each gets a stamper of its own.
        self._announcer = Announcer(self._clock, self._new_stamper())
        self._stop = asyncio.Event()
        self._failure: BaseException | None = None
        folder = config.store.state_dir
        self._ledger = open_whole(config, self._clock, self._announcer.say, self._open_ledger)
        self._catalogue = open_at_start(folder, config.catalogue.file, self._clock.now().wall_us, self._announcer.say)
        self._keeper = keeper_of(config, self._clock, self._announcer.say, self._ledger, self._pruned)
        self._feed = Feed()
        self._stations = stations_of(config)
        self._device_stations = {one.name: one.station for one in config.device if one.station}
        self._people = People(folder, self._clock)
        self._screen_reader = Reader(folder)
        self._looking = Looking(self._screen_reader, self._catalogue)
        self._moments = Moments(folder, self._clock, self._new_stamper())
        self._office = Office(self._ledger, self._clock)
        self._tills = till_desk(config, self._catalogue, self._office)
        self._sales_files = sales_files(
            config, self._tills, self._office, self._clock, self._announcer.say, self._failed
        )
        self._tags = self._build_tags()
        self._portals = self._build_portals()
        self._practices = Practices(lambda: self._clock.now().wall_us, self._new_stamper())
        self._desk = self._build_desk()
        self._supervisor = self._build_supervisor()
        self._control = self._build_control()
        self._uplink = self._build_uplink() if config.uplink.enabled else None
        self._link = self._uplink.link if self._uplink is not None else None
        self._traffic = self._uplink.traffic if self._uplink is not None else None
        self._observer = self._build_observer()
        self._reporter = self._build_reporter()
        self._loop = asyncio.new_event_loop()  # last: what cannot be opened leaves no loop behind

    # -- building ---------------------------------------------------------------------------------------------------

    def _new_stamper(self) -> Stamper:
        return Stamper(ZoneInfo(self._config.store.time_zone))

    def _open_ledger(self) -> Ledger:
        return Ledger(
            self._config.store.state_dir,
            store=self._config.store.id,
            clock=self._clock,
            stamper=self._new_stamper(),
            limits=Limits(self._config.ledger.group_max, self._config.ledger.queue_max),
            reserve_bytes=self._config.ledger.reserve_mib << 20,
            rule=Rule(self._config.ledger.checkpoint_events, self._config.ledger.checkpoint_s),
            on_commit=self._committed,
            on_failure=self._failed,
        )

    def _build_tags(self) -> TagDesk:
        return TagDesk(
            stations=self._stations,
            device_stations=self._device_stations,
            items=self._catalogue,
            log=self._ledger,
            clock=self._clock,
            post=self._post,
            after=self._later,
            counted=self._screen_reader.counted,
            zones=zones_of(self._config),
        )

    def _build_portals(self) -> PortalDesk:
        return PortalDesk(
            [portal_of(section) for section in self._config.portal],
            items=self._catalogue,
            log=self._ledger,
            clock=self._clock,
            post=self._post,
            after=self._later,
            notice=lambda notice: self._supervisor.note(notice),  # noqa: PLW0108 - it is built after
        )

    def _build_control(self) -> Control:
        settings = self._config.tags
        serials = Range(settings.serial_first, settings.serial_last, settings.filter_value, settings.prefix_digits)
        tagging = Tagging(
            operate=self._supervisor.operate, write=self._ledger.write, clock=self._clock, serials=serials
        )
        kinds = {one.name: one.settings.kind for one in self._config.device}
        told = lambda: self._observer.told()  # noqa: E731, PLW0108 - it is built after
        rotate = lambda: self._ledger.write(self._ledger.rotation())  # noqa: E731
        parts = Parts(self._supervisor, tagging, kinds, self._clock, self._desk.scan, told, rotate)
        return Control(self._config.store.state_dir, verbs(parts))

    def _build_desk(self) -> Desk:
        return Desk(
            stations=self._stations,
            device_stations=self._device_stations,
            items=self._catalogue,
            log=self._ledger,
            clock=self._clock,
            post=self._post,
            show=self._feed.publish,
            tags=self._tags,
            portals=self._portals,
            templates=[one.template() for one in self._config.in_store],
            people=self._people.by_badge,
            epc_of=epc_of(self._config),
            after=self._later,
            practise=self._practices.scan,
        )

    def _build_supervisor(self) -> Supervisor:
        return Supervisor(
            devices_of(self._config, self._clock),
            handler=self._desk.handle,
            clock=self._clock.now,
            chance=self._clock.chance,
            on_change=lambda status: self._reporter.device_changed(status),  # noqa: PLW0108 - it is built after
            on_outage=self._announcer.outage,
            on_notice=self._announcer.notice,
            answered=self._answered,
        )

    def _build_uplink(self) -> Uplink:
        parts = self._ledger, self._catalogue, self._clock, self._new_stamper(), self._announcer.say
        return uplink_of(self._config, Around(*parts, restart=self._restart, failed=self._failed))

    def _build_observer(self) -> Observer:
        uplink = (self._link, self._traffic) if self._link is not None and self._traffic is not None else None
        parts = self._ledger, self._catalogue, self._looking, self._supervisor.statuses, self._counts, uplink
        return Observer(self._config, Sources(*parts, self._keeper.told), self._clock, self._new_stamper())

    def _build_reporter(self) -> Reporter:
        wire = None
        if self._uplink is not None:
            topics = Topics(self._config.store.id, self._config.uplink.prefix)
            wire = Wire(self._uplink.link, self._uplink.traffic, self._uplink.reader, self._new_stamper(), topics)
        return Reporter(
            self._observer,
            stamper=self._new_stamper(),
            ledger=self._ledger,
            kinds={one.name: one.settings.kind for one in self._config.device},
            interval_s=self._config.uplink.health_interval_s,
            wire=wire,
        )

    # -- what happens -----------------------------------------------------------------------------------------------

    def _committed(self, head: int, skus: set[str]) -> None:
        """In the writer's thread."""
        traffic, link = self._traffic, self._link
        if traffic is not None and link is not None:
            traffic.head_boxed[0] = head
            traffic.touched.extend(skus)
            link.wake()

    def _pruned(self, first: int) -> None:
        """In the keeper's thread."""
        if self._traffic is not None and self._link is not None:
            self._link.post(partial(self._traffic.pruned, first))

    def _post(self, call: Callable[[], None]) -> None:
        """Run `call` on the event loop."""
        self._loop.call_soon_threadsafe(call)

    def _later(self, seconds: float, call: Callable[[], None]) -> None:
        self._loop.call_later(seconds, call)

    def _failed(self, error: BaseException) -> None:
        """In any thread: the process ends, systemd starts it again."""
        self._failure = self._failure or error  # what fails next is most often its consequence
        self._announcer.say("failure", f"{type(error).__name__}: {error}", level=3)
        self._loop.call_soon_threadsafe(self._stop.set)

    async def _answered(self) -> None:
        """What was scanned until now has its answer. A ledger that is stuck or has ended is not waited for."""
        with suppress(LedgerError, TimeoutError):
            await asyncio.wait_for(self._ledger.write(lambda _tx: None), ANSWERED_S_MAX)

    def _restart(self, device: str) -> bool:
        known = any(one.name == device for one in self._config.device)
        if known:
            self._loop.call_soon_threadsafe(self._supervisor.restart, device)
        return known

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
        sessions = self._screen_reader.sessions()
        for station, session in sessions.items():
            self._tags.session(station, session)
        self._desk.resume(sessions)
        self._portals.start()
        if self._sales_files is not None:
            self._sales_files.start()
        await self._control.start()
        server = await self._serve()
        lapsing, signing = lapse(self._office, self._announcer.say), ticking(self._ledger, self._announcer.say)
        tasks = [asyncio.create_task(one) for one in (self._supervise(), self._reporter.run(), lapsing, signing)]
        notify(f"READY=1\nSTATUS=store {self._config.store.id}, release {VERSION}")
        self._announcer.say("agent", f"store {self._config.store.id} is open, {self._ledger.head} events in the log")
        self._keeper.start()
        await self._stop.wait()
        notify("STOPPING=1")
        await self._control.stop()
        self._supervisor.stop()
        await tasks[0]
        for task in tasks[1:]:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        if server is not None:
            await server.stop()

    async def _serve(self) -> Any:
        settings = self._config.web
        if not settings.enabled:
            return None
        from agent.web.app import build  # noqa: PLC0415  memory: a store without screens does not load them
        from agent.web.server import Tls, WebServer  # noqa: PLC0415  same

        files = Tls(settings.cert_file, settings.key_file) if settings.cert_file and settings.key_file else None
        server = WebServer(build(self._view()), settings.host, settings.port, files)
        host, port = await server.start()
        self._announcer.say("screens", f"{'https' if files else 'http'}://{host}:{port}/")
        return server

    async def _supervise(self) -> None:
        try:
            await self._supervisor.run()
        except ExceptionGroup as group:
            self._failed(group.exceptions[0])
        except Exception as error:  # noqa: BLE001  a bug of the supervisor itself: no device would be looked after
            self._failed(error)

    def _counts(self) -> dict[str, int]:
        tags = self._tags
        counts = {"tag_reads": tags.reads, "tags_not_written": tags.not_written}
        counts |= {"unread_passages": tags.unread_passages, **asdict(self._portals.counts)}
        return {**asdict(self._desk.tally), **counts}

    def _view(self) -> View:
        looking, uplink = self._looking, (self._link, self._traffic)
        return View(
            store=self._config.store.id,
            language=self._config.store.language,
            version=VERSION,
            stations=tuple(self._desk.stations.values()),
            feed=self._feed,
            devices=self._supervisor.statuses,
            sync=self._observer.sync,
            stock=looking.stock,
            exceptions=looking.exceptions,
            expected=looking.expected,
            count=self._tags.shown,
            find=self._tags.find,
            readers={one.name: one.station or "" for one in self._config.device if one.settings.kind not in SCANNERS},
            item=self._catalogue.item,
            health=self._counts,
            metrics=self._observer.metrics,
            scan=partial(self._desk.scan, device=SCREEN),
            back=back_of(self._config, self._moments, self._office, self._catalogue, self._tills, self._clock, uplink),
            access=WebAccess(
                self._people,
                self._clock,
                open_screens=self._config.web.open_screens,
                tls=self._config.web.cert_file is not None,
            ),
            sessions=looking.sessions,
            practices=self._practices,
            time_zone=ZoneInfo(self._config.store.time_zone),
        )

    def _close(self) -> None:
        """Nothing is half done: the writer ends last, after everything that hands it work."""
        if self._link is not None:
            self._link.stop()
        if self._sales_files is not None:
            self._sales_files.stop()
        self._screen_reader.close()  # before the writer, whose last close takes the write-ahead log in
        if self._uplink is not None:
            self._uplink.close_readers()
        self._keeper.stop()
        self._moments.close()
        self._ledger.close()
        if self._link is not None:
            self._link.close()
        self._catalogue.close()
        self._people.close()
        self._loop.close()


def run(config: Config, clock: Clock | None = None) -> int:
    return Agent(config, clock).run()
