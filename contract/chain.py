"""Sealed events: the envelope, its canonical bytes, and the hash that names the event before it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from hashlib import sha256
from operator import itemgetter
from typing import Any, NamedTuple, cast

import orjson

from contract.canonical import CanonicalError, canonical, checked, encode, fractions, plain
from contract.ids import is_name, is_store
from contract.topics import EventType

GENESIS = "0" * 64
EVENT_SIZE_BYTES_MAX = 48 * 1024  # one event always fits one message of 64 KiB
MEMBERS = frozenset(
    {"store", "log", "seq", "id", "type", "occurred_at", "recorded_at", "clock", "source", "prev", "hash", "data"}
)


class Sealed(NamedTuple):
    """An event as it is stored and published: `body` is its canonical JSON with the hash, never encoded again."""

    seq: int
    type: str
    body: bytes
    hash: str


class ChainError(ValueError):
    """The event is not what its store wrote at this place. `code` is for machines, the text for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def seal(kind: str, data: Mapping[str, Any], rest: dict[str, Any]) -> Sealed:
    """Canonical bytes and hash of an event.

    `rest` holds store, log, seq, id, occurred_at, recorded_at, source and prev; `clock` comes with it. The members are
    written in two halves because `hash` sorts between `data` and `id`: the hash is taken over both halves and
    put between them, so an event is encoded once.
    """
    head = encode({"clock": rest.pop("clock"), "data": data})
    rest["type"] = kind
    tail = encode(rest)
    unsigned = head[:-1] + b"," + tail[1:]
    name = sha256(unsigned).hexdigest()
    body = b'%b,"hash":"%b",%b' % (head[:-1], name.encode(), tail[1:])
    if len(body) > EVENT_SIZE_BYTES_MAX:
        raise CanonicalError("data", f"the event has {len(body)} bytes, {EVENT_SIZE_BYTES_MAX} are allowed")
    return Sealed(rest["seq"], kind, body, name)


class Sealer:
    """Seals the events of one log, fast: `seal` for a writer that knows that its envelope needs no escaping.

    Gives the same bytes as `seal`; `tests/contract` holds them against each other. `data` is checked: floats and
    other values without a canonical form raise `CanonicalError`.
    """

    def __init__(self, store: str, log: str) -> None:
        if not (is_store(store) and is_name(log)):
            raise ChainError("shape", f"store {store!r} or log {log!r} is no name")
        self._log = f'","log":"{log}","occurred_at":"'
        self._store = f',"store":"{store}","type":"'
        self._source: Mapping[str, Any] = {}
        self._source_text = "{}"

    def seal(self, kind: str, data: Mapping[str, Any], source: Mapping[str, Any], place: Place) -> Sealed:
        if source is not self._source and source != self._source:
            self._source_text, self._source = checked(source).decode(), source
        seq, prev, identity, occurred_at, recorded_at, clock = place
        data_bytes = checked(data)
        head = b'{"clock":"synced","data":' + data_bytes if clock == "synced" else _suspect(clock) + data_bytes
        tail = (
            f',"id":"{identity}{self._log}{occurred_at}","prev":"{prev}","recorded_at":"{recorded_at}"'
            f',"seq":{seq},"source":{self._source_text}{self._store}{kind}"}}'
        ).encode()
        hashed = sha256(head)
        hashed.update(tail)
        name = hashed.hexdigest()
        body = b"".join((head, b',"hash":"', name.encode(), b'"', tail))
        if len(body) > EVENT_SIZE_BYTES_MAX:
            raise CanonicalError("data", f"the event has {len(body)} bytes, {EVENT_SIZE_BYTES_MAX} are allowed")
        return Sealed(seq, kind, body, name)


def _suspect(clock: str) -> bytes:
    return b'{"clock":"%b","data":' % clock.encode()


class Place(NamedTuple):
    """Where and when: what the writer adds to a draft. All but `seq` are ASCII texts without quotes."""

    seq: int
    prev: str
    id: str
    occurred_at: str
    recorded_at: str
    clock: str


def event_hash(event: Mapping[str, Any]) -> str:
    """SHA-256 over the canonical event without its member `hash`. Raises `CanonicalError`."""
    return sha256(canonical({key: value for key, value in event.items() if key != "hash"})).hexdigest()


def check_event(found: object, *, prev: str | None = None, seq: int | None = None) -> dict[str, Any]:
    """The event as a dict if its members, its hash and its place hold. Raises `ChainError`."""
    return read_event(found, prev=prev, seq=seq)[0]


def read_event(found: object, *, prev: str | None = None, seq: int | None = None) -> tuple[dict[str, Any], bytes]:
    """As `check_event`, with the event's canonical bytes, for values that came out of a JSON parser."""
    if not isinstance(found, dict):
        raise ChainError("shape", "an event is a JSON object")
    event = cast("dict[str, Any]", found)
    body = _proven(event) or _read_closely(event)
    if seq is not None and event["seq"] != seq:
        raise ChainError("sequence", f"event {event['seq']} stands where {seq} is due")
    if prev is not None and event["prev"] != prev:
        raise ChainError(
            "prev", f"event {event['seq']} names {event['prev'][:12]}… as the one before, not {prev[:12]}…"
        )
    return event, body


def check_body(body: bytes, *, prev: str | None = None, seq: int | None = None) -> dict[str, Any]:
    """As `check_event`, for stored bytes, which must also be in canonical form to the byte."""
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise ChainError("shape", f"no JSON: {error}") from error
    event, canonical_body = read_event(found, prev=prev, seq=seq)
    if canonical_body != body:
        raise ChainError("canonical", f"event {event['seq']} is not stored in canonical form")
    return event


def _read_closely(event: dict[str, Any]) -> bytes:
    """Member by member, with the reason where something does not hold."""
    fault = _shape_fault(event)
    if fault:
        raise ChainError("shape", fault)
    try:
        name = event_hash(event)
    except CanonicalError as error:
        raise ChainError("shape", f"event {event['seq']}: {error}") from error
    if name != event["hash"]:
        raise ChainError("hash", f"event {event['seq']} was changed: its content hashes to {name[:12]}…")
    return encode(event)


_ALL = itemgetter(*sorted(MEMBERS))
_TEXT_ONLY = {str}
_HASH_MARK = b',"hash":"'
_HASH_SIZE_BYTES = len(_HASH_MARK) + 64 + 1


@lru_cache(65_536)
def _named(store: str, log: str) -> bool:
    return is_store(store) and is_name(log)


def _proven(event: dict[str, Any]) -> bytes | None:
    """The fast yes, in a quarter of the time of `_read_closely`, which judges what gets None here.

    Encoded once: the hash is taken over what stands before and behind the member `hash` in the event's own bytes. If
    another member of that name were cut out, the event would contain its own hash. Texts cannot hide a number that has
    no canonical form: of what stands behind the hash all is known to be text, but for `seq`.
    """
    try:
        clock, data, name, identity, log, occurred_at, prev, recorded_at, seq, source, store, kind = _ALL(event)
    except KeyError:
        return None
    if not (
        type(store) is type(log) is type(kind) is type(clock) is type(name) is type(prev) is str
        and type(identity) is type(occurred_at) is type(recorded_at) is str
        and type(data) is type(source) is dict
        and type(seq) is int
        and seq >= 1
        and len(event) == len(MEMBERS)
        and kind in _TYPES
        and clock in _CLOCKS
        and _TEXT_ONLY.issuperset(map(type, source.values()))
        and _named(store, log)
    ):
        return None
    body = plain(event)
    if body is None:
        return None
    at = body.rfind(_HASH_MARK)
    head = body[:at]
    if fractions(head) or sha256(head + body[at + _HASH_SIZE_BYTES :]).hexdigest() != name:
        return None
    return body


_TYPES = frozenset(EventType)
_CLOCKS = frozenset({"synced", "suspect"})
_TEXTS = ("id", "occurred_at", "recorded_at", "prev", "hash")


def _shape_fault(event: Mapping[str, Any]) -> str | None:
    if not event.keys() >= MEMBERS:
        return f"members are missing: {', '.join(sorted(MEMBERS - event.keys()))}"
    if type(event["seq"]) is not int or event["seq"] < 1:
        return f"seq is {event['seq']!r}, expected 1, 2, 3 …"
    if not isinstance(event["type"], str) or event["type"] not in _TYPES:
        return f"type is {event['type']!r}, expected one of {', '.join(sorted(_TYPES))}"
    if not all(isinstance(event[name], str) for name in _TEXTS):
        return f"one of {', '.join(_TEXTS)} is no text"
    if not (isinstance(event["store"], str) and is_store(event["store"])):
        return f"store is {event['store']!r}"
    if not (isinstance(event["log"], str) and is_name(event["log"])):
        return f"log is {event['log']!r}"
    if event["clock"] not in ("synced", "suspect"):  # a tuple: what came may be no hashable value
        return f"clock is {event['clock']!r}, expected synced or suspect"
    if not isinstance(event["data"], dict) or not isinstance(event["source"], dict):
        return "data and source are JSON objects"
    return None


def frame(store: str, log: str) -> tuple[bytes, bytes]:
    """What stands before and after the joined bodies in the payload of an event topic."""
    return b'{"store":"%b","log":"%b","events":[' % (store.encode(), log.encode()), b"]}"


def message(store: str, log: str, bodies: Sequence[bytes]) -> bytes:
    """The payload of an event topic: stored bodies as they are, joined."""
    before, after = frame(store, log)
    return before + b",".join(bodies) + after
