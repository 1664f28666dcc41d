"""SSI from the host's side: durable before acknowledged, nothing twice, nothing lost."""

from __future__ import annotations

import pytest

from drivers.reads import Answer, BadRead, BarcodeRead, Fault, Read
from drivers.ssi.frames import CONTINUED, HOST, RETRANSMIT, Malformed, Op, Packet, PacketDecoder, encode
from drivers.ssi.session import SsiSession
from drivers.ssi.settings import SsiSettings
from tests.drivers.device_tools import at, told

ACK, NAK = int(Op.ACK), int(Op.NAK)


def session(**settings: object) -> SsiSession:
    quiet = {"packeted": False, "scan_enable": False, "led_good": False, "led_stop": False}
    beeps = {"beep_good": False, "beep_look": False, "beep_stop": False}
    opened = SsiSession("dock", SsiSettings.model_validate({"path": "/dev/x", **quiet, **beeps, **settings}))
    opened.open(at(0))
    return opened


def code(data: bytes, status: int = 0, kind: int = 0x0B) -> bytes:
    return encode(Packet(Op.DECODE_DATA, 0, status, bytes((kind,)) + data))


def sent(one: SsiSession) -> list[tuple[int, bytes]]:
    found = PacketDecoder(HOST).feed(one.take_output())
    assert not any(isinstance(packet, Malformed) for packet in found)
    return [(packet.opcode, packet.data) for packet in found if isinstance(packet, Packet)]


def only(reads: list[Read]) -> BarcodeRead:
    (read,) = reads
    assert isinstance(read, BarcodeRead)
    return read


def test_no_acknowledgement_before_the_answer() -> None:
    one = session()
    read = only(one.receive(code(b"8801234567893"), at(100)))
    assert read == BarcodeRead("dock", 1, b"8801234567893", "]E0", at(100))
    assert sent(one) == []
    one.answer(read.id, Answer.GOOD, at(150))
    assert sent(one) == [(ACK, b"")]
    one.answer(read.id, Answer.GOOD, at(151))
    assert sent(one) == []


def test_the_answer_is_heard_and_seen() -> None:
    one = session(beep_good=0, beep_look=0x17, beep_stop=0x0F, led_good=1, led_stop=2, led_s=1.0)
    for number, (answer, beep, led) in enumerate(
        [(Answer.GOOD, b"\x00", b"\x01"), (Answer.LOOK, b"\x17", None), (Answer.STOP, b"\x0f", b"\x02")]
    ):
        now = 100 + number * 5000
        read = only(one.receive(code(b"88"), at(now)))
        one.answer(read.id, answer, at(now + 1))
        assert sent(one) == [(ACK, b""), (Op.BEEP, beep)]
        one.receive(encode(Packet(Op.ACK)), at(now + 2))
        if led is None:
            assert sent(one) == []
            continue
        assert sent(one) == [(Op.LED_ON, led)]
        one.receive(encode(Packet(Op.ACK)), at(now + 3))
        assert one.next_deadline() == at(now + 1001).monotonic_ns
        one.tick(at(now + 1001))
        assert sent(one) == [(Op.LED_OFF, led)]
        one.receive(encode(Packet(Op.ACK)), at(now + 1002))


def test_resent_while_pending_is_one_read_and_one_acknowledgement() -> None:
    one = session()
    read = only(one.receive(code(b"88"), at(100)))
    assert one.receive(code(b"88", RETRANSMIT), at(2100)) == []
    assert sent(one) == []
    one.answer(read.id, Answer.GOOD, at(2500))
    assert sent(one) == [(ACK, b"")]


def test_resent_after_the_answer_is_acknowledged_again_and_not_delivered() -> None:
    one = session(beep_good=0)
    read = only(one.receive(code(b"88"), at(100)))
    one.answer(read.id, Answer.GOOD, at(150))
    assert sent(one) == [(ACK, b""), (Op.BEEP, b"\x00")]
    one.receive(encode(Packet(Op.ACK)), at(160))
    assert one.receive(code(b"88", RETRANSMIT), at(2100)) == []
    assert sent(one) == [(ACK, b""), (Op.BEEP, b"\x00")]


def test_two_items_with_one_gtin_are_two_reads() -> None:
    one = session()
    first = only(one.receive(code(b"88"), at(100)))
    one.answer(first.id, Answer.GOOD, at(110))
    second = only(one.receive(code(b"88"), at(500)))
    assert (second.id, second.resent) == (2, False)


def test_unknown_repetition_after_a_restart_is_delivered_as_resent() -> None:
    read = only(session().receive(code(b"88", RETRANSMIT), at(100)))
    assert read.resent


def test_a_repetition_after_garbled_bytes_may_be_another_item_and_is_delivered() -> None:
    one = session()
    first = only(one.receive(code(b"88"), at(100)))
    one.answer(first.id, Answer.GOOD, at(110))
    assert sent(one) == [(ACK, b"")]
    broken = code(b"88")[:-1] + b"\x00"
    (bad,) = one.receive(broken, at(500))
    assert isinstance(bad, BadRead)
    assert bad.fault is Fault.CHECKSUM
    assert sent(one) == [(NAK, b"\x01")]
    second = only(one.receive(code(b"88", RETRANSMIT), at(600)))
    assert second.resent
    one.answer(second.id, Answer.GOOD, at(610))
    assert sent(one) == [(ACK, b"")]


def test_a_repetition_long_after_is_another_item() -> None:
    one = session(resend_window_s=10)
    first = only(one.receive(code(b"88"), at(100)))
    one.answer(first.id, Answer.GOOD, at(110))
    assert only(one.receive(code(b"88", RETRANSMIT), at(10_100))).resent


def test_no_late_acknowledgement_that_the_next_code_would_take_for_its_own() -> None:
    one = session(response_timeout_s=2)
    read = only(one.receive(code(b"88"), at(100)))
    one.answer(read.id, Answer.GOOD, at(2100))
    assert sent(one) == []
    assert one.receive(code(b"88", RETRANSMIT), at(2101)) == []
    assert sent(one) == [(ACK, b"")]


def test_an_older_read_is_never_acknowledged_in_place_of_the_newest() -> None:
    one = session()
    old = only(one.receive(code(b"11"), at(100)))
    new = only(one.receive(code(b"22"), at(7000)))
    one.answer(old.id, Answer.GOOD, at(7001))
    assert sent(one) == []
    one.answer(new.id, Answer.GOOD, at(7002))
    assert sent(one) == [(ACK, b"")]


def test_several_packets_are_one_code() -> None:
    one = session()
    assert one.receive(code(b"AAA", CONTINUED), at(100)) == []
    assert sent(one) == [(ACK, b"")]
    assert one.receive(code(b"AAA", CONTINUED | RETRANSMIT), at(110)) == []
    assert sent(one) == [(ACK, b"")]
    assert one.receive(code(b"BBB", CONTINUED), at(120)) == []
    assert sent(one) == [(ACK, b"")]
    read = only(one.receive(code(b"C"), at(130)))
    assert (read.data, sent(one)) == (b"AAABBBC", [])
    one.answer(read.id, Answer.GOOD, at(140))
    assert sent(one) == [(ACK, b"")]
    assert one.receive(code(b"C", RETRANSMIT), at(150)) == []
    assert sent(one) == [(ACK, b"")]


def test_a_part_that_may_be_missing_spoils_the_code() -> None:
    one = session()
    one.receive(code(b"AAA", CONTINUED), at(100))
    one.receive(b"\xff\xff\xff", at(110))
    one.receive(code(b"AAA", CONTINUED | RETRANSMIT), at(120))  # the same part, or a second one like it?
    assert told(one.receive(code(b"C"), at(130))) == [Fault.INCOMPLETE]
    assert told(one.receive(code(b"good"), at(140))) == [b"good"]


def test_parts_of_different_codes_and_of_a_closed_device() -> None:
    one = session()
    one.receive(code(b"AAA", CONTINUED, kind=0x11), at(100))
    assert told(one.receive(code(b"88", kind=0x0B), at(200))) == [Fault.INCOMPLETE, b"88"]
    one.receive(code(b"AAA", CONTINUED), at(300))
    assert told(one.close(at(400))) == [Fault.INCOMPLETE]


def test_a_code_beyond_the_limit_is_reported_at_its_end_and_the_next_is_good() -> None:
    one = session(data_bytes_max=300)
    for _ in range(5):
        assert one.receive(code(b"x" * 200, CONTINUED), at(100)) == []
    assert len(one._parts) == 1
    assert told(one.receive(code(b"x"), at(110)) + one.receive(code(b"good"), at(120))) == [Fault.TOO_LONG, b"good"]


def test_half_a_packet_is_dropped_reported_and_asked_for_again() -> None:
    one = session(byte_timeout_ms=500)
    one.receive(code(b"8801")[:5], at(100))
    assert one.next_deadline() == at(600).monotonic_ns
    assert told(one.tick(at(600))) == [Fault.INCOMPLETE]
    assert sent(one) == [(NAK, b"\x01")]
    assert only(one.receive(code(b"8801", RETRANSMIT), at(700))).resent


def test_unplugged_in_the_middle() -> None:
    one = session()
    one.receive(code(b"8801")[:5], at(100))
    assert told(one.close(at(200))) == [Fault.INCOMPLETE]


def test_noise_before_a_good_packet_asks_for_nothing() -> None:
    one = session()
    assert told(one.receive(b"\xff\xff" + code(b"88"), at(100))) == [Fault.FRAMING, b"88"]
    assert sent(one) == []


def test_lost_input_is_reported() -> None:
    one = session()
    assert told(one.lost(at(100))) == [Fault.DROPPED]


def test_what_does_not_belong_here() -> None:
    one = session()
    (unknown, empty) = [
        *one.receive(encode(Packet(0x42, 0, 0, b"?")), at(100)),
        *one.receive(encode(Packet(Op.DECODE_DATA)), at(110)),
    ]
    assert told([unknown, empty]) == [Fault.UNEXPECTED] * 2
    assert sent(one) == [(NAK, b"\x02")] * 2
    assert one.receive(encode(Packet(Op.EVENT, 0, 0, b"\x01")), at(120)) == []
    assert sent(one) == [(ACK, b"")]
    assert one.receive(encode(Packet(Op.ACK)), at(130)) == []


def test_opening_commands_go_one_by_one() -> None:
    one = session(packeted=True, scan_enable=True, aiming=True)
    expected = [(int(Op.PARAM_SEND), b"\xff\xee\x01"), (int(Op.SCAN_ENABLE), b""), (int(Op.AIM_ON), b"")]
    for command in expected:
        assert sent(one) == [command]
        assert one.receive(encode(Packet(Op.ACK)), at(100)) == []
    assert sent(one) == []
    off = session(aiming=False)
    assert sent(off) == [(int(Op.AIM_OFF), b"")]


def test_a_command_without_answer_is_repeated_once_and_then_reported_once() -> None:
    one = session(scan_enable=True, command_timeout_s=1.0)
    assert one.take_output() == encode(Packet(Op.SCAN_ENABLE, HOST))
    assert one.tick(at(999)) == []
    assert one.tick(at(1000)) == []
    assert one.take_output() == encode(Packet(Op.SCAN_ENABLE, HOST, RETRANSMIT))
    (bad,) = one.tick(at(2000))
    assert isinstance(bad, BadRead)
    assert (bad.fault, "does not answer SCAN_ENABLE" in bad.detail) == (Fault.UNEXPECTED, True)
    assert one.next_deadline() is None


def test_a_refused_command_is_reported_and_a_garbled_one_repeated() -> None:
    one = session(scan_enable=True, aiming=True)
    sent(one)
    assert one.receive(encode(Packet(Op.NAK, 0, 0, b"\x01")), at(10)) == []
    assert one.take_output() == encode(Packet(Op.SCAN_ENABLE, HOST, RETRANSMIT))
    (bad,) = one.receive(encode(Packet(Op.NAK, 0, 0, b"\x06")), at(20))
    assert isinstance(bad, BadRead)
    assert "refuses SCAN_ENABLE" in bad.detail
    assert sent(one) == [(int(Op.AIM_ON), b"")]


def test_no_command_while_the_scanner_waits_for_its_acknowledgement() -> None:
    one = session(led_good=1, led_s=1.0, response_timeout_s=2.0)
    first = only(one.receive(code(b"11"), at(0)))
    one.answer(first.id, Answer.GOOD, at(0))
    one.receive(encode(Packet(Op.ACK)), at(1))
    sent(one)
    one.receive(code(b"22"), at(900))
    one.tick(at(1000))
    assert sent(one) == []
    assert one.next_deadline() == at(2900).monotonic_ns
    one.tick(at(2900))
    assert sent(one) == [(int(Op.LED_OFF), b"\x01")]


@pytest.mark.parametrize(
    ("kind", "aim"), [(0x0F, "]C1"), (0x0A, "]E4"), (0x03, "]C0"), (0x30, "]e0"), (0x08, None), (0x1B, None)]
)
def test_the_type_stands_for_an_aim_identifier_where_it_is_certain(kind: int, aim: str | None) -> None:
    assert only(session().receive(code(b"12345678", kind=kind), at(0))).aim == aim


def test_an_aim_identifier_in_the_data_decides() -> None:
    read = only(session(aim=True).receive(code(b"]d20188\x1d", kind=0x1B), at(0)))
    assert (read.aim, read.data) == ("]d2", b"0188\x1d")
