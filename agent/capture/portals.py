"""From the reads of a portal's reader to stock: engine, groups, catalogue, operation, ledger.

On the event loop only. Times go to the engine on the monotonic scale, so that a wall clock that jumps moves
nothing. What the engine decides at one moment about one group becomes one job in the ledger; what cannot be
written waits and is tried again, up to a limit that is counted.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from agent.capture.portal import Engine, Finding, Passage, Settings, Uncertain
from agent.catalogue.errors import CatalogueError
from agent.catalogue.store import Hit
from agent.clock import Clock
from agent.context import context_at
from agent.errors import LedgerError
from agent.ledger.transaction import Transaction
from agent.operations import passages
from agent.operations.passages import Doubt, Passed, PassedTag, Rule
from agent.operations.values import Context, Draft
from agent.sections import PortalSection
from drivers.reads import Notice, TagRead
from identity import Kind
from identity.tags import identify_epc

TICK_S = 0.5
LAG_S = 0.3  # a report may come so long after its read; until then silence is not believed
WAITING_MAX = 1000  # groups that the ledger could not take yet
LATELY_MAX = 20_000  # tags whose last passage is remembered
NS_PER_S = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Portal:
    """A door, from the configuration. `apart_s`: an item needs so long from any other portal to this one."""

    name: str
    device: str
    zones: tuple[str, str]
    zone_of: Mapping[int, str]
    rule: Rule
    apart_s: float
    decide_s: float


@dataclass(slots=True)
class _Door:
    portal: Portal
    engine: Engine
    texts: dict[bytes, str] = field(default_factory=dict[bytes, str])  # EPCs as the engine names them


@dataclass(slots=True)
class Counts:
    """In health, since start."""

    portal_reads: int = 0
    passages: int = 0
    uncertain_passages: int = 0
    foreign_passages: int = 0
    passages_waiting: int = 0
    passages_lost: int = 0


class Items(Protocol):
    def by_code(self, gtin: str, /) -> Hit | None: ...


class Log(Protocol):
    def submit(self, job: Callable[[Transaction], Any], done: Callable[[Any, Exception | None], None]) -> None: ...


Job = Callable[[Transaction], Sequence[Draft]]


class PortalDesk:
    """`after` calls back once after seconds; `notice` tells a condition of a device."""

    def __init__(
        self,
        portals: Iterable[Portal],
        *,
        items: Items,
        log: Log,
        clock: Clock,
        post: Callable[[Callable[[], None]], None],
        after: Callable[[float, Callable[[], None]], None],
        notice: Callable[[Notice], None],
    ) -> None:
        self._doors = {one.device: _Door(one, Engine(_settings(one))) for one in portals}
        self._items = items
        self._log = log
        self._clock = clock
        self._post = post
        self._after = after
        self._notice = notice
        self._waiting: deque[Callable[[], Job | None]] = deque()
        self._writing = False
        self._lately: dict[str, tuple[str, float]] = {}
        self.counts = Counts()

    def start(self) -> None:
        """From now on time passes by itself."""
        if self._doors:
            self._after(TICK_S, self._beat)

    def handle(self, read: TagRead) -> None:
        door = self._doors.get(read.device)
        if door is None:
            return
        self.counts.portal_reads += 1
        text = door.texts.get(read.epc)
        if text is None:
            if len(door.texts) >= LATELY_MAX:
                door.texts.clear()
            text = door.texts[read.epc] = read.epc.hex().upper()
        arrived = read.arrived
        t_s = arrived.monotonic_ns / NS_PER_S - (arrived.wall_us - read.seen_us) / 1e6
        rssi_dbm = -60.0 if read.rssi_cdbm is None else read.rssi_cdbm / 100
        found = door.engine.read(t_s, text, read.antenna, rssi_dbm)
        if found:
            self._take(door, found)

    def tick(self) -> None:
        now_s = self._clock.now().monotonic_ns / NS_PER_S - LAG_S
        for door in self._doors.values():
            found = door.engine.tick(now_s)
            if found:
                self._take(door, found)
        self._write()

    def _beat(self) -> None:
        self.tick()
        self._after(TICK_S, self._beat)

    # -- findings ---------------------------------------------------------------------------------------------------

    def _take(self, door: _Door, found: list[Finding]) -> None:
        groups: dict[tuple[int, str, str], list[Passage]] = {}
        doubts: dict[str, list[str]] = {}
        for one in found:
            if isinstance(one, Passage):
                groups.setdefault((one.group, one.origin, one.target), []).append(one)
            elif isinstance(one, Uncertain):
                doubts.setdefault(one.reason, []).append(one.epc)
            else:
                self._silent(door.portal, one.antenna, silent=one.finding == "silent")
        for (_, origin, target), group in groups.items():
            self._passed(door.portal, origin, target, group)
        for reason, epcs in doubts.items():
            self._doubted(door.portal, reason, epcs)
        self._write()

    def _passed(self, portal: Portal, source: str, target: str, group: list[Passage]) -> None:
        crossed_s = sorted(one.t_cross_s for one in group)[len(group) // 2]
        context = self._context(crossed_s)
        twins = [twin for one in group if (twin := self._elsewhere(portal, one.epc, one.t_cross_s)) is not None]
        if twins:
            self._queue_drafts(
                [passages.duplicate(epc, portal.name, portal.device, why, context) for epc, why in twins]
            )

        def job() -> Job | None:
            tags = self._tags(one.epc for one in group)
            if not tags:
                return None
            passed = Passed(portal.name, portal.device, source, target, portal.rule, tags, context)
            return lambda tx: passages.decide(tx, passed)

        self.counts.passages += len(group)
        self._queue(job)

    def _doubted(self, portal: Portal, reason: str, epcs: list[str]) -> None:
        """Only items: a stray tag of no item near a door is nobody's stock."""
        items = tuple(epc for epc in epcs if identify_epc(epc).kind is Kind.TRADE_ITEM)
        self.counts.uncertain_passages += len(items)
        if items:
            word = reason.replace("-", "_").replace(" ", "_")
            now_s = self._clock.now().monotonic_ns / NS_PER_S
            self._queue_drafts(passages.doubts(Doubt(portal.name, portal.device, word, items, self._context(now_s))))

    def _tags(self, epcs: Iterable[str]) -> tuple[PassedTag, ...]:
        """Raises CatalogueError."""
        found: list[PassedTag] = []
        for epc in epcs:
            identity = identify_epc(epc)
            if identity.kind is not Kind.TRADE_ITEM or identity.gtin is None:
                self.counts.foreign_passages += 1
                continue
            hit = self._items.by_code(identity.gtin)
            serial = identity.serial or ""
            if hit is None:
                found.append(PassedTag(epc, identity.gtin, serial, None))
            else:
                found.append(PassedTag(epc, identity.gtin, serial, hit.sku, hit.revision, hit.units))
        return tuple(found)

    def _elsewhere(self, portal: Portal, epc: str, t_s: float) -> tuple[str, str] | None:
        """The tag passed another portal too short a time ago for one item."""
        before = self._lately.pop(epc, None)
        if len(self._lately) >= LATELY_MAX:
            self._lately.pop(next(iter(self._lately)))
        self._lately[epc] = portal.name, t_s
        if before is None or before[0] == portal.name or abs(t_s - before[1]) >= portal.apart_s:
            return None
        return epc, f"it passed {before[0]} {t_s - before[1]:.1f} s before"

    def _silent(self, portal: Portal, antenna: int, *, silent: bool) -> None:
        message = f"antenna {antenna} of {portal.name} hears nothing, the others do" if silent else "it hears again"
        hint = "check its cable, and whether something metal stands before it; passages are uncertain meanwhile"
        now = self._clock.now()
        self._notice(Notice(portal.device, "antenna_silent", silent, message, hint, now, str(antenna)))

    # -- writing ----------------------------------------------------------------------------------------------------

    def _queue(self, job: Callable[[], Job | None]) -> None:
        if len(self._waiting) >= WAITING_MAX:
            self._waiting.popleft()
            self.counts.passages_lost += 1
        self._waiting.append(job)

    def _queue_drafts(self, drafts: Sequence[Draft]) -> None:
        def job(_tx: Transaction) -> Sequence[Draft]:
            return drafts

        self._queue(lambda: job)

    def _write(self) -> None:
        """One group at a time, in order."""
        self.counts.passages_waiting = len(self._waiting)
        if self._writing or not self._waiting:
            return
        try:
            job = self._waiting[0]()
        except CatalogueError:
            return  # at the next tick
        if job is None:
            self._waiting.popleft()
            self._write()
            return

        def work(tx: Transaction) -> None:
            drafts = job(tx)
            if drafts:
                tx.append(drafts)

        head = self._waiting[0]
        self._writing = True
        try:
            self._log.submit(work, lambda _result, error: self._post(lambda: self._written(head, error)))
        except LedgerError:
            self._writing = False

    def _written(self, head: Callable[[], Job | None], error: Exception | None) -> None:
        self._writing = False
        if isinstance(error, LedgerError):
            return  # full or busy: at the next tick
        if error is not None:
            self.counts.passages_lost += 1  # it breaks a rule, and would again
        if self._waiting and self._waiting[0] is head:
            self._waiting.popleft()
        self._write()

    def _context(self, t_s: float) -> Context:
        now = self._clock.now()
        wall_us = now.wall_us - int((now.monotonic_ns / NS_PER_S - t_s) * 1e6)
        return context_at(self._clock, wall_us)


def _settings(portal: Portal) -> Settings:
    return Settings(portal.zones, dict(portal.zone_of), portal.decide_s)


def portal_of(section: PortalSection) -> Portal:
    zone_of = {int(number): zone for number, zone in section.antennas.items()}
    return Portal(section.name, section.device, section.zones, zone_of, section.rule, section.apart_s, section.decide_s)
