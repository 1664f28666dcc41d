"""What the uplink makes of a broker that breaks the connection over a batch."""

from __future__ import annotations

from agent.uplink.doubt import AGAIN_S, BYTES_MIN, LOSSES_MAX, OTHERS_MAX, Doubt
from tests.agent.uplink.test_engine import Wire, connected, rows_of


def lose(wire: Wire, times: int, now: float = 0.0) -> None:
    """The connection is lost over whatever is under way, so often."""
    for _ in range(times):
        wire.engine.disconnect()
        wire.unacked.clear()
        wire.engine.connect(now, receive_max=65535, packet_bytes_max=1 << 20)
        wire.pump(now)


def test_batches_are_halved_until_the_broker_takes_them() -> None:
    wire = connected(rows_of(100, size=500))
    sizes = [len(batch.bodies) for batch in wire.pump(0.0)]
    assert sizes == [100]
    for _ in range(3 * LOSSES_MAX):
        lose(wire, 1)
        sizes.append(wire.sent[-1][1] - wire.sent[-1][0] + 1)
    assert sorted(set(sizes), reverse=True) == [100, 49, 23, 10, 4]
    assert {first for first, _last in wire.sent} == {1}
    wire.receipts()
    wire.drain(1.0)
    assert wire.sent[-1][1] == 100
    assert max(last - first for first, last in wire.sent[-5:]) < 5


def test_in_doubt_one_batch_is_under_way_at_a_time_and_no_longer() -> None:
    wire = connected(rows_of(5000))
    assert len(wire.pump(0.0)) == 20
    lose(wire, 1)
    assert len(wire.unacked) == 1
    wire.receipts()
    assert len(wire.pump(0.0)) == 20


def test_other_reasons_for_a_loss_make_batches_whole_again() -> None:
    wire = connected(rows_of(200, size=500))
    wire.pump(0.0)
    lose(wire, LOSSES_MAX)
    assert wire.sent[-1] == (1, 49)
    wire.receipts()
    wire.drain(0.0)
    wire.engine.acknowledge("hq", "L", 200, 0.0)
    lose(wire, 2)
    wire.engine.replay_from(1)
    wire.pump(0.0)
    assert wire.sent[-1] == (101, 200)


def blamed(first: int = 7) -> Doubt:
    doubt = Doubt(65_536)
    for _ in range(LOSSES_MAX):
        assert not doubt.holds(first, 0.0)
        doubt.lost(first, 1, BYTES_MIN + 1)
        doubt.connected()
    return doubt


def test_a_large_event_is_set_aside_and_tried_once_more_after_a_while() -> None:
    doubt = blamed()
    assert doubt.holds(7, 100.0)
    assert not doubt.holds(8, 100.0)
    assert not doubt.careful
    assert doubt.holds(7, 100.0 + AGAIN_S - 1)
    assert not doubt.holds(7, 100.0 + AGAIN_S)
    doubt.lost(7, 1, BYTES_MIN + 1)
    assert doubt.holds(7, 200.0)


def test_a_connection_that_was_lost_for_something_else_brings_another_try() -> None:
    doubt = blamed()
    assert doubt.holds(7, 1.0)
    doubt.connected()
    assert not doubt.holds(7, 2.0)
    doubt.taken(5, 9)
    assert not doubt.careful


def test_a_doubt_does_not_stay_where_its_batch_is_not_sent_again() -> None:
    doubt = Doubt(65_536)
    doubt.lost(7, 10, 9_000)
    doubt.connected()
    for first in range(20, 20 + OTHERS_MAX):
        assert doubt.careful
        doubt.taken(first, first)
    assert not doubt.careful


def test_a_small_event_is_never_set_aside() -> None:
    doubt = Doubt(65_536)
    for _ in range(100):
        doubt.lost(7, 1, BYTES_MIN)
    assert doubt.aside is None
    assert doubt.bytes_max == 65_536
