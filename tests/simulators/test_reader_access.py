"""Access operations of the simulated LLRP reader, and what it says that it can do."""

from __future__ import annotations

from pathlib import Path

import pytest

from drivers.llrp.elements import Bits, Element, Value, element, encode
from drivers.llrp.frames import Decoder, Message
from drivers.operations import Bank
from simulators.reader_llrp import Setup
from simulators.reader_profiles import FX9600, R420, REGIONS, capabilities
from simulators.tags import Tag, sgtin_tags
from tests.simulators.llrp_tools import Peer, a_reader, decoded, epc_of, rospec, started, tags_of

FIXTURES = Path(__file__).parent.parent / "fixtures" / "llrp" / "llrp-rs"


def test_the_r420_says_byte_for_byte_what_a_real_one_said() -> None:
    wire = (FIXTURES / "18_get_reader_capabilities_response.bin").read_bytes()
    (message,) = Decoder().feed(wire)
    assert isinstance(message, Message)
    ours = element("GET_READER_CAPABILITIES_RESPONSE", {}, element("LLRPStatus"), *capabilities(R420))
    assert encode(ours, message.id) == wire


@pytest.mark.parametrize("region", REGIONS)
def test_capabilities_are_whole_in_every_region(region: str) -> None:
    for profile in (R420.within(region), FX9600.within(region)):
        peer = Peer(a_reader(setup=Setup(profile=profile)))
        peer.connect()
        answer = peer.ask("GET_READER_CAPABILITIES")
        assert [one.name for one in answer.parameters if isinstance(one, Element)] == [
            "LLRPStatus",
            "GeneralDeviceCapabilities",
            "LLRPCapabilities",
            "RegulatoryCapabilities",
            "C1G2LLRPCapabilities",
        ]
        regulatory = answer.one("RegulatoryCapabilities")
        assert regulatory is not None
        assert regulatory["CommunicationsStandard"] == REGIONS[region].standard
        only = peer.ask("GET_READER_CAPABILITIES", {"RequestedData": 2})
        assert only.one("LLRPCapabilities") == answer.one("LLRPCapabilities")
        assert only.one("RegulatoryCapabilities") is None


def test_the_request_of_a_real_client_is_taken() -> None:
    """An ADD_ACCESSSPEC that was sent to a real reader: read of two words of TID, of tags 3014 and on."""
    peer = Peer(a_reader())
    peer.connect()
    peer.reader.receive((FIXTURES / "12_add_access_spec_read.bin").read_bytes(), 0)
    (answer,) = decoded(peer.reader.take())
    status = answer.one("LLRPStatus")
    assert status is not None
    assert status["StatusCode"] == 0


def access(
    operation: Element, epc: bytes | None, *, number: int = 5, times: int = 1, at_once: bool = True, rospec: int = 0
) -> Element:
    bits = Bits(epc, 8 * len(epc)) if epc is not None else Bits(b"", 0)
    ones = Bits(b"\xff" * len(bits.data), bits.count)
    target = element("C1G2TargetTag", {"MB": 1, "Match": True, "Pointer": 32, "TagMask": ones, "TagData": bits})
    return element(
        "AccessSpec",
        {"AccessSpecID": number, "ProtocolID": 1, "ROSpecID": rospec},
        element("AccessSpecStopTrigger", {"AccessSpecStopTrigger": int(times > 0), "OperationCountValue": times}),
        element("AccessCommand", {}, element("C1G2TagSpec", {}, target), operation),
        element("AccessReportSpec", {"AccessReportTrigger": int(at_once)}),
    )


def words(data: bytes) -> tuple[int, ...]:
    return tuple(int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data), 2))


def write(bank: int, offset: int, data: bytes, password: int = 0, name: str = "C1G2Write") -> Element:
    fields: dict[str, Value] = {"OpSpecID": 2, "MB": bank, "WordPointer": offset, "WriteData": words(data)}
    return element(name, {**fields, "AccessPassword": password})


def read(bank: int, offset: int, count: int, password: int = 0) -> Element:
    fields: dict[str, Value] = {"OpSpecID": 1, "MB": bank, "WordPointer": offset, "WordCount": count}
    return element("C1G2Read", {**fields, "AccessPassword": password})


def results(tags: list[Tag], spec: Element, setup: Setup | None = None, *, version: int = 1) -> list[Element]:
    """Every TagReportData with results within two seconds."""
    peer = Peer(a_reader(tags, setup=setup))
    peer.connect()
    peer.version = version
    if version == 2:
        peer.done("SET_PROTOCOL_VERSION", {"ProtocolVersion": 2})
    started(peer, rospec(every=0))
    peer.done("ADD_ACCESSSPEC", {}, spec)
    assert not [one for one in tags_of(peer.wait(1)) if one.all("C1G2ReadOpSpecResult")]  # not enabled yet
    peer.done("ENABLE_ACCESSSPEC", {"AccessSpecID": spec["AccessSpecID"]})
    found = tags_of(peer.wait(2) + peer.send("GET_REPORT"))
    return [
        one
        for one in found
        if any(isinstance(each, Element) and "OpSpecResult" in each.name for each in one.parameters)
    ]


def test_a_tag_is_read_and_its_spec_is_gone() -> None:
    tags = sgtin_tags(4)
    (tag,) = results(tags, access(read(2, 0, 6), tags[2].epc))
    assert epc_of(tag) == tags[2].epc
    (result,) = tag.all("C1G2ReadOpSpecResult")
    assert (result["Result"], result["OpSpecID"], result["ReadData"]) == (0, 1, words(tags[2].tid))
    assert tag.one("AccessSpecID") is not None


def test_a_written_epc_is_read_afterwards() -> None:
    tags = sgtin_tags(4)
    new = bytes.fromhex("3034257bf400b7800004cb2f")
    peer = Peer(a_reader(tags))
    peer.connect()
    peer.done("ADD_ACCESSSPEC", {}, access(write(1, 2, new), tags[1].epc))
    peer.done("ENABLE_ACCESSSPEC", {"AccessSpecID": 5})
    started(peer, rospec())
    found = tags_of(peer.wait(1))
    old = [one for one in found if one.all("C1G2WriteOpSpecResult")]
    assert [one["NumWordsWritten"] for one in old[0].all("C1G2WriteOpSpecResult")] == [6]
    assert len(old) == 1
    assert new in {epc_of(one) for one in found[found.index(old[0]) + 1 :]}
    assert tags[1].epc == new


def test_without_a_count_every_tag_is_done_every_time() -> None:
    tags = sgtin_tags(4)
    found = results(tags, access(read(3, 0, 1), None, times=0))
    assert {epc_of(one) for one in found} == {tag.epc for tag in tags}
    assert len(found) == 200


@pytest.mark.parametrize(
    ("operation", "code_1_0_1", "code_1_1"),
    [
        (read(3, 31, 2), 1, 4),  # overrun, which 1.0.1 cannot say of a read
        (read(0, 2, 2), 1, 5),  # locked
        (read(3, 0, 1, 0x99), 1, 6),  # password
        (write(3, 31, bytes(4)), 1, 1),
        (write(2, 0, bytes(2)), 2, 2),
        (write(3, 0, bytes(2)), 2, 2),
        (write(3, 0, bytes(2), 0x1234), 0, 0),
        (write(3, 0, bytes(2), 0x99), 4, 7),
        (write(3, 0, bytes(2), 0x1234, "C1G2BlockWrite"), 0, 0),
    ],
)
def test_result_codes(operation: Element, code_1_0_1: int, code_1_1: int) -> None:
    for version, code in ((1, code_1_0_1), (2, code_1_1)):
        tag = sgtin_tags(1)[0]
        locked = Tag(tag.epc, tag.tid, password=0x1234)
        locked.locked |= {Bank.USER, Bank.RESERVED}
        setup = Setup(version_max=2)
        (report,) = results([locked], access(operation, tag.epc), setup, version=version)
        (result,) = (one for one in report.parameters if isinstance(one, Element) and "OpSpecResult" in one.name)
        assert result["Result"] == code


def test_what_is_not_simulated_is_refused() -> None:
    peer = Peer(a_reader())
    peer.connect()
    assert peer.status("ADD_ACCESSSPEC", {}, access(element("C1G2Kill", {"OpSpecID": 1}), None)) == 100
    assert peer.status("DELETE_ACCESSSPEC", {"AccessSpecID": 9}) == 101
    peer.done("DELETE_ACCESSSPEC")
    peer.done("ADD_ACCESSSPEC", {}, access(read(3, 0, 1), None))
    assert [one["CurrentState"] for one in peer.ask("GET_ACCESSSPECS").all("AccessSpec")] == [0]
    assert peer.status("ADD_ACCESSSPEC", {}, access(read(3, 0, 1), None)) == 100


def test_a_mask_with_holes_is_compared_where_it_is_set() -> None:
    tags = sgtin_tags(4)
    wanted = tags[3].epc
    mask, data = bytes((0, *(b"\xff" * 11))), bytes((0xAA, *wanted[1:]))
    fields: dict[str, Value] = {"MB": 1, "Match": True, "Pointer": 32}
    target = element("C1G2TargetTag", {**fields, "TagMask": Bits(mask, 96), "TagData": Bits(data, 96)})
    whole = access(read(2, 0, 1), None)
    command = element("AccessCommand", {}, element("C1G2TagSpec", {}, target), read(2, 0, 1))
    spec = element("AccessSpec", dict(whole.fields), whole.parameters[0], command, whole.parameters[2])
    assert [epc_of(one) for one in results(tags, spec)] == [wanted]
