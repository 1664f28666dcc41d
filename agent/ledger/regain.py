"""A store's events back from head office: a new log behind what head office has, or the same one where it is whole.

What is whole here stays; what is missing comes page by page, each event as its place in the chain demands, and every
signature is checked before anything is put in place. Events that only this ledger has, and that do not stand behind
what head office has, belong to neither: they are set aside, and only when somebody accepts that.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from agent.errors import LedgerCorrupt, LedgerError, LedgerUnusable
from agent.ledger import files, lineage, marks, rebuild, salvage
from agent.ledger.checking import check_whole
from agent.ledger.reader import Reader
from agent.ledger.restore import Place, Restored, begin_behind, making, opened_part, put_in_place
from agent.ledger.schema import migrate
from contract.answers import RestorePage
from contract.chain import GENESIS, ChainError, read_event
from contract.checkpoint import check_signed
from contract.journal import Parent
from contract.opening import read_opening

PROGRESS_EVENTS = 1_000
_OURS = (b'"kind":"opening"', b'"kind":"checkpoint"', b'"kind":"key_rotated"')  # what a log says of itself


class Office(Protocol):
    def page(self, log: str | None, seq: int) -> RestorePage:
        """Events from `seq` on. Raises `UplinkUnreachable`, `UplinkRefused`."""
        ...


@dataclass(frozen=True, slots=True)
class Regained:
    """`restored` is None where the ledger is whole and lacks nothing that head office has: nothing was changed.

    `known` is how many events head office has of `log`, `key` is the one that it follows, `ours` that of this store.
    """

    restored: Restored | None
    log: str
    known: int
    key: str | None
    ours: str | None


class _Base(NamedTuple):
    """What is built on: the local events or none, and how many local ones belong to neither."""

    local: bool
    left: int


def regain(place: Place, office: Office, *, accept_loss: bool = False) -> Regained:
    """Raises `LedgerCorrupt` where local events would be set aside and nobody accepted that, or head office's are not
    what was written; `LedgerUnusable`; what the office raises. Nothing is changed then."""
    with making(place.folder):
        source = salvage.copy_snapshot(place.folder, place.into, None, place.say)
        with opened_part(place.folder) as new:
            local = salvage.save(place.folder, place.store, new)
        stated = office.page(None, 0)
        if stated.log is None or not stated.events:
            raise LedgerCorrupt(
                "head office has no events of this store",
                hint="is it the right head office, and the right store.id? Without them: jaego restore --accept-loss",
            )
        base = _base(place, office, local, stated)
        if base.left and not accept_loss:
            raise LedgerCorrupt(
                f"{base.left} events that only this ledger has do not stand behind the {stated.head} of head office",
                hint="nothing was changed; with --accept-loss they are set aside: count the zones that they are of",
            )
        fetched, end = _build(place, office, stated, base)
        log = stated.log
        if base.local and not fetched and end.sure and _is_whole(place.folder):
            marks.forget(place.folder, marks.DAMAGED, marks.BEHIND)
            return Regained(None, log, stated.head, stated.key, _key(place.folder))
        check_whole(place.folder, name=salvage.PART)
        goes_on = base.local and end.sure
        begun = None if goes_on else begin_behind(place)
        aside = put_in_place(place)
        marks.forget(place.folder, marks.BEHIND)
        kept = (source, local.saved + end.saved) if base.local else (None, 0)
        done = Restored(aside, *kept, end.head, begun, fetched, base.left)
        return Regained(done, log, stated.head, stated.key, _key(place.folder))


def _key(folder: Path) -> str | None:
    return files.read_key(folder)[1] if (folder / files.KEY).exists() else None


def _is_whole(folder: Path) -> bool:
    try:
        check_whole(folder)
    except LedgerError:
        return False
    return True


# -- what of the local events stays ------------------------------------------------------------------------------------


def _base(place: Place, office: Office, local: salvage.Saved, stated: RestorePage) -> _Base:
    if not local.head:
        return _Base(local=False, left=0)
    with closing(Reader(place.folder, salvage.PART)) as reader:
        if local.log == stated.log:
            common = _common(reader, office, local, stated)
            if common == min(local.head, stated.head):
                return _Base(local=True, left=0)
            return _Base(local=False, left=_count(place.folder, common))
        parent = lineage.opening_of(reader).parent
        if parent is not None and parent.log == stated.log and stated.head <= parent.seq:
            return _Base(local=True, left=0)  # head office has not come to this log yet
    child = _stated_parent(stated)
    if child is not None and child.log == local.log:  # head office has gone on without this one
        return _Base(local=False, left=_count(place.folder, child.seq))
    return _Base(local=False, left=_count(place.folder, 0))


def _common(reader: Reader, office: Office, local: salvage.Saved, stated: RestorePage) -> int:
    """The newest event that is the same here and there; 0 where none is found."""
    at = min(local.head, stated.head)
    if at == stated.head and reader.hash_of(at) == stated.hash:
        return at
    start = at
    while start >= reader.first():
        events = [one for one in office.page(local.log, start).events if start <= _seq(one) <= at]
        same = [_seq(one) for one in events if reader.hash_of(_seq(one)) == one.get("hash")]
        if same:
            return max(same)
        if start == reader.first() or not events:
            return 0
        start = max(reader.first(), start - 50)
    return 0


def _seq(event: dict[str, Any]) -> int:
    found = event.get("seq")
    return found if isinstance(found, int) else 0


def _stated_parent(stated: RestorePage) -> Parent | None:
    opening = _opening(stated)
    return opening.parent if opening is not None else None


def _opening(stated: RestorePage) -> Any:
    try:
        return read_opening(read_event(stated.events[0])[0])
    except ChainError as error:
        raise _wrong(stated.events[0].get("seq"), error) from error


def _count(folder: Path, after: int) -> int:
    """Events behind `after` that say something of the store."""
    ours = " OR ".join(["instr(body, ?)"] * len(_OURS))
    statement = f"SELECT COUNT(*) FROM event WHERE seq > ? AND NOT (type = 'journal' AND ({ours}))"  # noqa: S608  no values
    with closing(files.open_reader(folder, salvage.PART)) as connection:
        return int(connection.execute(statement, (after, *_OURS)).fetchone()[0])


# -- what comes from head office ---------------------------------------------------------------------------------------


def _build(place: Place, office: Office, stated: RestorePage, base: _Base) -> tuple[int, salvage.Saved]:
    """Fill what is built: how many events came from head office, and its end."""
    if not base.local:
        if _opening(stated) is None:
            raise LedgerCorrupt(
                f"head office's event {_seq(stated.events[0])} is no opening: its log begins with what it is not",
                hint="run jaego-hq verify --deep at head office",
            )
        (place.folder / salvage.PART).unlink(missing_ok=True)
    with opened_part(place.folder) as new:
        migrate(new)
        fetched = _fetch(place, office, stated, new)
        if not base.local:
            salvage.take_beside(place.folder, new)
        end = salvage.save(place.folder if base.local else place.folder / "nothing", place.store, new)
        rebuild.rebuild(new)
    return fetched, end


def _fetch(place: Place, office: Office, stated: RestorePage, new: sqlite3.Connection) -> int:
    held = salvage.newest(new)
    if held is not None and held["log"] != stated.log:
        return 0
    seq, prev = (held["seq"], held["hash"]) if held else (_seq(stated.events[0]) - 1, None)
    fetched, key = 0, None
    page: RestorePage | None = None if held else stated
    new.execute("BEGIN IMMEDIATE")
    while seq < stated.head:
        page = page or office.page(stated.log, seq + 1)
        if page.head > stated.head:
            raise LedgerUnusable(
                "head office is getting new events of this store", hint="another PC of the store is running: stop it"
            )
        if page.log != stated.log or not page.events:
            raise _wrong(seq + 1, ChainError("page", "it is not told"))
        for one in page.events:
            seq += 1
            try:
                event, body = read_event(one, prev=GENESIS if seq == 1 else prev, seq=seq)
                if (event["store"], event["log"]) != (place.store, stated.log):
                    raise ChainError("log", f"it is of store {event['store']}, log {event['log']}")  # noqa: TRY301
                key, _signed = check_signed(event, key, seq)
            except ChainError as error:
                raise _wrong(seq, error) from error
            files.put_event(new, (seq, event["type"], body))
            prev, fetched = event["hash"], fetched + 1
            if fetched % PROGRESS_EVENTS == 0:
                place.say(f"event {seq} of {stated.head}")
        page = None
    new.execute("COMMIT")
    if key is not None and stated.key is not None and key != stated.key:
        raise _wrong(seq, ChainError("key", f"its log ends with key {key[:12]}…, and it says {stated.key[:12]}…"))
    return fetched


def _wrong(seq: Any, error: ChainError) -> LedgerCorrupt:
    return LedgerCorrupt(
        f"event {seq} from head office is not what this store wrote: {error}",
        hint="nothing was changed; run jaego-hq verify --deep at head office",
    )
