"""What tags do to the log: EPCs that are new to a count, serial numbers given out, tags written, passages unread.

Pure. A count by RFID is the union of distinct EPCs: each is journaled once in a session and zone, when it is new.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any, Protocol

from agent.operations import counts_office, counts_tags
from agent.operations.books import Record, Shelf
from agent.operations.counts_tags import TagItem
from agent.operations.counts_values import open_count
from agent.operations.cuts import cut
from agent.operations.values import Context, Draft, Session, Station, TagPlace
from contract.documents import ExpectedDocument
from contract.stock import StockKey
from drivers.reads import SensorWindow

SERIAL_MAX = (1 << 38) - 1  # of an SGTIN-96 (TDS 14.6.1)
EPCS_AN_EVENT_MAX = 250
EPCS_SIZE_BYTES_MAX = 16 * 1024  # each stands in an event twice: seen, and of which line


class TagState(Protocol):
    """What operations on tags look at, within the transaction that will hold their events."""

    def session(self, station: str) -> Session | None: ...

    def counted(self, session: str, zone: str) -> AbstractSet[str]:
        """EPCs, hexadecimal in upper case."""
        ...

    def serial(self, gtin: str) -> int | None:
        """The highest that was given out."""
        ...

    @property
    def books(self) -> Shelf: ...

    def documents(self) -> Sequence[ExpectedDocument]: ...

    def stock(self, key: StockKey) -> int: ...

    def tag(self, epc: str) -> TagPlace | None: ...


@dataclass(frozen=True, slots=True)
class SeenTags:
    """Tags that a station's readers saw; `epcs` are hexadecimal in upper case, `items` what the catalogue knows of
    them."""

    station: Station
    device: str
    epcs: Sequence[str]
    context: Context
    items: Mapping[str, TagItem]


@dataclass(frozen=True, slots=True)
class Encode:
    """A tag to be written. `serial` None takes the next of the store's own range."""

    gtin: str
    serial: int | None
    serial_first: int
    serial_last: int
    device: str
    context: Context


class NoSerial(Exception):
    """The store's range of serial numbers for this GTIN is used up, or the number was given out already."""


def seen(state: TagState, command: SeenTags) -> tuple[tuple[Draft, ...], Session | None]:
    """What is new to the count that the station is in, and its session; nothing outside a count, and no session where
    the count is in review."""
    session = state.session(command.station.name)
    if session is None or session.mode != "count" or session.zone is None:
        return (), session
    known = state.counted(session.session, session.zone)
    fresh = [epc for epc in dict.fromkeys(command.epcs) if epc not in known]
    held = open_count(state.books, session.zone)
    if not fresh or (held is not None and held[1]["state"] == "submitted"):
        return (), session if held is None or not fresh else None
    source = {"device": command.device, "station": command.station.name, "session": session.session}
    source |= {"clerk": session.clerk} if session.clerk is not None else {}
    drafts: list[Draft] = []
    if held is None:
        blind = command.station.rules.count_blind
        opened, record = counts_office.opening(state, session.zone, source, command.context, blind=blind)
        held = command.context.session_id, record
        drafts.append(opened)
    for epcs in cut(fresh, EPCS_AN_EVENT_MAX, EPCS_SIZE_BYTES_MAX):
        drafts += _told(state, held, session, epcs, source, command)
    return tuple(drafts), session


def _told(
    state: TagState,
    held: tuple[str, Record],
    session: Session,
    epcs: list[str],
    source: Mapping[str, Any],
    command: SeenTags,
) -> Iterator[Draft]:
    """The event, and an exception for tags of items that the catalogue does not know."""
    found = counts_tags.told(state, held, epcs, command.items, session.clerk)
    data = {"kind": "tags_seen", "session": session.session, "zone": session.zone, "count": held[0], "epcs": epcs}
    yield _journal(data | ({"items": found.items} if found.items else {}), source, command.context)
    if found.unknown:
        data = {"kind": "unknown_tag", "reason": "unknown_item", "zone": session.zone, "epcs": found.unknown}
        yield Draft("exception", data, source, command.context.occurred_us, command.context.clock)


def next_serial(state: TagState, command: Encode) -> int:
    """Raises NoSerial."""
    last = state.serial(command.gtin)
    if command.serial is None:
        serial = command.serial_first if last is None else max(last + 1, command.serial_first)
        if serial > min(command.serial_last, SERIAL_MAX):
            raise NoSerial(f"serial numbers {command.serial_first} to {command.serial_last} are all given out")
        return serial
    if not 0 <= command.serial <= SERIAL_MAX:
        raise NoSerial(f"an SGTIN-96 takes serial numbers from 0 to {SERIAL_MAX}")
    if last is not None and command.serial_first <= command.serial <= last:
        raise NoSerial(f"serial number {command.serial} was given out already, the next free one is {last + 1}")
    return command.serial


def encoding(command: Encode, serial: int, epc: str, replaces: str, tid: str | None) -> Draft:
    """Written before the tag is, so that no number is ever given out twice."""
    data: dict[str, Any] = {
        "kind": "tag_encoding",
        "gtin": command.gtin,
        "serial": str(serial),
        "epc": epc,
        "replaces": replaces,
        **({"tid": tid} if tid else {}),
        **({} if command.serial_first <= serial <= command.serial_last else {"outside": True}),
    }
    return _journal(data, {"device": command.device}, command.context)


def written(event: Mapping[str, Any], context: Context) -> Draft:
    """`event` is the `tag_encoding` whose tag was read again and is right."""
    data = {name: value for name, value in event["data"].items() if name not in {"kind", "outside"}}
    reference = {"seq": event["seq"], "id": event["id"]}
    return _journal({"kind": "tag_written", **data, "encoding": reference}, event["source"], context)


def not_written(event: Mapping[str, Any], reason: str, detail: str, context: Context) -> Draft:
    data = {
        "kind": "tag_not_written",
        "reason": reason,
        "detail": detail[:500],
        "code": {"raw_hex": event["data"]["epc"], "gtin": event["data"]["gtin"], "serial": event["data"]["serial"]},
        "concerns": {"seq": event["seq"], "id": event["id"]},
    }
    return Draft("exception", data, event["source"], context.occurred_us, context.clock)


def unread(window: SensorWindow, station: Station | None, context: Context) -> Draft:
    """Something went through the beam, and no tag was read."""
    seconds = (window.closed_us - window.opened_us) / 1_000_000
    source = {"device": window.device, **({"station": station.name} if station else {})}
    detail = f"the beam at input {window.port} was broken for {seconds:.1f} s" + (", cut there" if window.cut else "")
    data = {"kind": "unread_passage", "reason": "window_without_tags", "detail": detail}
    return Draft("exception", data, source, window.opened_us, context.clock)


def counted_change(data: Mapping[str, Any]) -> tuple[str, str | None, Sequence[str]] | None:
    """What a journal event does to the tags of open counts: session, zone and EPCs, or a session that is over."""
    kind = data["kind"]
    if kind == "tags_seen" and data.get("session") and data.get("zone"):
        return data["session"], data["zone"], data["epcs"]
    return (data["session"], None, ()) if kind == "session_closed" else None


def serial_change(data: Mapping[str, Any]) -> tuple[str, int] | None:
    """GTIN and serial number that a journal event gives out of the store's own range."""
    if data["kind"] != "tag_encoding" or data.get("outside"):
        return None
    return data["gtin"], int(data["serial"])


def _journal(data: Mapping[str, Any], source: Mapping[str, Any], context: Context) -> Draft:
    return Draft("journal", data, source, context.occurred_us, context.clock)
