"""A ThingMagic session against frames of the fixtures: a scripted module answers, hours pass in milliseconds."""

from __future__ import annotations

import pytest

from drivers.errors import DeviceError, DeviceRefused, DeviceUnavailable
from drivers.modules.framing import Malformed
from drivers.operations import WORDS_MAX, Bank, Outcome, ReadMemory, TagResult, WriteMemory
from drivers.reads import Answer, BadRead, Fault, Notice, Read, TagRead
from drivers.thingmagic.frames import Command, Op, Response, Status, command_decoder, encode
from drivers.thingmagic.session import ThingmagicSession
from drivers.thingmagic.settings import ThingmagicSettings
from tests.drivers.device_tools import at
from tests.drivers.module_tools import frames

RECORD = frames("thingmagic", "responses")["tag_record"]
EPC = bytes.fromhex("000000000000000000001545")
KEEPALIVE = encode(Response(Op.READ_TAG_ID_MULTIPLE, Status.NO_TAGS_FOUND))
HOT = encode(Response(Op.READ_TAG_ID_MULTIPLE, Status.OVER_TEMPERATURE))
LOSS = encode(Response(Op.READ_TAG_ID_MULTIPLE, Status.HIGH_RETURN_LOSS))
NO_ANTENNA = encode(Response(Op.READ_TAG_ID_MULTIPLE, Status.ANTENNA_NOT_CONNECTED))
M6E = bytes.fromhex("07102300180000032014100701070209") + bytes(4)
ANSWERS: dict[int, tuple[int, bytes]] = {
    Op.BOOT_FIRMWARE: (Status.INVALID_OPCODE, b""),
    Op.VERSION: (0, M6E),
    Op.GET_REGION: (0, b"\x09"),
    Op.GET_READ_TX_POWER: (0, bytes.fromhex("0108fc0bb801f4")),
    Op.GET_ANTENNA_PORT: (0, bytes.fromhex("0501010200")),
}


class Bench:
    """A session and what its module answers; `answers` may be changed, `mute` lets it say nothing."""

    def __init__(self, **settings: object) -> None:
        model = ThingmagicSettings.model_validate({"path": "x", "region": "kr"} | settings)
        self.session = ThingmagicSession("gate", model)
        self.answers = dict(ANSWERS)
        self.sent: list[Command] = []
        self.mute = False
        self._decoder = command_decoder()

    def open(self, ms: float = 0) -> list[Read]:
        self.session.open(at(ms))
        return self.talk(ms)

    def talk(self, ms: float) -> list[Read]:
        """Answer whatever the session sends until it sends nothing."""
        reads: list[Read] = []
        while commands := self._decoder.feed(self.session.take_output()):
            for command in commands:
                assert not isinstance(command, Malformed)
                self.sent.append(command)
                if not self.mute:
                    reads += self.session.receive(self.answer(command), at(ms))
        return reads

    def answer(self, command: Command) -> bytes:
        if command.op == Op.MULTI_PROTOCOL_TAG_OP:
            return encode(Response(command.op, 0, command.data[2:3]))
        status, data = self.answers.get(command.op, (0, b""))
        return encode(Response(command.op, status, data))

    def hear(self, wire: bytes, ms: float) -> list[Read]:
        return self.session.receive(wire, at(ms)) + self.talk(ms)

    def tick(self, ms: float) -> list[Read]:
        return self.session.tick(at(ms)) + self.talk(ms)

    def ops(self) -> list[int]:
        return [command.op for command in self.sent]


def opened(**settings: object) -> Bench:
    bench = Bench(**settings)
    bench.open()
    bench.sent.clear()
    return bench


def notices(reads: list[Read]) -> list[tuple[str, str, bool]]:
    return [(one.code, one.subject, one.active) for one in reads if isinstance(one, Notice)]


def test_set_up_ends_in_a_stream_and_writes_no_region_that_is_there() -> None:
    bench = Bench(power_dbm=25, session=1, antennas=[1, 2])
    assert notices(bench.open()) == [("antenna_off", "2", True)]
    assert bench.session.ready
    assert bench.ops() == [
        Op.MULTI_PROTOCOL_TAG_OP,
        Op.BOOT_FIRMWARE,
        Op.VERSION,
        Op.GET_REGION,
        Op.SET_TAG_PROTOCOL,
        Op.GET_READ_TX_POWER,
        Op.SET_READ_TX_POWER,
        Op.SET_WRITE_TX_POWER,
        Op.SET_PROTOCOL_PARAM,
        Op.SET_READER_OPTIONAL_PARAMS,
        Op.GET_ANTENNA_PORT,
        Op.SET_ANTENNA_PORT,
        Op.MULTI_PROTOCOL_TAG_OP,
    ]
    assert bench.session.facts["model"] == "ThingMagic M6e"
    assert bench.session.facts["region"] == "kr"


def test_another_region_is_set() -> None:
    bench = Bench(region="eu")
    bench.open()
    assert Command(Op.SET_REGION, b"\x08") in bench.sent
    assert bench.session.ready


def test_a_module_that_streams_from_before_is_stopped_and_reports_nothing() -> None:
    bench = Bench()
    bench.session.open(at(0))
    assert bench.session.receive(RECORD[17:] + RECORD + KEEPALIVE + RECORD[:10], at(1)) == []
    assert not bench.session.ready
    assert bench.session.tick(at(300)) == []  # half a record is given up
    bench.talk(301)
    assert bench.session.ready


def test_a_stop_that_is_not_heard_is_sent_again_and_then_the_module_is_not_there() -> None:
    bench = Bench()
    bench.mute = True
    bench.open()
    bench.tick(1000)
    bench.tick(2000)
    assert bench.ops() == 3 * [Op.MULTI_PROTOCOL_TAG_OP]
    with pytest.raises(DeviceUnavailable, match="does not answer") as caught:
        bench.tick(3000)
    assert "baud" in caught.value.hint


def test_a_stop_sent_twice_is_answered_twice_and_the_start_is_still_heard() -> None:
    bench = Bench()
    bench.mute = True
    bench.open()
    bench.tick(1000)
    bench.mute = False
    stop = encode(Response(Op.MULTI_PROTOCOL_TAG_OP, 0, b"\x02"))
    assert bench.hear(stop, 1100) == []
    assert bench.session.ready
    assert bench.hear(stop, 1200) == []


@pytest.mark.parametrize(
    ("op", "status", "hint"),
    [
        (Op.SET_READ_TX_POWER, Status.POWER_TOO_HIGH, "power_dbm"),
        (Op.SET_TAG_PROTOCOL, Status.INVALID_PROTOCOL, "firmware"),
        (Op.SET_ANTENNA_PORT, Status.INVALID_PARAMETER_VALUE, "antennas"),
    ],
)
def test_a_refusal_says_why(op: Op, status: Status, hint: str) -> None:
    bench = Bench()
    bench.answers[op] = (status, b"")
    with pytest.raises(DeviceRefused, match=f"{status:04X}") as caught:
        bench.open()
    assert hint in caught.value.hint


def test_a_region_that_the_module_does_not_know_is_refused() -> None:
    bench = Bench(region="jp")
    bench.answers[Op.SET_REGION] = (Status.INVALID_PARAMETER_VALUE, b"")
    with pytest.raises(DeviceRefused, match="set_region") as caught:
        bench.open()
    assert "region" in caught.value.hint


def test_power_out_of_range_names_the_range() -> None:
    with pytest.raises(DeviceRefused, match="31 dBm") as caught:
        Bench(power_dbm=31).open()
    assert caught.value.hint == "set power_dbm between 5 and 30"


def test_a_start_that_is_refused_says_why() -> None:
    bench = Bench()
    bench.session.open(at(0))
    with pytest.raises(DeviceRefused, match="0104 invalid frequency"):  # noqa: PT012 - at the last of many steps
        while commands := command_decoder().feed(bench.session.take_output()):
            for command in commands:
                assert isinstance(command, Command)
                begins = command.op == Op.MULTI_PROTOCOL_TAG_OP and command.data[2:3] == b"\x01"
                wire = encode(Response(command.op, Status.INVALID_FREQUENCY)) if begins else bench.answer(command)
                bench.session.receive(wire, at(1))


def test_a_record_is_a_read_with_all_it_says() -> None:
    bench = opened()
    bench.hear(KEEPALIVE, 1000)
    [read] = bench.hear(RECORD, 1400)
    assert read == TagRead(
        "gate",
        EPC,
        antenna=1,
        rssi_cdbm=-6000,
        arrived=at(1400),
        seen_us=at(1295).wall_us,
        first_us=at(1295).wall_us,
        device_time_us=295_000,
        seen_count=1,
        pc=0x3000,
        phase_mrad=0,
        frequency_khz=923_200,
    )


def test_a_record_is_never_seen_after_it_came() -> None:
    bench = opened()
    bench.hear(KEEPALIVE, 1000)
    [read] = bench.hear(RECORD, 1100)
    assert isinstance(read, TagRead)
    assert read.seen_us == at(1100).wall_us


def test_every_cut_of_a_stream_gives_the_same_reads() -> None:
    stream = KEEPALIVE + RECORD + RECORD
    for cut in range(1, len(stream)):
        bench = opened()
        reads = bench.hear(stream[:cut], 1000) + bench.hear(stream[cut:], 1001)
        assert [type(read) for read in reads] == [TagRead, TagRead]


def test_two_silent_keepalives_are_a_loss() -> None:
    bench = opened()
    for second in range(1, 60):
        bench.hear(KEEPALIVE, 1000 * second)
    bench.tick(60_999)
    with pytest.raises(DeviceUnavailable, match="silent") as caught:
        bench.tick(61_000)
    assert caught.value.hint


def test_a_damaged_keepalive_is_a_sign_of_life_but_not_for_ever() -> None:
    bench = opened()
    damaged, last = KEEPALIVE[:-1] + b"\x00", 0
    with pytest.raises(DeviceUnavailable):  # noqa: PT012 - when it happens is what is tested
        for second in range(1, 60):
            bench.hear(damaged, 1000 * second)
            bench.tick(1000 * second + 999)
            last = second
    assert 9 <= last <= 13


def test_a_noisy_line_does_not_flood() -> None:
    bench = opened(silence_s=86_400)
    broken = RECORD[:20] + b"\x00" + RECORD[21:]
    found: list[Read] = []
    for number in range(250):
        found += bench.hear(broken + RECORD, 100 * number)
    bad = [read for read in found if isinstance(read, BadRead)]
    assert len([read for read in found if isinstance(read, TagRead)]) == 250
    assert [read.fault for read in bad] == 3 * [Fault.CHECKSUM]
    assert "99 more broken frames" in bad[1].detail
    rest = bench.session.close(at(25_100))
    assert len(rest) == 1
    counted = sum(int(read.detail.split()[0]) for read in [*bad[1:], *rest] if isinstance(read, BadRead))
    assert counted == 249


def test_hot_begins_once_and_ends_when_it_is_not_told_any_more() -> None:
    bench = opened()
    found: list[Read] = []
    for second in range(1, 6):
        found += bench.hear(HOT, 1000 * second)
    assert notices(found) == [("hot", "", True)]
    found = []
    for second in range(6, 20):
        found += bench.tick(1000 * second - 1) + bench.hear(KEEPALIVE, 1000 * second)
    assert notices(found) == [("hot", "", False)]


def test_antenna_faults_name_the_antenna_where_there_is_one() -> None:
    bench = opened(antennas=[1])
    assert notices(bench.hear(LOSS + NO_ANTENNA, 10)) == [("high_return_loss", "1", True), ("antenna_off", "1", True)]
    bench = opened(antennas=[1, 2])
    assert notices(bench.hear(LOSS, 10)) == [("high_return_loss", "", True)]


def test_silence_after_a_fault_begins_the_set_up_again() -> None:
    bench = opened()
    bench.hear(HOT, 500)
    bench.tick(2500)
    assert bench.ops()[0] == Op.MULTI_PROTOCOL_TAG_OP
    assert bench.ops()[-1] == Op.MULTI_PROTOCOL_TAG_OP
    assert [type(read) for read in bench.hear(RECORD, 2600)] == [TagRead]


def test_a_restart_of_the_module_is_a_loss() -> None:
    bench = opened()
    with pytest.raises(DeviceUnavailable, match="restarted"):
        bench.hear(encode(Response(Op.BOOT_FIRMWARE, 0, M6E)), 10)


def test_what_does_not_belong_is_reported() -> None:
    bench = opened()
    [bad] = bench.hear(encode(Response(Op.READ_TAG_ID_MULTIPLE, 0x7F01)), 10)
    assert isinstance(bad, BadRead)
    assert bad.fault is Fault.UNEXPECTED
    assert "assert failed" in bad.detail
    bench = opened()
    [bad] = bench.hear(encode(Response(Op.READ_TAG_ID_MULTIPLE, 0, b"\x10\x00")), 10)
    assert isinstance(bad, BadRead)
    assert "too short" in bad.detail


@pytest.mark.parametrize(
    ("settings", "answers", "code"),
    [
        ({}, {}, "out_of_reach"),
        ({"power_dbm": 10}, {}, "low_power"),
        ({"antennas": [2]}, {}, "no_antenna"),
        ({"region": "eu"}, {}, "wrong_region"),
    ],
)
def test_who_reads_nothing_is_told_why_until_the_first_read(
    settings: dict[str, object], answers: dict[int, tuple[int, bytes]], code: str
) -> None:
    bench = Bench(silence_s=30, **settings)
    bench.answers |= answers
    bench.open()
    found: list[Read] = []
    for second in range(1, 100):
        found += bench.hear(KEEPALIVE, 1000 * second)
    assert notices(found) == [(code, "", True)]
    assert next(one for one in found if isinstance(one, Notice)).arrived == at(30_000)
    [ended, read] = bench.hear(RECORD, 100_000)
    assert notices([ended]) == [(code, "", False)]
    assert isinstance(read, TagRead)


def test_tags_that_stay_silent_in_their_session_are_a_reason() -> None:
    bench = opened(session=2, silence_s=5)
    found = bench.hear(RECORD, 500)
    for second in range(1, 10):
        found += bench.hear(KEEPALIVE, 1000 * second)
    assert notices(found) == [("session_quiet", "", True)]


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


def test_a_read_pauses_the_stream_and_goes_on() -> None:
    bench = opened()
    bench.answers[Op.READ_TAG_DATA] = (0, bytes.fromhex("110000") + bytes.fromhex("e28011601234"))
    operation = ReadMemory(Bank.TID, 0, 3, match=EPC)
    assert operate(bench, operation) == [TagResult(Outcome.DONE, EPC, bytes.fromhex("e28011601234"), 1)]
    assert bench.ops() == [
        Op.MULTI_PROTOCOL_TAG_OP,
        Op.SET_ANTENNA_PORT,
        Op.READ_TAG_DATA,
        Op.SET_ANTENNA_PORT,
        Op.MULTI_PROTOCOL_TAG_OP,
    ]
    assert [type(read) for read in bench.hear(RECORD, 6000)] == [TagRead]


def test_a_read_without_match_reads_what_the_stream_shows() -> None:
    bench = opened()
    bench.answers[Op.READ_TAG_DATA] = (0, bytes.fromhex("110000") + b"\xe2\x80")
    bench.session.begin(ReadMemory(Bank.TID, 0, 1, duration_ms=500), at(100))
    assert len(bench.hear(RECORD + RECORD, 200)) == 2
    bench.tick(600)
    assert bench.session.take_results() == [TagResult(Outcome.DONE, EPC, b"\xe2\x80", 1)]
    assert bench.session.take_results() is None


def test_a_tag_that_is_not_found_is_looked_for_on_every_antenna() -> None:
    bench = opened(antennas=[1, 2])
    bench.answers[Op.WRITE_TAG_DATA] = (Status.NO_TAGS_FOUND, b"")
    [result] = operate(bench, WriteMemory(Bank.EPC, 2, bytes(12), EPC, duration_ms=300))
    assert result.outcome is Outcome.NO_RESPONSE
    ports = [command.data for command in bench.sent if command.op == Op.SET_ANTENNA_PORT]
    assert ports[:2] == [b"\x01\x01", b"\x02\x02"]
    assert ports[-1] == b"\x02\x01\x01\x02\x02"


@pytest.mark.parametrize(
    ("status", "outcome"), [(0, Outcome.DONE), (0x0424, Outcome.LOCKED), (0x0423, Outcome.OVERRUN)]
)
def test_what_became_of_a_write(status: int, outcome: Outcome) -> None:
    bench = opened()
    bench.answers[Op.WRITE_TAG_DATA] = (status, b"")
    [result] = operate(bench, WriteMemory(Bank.USER, 0, b"\x12\x34", EPC))
    assert (result.outcome, result.epc, result.antenna) == (outcome, EPC, 1)
    assert bool(result.detail) is (outcome is not Outcome.DONE)


def test_one_operation_at_a_time_and_only_what_the_module_can() -> None:
    bench = Bench()
    with pytest.raises(DeviceRefused, match="set up"):
        bench.session.begin(ReadMemory(Bank.TID, 0, 1), at(0))
    bench.open()
    with pytest.raises(DeviceRefused, match="no antenna 3"):
        bench.session.begin(ReadMemory(Bank.TID, 0, 1, antenna=3), at(0))
    with pytest.raises(DeviceRefused, match="115 words"):
        bench.session.begin(WriteMemory(Bank.USER, 0, bytes(230), EPC), at(0))
    bench.session.begin(ReadMemory(Bank.TID, 0, 1, match=EPC), at(0))
    with pytest.raises(DeviceRefused):
        bench.session.begin(ReadMemory(Bank.TID, 0, 1, match=EPC), at(0))


def test_a_module_that_dies_in_an_operation_is_a_loss_without_results() -> None:
    bench = opened()
    bench.session.begin(WriteMemory(Bank.USER, 0, b"\x12\x34", EPC, duration_ms=1000), at(100))
    bench.mute = True
    with pytest.raises(DeviceError):  # noqa: PT012 - it happens in one of these
        for step in range(100):
            bench.tick(100 + 100 * step)
    assert bench.session.take_results() is None  # nobody knows what became of the write


def test_results_are_kept_when_the_module_dies_behind_them() -> None:
    bench = opened()
    bench.answers[Op.SET_ANTENNA_PORT] = (0, b"")
    bench.session.begin(WriteMemory(Bank.USER, 0, b"\x12\x34", EPC), at(100))
    for _ in range(3):  # stop, antenna, write
        [command] = command_decoder().feed(bench.session.take_output())
        assert isinstance(command, Command)
        bench.session.receive(bench.answer(command), at(100))
    with pytest.raises(DeviceUnavailable):  # noqa: PT012 - it happens in one of these
        for step in range(100):
            bench.session.tick(at(200 + 100 * step))
    assert bench.session.take_results() == [TagResult(Outcome.DONE, EPC, b"", 1)]


def test_the_longest_write_to_the_longest_epc_fits_one_command() -> None:
    bench = opened()
    [result] = operate(bench, WriteMemory(Bank.USER, 0, bytes(2 * WORDS_MAX), match=bytes(62)))
    assert result.outcome is Outcome.DONE


def test_leaving_stops_the_stream_and_reports_no_half_record() -> None:
    bench = opened()
    bench.hear(RECORD[:10], 10)
    assert bench.session.farewell(at(11)) == frames("thingmagic", "commands")["stop"]
    assert bench.session.close(at(12)) == []


def test_lost_in_the_middle_of_a_record_reports_it() -> None:
    bench = opened()
    bench.hear(RECORD[:10], 10)
    [bad] = bench.session.close(at(12))
    assert isinstance(bad, BadRead)
    assert bad.fault is Fault.INCOMPLETE


def test_lost_input_is_told_and_the_next_record_is_read() -> None:
    bench = opened()
    bench.hear(RECORD[:10], 10)
    [bad] = bench.session.lost(at(11))
    assert isinstance(bad, BadRead)
    assert bad.fault is Fault.DROPPED
    assert [type(read) for read in bench.hear(RECORD, 12)] == [TagRead]
    bench.session.answer(1, Answer.GOOD, at(13))
    assert bench.session.take_output() == b""
