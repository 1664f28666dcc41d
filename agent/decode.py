"""Bytes of a device's protocol to what `jaego decode` prints. Damage is an answer here, not a failure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from agent.decode_llrp import malformed, message
from agent.hextext import HexText, said
from drivers.llrp.frames import Decoder, Malformed, Message


def llrp(source: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    """One object a message of raw bytes or hexadecimal text, as `decode_llrp.message` tells.

    Damage is told by `malformed` (why), `offset` (in bytes of the stream) and `bytes`.
    """
    decoder, text, offset = Decoder(), HexText(), 0
    for chunk in source:
        for one in decoder.feed(text.plain(chunk)):
            yield _shown(one, offset)
            offset += one.length if isinstance(one, Message) else 0
        if text.foreign is not None:
            break
    for one in (*decoder.feed(text.rest()), *decoder.cut("the input ends inside a message")):
        yield _shown(one, offset)
        offset += one.length if isinstance(one, Message) else 0
    if text.foreign is not None:
        yield said(text.foreign)


def _shown(one: Message | Malformed, offset: int) -> dict[str, Any]:
    return malformed(one) if isinstance(one, Malformed) else message(one, offset)
