"""One store's events, taken in: every event once, in order, checked, whatever order and number of times they come.

Pure. `Ingest` holds the position (the last event taken in) and says of every message what is new, what is known, what
waits for an event before it, and what is refused and why. The caller stores `accepted` and only then acknowledges; if
storing fails it throws the engine away and makes one from what is stored.

    event of the log that is followed
        seq <= position      known; with another hash it is a fork
        seq == position + 1  accepted if hash, prev and (openings, checkpoints) signature hold, else refused
        seq <= position + 1,000  held until what is missing has come
        further              let go, comes again with the replay
    event of another log
        stored before        known
        its opening          accepted if its parent is the position; held if its parent is still to come; else refused
        after its opening    held; of a log that was left, refused: a fork
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, cast

import orjson

from contract.chain import GENESIS, ChainError, check_event, read_event
from contract.checkpoint import read_checkpoint
from contract.ids import is_name
from contract.journal import OpeningData
from contract.messages import MESSAGE_EVENTS_MAX, MESSAGE_SIZE_BYTES_MAX
from contract.opening import read_opening
from contract.stock import StockError, StockKey, event_deltas
from headoffice.refusals import Refusal, refused, seq_of

_SIGNED = ("opening", "checkpoint")  # a tuple: what came may be no hashable value
AHEAD_EVENTS_MAX = 1_000
AHEAD_SIZE_BYTES_MAX = 4 * 1024 * 1024

__all__ = ["Accepted", "Gap", "HashAt", "Ingest", "Outcome", "Position", "Refusal"]

HashAt = Callable[[str, int], str | None]
"""The hash of a stored event of this store by log and seq, None where there is none."""


class Position(NamedTuple):
    """The last event taken in. `part` of `parts` is how much of an opening has come; equal when it is complete."""

    log: str
    seq: int
    hash: str
    part: int = 0
    parts: int = 0


class Accepted(NamedTuple):
    """An event to be stored; `body` is its canonical JSON, `deltas` what it does to stock (an opening: nothing)."""

    log: str
    seq: int
    type: str
    hash: str
    body: bytes
    event: dict[str, Any]
    deltas: tuple[tuple[StockKey, int], ...]


class Gap(NamedTuple):
    """Events are missing: the store should send again from here."""

    log: str
    seq: int


@dataclass(slots=True)
class Outcome:
    """What one message brought."""

    accepted: list[Accepted] = field(default_factory=list[Accepted])
    refusals: list[Refusal] = field(default_factory=list[Refusal])
    duplicates: int = 0
    held: int = 0
    dropped: int = 0
    gap: Gap | None = None
    new_log: str | None = None


class _Held(NamedTuple):
    event: dict[str, Any]
    body: bytes


class Ingest:
    """The engine of one store."""

    def __init__(
        self,
        store: str,
        *,
        position: Position | None = None,
        key: str | None = None,
        hash_at: HashAt = lambda _log, _seq: None,
        enrolled: Callable[[], str | None] = lambda: None,
    ) -> None:
        self.store = store
        self.position = position
        self.key = key  # of the log that is followed: pinned with its opening
        self._enrolled = enrolled  # the key of the next log, where a person has said which
        self._hash_at = hash_at
        self._left: dict[str, int] = {}  # logs left: they may not be stored yet
        self._ahead: dict[tuple[str, int], _Held] = {}
        self._ahead_size_bytes = 0
        self._candidate: str | None = None  # the one other log whose events are held
        self._until = 0  # events of the log that is followed are known to exist up to here

    def receive(self, message: bytes | Mapping[str, Any], kind: str | None = None) -> Outcome:
        """Take in one message of an event topic; `kind` is the topic's event type, if it should be held to it."""
        outcome = Outcome()
        try:
            log, events = self._opened(message)
        except ChainError as error:
            outcome.refusals.append(refused(error, None, message))
        else:
            known: dict[str, Any] | None = None
            for found in events[self._straight(log, events, kind, outcome) :]:
                if not self._one(log, found, kind, outcome):
                    known = found
            if known is not None:
                self._check_known(log, known, outcome)
        outcome.gap = self.gap()
        return outcome

    def heard(self, log: str, head: int) -> Gap | None:
        """The store says how far its log goes (`state`, `health`)."""
        if not is_name(log):
            return self.gap()
        if self.position is None:
            self._candidate = self._candidate or (log if head else None)
        elif log == self.position.log:
            self._until = max(self._until, head)
        elif self._candidate is None and head and self._hash_at(log, 1) is None:
            self._candidate = log
        return self.gap()

    def nothing_there(self) -> None:
        """The store has refused to send again: what was heard of its head was wrong."""
        self._until = 0
        self._drop_candidate()

    def gap(self) -> Gap | None:
        """Where the store should begin to send again, None when nothing is known to be missing."""
        position = self.position
        if position is not None and self._until > position.seq:
            return Gap(position.log, position.seq + 1)
        if self._candidate is None:
            return None
        opening = self._ahead.get((self._candidate, 1))
        if opening is not None and position is not None:  # it waits for the end of the log that it grows from
            return Gap(position.log, position.seq + 1)
        return Gap(self._candidate, 1)

    def _opened(self, message: bytes | Mapping[str, Any]) -> tuple[str, list[Any]]:
        value: object = message
        if isinstance(message, bytes):
            if len(message) > MESSAGE_SIZE_BYTES_MAX:
                raise ChainError("size", f"a message of {len(message)} bytes, {MESSAGE_SIZE_BYTES_MAX} are allowed")
            try:
                value = orjson.loads(message)
            except orjson.JSONDecodeError as error:
                raise ChainError("shape", f"no JSON: {error}") from error
        if not isinstance(value, Mapping):
            raise ChainError("shape", "a message is a JSON object")
        opened = cast("Mapping[str, Any]", value)
        log, events = opened.get("log"), opened.get("events")
        if opened.get("store") != self.store:
            raise ChainError("store", f"the message says store {opened.get('store')!r} on a topic of {self.store}")
        if not isinstance(log, str) or not isinstance(events, list):
            raise ChainError("shape", "a message has log and events")
        found = cast("list[Any]", events)
        if not 1 <= len(found) <= MESSAGE_EVENTS_MAX:
            raise ChainError("shape", f"a message of {len(found)} events, expected 1 to {MESSAGE_EVENTS_MAX}")
        return log, found

    def _straight(self, log: str, events: list[Any], kind: str | None, outcome: Outcome) -> int:
        """Take in events for as long as each is simply the next, as nearly all are; how many were taken in.

        `_one` goes on from there: it alone knows signatures, other logs, what waits, and what is refused.
        """
        position = self.position
        if position is None or position.log != log or position.part < position.parts or self._ahead:
            return 0
        _, seq, prev, part, parts = position
        accepted = outcome.accepted
        before = len(accepted)
        try:
            for found in events:
                event, body = read_event(found, prev=prev, seq=seq + 1)
                data, of_type = event["data"], event["type"]
                if (
                    event["store"] != self.store
                    or event["log"] != log
                    or (kind is not None and of_type != kind)
                    or (of_type == "journal" and data.get("kind") in _SIGNED)
                ):
                    break
                accepted.append(Accepted(log, seq + 1, of_type, event["hash"], body, event, tuple(event_deltas(event))))
                seq, prev = seq + 1, event["hash"]
        except (ChainError, StockError):
            pass  # met again in `_one`, which says what becomes of it
        self.position = Position(log, seq, prev, part, parts)
        return len(accepted) - before

    def _one(self, log: str, found: object, kind: str | None, outcome: Outcome) -> bool:
        """Take in one event; False if its place is taken already."""
        position = self.position
        seq = seq_of(found)
        if position is not None and log == position.log and seq is not None and 1 <= seq <= position.seq:
            outcome.duplicates += 1
            return False
        try:
            event, body = read_event(found)
            if event["store"] != self.store or event["log"] != log or (kind is not None and event["type"] != kind):
                raise ChainError("shape", "store, log or type are not those of the message or the topic")  # noqa: TRY301  all refusals go one way
            if position is not None and log == position.log:
                self._follow(event, body, outcome)
            elif event["seq"] <= self._left.get(log, 0) or self._hash_at(log, event["seq"]) is not None:
                outcome.duplicates += 1
                return False
            else:
                self._other_log(event, body, outcome)
        except ChainError as error:
            self._refuse(error, log, found, outcome)
        return True

    def _follow(self, event: dict[str, Any], body: bytes, outcome: Outcome) -> None:
        position = cast("Position", self.position)
        if event["seq"] == position.seq + 1:
            self._accept(event, body, outcome)
            self._drain(outcome)
        elif event["seq"] <= position.seq + AHEAD_EVENTS_MAX:
            self._hold(event, body, outcome)
            self._until = max(self._until, event["seq"])
        else:
            outcome.dropped += 1
            self._until = max(self._until, event["seq"])

    def _other_log(self, event: dict[str, Any], body: bytes, outcome: Outcome) -> None:
        log, seq = event["log"], event["seq"]
        if log in self._left or self._hash_at(log, 1) is not None:
            raise ChainError("fork", f"log {log} was left, and comes back with event {seq}: two store PCs use one name")
        if seq == 1 and self._may_begin(event):
            self._begin(event, body, outcome)
            self._drain(outcome)
        else:
            self._candidate = self._candidate or log
            if self._candidate == log and seq <= AHEAD_EVENTS_MAX:
                self._hold(event, body, outcome)
            else:
                outcome.dropped += 1

    def _may_begin(self, event: dict[str, Any]) -> bool:
        """False if the opening's parent is still to come. Raises `ChainError` where it will never be."""
        opening = read_opening(event, self._enrolled() or self.key)
        if opening is None or event["prev"] != GENESIS:
            raise ChainError("opening", f"log {event['log']} does not begin with an opening")
        position, parent = self.position, opening.parent
        if position is None:  # whatever was before: the opening states it
            return True
        if parent is None:
            raise ChainError(
                "fork", f"log {event['log']} says it is the store's first, head office follows {position.log}"
            )
        if parent.log != position.log:
            raise ChainError(
                "fork", f"log {event['log']} grows from {parent.log}, head office follows {position.log} since"
            )
        if parent.seq > position.seq:
            return False
        if (parent.seq, parent.hash) != (position.seq, position.hash):
            raise ChainError(
                "parent",
                f"log {event['log']} grows from event {parent.seq} of {parent.log}, of which head office has "
                f"{position.seq}: the store was restored without what head office has of it",
            )
        return True

    def _begin(self, event: dict[str, Any], body: bytes, outcome: Outcome) -> None:
        opening = cast("OpeningData", read_opening(event))  # held to its key by `_may_begin`
        if opening.part != 1:
            raise ChainError("opening", f"log {event['log']} begins with part {opening.part} of its opening")
        if self.position is not None:
            self._left[self.position.log] = self.position.seq
        self.key = opening.key
        self._until = 0
        self._drop_candidate(event["log"])
        outcome.new_log = event["log"]
        self._move(event, body, (1, opening.parts), outcome)

    def _accept(self, event: dict[str, Any], body: bytes, outcome: Outcome) -> None:
        position = cast("Position", self.position)
        if event["prev"] != position.hash:
            raise ChainError(
                "prev", f"event {event['seq']} names {event['prev'][:12]}… as the one before, not {position.hash[:12]}…"
            )
        read_checkpoint(event, self.key)
        opening = read_opening(event, self.key)
        part, parts = position.part, position.parts
        if part < parts:
            if opening is None or (opening.part, opening.parts) != (part + 1, parts):
                raise ChainError("opening", f"event {event['seq']} stands where part {part + 1} of an opening is due")
            part += 1
        elif opening is not None:
            if opening.part != 1:
                raise ChainError("opening", f"event {event['seq']} is part {opening.part} of an opening without part 1")
            part, parts = 1, opening.parts
        self._move(event, body, (part, parts), outcome)

    def _move(self, event: dict[str, Any], body: bytes, opening: tuple[int, int], outcome: Outcome) -> None:
        log, seq, name = event["log"], event["seq"], event["hash"]
        self.position = Position(log, seq, name, *opening)
        try:
            deltas = tuple(event_deltas(event))
        except StockError as error:
            # The log is kept as the store wrote it. Refusing the event would stop the store's stream for ever.
            deltas = ()
            outcome.refusals.append(refused(ChainError("stock", f"event {seq} moves no stock: {error}"), log, event))
        outcome.accepted.append(Accepted(log, seq, event["type"], name, body, event, deltas))

    def _drain(self, outcome: Outcome) -> None:
        """Accept what was held for want of the event that has just come."""
        while self._ahead and self.position is not None:
            held = self._take((self.position.log, self.position.seq + 1))
            begins = held is None and self._parent_reached()
            if begins:
                held = self._take((cast("str", self._candidate), 1))
            if held is None:
                return
            try:
                if not begins:
                    self._accept(*held, outcome)
                elif self._may_begin(held.event):
                    self._begin(*held, outcome)
            except ChainError as error:
                self._refuse(error, held.event["log"], held.event, outcome)
                return

    def _parent_reached(self) -> bool:
        """Whether a held opening grows from the position or from before it."""
        opening = self._ahead.get((self._candidate, 1)) if self._candidate is not None else None
        position = cast("Position", self.position)
        return opening is not None and opening.event["data"]["parent"]["seq"] <= position.seq

    def _hold(self, event: dict[str, Any], body: bytes, outcome: Outcome) -> None:
        place = (event["log"], event["seq"])
        if place in self._ahead:
            outcome.duplicates += 1
        elif (
            len(self._ahead) >= AHEAD_EVENTS_MAX or self._ahead_size_bytes + len(body) > AHEAD_SIZE_BYTES_MAX
        ):  # the replay brings it again
            outcome.dropped += 1
        else:
            self._ahead[place] = _Held(event, body)
            self._ahead_size_bytes += len(body)
            outcome.held += 1

    def _take(self, place: tuple[str, int]) -> _Held | None:
        held = self._ahead.pop(place, None)
        if held is not None:
            self._ahead_size_bytes -= len(held.body)
        return held

    def _drop_candidate(self, keep: str | None = None) -> None:
        """Forget the other log; with `keep` it is followed from now on, and everything else is forgotten."""
        followed = keep or (self.position.log if self.position else "")
        for place in [place for place in self._ahead if place[0] != followed]:
            self._take(place)
        self._candidate = None
        if keep is not None and self._ahead:
            self._until = max(seq for _, seq in self._ahead)

    def _refuse(self, error: ChainError, log: str, found: object, outcome: Outcome) -> None:
        outcome.refusals.append(refused(error, log, found))
        position, seq = self.position, seq_of(found)
        if position is not None and log == position.log:
            self._until = max(self._until, position.seq + 1)
        elif log == self._candidate and seq == 1:
            self._drop_candidate()

    def _check_known(self, log: str, found: dict[str, Any], outcome: Outcome) -> None:
        """A fork shows in the last known event of a message: every hash contains the one before."""
        stored = self._hash_at(log, found["seq"])
        if stored is None or found.get("hash") == stored:
            return
        try:
            check_event(found)
            raise ChainError("fork", f"event {found['seq']} of log {log} has come with two contents")  # noqa: TRY301  as above
        except ChainError as error:
            outcome.refusals.append(refused(error, log, found))
