"""Writing a tag: simulated tags with memory behind a reader that can fail at any step, and a real ledger."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from agent.capture.tagging import Range, Tagging, TaggingError, WriteTag
from agent.ledger.log import Ledger
from agent.ledger.reader import Reader
from contract.times import Stamper
from drivers.errors import DeviceUnavailable
from drivers.operations import Bank, Outcome, ReadMemory, TagOperation, TagResult, WriteMemory
from identity.tags import identify_epc
from simulators.tags import Tag, sgtin_tags, tid_of
from tests.agent.clocks import FakeClock
from tests.agent.ledger.stated import same_again

GTIN = "08801234567893"
BLANK = bytes.fromhex("e2806894000040017790e471")


class Bench:
    """A reader with tags on its bench. `troubles` are asked before each operation: an error to raise, or results."""

    def __init__(self, folder: Path) -> None:
        self.tags = [Tag(BLANK, tid_of(1))]
        self.done: list[TagOperation] = []
        self.troubles: list[Callable[[TagOperation], list[TagResult] | None]] = []
        clock = FakeClock()
        self.ledger = Ledger(folder, store="S1", clock=clock, stamper=Stamper(ZoneInfo("Asia/Seoul")))
        self.ledger.start()
        self.reader = Reader(folder)
        self.serials = Range(100, 199, 1, lambda gtin: 7 if gtin == GTIN else None)
        self.tagging = Tagging(operate=self.operate, write=self.ledger.write, clock=clock, serials=self.serials)

    async def operate(self, device: str, operation: TagOperation) -> list[TagResult]:
        assert device == "desk"
        self.done.append(operation)
        for trouble in list(self.troubles):
            results = trouble(operation)
            if results is not None:
                return results
        near = [tag for tag in self.tags if operation.match in {None, tag.epc}]
        return [self._one(tag, operation) for tag in near]

    def _one(self, tag: Tag, operation: TagOperation) -> TagResult:
        if isinstance(operation, ReadMemory):
            outcome, data = tag.read(
                operation.bank, operation.word_offset, operation.word_count, operation.access_password
            )
            return TagResult(outcome, tag.epc, data, 1)
        epc = tag.epc
        return TagResult(
            tag.write(operation.bank, operation.word_offset, operation.data, operation.access_password), epc
        )

    def write(self, **order: Any) -> Any:
        return run(self.tagging.write(WriteTag("desk", order.pop("gtin", GTIN), **order)))

    def kinds(self) -> list[str]:
        return [event["data"]["kind"] for event in self.reader.newest(100)][1:]

    def close(self) -> None:
        self.reader.close()
        self.ledger.close()


def run(work: Coroutine[Any, Any, Any]) -> Any:
    async def limited() -> Any:
        async with asyncio.timeout(20):
            return await work

    return asyncio.run(limited())


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    opened = Bench(tmp_path)
    yield opened
    opened.close()


def refused(bench: Bench, **order: Any) -> str:
    with pytest.raises(TaggingError) as caught:
        bench.write(**order)
    assert caught.value.hint
    return caught.value.reason


def test_a_blank_tag_is_written_read_again_and_in_the_log(bench: Bench) -> None:
    written = bench.write()
    assert identify_epc(bench.tags[0].epc).digital_link == f"https://id.gs1.org/01/{GTIN}/21/100"
    assert (written.epc, written.serial) == (bench.tags[0].epc.hex().upper(), 100)
    assert (written.replaces, written.tid) == (BLANK.hex().upper(), tid_of(1).hex().upper())
    assert bench.kinds() == ["tag_encoding", "tag_written"]
    encoding, done = bench.reader.newest(2)
    assert done["data"]["encoding"] == {"seq": encoding["seq"], "id": encoding["id"]}
    assert written.seq == encoding["seq"]
    assert encoding["source"] == {"device": "desk"}


def test_the_number_is_in_the_log_before_the_tag_is_touched(bench: Bench) -> None:
    heads: list[tuple[str, int]] = []

    def watch(operation: TagOperation) -> None:
        heads.append((type(operation).__name__, bench.reader.head()))

    bench.troubles.append(watch)
    bench.write()
    assert [head for name, head in heads if name == "WriteMemory"] == [2]


def test_numbers_go_up_and_survive_restart_and_rebuild(bench: Bench) -> None:
    serials = []
    for number in range(3):
        bench.tags = [Tag(BLANK, tid_of(number))]
        serials.append(bench.write().serial)
    assert serials == [100, 101, 102]
    assert bench.reader.projections()["serial"] == [(GTIN, 102)]
    same_again(bench.reader)


def test_a_chosen_number_of_the_range_moves_it_on_one_outside_does_not(bench: Bench) -> None:
    for serial, following in ((150, 151), (7_000, 152)):
        bench.tags = [Tag(BLANK, tid_of(serial))]
        assert bench.write(serial=serial).serial == serial
        bench.tags = [Tag(BLANK, tid_of(serial + 1))]
        assert bench.write().serial == following
    bench.tags = [Tag(BLANK)]
    assert refused(bench, serial=150) == "no_serial"
    assert refused(bench, serial=1 << 38) == "no_serial"


def test_a_used_up_range_is_said(bench: Bench) -> None:
    bench.write(serial=199)
    bench.tags = [Tag(BLANK)]
    head = bench.reader.head()
    assert refused(bench) == "no_serial"
    assert bench.reader.head() == head


def test_no_tag_and_several_tags_are_refused_before_anything_is_written(bench: Bench) -> None:
    bench.tags = []
    assert refused(bench) == "no_tag"
    bench.tags = [Tag(BLANK, tid_of(1)), Tag(bytes(12), tid_of(2))]
    assert refused(bench) == "several_tags"
    assert bench.kinds() == []
    assert bench.write(match=BLANK.hex()).replaces == BLANK.hex().upper()
    assert bench.tags[1].epc == bytes(12)


def test_an_items_tag_is_written_over_only_when_asked(bench: Bench) -> None:
    bench.tags = sgtin_tags(1)
    assert refused(bench) == "already_encoded"
    assert bench.kinds() == []
    assert bench.write(replace=True).serial == 100


def test_a_prefix_of_unknown_length_is_refused(bench: Bench) -> None:
    assert refused(bench, gtin="04012345123456") == "unknown_prefix"
    assert bench.kinds() == []


def test_a_shorter_epc_gets_a_new_length_in_its_pc(bench: Bench) -> None:
    bench.tags = [Tag(BLANK[:8], tid_of(1))]
    bench.write()
    assert (len(bench.tags[0].epc), bench.tags[0].pc) == (12, 0x3000)


def test_a_chip_without_a_number_of_its_own_is_written_by_its_epc(bench: Bench) -> None:
    bench.tags = [Tag(BLANK, bytes.fromhex("e2801130"))]
    assert bench.write().tid == "E2801130"


def test_a_write_that_stops_halfway_is_found_by_the_tid_and_ended(bench: Bench) -> None:
    """Word by word: the first three words are the new EPC's, and the tag answers with an EPC nobody knows."""

    def half(operation: TagOperation) -> list[TagResult] | None:
        if not isinstance(operation, WriteMemory):
            return None
        bench.troubles.clear()
        tag = bench.tags[0]
        tag.write(Bank.EPC, 1, operation.data[:8])
        return [TagResult(Outcome.NO_RESPONSE, BLANK)]

    bench.troubles.append(half)
    assert bench.write().serial == 100
    assert bench.kinds() == ["tag_encoding", "tag_written"]


def test_a_write_whose_answer_was_lost_is_no_second_write(bench: Bench) -> None:
    def deaf(operation: TagOperation) -> list[TagResult] | None:
        if not isinstance(operation, WriteMemory):
            return None
        bench.tags[0].write(operation.bank, operation.word_offset, operation.data)
        return []

    bench.troubles.append(deaf)
    bench.write()
    assert sum(isinstance(one, WriteMemory) for one in bench.done) == 1


def test_a_locked_tag_is_an_exception_with_its_number_burnt(bench: Bench) -> None:
    bench.tags[0].locked.add(Bank.EPC)
    assert refused(bench) == "locked"
    event = bench.reader.newest(1)[0]
    assert (event["type"], event["data"]["kind"], event["data"]["reason"]) == ("exception", "tag_not_written", "locked")
    assert event["data"]["code"]["serial"] == "100"
    bench.tags = [Tag(BLANK, tid_of(2))]
    assert bench.write().serial == 101


def test_another_tag_with_the_same_epc_is_not_taken_for_it(bench: Bench) -> None:
    """The tag leaves after the write, one with another TID answers to the new EPC."""

    def swap(operation: TagOperation) -> list[TagResult] | None:
        if isinstance(operation, WriteMemory):
            other = Tag(operation.data[2:], tid_of(99))
            bench.tags = [other]
            return [TagResult(Outcome.DONE, BLANK)]
        return None

    bench.troubles.append(swap)
    assert refused(bench) in {"not_verified", "no_tag"}
    assert bench.kinds()[-1] == "tag_not_written"


def test_a_reader_that_is_lost_meanwhile_leaves_an_exception(bench: Bench) -> None:
    def lose(operation: TagOperation) -> None:
        if isinstance(operation, WriteMemory):
            raise DeviceUnavailable("desk was lost meanwhile", hint="read the tag")

    bench.troubles.append(lose)
    with pytest.raises(DeviceUnavailable):
        bench.write()
    assert bench.kinds() == ["tag_encoding", "tag_not_written"]
    assert bench.reader.newest(1)[0]["data"]["reason"] == "lost"


@pytest.mark.parametrize("words", [0, 65])
def test_too_many_words_are_refused(bench: Bench, words: int) -> None:
    with pytest.raises(ValueError, match="words"):
        run(bench.tagging.read("desk", ReadMemory(Bank.TID, 0, words)))
