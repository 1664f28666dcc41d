"""One store's events, taken in: every event once, in order, checked, whatever order and number of times they come.

Pure. `Ingest` holds the position (the last event taken in) and says of every message what is new, what is known, what
waits for an event before it, and what is refused and why. The caller stores `accepted` with its `notes` and only then
acknowledges; if storing fails it throws the engine away and makes one from what is stored.

    event of the log that is followed
        seq <= position      known; with another hash it is a fork
        seq == position + 1  accepted if hash, prev and signature (openings, checkpoints, keys) hold, else refused
        the oldest           that the store says it has: accepted if it is an opening; events before it are skipped
        seq <= position + 1,000  held until what is missing has come
        further              let go, comes again with the replay
    event of another log
        stored before        known
        its opening          accepted if its parent is the position; held if its parent is still to come; else refused
        after its opening    held; of a log that was left, refused: a fork

Events are skipped only where the store itself says that they are gone: by the oldest event that it still has, or, of a
log that it has left for the one that waits, by refusing `REFUSALS_MIN` times to send them. Never by what comes alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

import orjson

from contract.chain import ChainError, check_event, read_event
from contract.checkpoint import read_checkpoint, read_rotation
from contract.ids import is_name
from contract.journal import OpeningData
from contract.messages import MESSAGE_EVENTS_MAX, MESSAGE_SIZE_BYTES_MAX
from contract.opening import read_opening
from contract.stock import StockError, event_deltas
from headoffice import ahead
from headoffice.beginnings import beginning, numbers_before, resumption
from headoffice.refusals import Refusal, refused, seq_of
from headoffice.taken import Accepted, Gap, Opened, Outcome, Position, Rekeyed, Skipped

_SIGNED = ("opening", "checkpoint", "key_rotated")  # a tuple: what came may be no hashable value
REFUSALS_MIN = 3

__all__ = ["Accepted", "Gap", "HashAt", "Ingest", "Outcome", "Position", "Refusal"]

HashAt = Callable[[str, int], str | None]
"""The hash of a stored event of this store by log and seq, None where there is none."""


class Ingest:
    """The engine of one store."""

    def __init__(
        self,
        store: str,
        *,
        position: Position | None = None,
        key: str | None = None,
        hash_at: HashAt = lambda _log, _seq: None,
        knows: Callable[[str], bool] = lambda _log: False,
        enrolled: Callable[[], str | None] = lambda: None,
        oldest: tuple[str, int] = ("", 1),
    ) -> None:
        self.store = store
        self.position = position
        self.key = key  # of the log that is followed: pinned with its opening
        self._enrolled = enrolled  # the key of the next log, where a person has said which
        self._hash_at = hash_at
        self._knows = knows  # whether any event of a log is stored
        self._left: dict[str, int] = {}  # logs left: they may not be stored yet
        self._former: set[str] = set()  # keys that were given out: `enrolled` may not know yet
        self._ahead = ahead.Ahead()
        self._candidate: str | None = None  # the one other log whose events are held
        self._until = 0  # events of the log that is followed are known to exist up to here
        self._oldest = oldest  # the store's log, and the oldest event that it has of it
        self._refusals = 0  # to send what the candidate waits for

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

    def heard(self, log: str, head: int, first: int = 1) -> Gap | None:
        """The store says of which log it is, how far that goes, and which event is its oldest."""
        if not is_name(log):
            return self.gap()
        self.begins(log, first if first <= head else 1)
        if self.position is None:
            self._candidate = self._candidate or (log if head else None)
        elif log == self.position.log:
            self._until = max(self._until, head)
        elif self._candidate is None and head and not self._is_left(log):
            self._candidate = log
        return self.gap()

    def stored(self) -> None:
        """What was accepted so far is stored before anything is asked for that is."""
        self._former.clear()

    def begins(self, log: str, first: int) -> None:
        """The oldest event that the store still has of its log."""
        if log == self._candidate and first != self._first(log):  # what is held was not looked at as an opening
            self._forget_held()
        self._oldest = (log, first)

    def nothing_there(self, log: str) -> None:
        """The store has refused to send `log` again: what was heard of its head was wrong, or it has left that log."""
        self._until = 0
        waits = self._waiting() is not None and self._oldest[0] == self._candidate
        if not (waits and self.position is not None and log == self.position.log):
            self._drop_candidate()
            return
        self._refusals += 1
        if self._refusals >= REFUSALS_MIN:
            self._forget_held()  # it comes again, and need wait no longer

    def gap(self) -> Gap | None:
        """Where the store should begin to send again, None when nothing is known to be missing."""
        position = self.position
        if position is not None and self._until > position.seq:
            return Gap(position.log, max(position.seq + 1, self._first(position.log)))
        if self._candidate is None:
            return None
        if self._waiting() is not None and position is not None:  # for the end of the log that it grows from
            return Gap(position.log, position.seq + 1)
        return Gap(self._candidate, self._first(self._candidate))

    def _first(self, log: str) -> int:
        return self._oldest[1] if self._oldest[0] == log else 1

    def _is_left(self, log: str) -> bool:
        return log in self._left or self._knows(log)

    def _waiting(self) -> dict[str, Any] | None:
        """The opening of another log that is held."""
        return self._ahead.get(self._candidate, self._first(self._candidate)) if self._candidate is not None else None

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
        if position is None or position.log != log or position.part < position.parts or self._ahead.size_bytes:
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
        taken = len(accepted) - before
        if taken:
            self.position, self._refusals = Position(log, seq, prev, part, parts), 0
        return taken

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
        position, seq = cast("Position", self.position), event["seq"]
        self._refusals = 0  # somebody has events of it
        if seq == position.seq + 1:
            self._accept(event, body, outcome)
            self._drain(outcome)
        elif seq == self._first(position.log):
            self._resume(event, body, outcome)
            self._drain(outcome)
        else:
            self._until = max(self._until, seq)
            if seq <= position.seq + ahead.EVENTS_MAX:
                self._hold(event, body, outcome)
            else:
                outcome.dropped += 1

    def _other_log(self, event: dict[str, Any], body: bytes, outcome: Outcome) -> None:
        log, seq, first = event["log"], event["seq"], self._first(event["log"])
        if self._is_left(log):
            raise ChainError("fork", f"log {log} was left, and comes back with event {seq}: two store PCs use one name")
        if seq == first and self._begin(event, body, outcome):
            self._drain(outcome)
            return
        self._candidate = self._candidate or log
        if self._candidate == log and seq < first + ahead.EVENTS_MAX:
            self._hold(event, body, outcome)
        else:
            outcome.dropped += 1

    def _begin(self, event: dict[str, Any], body: bytes, outcome: Outcome) -> bool:
        """False if the end of the log that it grows from is still to come. Raises `ChainError` where it never will."""
        log, seq, position = event["log"], event["seq"], self.position
        opening = beginning(event, position, self._said_key() or self.key)
        if position is not None and opening.parent is not None:
            if opening.parent.seq > position.seq:
                if self._refusals < REFUSALS_MIN or self._oldest[0] != log:
                    return False
                outcome.notes.append(Skipped(position.log, position.seq + 1, opening.parent.seq))
            self._left[position.log] = position.seq
        outcome.notes += numbers_before(log, seq, opening.parent if position is not None else None)
        self._until = 0
        self._drop_candidate((log, seq))
        outcome.new_log = log
        self._restate(event, body, opening, outcome)
        return True

    def _resume(self, event: dict[str, Any], body: bytes, outcome: Outcome) -> None:
        """The log goes on with the oldest event that the store has; those before it are gone."""
        log, seq, position = event["log"], event["seq"], cast("Position", self.position)
        known = {self.key, self._said_key()} if self.key is not None else set[str | None]()
        opening = resumption(event, {key for key in known if key is not None})
        outcome.notes.append(Skipped(log, position.seq + 1, seq - 1))
        self._ahead.keep(log, seq)
        self._restate(event, body, opening, outcome)

    def _restate(self, event: dict[str, Any], body: bytes, opening: OpeningData, outcome: Outcome) -> None:
        """The first part of an opening, wherever it stands."""
        log, seq = event["log"], event["seq"]
        self._rekey(log, seq, opening.key, outcome)
        outcome.notes.append(Opened(log, seq, opening.parts))
        self._move(event, body, (1, opening.parts), outcome)

    def _rekey(self, log: str, seq: int, key: str, outcome: Outcome) -> None:
        if self.key is not None and key != self.key:
            outcome.notes.append(Rekeyed(log, seq, self.key, key))
            self._former = {*self._former, self.key} - {key}
        self.key = key

    def _said_key(self) -> str | None:
        """Which key a person has said comes next; one that the store has given out is none."""
        key = self._enrolled()
        return None if key in self._former else key

    def _accept(self, event: dict[str, Any], body: bytes, outcome: Outcome) -> None:
        position = cast("Position", self.position)
        if event["prev"] != position.hash:
            raise ChainError(
                "prev", f"event {event['seq']} names {event['prev'][:12]}… as the one before, not {position.hash[:12]}…"
            )
        read_checkpoint(event, self.key)
        rotated, opening = read_rotation(event, self.key), read_opening(event, self.key)
        part, parts = position.part, position.parts
        if part < parts:
            if opening is None or (opening.part, opening.parts) != (part + 1, parts):
                raise ChainError("opening", f"event {event['seq']} stands where part {part + 1} of an opening is due")
            part += 1
        elif opening is not None:
            if opening.part != 1:
                raise ChainError("opening", f"event {event['seq']} is part {opening.part} of an opening without part 1")
            self._restate(event, body, opening, outcome)
            return
        if rotated is not None:
            self._rekey(event["log"], event["seq"], rotated.next, outcome)
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
            held = self._ahead.take(self.position.log, self.position.seq + 1)
            begins = held is None and self._parent_reached()
            if begins:
                held = self._ahead.take(cast("str", self._candidate), self._first(cast("str", self._candidate)))
            if held is None:
                return
            try:
                if begins:
                    self._begin(*held, outcome)
                else:
                    self._accept(*held, outcome)
            except ChainError as error:
                self._refuse(error, held.event["log"], held.event, outcome)
                return

    def _parent_reached(self) -> bool:
        """Whether a held opening grows from the position or from before it."""
        opening, position = self._waiting(), cast("Position", self.position)
        parent = opening["data"].get("parent") if opening is not None else None
        return isinstance(parent, dict) and cast("dict[str, Any]", parent).get("seq", 0) <= position.seq

    def _hold(self, event: dict[str, Any], body: bytes, outcome: Outcome) -> None:
        if (event["log"], event["seq"]) in self._ahead:
            outcome.duplicates += 1
        elif self._ahead.put(event, body):
            outcome.held += 1
        else:
            outcome.dropped += 1

    def _forget_held(self) -> None:
        """Of the other log; it comes again."""
        self._ahead.keep(self.position.log if self.position else "")

    def _drop_candidate(self, begun: tuple[str, int] | None = None) -> None:
        """Forget the other log; with `begun` it is followed from there on, and everything else is forgotten."""
        self._candidate, self._refusals = None, 0
        if begun is None:
            self._forget_held()
        else:
            self._ahead.keep(*begun)
            self._until = self._ahead.last(begun[0])

    def _refuse(self, error: ChainError, log: str, found: object, outcome: Outcome) -> None:
        outcome.refusals.append(refused(error, log, found))
        position, seq = self.position, seq_of(found)
        if position is not None and log == position.log:
            self._until = max(self._until, position.seq + 1)
        elif log == self._candidate and seq == self._first(log):
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
