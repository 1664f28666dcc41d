"""AccessSpecs of a simulated LLRP reader: which tags they are for, what is done to them, and what it answers.

A tag's answers become the result codes of LLRP 1.0.1, 15.2.1.5 (1.1 adds those for reads that 1.0.1 lacks).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from drivers.llrp.elements import Bits, Element, element, encode_parameter
from drivers.operations import Bank, Outcome
from simulators.tags import Tag, masked

END_OF_ACCESS_SPEC = 1

_READ = {Outcome.DONE: 0, Outcome.NO_RESPONSE: 2, Outcome.OVERRUN: 4, Outcome.LOCKED: 5, Outcome.PASSWORD: 6}
_WRITE = {Outcome.DONE: 0, Outcome.OVERRUN: 1, Outcome.LOCKED: 2, Outcome.NO_RESPONSE: 5, Outcome.PASSWORD: 7}
_READ_1_0_1 = {4: 1, 5: 1, 6: 1}  # nonspecific tag error
_WRITE_1_0_1 = {7: 4}
_LOCKS: Mapping[int, Bank] = MappingProxyType({1: Bank.RESERVED, 2: Bank.EPC, 3: Bank.TID, 4: Bank.USER})


@dataclass(slots=True)
class AccessSpec:
    spec: Element
    active: bool = False
    done: int = 0

    @property
    def id(self) -> int:
        return self.spec.number("AccessSpecID")

    @property
    def element(self) -> Element:
        """As GET_ACCESSSPECS tells it."""
        return replace(self.spec, fields={**self.spec.fields, "CurrentState": int(self.active)})

    @property
    def reports_at_once(self) -> bool:
        report = self.spec.one("AccessReportSpec")
        return report is not None and report["AccessReportTrigger"] == END_OF_ACCESS_SPEC

    @property
    def finished(self) -> bool:
        stop = self.spec.one("AccessSpecStopTrigger")
        if stop is None or stop["AccessSpecStopTrigger"] != 1:
            return False
        return self.done >= stop.number("OperationCountValue") > 0

    def suits(self, tag: Tag, antenna: int, rospec: int) -> bool:
        if not self.active or self.spec["AntennaID"] not in {0, antenna} or self.spec["ROSpecID"] not in {0, rospec}:
            return False
        command = self.spec.one("AccessCommand")
        tags = None if command is None else command.one("C1G2TagSpec")
        return tags is None or all(_target(one, tag) for one in tags.all("C1G2TargetTag"))

    def execute(self, tag: Tag, version: int) -> bytes:
        """The results of all its operations, encoded, in their order."""
        command = self.spec.one("AccessCommand")
        operations = () if command is None else command.parameters
        self.done += 1
        results = [
            encode_parameter(_DO[one.name](one, tag, version))
            for one in operations
            if isinstance(one, Element) and one.name in _DO
        ]
        return b"".join(results)


def unsupported(spec: Element) -> str | None:
    """The name of an operation that this reader does not do."""
    command = spec.one("AccessCommand")
    for one in () if command is None else command.parameters:
        if isinstance(one, Element) and one.name.startswith("C1G2") and one.name not in {*_DO, "C1G2TagSpec"}:
            return one.name
    return None


def _target(target: Element, tag: Tag) -> bool:
    """A bit counts where the mask is set (LLRP 1.0.1, 15.2.1.3.2). Masks with holes are compared bit by bit."""
    mask, data = target["TagMask"], target["TagData"]
    if not isinstance(mask, Bits) or not isinstance(data, Bits):
        return False
    bank, pointer = Bank(target.number("MB")), target.number("Pointer")
    count = min(mask.count, data.count)
    if not count:
        return True
    cared = int.from_bytes(mask.data, "big") >> (8 * len(mask.data) - count)
    if cared == (1 << count) - 1:
        found = masked(tag, bank, pointer, data.data, count)
    else:
        memory = tag.bank(bank)
        beyond = 8 * len(memory) - pointer - count
        wanted = int.from_bytes(data.data, "big") >> (8 * len(data.data) - count)
        found = beyond >= 0 and not (int.from_bytes(memory, "big") >> beyond ^ wanted) & cared
    return found is bool(target["Match"])


def _place(op: Element) -> tuple[Bank, int, int]:
    return Bank(op.number("MB")), op.number("WordPointer"), op.number("AccessPassword")


def _read(op: Element, tag: Tag, version: int) -> Element:
    bank, offset, password = _place(op)
    outcome, data = tag.read(bank, offset, op.number("WordCount"), password)
    code = _READ.get(outcome, 1)
    words = tuple(int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data), 2))
    code = _READ_1_0_1.get(code, code) if version == 1 else code
    return element("C1G2ReadOpSpecResult", {"Result": code, "OpSpecID": op["OpSpecID"], "ReadData": words})


def _write(op: Element, tag: Tag, version: int) -> Element:
    bank, offset, password = _place(op)
    words = op["WriteData"]
    data = b"".join(word.to_bytes(2, "big") for word in words) if isinstance(words, tuple) else b""
    outcome = tag.write(bank, offset, data, password)
    code = _WRITE.get(outcome, 4)
    code = _WRITE_1_0_1.get(code, code) if version == 1 else code
    written = len(data) // 2 if outcome is Outcome.DONE else 0
    name = op.name + "OpSpecResult"
    return element(name, {"Result": code, "OpSpecID": op["OpSpecID"], "NumWordsWritten": written})


def _lock(op: Element, tag: Tag, _version: int) -> Element:
    """Lock and unlock; a permanent lock is a lock here, for no simulated tag lives long enough."""
    right = op["AccessPassword"] == tag.access_password
    for payload in op.all("C1G2LockPayload") if right else ():
        bank = _LOCKS.get(payload.number("DataField"))
        if bank is not None:
            (tag.locked.discard if payload.number("Privilege") in {2, 3} else tag.locked.add)(bank)
    return element("C1G2LockOpSpecResult", {"Result": 0 if right else 2, "OpSpecID": op["OpSpecID"]})


_DO = {"C1G2Read": _read, "C1G2Write": _write, "C1G2BlockWrite": _write, "C1G2Lock": _lock}
