"""What must hold of every ledger that a test leaves behind: its log says its tables, and so does an opening of them."""

from __future__ import annotations

from typing import Any

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent.ledger.openings import state_parts
from agent.ledger.reader import Reader
from agent.ledger.rebuild import Tables, fold, fold_events
from contract.chain import GENESIS, seal
from contract.opening import read_opening, sign

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


def same_again(reader: Reader) -> Tables:
    """The tables, once the log and an opening have both made them again to the same bytes."""
    found = reader.projections()
    assert fold(body for _seq, _kind, body in reader.all_events()) == found
    assert stated(reader) == found
    return found


def stated(reader: Reader) -> Tables:
    """The tables of a log that begins with an opening of these; each part is read as head office reads it."""
    parent = {"log": reader.log, "seq": reader.head(), "hash": reader.hash_of(reader.head())}
    prev, events = GENESIS, list[dict[str, Any]]()
    public = KEY.public_key().public_bytes_raw().hex()
    for seq, part in enumerate(state_parts(reader._connection, parent), start=1):  # pyright: ignore[reportPrivateUsage]
        data = sign(KEY.sign, public, store=reader.store, log="NEXT", seq=seq, prev=prev, data=part)
        sealed = seal("journal", data, _envelope(reader.store, seq, prev))
        prev = sealed.hash
        events.append(orjson.loads(sealed.body))
        read = read_opening(events[-1], public)
        assert read is not None
        assert (read.part, read.parent and read.parent.seq) == (seq, reader.head())
    return fold_events(events)


def _envelope(store: str, seq: int, prev: str) -> dict[str, Any]:
    at = "2026-09-07T12:50:36.194+09:00"
    place = {"store": store, "log": "NEXT", "seq": seq, "id": str(seq), "prev": prev}
    return {**place, "occurred_at": at, "recorded_at": at, "clock": "synced", "source": {}}
