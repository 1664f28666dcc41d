"""One check of one store. Pure: a conversation that yields what it wants and is sent what came of it.

    check = engine.check(books, deep=False, since=0)
    step = next(check)                    Stock, Chain, Listen, Pause or Mend
    step = check.send(answer)             until StopIteration, whose value is the verdict

Compared are the hash of the newest event and of some before it, events that came since the last check byte by byte,
stock by the store's digest (halved until rows are listed), and the retained levels. A store goes on meanwhile: each
answer says as of which event it is, and head office's rows are taken back to that event.

What is not as it should be is mended once, and compared again: damaged events come again from the store, tables are
made again from the events. `deep` looks at every event of the log and makes the tables again in any case.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from contract.canonical import INTEGER_MAX
from contract.chain import GENESIS, ChainError, check_body
from contract.messages import DigestResult, Level
from contract.opening import read_opening
from contract.stock import StockRow, stock_digest
from headoffice.beginnings import resumption
from headoffice.mending import Mended
from headoffice.storing import Written
from headoffice.taken import Position, Skipped
from headoffice.verify import ROWS_LISTED, Difference, narrow

WAIT_S = 0.5
WAITS_MAX = 240  # for head office to come to the event of an answer
ASKS_MAX = 400
POINTS = 4


class Stock(NamedTuple):
    """Ask for the digest of a range of SKUs. Sent: `DigestResult`, or why there is none."""

    sku_from: str | None = None
    sku_to: str | None = None
    rows_max: int = 0


class Chain(NamedTuple):
    """Ask for the hash of event `last`, and how many there are from `first` on. Sent as for `Stock`."""

    log: str
    first: int
    last: int


class Listen(NamedTuple):
    """Hear the store's retained levels. Sent: a list of `Level`."""


class Pause(NamedTuple):
    seconds: float


class Mend(NamedTuple):
    """Have the log mended from `seq` on. Sent: `Mended`."""

    log: str
    seq: int


Step = Stock | Chain | Listen | Pause | Mend
Talk = Generator[Step, Any, Any]


class Holding(NamedTuple):
    """What head office has of an SKU: base units, and the event that changed it last."""

    on_hand: int
    reserved: int
    seq: int
    sellable: int


class Books(Protocol):
    """Head office's side, of one store."""

    store: str

    def position(self) -> tuple[Position, str | None] | None: ...

    def rows(self, log: str, seq: int, sku_from: str | None, sku_to: str | None) -> list[StockRow] | None:
        """As of an event of the log that is followed; None while it has not come."""
        ...

    def hash_at(self, log: str, seq: int) -> str | None: ...

    def page(self, log: str, first: int) -> list[Written]: ...

    def other_logs(self, log: str) -> list[str]: ...

    def skipped(self, log: str) -> list[Skipped]: ...

    def oldest(self, log: str) -> int:
        """The first event that the store has of it, as it said last."""
        ...

    def keys(self) -> set[str]:
        """That the store's logs are signed with; none: any."""
        ...

    def holdings(self) -> tuple[Position | None, dict[str, Holding]]: ...


class LevelOff(NamedTuple):
    """A retained level that says otherwise."""

    sku: str
    store: int
    head_office: int
    store_reserved: int
    head_office_reserved: int


@dataclass(slots=True)
class Verdict:
    store: str
    verdict: str = "not_compared"
    reason: str | None = None
    log: str | None = None
    as_of: int | None = None
    rows: int = 0
    quantity: int = 0
    differences: list[Difference] = field(default_factory=list[Difference])
    levels: int = 0
    levels_off: list[LevelOff] = field(default_factory=list[LevelOff])
    available_off: int = 0  # levels that say another `available`: the store keeps a buffer of its own
    events: int = 0  # looked at byte by byte
    damaged: int | None = None  # the first event that is not as it was sent
    done: list[str] = field(default_factory=list[str])
    tables: list[str] = field(default_factory=list[str])  # that were not as the events say


class NotCompared(Exception):
    pass


class _Lost(Exception):
    """The store no longer has what it once sent."""


class _Look(NamedTuple):
    """What one look found. `chain`: the events are those of the store, as far as hashes say."""

    chain: bool
    stock: bool
    levels: bool


def check(books: Books, *, deep: bool, since: int) -> Generator[Step, Any, Verdict]:
    """`since`: events up to there were looked at before."""
    verdict, talk = Verdict(books.store), _Talk(books)
    try:
        look = yield from talk.look(verdict, levels=True)
        yield from talk.walk(verdict, 1 if deep else since + 1)
        if deep:
            yield from talk.walk_others(verdict)
        right = all(look) and verdict.damaged is None
        if right and not deep:
            verdict.verdict = "equal"
        else:
            yield from _mended(talk, verdict, look, right=right)
    except NotCompared as error:
        verdict.verdict, verdict.reason = "not_compared", str(error)
    except _Lost as error:
        verdict.verdict, verdict.reason = "different", str(error)
    return verdict


def _mended(talk: _Talk, verdict: Verdict, look: _Look, *, right: bool) -> Talk:
    log, as_of = verdict.log or "", verdict.as_of or 0
    verdict.verdict = "different"
    if verdict.damaged is None:
        yield from talk.walk(verdict, 1)
    if verdict.damaged is None and not look.chain:
        verdict.reason = "the logs are not the same, and each holds: this is a fork"
        return
    seq = verdict.damaged or INTEGER_MAX
    if verdict.damaged is not None:
        has = yield from talk.asked(Chain(log, seq, as_of))
        if has is None or has.rows != as_of - seq + 1:
            verdict.reason = f"event {seq} is damaged, and the store no longer has it: restore a copy of the database"
            return
    done: Mended = yield Mend(log, seq)
    if done.error is not None:
        verdict.reason = f"not mended: {done.error}"
        return
    verdict.tables = done.tables
    verdict.done.append("events_taken_in_again" if verdict.damaged is not None else "tables_made_again")
    again = Verdict(verdict.store)
    found = yield from talk.look(again, levels=not look.levels)
    yield from talk.walk(again, verdict.damaged or as_of)
    if all(found) and again.damaged is None:
        verdict.verdict = "equal" if right and not done.tables else "repaired"
        verdict.as_of, verdict.rows, verdict.quantity = again.as_of, again.rows, again.quantity
        verdict.reason = None if verdict.verdict == "equal" else verdict.reason or "tables differed from the events"
    else:
        verdict.differences, verdict.levels_off = again.differences, again.levels_off
        verdict.reason = "it is what the events say, and the store's own tables differ: look at that store"


class _Talk:
    def __init__(self, books: Books) -> None:
        self._books = books
        self._asks = 0

    def ask(self, step: Stock | Chain) -> Generator[Step, Any, DigestResult]:
        answer: DigestResult | str = yield from self._answer(step)
        if isinstance(answer, str):
            raise NotCompared(answer)
        return answer

    def asked(self, step: Chain) -> Generator[Step, Any, DigestResult | None]:
        """None where the store does not say."""
        answer: DigestResult | str = yield from self._answer(step)
        return None if isinstance(answer, str) else answer

    def _answer(self, step: Stock | Chain) -> Generator[Step, Any, DigestResult | str]:
        self._asks += 1
        if self._asks > ASKS_MAX:
            raise NotCompared("it differs in more places than can be asked for")
        answer: DigestResult | str = yield step
        return answer

    def look(self, verdict: Verdict, *, levels: bool) -> Generator[Step, Any, _Look]:
        """Hashes, stock and levels. Fills the verdict."""
        before = self._books.position()
        theirs = yield from self.ask(Stock())
        verdict.log, verdict.as_of = theirs.log, theirs.as_of
        if before is not None and before[0].log == theirs.log and before[0].seq > theirs.as_of:
            raise _Lost(f"the store is at event {theirs.as_of}, head office has {before[0].seq}: the store lost events")
        ours = yield from self._rows(theirs, None, None)
        found = stock_digest(ours)
        verdict.rows, verdict.quantity = found["rows"], found["quantity"]
        chain = self._books.hash_at(theirs.log, theirs.as_of) == theirs.head_hash
        if not chain:
            verdict.reason = f"event {theirs.as_of} has another hash than in the store"
        first = max([self._books.oldest(theirs.log), *(one.seq_to + 1 for one in self._books.skipped(theirs.log))])
        for point in range(1, POINTS):
            seq = first + (theirs.as_of - first) * point // POINTS
            if chain and first <= seq:
                there = yield from self.asked(Chain(theirs.log, seq, seq))
                if there is not None and there.rows and self._books.hash_at(theirs.log, seq) != there.hash:
                    chain, verdict.reason = False, f"event {seq} has another hash than in the store"
        stock = found["hash"] == theirs.hash
        if not stock:
            verdict.reason = verdict.reason or "stock differs"
            yield from self._narrow(verdict)
        if levels:
            heard: list[Level] = yield Listen()
            self._levels(verdict, heard)
        if verdict.levels_off:
            verdict.reason = verdict.reason or "levels differ"
        return _Look(chain, stock, not verdict.levels_off)

    def _rows(
        self, theirs: DigestResult, sku_from: str | None, sku_to: str | None
    ) -> Generator[Step, Any, list[StockRow]]:
        """Ours as of the event of an answer, once it has come."""
        for _ in range(WAITS_MAX):
            held = self._books.position()
            if held is None:
                raise NotCompared("head office has no event of it")
            rows = self._books.rows(theirs.log, theirs.as_of, sku_from, sku_to)
            if rows is not None:
                return rows
            yield Pause(WAIT_S)
        raise NotCompared("head office has not come to the event that the store is at: is jaego-hq run running?")

    def _narrow(self, verdict: Verdict) -> Talk:
        talk = narrow(verdict.differences)
        try:
            place = next(talk)
            while True:
                theirs = yield from self.ask(Stock(*place, ROWS_LISTED))
                rows = yield from self._rows(theirs, *place)
                place = talk.send((theirs, rows))
        except StopIteration as end:
            verdict.reason = end.value or verdict.reason

    def _levels(self, verdict: Verdict, heard: Iterable[Level]) -> None:
        """Only those that say something about now: of this log, and not older than the SKU's newest event."""
        position, holdings = self._books.holdings()
        for level in heard:
            verdict.levels += 1
            if position is None or level.log != position.log or level.as_of > position.seq:
                continue
            ours = holdings.get(level.sku, Holding(0, 0, 0, 0))
            if level.as_of < ours.seq:
                continue
            verdict.available_off += level.available != ours.sellable - ours.reserved
            if (level.on_hand, level.reserved) == ours[:2]:
                continue
            verdict.levels_off.append(LevelOff(level.sku, level.on_hand, ours.on_hand, level.reserved, ours.reserved))

    # -- events byte by byte ------------------------------------------------------------------------------------------

    def walk(self, verdict: Verdict, first: int) -> Talk:
        """To the event that is compared; says in the verdict where the first damage is."""
        log, last = verdict.log or "", verdict.as_of or 0
        verdict.damaged = yield from self._walked(verdict, log, max(1, first), last)
        if verdict.damaged is not None:
            verdict.reason = f"event {verdict.damaged} is not as the store sent it"

    def walk_others(self, verdict: Verdict) -> Talk:
        """Logs that were left: nobody can send them again."""
        for log in self._books.other_logs(verdict.log or ""):
            bad = yield from self._walked(verdict, log, 1, None)
            if bad is not None:
                raise NotCompared(f"event {bad} of log {log}, which was left, is damaged: restore a copy")

    def _walked(self, verdict: Verdict, log: str, first: int, last: int | None) -> Generator[Step, Any, int | None]:
        keys, skips = self._books.keys(), self._books.skipped(log)
        first = next((one.seq_to + 1 for one in skips if one.seq_from <= first <= one.seq_to), first)
        behind = {one.seq_from: one.seq_to + 1 for one in skips}
        prev = GENESIS if first == 1 else "" if first in behind.values() else self._books.hash_at(log, first - 1)
        if prev is None:
            return first - 1
        while last is None or first <= last:
            rows = self._books.page(log, first)
            for one in rows:
                first, prev = (behind[first], "") if first in behind else (first, prev)
                if last is not None and one.seq > last:
                    return None
                if not _is_whole(one, self._books.store, log, (first, prev), keys):
                    return first
                first, prev, verdict.events = first + 1, one.hash, verdict.events + 1
            if not rows:
                return None if last is None else first
            yield Pause(0.0)
        return None


def _is_whole(one: Written, store: str, log: str, place: tuple[int, str], keys: set[str]) -> bool:
    """At `place`: the number, and the hash of the event before; none: what is skipped is before it."""
    seq, prev = place
    try:
        event = check_body(one.body, prev=prev or None, seq=seq)
        opening = read_opening(event) if prev else resumption(event, keys)
    except ChainError:
        return False
    if opening is not None and keys and opening.key not in keys:
        return False
    return (one.seq, one.hash, one.type, log, store) == (
        seq, event["hash"], event["type"], event["log"], event["store"]
    )  # fmt: skip


def off(verdict: Verdict, by_weight: frozenset[str]) -> tuple[int, int]:
    """Pieces that differ, and grams of goods by weight."""
    pieces = grams = 0
    for one in verdict.differences:
        size = abs(one.store - one.head_office)
        pieces, grams = (pieces, grams + size) if one.sku in by_weight else (pieces + size, grams)
    return pieces, grams
