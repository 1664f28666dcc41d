"""From a read to an answer: identity, catalogue, operation, ledger, and back to the device and the screen.

Straight through, no way back: what the clerk hears is the answer to the append. Runs on the event loop; the append's
result comes back from the writer thread by `post`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from agent.capture.idle import Idle
from agent.catalogue.errors import CatalogueError
from agent.catalogue.store import Hit
from agent.clock import Clock
from agent.context import context_at
from agent.errors import LedgerError, LedgerFull
from agent.ledger.transaction import Transaction
from agent.operations import scans
from agent.operations.values import BadScan, Clerk, Context, Decision, Product, Scan, Session, Station
from agent.texts import Language, product_name, render
from agent.training.practice import Heard
from contract.catalog import Item
from drivers.driver import Driver
from drivers.reads import Answer, BadRead, BarcodeRead, Fault, Read, SensorWindow, TagRead
from identity import Identity, Kind, Template, identify

RAW_BYTES_MAX = 512  # as `BadRead` says
CONSOLE = "console"  # the device that a code from the command line comes from
SCREEN = "screen"  # and one from a station's screen


class Items(Protocol):
    """What a station asks the catalogue."""

    def by_code(self, gtin: str, /) -> Hit | None: ...

    def by_item_number(self, number: str, /) -> Hit | None: ...

    def item(self, sku: str, /) -> Item | None: ...

    def lookup(self, key: str, /) -> str | None: ...


class Log(Protocol):
    """What a station asks the ledger."""

    def submit(self, job: Callable[[Transaction], Any], done: Callable[[Any, Exception | None], None]) -> None: ...


class Tags(Protocol):
    """Where reads of tags go, and what must know the session of a station."""

    def handle(self, read: TagRead, /) -> None: ...

    def window(self, window: SensorWindow, /) -> None: ...

    def session(self, station: str, session: Session | None, /) -> None: ...


class Portals(Protocol):
    def handle(self, read: TagRead, /) -> None: ...


@dataclass(frozen=True, slots=True)
class Entry:
    """What a station's screen shows of one scan."""

    station: str | None
    device: str
    at_us: int
    answer: Answer
    text: str
    language: Language
    latency_us: int
    seq: int | None
    mode: str | None = None
    zone: str | None = None
    zone_to: str | None = None
    said: str = ""  # the line of `agent.texts` that `text` is
    session: Session | None = None
    sku: str | None = None
    name: str = ""
    quantity: int | None = None
    done: int | None = None  # of its line of the document, as the operation's facts say it
    expected: int | None = None


@dataclass(slots=True)
class Tally:
    """Counted in health, since start."""

    scans: int = 0
    bad_reads: int = 0
    exceptions: int = 0
    not_written: int = 0
    sensor_reads: int = 0


class Desk:
    """All stations of the store. `handle` is the supervisor's handler."""

    def __init__(
        self,
        *,
        stations: dict[str, Station],
        device_stations: dict[str, str],
        items: Items,
        log: Log,
        clock: Clock,
        post: Callable[[Callable[[], None]], None],
        show: Callable[[Entry], None],
        tags: Tags,
        portals: Portals,
        templates: Sequence[Template] = (),
        people: Callable[[str], Clerk | None] = lambda _badge: None,
        epc_of: Callable[[str, str], str | None] = lambda _gtin, _serial: None,
        after: Callable[[float, Callable[[], None]], None] = lambda _seconds, _call: None,
        practise: Callable[[str, bytes], Heard | None] = lambda _station, _data: None,
    ) -> None:
        """`people` knows badges, upper case; `epc_of` the EPC of GTIN and serial number, where it can be told; `after`
        calls back on the event loop, and locks stations that are idle; `practise` takes the scans of stations where
        somebody learns, and None of the others."""
        self.stations = stations
        self._device_stations = device_stations
        self._items = items
        self._log = log
        self._clock = clock
        self._post = post
        self._show = show
        self._tags = tags
        self._portals = portals
        self._templates = templates
        self._people = people
        self._epc_of = epc_of
        self._practise = practise
        self._sessions: dict[str, Session | None] = {}  # as the newest answer left them; practice changes none
        self._idle = Idle(stations, log, clock, after, lambda name, session: post(lambda: self._locked(name, session)))
        self.tally = Tally()

    def scan(
        self,
        station: str,
        code: bytes,
        hear: Callable[[Entry], None],
        *,
        device: str = CONSOLE,
        resent: bool = False,
        press: str | None = None,
    ) -> None:
        """A code without a scanner, from the command line or a screen. Raises KeyError for an unknown station.

        `resent`: whoever sends it saw no answer to its first copy. `press`: its id, where it has one: it happens once.
        """
        place = self.stations[station]
        read = BarcodeRead(device, 0, code, None, self._clock.now(), resent)
        self._write(replace(self._scan(place, read), press=press), read, place, hear)

    def resume(self, sessions: Mapping[str, Session]) -> None:
        """Sessions that were open when the agent stopped: they are idle from now on."""
        for name, session in sessions.items():
            self._sessions[name] = session
            self._idle.heard(name, session)

    def handle(self, read: Read, driver: Driver) -> None:
        if isinstance(read, TagRead):
            self._tags.handle(read)
            self._portals.handle(read)
            return
        if isinstance(read, SensorWindow):
            self._tags.window(read)
            return
        station = self.stations.get(self._device_stations.get(read.device, ""))
        command: Scan | BadScan
        if isinstance(read, BadRead):
            self.tally.bad_reads += 1
            command = BadScan(station, read, self._context(read))
        elif isinstance(read, BarcodeRead):
            self.tally.scans += 1
            command = self._scan(station, read) if station else self._homeless(read)
        else:
            self.tally.sensor_reads += 1
            return
        self._write(command, read, station, lambda entry: driver.answer(read.id, entry.answer))

    def _write(
        self,
        command: Scan | BadScan,
        read: BarcodeRead | BadRead,
        station: Station | None,
        hear: Callable[[Entry], None],
    ) -> None:
        if station is not None and self._practised(station, read, hear):
            return

        def job(tx: Transaction) -> tuple[Decision, int | None, Session | None]:
            decision = scans.decide(tx, command)
            written = tx.append(decision.drafts) if decision.drafts else []
            return decision, written[-1].seq if written else None, tx.session(station.name) if station else None

        def done(result: Any, error: Exception | None) -> None:
            self._post(lambda: self._answer(read, station, hear, result, error))

        try:
            self._log.submit(job, done)
        except LedgerError as error:
            self._answer(read, station, hear, None, error)

    def _practised(self, station: Station, read: BarcodeRead | BadRead, hear: Callable[[Entry], None]) -> bool:
        """Whether somebody learns at this station: then nothing of the scan goes any further."""
        heard = self._practise(station.name, read.data if isinstance(read, BarcodeRead) else read.raw)
        if heard is None:
            return False
        now = self._clock.now()
        latency_us = (now.monotonic_ns - read.arrived.monotonic_ns) // 1000
        entry = Entry(
            station.name,
            read.device,
            read.arrived.wall_us,
            heard.answer,
            heard.text,
            heard.language,
            latency_us,
            None,
            said="practice",
            session=self._sessions.get(station.name),
        )
        hear(entry)
        self._show(entry)
        return True

    def _answer(
        self,
        read: BarcodeRead | BadRead,
        station: Station | None,
        hear: Callable[[Entry], None],
        result: tuple[Decision, int | None, Session | None] | None,
        error: Exception | None,
    ) -> None:
        if result is None:
            self.tally.not_written += 1
            decision, seq, session = Decision(Answer.STOP, "not_written", facts={"reason": str(error)}), None, None
        else:
            decision, seq, session = result
            if station is not None:
                self._tags.session(station.name, session)
                self._idle.heard(station.name, session)
                self._sessions[station.name] = session
        if any(draft.type == "exception" for draft in decision.drafts):
            self.tally.exceptions += 1
        language: Language = session.language if session else station.language if station else "ko"
        entry = Entry(
            station.name if station else None,
            read.device,
            read.arrived.wall_us,
            decision.answer,
            render("no_room" if isinstance(error, LedgerFull) else decision.text, decision.facts, language),
            language,
            (self._clock.now().monotonic_ns - read.arrived.monotonic_ns) // 1000,
            seq,
            session.mode if session else None,
            session.zone if session else None,
            session.zone_to if session else None,
            decision.text,
            session,
            **_item(decision.facts, language),
        )
        hear(entry)
        self._show(entry)

    def _context(self, read: BarcodeRead | BadRead) -> Context:
        return context_at(self._clock, read.arrived.wall_us)

    def _scan(self, station: Station, read: BarcodeRead) -> Scan:
        context = self._context(read)
        try:
            identity = identify(read.data, aim=read.aim, lookup=self._items.lookup, templates=self._templates)
            order = identity.control
            clerk = self._people(order.argument or "") if order is not None and order.verb == "LOGIN" else None
            return Scan(station, read, identity, self._product(identity), context, clerk=clerk, epc=self._epc(identity))
        except CatalogueError as error:
            unknown = identify(read.data, aim=read.aim, templates=self._templates)
            return Scan(station, read, unknown, None, context, f"{error} ({error.hint})")

    def _epc(self, identity: Identity) -> str | None:
        """What the tag of this very item carries."""
        gtin, serial = identity.gtin, identity.serial
        return self._epc_of(gtin, serial) if gtin and serial and identity.kind is Kind.TRADE_ITEM else None

    def _locked(self, station: str, session: Session) -> None:
        """The screen says so; nobody scanned."""
        place = self.stations[station]
        now, language = self._clock.now(), session.language
        self._tags.session(station, session)
        self._sessions[station] = session
        self._show(
            Entry(
                station,
                "",
                now.wall_us,
                Answer.LOOK,
                render("idle_locked", {}, language),
                language,
                0,
                None,
                session.mode,
                session.zone or place.zone,
                session.zone_to,
                "idle_locked",
                session,
            )
        )

    def _homeless(self, read: BarcodeRead) -> BadScan:
        """A code from a device that belongs to no station: nobody knows what was meant, and it is kept."""
        detail = "the device belongs to no station of the configuration"
        kept = BadRead(read.device, read.id, read.data[:RAW_BYTES_MAX], Fault.UNEXPECTED, detail, read.arrived)
        return BadScan(None, kept, self._context(read))

    def _product(self, identity: Identity) -> Product | None:
        hit: Hit | None = None
        if identity.gtin is not None and identity.kind is Kind.TRADE_ITEM:
            hit = self._items.by_code(identity.gtin)
        elif identity.item_number is not None:
            hit = self._items.by_item_number(identity.item_number)
            if hit is None and identity.sku is not None:  # the SKU itself: a screen sends it for goods without a code
                hit = Hit(identity.sku, 1, 0)
        if hit is None or (item := self._items.item(hit.sku)) is None:
            return None
        price, per = (item.price.amount_minor, item.price.per_units) if item.price else (None, 1)
        names = item.name.ko or "", item.name.en or ""
        return Product(item.sku, hit.units, item.revision, item.base_unit, *names, price, per, item.tracking)


def _item(facts: Mapping[str, Any], language: Language) -> dict[str, Any]:
    """What an entry says of the goods."""
    held = {name: facts.get(name) for name in ("sku", "quantity", "done", "expected")}
    product = facts.get("product")
    if isinstance(product, Product):
        held |= {"sku": product.sku, "name": product_name(product, language)}
    return held
