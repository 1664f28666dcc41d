"""Head office's events as EPCIS, store by store, log by log, in order: what push and export read."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import orjson
from pydantic import ValidationError

from contract.catalog import ItemRefused, parse_item
from contract.epcis import EpcisNames, Item, Master, Unmappable, document, item_of, to_epcis
from contract.epcis_rules import faults
from headoffice.database import Database
from headoffice.epcis_engine import Limits, Told
from headoffice.errors import ConfigError

MASTER_BYTES_MAX = 32 * 1024 * 1024
DOCUMENT_BYTES_MAX = 1024 * 1024
ITEMS_KEPT = 20_000
NO_LIMITS = Limits()


@dataclass(slots=True)
class Read:
    """Events of one log up to `until`. `faulty` are (seq, reason, body) of those that cannot be sent."""

    until: int
    told: list[Told] = field(default_factory=list[Told])
    faulty: list[tuple[int, str, bytes]] = field(default_factory=list[tuple[int, str, bytes]])


def read_names(path: Path) -> EpcisNames:
    """The names of places and parties: TOML with the members of `EpcisNames`. Raises `ConfigError`."""
    hint = "docs/epcis.md says what stands in it"
    try:
        with path.open("rb") as file:
            text = file.read(MASTER_BYTES_MAX + 1)
        if len(text) > MASTER_BYTES_MAX:
            raise ConfigError(f"{path}: more than {MASTER_BYTES_MAX} bytes", hint=hint)
        return EpcisNames.model_validate(tomllib.loads(text.decode()))
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}", hint=hint) from error
    except ValidationError as error:
        wrong = [f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors(include_url=False)]
        raise ConfigError(f"{path}: {'; '.join(wrong[:20])}", hint=hint) from error
    except ValueError as error:
        raise ConfigError(f"{path}: {error}", hint=hint) from error


class Source:
    def __init__(self, database: Database, names: EpcisNames) -> None:
        self._database = database
        self._names = names
        self._item = lru_cache(ITEMS_KEPT)(self._read_item)
        self._master = Master(names, self._item)

    def stores(self, wanted: Sequence[str] | None) -> list[str]:
        """All, or those that are wanted. Raises `ConfigError` for one that is not known."""
        known = [str(row[0]) for row in self._database.rows("SELECT store FROM position ORDER BY store")]
        if strangers := sorted({*(wanted or ())} - {*known}):
            raise ConfigError(f"head office knows no store {strangers[0]}", hint=f"it knows {len(known)} stores")
        return known if wanted is None else list(dict.fromkeys(wanted))

    def logs(self, store: str) -> list[str]:
        """In the order in which they came here: each goes on from the one before. Found by steps over the index."""
        found: list[tuple[int, str]] = []
        name = ""
        while True:
            rows = self._database.rows("SELECT MIN(log) FROM event WHERE store = ? AND log > ?", (store, name))
            if rows[0][0] is None:
                return [log for _, log in sorted(found)]
            name = str(rows[0][0])
            first = "SELECT at_us FROM event WHERE store = ? AND log = ? ORDER BY seq LIMIT 1"
            found.append((int(self._database.rows(first, (store, name))[0][0]), name))

    def renew(self) -> None:
        """Items may have changed."""
        self._item.cache_clear()

    def read(
        self, store: str, log: str, after: int, *, most: int, until: int | None = None, limits: Limits = NO_LIMITS
    ) -> Read | None:
        """The next `most` events after `after`, fewer where their document would be larger than it may be or than is
        good; None at the end. One event that is alone too large is a document all the same: the peer will say so.

        `until` is how far a document went that was sent before: it is made of the same events again.
        """
        rows = self._database.rows(
            "SELECT seq, body FROM event WHERE store = ? AND log = ? AND seq > ? AND seq <= ? ORDER BY seq LIMIT ?",
            (store, log, after, until if until is not None else 2**53, most if until is None else until - after),
        )
        if not rows:
            return None
        found, size, count = Read(after), sum(map(len, self.frame("2026-01-01T00:00:00.000+00:00"))), 0
        size_max = min(DOCUMENT_BYTES_MAX, limits.size_bytes or DOCUMENT_BYTES_MAX)
        for seq, body in rows:
            told = self._told(int(seq), bytes(body), store, log)
            if isinstance(told, Told):
                size, count = size + len(told.body) + 1, count + told.events
                over = size > size_max or (limits.events is not None and count > limits.events)
                if until is None and over and found.told:
                    break
                found.told.append(told)
            elif told is not None:
                found.faulty.append((int(seq), told, bytes(body)))
            found.until = int(seq)
        return found

    def _told(self, seq: int, body: bytes, store: str, log: str) -> Told | str | None:
        """None for an event that has nothing to tell; a text says why one cannot be told."""
        event = orjson.loads(body)
        try:
            events = to_epcis(event, self._master, lambda seq: self._find(store, log, seq))
        except Unmappable as error:
            return f"it has no EPCIS form: {error}"
        if not events:
            return None
        wrong = faults(document(events, self._names, event["recorded_at"]))
        if wrong:
            return f"it would break the rule {wrong[0].rule}: {wrong[0].what}"
        plain = [str(one["eventID"]) for one in events if "errorDeclaration" not in one]
        return Told(seq, b",".join(map(orjson.dumps, events)), plain[-1] if plain else None, len(events))

    def _find(self, store: str, log: str, seq: int) -> Mapping[str, Any] | None:
        rows = self._database.rows("SELECT body FROM event WHERE store = ? AND log = ? AND seq = ?", (store, log, seq))
        return orjson.loads(bytes(rows[0][0])) if rows else None

    def _read_item(self, sku: str) -> Item | None:
        rows = self._database.rows("SELECT body FROM item WHERE sku = ?", (sku,))
        try:
            return item_of(parse_item(orjson.loads(bytes(rows[0][0])), unknown="ignore")) if rows else None
        except (ItemRefused, orjson.JSONDecodeError):
            return None  # the same as an item that is not known: named below the company's own address

    def document(self, told: Sequence[Told], created_at: str) -> bytes:
        before, after = self.frame(created_at)
        return before + b",".join(one.body for one in told) + after

    def frame(self, created_at: str) -> tuple[bytes, bytes]:
        """What stands before and after the events."""
        before, _, after = orjson.dumps(document([], self._names, created_at)).rpartition(b"[]")
        return before + b"[", b"]" + after

    def all_told(self, store: str) -> Iterator[Told | tuple[int, str]]:
        """Everything of a store; (seq, reason) of what cannot be told."""
        for log in self.logs(store):
            after = 0
            while (found := self.read(store, log, after, most=500)) is not None:
                yield from found.told
                yield from ((seq, why) for seq, why, _ in found.faulty)
                after = found.until
