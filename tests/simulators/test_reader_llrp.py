"""The simulated LLRP reader, asked as a client asks. Numbers are those of LLRP 1.0.1 and 1.1."""

from __future__ import annotations

import pytest

from drivers.llrp.elements import Element, element
from simulators.reader_llrp import LlrpReader, Setup
from simulators.reader_profiles import FX9600
from simulators.reader_reports import Content, Entry, ReportWriter
from simulators.tags import RateSource, sgtin_tags
from tests.simulators.llrp_tools import (
    EVERYTHING,
    SECOND,
    WALL_US,
    Peer,
    a_reader,
    count,
    epc_of,
    events_of,
    rospec,
    started,
    tags_of,
)


@pytest.fixture
def peer() -> Peer:
    peer = Peer(a_reader())
    peer.connect()
    return peer


def number(tag: Element, name: str, field: str) -> int:
    one = tag.one(name)
    assert one is not None
    return one.number(field)


# Connections


def test_the_greeting_has_the_time_and_success() -> None:
    greeting = Peer(a_reader()).connect()
    data = greeting.one("ReaderEventNotificationData")
    assert data is not None
    assert number(data, "UTCTimestamp", "Microseconds") == WALL_US
    assert number(data, "ConnectionAttemptEvent", "Status") == 0


def test_a_second_client_is_told_2_and_the_first_4(peer: Peer) -> None:
    refusal = peer.reader.connect(0)
    assert refusal is not None
    assert refusal[-2:] == bytes((0, 2))  # the event's status ends the message
    (event,) = events_of(peer.take(), "ConnectionAttemptEvent")
    assert event["Status"] == 4
    assert peer.status("GET_ROSPECS") == 0


def test_a_closed_connection_lets_the_next_in(peer: Peer) -> None:
    peer.done("CLOSE_CONNECTION")
    assert peer.reader.closing
    peer.reader.lost(0)
    assert Peer(peer.reader).connect().name == "READER_EVENT_NOTIFICATION"


def test_keepalives_come_and_must_be_acknowledged(peer: Peer) -> None:
    peer.done(
        "SET_READER_CONFIG", {}, element("KeepaliveSpec", {"KeepaliveTriggerType": 1, "PeriodicTriggerValue": 500})
    )
    for _ in range(10):
        assert [one.name for one in peer.wait(0.5)] == ["KEEPALIVE"]
        peer.send("KEEPALIVE_ACK")
    came = peer.wait(2.0)
    assert [one.name for one in came[:3]] == ["KEEPALIVE"] * 3
    assert events_of(came, "ConnectionCloseEvent")
    assert peer.reader.closing


def test_bytes_that_are_no_message_end_the_connection(peer: Peer) -> None:
    peer.reader.receive(b"\xff" * 10, 0)
    (error,) = peer.take()
    assert error.name == "ERROR_MESSAGE"
    assert peer.reader.closing


# Versions and wrong requests


@pytest.mark.parametrize(("version", "status"), [(1, 109), (2, 110)])
def test_a_reader_of_1_0_1_knows_no_versions(peer: Peer, version: int, status: int) -> None:
    """110 for a message of version 2 is what the recorded reader said to the EdgeX client."""
    peer.version = version
    answer = peer.ask("GET_SUPPORTED_VERSION")
    assert answer.name == "ERROR_MESSAGE"
    assert number(answer, "LLRPStatus", "StatusCode") == status


def test_version_1_1_is_agreed_on() -> None:
    peer = Peer(a_reader(setup=Setup(version_max=2)))
    peer.connect()
    peer.version = 2
    versions = peer.ask("GET_SUPPORTED_VERSION")
    assert (versions["CurrentVersion"], versions["SupportedVersion"]) == (1, 2)
    assert peer.status("SET_PROTOCOL_VERSION", {"ProtocolVersion": 3}) == 110
    peer.done("SET_PROTOCOL_VERSION", {"ProtocolVersion": 2})
    peer.done("GET_ROSPECS")
    peer.version = 1
    assert peer.ask("GET_ROSPECS").name == "ERROR_MESSAGE"


def test_wrong_requests_are_refused_with_their_codes(peer: Peer) -> None:
    assert peer.status("ENABLE_ROSPEC", {"ROSpecID": 9}) == 101
    assert peer.status("ADD_ROSPEC") == 103
    assert peer.status("ADD_ROSPEC", {}, rospec(antennas=(5,))) == 100
    peer.done("ADD_ROSPEC", {}, rospec())
    assert peer.status("ADD_ROSPEC", {}, rospec()) == 100
    assert peer.status("ADD_ROSPEC", {}, rospec(number=8)) == 100  # an R420 has one
    assert peer.status("START_ROSPEC", {"ROSpecID": 7}) == 101  # disabled
    assert peer.status("GET_READER_CONFIG", {"AntennaID": 5}) == 101
    power = element("AntennaConfiguration", {}, element("RFTransmitter", {"TransmitPower": 92}))
    assert peer.status("SET_READER_CONFIG", {}, power) == 100
    peer.reader.receive(bytes.fromhex("07d00000000a00000001"), 0)  # type 976 in no definition
    (error,) = peer.take()
    assert number(error, "LLRPStatus", "StatusCode") == 109


def test_extensions_are_for_the_maker_of_them() -> None:
    peer = Peer(a_reader(setup=Setup(profile=FX9600)))
    peer.connect()
    assert peer.ask("IMPINJ_ENABLE_EXTENSIONS").name == "ERROR_MESSAGE"


def test_configuration_is_kept_by_antenna_and_reset(peer: Peer) -> None:
    power = element("AntennaConfiguration", {"AntennaID": 2}, element("RFTransmitter", {"TransmitPower": 11}))
    peer.done("SET_READER_CONFIG", {}, power, element("EventsAndReports", {"HoldEventsAndReportsUponReconnect": True}))
    answer = peer.ask("GET_READER_CONFIG", {"AntennaID": 2, "RequestedData": 3})
    (antenna,) = answer.all("AntennaConfiguration")
    assert number(antenna, "RFTransmitter", "TransmitPower") == 11
    assert number(antenna, "RFReceiver", "ReceiverSensitivity") == 1  # left out, so kept
    assert len(peer.ask("GET_READER_CONFIG").all("AntennaProperties")) == 4
    peer.done("SET_READER_CONFIG", {"ResetToFactoryDefault": True})
    assert not peer.reader.config.hold


# ROSpecs


def test_a_rospec_lives_its_life(peer: Peer) -> None:
    peer.events(2)
    peer.done("ADD_ROSPEC", {}, rospec(start=element("ROSpecStartTrigger")))
    peer.done("ENABLE_ROSPEC", {"ROSpecID": 7})
    assert not tags_of(peer.wait(1))
    peer.done("START_ROSPEC", {"ROSpecID": 7})
    states = [one["CurrentState"] for one in peer.ask("GET_ROSPECS").all("ROSpec")]
    came = peer.wait(1)
    assert count(tags_of(came)) == 100
    peer.done("STOP_ROSPEC", {"ROSpecID": 7})
    came += peer.wait(1)
    assert [one["EventType"] for one in events_of(came, "ROSpecEvent")] == [0, 1]
    states += [one["CurrentState"] for one in peer.ask("GET_ROSPECS").all("ROSpec")]
    peer.done("DISABLE_ROSPEC", {"ROSpecID": 0})
    states += [one["CurrentState"] for one in peer.ask("GET_ROSPECS").all("ROSpec")]
    peer.done("DELETE_ROSPEC", {"ROSpecID": 7})
    assert states == [2, 1, 0]
    assert not peer.ask("GET_ROSPECS").all("ROSpec")


def test_duration_and_immediate_start_go_round(peer: Peer) -> None:
    peer.events(2)
    stop = element("ROSpecStopTrigger", {"ROSpecStopTriggerType": 1, "DurationTriggerValue": 500})
    started(peer, rospec(stop=stop, every=0))
    came = peer.wait(1.9)
    kinds = [one["EventType"] for one in events_of(came, "ROSpecEvent")]
    assert kinds == [0, 1] * 3 + [0]
    reports = [one for one in came if one.name == "RO_ACCESS_REPORT"]
    assert len(reports) == 3
    assert sum(count(tags_of([one])) for one in reports) == 150


def test_a_periodic_rospec_begins_by_its_period(peer: Peer) -> None:
    peer.events(2)
    value = element("PeriodicTriggerValue", {"Offset": 200, "Period": 1000})
    start = element("ROSpecStartTrigger", {"ROSpecStartTriggerType": 2}, value)
    stop = element("ROSpecStopTrigger", {"ROSpecStopTriggerType": 1, "DurationTriggerValue": 300})
    started(peer, rospec(start=start, stop=stop))
    times = [entry for tag in tags_of(peer.wait(2.0)) if (entry := tag.one("FirstSeenTimestampUTC")) is not None]
    seen_ms = [(one.number("Microseconds") - WALL_US) // 1000 for one in times]
    assert {ms // 1000 for ms in seen_ms} == {0, 1}
    assert all(200 <= ms % 1000 <= 500 for ms in seen_ms)


def test_a_photo_eye_opens_and_closes_a_window(peer: Peer) -> None:
    peer.events(1, 2)
    on = element("GPITriggerValue", {"GPIPortNum": 1, "GPIEvent": True})
    off = element("GPITriggerValue", {"GPIPortNum": 1, "GPIEvent": False, "Timeout": 3000})
    start = element("ROSpecStartTrigger", {"ROSpecStartTriggerType": 3}, on)
    stop = element("ROSpecStopTrigger", {"ROSpecStopTriggerType": 2}, off)
    peer.reader.input(1, level=True, now_us=peer.now_us)  # not switched on yet: nothing
    peer.reader.input(1, level=False, now_us=peer.now_us)
    assert not peer.wait(0)
    peer.done("SET_READER_CONFIG", {}, element("GPIPortCurrentState", {"GPIPortNum": 1, "Config": True}))
    started(peer, rospec(start=start, stop=stop))
    assert not tags_of(peer.wait(1))
    peer.reader.input(1, level=True, now_us=peer.now_us)
    came = peer.wait(1)
    assert count(tags_of(came)) == 100
    assert [one["GPIEvent"] for one in events_of(came, "GPIEvent")] == [True]
    peer.reader.input(1, level=False, now_us=peer.now_us)
    assert not tags_of(peer.wait(1))
    peer.reader.input(1, level=True, now_us=peer.now_us)
    assert count(tags_of(peer.wait(5))) == 300  # its time-out


@pytest.mark.parametrize(("kind", "tags", "entries"), [(0, 10, 10), (3, 4, 4)])
def test_an_aispec_ends_by_what_it_saw(peer: Peer, kind: int, tags: int, entries: int) -> None:
    peer.events(6)
    watch = element("TagObservationTrigger", {"TriggerType": kind, "NumberOfTags": tags, "Timeout": 9000})
    ai_stop = element("AISpecStopTrigger", {"AISpecStopTriggerType": 3}, watch)
    started(peer, rospec(ai_stop=ai_stop, start=element("ROSpecStartTrigger"), every=0))
    peer.done("START_ROSPEC", {"ROSpecID": 7})
    came = peer.wait(5)
    assert count(tags_of(came)) == entries
    assert [one["SpecIndex"] for one in events_of(came, "AISpecEvent")] == [1]


def test_an_aispec_ends_when_nothing_new_comes(peer: Peer) -> None:
    watch = element("TagObservationTrigger", {"TriggerType": 1, "T": 300, "Timeout": 9000})
    ai_stop = element("AISpecStopTrigger", {"AISpecStopTriggerType": 3}, watch)
    started(peer, rospec(ai_stop=ai_stop, start=element("ROSpecStartTrigger"), every=0))
    peer.done("START_ROSPEC", {"ROSpecID": 7})
    assert count(tags_of(peer.wait(5))) == 34  # the fourth tag is new at 30 ms, so up to 330 ms


# Reports


def test_gathered_or_each() -> None:
    for each, entries in ((False, 4), (True, 100)):
        peer = Peer(a_reader(setup=Setup(each=each)))
        peer.connect()
        content = {name: True for name in EVERYTHING if name not in {"EnableAntennaID", "EnableChannelIndex"}}
        started(peer, rospec(every=0, content=content))
        peer.now_us = SECOND
        tags = tags_of(peer.send("GET_REPORT"))
        assert (len(tags), count(tags)) == (entries, 100)


def test_get_report_without_tags_is_answered_by_an_empty_one(peer: Peer) -> None:
    assert [one.name for one in peer.send("GET_REPORT")] == ["RO_ACCESS_REPORT"]


def test_the_fast_bytes_are_those_of_the_codec() -> None:
    """The report as packed by struct says what was seen, and the codec makes the same bytes of it."""
    impinj = element(
        "ImpinjTagReportContentSelector",
        {},
        element("ImpinjEnableSerializedTID", {"SerializedTIDMode": 1}),
        element("ImpinjEnableRFPhaseAngle", {"RFPhaseAngleMode": 1}),
        element("ImpinjEnablePeakRSSI", {"PeakRSSIMode": 1}),
        element("ImpinjEnableRFDopplerFrequency", {"RFDopplerFrequencyMode": 1}),
    )
    peer = Peer(a_reader())
    peer.connect()
    peer.done("IMPINJ_ENABLE_EXTENSIONS")
    memory = element("C1G2EPCMemorySelector", {"EnableCRC": True, "EnablePCBits": True})
    spec = rospec(extra=(impinj,))
    selector = element("TagReportContentSelector", dict(EVERYTHING), memory)
    report_spec = element("ROReportSpec", {"ROReportTrigger": 2, "N": 1}, selector, impinj)
    spec = element("ROSpec", dict(spec.fields), *spec.parameters[:-1], report_spec)
    started(peer, spec)
    (tag, *_) = tags_of(peer.wait(1))
    assert [one.name for one in tag.parameters if isinstance(one, Element)] == [
        "EPC_96", "ROSpecID", "SpecIndex", "InventoryParameterSpecID", "AntennaID", "PeakRSSI", "ChannelIndex",
        "FirstSeenTimestampUTC", "LastSeenTimestampUTC", "TagSeenCount", "C1G2_PC", "C1G2_CRC",
        "ImpinjSerializedTID", "ImpinjRFPhaseAngle", "ImpinjPeakRSSI", "ImpinjRFDopplerFrequency",
    ]  # fmt: skip
    assert not tag.malformed
    (_, first) = RateSource(sgtin_tags(4), 100, antennas=(1, 2)).due(10_000)
    assert epc_of(tag) == first.epc
    assert number(tag, "ImpinjPeakRSSI", "RSSI") == first.rssi_cdbm
    assert number(tag, "PeakRSSI", "PeakRSSI") == round(first.rssi_cdbm / 100)
    assert number(tag, "C1G2_CRC", "CRC") == first.tag.crc


def test_an_epc_of_another_length_is_epcdata() -> None:
    """The shape is that of LLRP 1.0.1, 16.2.7.3.1: type 241, length, bits, bytes."""
    tag = sgtin_tags(1)[0]
    sighting = RateSource([tag], 1).due(0)[0]._replace(epc=b"\xab\xcd")
    writer = ReportWriter(Content(frozenset()), (865_700,), lambda at_us: at_us, uptime=False)
    assert writer.entry(Entry(sighting, 1, 1, 1, 0, 0, 0)).hex() == "00f0000c" + "00f100080010abcd"


@pytest.mark.parametrize(
    ("setup", "name", "start_us"),
    [
        (Setup(), "FirstSeenTimestampUTC", WALL_US),
        (Setup(clock="uptime"), "FirstSeenTimestampUptime", 0),
        (Setup(clock="year2000"), "FirstSeenTimestampUTC", 946_684_800_000_000),
        (Setup(clock_offset_us=-5 * SECOND), "FirstSeenTimestampUTC", WALL_US - 5 * SECOND),
    ],
)
def test_clocks(setup: Setup, name: str, start_us: int) -> None:
    peer = Peer(a_reader(setup=setup))
    peer.connect()
    started(peer, rospec())
    times = [number(tag, name, "Microseconds") for tag in tags_of(peer.wait(0.02))]
    assert times == [start_us + 10_000, start_us + 20_000]


# Holding


def held(setup: Setup | None = None) -> Peer:
    peer = Peer(a_reader(setup=setup))
    peer.connect()
    peer.events(3)
    peer.done("SET_READER_CONFIG", {}, element("EventsAndReports", {"HoldEventsAndReportsUponReconnect": True}))
    started(peer, rospec())
    return peer


def test_reports_of_an_outage_are_held_with_their_times() -> None:
    peer = held()
    before = count(tags_of(peer.wait(1)))
    peer.reader.lost(peer.now_us)
    peer.now_us += 3 * SECOND
    peer.connect()
    assert not tags_of(peer.heard)
    assert not tags_of(peer.wait(1))
    came = peer.send("ENABLE_EVENTS_AND_REPORTS")
    tags = tags_of(came)
    assert before + count(tags) == 500
    times = [number(tag, "LastSeenTimestampUTC", "Microseconds") for tag in tags]
    assert times == sorted(times)
    assert times[0] == WALL_US + SECOND + 10_000


def test_a_message_that_was_not_written_goes_back() -> None:
    peer = held()
    peer.reader.advance(SECOND)
    unsent = tuple(peer.reader.take())
    peer.reader.lost(SECOND, unsent[10:])
    peer.now_us = SECOND
    peer.connect()
    assert count(tags_of(peer.send("ENABLE_EVENTS_AND_REPORTS"))) == 90


def test_a_full_hold_warns_overflows_and_counts() -> None:
    peer = held(Setup(hold_entries_max=100))
    peer.wait(0)
    peer.reader.lost(0)
    peer.now_us = 3 * SECOND
    peer.connect()
    came = peer.send("ENABLE_EVENTS_AND_REPORTS")
    assert count(tags_of(came)) == 100
    assert [one["ReportBufferPercentageFull"] for one in events_of(came, "ReportBufferLevelWarningEvent")] == [80]
    assert len(events_of(came, "ReportBufferOverflowErrorEvent")) == 1
    assert peer.reader.lost_sightings == 200


def test_a_reboot_forgets_everything_but_its_cables() -> None:
    peer = held()
    peer.reader.cable(2, connected=False, now_us=0)
    peer.wait(1)
    peer.reader.reboot(peer.now_us)
    greeting = peer.connect().one("ReaderEventNotificationData")
    assert greeting is not None
    assert number(greeting, "UTCTimestamp", "Microseconds") == WALL_US + SECOND
    assert not peer.ask("GET_ROSPECS").all("ROSpec")
    answer = peer.ask("GET_READER_CONFIG", {"RequestedData": 2})
    assert [one["AntennaConnected"] for one in answer.all("AntennaProperties")] == [True, False, True, True]


def test_an_antenna_whose_cable_is_off_sees_nothing(peer: Peer) -> None:
    peer.events(8)
    started(peer, rospec())
    peer.reader.cable(1, connected=False, now_us=peer.now_us)
    came = peer.wait(1)
    assert {number(tag, "AntennaID", "AntennaID") for tag in tags_of(came)} <= {2}
    assert [(one["EventType"], one["AntennaID"]) for one in events_of(came, "AntennaEvent")] == [(0, 1)]


def test_in_s2_a_tag_is_read_once() -> None:
    peer = Peer(a_reader(setup=Setup(silent_sessions=True)))
    peer.connect()
    control = element("C1G2SingulationControl", {"Session": 2})
    command = element("C1G2InventoryCommand", {}, control)
    inventory = element("InventoryParameterSpec", {"ProtocolID": 1}, element("AntennaConfiguration", {}, command))
    whole = rospec()
    ai = element("AISpec", {"AntennaIDs": (0,)}, element("AISpecStopTrigger"), inventory)
    started(peer, element("ROSpec", dict(whole.fields), whole.parameters[0], ai, whole.parameters[2]))
    assert len(tags_of(peer.wait(5))) == 4


def test_a_reader_is_whole_without_a_client() -> None:
    reader: LlrpReader = a_reader()
    reader.receive(b"\x04", 0)
    reader.advance(10 * SECOND)
    reader.lost(10 * SECOND)
    assert reader.take() == []
    assert reader.next_us() is None
