"""Key events to codes, as a pure function: layouts, modifiers, GS, ends, damage."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from drivers.hid import layouts as keys
from drivers.hid.frames import ASKED, EV_KEY, EV_LED, EV_MSC, EV_SYN, LED_CAPSL, SYN_DROPPED, SYN_REPORT, Event, encode
from drivers.hid.layouts import LAYOUTS, LayoutName
from drivers.hid.session import HidSession
from drivers.hid.settings import GsKey, HidSettings
from drivers.reads import Answer, BadRead, BarcodeRead, Fault, Read
from simulators.hid import HidSetup, key_events, type_char
from tests.drivers.device_tools import at, told

A, B, C, ONE, TWO, RBRACE = 30, 48, 46, 2, 3, 27
SHIFT, CTRL, ALT, ENTER = keys.KEY_LEFTSHIFT, keys.KEY_LEFTCTRL, keys.KEY_LEFTALT, keys.KEY_ENTER
DROPPED = [Event(EV_SYN, SYN_DROPPED, 0)]
REPORT = [Event(EV_SYN, SYN_REPORT, 0)]


def session(**settings: object) -> HidSession:
    opened = HidSession("dock", HidSettings.model_validate({"path": "/x", "transport": "pipe", **settings}))
    opened.open(at(0))
    return opened


def down(*codes: int) -> list[Event]:
    return [event for code in codes for event in (Event(EV_KEY, code, 1), *REPORT)]


def up(*codes: int) -> list[Event]:
    return [event for code in codes for event in (Event(EV_KEY, code, 0), *REPORT)]


def tap(*codes: int) -> list[Event]:
    return [event for code in codes for event in (*down(code), *up(code))]


def read(events: list[Event], **settings: object) -> list[object]:
    return told(session(**settings).receive_events(events, at(1000)))


def test_plain_shifted_and_both_shift_keys() -> None:
    events = [
        *tap(A),
        *down(SHIFT),
        *tap(A, ONE),
        *up(SHIFT),
        *down(keys.KEY_RIGHTSHIFT),
        *tap(B),
        *up(54),
        *tap(ENTER),
    ]
    assert read(events) == [b"aA!B"]


def test_one_shift_up_while_the_other_is_held() -> None:
    assert read([*down(SHIFT, 54), *up(54), *tap(A), *up(SHIFT), *tap(A, ENTER)]) == [b"Aa"]


def test_caps_lock_touches_letters_only_and_shift_undoes_it() -> None:
    events = [
        *tap(keys.KEY_CAPSLOCK, A, ONE),
        *down(SHIFT),
        *tap(A, ONE),
        *up(SHIFT),
        *tap(keys.KEY_CAPSLOCK, A, ENTER),
    ]
    assert read(events) == [b"A1a!a"]


def test_the_caps_lock_led_tells_the_state() -> None:
    assert read([Event(EV_LED, LED_CAPSL, 1), *tap(A), Event(EV_LED, LED_CAPSL, 0), *tap(A, ENTER)]) == [b"Aa"]


def test_caps_lock_outlives_a_code_but_not_a_device() -> None:
    one = session()
    assert told(one.receive_events(tap(keys.KEY_CAPSLOCK, A, ENTER, A, ENTER), at(1000))) == [b"A", b"A"]
    assert read(tap(A, ENTER)) == [b"a"]


def test_keypad_digits_and_signs_and_keypad_enter() -> None:
    keypad = [82, 79, 80, 81, 75, 76, 77, 71, 72, 73, 83, 78, 74, 55, 98]
    assert read([*tap(keys.KEY_NUMLOCK, *keypad, keys.KEY_KPENTER)]) == [b"0123456789.+-*/"]


@pytest.mark.parametrize(
    ("gs", "events"),
    [
        ("ctrl_bracket", [*down(CTRL), *tap(RBRACE), *up(CTRL)]),
        ("ctrl_bracket", [*down(keys.KEY_RIGHTCTRL), *tap(RBRACE), *up(keys.KEY_RIGHTCTRL)]),
        ("alt_029", [*down(ALT), *tap(82, 80, 73), *up(ALT)]),
        ("alt_029", [*down(ALT), *tap(82, 82, 80, 73), *up(ALT)]),
        ("f12", tap(keys.KEY_F12)),
        ("down", tap(keys.KEY_DOWN)),
    ],
)
def test_each_way_to_type_gs_where_configured_and_only_there(gs: GsKey, events: list[Event]) -> None:
    whole = [*tap(ONE), *events, *tap(TWO, ENTER)]
    assert read(whole, gs=[gs]) == [b"1\x1d2"]
    others = [other for other in ("ctrl_bracket", "alt_029", "f12", "down") if other != gs]
    assert read(whole, gs=others) == [Fault.UNDECODABLE]


def test_alt_and_keypad_type_any_ascii_and_nothing_above() -> None:
    assert read([*down(ALT), *tap(82, 77, 76), *up(ALT), *tap(ENTER)]) == [b"A"]
    assert read([*down(ALT), *tap(80, 81, 77), *up(ALT), *tap(ENTER)]) == [Fault.UNDECODABLE]
    assert read([*down(ALT), *tap(79, 79, 79, 79, 79), *up(ALT), *tap(ENTER)]) == [Fault.UNDECODABLE]
    assert read([*down(ALT), *tap(A), *up(ALT), *tap(ENTER)]) == [Fault.UNDECODABLE]
    assert read([*down(ALT), *up(ALT), *tap(A, ENTER)]) == [b"a"]


def test_the_separators_of_iso_15434() -> None:
    events = [*down(CTRL), *tap(43, RBRACE, 7, 12, 32), *up(CTRL), *tap(ENTER)]
    assert read(events) == [b"\x1c\x1d\x1e\x1f\x04"]
    assert read([*down(CTRL), *tap(A), *up(CTRL), *tap(ENTER)]) == [Fault.UNDECODABLE]


def test_a_key_that_stands_for_nothing_spoils_one_code_and_not_the_next() -> None:
    one = session()
    (bad, good) = one.receive_events(tap(ONE, 183, TWO, ENTER, A, ENTER), at(1000))
    assert isinstance(bad, BadRead)
    assert (bad.fault, bad.raw, bad.detail) == (Fault.UNDECODABLE, b"12", "key 183 stands for no character")
    assert told([good]) == [b"a"]
    assert read([*down(keys.KEY_LEFTMETA), *tap(A), *up(keys.KEY_LEFTMETA), *tap(ENTER)]) == [Fault.UNDECODABLE]


@pytest.mark.parametrize("key", [keys.KEY_HANGEUL, keys.KEY_HANJA, keys.KEY_RIGHTALT, keys.KEY_RIGHTCTRL])
def test_hangul_and_hanja_keys_change_nothing_in_the_korean_layout(key: int) -> None:
    assert read([*tap(key, A), *down(key), *tap(ONE), *up(key), *tap(ENTER)], layout="kr") == [b"a1"]


def test_hangul_keys_in_the_us_layout_are_reported() -> None:
    assert read(tap(keys.KEY_HANGEUL, A, ENTER)) == [Fault.UNDECODABLE]


def test_all_printable_characters_of_both_layouts() -> None:
    for name in LayoutName:
        typed = {text for pair in LAYOUTS[name].keys.values() for text in pair}
        assert typed >= {chr(code) for code in range(32, 127)}


def test_repeats_and_other_events_are_ignored() -> None:
    events = [*down(A), *[Event(EV_KEY, A, 2)] * 5, Event(EV_MSC, 4, 458756), *up(A), *tap(ENTER)]
    assert read(events) == [b"a"]
    assert read([*down(SHIFT), Event(EV_KEY, SHIFT, 2), *tap(A), *up(SHIFT), *tap(ENTER)]) == [b"A"]


@pytest.mark.parametrize(("ends", "key"), [(["enter"], 28), (["kp_enter"], 96), (["tab"], 15)])
def test_each_end_key(ends: list[str], key: int) -> None:
    assert read(tap(A, key, B, key), ends=ends) == [b"a", b"b"]


def test_an_end_key_that_is_not_configured_is_data() -> None:
    assert read(tap(A, keys.KEY_TAB, B, ENTER), ends=["enter"]) == [b"a\tb"]


def test_an_end_key_alone_is_reported() -> None:
    assert read(tap(ENTER)) == [Fault.FRAMING]


def timed(codes: list[int], start_ms: int, step_ms: int) -> list[Event]:
    return [
        Event(event.type, event.code, event.value, (start_ms + number * step_ms) * 1000)
        for number, code in enumerate(codes)
        for event in tap(code)
    ]


def test_a_pause_ends_a_code_where_no_key_does() -> None:
    one = session(ends=[], idle_end_ms=100)
    assert one.next_deadline() is None
    assert one.receive_events(timed([A, B], 1000, 10), at(1010)) == []
    assert one.next_deadline() == at(1110).monotonic_ns
    assert one.tick(at(1109)) == []
    (found,) = one.tick(at(1110))
    assert found == BarcodeRead("dock", 1, b"ab", None, at(1010))
    assert one.next_deadline() is None


def test_a_pause_is_measured_by_the_events_and_not_by_a_stalled_reader() -> None:
    one = session(ends=[], idle_end_ms=100)
    late = [*timed([A, B], 1000, 10), *timed([C], 1300, 10)]
    assert told(one.receive_events(late, at(1310))) == [b"ab"]  # read in one go, and two codes all the same
    assert told(one.tick(at(2000))) == [b"c"]
    one.receive_events(timed([A], 3000, 10), at(3000))
    one.receive_events(timed([B], 3010, 10), at(3500))  # handed on half a second late, and one code all the same
    assert told(one.tick(at(3600))) == [b"ab"]


def test_a_pause_without_event_times_is_measured_by_arrival() -> None:
    one = session(ends=[])
    one.receive_events(tap(A), at(1000))
    assert told(one.receive_events(tap(B), at(1100))) == [b"a"]


def test_a_clock_that_jumps_back_is_no_pause() -> None:
    one = session(ends=[])
    one.receive_events(timed([A], 5000, 1), at(1000))
    assert one.receive_events(timed([B], 1, 1), at(1001)) == []
    assert told(one.tick(at(1200))) == [b"ab"]


def test_a_code_whose_end_key_does_not_come_is_reported() -> None:
    one = session(partial_timeout_ms=1000)
    one.receive_events(tap(ONE, TWO), at(1000))
    assert one.tick(at(1999)) == []
    (bad,) = one.tick(at(2000))
    assert isinstance(bad, BadRead)
    assert (bad.fault, bad.raw) == (Fault.INCOMPLETE, b"12")
    assert told(one.receive_events(tap(ONE, ENTER), at(3000))) == [b"1"]


@pytest.mark.parametrize(("silence_ms", "rest"), [(1000, Fault.INCOMPLETE), (1999, Fault.INCOMPLETE), (2000, b"2")])
def test_what_follows_a_code_without_its_end_key_may_be_the_rest_of_it(silence_ms: int, rest: Fault | bytes) -> None:
    """A radio that stood still in mid-code; after twice the limit it is another scan."""
    one = session(partial_timeout_ms=1000)
    one.receive_events(timed([ONE], 1000, 1), at(1000))
    after_ms = 1000 + silence_ms
    found = one.receive_events(timed([TWO, ENTER], after_ms, 1), at(after_ms))
    assert told(found) == [Fault.INCOMPLETE, rest]
    assert told(one.receive_events(timed([A, ENTER], after_ms + 100, 1), at(after_ms + 100))) == [b"a"]


def test_a_key_that_is_let_go_late_begins_no_code() -> None:
    one = session(partial_timeout_ms=1000)
    one.receive_events(down(ONE), at(1000))
    assert told(one.tick(at(2000))) == [Fault.INCOMPLETE]
    assert one.receive_events(up(ONE), at(2500)) == []
    assert one.next_deadline() is None


def test_dropped_events_spoil_the_code_around_them_and_not_the_next() -> None:
    lost = [*DROPPED, *tap(B), *REPORT]  # what stands before the report is discarded
    assert read([*tap(ONE), *lost, *tap(TWO, ENTER), *tap(A, ENTER)])[0] is Fault.DROPPED
    one = session()
    events = [*tap(ONE), *DROPPED, Event(EV_KEY, B, 1), *REPORT, *tap(TWO, ENTER, A, ENTER)]
    (bad, good) = one.receive_events(events, at(1000))
    assert isinstance(bad, BadRead)
    assert (bad.fault, bad.raw) == (Fault.DROPPED, b"12")
    assert told([good]) == [b"a"]


def test_dropped_events_whose_end_key_is_among_them_end_at_the_pause() -> None:
    one = session()
    one.receive_events([*tap(ONE), *DROPPED, *REPORT], at(1000))
    assert one.next_deadline() == at(1100).monotonic_ns
    assert told(one.tick(at(1100))) == [Fault.DROPPED]
    assert told(one.receive_events(tap(A, ENTER), at(1200))) == [Fault.INCOMPLETE], "who knows where its head was?"
    assert told(one.receive_events(tap(A, ENTER), at(1300))) == [b"a"]


def test_no_key_stays_held_after_dropped_events_but_those_told_anew() -> None:
    one = session()
    one.receive_events([*down(SHIFT), *DROPPED, *REPORT, *tap(ENTER)], at(1000))
    assert told(one.receive_events(tap(A, ENTER), at(1001))) == [b"a"]
    one.receive_events([*DROPPED, *REPORT, *down(SHIFT), *tap(ENTER)], at(1002))
    assert told(one.receive_events(tap(A, ENTER), at(1003))) == [b"A"]


def test_dropped_before_anything_else_is_reported_even_if_nothing_follows() -> None:
    one = session()
    one.receive_events([*DROPPED, *REPORT], at(1000))
    assert told(one.tick(at(1100))) == [Fault.DROPPED]


@pytest.mark.parametrize("by", ["the kernel", "the agent"])
def test_a_reader_that_stalls_after_a_loss_takes_the_rest_of_a_code_for_no_code(by: str) -> None:
    one = session()
    one.receive_events(timed([ONE], 1000, 1), at(1000))
    if by == "the kernel":
        one.receive_events([Event(EV_SYN, SYN_DROPPED, 0, 1_010_000), *REPORT], at(1010))
    else:
        one.lost(at(1010))
    # The agent's process stood still: half a second later it reads what was typed without a pause.
    assert told(one.receive_events(timed([TWO, ENTER], 1020, 2), at(1500))) == [Fault.DROPPED]
    assert told(one.receive_events(timed([A, ENTER], 1600, 1), at(1600))) == [b"a"]


ASKED_FOR = [Event(EV_SYN, SYN_DROPPED, ASKED), *REPORT]


def test_a_code_that_began_while_the_held_keys_were_asked_for_may_lack_its_head() -> None:
    one = session(idle_end_ms=100)
    assert one.receive_events(ASKED_FOR, at(1000)) == []
    assert told(one.receive_events(tap(A, ENTER), at(1099))) == [Fault.DROPPED]
    assert told(one.receive_events(tap(A, ENTER), at(1100))) == [b"a"]
    one.receive_events(ASKED_FOR, at(2000))
    assert one.next_deadline() is None
    assert told(one.receive_events(tap(A, ENTER), at(2100))) == [b"a"]
    one.receive_events([*tap(A), *ASKED_FOR], at(3000))
    assert told(one.receive_events(tap(ENTER), at(3050))) == [Fault.DROPPED]
    one.receive_events(ASKED_FOR, at(4000))
    assert told(one.receive_events(timed([A, ENTER], 4050, 1), at(4500))) == [Fault.DROPPED]


def test_keys_that_asking_flushed_are_no_pause_of_a_damaged_code() -> None:
    """The agent's thread was stopped between its look and its question: what was typed meanwhile is gone."""
    one = session(idle_end_ms=100)
    one.receive_events([*timed([ONE], 1000, 1), Event(EV_SYN, SYN_DROPPED, 0, 1_010_000), *REPORT], at(1010))
    one.receive_events(ASKED_FOR, at(1300))
    assert one.tick(at(1301)) == []
    assert told(one.receive_events(timed([TWO, ENTER], 1310, 1), at(1311))) == [Fault.DROPPED]


def test_input_that_the_agent_lost_is_the_same() -> None:
    one = session()
    one.receive(encode(Event(EV_KEY, SHIFT, 1)) + b"half", at(1000))
    assert one.lost(at(1001)) == []
    wire = b"".join(map(encode, tap(A, ENTER, A, ENTER)))
    assert told(one.receive(wire, at(1002))) == [Fault.DROPPED, b"a"]


def test_too_long_is_reported_once_and_the_next_is_good() -> None:
    assert read(tap(*[ONE] * 9, ENTER, A, ENTER), chars_max=8) == [Fault.TOO_LONG, b"a"]
    assert read(tap(*[ONE] * 8, ENTER), chars_max=8) == [b"11111111"]


def test_a_spoilt_code_of_a_slow_scanner_does_not_leave_a_good_looking_tail() -> None:
    one = session()
    one.receive_events(tap(ONE, 183), at(1000))
    one.receive_events(tap(TWO), at(1300))
    assert told(one.receive_events(tap(ENTER), at(1600))) == [Fault.UNDECODABLE]


def test_a_code_under_way_at_opening_may_lack_its_head() -> None:
    one = session(settle_ms=50)
    assert told(one.receive_events(tap(ONE, ENTER, A, ENTER), at(10))) == [Fault.INCOMPLETE, b"a"]
    assert told(session(settle_ms=50).receive_events(tap(A, ENTER), at(50))) == [b"a"]


def test_unplugged_in_the_middle() -> None:
    one = session()
    one.receive_events(tap(ONE), at(1000))
    assert told(one.close(at(1001))) == [Fault.INCOMPLETE]
    assert one.close(at(1002)) == []


def test_aim_identifier() -> None:
    events = [event for char in "]d20188\x1dX" for event in key_events(type_char(char, HidSetup()))]
    (found,) = session(aim=True).receive_events([*events, *tap(ENTER)], at(1000))
    assert isinstance(found, BarcodeRead)
    assert (found.aim, found.data) == ("]d2", b"0188\x1dX")


def test_two_scanners_never_mix() -> None:
    one, two = session(), session()
    reads: list[Read] = []
    for left, right in zip(tap(keys.KEY_CAPSLOCK, A, B, ENTER), tap(C, C, C, ENTER), strict=True):
        reads += one.receive_events([left], at(1000))
        reads += two.receive_events([right], at(1000))
    assert told(reads) == [b"AB", b"ccc"]


def test_a_keyboard_hears_nothing() -> None:
    one = session()
    one.answer(1, Answer.GOOD, at(1000))
    assert one.take_output() == b""


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "no keyboard is taken that nobody named"),
        ({"path": "/dev/input/event7"}, "event numbers change"),
        ({"transport": "pipe"}, "needs a path"),
        ({"vendor": "05e0"}, "no keyboard is taken"),
        ({"usb_name": "X", "vendor": "5E0"}, "should match pattern"),
    ],
)
def test_settings_name_a_device_that_stays_the_same(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        HidSettings.model_validate(settings)


CODES = st.text(st.characters(min_codepoint=32, max_codepoint=126) | st.just("\x1d"), min_size=1, max_size=30)


@given(st.lists(CODES, min_size=1, max_size=4), st.sampled_from(LayoutName), st.booleans(), st.data())
def test_what_is_typed_is_read_in_any_portions(
    codes: list[str], layout: LayoutName, caps: bool, data: st.DataObject
) -> None:
    gs = data.draw(st.sampled_from(["ctrl_bracket", "alt_029", "f12", "down"]))
    setup = HidSetup(layout=layout, gs=gs, caps_lock=caps)
    events = [Event(EV_LED, LED_CAPSL, int(caps))]
    for code in codes:
        events += [event for char in code for event in key_events(type_char(char, setup))] + tap(ENTER)
    wire = b"".join(map(encode, events))
    one = session(layout=layout, gs=[gs])
    cuts = sorted(data.draw(st.lists(st.integers(0, len(wire)), max_size=6)))
    reads: list[Read] = []
    for start, stop in zip([0, *cuts], [*cuts, len(wire)], strict=True):
        reads += one.receive(wire[start:stop], at(1000))
    assert told(reads) == [code.encode() for code in codes]


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 300), st.integers(-1, 3)), max_size=80))
def test_after_any_events_and_a_pause_the_next_code_is_good(noise: list[tuple[int, int, int]]) -> None:
    one = session()
    one.receive_events([Event(*event) for event in noise], at(1000))
    one.receive_events([*DROPPED, *REPORT, Event(EV_LED, LED_CAPSL, 0)], at(1001))
    one.tick(at(5000))
    assert told(one.receive_events(tap(A, ENTER), at(6000))) == [b"a"]
