"""Openings: the signed statement of the complete state, with which a log begins, and what is left of a pruned one.

The signature (Ed25519, RFC 8032) is over the canonical form of `{"data", "log", "prev", "seq", "store"}` with
`data` lacking `signature`: a part cannot be moved to another place, log or store.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from contract.canonical import CanonicalError, canonical, encode
from contract.chain import EVENT_SIZE_BYTES_MAX, ChainError
from contract.journal import OpeningData

Signed = TypeVar("Signed", bound=BaseModel)

ROWS_A_PART_MAX = 250  # of all lists together: most parts are far smaller than a message may be
PART_SIZE_BYTES_MAX = EVENT_SIZE_BYTES_MAX - 8 * 1024  # of a part's rows; the rest is for what an event says beside


def opening_parts(
    stock: Sequence[Sequence[Any]],
    sessions: Sequence[Mapping[str, Any]],
    parent: Mapping[str, Any] | None,
    more: Mapping[str, Sequence[Sequence[Any]]] | None = None,
) -> list[dict[str, Any]]:
    """Unsigned data of the parts, in order: each holds what fits one event. Rows as `OpeningState` says: `stock` is
    [sku, zone, lot or null, disposition, quantity]; `more` are its other lists by name.

    Raises `CanonicalError` for a row that no event has room for, and one without a canonical form.
    """
    states: list[dict[str, list[Any]]] = [{"stock": [], "sessions": []}]
    count = size_bytes = 0
    for name, rows in {"stock": stock, "sessions": sessions, **(more or {})}.items():
        for row in rows:
            row_bytes = len(encode(row)) + 1
            if row_bytes > PART_SIZE_BYTES_MAX:
                raise CanonicalError(name, f"{row_bytes} bytes in one row of an opening, {PART_SIZE_BYTES_MAX} fit")
            count, size_bytes = count + 1, size_bytes + row_bytes
            if count > ROWS_A_PART_MAX or size_bytes > PART_SIZE_BYTES_MAX:
                states.append({"stock": [], "sessions": []})
                count, size_bytes = 1, row_bytes
            states[-1].setdefault(name, []).append(row)
    whose = dict(parent) if parent else None
    return [
        {"kind": "opening", "part": part, "parts": len(states), "parent": whose, "state": state}
        for part, state in enumerate(states, start=1)
    ]


def statement(store: str, log: str, seq: int, prev: str, data: Mapping[str, Any]) -> bytes:
    """The bytes that are signed."""
    bare = {key: value for key, value in data.items() if key != "signature"}
    return canonical({"data": bare, "log": log, "prev": prev, "seq": seq, "store": store})


def sign(
    signer: Callable[[bytes], bytes], key: str, *, store: str, log: str, seq: int, prev: str, data: Mapping[str, Any]
) -> dict[str, Any]:
    """`data` with `key` (public, hex) and `signature`. `signer` takes the statement and gives 64 bytes."""
    keyed = {**data, "key": key}
    return {**keyed, "signature": signer(statement(store, log, seq, prev, keyed)).hex()}


def read_opening(event: Mapping[str, Any], key: str | None = None) -> OpeningData | None:
    """The opening in an event, its shape and signature checked; None for any other event. Raises `ChainError`."""
    if event["type"] != "journal" or event["data"].get("kind") != "opening":
        return None
    opening = read_data(OpeningData, event, "opening", "opening")
    if opening.part > opening.parts:
        raise ChainError("opening", f"event {event['seq']} is part {opening.part} of {opening.parts}")
    check_opening(event, key)
    return opening


def read_data(shape: type[Signed], event: Mapping[str, Any], code: str, what: str) -> Signed:
    """The data of an event that is signed, read strictly: a part `"1"` would be 1 here and another part to who reads
    the event itself. Raises `ChainError` with the code."""
    try:
        return shape.model_validate_json(encode(event["data"]), strict=True)
    except ValidationError as error:
        raise ChainError(code, f"event {event['seq']} is no {what}: {error.errors()[0]['msg']}") from error


def check_opening(event: Mapping[str, Any], key: str | None = None) -> None:
    """Raise `ChainError` unless the opening is signed by the key it names, and by `key` where one is known."""
    data = event["data"]
    if key is not None and data["key"] != key:
        raise ChainError("key", f"the opening of log {event['log']} is signed with a key that is not this store's")
    try:
        good = is_signed(
            data["key"], data["signature"], statement(event["store"], event["log"], event["seq"], event["prev"], data)
        )
    except (KeyError, CanonicalError):
        good = False
    if not good:
        raise ChainError("signature", f"the opening of log {event.get('log')} is not signed by the key it names")


def is_signed(key: str, signature: str, signed: bytes) -> bool:
    """Whether `signature` over `signed` is that of the public `key`; both in hexadecimal."""
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415  8 MB that only signed events need
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415  same

    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(key)).verify(bytes.fromhex(signature), signed)
    except (InvalidSignature, ValueError, TypeError):
        return False
    return True
