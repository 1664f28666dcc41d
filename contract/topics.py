"""Topics below the prefix (`stock/v1` unless configured). Every name in a topic is checked: no wildcard gets in."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from contract.ids import is_name, is_store

PREFIX = "stock/v1"


class EventType(StrEnum):
    """The five event topics. Every event travels on exactly one of them."""

    MOVEMENT = "movement"
    COUNT = "count"
    DOCUMENT = "document"
    EXCEPTION = "exception"
    JOURNAL = "journal"


@dataclass(frozen=True, slots=True)
class Topics:
    """The topics of one store."""

    store: str
    prefix: str = PREFIX

    def __post_init__(self) -> None:
        if not is_store(self.store):
            raise ValueError(f"{self.store!r} is no store id: 1 to 64 of A-Z a-z 0-9 . _ - and not 'catalog'")

    def _below(self, *names: str) -> str:
        for name in names:
            if not is_name(name):
                raise ValueError(f"{name!r} cannot stand in a topic: 1 to 64 of A-Z a-z 0-9 . _ -")
        return "/".join((self.prefix, self.store, *names))

    def state(self) -> str:
        return self._below("state")

    def health(self) -> str:
        return self._below("health")

    def device(self, device: str) -> str:
        return self._below("device", device)

    def events(self, kind: str) -> str:
        return self._below(EventType(kind))

    def epcis(self) -> str:
        return self._below("epcis")

    def level(self, sku: str) -> str:
        return self._below("level", sku)

    def ack(self, consumer: str) -> str:
        return self._below("ack", consumer)

    def expected(self, document: str) -> str:
        return self._below("expected", document)

    def request(self, verb: str) -> str:
        return self._below("request", verb)

    def response(self, request_id: str) -> str:
        return self._below("response", request_id)

    def ask(self, verb: str) -> str:
        return self._below("ask", verb)

    def answer(self, ask_id: str) -> str:
        return self._below("answer", ask_id)

    def alert(self, alert_id: str) -> str:
        return self._below("alert", alert_id)

    def catalog(self, sku: str) -> str:
        """The item master is one for all stores."""
        if not is_name(sku):
            raise ValueError(f"{sku!r} cannot stand in a topic: 1 to 64 of A-Z a-z 0-9 . _ -")
        return f"{self.prefix}/catalog/{sku}"


def catalog_filter(prefix: str = PREFIX) -> str:
    return f"{prefix}/catalog/+"


def expected_filter(store: str, prefix: str = PREFIX) -> str:
    """Which documents there are, head office alone knows."""
    return f"{prefix}/{store}/expected/+"


@dataclass(frozen=True, slots=True)
class Address:
    """A topic taken apart: `stock/v1/S1/level/COKE` is store S1, plane `level`, name `COKE`."""

    store: str
    plane: str
    name: str | None


def parse(topic: str, prefix: str = PREFIX) -> Address | None:
    """None for a topic that is not of this contract."""
    if not topic.startswith(prefix + "/"):
        return None
    parts = topic[len(prefix) + 1 :].split("/")
    if len(parts) not in {2, 3} or not all(is_name(part) for part in parts):
        return None
    return Address(parts[0], parts[1], parts[2] if len(parts) == 3 else None)
