"""An R200 session against frames of the fixtures: a scripted module answers, hours pass in milliseconds."""

from __future__ import annotations

import pytest

from drivers.errors import DeviceRefused, DeviceUnavailable
from drivers.modules.framing import Malformed
from drivers.operations import Bank, Outcome, ReadMemory, TagResult, WriteMemory
from drivers.r200.frames import Cmd, Failure, Frame, Framing, Type, decoder, encode
from drivers.r200.session import R200Session
from drivers.r200.settings import R200Settings
from drivers.reads import BadRead, Fault, Notice, Read, TagRead
from tests.drivers.device_tools import at
from tests.drivers.module_tools import frames

AA = frames("r200", "aa_dd")
BB = frames("r200", "bb_7e")
TAG, NO_TAG = AA["tag"], AA["no_tag"]
EPC = bytes.fromhex("30751feb705c5904e3d50d70")
HEAD = b"\x0e\x34\x00" + EPC
ANSWERS: dict[int, bytes] = {
    Cmd.MODULE_INFO: b"\x00M100 V1.00",
    Cmd.GET_REGION: b"\x06",
    Cmd.GET_POWER: b"\x07\xd0",
    Cmd.GET_QUERY: b"\x10\x20",
}


class Bench:
    """A session and what its module answers; `failures` instead of answers, `mute` lets it say nothing."""

    def __init__(self, **settings: object) -> None:
        model = R200Settings.model_validate({"path": "x", "region": "kr"} | settings)
        self.framing = model.framing
        self.session = R200Session("desk", model)
        self.answers = dict(ANSWERS)
        self.failures: dict[int, bytes] = {}
        self.sent: list[Frame] = []
        self.wire = b""
        self.mute = False
        self._decoder = decoder(model.framing)

    def open(self, ms: float = 0) -> list[Read]:
        self.session.open(at(ms))
        return self.talk(ms)

    def talk(self, ms: float) -> list[Read]:
        reads: list[Read] = []
        while output := self.session.take_output():
            self.wire += output
            for frame in self._decoder.feed(output):
                assert isinstance(frame, Frame)
                self.sent.append(frame)
                if not self.mute and frame.command != Cmd.MULTI_POLL:
                    reads += self.session.receive(self.answer(frame), at(ms))
        return reads

    def answer(self, frame: Frame) -> bytes:
        if frame.command in self.failures:
            return encode(Frame(Type.RESPONSE, Cmd.FAILED, self.failures[frame.command]), self.framing)
        name = Cmd.SET_SELECT if frame.command == Cmd.SELECT_MODE else frame.command
        return encode(Frame(Type.RESPONSE, name, self.answers.get(frame.command, b"\0")), self.framing)

    def hear(self, wire: bytes, ms: float) -> list[Read]:
        return self.session.receive(wire, at(ms)) + self.talk(ms)

    def tick(self, ms: float) -> list[Read]:
        return self.session.tick(at(ms)) + self.talk(ms)

    def commands(self) -> list[int]:
        return [frame.command for frame in self.sent]


def opened(**settings: object) -> Bench:
    bench = Bench(**settings)
    bench.open()
    bench.sent.clear()
    return bench


def notices(reads: list[Read]) -> list[tuple[str, bool]]:
    return [(one.code, one.active) for one in reads if isinstance(one, Notice)]


SET_UP = [
    Cmd.STOP_POLL,
    Cmd.MODULE_INFO,
    Cmd.MODULE_INFO,
    Cmd.GET_REGION,
    Cmd.SET_HOPPING,
    Cmd.SET_POWER,
    Cmd.GET_POWER,
    Cmd.SELECT_MODE,
    Cmd.MULTI_POLL,
]


def test_set_up_ends_in_a_poll_and_sends_what_the_description_shows() -> None:
    bench = Bench()
    assert bench.open() == []
    assert bench.session.ready
    assert bench.commands() == SET_UP
    assert bench.wire.endswith(AA["multi_poll_65535"])
    assert bench.session.facts == {
        "model": "M100 V1.00",
        "firmware": "M100 V1.00",
        "region": "kr",
        "power_dbm": "20",
    }


def test_the_m100_is_spoken_to_with_its_own_marks() -> None:
    bench = Bench(framing=Framing.BB_7E, region="kr", power_dbm=20)
    bench.open()
    assert bench.session.ready
    for name in ("stop", "info_hardware", "hopping_on", "set_power_2000", "select_never"):
        assert BB[name] in bench.wire, name
    [read] = bench.hear(BB["tag_22"], 10)
    assert isinstance(read, TagRead)
    assert (read.epc, read.pc, read.rssi_cdbm) == (EPC, 0x3400, -5500)


def test_region_and_session_are_set_only_if_they_differ() -> None:
    bench = Bench(region="cn", session=2, hopping=False)
    bench.open()
    assert AA["set_region_cn"] in bench.wire
    assert Frame(Type.COMMAND, Cmd.SET_QUERY, b"\x12\x20") in bench.sent
    assert Frame(Type.COMMAND, Cmd.SET_HOPPING, b"\0") in bench.sent
    bench = Bench(session=0)
    bench.open()
    assert Cmd.SET_QUERY not in bench.commands()
    assert Cmd.SET_REGION not in bench.commands()


def test_a_module_that_polls_from_before_is_stopped_and_reports_nothing() -> None:
    bench = Bench()
    bench.session.open(at(0))
    assert bench.session.receive(TAG[9:] + TAG + NO_TAG + TAG[:8], at(1)) == []
    assert not bench.session.ready
    bench.session.tick(at(300))
    bench.talk(301)
    assert bench.session.ready


def test_a_module_that_never_answers_is_not_there() -> None:
    bench = Bench()
    bench.mute = True
    bench.open()
    bench.tick(1000)
    bench.tick(2000)
    assert bench.commands() == 3 * [Cmd.STOP_POLL]
    with pytest.raises(DeviceUnavailable, match="does not answer") as caught:
        bench.tick(3000)
    assert "baud" in caught.value.hint


@pytest.mark.parametrize(
    ("command", "hint"), [(Cmd.SET_POWER, "power_dbm"), (Cmd.SET_REGION, "region"), (Cmd.SET_HOPPING, "firmware")]
)
def test_a_refusal_says_why(command: Cmd, hint: str) -> None:
    bench = Bench(region="eu")
    bench.failures[command] = bytes((Failure.INVALID_PARAMETER,))
    with pytest.raises(DeviceRefused, match="0E invalid parameter") as caught:
        bench.open()
    assert hint in caught.value.hint


def test_a_notification_is_a_read_by_either_name() -> None:
    bench = opened()
    [read] = bench.hear(TAG, 1400)
    assert read == TagRead("desk", EPC, 1, -5500, at(1400), at(1400).wall_us, at(1400).wall_us, pc=0x3400)
    other = Frame(Type.NOTIFICATION, Cmd.MULTI_POLL, b"\xc9\x34\x00" + EPC + b"\x3a\x76")
    [read] = bench.hear(encode(other), 1500)
    assert isinstance(read, TagRead)
    assert read.epc == EPC


def test_no_tag_is_no_read_and_no_fault() -> None:
    bench = opened()
    assert bench.hear(20 * NO_TAG, 10) == []


def test_every_cut_of_a_stream_gives_the_same_reads() -> None:
    stream = NO_TAG + TAG + TAG
    for cut in range(1, len(stream)):
        bench = opened()
        reads = bench.hear(stream[:cut], 100) + bench.hear(stream[cut:], 101)
        assert [type(read) for read in reads] == [TagRead, TagRead]


def test_a_poll_that_ends_or_a_module_that_was_reset_is_set_up_again() -> None:
    bench = opened()
    bench.hear(TAG, 500)
    assert bench.session.next_deadline() == at(1500).monotonic_ns
    bench.tick(1499)
    assert bench.sent == []
    bench.answers[Cmd.GET_REGION] = b"\x01"
    bench.tick(1500)
    assert bench.commands() == [*SET_UP[:4], Cmd.SET_REGION, Cmd.GET_REGION, *SET_UP[4:]]
    assert [type(read) for read in bench.hear(TAG, 1600)] == [TagRead]


def test_two_silent_intervals_are_a_loss() -> None:
    bench = opened()
    bench.hear(NO_TAG, 500)
    bench.mute = True
    bench.tick(1500)
    bench.tick(2499)
    with pytest.raises(DeviceUnavailable, match="silent for 2 s") as caught:
        bench.tick(2500)
    assert caught.value.hint


def test_a_noisy_line_does_not_flood() -> None:
    bench = opened(silence_s=86_400)
    broken = TAG[:8] + b"\x00" + TAG[9:]
    found: list[Read] = []
    for number in range(250):
        found += bench.hear(broken + TAG, 100 * number)
    bad = [read for read in found if isinstance(read, BadRead)]
    assert len([read for read in found if isinstance(read, TagRead)]) == 250
    assert [read.fault for read in bad] == 3 * [Fault.CHECKSUM]
    quiet: list[Read] = []
    for number in range(250, 600):
        quiet += bench.hear(TAG, 100 * number)
    assert len([read for read in quiet if isinstance(read, BadRead)]) == 1  # the rest of the run, told at its end
    assert [type(read) for read in bench.hear(broken, 70_000)] == [BadRead]  # a new run is told at once


def test_failures_and_strange_frames_are_reported() -> None:
    for frame in (
        Frame(Type.RESPONSE, Cmd.FAILED, bytes((Failure.HOPPING,))),
        Frame(Type.NOTIFICATION, Cmd.SINGLE_POLL, b"\xc9"),
        Frame(Type.COMMAND, Cmd.STOP_POLL),
    ):
        [bad] = opened().hear(encode(frame), 10)
        assert isinstance(bad, BadRead)
        assert bad.fault is Fault.UNEXPECTED
    assert opened().hear(encode(Frame(Type.RESPONSE, Cmd.MULTI_POLL, b"\0")), 10) == []


@pytest.mark.parametrize(
    ("settings", "answers", "code"),
    [
        ({}, {}, "out_of_reach"),
        ({}, {Cmd.GET_POWER: b"\x03\xe8"}, "low_power"),
        ({"region": "eu"}, {}, "wrong_region"),
    ],
)
def test_who_reads_nothing_is_told_why_until_the_first_read(
    settings: dict[str, object], answers: dict[int, bytes], code: str
) -> None:
    bench = Bench(silence_s=30, **settings)
    bench.answers |= answers
    bench.open()
    found: list[Read] = []
    for step in range(1, 1000):
        found += bench.hear(NO_TAG, 100 * step)
    assert notices(found) == [(code, True)]
    assert notices(bench.hear(TAG, 100_000)) == [(code, False)]


# Operations.


def operate(bench: Bench, operation: ReadMemory | WriteMemory, ms: float = 5000) -> list[TagResult]:
    bench.session.begin(operation, at(ms))
    bench.talk(ms)
    for step in range(1, 200):
        results = bench.session.take_results()
        if results is not None:
            return results
        bench.tick(ms + 50 * step)
    raise AssertionError("no end")


def test_a_read_selects_its_tag_as_the_description_shows_and_polls_on() -> None:
    bench = opened(framing=Framing.BB_7E)
    bench.wire = b""
    bench.answers[Cmd.READ_MEMORY] = HEAD + bytes.fromhex("12345678")
    operation = ReadMemory(Bank.USER, 0, 2, match=EPC, access_password=0x0000FFFF)
    assert operate(bench, operation) == [TagResult(Outcome.DONE, EPC, bytes.fromhex("12345678"), 1)]
    assert bench.commands() == [Cmd.STOP_POLL, Cmd.SET_SELECT, Cmd.READ_MEMORY, Cmd.MULTI_POLL]
    assert BB["set_select"] in bench.wire
    assert BB["read_user"] in bench.wire
    assert bench.answer(Frame(Type.COMMAND, Cmd.READ_MEMORY)) == BB["read_user_response"]


def test_a_write_is_as_the_description_shows() -> None:
    bench = opened(framing=Framing.BB_7E)
    bench.answers[Cmd.WRITE_MEMORY] = HEAD + b"\0"
    operation = WriteMemory(Bank.USER, 0, bytes.fromhex("12345678"), EPC, access_password=0x0000FFFF)
    assert operate(bench, operation) == [TagResult(Outcome.DONE, EPC, b"", 1)]
    assert BB["write_user"] in bench.wire
    assert bench.answer(Frame(Type.COMMAND, Cmd.WRITE_MEMORY)) == BB["write_user_response"]


@pytest.mark.parametrize(
    ("failure", "outcome"),
    [
        (b"\x09", Outcome.NO_RESPONSE),
        (b"\x16" + HEAD, Outcome.PASSWORD),
        (b"\xa3" + HEAD, Outcome.OVERRUN),
        (b"\xa4" + HEAD, Outcome.LOCKED),
        (b"\xab" + HEAD, Outcome.NO_RESPONSE),
        (b"\xaf" + HEAD, Outcome.FAILED),
        (b"\x17", Outcome.FAILED),
    ],
)
def test_what_became_of_a_read(failure: bytes, outcome: Outcome) -> None:
    bench = opened()
    bench.failures[Cmd.READ_MEMORY] = failure
    [result] = operate(bench, ReadMemory(Bank.USER, 0, 2, match=EPC, duration_ms=200))
    assert (result.outcome, result.epc, result.data) == (outcome, EPC, b"")
    assert result.detail


def test_an_answer_of_another_tag_is_no_success() -> None:
    bench = opened()
    bench.answers[Cmd.READ_MEMORY] = b"\x06\x10\x00\xaa\xbb\xcc\xdd\x12\x34"
    assert operate(bench, ReadMemory(Bank.USER, 0, 1, match=EPC))[0].outcome is Outcome.FAILED
    bench.answers[Cmd.WRITE_MEMORY] = b""
    assert operate(bench, WriteMemory(Bank.USER, 0, b"\0\0", EPC), 9000)[0].outcome is Outcome.FAILED
    bench.answers[Cmd.WRITE_MEMORY] = b"\x06\x10\x00\xaa\xbb\xcc\xdd\x00"
    assert operate(bench, WriteMemory(Bank.EPC, 1, b"\x10\0", EPC), 12_000)[0].outcome is Outcome.DONE


def test_a_read_without_match_reads_what_the_stream_shows() -> None:
    bench = opened()
    bench.answers[Cmd.READ_MEMORY] = HEAD + b"\xe2\x80"
    bench.session.begin(ReadMemory(Bank.TID, 0, 1, duration_ms=500), at(100))
    assert len(bench.hear(TAG + NO_TAG + TAG, 200)) == 2
    bench.tick(600)
    assert bench.session.take_results() == [TagResult(Outcome.DONE, EPC, b"\xe2\x80", 1)]


def test_only_what_the_module_can() -> None:
    bench = opened()
    for operation in (
        ReadMemory(Bank.TID, 0, 1, antenna=2),
        ReadMemory(Bank.TID, 0, 1, match=bytes(32)),
        WriteMemory(Bank.USER, 0, bytes(66), EPC),
        WriteMemory(Bank.USER, 0, b"\0\0", b""),
        WriteMemory(Bank.USER, 0, b"\0", EPC),
        WriteMemory(Bank.USER, 0, b"", EPC),
        ReadMemory(Bank.TID, 65_536, 1),
        ReadMemory(Bank.TID, 0, 65),
        ReadMemory(Bank.TID, 0, 1, access_password=1 << 32),
        ReadMemory(Bank.TID, 0, 1, match=bytes(64)),
    ):
        with pytest.raises(DeviceRefused):
            bench.session.begin(operation, at(0))
    assert bench.session.take_results() is None


def test_a_module_that_dies_in_an_operation_is_a_loss() -> None:
    bench = opened()
    bench.session.begin(WriteMemory(Bank.USER, 0, b"\x12\x34", EPC), at(100))
    bench.mute = True
    with pytest.raises(DeviceUnavailable):  # noqa: PT012 - it happens in one of these
        for step in range(100):
            bench.tick(100 + 100 * step)
    assert bench.session.take_results() is None


def test_leaving_stops_the_poll_and_reports_no_half_frame() -> None:
    bench = opened()
    bench.hear(TAG[:10], 10)
    assert bench.session.farewell(at(11)) == encode(Frame(Type.COMMAND, Cmd.STOP_POLL))
    assert bench.session.close(at(12)) == []
    assert not isinstance(decoder().feed(TAG)[0], Malformed)
