"""LLRP from the client's side: greeting, set-up, keepalive, and every way in which a connection ends."""

from __future__ import annotations

import json

import pytest

from drivers.errors import DeviceMisbehaved, DeviceRefused, DeviceUnavailable
from drivers.llrp.capabilities import Capabilities, capabilities
from drivers.llrp.elements import Element, decode, element, encode, encode_parameter
from drivers.llrp.rospec import wanted_rospec
from drivers.llrp.session import LlrpSession
from drivers.llrp.settings import LlrpSettings
from drivers.reads import BadRead, Fault, Notice, TagRead
from simulators.reader_llrp import Setup
from simulators.reader_profiles import FX9600
from simulators.tags import listed
from tests.drivers.device_tools import at
from tests.drivers.llrp_tools import (
    FIXTURES,
    GREETING,
    World,
    answer_to,
    converse,
    elements,
    event,
    failure,
    messages,
    opened,
    real_capabilities,
    settings,
    success,
    tag_report,
)

TAGS = listed([bytes.fromhex(f"3034257bf7194e4000000{number:03x}") for number in range(1, 6)])


def recorded(conversation: str, direction: str, kind: int) -> list[bytes]:
    lines = (FIXTURES / "conversations" / f"{conversation}.jsonl").read_text().splitlines()
    frames = [json.loads(line) for line in lines]
    return [bytes.fromhex(one["hex"]) for one in frames if (one["dir"], one["type"]) == (direction, kind)]


def greeted(**wanted: object) -> LlrpSession:
    session = LlrpSession("gate", settings(**wanted))
    session.open(at(0))
    assert session.receive(GREETING, at(1)) == []
    return session


def names(sent: list[Element]) -> list[str]:
    return [one.name for one in sent]


# Greeting and version


def test_nothing_is_said_before_the_reader_greets() -> None:
    session = LlrpSession("gate", settings())
    session.open(at(0))
    assert session.take_output() == b""
    assert not session.ready
    assert session.next_deadline() == at(3000).monotonic_ns
    with pytest.raises(DeviceUnavailable, match="did not greet") as caught:
        session.tick(at(3000))
    assert caught.value.hint


def test_the_first_questions_byte_for_byte() -> None:
    """As the EdgeX client asked it (edgexcli_to_simSpeedway.jsonl) and LTKJava wrote it, with our ids."""
    session = greeted()
    assert session.take_output() == bytes.fromhex("082e0000000a00000001")
    (refusal,) = recorded("edgexcli_to_simSpeedway", "s2c", 100)  # status 110, and the id 0
    session.receive(refusal, at(2))
    assert session.take_output() == bytes.fromhex("04010000000b0000000200")


@pytest.mark.parametrize("status", [1, 2])
def test_another_client_holds_the_reader(status: int) -> None:
    session = LlrpSession("gate", settings())
    session.open(at(0))
    session.receive(GREETING[:-2] + status.to_bytes(2, "big"), at(1))
    assert session.take_output() == b""
    assert session.farewell(at(1)) == b""
    assert session.next_deadline() == at(1).monotonic_ns
    with pytest.raises(DeviceRefused, match="another program") as caught:
        session.tick(at(2))
    assert caught.value.hint


def test_a_reader_that_refuses_for_another_reason_is_tried_again() -> None:
    session = LlrpSession("gate", settings())
    session.open(at(0))
    session.receive(GREETING[:-2] + b"\x00\x03", at(1))
    with pytest.raises(DeviceUnavailable, match="refuses the connection: Failed_Reason_Other"):
        session.tick(at(2))


@pytest.mark.parametrize("code", ["M_UnsupportedMessage", "M_UnsupportedVersion", "M_UnknownField", "R_DeviceError"])
def test_a_reader_that_knows_no_versions_speaks_1_0_1(code: str) -> None:
    session, sent = opened({"GET_SUPPORTED_VERSION": failure("ERROR_MESSAGE", code)})
    assert "SET_PROTOCOL_VERSION" not in names(sent)
    assert session.facts["llrp"] == "1.0.1"


def test_a_reader_that_says_nothing_to_the_version_speaks_1_0_1() -> None:
    session = greeted()
    session.take_output()
    assert session.next_deadline() == at(1001).monotonic_ns
    session.tick(at(1001))
    assert [one.name for one in messages(session.take_output())] == ["GET_READER_CAPABILITIES"]


def test_1_1_is_agreed_on_and_spoken() -> None:
    response = element(
        "GET_SUPPORTED_VERSION_RESPONSE", {"CurrentVersion": 1, "SupportedVersion": 2}, element("LLRPStatus")
    )
    session = greeted()
    (asked,) = messages(session.take_output())
    session.receive(encode(response, asked.id, 2), at(2))
    (asked,) = messages(session.take_output())
    assert (asked.version, decode(asked)) == (2, element("SET_PROTOCOL_VERSION", {"ProtocolVersion": 2}))
    session.receive(encode(success("SET_PROTOCOL_VERSION_RESPONSE"), asked.id, 2), at(3))
    (asked,) = messages(session.take_output())
    assert (asked.name, asked.version) == ("GET_READER_CAPABILITIES", 2)
    session.receive(encode(real_capabilities(), asked.id, 2), at(4))
    converse(session, 5)
    assert session.facts["llrp"] == "1.1"


def test_the_version_is_not_asked_for_where_it_is_set() -> None:
    _, sent = opened(version="1.0.1")
    assert names(sent)[0] == "GET_READER_CAPABILITIES"


# Set-up


def test_the_order_of_a_first_set_up() -> None:
    session, sent = opened()
    assert names(sent) == [
        "GET_SUPPORTED_VERSION",
        "GET_READER_CAPABILITIES",
        "IMPINJ_ENABLE_EXTENSIONS",
        "GET_READER_CONFIG",
        "SET_READER_CONFIG",
        "DELETE_ACCESSSPEC",  # what a crash may have left
        "GET_ROSPECS",
        "ADD_ROSPEC",
        "ENABLE_ROSPEC",
        "GET_ROSPECS",  # did it start by itself? This reader does not say
        "START_ROSPEC",
        "ENABLE_EVENTS_AND_REPORTS",
    ]
    assert session.ready
    assert session.facts["model"] == "Impinj 2001002"
    assert session.facts["firmware"] == "5.2.1.240"
    assert session.facts["region"] == "au_4w, country 36"


def test_the_inventory_of_an_impinj_reader_byte_for_byte() -> None:
    """The AISpec that llrpkit's client sent, frame 7 of llrpkit_to_llrpkitemu.jsonl: S1, 32 tags, TagFocus."""
    (frame,) = recorded("llrpkit_to_llrpkitemu", "c2s", 20)
    rospec = wanted_rospec(settings(search="focus"), capabilities(real_capabilities()), None, impinj=True)
    inventory, boundary = rospec.one("AISpec"), rospec.one("ROBoundarySpec")
    assert inventory is not None
    assert boundary is not None
    assert encode_parameter(inventory) in frame
    (start, _) = boundary.parameters
    assert encode_parameter(start) in recorded("edgexcli_to_simSpeedway", "c2s", 20)[0]  # Immediate


def test_extensions_are_asked_for_byte_for_byte_and_only_of_impinj() -> None:
    (frame,) = recorded("llrpkit_to_llrpkitemu", "c2s", 1023)
    _, sent = opened()
    assert encode(sent[2], 2) == frame
    world = World(Setup(profile=FX9600))
    world.connect()
    assert "CUSTOM_MESSAGE" not in world.sent
    assert world.session.facts["extensions"] == "none"
    _, sent = opened(impinj="off")
    assert "IMPINJ_ENABLE_EXTENSIONS" not in names(sent)


def test_extensions_that_are_wanted_and_refused() -> None:
    refused = {"IMPINJ_ENABLE_EXTENSIONS": failure("IMPINJ_ENABLE_EXTENSIONS_RESPONSE", "M_UnsupportedMessage")}
    session, _ = opened(refused)
    assert session.facts["extensions"] == "none"
    session, _ = opened(refused, impinj="on")
    with pytest.raises(DeviceRefused, match="no Impinj extensions: M_UnsupportedMessage"):
        session.tick(at(1))


def test_the_configuration_leaves_nothing_to_chance() -> None:
    _, sent = opened(keepalive_s=2, gpi_ports=(1, 3))
    (config,) = [one for one in sent if one.name == "SET_READER_CONFIG"]
    assert config["ResetToFactoryDefault"] is False
    keepalive, hold = config.one("KeepaliveSpec"), config.one("EventsAndReports")
    assert keepalive is not None
    assert (keepalive["KeepaliveTriggerType"], keepalive["PeriodicTriggerValue"]) == (1, 2000)
    assert hold is not None
    assert hold["HoldEventsAndReportsUponReconnect"] is True
    ports = config.all("GPIPortCurrentState")
    assert [(one["GPIPortNum"], one["Config"]) for one in ports] == [(1, True), (3, True)]
    monitor = config.one("ImpinjLinkMonitorConfiguration")
    assert monitor is not None
    assert monitor["LinkMonitorMode"] == 1
    events = config.one("ReaderEventNotificationSpec")
    assert events is not None
    on = {one["EventType"] for one in events.parameters if isinstance(one, Element) and one["NotificationState"]}
    assert on == {1, 2, 3, 4, 8}  # GPI, ROSpec, buffer warning, reader exception, antenna


def test_a_reader_that_refuses_the_whole_configuration_gets_the_needful() -> None:
    session = greeted()
    tries: list[Element] = []
    for _ in range(20):
        for message in messages(session.take_output()):
            request = decode(message)
            tries += [request] if request.name == "SET_READER_CONFIG" else []
            bad = failure("SET_READER_CONFIG_RESPONSE", "P_UnsupportedParameter")
            given = {"SET_READER_CONFIG": bad} if len(tries) == 1 else {}
            if (response := answer_to(request, given)) is not None:
                session.receive(encode(response, message.id), at(2))
    assert session.ready
    assert len(tries) == 2
    assert tries[1].one("KeepaliveSpec") is not None
    assert tries[1].one("EventsAndReports") is None


def test_a_refusal_is_told_in_the_readers_own_words() -> None:
    blamed = element(
        "ParameterError",
        {"ParameterType": 177, "ErrorCode": "P_FieldError"},
        element("FieldError", {"FieldNum": 2, "ErrorCode": "A_OutOfRange"}),
    )
    session, _ = opened({"ADD_ROSPEC": failure("ADD_ROSPEC_RESPONSE", "M_ParameterError", "priority 9?", blamed)})
    assert not session.ready
    with pytest.raises(DeviceRefused) as caught:
        session.tick(at(1))
    assert "ADD_ROSPEC" in str(caught.value)
    assert "M_ParameterError, parameter 177 (P_FieldError), field 2 (A_OutOfRange): priority 9?" in str(caught.value)


def test_a_request_without_an_answer_ends_the_connection() -> None:
    session = greeted(response_timeout_s=2, version="1.0.1")
    session.take_output()
    assert session.next_deadline() == at(2001).monotonic_ns
    session.tick(at(2001))
    with pytest.raises(DeviceMisbehaved, match="did not answer GET_READER_CAPABILITIES within 2 s"):
        session.tick(at(2002))


def test_settings_that_the_reader_cannot_follow_are_refused() -> None:
    able = capabilities(real_capabilities())
    for given, words in [
        ({"antennas": (1, 5)}, "4 antenna ports, no 5"),
        ({"power_dbm": 5}, "its lowest is 10 dBm"),
        ({"mode": 77}, "no RF mode 77"),
        ({"gpi_ports": (9,)}, "4 inputs"),
    ]:
        with pytest.raises(DeviceRefused, match=words) as caught:
            wanted_rospec(settings(**given), able, None, impinj=True)
        assert caught.value.hint
    with pytest.raises(DeviceRefused, match="no search mode dual"):
        wanted_rospec(settings(search="dual"), able, None, impinj=False)


def test_power_and_mode_are_taken_from_the_readers_tables() -> None:
    """From the R420's own table: index 1 is 10 dBm, then a quarter decibel each; 30.1 is cut to 30."""
    able = capabilities(real_capabilities())
    assert able.power_index(30.1) == 81
    assert able.power_cdbm(81) == 3000
    assert able.power_index(99) == 91
    assert able.power_index(10) == 1
    assert able.mode_number("fastest") == 0
    assert able.mode_number("robust") == 3
    assert able.mode_number(1002) == 1002
    assert (able.hop_table, able.frequencies_khz[:2]) == (1, (921_750, 921_250))
    assert Capabilities(powers=((7, 2500), (3, 1000))).power_index(24.9) == 3  # in any order


def test_each_antenna_has_its_power() -> None:
    rospec = wanted_rospec(
        settings(antennas=(2, 4), antenna_power_dbm=(20, 31.5), session="S2", population=500, mode=1),
        capabilities(real_capabilities()),
        None,
        impinj=False,
    )
    spec = rospec.one("AISpec")
    assert spec is not None
    assert spec["AntennaIDs"] == (2, 4)
    inventory = spec.one("InventoryParameterSpec")
    assert inventory is not None
    antennas = inventory.all("AntennaConfiguration")
    assert [(one["AntennaID"], one.one("RFTransmitter")["TransmitPower"]) for one in antennas] == [(2, 41), (4, 87)]  # type: ignore[index]
    command = antennas[0].one("C1G2InventoryCommand")
    assert command is not None
    control, tags = command.one("C1G2RFControl"), command.one("C1G2SingulationControl")
    assert control is not None
    assert tags is not None
    assert (control["ModeIndex"], tags["Session"], tags["TagPopulation"]) == (1, 2, 500)


# The same ROSpec, others, and what a crash left


def test_a_reader_that_reads_as_wanted_is_not_disturbed() -> None:
    world = World()
    world.connect()
    number = next(iter(world.reader.rospecs))
    world.hang_up()
    world.connect(60_000)
    assert world.session.ready
    assert world.session.facts["rospec"] == "kept"
    assert not {"ADD_ROSPEC", "DELETE_ROSPEC", "DISABLE_ROSPEC", "ENABLE_ROSPEC", "START_ROSPEC"} & {*world.sent}
    assert list(world.reader.rospecs) == [number]
    assert world.reader.rospecs[number].active


def test_other_settings_replace_our_rospec() -> None:
    world = World()
    world.connect()
    (before,) = world.reader.rospecs
    world.hang_up()
    world.settings = settings(session="S0")
    world.connect(1000)
    assert world.session.facts["rospec"] == "replaced"
    (after,) = world.reader.rospecs
    assert after != before


def found_rospecs(*rospecs: Element) -> dict[str, Element]:
    return {"GET_ROSPECS": success("GET_ROSPECS_RESPONSE", *rospecs)}


def ours(state: str, *, priority: int = 0) -> Element:
    rospec = wanted_rospec(settings(), capabilities(real_capabilities()), None, impinj=True)
    return element("ROSpec", {**rospec.fields, "CurrentState": state, "Priority": priority}, *rospec.parameters)


def test_our_rospec_with_changed_content_is_replaced() -> None:
    _, sent = opened(found_rospecs(ours("Active", priority=3)))
    assert [name for name in names(sent) if name.endswith("_ROSPEC")][:2] == ["DELETE_ROSPEC", "ADD_ROSPEC"]


@pytest.mark.parametrize(
    ("state", "orders"),
    [("Active", []), ("Inactive", ["START_ROSPEC"]), ("Disabled", ["ENABLE_ROSPEC", "START_ROSPEC"])],
)
def test_our_rospec_is_brought_from_any_state(state: str, orders: list[str]) -> None:
    session, sent = opened(found_rospecs(ours(state)))
    assert [name for name in names(sent) if name.endswith("_ROSPEC")] == orders
    assert session.ready


def test_what_a_reader_fills_in_is_no_difference() -> None:
    """All antennas spelt out, a Tari, defaults in parameters of their own."""
    rospec = ours("Active")
    spec = rospec.one("AISpec")
    assert spec is not None
    filled = element(
        "AISpec", {"AntennaIDs": (1, 2, 3, 4)}, *spec.parameters, element("Custom", {"VendorIdentifier": 9})
    )
    parts = [filled if one is spec else one for one in rospec.parameters]
    _, sent = opened(found_rospecs(element("ROSpec", dict(rospec.fields), *parts)))
    assert not [name for name in names(sent) if name.endswith("_ROSPEC")]


def foreign() -> Element:
    rospec = ours("Active")
    return element("ROSpec", {**rospec.fields, "ROSpecID": 7}, *rospec.parameters)


def test_a_foreign_rospec_is_disabled_where_there_is_room_and_deleted_where_not() -> None:
    _, sent = opened(found_rospecs(foreign()))  # this R420 has room for one
    assert [(one.name, one["ROSpecID"]) for one in sent if one.name in {"DELETE_ROSPEC", "DISABLE_ROSPEC"}] == [
        ("DELETE_ROSPEC", 7)
    ]
    able = real_capabilities()
    roomy = element("LLRPCapabilities", {**able.one("LLRPCapabilities").fields, "MaxNumROSpecs": 8})  # type: ignore[union-attr]
    parts = [roomy if isinstance(one, Element) and one.name == "LLRPCapabilities" else one for one in able.parameters]
    given = {"GET_READER_CAPABILITIES": element(able.name, {}, *parts), **found_rospecs(foreign())}
    _, sent = opened(given)
    assert [(one.name, one["ROSpecID"]) for one in sent if one.name in {"DELETE_ROSPEC", "DISABLE_ROSPEC"}] == [
        ("DISABLE_ROSPEC", 7)
    ]


def test_a_reader_that_cannot_show_its_rospecs_is_cleared() -> None:
    session, sent = opened({"GET_ROSPECS": failure("ERROR_MESSAGE", "M_UnsupportedMessage")})
    assert session.ready
    assert [(one.name, one.fields.get("ROSpecID")) for one in sent if one.name == "DELETE_ROSPEC"] == [
        ("DELETE_ROSPEC", 0)
    ]


# Reading: keepalives, splits, strays, ends


def test_a_keepalive_is_answered_with_its_id() -> None:
    """Frames of edgexcli_to_simSpeedway.jsonl."""
    (keepalive, *_), (ack, *_) = (
        recorded("edgexcli_to_simSpeedway", "s2c", 62),
        recorded("edgexcli_to_simSpeedway", "c2s", 72),
    )
    session, _ = opened()
    assert session.receive(keepalive, at(5)) == []
    assert session.take_output() == ack


def test_two_silent_intervals_are_a_dead_reader() -> None:
    world = World(keepalive_s=5, silence_s=3600)
    world.connect()
    world.run(60_000)
    assert world.sent.count("KEEPALIVE_ACK") >= 11
    world.cut = True
    heard_ms = world.now_us / 1000
    world.run(heard_ms + 9_000)
    with pytest.raises(DeviceUnavailable, match=r"silent for \d") as caught:
        world.run(heard_ms + 10_100)
    assert caught.value.hint


def test_any_bytes_are_a_sign_of_life() -> None:
    session, _ = opened(keepalive_s=5, silence_s=3600)
    for ms in range(0, 60_000, 9_000):
        session.receive(b"\x04" if not ms else b"", at(ms))
    session.tick(at(60_000 + 3_000))


def test_any_split_is_the_same_conversation() -> None:
    stream = GREETING + tag_report(at(1).wall_us) + bytes.fromhex("043e0000000a0000001b")
    whole, split = LlrpSession("gate", settings()), LlrpSession("gate", settings())
    whole.open(at(0))
    split.open(at(0))
    expected = whole.receive(stream, at(1))
    assert len(expected) == 1
    found = [read for number in range(len(stream)) for read in split.receive(stream[number : number + 1], at(1))]
    assert found == expected
    assert split.take_output() == whole.take_output()


def test_reports_are_taken_in_any_state_and_may_be_empty() -> None:
    session = greeted()
    (read,) = session.receive(tag_report(at(1).wall_us), at(2))
    assert isinstance(read, TagRead)
    converse(session, 3)
    assert session.receive(bytes.fromhex("043d0000000a00000005"), at(4)) == []  # an empty report
    assert len(session.receive(tag_report(at(1).wall_us) * 3, at(5))) == 3


def test_lost_framing_delivers_what_came_before_and_ends() -> None:
    session, _ = opened()
    reads = session.receive(tag_report(at(1).wall_us) + b"\xff" * 20, at(2))
    assert isinstance(reads[0], TagRead)
    assert isinstance(reads[1], BadRead)
    assert reads[1].fault is Fault.FRAMING
    assert session.next_deadline() == at(2).monotonic_ns
    with pytest.raises(DeviceMisbehaved):
        session.tick(at(3))


def test_input_that_was_lost_is_a_bad_read_and_the_end() -> None:
    session, _ = opened()
    (bad,) = session.lost(at(5))
    assert isinstance(bad, BadRead)
    assert bad.fault is Fault.DROPPED
    with pytest.raises(DeviceMisbehaved):
        session.receive(b"", at(6))


def test_what_is_malformed_inside_a_message_is_kept_and_reading_goes_on() -> None:
    session, _ = opened()
    report = bytes.fromhex("043d0000001400000001") + bytes.fromhex("00f0000a") + b"\xff" * 6
    (bad,) = session.receive(report, at(2))
    assert isinstance(bad, BadRead)
    assert isinstance(session.receive(tag_report(at(3).wall_us), at(3))[0], TagRead)


def test_unknown_messages_and_errors_for_nothing_are_counted() -> None:
    """ENABLE_EVENTS_AND_REPORTS has no response; a reader that has one to it is tolerated."""
    session, _ = opened()
    session.receive(
        bytes.fromhex("07e70000000a00000001") + bytes.fromhex("04640000001200000001011f0008006d0000"), at(2)
    )
    assert session.unknown_messages == 2
    assert session.ready
    session.tick(at(3))


def test_a_message_cut_by_the_end_is_a_bad_read() -> None:
    session, _ = opened()
    session.receive(GREETING[:20], at(2))
    (bad,) = session.close(at(3))
    assert isinstance(bad, BadRead)
    assert (bad.raw, bad.fault) == (GREETING[:20], Fault.INCOMPLETE)


def test_the_farewell_is_close_connection() -> None:
    session, sent = opened()
    wire = session.farewell(at(9))
    assert wire[:6] == bytes.fromhex("040e0000000a")
    assert int.from_bytes(wire[6:], "big") > len(sent)


def test_the_reader_closes_the_connection() -> None:
    session, _ = opened()
    session.receive(event(element("ConnectionCloseEvent"), us=at(2).wall_us), at(2))
    with pytest.raises(DeviceUnavailable, match="closed the connection"):
        session.tick(at(3))


def test_another_client_that_tried_is_told_and_the_connection_stays() -> None:
    world = World()
    world.connect()
    refusal = world.reader.connect(world.now_us)
    assert refusal is not None
    assert elements(refusal)[0].one("ReaderEventNotificationData") is not None
    world.run(1000)
    assert world.notices() == [("other_client", True)]
    assert world.session.ready
    world.run(62_000)
    assert ("other_client", False) in world.notices()


def test_a_rospec_that_ends_by_itself_is_started_again() -> None:
    world = World()
    world.connect()
    (rospec,) = world.reader.rospecs.values()
    rospec.stop(world.now_us)
    assert not rospec.active
    world.run(1500)
    assert rospec.active
    assert world.sent[-2:] == ["GET_ROSPECS", "START_ROSPEC"]


def test_complaints_and_a_full_buffer_are_reported_once_each() -> None:
    session, _ = opened()
    complaint = element("ReaderExceptionEvent", {"Message": "PLL unlock"})
    (bad,) = session.receive(event(complaint, us=at(2).wall_us), at(2))
    assert isinstance(bad, BadRead)
    assert "PLL unlock" in bad.detail
    assert session.receive(event(complaint, us=at(3).wall_us), at(3)) == []
    (bad,) = session.receive(event(element("ReportBufferOverflowErrorEvent"), us=at(4).wall_us), at(4))
    assert isinstance(bad, BadRead)
    assert bad.fault is Fault.DROPPED


def test_what_a_reader_gathers_is_fetched() -> None:
    world = World(report_every_tags=100)
    world.connect()
    world.show(*TAGS[:3], wait_ms=50)
    assert world.tags() == []
    world.run(1200)
    assert [read.epc for read in world.tags()] == [tag.epc for tag in TAGS[:3]]
    assert "GET_REPORT" in world.sent


def test_a_wrong_region_is_told_at_once() -> None:
    world = World(region="kr")
    world.connect()
    (notice,) = [one for one in world.reads if isinstance(one, Notice)]
    assert (notice.code, notice.active) == ("wrong_region", True)
    assert "au_4w, country 36" in notice.message


def test_settings_that_contradict_each_other() -> None:
    for wrong in ({"antennas": (1, 1)}, {"antennas": (1,), "antenna_power_dbm": (1.0, 2.0)}):
        with pytest.raises(ValueError, match="antenna"):
            settings(**wrong)
    assert (settings().wire_port, settings(tls=True).wire_port, settings(port=1, tls=True).wire_port) == (5084, 5085, 1)
    assert LlrpSettings(host="x", eye_port=2, gpi_ports=(3, 1)).inputs == (1, 2, 3)
