"""The desk's part for checks: which store is due, a few at once, what each wants to know and what came of it."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, NamedTuple, Protocol

from pydantic import ValidationError

from contract.ids import uuid7
from contract.messages import ChainDigest, DigestResult, Level, Response, StockDigest
from contract.times import Stamper
from contract.topics import Topics, parse
from headoffice import mending
from headoffice.checks import engine, results
from headoffice.checks.books import StoreBooks
from headoffice.checks.engine import Chain, Listen, Mend, Pause, Step, Stock, Verdict
from headoffice.clock import Clock
from headoffice.database import Database
from headoffice.errors import ConfigError
from headoffice.mending import Mended
from headoffice.part import Message, Publish
from headoffice.storing import Storage

AT_ONCE = 4
ANSWER_S = 10.0
ASKS_EACH = 3  # of one question, before the store is taken to be away
MEND_S_MAX = 600.0
CHECK_S_MAX = 1800.0
DEEP_S_MAX = 6 * 3600.0
LOOK_S = 1.0
DUE_S = 10.0
AGAIN_US = 3_600_000_000  # after a check that could not compare
TICK_S_MAX = 0.05
DAY_S = 86_400
_UNSET: Any = object()


class Hearing(Protocol):
    """`levels.Levels`, or a test's."""

    def heard(self) -> list[Level] | None: ...
    def close(self) -> None: ...


class Times(NamedTuple):
    """When a day's checks begin, as seconds of head office's day, and over how long they are spread."""

    at_s: int = 2 * 3600
    spread_s: int = 4 * 3600
    zone: tzinfo | None = None  # None: of this machine
    first_s: int = 3600  # over which stores are spread that never were checked, from the desk's start on

    def first_us(self, store: str, begun_us: int) -> int:
        """When the first check of the store is due at a desk that began then."""
        return begun_us + zlib.crc32(store.encode()) % max(1, self.first_s) * 1_000_000

    def slot_us(self, store: str, now_us: int) -> int:
        """The last moment at which a check of the store was due. Each store has its own, always the same."""
        now = datetime.fromtimestamp(now_us / 1e6, UTC).astimezone(self.zone)
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
        due = midnight + timedelta(seconds=self.at_s + zlib.crc32(store.encode()) % max(1, self.spread_s))
        if due > now:
            due -= timedelta(days=1)
        return int(due.timestamp() * 1e6)


def times_of(at: str, spread_h: float) -> Times:
    """`at` is HH:MM of head office's day. Raises `ConfigError`."""
    found = re.fullmatch(r"([01]\d|2[0-3]):([0-5]\d)", at)
    if found is None or not 0 <= spread_h <= 24:
        raise ConfigError(f"{at!r}, {spread_h} h: no hours of a day", hint="write --check-at 02:00 --check-spread 4")
    return Times(int(found[1]) * 3600 + int(found[2]) * 60, int(spread_h * 3600))


@dataclass(slots=True)
class _Running:
    store: str
    deep: bool
    talk: Any
    end_s: float
    step: Step = field(default_factory=lambda: Pause(0.0))
    until_s: float = 0.0
    request: str = ""
    asks: int = 0
    answer: Any = None
    hearing: Hearing | None = None


class ChecksPart:
    """`Part` of the desk. `storage` is for reading, `database` for writing; `hear` listens to a store's levels."""

    def __init__(
        self,
        storage: Storage,
        database: Database,
        clock: Clock,
        *,
        prefix: str,
        say: Callable[[str], None],
        hear: Callable[[str], Hearing],
        times: Times | None = None,
    ) -> None:
        self._storage = storage
        self._database = database
        self._clock = clock
        self._prefix = prefix
        self._say = say
        self._hear = hear
        self._times = times or Times()
        self._stamper = Stamper(UTC)
        self._last = results.last_each(database)
        self._begun_us = clock.wall_us()
        self._running: dict[str, _Running] = {}
        self._asked: dict[str, str] = {}  # request: store
        self._look_s = self._due_s = float("-inf")
        self._due: list[str] = []
        self._out: list[Publish] = []

    @property
    def topics(self) -> Sequence[str]:
        return ["+/response/+"]

    def receive(self, message: Message) -> list[Publish]:
        address = parse(message.topic, self._prefix)
        store = self._asked.get(address.name or "") if address is not None else None
        running = self._running.get(store) if store is not None else None
        if address is not None and running is not None and (address.store, address.name) == (store, running.request):
            running.answer = _digest(message.payload)
            del self._asked[running.request]
        return []

    def connected(self) -> list[Publish]:
        return []  # a question that was lost is asked again when it has waited long enough

    def tick(self) -> list[Publish]:
        end_s = self._clock.now_s() + TICK_S_MAX
        if self._clock.now_s() >= self._look_s:
            self._look_s = self._clock.now_s() + LOOK_S
            self._begin()
        moving = list(self._running.values())
        while moving:
            moving = [one for one in moving if self._advance(one)]
            if self._clock.now_s() >= end_s:
                break
        out, self._out = self._out, []
        return out

    def close(self) -> None:
        for one in self._running.values():
            if one.hearing is not None:
                one.hearing.close()
        self._storage.close()

    # -- which --------------------------------------------------------------------------------------------------------

    def _begin(self) -> None:
        """What people asked for, then what is due."""
        now_us = self._clock.wall_us()
        for wanted in results.wanted(self._database, AT_ONCE + len(self._running)):
            self._start(wanted.store, deep=wanted.deep)
        if self._clock.now_s() >= self._due_s:
            self._due_s = self._clock.now_s() + DUE_S
            self._due = [store for store in self._storage.stores() if self._is_due(store, now_us)]
        while self._due and len(self._running) < AT_ONCE:
            self._start(self._due.pop(0), deep=False)

    def _is_due(self, store: str, now_us: int) -> bool:
        last = self._last.get(store)
        if store in self._running:
            return False
        if last is None:
            return now_us >= self._times.first_us(store, self._begun_us)
        if last.at_us < self._times.slot_us(store, now_us):
            return True
        return last.verdict == "not_compared" and last.at_us < now_us - AGAIN_US

    def _start(self, store: str, *, deep: bool) -> None:
        if store in self._running or len(self._running) >= AT_ONCE:
            return
        books, held = StoreBooks(self._storage, store), self._storage.position(store)
        since = results.looked_at(self._database, store, held[0].log) if held else 0
        talk = engine.check(books, deep=deep, since=since)
        end_s = self._clock.now_s() + (DEEP_S_MAX if deep else CHECK_S_MAX)
        running = self._running[store] = _Running(store, deep, talk, end_s)
        self._resume(running, None)

    # -- one check ----------------------------------------------------------------------------------------------------

    def _advance(self, one: _Running) -> bool:
        """False if it waits, or is over."""
        now_s = self._clock.now_s()
        if now_s >= one.end_s:
            self._finish(one, Verdict(one.store, reason="it took too long"))
            return False
        value = self._value(one, now_s)
        if value is _UNSET:
            return False
        self._resume(one, value)
        return one.store in self._running

    def _resume(self, one: _Running, value: Any) -> None:
        try:
            one.step = one.talk.send(value)
        except StopIteration as ended:
            self._finish(one, ended.value)
            return
        one.answer, one.asks = None, 0
        self._open(one)

    def _open(self, one: _Running) -> None:
        """Begin to wait for what it wants."""
        now_s = self._clock.now_s()
        match one.step:
            case Stock() | Chain():
                one.until_s, one.asks = now_s + ANSWER_S, one.asks + 1
                self._ask(one, one.step)
            case Pause(seconds):
                one.until_s = now_s + seconds
            case Listen():
                one.hearing = self._hear(one.store)
            case Mend(log, seq):
                one.until_s = now_s + MEND_S_MAX
                self._say(f"{one.store}: differs from head office, mended from event {seq} of log {log} on")
                mending.want(self._database, one.store, log, seq, self._clock.wall_us())

    def _value(self, one: _Running, now_s: float) -> Any:
        """What came of the step; `_UNSET` while nothing has."""
        match one.step:
            case Stock() | Chain():
                if one.answer is None and now_s >= one.until_s:
                    self._asked.pop(one.request, None)
                    if one.asks >= ASKS_EACH:
                        return "the store does not answer"
                    self._open(one)
                return _UNSET if one.answer is None else one.answer
            case Pause():
                return _UNSET if now_s < one.until_s else None
            case Listen():
                assert one.hearing is not None
                heard = one.hearing.heard()
                if heard is None:
                    return _UNSET
                one.hearing.close()
                one.hearing = None
                return heard
            case Mend():
                done = mending.outcome(self._database, one.store)
                if done is None and now_s < one.until_s:
                    return _UNSET
                return done or Mended([], "no worker has done it: is jaego-hq run running?")

    def _ask(self, one: _Running, step: Stock | Chain) -> None:
        now_us = self._clock.wall_us()
        one.request = uuid7(now_us // 1000, self._clock.entropy(10))
        expires_at = self._stamper.text(now_us + int(ANSWER_S * 1e6))
        if isinstance(step, Stock):
            request: StockDigest | ChainDigest = StockDigest(
                id=one.request, expires_at=expires_at, of="stock", **step._asdict()
            )
        else:
            request = ChainDigest(
                id=one.request, expires_at=expires_at, of="events", log=step.log, seq_from=step.first, seq_to=step.last
            )
        self._asked[one.request] = one.store
        payload = request.model_dump_json(exclude_none=True).encode()
        self._out.append(Publish(Topics(one.store, self._prefix).request("digest"), payload, retain=False))

    def _finish(self, one: _Running, found: Verdict) -> None:
        del self._running[one.store]
        self._asked.pop(one.request, None)
        if one.hearing is not None:
            one.hearing.close()
        if isinstance(one.step, Mend):
            mending.give_up(self._database, one.store)
        now_us = self._clock.wall_us()
        results.put(self._database, found, now_us, deep=one.deep)
        self._last[one.store] = results.Last(now_us, found.verdict)
        if found.done:
            mending.tidy(self._database, one.store)
        if found.verdict in {"repaired", "different"}:
            self._say(f"{one.store}: check at event {found.as_of}: {found.verdict}: {found.reason}")


def _digest(payload: bytes) -> DigestResult | str:
    try:
        response = Response.model_validate_json(payload)
        if response.status != "done":
            return f"the store refuses: {response.reason}: {response.hint}"[:300]
        return DigestResult.model_validate(response.result)
    except ValidationError as error:
        return f"the store's answer is no digest: {error.errors()[0]['msg']}"
