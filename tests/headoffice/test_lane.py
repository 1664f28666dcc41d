"""The lane on paho's connection: messages are cut out of the stream however it comes, all else goes to paho untouched.

Expected bytes are written by hand from OASIS mqtt-v3.1.1-os and mqtt-v5.0-os.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion

from headoffice.lane import OURS, Arrived, Lane, LaneClient, pubacks, publish

MESSAGE_311 = bytes.fromhex("32 09 0003 612f62 000a 7879")  # 3.3: a/b, packet 10, "xy"
MESSAGE_5 = bytes.fromhex("33 0c 0003 612f62 000a 02 0101 7879")  # retained; properties: payload format indicator
MESSAGE_QOS0 = bytes.fromhex("30 07 0003 612f62 7879")
CONNACK = bytes.fromhex("20 02 0000")
SUBACK = bytes.fromhex("90 03 0001 01")
THEIRS = bytes.fromhex("40 02 7fff")
OWN = bytes.fromhex("40 02 8000")


class Pair:
    def __init__(self, *, version5: bool = False) -> None:
        self.far, near = socket.socketpair()
        near.setblocking(False)
        self.lane = Lane(near, version5=version5)

    def close(self) -> None:
        self.far.close()
        self.lane.close()

    def paho(self) -> bytes:
        """All that paho would read now."""
        found = b""
        while self.lane.pending():
            found += self.lane.recv(3)
        return found


@pytest.fixture
def pair() -> Iterator[Pair]:
    pair = Pair()
    yield pair
    pair.close()


def test_messages_are_cut_out_and_the_rest_is_pahos(pair: Pair) -> None:
    pair.far.sendall(CONNACK + MESSAGE_311 + SUBACK + MESSAGE_QOS0 + OWN + THEIRS)
    assert pair.lane.fill() == [Arrived("a/b", b"xy", False, 10), Arrived("a/b", b"xy", False, None)]
    assert pair.paho() == CONNACK + SUBACK + THEIRS
    with pytest.raises(BlockingIOError):
        pair.lane.recv(1)
    assert pair.lane.fill() == []


def test_properties_of_mqtt_5_are_passed_over() -> None:
    pair = Pair(version5=True)
    pair.far.sendall(MESSAGE_5 + bytes.fromhex("32 0a 0003 612f62 000b 00 7879"))
    assert pair.lane.fill() == [Arrived("a/b", b"xy", True, 10), Arrived("a/b", b"xy", False, 11)]
    pair.close()


@given(st.lists(st.binary(max_size=400), min_size=1, max_size=5), st.data())
def test_however_the_bytes_come(payloads: list[bytes], data: st.DataObject) -> None:
    at, found = 0, list[Arrived]()
    stream = b"".join(publish("a/b", one, 7, retain=False, version5=False) + SUBACK for one in payloads)
    with closing(Pair()) as pair:
        while at < len(stream):
            size = data.draw(st.integers(1, 300))
            pair.far.sendall(stream[at : at + size])
            found += pair.lane.fill()
            at += size
        assert pair.paho() == SUBACK * len(payloads)
    assert found == [Arrived("a/b", one, False, 7) for one in payloads]


def test_what_is_published_is_one_packet_of_each_version() -> None:
    assert publish("a/b", b"xy", 10, retain=False, version5=False) == MESSAGE_311
    assert publish("a/b", b"xy", 11, retain=False, version5=True) == bytes.fromhex("32 0a 0003 612f62 000b 00 7879")
    assert publish("a", bytes(316), 1, retain=True, version5=False)[:3] == bytes.fromhex("33 c1 02")  # 2.2.3: 321
    assert pubacks([10, 0x8000]) == bytes.fromhex("40 02 000a 40 02 8000")
    assert pubacks([]) == b""


def test_what_is_no_mqtt_ends_the_connection() -> None:
    for stream in (b"\x32\xff\xff\xff\xff\x01", b"\x32\x02\x00\x09", b"\x32\x05\x00\x01\xff\x00\x01", b""):
        pair = Pair()
        if stream:
            pair.far.sendall(stream)
        else:
            pair.far.close()
        assert pair.lane.fill() == []
        assert pair.lane.broken
        assert pair.lane.recv(1) == b""  # as a socket whose peer has gone
        pair.close()


def test_bytes_go_out_whole_and_in_order_however_little_the_socket_takes(pair: Pair) -> None:
    sent = b"".join(bytes([number % 256]) * 1000 for number in range(2000))
    pair.lane.put(sent[:1_000_000])
    assert pair.lane.send(sent[1_000_000:]) == 1_000_000
    found = b""
    while pair.lane.wants_write:
        pair.lane.flush()
        found += pair.far.recv(1_000_000)
    while len(found) < len(sent):
        found += pair.far.recv(1_000_000)
    assert found == sent


def test_a_farewell_goes_out_before_the_end(pair: Pair) -> None:
    pair.lane.send(b"\xe0\x00")
    pair.lane.close()
    assert pair.far.recv(10) == b"\xe0\x00"


def test_pahos_own_numbers_stay_below_the_lanes() -> None:
    """Pins what is overridden in paho 2.2."""
    client = LaneClient(CallbackAPIVersion.VERSION2)
    client._last_mid = OURS - 2
    assert [client._mid_generate() for _ in range(3)] == [OURS - 1, 1, 2]
    for name in ("_create_socket", "_create_socket_connection", "_mid_generate"):
        assert callable(getattr(paho.Client, name))
    client._reset_sockets()
