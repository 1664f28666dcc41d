"""The store's PC: `agent/compose.py` over a simulated clock, disk, link and devices. It can be cut at any moment."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, NamedTuple
from zoneinfo import ZoneInfo

from agent.capture.office import Office
from agent.capture.portals import Portal, PortalDesk
from agent.capture.stations import Desk, Entry
from agent.capture.tags import TagDesk
from agent.capture.tills import TillDesk
from agent.catalogue import Catalogue
from agent.errors import LedgerError
from agent.ledger.checkpoints import Rule
from agent.ledger.guard import Reserve
from agent.ledger.log import Ledger, Limits
from agent.ledger.moment import Moments
from agent.ledger.pruning import Pruner, Retention
from agent.ledger.reader import Reader
from agent.operations.reservations import Orders
from agent.operations.rules import Rules
from agent.operations.sales import Tills
from agent.operations.values import Clerk, Station
from agent.uplink.engine import PREFETCH_EVENTS, Engine, EngineSettings
from agent.uplink.lineage import LISTENS_S
from agent.uplink.plane import StatePlane
from agent.uplink.traffic import Outside, Store, StoreTraffic
from contract.ids import uuid7
from contract.messages import Health
from contract.times import Stamper
from contract.topics import Topics
from drivers.hid.session import HidSession
from drivers.hid.settings import HidSettings
from drivers.reader_json.session import ReaderJsonSession
from drivers.reader_json.settings import ReaderJsonSettings
from drivers.serial_scanner.session import LineSession
from drivers.serial_scanner.settings import SerialLineSettings
from tests.world.broker import Broker
from tests.world.devices import ANTENNAS, Port
from tests.world.disk import Crash, Disk
from tests.world.judge import Broken
from tests.world.lines import StoreLink
from tests.world.sim import Life, Sim, StoreClock

STORE = "S001"
CONSUMER = "headoffice"
BACK, FLOOR, PICKUP = "backroom", "salesfloor", "pickup"
SEOUL = ZoneInfo("Asia/Seoul")
RULES = Rules(quarantine_zone=BACK)
LIMITS = Limits(group_max=20, queue_max=500)
RESERVE_BYTES = 1 << 16
RETENTION = Retention(opening_s=20, keep_s=30, events_max=10_000, consumers=(CONSUMER,))
LEVELS_PER_S, DIRTY_MAX = 50, 100
CLERKS = {"KIM": Clerk("c-kim", "clerk"), "LEE": Clerk("c-lee", "clerk"), "PARK": Clerk("c-park", "clerk")}
STATIONS = {
    "dock": Station("dock", "receive", BACK, "ko", frozenset({BACK, FLOOR, PICKUP}), RULES),
    "floor": Station("floor", "lookup", FLOOR, "en", frozenset({BACK, FLOOR, PICKUP}), RULES),
    "office": Station("office", "receive", BACK, "ko", frozenset({BACK, FLOOR, PICKUP}), RULES),
}
DEVICES = {"dock-scanner": "dock", "floor-keys": "floor"}
READER = "door-reader"
PORTAL = Portal("door", READER, (BACK, PICKUP), ANTENNAS, "record", 2.0, 4.1)
Restart = Literal["the same", "as it is"]


class Hooks(NamedTuple):
    """Who watches: the judge at every commit, people at their screens, everybody when the process is gone."""

    committed: Callable[[int], None]
    shown: Callable[[Entry], None]
    beeped: Callable[[str, bytes], None]
    died: Callable[[], None]
    opened: Callable[[], None]


class Agent:
    """One process, from its start to its end."""

    def __init__(self, pc: StorePc, life: Life) -> None:
        self.life, self._pc = life, pc
        clock, folder = pc.clock, pc.disk.folder
        self.writing = False
        self._posted: deque[Callable[[], None]] = deque()
        self.ledger = Ledger(
            folder,
            store=STORE,
            clock=clock,
            stamper=Stamper(SEOUL),
            limits=LIMITS,
            rule=Rule(events=100, seconds=300),
            on_commit=self._committed,
            connect=pc.disk.connect,
        )
        self.ledger.reserve = Reserve(folder, RESERVE_BYTES, pc.disk.room)
        self.catalogue = Catalogue(folder / "catalogue.db")
        self.reader, self.screen = Reader(folder), Reader(folder)
        self.moments = Moments(folder, clock, Stamper(SEOUL))
        self.office = Office(self, clock)
        self.tills = TillDesk(
            items=self.catalogue, office=self.office, tills=Tills({"till-1": FLOOR}, None, frozenset({"DAMAGED"}))
        )
        self.desk = self._desk()
        self.traffic = self._traffic()
        self.link = StoreLink(life, pc.broker, self.traffic, f"jaego-{STORE}", clock)
        self.ports = self._ports()
        self.pruner = Pruner(
            folder, self, RETENTION, clock=clock, say=lambda subject, text, **_: pc.said.append((subject, text)),
            on_pruned=lambda first: self.link.post(lambda: self.traffic.pruned(first)),
        )  # fmt: skip

    def _desk(self) -> Desk:
        pc, life = self._pc, self.life
        self.tags = TagDesk(
            stations=STATIONS, device_stations=DEVICES, items=self.catalogue, log=self, clock=pc.clock,
            post=self._post, after=life.at, counted=self.screen.counted,
        )  # fmt: skip
        self.portals = PortalDesk(
            [PORTAL], items=self.catalogue, log=self, clock=pc.clock, post=self._post, after=life.at,
            notice=lambda _notice: None,
        )  # fmt: skip
        desk = Desk(
            stations=STATIONS, device_stations=DEVICES, items=self.catalogue, log=self, clock=pc.clock,
            post=self._post, show=self._pc.hooks.shown, tags=self.tags, portals=self.portals,
            people=CLERKS.get, after=life.at,
        )  # fmt: skip
        sessions = self.screen.sessions()
        for station, session in sessions.items():
            self.tags.session(station, session)
        desk.resume(sessions)
        self.portals.start()
        return desk

    def _traffic(self) -> StoreTraffic:
        pc, ledger = self._pc, self.ledger
        held = self.reader.positions()
        settings = EngineSettings(window_messages=pc.window, ahead_messages_max=60, batch_events_max=pc.batch_events)
        positions = {CONSUMER: held.get(CONSUMER, 0)}
        engine = Engine(ledger.log, ledger.head, positions, settings, first=self.reader.first())
        boot = uuid7(pc.clock.now().wall_us // 1000, pc.clock.entropy(10))
        return StoreTraffic(
            Store(STORE, ledger.log, boot, "world"),
            engine=engine,
            plane=StatePlane(levels_per_s_max=LEVELS_PER_S, dirty_max=DIRTY_MAX),
            reader=self.reader,
            clock=pc.clock,
            stamper=Stamper(SEOUL),
            levels="retained",
            outside=Outside(
                submit=self.submit,
                post=lambda call: self.link.post(call),  # noqa: PLW0108  it is built after
                restart=lambda _device: False,
                say=lambda subject, text: pc.said.append((subject, text)),
                items=self.catalogue,
                orders=Orders(PICKUP, 0),
            ),
            listens_s=0.0 if ledger.begun else LISTENS_S,
        )

    def _ports(self) -> dict[str, Port]:
        line = SerialLineSettings(path="scanner", host_ack="honeywell", settle_ms=0)
        keys = HidSettings(transport="pipe", path="keys", settle_ms=0)
        reader = ReaderJsonSettings(dialect="impinj", host="reader", topics=("tags",))
        return {
            "dock-scanner": self._port("dock-scanner", LineSession("dock-scanner", line)),
            "floor-keys": self._port("floor-keys", HidSession("floor-keys", keys)),
            READER: self._port(READER, ReaderJsonSession(READER, reader)),
        }

    def _port(self, name: str, session: Any) -> Port:
        hear = lambda data: self._pc.hooks.beeped(name, data)  # noqa: E731
        return Port(self.life, self._pc.clock, name, session, self.desk.handle, hear)

    def replug(self, device: str) -> None:
        """Pulled out and put in again: what was under way is lost, and the device begins anew."""
        self.ports[device].unplug()
        fresh = self._ports()
        self.ports[device] = fresh[device]

    # -- the ledger's writer ----------------------------------------------------------------------------------------

    def submit(self, job: Any, done: Any) -> None:
        disk, ran_at = self._pc.disk, -1

        def run(tx: Any) -> Any:
            nonlocal ran_at
            ran_at = disk.commits
            return job(tx)

        def tell(result: Any, error: Exception | None) -> None:
            if error is None and disk.commits <= ran_at:
                raise Broken("somebody was told before the commit that holds it")
            done(result, error)

        self.ledger.submit(run, tell)
        self._write_soon()

    def _write_soon(self) -> None:
        if not self.writing:
            self.writing = True
            self.life.at(0.0002 + 0.003 * self._pc.chance.random(), self._write)

    def _write(self) -> None:
        self.writing = False
        if not self.ledger.waiting:  # `call` took it along
            return
        try:
            self.ledger.turn()
        except Crash:
            self._pc.crash()
            return
        if self.ledger.waiting:
            self._write_soon()

    def sign(self) -> None:
        """As `agent.ledger.log.ticking`."""
        self.ledger.tick()
        if self.ledger.waiting:
            self._write_soon()

    # -- the keeper: as `agent.ledger.keeper` does with a thread of its own ------------------------------------------

    @property
    def waiting(self) -> int:
        return self.ledger.waiting

    def opening(self, *given: Any) -> Any:
        return self.ledger.opening(*given)

    def call(self, job: Any) -> Any:
        """Waits for the writer: whatever else waits is written, too."""
        held: list[Any] = []
        self.submit(job, lambda *told: held.extend(told))
        while not held:
            self.ledger.turn()
        if held[1] is not None:
            raise held[1]
        return held[0]

    def prune(self) -> None:
        try:
            self.pruner.look()
        except Crash:
            self._pc.crash()
        except LedgerError as error:
            self._pc.said.append(("retention", str(error)))

    def speak(self) -> None:
        """As `agent.reporting` does, with what this world knows."""
        now = self._pc.clock.now()
        health = Health(
            at=Stamper(SEOUL).text(now.wall_us), uptime_s=0, head=self.ledger.head, outbox_depth=0, outbox_age_s=0,
            disk_free_bytes=0, ledger_size_bytes=0, clock=self._pc.clock.state(), devices={}, consumers={}, counters={},
        )  # fmt: skip
        self.link.post(lambda: self.traffic.put(Topics(STORE).health(), health.model_dump_json().encode()))

    def _committed(self, head: int, skus: set[str]) -> None:
        self._pc.hooks.committed(head)
        self.traffic.head_boxed[0] = head
        self.traffic.touched.extend(sorted(skus))  # a set's order is chance that no seed knows
        self.link.wake()

    def _post(self, call: Callable[[], None]) -> None:
        """In order, as an event loop takes them."""
        self._posted.append(call)
        self.life.at(0.0001 + 0.0005 * self._pc.chance.random(), self._handle)

    def _handle(self) -> None:
        self._posted.popleft()()

    def close(self) -> None:
        for one in (self.reader, self.screen, self.moments, self.ledger, self.catalogue):
            one.close()

    @property
    def queues(self) -> dict[str, tuple[int, int]]:
        """Everything that waits, and its limit."""
        traffic, engine = self.traffic, self.traffic.engine
        lanes = {"live": engine._live, "replay": engine._replay}
        return {
            **{f"engine {name}": (len(one.ready), PREFETCH_EVENTS) for name, one in lanes.items() if one is not None},
            "ledger queue": (self.ledger.waiting, LIMITS.queue_max),
            "portal groups": (len(self.portals._waiting), 1000),
            "engine window": (len(traffic.engine._in_flight) + len(traffic.engine._others), self._pc.window),
            "engine ahead": (len(traffic.engine._ahead), traffic.engine.settings.ahead_messages_max),
            "sayings": (len(traffic._plane._sayings), 1000),
            "levels": (len(traffic._plane._dirty), DIRTY_MAX),
            **self.link.queues,
        }


class StorePc:
    """What outlives a process: the disk, the clock, and who starts it again."""

    def __init__(self, sim: Sim, broker: Broker, folder: Path, hooks: Hooks) -> None:
        self.sim, self.broker, self.hooks = sim, broker, hooks
        self.chance = sim.chance("store")
        self.clock = StoreClock(sim)
        self.disk = Disk(folder, sim.chance("disk"))
        self.window, self.batch_events = self.chance.choice((3, 8, 20)), self.chance.choice((5, 100))
        self.prunes = self.chance.random() < 0.5
        self.agent: Agent | None = None
        self.said: list[tuple[str, str]] = []

    def start(self) -> None:
        life = Life(self.sim)
        self.agent = agent = Agent(self, life)
        life.every(20.0, agent.sign)
        life.every(30.0, agent.speak)
        if self.prunes:
            life.every(9.0, agent.prune)
        self.hooks.opened()

    def crash(self) -> None:
        """kill -9, or the power: what comes next is what is on the disk."""
        agent = self.agent
        if agent is None:
            return
        self.agent = None
        agent.life.alive = False
        agent.link.die()
        self.disk.crashed(agent.close)
        self.hooks.died()
        self.sim.trace("crash")
        self.sim.at(0.5 + 10 * self.chance.random() ** 2, self.start)
