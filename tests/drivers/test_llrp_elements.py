"""LLRP elements: every captured frame by its values and back to its bytes, any bytes at all, and our own mistakes."""

from __future__ import annotations

import base64
import datetime as dt
import random
import re
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.llrp.definitions import DEFINITIONS, ENUMERATORS, MESSAGES, Definition, Field, Kind
from drivers.llrp.elements import (
    DEPTH_MAX,
    PARAMETERS_MAX,
    Bits,
    Element,
    Malformed,
    Unknown,
    Value,
    count_unknown,
    decode,
    element,
    encode,
    encode_parameter,
    label,
    parse,
)
from drivers.llrp.frames import Decoder, Message
from drivers.reads import Fault
from tests.drivers.llrp_vectors import captures, loaded, messages, scored, told

GOLDEN = {name: bytes.fromhex(text) for name, text in loaded("golden.json").items()}


@pytest.mark.parametrize("name", captures())
def test_a_capture_decodes_whole_and_encodes_back(name: str) -> None:
    for message in messages(captures()[name]):
        found = decode(message)
        assert not found.malformed
        wire = encode(found, message.id, message.version)
        assert wire[10:] == message.body
        assert Decoder().feed(wire) == [message]
        scored(name, "there and back")


@pytest.mark.parametrize("name", captures())
def test_a_capture_in_single_bytes_gives_the_same(name: str) -> None:
    decoder = Decoder()
    found = [one for byte in captures()[name] for one in decoder.feed(bytes((byte,))) if isinstance(one, Message)]
    assert list(map(decode, found)) == list(map(decode, messages(captures()[name])))


XML = {path: path.rpartition("/")[2].partition(".")[0] for path in captures() if path.startswith(("dx101", "ltkjava"))}


@pytest.mark.parametrize(("name", "stem"), XML.items())
def test_values_are_those_of_the_xml(name: str, stem: str) -> None:
    said, found = told(stem), messages(captures()[name])
    assert len(said) == len(found)
    for (what, message_id, children), message in zip(said, found, strict=True):
        one = decode(message)
        if one.name == "IMPINJ_ENABLE_EXTENSIONS":  # which the XML has as any vendor's
            fields = dict(children)
            head = int(fields["VendorIdentifier"]).to_bytes(4, "big") + bytes((int(fields["MessageSubtype"]),))
            assert (what, message_id) == (message.name, message.id)
            assert head + bytes.fromhex(fields["Data"]) == message.body
            scored(name, "values as in the XML", len(fields))
            continue
        assert (one.name, message.id) == (what, message_id)
        scored(name, "values as in the XML", compared(one, children))


# Bits that 1.0.1 reserves, so that its XML has no word of them.
LATER = {
    "C1G2LLRPCapabilities": {
        "CanSupportBlockPermalock",
        "CanSupportTagRecommissioning",
        "CanSupportUMIMethod2",
        "CanSupportXPC",
    }
}


def compared(one: Element, children: list[Any]) -> int:
    """Fields, then parameters, each in the order of the XML; how many values were the same."""
    definition = DEFINITIONS[one.name]
    said = {name for name, *_ in children}
    named = {field.name: field for field in definition.fields if field.name in said}
    fields, parameters = children[: len(named)], children[len(named) :]
    assert [name for name, *_ in fields] == list(named)
    assert {name for name in one.fields if name not in said} <= LATER.get(one.name, set())
    for name, *text in fields:
        assert one[name] == value_of(named[name], *text), (one.name, name)
    assert all(isinstance(each, Element) for each in one.parameters)
    found = [each for each in one.parameters if isinstance(each, Element)]
    assert [each.name for each in found] == [name for name, *_ in parameters]
    inner = [compared(each, below or []) for each, (_, below) in zip(found, parameters, strict=True)]
    return len(named) + sum(inner)


def value_of(field: Field, text: str, bits: str = "") -> Value:
    """A value as LTK-XML writes it."""
    numbers = ENUMERATORS.get(field.enumeration, {})
    if field.type == "u1v":
        return Bits(bytes.fromhex(text), int(bits))
    if field.type in {"u96", "bytesToEnd"} or (field.type == "u8v" and field.format == "Hex"):
        return bytes.fromhex(text)
    if field.type == "utf8v":
        return text
    if field.type == "u16v" and field.format == "Hex":
        return tuple(int(word, 16) for word in re.findall("....", text.replace(" ", "")))
    if field.type.endswith("v"):
        return tuple(numbers[word] if word in numbers else int(word) for word in text.split())
    if field.format == "Datetime":
        return (dt.datetime.fromisoformat(text) - dt.datetime.fromtimestamp(0, dt.UTC)) // dt.timedelta(microseconds=1)
    if field.type == "u1" and not numbers:
        return {"true": True, "1": True, "false": False, "0": False}[text]
    return numbers[text] if text in numbers else int(text)


@pytest.mark.parametrize("number", [1, 3, 6])
def test_reports_of_a_real_reader_have_the_values_of_their_json(number: int) -> None:
    name = f"edgex/ROAccessReport-00{number}"
    (message,) = messages(captures()[f"{name}.bytes"])
    (said,), (tag,) = loaded(f"{name}.json")["TagReportData"], decode(message).all("TagReportData")
    there = {key: value for key, value in said.items() if value is not None}
    assert there.pop("EPCData") == {"EPCNumBits": 0, "EPC": None}
    expected = {
        "EPC_96": base64.b64decode(there.pop("EPC96")["EPC"]),
        "AntennaID": there.pop("AntennaID"),
        "PeakRSSI": there.pop("PeakRSSI"),
        "FirstSeenTimestampUTC": there.pop("FirstSeenUTC"),
    }
    assert not there
    found = [each for each in tag.parameters if isinstance(each, Element)]
    assert {each.name: next(iter(each.fields.values())) for each in found} == expected
    scored(name, "values as in the JSON", len(expected))


def test_the_other_messages_of_a_real_reader() -> None:
    """An event that the connection closes, and two good answers, as their JSON says."""
    (event,) = messages(captures()["edgex/ReaderEventNotification-000.bytes"])
    data = decode(event).one("ReaderEventNotificationData")
    assert data is not None
    said = loaded("edgex/ReaderEventNotification-000.json")["ReaderEventNotificationData"]
    assert data.parameters == (
        element("UTCTimestamp", {"Microseconds": said["UTCTimestamp"]}),
        element("ConnectionCloseEvent"),
    )
    for name in ("CloseConnectionResponse-000", "GetROSpecsResponse-000"):
        (answer,) = messages(captures()[f"edgex/{name}.bytes"])
        assert decode(answer).parameters == (element("LLRPStatus", {"StatusCode": "M_Success"}),)
        assert loaded(f"edgex/{name}.json")["LLRPStatus"]["Status"] == 0
    scored("edgex", "values as in the JSON", 5)


def golden(name: str) -> Element:
    (message,) = messages(GOLDEN[name])
    return decode(message)


def test_frames_worked_out_by_hand() -> None:
    """What llrpkit's tests say that they mean."""
    assert golden("set_reader_config_reset") == element("SET_READER_CONFIG", {"ResetToFactoryDefault": True})
    boom = element("LLRPStatus", {"ErrorDescription": "boom"})
    assert golden("error_message_boom") == element("ERROR_MESSAGE", {}, boom)
    tag = element(
        "TagReportData",
        {},
        element("EPC_96", {"EPC": bytes(range(12))}),
        element("AntennaID", {"AntennaID": 3}),
        element("PeakRSSI", {"PeakRSSI": -42}),
        element("TagSeenCount", {"TagCount": 2}),
    )
    assert golden("ro_access_report_tv") == element("RO_ACCESS_REPORT", {}, tag)
    assert golden("impinj_enable_extensions") == element("IMPINJ_ENABLE_EXTENSIONS")
    answer = golden("impinj_enable_extensions_response")
    assert answer == element("IMPINJ_ENABLE_EXTENSIONS_RESPONSE", {}, element("LLRPStatus"))
    custom = golden("unknown_custom_message")
    assert custom.fields == {"VendorIdentifier": 666, "MessageSubtype": 42, "Data": bytes.fromhex("dead")}
    assert encode(element("ADD_ROSPEC", {}, smallest_rospec()), 3)[10:] == GOLDEN["add_rospec_min"][10:]


def smallest_rospec() -> Element:
    boundary = element("ROBoundarySpec", {}, element("ROSpecStartTrigger"), element("ROSpecStopTrigger"))
    inventory = element("InventoryParameterSpec", {"InventoryParameterSpecID": 1, "ProtocolID": "EPCGlobalClass1Gen2"})
    antennas = element("AISpec", {"AntennaIDs": (1,)}, element("AISpecStopTrigger"), inventory)
    return element("ROSpec", {"ROSpecID": 1}, boundary, antennas)


def test_impinjs_conversation_is_known() -> None:
    """Of llrpkit with its emulator: search mode, report content, RSSI and phase have their names."""
    found = {
        "ImpinjInventorySearchMode": 0,
        "ImpinjEnableRFPhaseAngle": 0,
        "ImpinjPeakRSSI": 0,
        "ImpinjRFPhaseAngle": 0,
    }
    for message in messages(captures()["conversations/llrpkit_to_llrpkitemu.jsonl"]):
        one = decode(message)
        assert count_unknown(one) == 0
        for name in found:
            found[name] += repr(one).count(f"name='{name}'")
    assert all(found.values())


def test_labels_and_enumerators() -> None:
    spec = element("ROReportSpec", {"ROReportTrigger": "Upon_N_Tags_Or_End_Of_AISpec_Or_End_Of_RFSurveySpec"})
    assert spec["ROReportTrigger"] == 1
    assert label(spec, "ROReportTrigger") == "Upon_N_Tags_Or_End_Of_AISpec"
    assert label(element("LLRPStatus", {"StatusCode": 109}), "StatusCode") == "M_UnsupportedMessage"
    assert label(element("LLRPStatus", {"StatusCode": 999}), "StatusCode") is None
    assert label(element("LLRPStatus"), "ErrorDescription") is None
    assert label(Element("message 999", {}), "Data") is None


def test_looking_inside() -> None:
    rospec = smallest_rospec()
    assert rospec.all("AISpec") == [rospec.one("AISpec")]
    assert rospec.one("ROReportSpec") is None
    assert rospec.number("ROSpecID") == rospec["ROSpecID"] == 1
    with pytest.raises(TypeError, match=r"AISpec\.AntennaIDs is no number"):
        rospec.all("AISpec")[0].number("AntennaIDs")
    with pytest.raises(KeyError):
        rospec["None"]


UNKNOWN = Unknown(1000, bytes.fromhex("03e80005aa"))


def test_unknown_parameters_are_kept_and_counted() -> None:
    custom = element("Custom", {"VendorIdentifier": 1, "ParameterSubtype": 2, "Data": b"\x03"})
    body = encode_parameter(element("LLRPStatus")) + UNKNOWN.raw + encode_parameter(custom)
    found = decode(Message(1, 12, 5, body))
    assert found.parameters[1:] == (UNKNOWN, custom)
    assert count_unknown(found) == 2
    assert encode(found, 5)[10:] == body


def test_an_unknown_message_is_kept() -> None:
    found = decode(Message(1, 999, 5, b"\xbe\xef"))
    assert found == Element("message 999", {"Data": b"\xbe\xef"})
    assert encode(found, 5) == bytes.fromhex("07e70000000c00000005beef")


@pytest.mark.parametrize(
    ("rest", "fault"),
    [
        ("ff0000", Fault.FRAMING),  # TV 127
        ("8100", Fault.INCOMPLETE),  # AntennaID without its second byte
        ("00f0", Fault.INCOMPLETE),
        ("00f00003", Fault.FRAMING),
        ("00f00005", Fault.INCOMPLETE),
        ("04f00004", Fault.FRAMING),  # a reserved bit
    ],
)
def test_a_parameter_that_cannot_be_framed_stands_for_the_rest(rest: str, fault: Fault) -> None:
    good = bytes.fromhex("0102030407" + "860a" + UNKNOWN.raw.hex())  # 5 bytes of something else before
    rssi, unknown, bad = parse(good + bytes.fromhex(rest), 5)
    assert rssi == element("PeakRSSI", {"PeakRSSI": 10})
    assert unknown == UNKNOWN
    assert isinstance(bad, Malformed)
    assert (bad.raw.hex(), bad.fault, bad.offset) == (rest, fault, len(good))


def test_a_parameter_too_short_for_its_fields_is_malformed_alone() -> None:
    body = bytes.fromhex("00b10005aa" + "00b20004")  # ROSpec of one byte, then a ROBoundarySpec
    bad, good = parse(body)
    assert bad == Malformed(body[:5], Fault.INCOMPLETE, "5 bytes do not hold ROSpec", 0)
    assert good == element("ROBoundarySpec")


def test_a_message_too_short_for_its_fields() -> None:
    found = decode(Message(1, 21, 5, b"\x01\x02"))
    assert (found.name, found.fields, found.malformed[0].raw) == ("DELETE_ROSPEC", {}, b"\x01\x02")
    assert encode(found, 5)[10:] == b"\x01\x02"


def test_damage_after_nothing_but_reserved_bits() -> None:
    """Found by fuzzing: an element without fields of its own is not one whose fields did not fit."""
    for body in ("0000651a1500000000" + "030800", "0000651a15000000", "0000651a1500000001"):
        message = Message(1, 1023, 2, bytes.fromhex(body))
        assert encode(decode(message), 2)[10:] == message.body


def test_depth_and_number_are_bounded() -> None:
    deep = b""
    for _ in range(100):
        deep = (289).to_bytes(2, "big") + (len(deep) + 8).to_bytes(2, "big") + bytes(4) + deep
    (found,) = parse(deep)
    assert isinstance(found, Element)
    assert [one.detail for one in found.malformed] == [f"parameters {DEPTH_MAX + 1} deep"]
    many = parse(b"\x86\x00" * (PARAMETERS_MAX + 3))
    assert len(many) == PARAMETERS_MAX + 1
    assert many[-1] == Malformed(
        b"\x86\x00" * 3, Fault.TOO_LONG, f"more than {PARAMETERS_MAX} parameters", PARAMETERS_MAX * 2
    )


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (partial(element, "NoSpec"), "no message or parameter is called NoSpec"),
        (partial(element, "ROSpec", {"Rospec": 1}), "ROSpec has no field Rospec"),
        (partial(element, "ROSpec", {"CurrentState": "On"}), "ROSpec.CurrentState: 'On' is not of ROSpecState"),
        (partial(element, "ROSpec", {}, element("ROSpec")), "ROSpec takes no ROSpec"),
        (partial(encode, element("ROSpec"), 1), "ROSpec is no message"),
        (partial(encode_parameter, element("KEEPALIVE")), "KEEPALIVE is no parameter"),
        (partial(encode, element("DELETE_ROSPEC", {"ROSpecID": 1 << 32}), 1), "DELETE_ROSPEC.ROSpecID: takes 0 to"),
        (partial(encode, Element("DELETE_ROSPEC", {}), 1), "DELETE_ROSPEC.ROSpecID is missing"),
        (partial(encode, element("KEEPALIVE"), 1 << 32), "id 4294967296"),
        (partial(encode_parameter, element("PeakRSSI", {"PeakRSSI": -129})), "PeakRSSI.PeakRSSI: takes -128 to 127"),
        (partial(encode_parameter, element("C1G2Read", {"MB": 4})), "C1G2Read.MB: takes 0 to 3"),
        (partial(encode_parameter, element("EPC_96", {"EPC": b"1"})), "EPC_96.EPC: takes 12 bytes"),
        (partial(encode_parameter, element("AISpec", {"AntennaIDs": (1 << 16,)})), "AISpec.AntennaIDs: u16v does not"),
        (partial(encode_parameter, element("AISpec", {"AntennaIDs": 1})), "AISpec.AntennaIDs: u16v does not"),
        (partial(encode_parameter, element("C1G2TagInventoryMask", {"TagMask": b"1"})), "TagMask: u1v does not"),
        (partial(encode_parameter, element("LLRPStatus", {"ErrorDescription": "x" * 65_536})), "utf8v does not"),
        (partial(encode_parameter, element("LLRPStatus", {"ErrorDescription": "x" * 65_530})), "at most 65535"),
        (partial(Bits, b"", 1), "1 bits in 0 bytes"),
    ],
)
def test_our_own_mistakes_are_refused_by_name(make: Any, says: str) -> None:
    with pytest.raises(ValueError, match=re.escape(says)):
        make()


def values(field: Field) -> st.SearchStrategy[Value]:
    if field.type == "u96":
        return st.binary(min_size=12, max_size=12)
    if field.type == "u1v":
        return st.integers(0, 40).flatmap(
            lambda count: st.binary(min_size=(count + 7) // 8, max_size=(count + 7) // 8).map(
                lambda raw: Bits(raw, count)
            )
        )
    if field.type == "utf8v":
        return st.text(max_size=8)
    if field.type == "bytesToEnd" or (field.type == "u8v" and field.format == "Hex"):
        return st.binary(max_size=8)
    if field.type.endswith("v"):
        highest = (1 << int(field.type[1:-1])) - 1
        return st.lists(st.integers(0, highest), max_size=4).map(tuple)
    if field.type == "u1" and not field.enumeration:
        return st.booleans()
    half = 1 << field.bits - 1
    return st.integers(-half, half - 1) if field.signed else st.integers(0, 2 * half - 1)


@st.composite
def elements(draw: st.DrawFn, definition: Definition, depth: int = 0) -> Element:
    fields = {one.name: draw(values(one)) for one in definition.fields if one.name}
    inner = sorted(definition.allowed - {"Custom"})
    closed = depth == 3 or not inner or any(one.type == "bytesToEnd" for one in definition.fields)
    names = [] if closed else draw(st.lists(st.sampled_from(inner), max_size=3))
    parameters = [draw(elements(DEFINITIONS[name], depth + 1)) for name in names]
    return element(definition.name, fields, *parameters)


@pytest.mark.parametrize("name", [name for name, one in DEFINITIONS.items() if one.kind is Kind.MESSAGE])
@given(data=st.data(), message_id=st.integers(0, 0xFFFF_FFFF))
def test_every_message_comes_back(name: str, data: st.DataObject, message_id: int) -> None:
    one = data.draw(elements(DEFINITIONS[name]))
    (message,) = Decoder().feed(encode(one, message_id, 2))
    assert isinstance(message, Message)
    assert decode(message) == one
    assert (message.id, message.version) == (message_id, 2)


KINDS = st.one_of(st.sampled_from(sorted(MESSAGES)), st.integers(0, 1023))


@given(KINDS, st.binary(max_size=200))
def test_any_body_is_answered_and_nothing_of_it_dropped(kind: int, body: bytes) -> None:
    assert encode(decode(Message(1, kind, 1, body)), 1)[10:] == body


def test_any_damage_is_answered_and_nothing_of_it_dropped() -> None:
    chance = random.Random(5)
    seeds = [one for name in captures() for one in messages(captures()[name])[-60:]]
    for _ in range(8_000):
        seed = chance.choice(seeds)
        body = bytearray(seed.body or b"\0")
        for _ in range(chance.randrange(1, 5)):
            body[chance.randrange(len(body))] = chance.randrange(256)
        message = Message(seed.version, seed.type, seed.id, bytes(body[: chance.randrange(1, len(body) + 1)]))
        assert encode(decode(message), seed.id, seed.version)[10:] == message.body
