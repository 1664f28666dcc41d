"""The line scanner's session: damaged lines, time-outs, AIM identifiers, Honeywell's host acknowledgement."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from drivers.reads import Answer, BadRead, BarcodeRead, Fault
from drivers.serial_scanner.session import LineSession
from drivers.serial_scanner.settings import SerialLineSettings
from tests.drivers.device_tools import at, told


def session(**settings: object) -> LineSession:
    opened = LineSession("dock", SerialLineSettings.model_validate({"path": "/dev/x", **settings}))
    opened.open(at(0))
    return opened


def test_a_line_is_a_read_with_its_time() -> None:
    one = session()
    assert one.receive(b"880123", at(100)) == []
    (read,) = one.receive(b"\x1d4\r", at(110))
    assert read == BarcodeRead("dock", 1, b"880123\x1d4", None, at(110))


def test_aim_identifiers_on_and_off() -> None:
    (plain,) = session().receive(b"]E08801234567893\r", at(100))
    assert isinstance(plain, BarcodeRead)
    assert (plain.aim, plain.data) == (None, b"]E08801234567893")
    (cut, none, bracket) = session(aim=True).receive(b"]d201X\x1d\r12\r]]]\r", at(100))
    assert isinstance(cut, BarcodeRead)
    assert (cut.aim, cut.data) == ("]d2", b"01X\x1d")
    assert told([none, bracket]) == [b"12", b"]]]"]


def test_a_partial_line_is_dropped_and_reported_and_never_joined() -> None:
    one = session(partial_timeout_ms=1000)
    assert one.next_deadline() is None
    one.receive(b"8801", at(100))
    assert one.next_deadline() == at(1100).monotonic_ns
    assert one.tick(at(1099)) == []
    (bad,) = one.tick(at(1100))
    assert isinstance(bad, BadRead)
    assert (bad.fault, bad.raw) == (Fault.INCOMPLETE, b"8801")
    assert one.next_deadline() == at(2100).monotonic_ns
    assert one.tick(at(2100)) == []
    assert one.next_deadline() is None
    assert told(one.receive(b"good\r", at(2100))) == [b"good"]


@pytest.mark.parametrize(("rest_ms", "rest"), [(1100, Fault.INCOMPLETE), (2099, Fault.INCOMPLETE), (2100, b"23")])
def test_what_follows_half_a_line_may_be_its_rest(rest_ms: int, rest: Fault | bytes) -> None:
    """A radio that stood still in mid-line; after twice the limit it is another scan."""
    one = session(partial_timeout_ms=1000)
    one.receive(b"8801", at(100))
    assert told(one.receive(b"23\rgood\r", at(rest_ms))) == [Fault.INCOMPLETE, rest, b"good"]


def test_a_start_mark_proves_what_follows_half_a_line_whole() -> None:
    one = session(partial_timeout_ms=1000, end="stx_etx")
    one.receive(b"\x028801", at(100))
    assert told(one.receive(b"\x02good\x03", at(1100))) == [Fault.INCOMPLETE, b"good"]


def test_silence_is_noticed_even_when_nobody_ticked() -> None:
    one = session()
    one.receive(b"8801", at(100))
    assert told(one.receive(b"good\r", at(5000))) == [Fault.INCOMPLETE, b"good"]


def test_unplugged_in_the_middle() -> None:
    one = session()
    one.receive(b"8801", at(100))
    (bad,) = one.close(at(150))
    assert isinstance(bad, BadRead)
    assert (bad.fault, bad.raw) == (Fault.INCOMPLETE, b"8801")


def test_a_line_under_way_at_opening_may_lack_its_head() -> None:
    one = session(settle_ms=50)
    assert told(one.receive(b"3\r8801\r", at(10))) == [Fault.INCOMPLETE, b"8801"]
    assert told(session(settle_ms=50).receive(b"8801\r", at(51))) == [b"8801"]
    assert told(session(settle_ms=0).receive(b"8801\r", at(0))) == [b"8801"]
    framed = session(settle_ms=50, end="stx_etx")  # its start mark proves it whole
    assert told(framed.receive(b"\x028801\x03", at(10))) == [b"8801"]


def test_lost_input_damages_the_line_around_it_and_no_other() -> None:
    one = session()
    one.receive(b"A\r88", at(100))
    assert one.lost(at(101)) == []
    assert told(one.receive(b"01\rgood\r", at(102))) == [Fault.DROPPED, b"good"]
    one.lost(at(200))
    assert told(one.tick(at(1200))) == [Fault.DROPPED]
    assert told(one.receive(b"good\r", at(1300))) == [b"good"]
    one.lost(at(1400))
    assert told(one.close(at(1401))) == [Fault.DROPPED]


def test_honeywell_answers() -> None:
    one = session(host_ack="honeywell")
    for answer, expected in (
        (Answer.GOOD, b"\x1b7,"),
        (Answer.LOOK, b"\x1b7,\x1b4,"),
        (Answer.STOP, b"\x1b8,\x1b8,"),
    ):
        (read,) = one.receive(b"8801\r", at(100))
        assert one.take_output() == b""
        assert isinstance(read, BarcodeRead)
        one.answer(read.id, answer, at(200))
        one.answer(read.id, answer, at(201))
        assert one.take_output() == expected
        assert one.take_output() == b""


def test_honeywell_bad_lines_are_answered_too() -> None:
    one = session(host_ack="honeywell", line_bytes_max=8)
    (bad,) = one.receive(b"0123456789\r", at(100))
    assert isinstance(bad, BadRead)
    one.answer(bad.id, Answer.STOP, at(101))
    assert one.take_output() == b"\x1b8,\x1b8,"


def test_honeywell_no_answer_after_its_time_out_nor_to_an_older_read() -> None:
    one = session(host_ack="honeywell", host_ack_timeout_s=10)
    (first,) = one.receive(b"1\r", at(100))
    (second,) = one.receive(b"2\r", at(200))
    assert isinstance(first, BarcodeRead)
    assert isinstance(second, BarcodeRead)
    one.answer(first.id, Answer.GOOD, at(300))
    assert one.take_output() == b""
    one.answer(second.id, Answer.GOOD, at(10_200))
    assert one.take_output() == b""


def test_without_host_acknowledgement_nothing_is_sent() -> None:
    one = session()
    (read,) = one.receive(b"1\r", at(100))
    assert isinstance(read, BarcodeRead)
    one.answer(read.id, Answer.GOOD, at(101))
    assert one.take_output() == b""


def test_settings_refuse_what_is_no_byte() -> None:
    with pytest.raises(ValidationError, match="U\\+00FF"):
        SerialLineSettings(path="/dev/x", prefix="가")
    with pytest.raises(ValidationError, match="Extra inputs"):
        SerialLineSettings.model_validate({"path": "/dev/x", "zone": "dock"})
