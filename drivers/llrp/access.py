"""Operations on single tags: an AccessSpec beside the ROSpec that runs, and what the reports say of it.

The AccessSpec has the one id we use, so a crash leaves at most one behind, which the next set-up deletes. It runs at
every turn in which a matching tag answers, until it is deleted: a tag that failed once is tried again, and a success
counts.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator

from drivers.errors import DeviceRefused
from drivers.llrp.capabilities import value
from drivers.llrp.dialogue import Ask, Pause, Script, Tell, must, refusal
from drivers.llrp.elements import Bits, Element, element, label
from drivers.llrp.settings import LlrpSettings
from drivers.llrp.setup import ACCESS_SPEC_ID, Reader
from drivers.operations import WORDS_MAX, Bank, Outcome, ReadMemory, TagOperation, TagResult, WriteMemory

RESULTS_MAX = 10_000  # tags of one operation
DURATION_MS_MAX = 60_000
_PC_BIT, _LENGTH_BITS, _EPC_BIT = (
    16,
    5,
    32,
)  # of bank EPC: CRC, PC, EPC; a PC begins with the EPC's words (Gen2, 6.3.2.1.2)
_OUTCOMES = {
    "Success": Outcome.DONE,
    "No_Response_From_Tag": Outcome.NO_RESPONSE,
    "Insufficient_Power": Outcome.NO_RESPONSE,
    "Tag_Memory_Overrun_Error": Outcome.OVERRUN,
    "Tag_Memory_Locked_Error": Outcome.LOCKED,
    "Incorrect_password_error": Outcome.PASSWORD,
    "Incorrect_Password_Error": Outcome.PASSWORD,
}
_RESULTS = {ReadMemory: "C1G2ReadOpSpecResult", WriteMemory: "C1G2WriteOpSpecResult"}


class Access:
    """One operation: the script that runs it, and its results, the best of each tag."""

    def __init__(self, operation: TagOperation, op_spec_id: int) -> None:
        self.operation = operation
        self._op_spec_id = op_spec_id
        self._results: dict[bytes, TagResult] = {}

    @property
    def results(self) -> list[TagResult]:
        """The one tag that was meant has a result also when it was not there."""
        match = self.operation.match
        if match is not None and not self._results:
            return [TagResult(Outcome.NO_RESPONSE, match, detail="the tag did not answer")]
        return list(self._results.values())

    @property
    def complete(self) -> bool:
        """The one tag that was meant has answered well: nothing more to wait for."""
        match = self.operation.match
        return match is not None and match in self._results and self._results[match].outcome is Outcome.DONE

    def script(self, reader: Reader, *, start: bool, keep: Callable[[], bool]) -> Script[None]:
        """`start`: the ROSpec does not run and is started for the operation; it is stopped after it unless `keep` says
        that it is wanted now. Raises DeviceRefused.
        """
        mine = {"AccessSpecID": ACCESS_SPEC_ID}
        rospec = {"ROSpecID": reader.rospec_id}
        yield Ask(element("DELETE_ACCESSSPEC", mine))  # refused when there is none
        yield from must(element("ADD_ACCESSSPEC", {}, self._spec(reader.rospec_id)))
        why = refusal((yield Ask(element("ENABLE_ACCESSSPEC", mine))))
        started = False
        if why is None:
            if start:
                started = refusal((yield Ask(element("START_ROSPEC", rospec)))) is None
            yield Pause(self.operation.duration_ms)
            yield Tell(element("GET_REPORT"))  # what it has gathered so far
        yield Ask(element("DELETE_ACCESSSPEC", mine))
        if started and not keep():
            yield Ask(element("STOP_ROSPEC", rospec))
        if why is not None:
            raise DeviceRefused(f"the reader refuses the operation: {why}", hint="try again; restart the reader")

    def take(self, tag: Element) -> None:
        """A TagReportData that may carry a result of ours."""
        result = tag.one(_RESULTS[type(self.operation)])
        if result is None or value(result, "OpSpecID", -1) != self._op_spec_id:
            return
        epc, match = _epc(tag), self.operation.match
        if match is not None and epc != match:
            if isinstance(self.operation, ReadMemory) or epc.startswith(match):
                return  # the mask fits a longer EPC too
            epc = match  # renamed: some readers tell the new EPC at once
        if epc not in self._results and len(self._results) >= RESULTS_MAX:
            return
        before = self._results.get(epc)
        if before is None or before.outcome is not Outcome.DONE:
            self._results[epc] = self._result(epc, tag, result)

    def _result(self, epc: bytes, tag: Element, result: Element) -> TagResult:
        word = label(result, "Result") or f"result {value(result, 'Result')}"
        outcome = _OUTCOMES.get(word, Outcome.FAILED)
        rssi = tag.one("ImpinjPeakRSSI")
        strength = value(rssi, "RSSI") if rssi is not None else None
        if strength is None and (coarse := tag.one("PeakRSSI")) is not None:
            strength = value(coarse, "PeakRSSI") * 100
        data = result.fields.get("ReadData", ())
        read = b"".join(struct.pack(">H", one) for one in data) if isinstance(data, tuple) else b""
        if outcome is Outcome.DONE and isinstance(self.operation, WriteMemory):
            written, wanted = value(result, "NumWordsWritten"), len(self.operation.data) // 2
            if written < wanted:
                outcome, word = Outcome.FAILED, f"{written} of {wanted} words were written"
        detail = "" if outcome is Outcome.DONE else word.replace("_", " ").lower()
        return TagResult(outcome, epc, read, value(tag.one("AntennaID"), "AntennaID"), strength, detail)

    def _spec(self, rospec_id: int) -> Element:
        operation = self.operation
        return element(
            "AccessSpec",
            {
                "AccessSpecID": ACCESS_SPEC_ID,
                "AntennaID": operation.antenna or 0,
                "ProtocolID": "EPCGlobalClass1Gen2",
                "ROSpecID": rospec_id,
            },
            element("AccessSpecStopTrigger", {"AccessSpecStopTrigger": "Null"}),
            element("AccessCommand", {}, element("C1G2TagSpec", {}, *_targets(operation)), self._op_spec()),
            element("AccessReportSpec", {"AccessReportTrigger": "Whenever_ROReport_Is_Generated"}),
        )

    def _op_spec(self) -> Element:
        operation = self.operation
        common = {
            "OpSpecID": self._op_spec_id,
            "AccessPassword": operation.access_password,
            "MB": int(operation.bank),
            "WordPointer": operation.word_offset,
        }
        if isinstance(operation, ReadMemory):
            return element("C1G2Read", {**common, "WordCount": operation.word_count})
        words = struct.unpack(f">{len(operation.data) // 2}H", operation.data)
        return element("C1G2Write", {**common, "WriteData": words})


def check(operation: TagOperation, settings: LlrpSettings, reader: Reader) -> None:
    """Raises DeviceRefused for what no reader could do; our callers' mistakes in sizes raise ValueError."""
    words = operation.word_count if isinstance(operation, ReadMemory) else len(operation.data) // 2
    if isinstance(operation, WriteMemory) and len(operation.data) % 2:
        raise ValueError(f"{len(operation.data)} bytes, tags take whole words of two")
    if not 1 <= words <= WORDS_MAX or not 0 <= operation.word_offset <= 0xFFFF:
        raise ValueError(f"{words} words from {operation.word_offset}, at most {WORDS_MAX} at a time")
    if not 0 < operation.duration_ms <= DURATION_MS_MAX:
        raise ValueError(f"duration {operation.duration_ms} ms, at most {DURATION_MS_MAX}")
    if operation.antenna is None:
        return
    reader.able.check_antennas((operation.antenna,))
    if settings.antennas and operation.antenna not in settings.antennas:
        raise DeviceRefused(
            f"antenna {operation.antenna} is not in use", hint="add it to `antennas`, or choose another"
        )


def _targets(operation: TagOperation) -> Iterator[Element]:
    """The EPC; for a write also its length, else a longer EPC that begins so is met. Both must fit (LLRP, 15.2.1.3.1).

    A length of 0 fits every tag.
    """
    match = operation.match or b""
    yield _target(_EPC_BIT, match, 8 * len(match))
    if isinstance(operation, WriteMemory):
        words = (len(match) + 1) // 2
        yield _target(_PC_BIT, bytes((words << 3 & 0xFF,)), _LENGTH_BITS)


def _target(pointer: int, data: bytes, bits: int) -> Element:
    mask = ((0xFF00 >> bits % 8) & 0xFF).to_bytes(1, "big") if bits % 8 else b""
    return element(
        "C1G2TargetTag",
        {
            "MB": int(Bank.EPC),
            "Match": True,
            "Pointer": pointer,
            "TagMask": Bits(b"\xff" * (bits // 8) + mask, bits),
            "TagData": Bits(data, bits),
        },
    )


def _epc(tag: Element) -> bytes:
    """As in a tag read: whole bytes."""
    if (short := tag.one("EPC_96")) is not None:
        data = short.fields.get("EPC")
        return data if isinstance(data, bytes) else b""
    data = long.fields.get("EPC") if (long := tag.one("EPCData")) is not None else None
    return data.data if isinstance(data, Bits) else b""
