"""What a store writes, made in the test: sealed events, signed openings, messages of event topics."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from contract import checkpoint, opening
from contract.chain import GENESIS, Sealed, message, seal
from contract.ids import uuid7

PREFIX = "stock/v1"
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
Row = Sequence[Any]


def line(sku: str = "COLA", quantity: int = 1, **changes: Any) -> dict[str, Any]:
    plain = {"sku": sku, "quantity": quantity, "from": "supplier", "to": "backroom", "disposition": "sellable"}
    return {**plain, **changes}


class Log:
    """One log of a store. It begins empty; `open` writes its opening, the other methods what comes after."""

    def __init__(self, name: str = "L1", *, store: str = "S1", key: Ed25519PrivateKey = KEY) -> None:
        self.name = name
        self.store = store
        self.key = key
        self.events: list[Sealed] = []

    @property
    def head(self) -> int:
        return len(self.events)

    @property
    def hash(self) -> str:
        return self.events[-1].hash if self.events else GENESIS

    def end(self) -> dict[str, Any]:
        """What a child names as its parent."""
        return {"log": self.name, "seq": self.head, "hash": self.hash}

    def open(
        self,
        stock: Sequence[Row] = (),
        parent: dict[str, Any] | None = None,
        changes: dict[str, Any] | None = None,
        more: Mapping[str, Sequence[Row]] | None = None,
    ) -> Log:
        for part in opening.opening_parts(stock, [], parent, more):
            self.sign({**part, **(changes or {})})
        return self

    def sign(self, data: dict[str, Any]) -> Sealed:
        public = self.key.public_key().public_bytes_raw().hex()
        place = {"store": self.store, "log": self.name, "seq": self.head + 1, "prev": self.hash}
        return self.write("journal", opening.sign(self.key.sign, public, data=data, **place))

    def write(self, kind: str, data: dict[str, Any], **changes: Any) -> Sealed:
        """`changes` are members of the envelope."""
        seq = self.head + 1
        rest: dict[str, Any] = {
            "store": self.store, "log": self.name, "seq": seq, "id": uuid7(1_700_000_000_000 + seq, bytes(10)),
            "occurred_at": "2026-09-07T12:50:36.194+09:00", "recorded_at": "2026-09-07T12:50:36.200+09:00",
            "clock": "synced", "source": {"station": "dock"}, "prev": self.hash,
        }  # fmt: skip
        self.events.append(seal(kind, data, rest | changes))
        return self.events[-1]

    def receive(self, sku: str = "COLA", quantity: int = 1, **changes: Any) -> Sealed:
        return self.write("movement", {"kind": "received", "lines": [line(sku, quantity, **changes)]})

    def receive_many(self, count: int) -> Log:
        for number in range(count):
            self.receive(f"SKU-{number % 7}", 1 + number % 3)
        return self

    def checkpoint(self, key: Ed25519PrivateKey | None = None) -> Sealed:
        held = key or self.key
        public, at = held.public_key().public_bytes_raw().hex(), "2026-09-07T12:50:36.200+09:00"
        place: dict[str, Any] = {"store": self.store, "log": self.name, "upto": self.head, "name": self.hash}
        return self.write("journal", checkpoint.sign(held.sign, public, at=at, **place), source={})

    def rotate(self, key: Ed25519PrivateKey = OTHER_KEY, *, by: Ed25519PrivateKey | None = None) -> Sealed:
        """Signed with `key` from here on; `by` is who gives it out, if not who may."""
        old = by or self.key
        public, following = (one.public_key().public_bytes_raw().hex() for one in (old, key))
        place: dict[str, Any] = {"store": self.store, "log": self.name, "seq": self.head + 1, "prev": self.hash}
        self.key = key
        return self.write("journal", checkpoint.rotate(old.sign, public, key.sign, following, **place))

    def look(self) -> Sealed:
        return self.write("exception", {"kind": "unknown_code", "reason": "unknown"})

    def fork(self, seq: int) -> Log:
        """A second store PC with the same log up to `seq`."""
        other = Log(self.name, store=self.store, key=self.key)
        other.events = self.events[:seq]
        return other

    def message(self, first: int, last: int | None = None) -> bytes:
        """The events `first` to `last`, whatever their types, in one message."""
        bodies = [one.body for one in self.events[first - 1 : last or first]]
        return message(self.store, self.name, bodies)

    def batches(self, first: int = 1, size: int = 100) -> list[tuple[str, bytes]]:
        """(type, payload) from `first` on: consecutive events of one type, as they are published."""
        found: list[list[Sealed]] = []
        for one in self.events[first - 1 :]:
            if found and found[-1][-1].type == one.type and len(found[-1]) < size:
                found[-1].append(one)
            else:
                found.append([one])
        return [(group[0].type, message(self.store, self.name, [one.body for one in group])) for group in found]


def parsed(events: Iterable[Sealed]) -> list[dict[str, Any]]:
    return [orjson.loads(one.body) for one in events]
