"""Checkpoints: the store's signature under its log so far; and the event that hands a log on to another key.

The hash of an event stands for everything before it, so one signature (Ed25519, RFC 8032) seals the whole chain: who
owns the database file may change an event and make every later hash anew, and lacks the key. What is signed is the
canonical form of `{"at", "hash", "key", "kind", "log", "store", "upto"}`. A rotation is signed by the key so far, so
that nobody else can end it, and by the next one, so that no store names a key that it does not hold; both over the
canonical form of `{"key", "kind", "log", "next", "prev", "seq", "store"}`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from contract.canonical import canonical
from contract.chain import ChainError
from contract.journal import CheckpointData, KeyRotatedData
from contract.opening import is_signed, read_data, read_opening


def statement(store: str, log: str, data: Mapping[str, Any]) -> bytes:
    """The bytes that are signed."""
    bare = {name: value for name, value in data.items() if name != "signature"}
    return canonical({**bare, "log": log, "store": store})


def sign(
    signer: Callable[[bytes], bytes], key: str, *, store: str, log: str, upto: int, name: str, at: str
) -> dict[str, Any]:
    """Data of the checkpoint behind event `upto`, whose hash is `name`. `signer` is as of `opening.sign`."""
    data = {"kind": "checkpoint", "upto": upto, "hash": name, "at": at, "key": key}
    return {**data, "signature": signer(statement(store, log, data)).hex()}


def read_checkpoint(event: Mapping[str, Any], key: str | None = None) -> CheckpointData | None:
    """The checkpoint in an event of a checked chain; None for any other event.

    Raises `ChainError` unless it is signed by the key it names, by `key` where one is known, and for the very events
    that stand before it.
    """
    if event["type"] != "journal" or event["data"].get("kind") != "checkpoint":
        return None
    seq, data = event["seq"], event["data"]
    checkpoint = read_data(CheckpointData, event, "checkpoint", "checkpoint")
    if key is not None and checkpoint.key != key:
        raise ChainError("key", f"the checkpoint at event {seq} is signed with a key that is not this store's")
    if not is_signed(checkpoint.key, checkpoint.signature, statement(event["store"], event["log"], data)):
        raise ChainError("signature", f"the checkpoint at event {seq} is not signed by the key it names")
    if (checkpoint.upto, checkpoint.hash) != (seq - 1, event["prev"]):
        raise ChainError(
            "signature",
            f"the checkpoint at event {seq} is signed for event {checkpoint.upto} with hash {checkpoint.hash[:12]}…, "
            f"and stands behind event {seq - 1} with {event['prev'][:12]}…: the log was written anew",
        )
    return checkpoint


def rotation(store: str, log: str, seq: int, prev: str, data: Mapping[str, Any]) -> bytes:
    """The bytes that both keys sign, for the event `seq` behind the one with hash `prev`."""
    bare = {name: data[name] for name in ("key", "kind", "next")}
    return canonical({**bare, "log": log, "prev": prev, "seq": seq, "store": store})


def rotate(
    signer: Callable[[bytes], bytes],
    key: str,
    next_signer: Callable[[bytes], bytes],
    next_key: str,
    *,
    store: str,
    log: str,
    seq: int,
    prev: str,
) -> dict[str, Any]:
    """Data of a `key_rotated` event from `key` to `next_key`; signers are as of `opening.sign`."""
    data = {"kind": "key_rotated", "key": key, "next": next_key}
    signed = rotation(store, log, seq, prev, data)
    return {**data, "signature": signer(signed).hex(), "next_signature": next_signer(signed).hex()}


def read_rotation(event: Mapping[str, Any], key: str | None = None) -> KeyRotatedData | None:
    """The rotation in an event of a checked chain; None for any other event.

    Raises `ChainError` unless it is signed by both keys that it names, and by `key` where one is known.
    """
    if event["type"] != "journal" or event["data"].get("kind") != "key_rotated":
        return None
    seq, data = event["seq"], event["data"]
    found = read_data(KeyRotatedData, event, "rotation", "change of the key")
    if key is not None and found.key != key:
        raise ChainError("key", f"the key is changed at event {seq} by one that is not this store's")
    signed = rotation(event["store"], event["log"], seq, event["prev"], data)
    if not (is_signed(found.key, found.signature, signed) and is_signed(found.next, found.next_signature, signed)):
        raise ChainError("signature", f"the change of the key at event {seq} is not signed by both keys")
    return found


def check_signed(event: Mapping[str, Any], key: str | None, signed: int) -> tuple[str | None, int]:
    """For who walks a checked chain: the log's key, and the newest event that is signed or a signature, after `event`.

    `key` None is not known yet: it is that of the first opening. Raises `ChainError`, which says since when.
    """
    try:
        opening = read_opening(event, key)
        if opening is not None:
            return opening.key, int(event["seq"])
        rotated = read_rotation(event, key)
        if rotated is not None:
            return rotated.next, int(event["seq"])
        checkpoint = read_checkpoint(event, key)
    except ChainError as error:
        raise ChainError(error.code, f"{error}; the newest signature that holds is event {signed}") from error
    return (key, signed) if checkpoint is None else (checkpoint.key, int(event["seq"]))
