"""What `jaego decode thingmagic` and `jaego decode r200` print. Damage is an answer here, not a failure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from agent.hextext import HexText, said
from drivers.modules.framing import FrameDecoder, Malformed
from drivers.r200 import frames as r200_frames
from drivers.r200.frames import Frame, Framing
from drivers.thingmagic import frames as thingmagic_frames
from drivers.thingmagic.frames import OP_NAMES, Command, Op, Response, command_decoder, response_decoder, status_name

F = TypeVar("F")
Shown = dict[str, Any]


def thingmagic(source: Iterable[bytes], *, host: bool = False) -> Iterator[Shown]:
    """One object a frame of a module, or of its `host`.

    `type` is the command's name, beside `number`, `status` in words and `data` in hexadecimal; a streamed record has
    `tags`, as `jaego decode llrp` shows them. Or `malformed`, with `offset` in bytes of the stream, and `bytes`.
    """
    return _all(source, command_decoder(), _command) if host else _all(source, response_decoder(), _response)


def r200(source: Iterable[bytes], framing: Framing = Framing.AA_DD) -> Iterator[Shown]:
    """One object a frame of either side: `type`, `kind` (command, response, notification), `number`, `data`, `tags`."""
    return _all(source, r200_frames.decoder(framing), _frame)


def _all(source: Iterable[bytes], decoder: FrameDecoder[F], show: Callable[[F], Shown]) -> Iterator[Shown]:
    text = HexText()
    for chunk in source:
        yield from _shown(decoder.feed(text.plain(chunk)), show)
        if text.foreign is not None:
            break
    yield from _shown(decoder.feed(text.rest()), show)
    yield from _shown(decoder.cut("the input ends inside a frame"), show)
    if text.foreign is not None:
        yield said(text.foreign)


def _shown(found: Iterable[F | Malformed], show: Callable[[F], Shown]) -> Iterator[Shown]:
    for one in found:
        if isinstance(one, Malformed):
            yield {"malformed": one.detail, "offset": one.offset, "bytes": one.raw.hex()}
        else:
            yield show(one)


def _command(command: Command) -> Shown:
    return {"type": _op(command.op), "number": command.op, "data": command.data.hex()}


def _response(response: Response) -> Shown:
    found: Shown = {
        "type": "KEEPALIVE" if response.keepalive else _op(response.op),
        "number": response.op,
        "status": status_name(response.status),
        "data": response.data.hex(),
    }
    if response.op == Op.READ_TAG_ID_MULTIPLE and not response.status:
        tag = thingmagic_frames.tag_of(response.data)
        if isinstance(tag, str):
            found["damage"] = tag
        elif tag is not None:
            found["tags"] = [
                _tag(
                    tag.epc,
                    antenna=tag.antenna,
                    rssi_dbm=tag.rssi_dbm,
                    seen_count=tag.read_count,
                    phase_deg=tag.phase_deg,
                    frequency_khz=tag.frequency_khz,
                    since_keepalive_ms=tag.timestamp_ms,
                    pc=tag.pc,
                    crc=tag.crc,
                )
            ]
    return found


def _frame(frame: Frame) -> Shown:
    found: Shown = {
        "type": frame.name,
        "kind": frame.type_name.lower(),
        "number": frame.command,
        "data": frame.data.hex(),
    }
    if frame.failure is not None:
        found["failure"] = r200_frames.failure_name(frame.failure)
    tag = r200_frames.tag_of(frame)
    if isinstance(tag, str):
        found["damage"] = tag
    elif tag is not None:
        found["tags"] = [_tag(tag.epc, rssi_dbm=tag.rssi_dbm, pc=tag.pc, crc=tag.crc)]
    return found


def _op(op: int) -> str:
    return OP_NAMES.get(op, f"op {op:02X}")


def _tag(epc: bytes, **fields: int | None) -> Shown:
    known = {name: value for name, value in fields.items() if value is not None}
    return {"epc": epc.hex(), "epc_bits": 8 * len(epc), **known}
