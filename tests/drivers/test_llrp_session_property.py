"""Whatever a reader sends, an LLRP session takes it, or says by a DeviceError that it does not."""

from __future__ import annotations

import json
from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from drivers.errors import DeviceError
from drivers.llrp.elements import decode, encode
from drivers.llrp.session import LlrpSession
from drivers.operations import Bank, WriteMemory
from drivers.reads import Read, TagRead
from tests.drivers.device_tools import at
from tests.drivers.llrp_tools import FIXTURES, GREETING, answer_to, messages, opened, settings

CONVERSATIONS = sorted((FIXTURES / "conversations").glob("*.jsonl"))
HOSTILE = {"mode": "fastest", "power_dbm": 20, "eye_port": 1, "eye_starts": False, "report_every_tags": 5}


def from_reader(name: str) -> list[bytes]:
    frames = [json.loads(line) for line in name.splitlines()]
    return [bytes.fromhex(one["hex"]) for one in frames if one["dir"] == "s2c"]


FRAMES = [frame for path in CONVERSATIONS for frame in from_reader(path.read_text())]
FRAMES += [path.read_bytes() for path in sorted((FIXTURES / "llrp-rs").glob("*.bin"))]


def damaged(frame: bytes, places: list[tuple[int, int]]) -> bytes:
    """The header stays, so that framing does not end the conversation at once."""
    out = bytearray(frame)
    for at_byte, with_byte in places:
        if len(out) > 10:
            out[10 + at_byte % (len(out) - 10)] = with_byte
    return bytes(out)


def test_every_recorded_conversation_is_taken_whole() -> None:
    """What three readers sent to other clients; their answers are to nobody here."""
    for path in CONVERSATIONS:
        frames = from_reader(path.read_text())
        session, _ = opened()
        reads: list[Read] = []
        for number, frame in enumerate(frames):
            reads += session.receive(frame, at(100 + number))
        reported = sum(len(decode(one).all("TagReportData")) for frame in frames for one in messages(frame))
        assert len([read for read in reads if isinstance(read, TagRead)]) == reported > 0
        session.tick(at(10_000))


PLACES = st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), max_size=6)


@given(st.lists(st.tuples(st.integers(0, 200), PLACES), max_size=12))
def test_damaged_answers_in_the_set_up(damages: list[tuple[int, list[tuple[int, int]]]]) -> None:
    session = LlrpSession("gate", settings(**HOSTILE))
    session.open(at(0))
    with suppress(DeviceError):
        session.receive(GREETING, at(1))
        left = dict(damages)
        for number in range(60):
            for message in messages(session.take_output()):
                response = answer_to(decode(message), {})
                if response is not None:
                    frame = encode(response, message.id, message.version)
                    session.receive(damaged(frame, left.get(number, [])), at(2 + number))
            session.tick(at(2 + number))


@given(st.lists(st.tuples(st.sampled_from(FRAMES), PLACES, st.integers(0, 40_000)), max_size=20))
def test_damaged_messages_while_it_reads(sent: list[tuple[bytes, list[tuple[int, int]], int]]) -> None:
    session, _ = opened(None, **HOSTILE)
    assert session.ready
    ms = 0
    with suppress(DeviceError):
        session.begin(WriteMemory(Bank.USER, 0, b"ab", bytes(12)), at(0))
        for frame, places, later_ms in sent:
            ms += later_ms
            for read in session.receive(damaged(frame, places), at(ms)):
                assert not isinstance(read, TagRead) or read.seen_us <= at(ms).wall_us
            session.take_output()
            session.tick(at(ms))
            assert session.next_deadline() is not None
        session.take_results()
        session.close(at(ms))
