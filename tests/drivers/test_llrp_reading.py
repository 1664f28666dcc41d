"""An LLRP session while its reader reads: clocks, photo-eyes, antennas, reasons of silence, operations on tags."""

from __future__ import annotations

import pytest

from drivers.errors import DeviceRefused
from drivers.llrp.antennas import Antennas
from drivers.llrp.capabilities import Capabilities, capabilities
from drivers.llrp.clockmap import ClockMap, Scale
from drivers.llrp.diagnosis import wrong_region
from drivers.llrp.elements import Bits, Element, element, encode
from drivers.llrp.session import LlrpSession
from drivers.operations import Bank, Outcome, ReadMemory, TagOperation, TagResult, WriteMemory
from drivers.reads import Notice, SensorRead, SensorWindow, TagRead
from simulators.reader_llrp import Setup
from simulators.tags import listed
from tests.drivers.device_tools import at
from tests.drivers.llrp_tools import (
    FIXTURES,
    START_US,
    World,
    converse,
    elements,
    event,
    failure,
    opened,
    real_capabilities,
    settings,
    success,
    tag_report,
)

EPCS = [bytes.fromhex(f"3034257bf7194e4000000{number:03x}") for number in range(1, 6)]
YEAR_2000_US = 946_684_800_000_000


def seen(session: LlrpSession, device_us: int, ms: float, kind: str = "UTC") -> TagRead:
    """The one tag of a report that arrives at `ms`."""
    (read,) = [one for one in session.receive(tag_report(device_us, kind=kind), at(ms)) if isinstance(one, TagRead)]
    assert read.seen_us <= at(ms).wall_us
    return read


def greeted(*, us: int | None = None, uptime: int | None = None) -> LlrpSession:
    """Set up at 0 ms with a reader whose clock says this at that moment."""
    session = LlrpSession("gate", settings())
    session.open(at(0))
    session.receive(event(element("ConnectionAttemptEvent"), us=us, uptime=uptime), at(0))
    converse(session, 0)
    return session


# Clocks


@pytest.mark.parametrize("clock", ["utc", "uptime", "year2000"])
def test_held_reports_keep_their_real_time_by_any_clock(clock: str) -> None:
    world = World(Setup(clock=clock, each=True), silence_s=3600)  # type: ignore[arg-type]
    world.connect(10_000)
    tags = listed(EPCS)
    world.show(tags[0])
    world.hang_up()
    held_us = [world.now_us + 1_000_000 * number for number in range(1, 4)]
    for tag, when_us in zip(tags[1:], held_us, strict=False):
        world.hand.show([tag], when_us)
    world.reads.clear()
    world.connect(60_000)
    held = world.tags()
    assert [read.epc for read in held] == EPCS[1:4]
    assert [abs(read.seen_us - START_US - when_us) <= 1000 for read, when_us in zip(held, held_us, strict=True)] == [
        True
    ] * 3
    assert all(read.first_us <= read.seen_us < read.arrived.wall_us for read in held)
    world.show(tags[4])
    assert abs(world.tags()[-1].seen_us - world.tags()[-1].arrived.wall_us) <= 1000
    assert world.notices() == []


def test_uptime_from_the_captured_shape_of_an_event() -> None:
    session = greeted(uptime=5_000_000)
    assert seen(session, 6_000_000, 1000, "Uptime").seen_us == at(1000).wall_us
    assert seen(session, 5_500_000, 1100, "Uptime").seen_us == at(500).wall_us


def test_uptime_in_reports_after_utc_in_events() -> None:
    """The first report stands for its clock: nothing else says how far it is away."""
    session = greeted(us=at(0).wall_us)
    assert seen(session, 777_000_000, 1000, "Uptime").seen_us == at(1000).wall_us
    assert seen(session, 777_250_000, 1400, "Uptime").seen_us == at(1250).wall_us
    assert seen(session, at(1450).wall_us, 1500).seen_us == at(1450).wall_us


def test_a_little_ahead_is_no_jump_and_never_the_future() -> None:
    session = greeted(us=YEAR_2000_US)
    reads = session.receive(tag_report(YEAR_2000_US + 1_000_300, YEAR_2000_US + 900_000), at(1000))
    assert [one.seen_us - at(0).wall_us for one in reads if isinstance(one, TagRead)] == [1_000_000, 899_700]
    assert not [one for one in reads if isinstance(one, Notice)]


def test_a_clock_that_jumps_ahead_is_noticed_and_mapped_anew() -> None:
    session = greeted(us=at(0).wall_us)
    seen(session, at(1000).wall_us, 1000)
    reads = session.receive(tag_report(at(3_600_000).wall_us), at(2000))
    (tag,) = [one for one in reads if isinstance(one, TagRead)]
    (notice,) = [one for one in reads if isinstance(one, Notice)]
    assert tag.seen_us == at(2000).wall_us
    assert (notice.code, notice.active) == ("clock_unsure", True)
    assert seen(session, at(3_600_900).wall_us, 3000).seen_us == at(2900).wall_us
    session.receive(tag_report(at(3_600_900).wall_us), at(61_000))
    (end,) = [one for one in session.tick(at(62_001)) if isinstance(one, Notice)]
    assert (end.code, end.active) == ("clock_unsure", False)


def test_a_clock_that_falls_back_is_noticed_and_mapped_anew() -> None:
    session = greeted(us=at(0).wall_us)
    seen(session, at(990).wall_us, 1000)
    notices: list[Notice] = []
    for ms in range(2000, 6000, 500):
        reads = session.receive(tag_report(at(ms - 3_600_000).wall_us), at(ms))
        notices += [one for one in reads if isinstance(one, Notice)]
    assert [one.code for one in notices] == ["clock_unsure"]
    assert seen(session, at(6000 - 3_600_000).wall_us, 6000).seen_us == at(6000).wall_us


def test_held_reports_before_any_fresh_one_are_no_jump() -> None:
    session = greeted(us=at(0).wall_us)
    for ms in range(0, 5000, 500):
        assert seen(session, at(ms - 600_000).wall_us, ms).seen_us == at(ms - 600_000).wall_us
    assert seen(session, at(5000).wall_us, 5000).seen_us == at(5000).wall_us


def test_drift_is_followed_in_both_directions_without_a_word() -> None:
    """100 ppm over a day, a report every ten seconds: 8.6 s."""
    for drift_ppm in (100, -100):
        clock, worst_us = ClockMap(), 0
        for second in range(0, 86_400, 10):
            now = at(second * 1000)
            device_us = second * 1_000_000 + second * drift_ppm
            worst_us = max(worst_us, abs(clock.map(Scale.UPTIME, device_us, now) - now.wall_us))
        assert clock.jumps == 0
        assert worst_us < 300_000


# Photo-eye


def eye(**given: object) -> World:
    world = World(eye_port=1, settle_ms=200, window_s_max=5, silence_s=3600, **given)
    world.connect()
    return world


@pytest.mark.parametrize("starts", [True, False])
def test_a_window_has_its_reads_and_those_that_come_while_it_settles(starts: bool) -> None:
    world = eye(eye_starts=starts)
    assert next(iter(world.reader.rospecs.values())).active is not starts
    world.run(1000)
    world.reader.input(1, True, world.now_us)
    world.run(1100)
    world.show(*listed(EPCS[:3]))
    world.run(2000)
    world.reader.input(1, False, world.now_us)
    world.run(2199)
    assert world.windows() == []
    world.run(2300)
    (window,) = world.windows()
    assert (window.port, window.tag_reads, window.cut) == (1, 3, False)
    assert (window.opened_us, window.closed_us) == (START_US + 1_000_000, START_US + 2_000_000)
    assert [(one.port, one.level) for one in world.reads if isinstance(one, SensorRead)] == [(1, True), (1, False)]


def test_a_window_without_tags_is_reported_and_one_that_stays_open_is_cut() -> None:
    world = eye()
    world.reader.input(1, True, world.now_us)
    world.run(20_000)
    (window,) = world.windows()
    assert (window.tag_reads, window.cut, window.closed_us - window.opened_us) == (0, True, 5_000_000)
    world.reader.input(1, False, world.now_us)
    world.run(21_000)
    assert len(world.windows()) == 1
    assert not next(iter(world.reader.rospecs.values())).active  # its stop trigger has the same time


def test_a_gap_in_a_cart_is_one_window_and_two_carts_are_two() -> None:
    world = eye()
    for on_ms, off_ms in [(1000, 1500), (1600, 2000), (3000, 3200)]:
        world.run(on_ms)
        world.reader.input(1, True, world.now_us)
        world.run(off_ms)
        world.reader.input(1, False, world.now_us)
    world.run(4000)
    assert [(one.opened_us - START_US, one.closed_us - START_US) for one in world.windows()] == [
        (1_000_000, 2_000_000),
        (3_000_000, 3_200_000),
    ]


def test_held_windows_come_out_apart_with_their_own_reads_and_times() -> None:
    """Two passages during an outage, told at once after it."""
    world = eye()
    tags = listed(EPCS)
    world.hang_up()
    for on_ms, tag in [(1000, tags[0]), (5000, tags[1])]:
        world.hand.show([tag], (on_ms + 100) * 1000)
        world.reader.input(1, True, on_ms * 1000)
        world.reader.input(1, False, (on_ms + 1000) * 1000)
    world.reads.clear()
    world.connect(20_000)
    world.run(21_000)
    assert [(one.opened_us - START_US, one.tag_reads, one.cut) for one in world.windows()] == [
        (1_000_000, 1, False),
        (5_000_000, 1, False),
    ]


def test_a_connection_that_ends_cuts_the_window() -> None:
    world = eye()
    world.reader.input(1, True, world.now_us)
    world.run(500)
    world.hang_up()
    (window,) = world.windows()
    assert isinstance(window, SensorWindow)
    assert window.cut


def test_an_eye_that_waits_for_low() -> None:
    world = eye(eye_level="low")
    world.reader.input(1, True, world.now_us)
    world.run(500)
    world.reader.input(1, False, world.now_us)
    world.run(700)
    assert next(iter(world.reader.rospecs.values())).active
    world.reader.input(1, True, world.now_us)
    world.run(1000)
    assert len(world.windows()) == 1


# Antennas


def test_a_cable_that_comes_off_and_on() -> None:
    world = World()
    world.connect()
    world.reader.cable(2, False, world.now_us)
    world.run(100)
    world.reader.cable(2, True, world.now_us)
    world.run(200)
    found = [(one.code, one.subject, one.active) for one in world.reads if isinstance(one, Notice)]
    assert found == [("antenna_off", "2", True), ("antenna_off", "2", False)]


def test_a_named_antenna_that_is_missing_is_told_at_once() -> None:
    world = World(antennas=(1, 3))
    world.reader.cable(3, False, 0)
    world.reader.cable(4, False, 0)
    world.connect()
    assert [(one.code, one.subject) for one in world.reads if isinstance(one, Notice)] == [("antenna_off", "3")]


def test_an_antenna_that_falls_silent_while_others_read() -> None:
    antennas = Antennas(60)
    for second in range(100):
        assert antennas.count({1: 4, 2: 1}, at(second * 1000)) == []
    changes = [(second, antennas.count({1: 4}, at(second * 1000))) for second in range(100, 300)]
    ((second, change),) = [one for one in changes if one[1]]
    assert change == [(2, True)]
    assert second - 99 >= 60
    assert antennas.count({1: 4, 2: 1}, at(301_000)) == []  # one read is no sign of health
    assert antennas.count({1: 4, 2: 2}, at(302_000)) == [(2, False)]


def test_what_an_antenna_read_long_ago_fades() -> None:
    """Antenna 2 had half of the reads once; of today's portal it has a hundredth, and is judged by that."""
    antennas = Antennas(60)
    for second in range(200):
        antennas.count({1: 100, 2: 100}, at(second * 1000))
    for second in range(200, 2000):
        antennas.count({1: 99, 2: 1} if second % 2 else {1: 100}, at(second * 1000))
    assert antennas.count({1: 1500}, at(2_061_000)) == []
    assert antennas.count({1: 10_000}, at(2_062_000)) == [(2, True)]


def test_an_antenna_that_reads_little_or_rests_with_all_others_is_not_silent() -> None:
    antennas = Antennas(60)
    for second in range(1000):
        assert antennas.count({1: 9} if second % 100 else {2: 1}, at(second * 1000)) == []
    assert antennas.count({1: 1}, at(90_000_000)) == []  # the night was quiet for all
    assert Antennas(0).count({1: 1}, at(0)) == []


def test_a_silent_antenna_is_a_notice() -> None:
    world = World(antenna_silence_s=1, silence_s=3600)
    world.connect()
    tags = listed(EPCS[:2])
    for _ in range(60):
        world.show(tags[0], antenna=1)
        world.show(tags[1], antenna=2)
    for _ in range(200):
        world.show(tags[0], antenna=1, wait_ms=20)
    found = [(one.code, one.subject) for one in world.reads if isinstance(one, Notice)]
    assert found == [("antenna_silent", "2")]


# Connected, and reads nothing


def rospecs_of(sent: list[Element]) -> dict[str, Element]:
    """What a reader shows after that set-up: the ROSpec it was given, running."""
    (rospec,) = [found for one in sent if one.name == "ADD_ROSPEC" for found in one.all("ROSpec")]
    return {
        "GET_ROSPECS": success(
            "GET_ROSPECS_RESPONSE", element("ROSpec", {**rospec.fields, "CurrentState": "Active"}, *rospec.parameters)
        )
    }


def silent(given: dict[str, Element] | None = None, **wanted: object) -> list[Notice]:
    """What is said after 30 s without a tag by a reader that answers as `given`."""
    session, sent = opened(given, keepalive_s=60, **wanted)
    found, given = session.tick(at(30_000)), {**rospecs_of(sent), **(given or {})}
    converse(session, 30_000, given, found)
    return [one for one in found if isinstance(one, Notice)]


def test_tags_out_of_reach_until_one_is_read() -> None:
    world = World()
    world.connect()
    world.run(29_000)
    assert world.notices() == []
    world.run(200_000)
    assert world.notices() == [("out_of_reach", True)]  # asked every 30 s, said once
    world.show(*listed(EPCS[:1]))
    assert world.notices() == [("out_of_reach", True), ("out_of_reach", False)]
    world.run(world.now_us / 1000 + 31_000)
    assert world.notices()[2:] == [("out_of_reach", True)]


def test_the_reason_names_facts_and_what_to_do() -> None:
    world = World(power_dbm=30)
    world.connect()
    world.run(31_000)
    (notice,) = [one for one in world.reads if isinstance(one, Notice)]
    assert "antennas 1, 2, 3, 4; power 30 dBm; session S1; region au_4w" in notice.message
    assert "hold a tag" in notice.hint


def test_no_antenna() -> None:
    world = World()
    world.connect()
    for antenna in (1, 2, 3, 4):
        world.reader.cable(antenna, False, world.now_us)
    world.run(31_000)
    assert world.notices()[-1] == ("no_antenna", True)
    world.reader.cable(2, True, world.now_us)
    world.run(32_000)
    assert ("no_antenna", False) in world.notices()
    world.reader.cable(2, False, world.now_us)
    world.run(64_000)
    assert world.notices()[-1] == ("no_antenna", True)


def test_low_power() -> None:
    world = World(power_dbm=12)
    world.connect()
    world.run(31_000)
    assert world.notices() == [("low_power", True)]


def test_a_session_that_keeps_tags_silent() -> None:
    world = World(Setup(silent_sessions=True), session="S2", power_dbm=12)
    world.connect()
    world.show(*listed(EPCS))
    world.run(60_000)
    assert world.notices() == [("session_quiet", True)]


def test_the_wrong_region_and_none_at_all() -> None:
    world = World(country=410)
    world.connect()
    world.run(31_000)
    assert world.notices() == [("wrong_region", True)]
    world.show(*listed(EPCS[:1]))
    assert world.notices() == [("wrong_region", True)]  # a read does not put it right


def test_the_first_reason_that_fits_is_given() -> None:
    """What is certain comes first; a session only explains silence after reads, if something else may be wrong."""
    assert [one.code for one in silent(session="S2", power_dbm=12)] == ["low_power"]
    assert [one.code for one in silent(session="S2")] == ["session_quiet"]
    assert [one.code for one in silent(session="S2", search="dual")] == ["out_of_reach"]
    nowhere = wrong_region(settings(), Capabilities())
    assert nowhere is not None
    assert "no region" in nowhere.message
    assert wrong_region(settings(region="au_4w", country=36), capabilities(real_capabilities())) is None


def test_a_rospec_that_was_stopped_is_named_and_started_again() -> None:
    world = World()
    world.connect()
    (rospec,) = world.reader.rospecs.values()
    world.reader.config.events[2] = False  # this reader does not tell that it stops
    rospec.disable(world.now_us)
    world.run(30_500)
    assert world.notices() == [("rospec_not_started", True)]
    assert rospec.active
    world.show(*listed(EPCS[:1]))
    assert world.notices()[-1] == ("rospec_not_started", False)


def test_a_rospec_that_is_gone_is_added_again() -> None:
    world = World()
    world.connect()
    world.reader.rospecs.clear()
    world.run(30_500)
    assert world.notices() == [("rospec_not_started", True)]
    assert len(world.reader.rospecs) == 1


def test_an_eye_that_nobody_passed() -> None:
    world = World(eye_port=2)
    world.connect()
    world.run(31_000)
    assert world.notices() == [("gpi_not_asserted", True)]


def test_another_reason_replaces_the_first() -> None:
    world = World()
    world.connect()
    world.run(31_000)
    for antenna in (1, 2, 3, 4):
        world.reader.cable(antenna, False, world.now_us)
    world.run(61_000)
    reasons = [one for one in world.notices() if one[0] != "antenna_off"]
    assert reasons == [("out_of_reach", True), ("out_of_reach", False), ("no_antenna", True)]


def test_a_reader_that_cannot_tell_has_a_reason_too() -> None:
    refused = {name: failure("ERROR_MESSAGE", "M_UnsupportedMessage") for name in ("GET_READER_CONFIG", "GET_ROSPECS")}
    assert [one.code for one in silent(refused)] == ["out_of_reach"]


# Operations on tags


def operate(world: World, operation: TagOperation) -> list[TagResult]:
    world.session.begin(operation, world.now)
    for _ in range(100):
        world.run(world.now_us / 1000 + 50)
        results = world.session.take_results()
        if results is not None:
            return results
        world.hand.show(world_tags, world.now_us + 1)
    raise AssertionError("the operation does not end")


world_tags = listed(EPCS[:2])


@pytest.fixture(autouse=True)
def _tags() -> None:
    world_tags[:] = listed(EPCS[:2])


@pytest.mark.parametrize("waits", [False, True])
def test_read_write_and_read_again(waits: bool) -> None:
    world = World(eye_port=1 if waits else None)
    world.connect()
    tag, other = world_tags
    (result,) = operate(world, ReadMemory(Bank.TID, 0, 6, match=EPCS[0]))
    assert (result.outcome, result.epc, result.data) == (Outcome.DONE, EPCS[0], tag.tid)
    assert (result.antenna, result.rssi_cdbm) == (1, -6000)
    (result,) = operate(world, WriteMemory(Bank.EPC, 2, EPCS[4], EPCS[0]))
    assert (result.outcome, tag.epc, other.epc) == (Outcome.DONE, EPCS[4], EPCS[1])
    results = operate(world, ReadMemory(Bank.EPC, 2, 6))
    assert sorted(one.data for one in results) == sorted([EPCS[4], EPCS[1]])
    assert not world.reader.access_specs
    (rospec,) = world.reader.rospecs.values()
    assert rospec.active is not waits  # as it was before
    assert "GET_REPORT" in world.sent


def test_a_passage_during_an_operation_is_not_cut_short_by_its_end() -> None:
    world = World(eye_port=1)
    world.connect()
    world.session.begin(ReadMemory(Bank.TID, 0, 6), world.now)
    world.run(100)
    world.reader.input(1, True, world.now_us)
    world.run(1000)
    assert world.session.take_results() == []
    assert "STOP_ROSPEC" not in world.sent
    assert next(iter(world.reader.rospecs.values())).active
    world.reader.input(1, False, world.now_us)
    assert not next(iter(world.reader.rospecs.values())).active


def test_what_can_go_wrong_with_a_tag() -> None:
    world = World(Setup(version_max=2))  # reads have these results since 1.1
    world.connect()
    world_tags[0].locked.add(Bank.EPC)
    (result,) = operate(world, ReadMemory(Bank.USER, 500, 1, match=EPCS[0]))
    assert result.outcome is Outcome.OVERRUN
    (result,) = operate(world, WriteMemory(Bank.EPC, 2, EPCS[4], EPCS[0]))
    assert (result.outcome, result.detail) == (Outcome.LOCKED, "tag memory locked error")
    (result,) = operate(world, ReadMemory(Bank.TID, 0, 1, match=EPCS[3]))
    assert (result.outcome, result.epc) == (Outcome.NO_RESPONSE, EPCS[3])


def test_the_access_spec_byte_for_byte() -> None:
    """What a client of llrp-rs sent, but for ids and words: 12_add_access_spec_read.bin."""
    theirs = elements((FIXTURES / "llrp-rs" / "12_add_access_spec_read.bin").read_bytes())[0]
    session, _ = opened()
    session.begin(ReadMemory(Bank.USER, 0, 16, match=b"\x0b", antenna=1), at(10))
    sent = converse(session, 10)
    assert [one.name for one in sent] == ["DELETE_ACCESSSPEC", "ADD_ACCESSSPEC", "ENABLE_ACCESSSPEC"]
    ours, spec = sent[1].one("AccessSpec"), theirs.one("AccessSpec")
    assert ours is not None
    assert spec is not None
    assert {**ours.fields, "AccessSpecID": 431, "ROSpecID": 1} == spec.fields
    command, wanted = ours.one("AccessCommand"), spec.one("AccessCommand")
    assert command is not None
    assert wanted is not None
    assert command.parameters[0] == wanted.parameters[0]
    read, example = command.one("C1G2Read"), wanted.one("C1G2Read")
    assert read is not None
    assert example is not None
    assert {**read.fields, "OpSpecID": 111} == example.fields
    assert ours.one("AccessReportSpec") == spec.one("AccessReportSpec")


def test_a_write_never_meets_a_longer_epc_that_begins_so() -> None:
    """PC bits 16 to 20 are the EPC's length in words: 6 for 96 bits (Gen2, 6.3.2.1.2.2)."""
    world = World()
    world.connect()
    world_tags[:] = listed([EPCS[0] + b"\x00\x01", EPCS[0]])
    (result,) = operate(world, WriteMemory(Bank.USER, 0, b"abcd", EPCS[0]))
    assert (result.outcome, result.epc) == (Outcome.DONE, EPCS[0])
    assert [one.read(Bank.USER, 0, 2, 0)[1] for one in world_tags] == [bytes(4), b"abcd"]
    session, _ = opened()
    session.begin(WriteMemory(Bank.USER, 0, b"abcd", EPCS[0]), at(10))
    targets = [found for sent in converse(session, 10) for found in deep(sent, "C1G2TargetTag")]
    assert (targets[1]["Pointer"], targets[1]["TagMask"]) == (16, Bits(b"\xf8", 5))
    assert targets[1]["TagData"] == Bits(b"\x30", 5)


def test_every_tag_is_meant_by_an_empty_mask() -> None:
    session, _ = opened()
    session.begin(ReadMemory(Bank.TID, 0, 2), at(10))
    (target,) = [one for sent in converse(session, 10) for one in deep(sent, "C1G2TargetTag")]
    assert (target["TagMask"], target["TagData"], target["Match"]) == (Bits(b"", 0), Bits(b"", 0), True)


def deep(one: Element, name: str) -> list[Element]:
    inner = [found for part in one.parameters if isinstance(part, Element) for found in deep(part, name)]
    return [*one.all(name), *inner]


def result_report(epc: bytes, result: str, op_spec: int, **fields: int) -> bytes:
    told = element("C1G2WriteOpSpecResult", {"Result": result, "OpSpecID": op_spec, **fields})
    tag = element("TagReportData", {}, element("EPC_96", {"EPC": epc}), element("AntennaID", {"AntennaID": 2}), told)
    return encode(element("RO_ACCESS_REPORT", {}, tag), 5)


@pytest.mark.parametrize(
    ("word", "outcome"),
    [
        ("Insufficient_Power", Outcome.NO_RESPONSE),
        ("No_Response_From_Tag", Outcome.NO_RESPONSE),
        ("Incorrect_Password_Error", Outcome.PASSWORD),
        ("Tag_Memory_Locked_Error", Outcome.LOCKED),
        ("Tag_Memory_Overrun_Error", Outcome.OVERRUN),
        ("Nonspecific_Reader_Error", Outcome.FAILED),
    ],
)
def test_results_are_told_apart(word: str, outcome: Outcome) -> None:
    session, _ = opened()
    session.begin(WriteMemory(Bank.USER, 0, b"abcd", EPCS[0]), at(10))
    converse(session, 10)
    session.receive(result_report(EPCS[1], word, 1) + result_report(EPCS[0], word, 9), at(20))  # not the tag, not ours
    session.receive(result_report(EPCS[0], word, 1), at(30))
    session.tick(at(1010))
    converse(session, 1011)
    results = session.take_results()
    assert results is not None
    assert [(one.outcome, one.epc, one.antenna) for one in results] == [(outcome, EPCS[0], 2)]


def test_half_a_write_is_no_success_and_success_ends_the_wait() -> None:
    session, _ = opened()
    session.begin(WriteMemory(Bank.USER, 0, b"abcd", EPCS[0]), at(10))
    converse(session, 10)
    session.receive(result_report(EPCS[0], "Success", 1, NumWordsWritten=1), at(20))
    assert converse(session, 20) == []
    session.receive(result_report(EPCS[0], "Success", 1, NumWordsWritten=2), at(30))
    assert [one.name for one in converse(session, 30)] == ["GET_REPORT", "DELETE_ACCESSSPEC"]
    assert session.take_results() == [TagResult(Outcome.DONE, EPCS[0], b"", 2)]
    assert session.take_results() is None


def test_an_epc_of_any_length_in_a_result() -> None:
    session, _ = opened()
    session.begin(ReadMemory(Bank.USER, 0, 1, match=b"\xe2\x00"), at(10))
    converse(session, 10)
    told = element("C1G2ReadOpSpecResult", {"Result": "Success", "OpSpecID": 1, "ReadData": (0xBEEF,)})
    tag = element("TagReportData", {}, element("EPCData", {"EPC": Bits(b"\xe2\x00", 16)}), told)
    session.receive(encode(element("RO_ACCESS_REPORT", {}, tag), 1), at(20))
    converse(session, 20)
    assert session.take_results() == [TagResult(Outcome.DONE, b"\xe2\x00", b"\xbe\xef")]


def test_a_refused_operation_is_told_and_reading_goes_on() -> None:
    refused = {"ADD_ACCESSSPEC": failure("ADD_ACCESSSPEC_RESPONSE", "M_FieldError", "no access here")}
    session, _ = opened()
    session.begin(ReadMemory(Bank.TID, 0, 2), at(10))
    converse(session, 10, refused)
    with pytest.raises(DeviceRefused, match="no access here"):
        session.take_results()
    assert isinstance(session.receive(tag_report(at(20).wall_us), at(20))[0], TagRead)
    session.begin(ReadMemory(Bank.TID, 0, 2), at(30))
    sent = converse(session, 30, {"ENABLE_ACCESSSPEC": failure("ENABLE_ACCESSSPEC_RESPONSE", "M_FieldError")})
    assert [one.name for one in sent][-1] == "DELETE_ACCESSSPEC"
    with pytest.raises(DeviceRefused):
        session.take_results()


def test_operations_that_cannot_be() -> None:
    session, _ = opened(antennas=(1, 2))
    for operation in (
        ReadMemory(Bank.TID, 0, 0),
        ReadMemory(Bank.TID, 0, 65),
        WriteMemory(Bank.USER, 0, b"abc", EPCS[0]),
        ReadMemory(Bank.TID, 0, 1, duration_ms=0),
    ):
        with pytest.raises(ValueError, match=r"words|bytes|duration"):
            session.begin(operation, at(10))
    for antenna in (3, 9):
        with pytest.raises(DeviceRefused, match="antenna"):
            session.begin(ReadMemory(Bank.TID, 0, 1, antenna=antenna), at(10))
    session.begin(ReadMemory(Bank.TID, 0, 1, antenna=2), at(10))
    with pytest.raises(DeviceRefused, match="under way"):
        session.begin(ReadMemory(Bank.TID, 0, 1), at(11))
    with pytest.raises(DeviceRefused, match="not set up"):
        LlrpSession("gate", settings()).begin(ReadMemory(Bank.TID, 0, 1), at(0))


def test_a_crash_in_an_operation_leaves_nothing_that_writes() -> None:
    world = World()
    world.connect()
    world.session.begin(WriteMemory(Bank.USER, 0, b"abcd", EPCS[0]), world.now)
    world.run(10)
    assert world.reader.access_specs
    world.hang_up()
    world.connect(5000)
    assert not world.reader.access_specs


def test_extensions_give_fine_values() -> None:
    """Phase and Doppler, and RSSI in hundredths: llrpkit_to_llrpkitemu.jsonl, the first report."""
    session, _ = opened()
    report = bytes.fromhex(
        "043d000000540000000000f0004a8de2000017010b01621000000281000386cc87001d82000660d37a5859d084000660d37a5859d0"
        "88000103ff000e0000651a00000039ebaa03ff000e0000651a000000380f1c"
    )
    (read,) = [one for one in session.receive(report, at(1)) if isinstance(one, TagRead)]
    assert (read.epc.hex(), read.antenna, read.rssi_cdbm) == ("e2000017010b016210000002", 3, -5206)
    assert read.phase_mrad == round(0xF1C * 2000 * 3.141592653589793 / 4096)
