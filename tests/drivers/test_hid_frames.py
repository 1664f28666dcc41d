"""`struct input_event`: the layout of 64-bit Linux, in any portions."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.hid.frames import EV_KEY, EVENT, Event, EventDecoder, encode


@pytest.mark.skipif(sys.byteorder != "little", reason="the vector is of a little-endian machine")
def test_the_vector_of_a_pressed_a() -> None:
    # tv_sec 1, tv_usec 2 (longs), EV_KEY, KEY_A (30), pressed
    wire = bytes.fromhex("0100000000000000 0200000000000000 0100 1e00 01000000")
    assert EVENT.size == 24
    assert encode(Event(EV_KEY, 30, 1, 1_000_002)) == wire
    assert EventDecoder().feed(wire) == [Event(EV_KEY, 30, 1, 1_000_002)]


def test_split_at_every_byte() -> None:
    events = [Event(1, 30, 1, 5), Event(0, 0, 0, 5), Event(1, 30, -1, 2_000_001)]
    wire = b"".join(map(encode, events))
    for cut in range(len(wire) + 1):
        decoder = EventDecoder()
        assert decoder.feed(wire[:cut]) + decoder.feed(wire[cut:]) == events
        assert not decoder.partial


def test_reset_forgets_half_an_event() -> None:
    decoder = EventDecoder()
    decoder.feed(b"\x01" * 7)
    assert decoder.partial
    decoder.reset()
    assert decoder.feed(encode(Event(1, 30, 1))) == [Event(1, 30, 1)]


@given(
    st.lists(
        st.builds(
            Event, st.integers(0, 65535), st.integers(0, 65535), st.integers(-(2**31), 2**31 - 1), st.integers(0, 2**50)
        ),
        max_size=10,
    ),
    st.lists(st.integers(0, 240), max_size=5),
)
def test_any_events_in_any_portions(events: list[Event], cuts: list[int]) -> None:
    wire = b"".join(map(encode, events))
    ends = sorted(min(cut, len(wire)) for cut in cuts)
    decoder = EventDecoder()
    found = [
        event
        for start, stop in zip([0, *ends], [*ends, len(wire)], strict=True)
        for event in decoder.feed(wire[start:stop])
    ]
    assert found == events
