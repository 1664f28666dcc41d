"""Reading and writing single tags: what a store does to commission a label.

Writing is: find the tag, put a serial number for it into the log, write PC and EPC, read the tag again and compare,
put the result into the log. A serial number is given out before the tag is touched, so a crash in between burns a
number and never gives one out twice. A tag that carries an item's EPC already is not written over unless asked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import orjson

from agent.clock import Clock
from agent.context import context_now
from agent.ledger.transaction import Transaction
from agent.operations import tags
from drivers.operations import WORDS_MAX, Bank, Outcome, ReadMemory, TagOperation, TagResult, WriteMemory
from identity import Kind
from identity.epc import EpcError, encode, pc_word
from identity.tags import identify_epc

TID_WORDS = 6  # of a chip with a serial number of its own; others have the two that say maker and model
TRIES_MAX = 3
LISTED_MAX = 5  # of several tags that answer
EPC_WORD = 1  # PC, and the EPC behind it


@dataclass(frozen=True, slots=True)
class Range:
    """The store's own serial numbers, the filter value and the length of its company prefixes by their digits."""

    first: int
    last: int
    filter_value: int
    prefix_digits: Callable[[str], int | None]


@dataclass(frozen=True, slots=True)
class WriteTag:
    """`serial` None takes the next one, `match` None the only tag that is near (an EPC in hexadecimal otherwise)."""

    device: str
    gtin: str
    serial: int | None = None
    match: str | None = None
    antenna: int | None = None
    access_password: int = 0
    replace: bool = False


@dataclass(frozen=True, slots=True)
class Written:
    epc: str
    serial: int
    replaces: str
    tid: str
    seq: int


class TaggingError(Exception):
    """The tag was not written, or is not known to be. `reason` is a word for machines."""

    def __init__(self, reason: str, message: str, *, hint: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.hint = hint


@dataclass(frozen=True, slots=True)
class _Near:
    epc: bytes
    tid: bytes


class Tagging:
    """`operate` is the supervisor's, `write` runs a job in the ledger and waits until it is durable."""

    def __init__(
        self,
        *,
        operate: Callable[[str, TagOperation], Awaitable[list[TagResult]]],
        write: Callable[[Callable[[Transaction], Any]], Awaitable[Any]],
        clock: Clock,
        serials: Range,
    ) -> None:
        self._operate = operate
        self._write = write
        self._clock = clock
        self._serials = serials
        self._one_at_a_time = asyncio.Lock()

    async def read(self, device: str, operation: ReadMemory) -> list[TagResult]:
        """Raises ValueError for what no tag has, DeviceError, KeyError for an unknown device."""
        if not 1 <= operation.word_count <= WORDS_MAX or operation.word_offset < 0:
            raise ValueError(f"1 to {WORDS_MAX} words are read at a time")
        return await self._operate(device, operation)

    async def write(self, order: WriteTag) -> Written:
        """Raises TaggingError, DeviceError, LedgerError, KeyError for an unknown device."""
        async with self._one_at_a_time:
            near = await self._find(order)
            event = await self._encoding(order, near)
            return await self._carry_out(order, near, event)

    async def _find(self, order: WriteTag) -> _Near:
        match = bytes.fromhex(order.match) if order.match else None
        found = {one.epc: one for one in await self._tids(order, match)}
        if not found:
            raise TaggingError("no_tag", "no tag answers", hint="hold the tag close to the antenna, away from metal")
        if len(found) > 1:
            listed = ", ".join(sorted(epc.hex().upper() for epc in found)[:LISTED_MAX])
            more = ", …" if len(found) > LISTED_MAX else ""
            raise TaggingError(
                "several_tags",
                f"{len(found)} tags answer: {listed}{more}",
                hint="leave one, or name it by its EPC",
            )
        near = next(iter(found.values()))
        if identify_epc(near.epc).kind is Kind.TRADE_ITEM and not order.replace:
            raise TaggingError(
                "already_encoded",
                f"the tag carries an item's EPC already: {near.epc.hex().upper()}",
                hint="take another tag, or write over it with --replace",
            )
        return near

    async def _tids(self, order: WriteTag, match: bytes | None) -> list[_Near]:
        """Tags near, each with as much of its TID as it has."""
        found: dict[bytes, _Near] = {}
        for words in (TID_WORDS, 2):
            read = ReadMemory(Bank.TID, 0, words, match, order.antenna, order.access_password)
            short = False
            for one in await self._operate(order.device, read):
                if one.outcome is Outcome.DONE:
                    found.setdefault(one.epc, _Near(one.epc, one.data))
                short = short or one.outcome is Outcome.OVERRUN
            if not short:
                break
        return list(found.values())

    async def _encoding(self, order: WriteTag, near: _Near) -> dict[str, Any]:
        digits = self._serials.prefix_digits(order.gtin)
        if digits is None:
            raise TaggingError(
                "unknown_prefix",
                f"the length of the company prefix of {order.gtin} is not known",
                hint="name the prefix in company_prefixes of the section [tags]",
            )
        serials = self._serials
        command = tags.Encode(
            order.gtin, order.serial, serials.first, serials.last, order.device, context_now(self._clock)
        )

        def job(tx: Transaction) -> dict[str, Any] | TaggingError:
            try:
                serial = tags.next_serial(tx, command)
                epc = encode(
                    "sgtin-96",
                    {"01": order.gtin, "21": str(serial)},
                    company_prefix_digits=digits,
                    filter_value=serials.filter_value,
                )
            except tags.NoSerial as error:
                return TaggingError("no_serial", str(error), hint="widen the range in the section [tags]")
            except EpcError as error:
                return TaggingError("no_epc", str(error), hint="check the GTIN")
            draft = tags.encoding(command, serial, epc.hex().upper(), near.epc.hex().upper(), near.tid.hex().upper())
            [event] = tx.append([draft])
            return dict(orjson.loads(event.body))

        found: dict[str, Any] | TaggingError = await self._write(job)
        if isinstance(found, TaggingError):
            raise found
        return found

    async def _carry_out(self, order: WriteTag, near: _Near, event: dict[str, Any]) -> Written:
        epc = bytes.fromhex(event["data"]["epc"])
        failure: TaggingError | None = None
        try:
            for _ in range(TRIES_MAX):
                failure = await self._attempt(order, near, epc)
                if failure is None:
                    await self._write(lambda tx: tx.append([tags.written(event, context_now(self._clock))]))
                    data = event["data"]
                    return Written(
                        data["epc"], int(data["serial"]), data["replaces"], data.get("tid", ""), event["seq"]
                    )
                if failure.reason in {Outcome.LOCKED, Outcome.PASSWORD, Outcome.OVERRUN}:
                    break
        except Exception as error:
            await self._give_up(event, "lost", str(error))
            raise
        assert failure is not None
        await self._give_up(event, failure.reason, str(failure))
        raise failure

    async def _give_up(self, event: dict[str, Any], reason: str, detail: str) -> None:
        await self._write(lambda tx: tx.append([tags.not_written(event, reason, detail, context_now(self._clock))]))

    async def _attempt(self, order: WriteTag, near: _Near, epc: bytes) -> TaggingError | None:
        """Write once and read again; None when the tag is right."""
        current = await self._current(order, near, epc)
        if current is None:
            return TaggingError("no_tag", "the tag does not answer any more", hint="hold it still, and try again")
        if current != epc:
            data = pc_word(epc).to_bytes(2, "big") + epc
            write = WriteMemory(Bank.EPC, EPC_WORD, data, current, order.antenna, order.access_password)
            results = await self._operate(order.device, write)
            refused = next((one for one in results if one.outcome in _FINAL), None)
            if refused is not None:
                return TaggingError(refused.outcome.value, _FINAL[refused.outcome], hint="take another tag")
        return await self._verify(order, near, epc)

    async def _current(self, order: WriteTag, near: _Near, epc: bytes) -> bytes | None:
        """The EPC that the tag carries now: its old one, the new one, or what an interrupted write left."""
        if len(near.tid) <= 4:  # nothing tells this tag from its like, so only a known EPC will do
            found = await self._tids(order, near.epc) or await self._tids(order, epc)
        else:
            found = [one for one in await self._tids(order, None) if one.tid == near.tid]
        return found[0].epc if len(found) == 1 else None

    async def _verify(self, order: WriteTag, near: _Near, epc: bytes) -> TaggingError | None:
        words = 1 + len(epc) // 2
        read = ReadMemory(Bank.EPC, EPC_WORD, words, epc, order.antenna, order.access_password)
        found = [one for one in await self._operate(order.device, read) if one.outcome is Outcome.DONE]
        right = [one for one in found if one.data[2:] == epc and one.data[0] >> 3 == len(epc) // 2]
        tids = await self._tids(order, epc) if right else []
        if len(right) == 1 and [one.tid for one in tids] == [near.tid]:
            return None
        return TaggingError(
            "not_verified",
            f"{len(found)} tags answer to {epc.hex().upper()}, and not as they should",
            hint="read the tag: jaego tag read",
        )


_FINAL = {
    Outcome.LOCKED: "the tag's memory is locked",
    Outcome.PASSWORD: "the access password is wrong",
    Outcome.OVERRUN: "the tag's memory is too small",
}
