"""R200's and M100's frames against the worked examples of their descriptions (tests/fixtures/modules)."""

from __future__ import annotations

import binascii

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.modules.framing import Malformed
from drivers.r200.frames import (
    PARAMETER_BYTES_MAX,
    Cmd,
    Failure,
    Frame,
    Framing,
    Tag,
    Type,
    decoder,
    encode,
    failure_name,
    notification,
    tag_of,
)
from drivers.reads import Fault
from tests.drivers.module_tools import cuts, frames

AA = frames("r200", "aa_dd")
BB = frames("r200", "bb_7e")
ALL = [(Framing.AA_DD, wire) for wire in AA.values()] + [(Framing.BB_7E, wire) for wire in BB.values()]
EPC = bytes.fromhex("30751feb705c5904e3d50d70")


def decoded(wire: bytes, framing: Framing = Framing.AA_DD) -> Frame:
    [found] = decoder(framing).feed(wire)
    assert isinstance(found, Frame)
    return found


@pytest.mark.parametrize(("framing", "wire"), ALL, ids=[*AA, *BB])
def test_frames_decode_at_every_cut_and_encode_to_the_same_bytes(framing: Framing, wire: bytes) -> None:
    for pieces in cuts(wire):
        one = decoder(framing)
        found = [frame for piece in pieces for frame in one.feed(piece)]
        assert len(found) == 1
        assert isinstance(found[0], Frame)
        assert encode(found[0], framing) == wire
        assert not one.partial


def test_all_frames_of_a_stream_in_one_piece() -> None:
    for framing, held in ((Framing.AA_DD, AA), (Framing.BB_7E, BB)):
        found = decoder(framing).feed(b"".join(held.values()))
        assert [encode(one, framing) for one in found if isinstance(one, Frame)] == list(held.values())


def test_a_tag_by_either_name() -> None:
    """The description's example names it 22; the other name has a misprinted sum there, so it is made sound here."""
    tag = Tag(EPC, 0x3400, 0x3A76, -55)
    found = decoded(BB["tag_22"], Framing.BB_7E)
    assert tag_of(found) == tag
    assert tag_of(Frame(Type.NOTIFICATION, Cmd.MULTI_POLL, found.data)) == tag
    assert notification(tag) == found
    assert binascii.crc_hqx(found.data[1:-2], 0xFFFF) ^ 0xFFFF == tag.crc  # Gen2's own CRC over PC and EPC
    live = tag_of(decoded(BB["tag_22_live"], Framing.BB_7E))
    assert live == Tag(bytes.fromhex("e200470f22d060130435e501"), 0x3400, 0x02E5, -61)
    assert tag_of(decoded(AA["tag"])) == tag._replace(pc=int.from_bytes(AA["tag"][6:8], "big"))


def test_a_misprinted_sum_is_refused() -> None:
    [found] = decoder(Framing.BB_7E).feed(frames("r200", "misprinted")["tag_27"])
    assert isinstance(found, Malformed)
    assert (found.fault, found.detail) == (Fault.CHECKSUM, "sum ef, not f4")


def test_no_tag_is_no_tag() -> None:
    found = decoded(AA["no_tag"])
    assert found.no_tag
    assert found.failure == Failure.INVENTORY_NO_TAG
    assert tag_of(found) is None
    assert not decoded(BB["read_no_tag"], Framing.BB_7E).no_tag


def test_a_notification_too_short_for_a_tag_says_so() -> None:
    assert isinstance(tag_of(Frame(Type.NOTIFICATION, Cmd.SINGLE_POLL, b"\xc9\x30\x00\x12")), str)
    assert tag_of(Frame(Type.NOTIFICATION, Cmd.SINGLE_POLL, b"\xc9\x00\x00\x12\x34")) == Tag(b"", 0, 0x1234, -55)


def test_frames_print_themselves() -> None:
    assert str(decoded(AA["no_tag"])) == "RESPONSE FAILED 15"
    assert str(Frame(0, 0x99)) == "COMMAND command 99"
    assert failure_name(0xA3) == "A3 tag says memory overrun"
    assert failure_name(0xB4) == "B4 tag says memory locked"
    assert failure_name(0x16) == "16 access password"
    assert failure_name(0x77) == "77 unknown failure"


def test_a_wrong_sum_or_end_is_told_once_and_the_next_frame_is_found() -> None:
    good = AA["tag"]
    for broken, detail in (
        (good[:8] + b"\x00" + good[9:], "sum ef, not bf"),
        (good[:-1] + b"\x00", "end 00, not dd"),
    ):
        found = decoder().feed(broken + good)
        assert [type(one) for one in found] == [Malformed, Frame]
        assert isinstance(found[0], Malformed)
        assert found[0].raw == broken
        assert found[0].detail == detail


def test_noise_with_marks_in_it_costs_no_frame() -> None:
    good = AA["tag"]
    for noise in (b"\xaa", b"\xaa\x02\x22\x00\x40", b"\xaa\xaa\x01\xff", good[:9], good[3:], b"\xbb\x02"):
        one = decoder()
        found = one.feed(noise + 3 * good) + one.cut("end")
        assert [frame for frame in found if isinstance(frame, Frame)] == 3 * [decoded(good)]


def test_a_head_that_claims_too_much_or_no_type_is_no_head() -> None:
    wire = b"\xaa\x02\x22\xff\xff" + b"\xaa\x07\x22\x00\x00" + AA["no_tag"]
    found = decoder().feed(wire)
    assert [type(one) for one in found] == [Malformed, Frame]
    assert isinstance(found[0], Malformed)
    assert (found[0].fault, len(found[0].raw)) == (Fault.FRAMING, 10)


def test_what_is_cut_is_incomplete() -> None:
    one = decoder()
    assert one.feed(AA["tag"][:9]) == []
    [found] = one.cut("late")
    assert isinstance(found, Malformed)
    assert (found.fault, found.raw) == (Fault.INCOMPLETE, AA["tag"][:9])
    assert not one.partial


def test_more_parameters_than_a_frame_takes_are_our_mistake() -> None:
    with pytest.raises(ValueError, match="512"):
        encode(Frame(0, Cmd.READ_MEMORY, bytes(PARAMETER_BYTES_MAX + 1)))


@given(st.lists(st.one_of(st.binary(max_size=20), st.sampled_from(sorted(AA.values()))), max_size=12))
def test_any_stream_in_any_pieces_gives_the_same(pieces: list[bytes]) -> None:
    def frames_of(parts: list[bytes]) -> list[Frame]:
        one = decoder()
        found = [frame for part in parts for frame in one.feed(part)] + one.cut("end")
        return [frame for frame in found if isinstance(frame, Frame)]

    stream = b"".join(pieces)
    assert frames_of(pieces) == frames_of([stream[at : at + 1] for at in range(len(stream))])
