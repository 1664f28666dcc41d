"""Tags that readers see: which are there, which are new to a count, how near one is that somebody looks for.

On the event loop only. A thousand reads a second come through here, so a read that tells nothing new costs a look into
two dictionaries. What is new to a count is journaled in groups of up to a second; the count that a screen shows is what
has become durable.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from agent.capture.zones import Zones, ZoneSettings
from agent.catalogue.errors import CatalogueError
from agent.catalogue.store import Hit
from agent.clock import Clock
from agent.context import context_now
from agent.errors import LedgerError
from agent.ledger.transaction import Transaction
from agent.operations import tags
from agent.operations.counts_tags import TagItem
from agent.operations.values import Session, Station
from contract.catalog import Item
from drivers.reads import SensorWindow, TagRead
from identity import Kind
from identity.tags import identify_epc

GROUP_S = 1.0
TAGS_HELD_MAX = 20_000
FOREIGN_HELD_MAX = 20_000
PENDING_MAX = 50_000
RATE_S = 10
NS_PER_S = 1_000_000_000
SMOOTHING = 0.4  # of a new RSSI in the mean
FAR_CDBM, NEAR_CDBM = -7500, -3000  # nearness 0 and 100 of a tag that is looked for
FADE_S = 1.5  # a tag that was not read for so long is drawn as further and further away
FOUND_MAX = 20


@dataclass(slots=True)
class Sighting:
    """What is known of a tag that was read lately. `rssi_cdbm` is a moving mean, `gtin` None for what is no item."""

    gtin: str | None
    seen_ns: int
    rssi_cdbm: int | None
    antenna: int
    device: str
    reads: int = 1


@dataclass(frozen=True, slots=True)
class Found:
    """A tag that somebody looks for. `nearness` is 0 to 100, `zone` where readers without a door saw it last."""

    epc: str
    nearness: int
    rssi_dbm: float | None
    antenna: int
    device: str
    age_s: float
    zone: str | None = None


@dataclass(frozen=True, slots=True)
class CountShown:
    """A count by RFID as it stands: distinct tags of items, others, new ones a second over `RATE_S`.

    `flat` suggests to stop: tags are read, and none of them is new. It says nothing about whether the count is right.
    """

    station: str
    zone: str
    read: int
    foreign: int
    new_per_s: float
    flat: bool
    waiting: int


@dataclass(slots=True)
class _Count:
    session: str
    zone: str
    begun_ns: int
    epcs: set[str]
    foreign: set[bytes] = field(default_factory=set[bytes])
    known: set[bytes] = field(default_factory=set[bytes])  # looked at already, durable or under way
    pending: dict[str, str] = field(default_factory=dict[str, str])  # EPC to GTIN
    device: str = ""
    fresh: deque[tuple[int, int]] = field(default_factory=deque[tuple[int, int]])  # when, how many new
    read_ns: int = 0


class Log(Protocol):
    def submit(self, job: Callable[[Transaction], Any], done: Callable[[Any, Exception | None], None]) -> None: ...


class Items(Protocol):
    def item(self, sku: str, /) -> Item | None: ...

    def by_code(self, gtin: str, /) -> Hit | None: ...


class TagDesk:
    """`counted` gives the EPCs that a count had seen before this agent started; it blocks, and is asked once each.

    `zones` are what antennas of readers without a door look at, by device and number: such a reader's tags count for a
    zone only once they are placed in it.
    """

    def __init__(
        self,
        *,
        stations: Mapping[str, Station],
        device_stations: Mapping[str, str],
        items: Items,
        log: Log,
        clock: Clock,
        post: Callable[[Callable[[], None]], None],
        after: Callable[[float, Callable[[], None]], None],
        counted: Callable[[str, str], Iterable[str]],
        zones: Mapping[tuple[str, int], str] | None = None,
    ) -> None:
        self._stations = stations
        self._device_stations = device_stations
        self._items = items
        self._log = log
        self._clock = clock
        self._post = post
        self._after = after
        self._counted = counted
        self._places = {place: number for number, place in enumerate(zones or {})}
        self._zones = Zones(ZoneSettings({self._places[place]: zone for place, zone in (zones or {}).items()}))
        self._overhead = frozenset(device for device, _ in self._places)
        self._counts: dict[str, _Count] = {}
        self._held: dict[bytes, Sighting] = {}
        self._flushing = False
        self.reads = 0
        self.not_written = 0
        self.unread_passages = 0

    # -- reads ------------------------------------------------------------------------------------------------------

    def handle(self, read: TagRead) -> None:
        self.reads += 1
        now_ns, epc = read.arrived.monotonic_ns, read.epc
        held = self._held.get(epc)
        if held is None:
            if len(self._held) >= TAGS_HELD_MAX:
                self._held.pop(next(iter(self._held)))
            identity = identify_epc(epc, read.pc)
            gtin = identity.gtin if identity.kind is Kind.TRADE_ITEM else None
            self._held[epc] = Sighting(gtin, now_ns, read.rssi_cdbm, read.antenna, read.device)
        else:
            rssi = read.rssi_cdbm
            if rssi is not None:
                mean = held.rssi_cdbm
                held.rssi_cdbm = rssi if mean is None else int(mean + SMOOTHING * (rssi - mean))
            held.seen_ns, held.antenna, held.device = now_ns, read.antenna, read.device
            held.reads += 1
        if read.device in self._overhead:
            self._place(read, now_ns)
        if self._counts:
            self._count(read, now_ns)

    def _place(self, read: TagRead, now_ns: int) -> None:
        place = self._places.get((read.device, read.antenna))
        if place is not None:
            rssi_dbm = -60.0 if read.rssi_cdbm is None else read.rssi_cdbm / 100
            self._zones.read(now_ns / NS_PER_S, read.epc.hex().upper(), place, rssi_dbm)

    def _count(self, read: TagRead, now_ns: int) -> None:
        count = self._counts.get(self._device_stations.get(read.device, ""))
        if count is None:
            return
        count.read_ns = now_ns
        if read.epc in count.known or len(count.pending) >= PENDING_MAX:
            return
        identity = identify_epc(read.epc, read.pc)
        if identity.kind is not Kind.TRADE_ITEM or identity.gtin is None:
            if len(count.foreign) < FOREIGN_HELD_MAX:
                count.foreign.add(read.epc)
            return
        text = read.epc.hex().upper()
        if read.device in self._overhead and self._zones.where(text) != count.zone:
            return
        count.known.add(read.epc)
        if text not in count.epcs:
            count.pending[text] = identity.gtin
            count.device = read.device
            self._flush_later()

    def _flush_later(self) -> None:
        if not self._flushing:
            self._flushing = True
            self._after(GROUP_S, self._flush)

    # -- counts -----------------------------------------------------------------------------------------------------

    def session(self, station: str, session: Session | None) -> None:
        """What a station is doing now, after a scan or at the start."""
        held = self._counts.get(station)
        if session is None or session.mode != "count" or session.zone is None:
            if held is not None:
                self._write(station, held)  # what was seen before the mode changed comes too late, and is refused there
                del self._counts[station]
            return
        if held is not None and (held.session, held.zone) == (session.session, session.zone):
            return
        epcs = set(self._counted(session.session, session.zone))
        known = {bytes.fromhex(epc) for epc in epcs}
        now_ns = self._clock.now().monotonic_ns
        self._counts[station] = _Count(session.session, session.zone, now_ns, epcs, known=known)

    def shown(self, station: str) -> CountShown | None:
        """None when the station is not in a count."""
        count = self._counts.get(station)
        if count is None:
            return None
        now_ns = self._clock.now().monotonic_ns
        while count.fresh and now_ns - count.fresh[0][0] > RATE_S * NS_PER_S:
            count.fresh.popleft()
        new = sum(number for _, number in count.fresh)
        settled = now_ns - count.begun_ns > RATE_S * NS_PER_S and now_ns - count.read_ns < RATE_S * NS_PER_S
        flat = bool(count.epcs) and settled and not new and not count.pending
        return CountShown(
            station,
            count.zone,
            len(count.epcs),
            len(count.foreign),
            round(new / RATE_S, 1),
            flat,
            len(count.pending),
        )

    def _flush(self) -> None:
        self._flushing = False
        for station, count in self._counts.items():
            self._write(station, count)

    def _write(self, station: str, count: _Count) -> None:
        if not count.pending:
            return
        try:
            items = self._meant(count.pending)
        except CatalogueError:  # said by whoever scans; what a tag is will be known later
            self._flush_later()
            return
        epcs, count.pending = list(count.pending), {}
        command = tags.SeenTags(self._stations[station], count.device, epcs, context_now(self._clock), items)

        def job(tx: Transaction) -> str | None:
            drafts, session = tags.seen(tx, command)
            if drafts:
                tx.append(drafts)
            mine = session is not None and (session.session, session.zone) == (count.session, count.zone)
            return count.session if mine else None

        def done(result: str | None, error: Exception | None) -> None:
            self._post(lambda: self._written(count, epcs, result, error))

        try:
            self._log.submit(job, done)
        except LedgerError as error:
            self._written(count, epcs, None, error)

    def _meant(self, gtins: Mapping[str, str]) -> dict[str, TagItem]:
        """By EPC. Raises CatalogueError."""
        hits = {gtin: self._items.by_code(gtin) for gtin in set(gtins.values())}
        found = {epc: hits[gtin] for epc, gtin in gtins.items()}
        return {epc: TagItem(hit.sku, hit.units) for epc, hit in found.items() if hit is not None}

    def _written(self, count: _Count, epcs: list[str], session: str | None, error: Exception | None) -> None:
        if error is not None:
            self.not_written += len(epcs)
        if session is None:  # not taken, or the count is in review: read again, they are new again
            count.known.difference_update(map(bytes.fromhex, epcs))
        else:
            fresh = len(epcs) - len(count.epcs.intersection(epcs))
            count.epcs.update(epcs)
            count.fresh.append((self._clock.now().monotonic_ns, fresh))

    # -- looking for one --------------------------------------------------------------------------------------------

    def find(self, wanted: str) -> list[Found]:
        """Tags lately read of an SKU or with an EPC (hexadecimal), the nearest first, at most `FOUND_MAX`.

        Raises CatalogueError.
        """
        now_ns = self._clock.now().monotonic_ns
        self._zones.tick(now_ns / NS_PER_S)
        item = self._items.item(wanted)
        gtins = {one.gtin for one in item.gtins} if item is not None else set[str]()
        try:
            exact = bytes.fromhex(wanted)
        except ValueError:
            exact = b""
        found = [
            self._found(epc, held, now_ns)
            for epc, held in self._held.items()
            if epc == exact or (held.gtin is not None and held.gtin in gtins)
        ]
        return sorted(found, key=lambda one: (-one.nearness, one.age_s))[:FOUND_MAX]

    def _found(self, epc: bytes, held: Sighting, now_ns: int) -> Found:
        age_s = max(0.0, (now_ns - held.seen_ns) / NS_PER_S)
        rssi = held.rssi_cdbm if held.rssi_cdbm is not None else FAR_CDBM
        near = min(1.0, max(0.0, (rssi - FAR_CDBM) / (NEAR_CDBM - FAR_CDBM)))
        near *= 1.0 if age_s <= FADE_S else max(0.0, 1.0 - (age_s - FADE_S) / (2 * FADE_S))
        dbm = None if held.rssi_cdbm is None else held.rssi_cdbm / 100
        text = epc.hex().upper()
        zone = self._zones.where(text)
        return Found(text, round(100 * near), dbm, held.antenna, held.device, round(age_s, 1), zone)

    # -- photo-eyes -------------------------------------------------------------------------------------------------

    def window(self, window: SensorWindow) -> None:
        """A passage that nobody read is something for a person."""
        if window.tag_reads:
            return
        self.unread_passages += 1
        station = self._stations.get(self._device_stations.get(window.device, ""))
        draft = tags.unread(window, station, context_now(self._clock))

        def done(_result: Any, error: Exception | None) -> None:
            if error is not None:
                self._post(self._lost)

        try:
            self._log.submit(lambda tx: tx.append([draft]), done)
        except LedgerError:
            self._lost()

    def _lost(self) -> None:
        self.not_written += 1
