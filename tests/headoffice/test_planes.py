"""What stores say of themselves, kept: newest only, bounded, and nothing old or foreign taken for a sign of life."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from headoffice import worker_planes as module
from headoffice.part import Message
from tests.headoffice.logs import PREFIX, Log
from tests.headoffice.test_service import Desk

STATE = {"state": "online", "boot": "b1", "log": "L1", "head": 7, "version": "0.2.0"}
HEALTH = {
    "at": "2026-11-26T09:00:00+09:00", "uptime_s": 5, "head": 7, "outbox_depth": 0, "outbox_age_s": 0,
    "disk_free_bytes": 1, "ledger_size_bytes": 1, "clock": "synced", "devices": {"dock": "up"}, "consumers": {},
    "counters": {},
}  # fmt: skip
DEVICE = {
    "device": "dock",
    "kind": "ssi",
    "state": "up",
    "since": "2026-11-26T09:00:00+09:00",
    "reads": 3,
    "bad_reads": 0,
}


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path)
    yield desk
    desk.store.close()


def send(desk: Desk, topic: str, body: Any, *, retained: bool = False) -> int:
    """Gives the time of it."""
    payload = body if isinstance(body, bytes) else orjson.dumps(body)
    desk.service.receive([Message(f"{PREFIX}/{topic}", payload, retained)])
    return desk.clock.wall_us()


def states(desk: Desk) -> dict[str, tuple[Any, ...]]:
    """(state, state_us, heard_us) of every store."""
    return {
        row[0]: row[1:] for row in desk.store.database.rows("SELECT store, state, state_us, heard_us FROM store_state")
    }


def devices(desk: Desk) -> list[tuple[Any, ...]]:
    return desk.store.database.rows("SELECT store, device, kind, state FROM device ORDER BY store, device")


def test_a_state_is_kept_with_when_it_began_and_when_it_was_heard(desk: Desk) -> None:
    first_us = send(desk, "S1/state", STATE)
    assert states(desk) == {"S1": ("online", first_us, first_us)}
    desk.clock.s += 60
    second_us = send(desk, "S1/state", {**STATE, "head": 9})
    assert states(desk) == {"S1": ("online", first_us, second_us)}
    desk.clock.s += 60
    third_us = send(desk, "S1/state", {**STATE, "boot": "b2"})
    assert states(desk) == {"S1": ("online", third_us, third_us)}
    row = desk.store.database.rows("SELECT boot, log, head, version FROM store_state")
    assert row == [("b2", "L1", 7, "0.2.0")]


def test_the_will_says_offline_and_is_no_sign_of_life(desk: Desk) -> None:
    heard_us = send(desk, "S1/state", STATE)
    desk.clock.s += 20
    lost_us = send(desk, "S1/state", {**STATE, "state": "offline"})
    assert states(desk) == {"S1": ("offline", lost_us, heard_us)}


def test_what_is_retained_may_be_old_and_is_no_sign_of_life(desk: Desk) -> None:
    first_us = send(desk, "S1/state", STATE, retained=True)
    assert states(desk) == {"S1": ("online", first_us, 0)}
    desk.clock.s += 5
    heard_us = send(desk, "S1/health", HEALTH)
    desk.clock.s += 5
    send(desk, "S1/state", STATE, retained=True)
    send(desk, "S1/health", {**HEALTH, "uptime_s": 1}, retained=True)
    send(desk, "S1/device/dock", DEVICE, retained=True)
    assert states(desk) == {"S1": ("online", first_us, heard_us)}
    ((health, health_us),) = desk.store.database.rows("SELECT health, health_us FROM store_state")
    assert (orjson.loads(health)["uptime_s"], health_us) == (1, heard_us)


def test_a_store_that_speaks_is_not_away(desk: Desk) -> None:
    """Found by `make explore`: the message that it is back was lost, and no command was sent to it any more."""
    send(desk, "S1/state", {**STATE, "state": "offline"})
    send(desk, "S1/health", HEALTH, retained=True)
    assert states(desk)["S1"][0] == "offline", "that one may be old"
    back_us = send(desk, "S1/health", HEALTH)
    assert states(desk)["S1"] == ("online", back_us, back_us)
    will = Message(f"{PREFIX}/S1/state", orjson.dumps({**STATE, "state": "offline"}), retained=False)
    health = Message(f"{PREFIX}/S1/health", orjson.dumps(HEALTH), retained=False)
    desk.service.receive([health, will])
    assert states(desk)["S1"][0] == "offline", "it spoke before it went"
    desk.service.receive([will, health])
    assert states(desk)["S1"][0] == "online"


def test_health_comes_before_a_state_too(desk: Desk) -> None:
    first_us = send(desk, "S1/health", HEALTH)
    assert states(desk) == {"S1": ("unknown", first_us, first_us)}
    desk.clock.s += 1
    second_us = send(desk, "S1/state", STATE)
    assert states(desk) == {"S1": ("online", second_us, second_us)}
    assert orjson.loads(desk.store.database.rows("SELECT health FROM store_state")[0][0]) == HEALTH


def test_a_device_is_a_sign_of_life_changes_and_goes(desk: Desk) -> None:
    send(desk, "S1/state", STATE)
    desk.clock.s += 5
    heard_us = send(desk, "S1/device/dock", DEVICE)
    assert devices(desk) == [("S1", "dock", "ssi", "up")]
    assert states(desk)["S1"][2] == heard_us
    send(desk, "S1/device/dock", {**DEVICE, "state": "down"})
    assert devices(desk) == [("S1", "dock", "ssi", "down")]
    send(desk, "S1/device/dock", b"")
    assert devices(desk) == []


def test_a_store_has_so_many_devices_and_known_ones_go_on_changing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "DEVICES_STORE_MAX", 2)
    for name in ("a", "b", "c"):
        send(desk, f"S1/device/{name}", {**DEVICE, "device": name})
    send(desk, "S1/device/a", {**DEVICE, "device": "a", "state": "down"})
    send(desk, "S2/device/c", {**DEVICE, "device": "c"})
    assert devices(desk) == [("S1", "a", "ssi", "down"), ("S1", "b", "ssi", "up"), ("S2", "c", "ssi", "up")]


@pytest.mark.parametrize("payload", [b"x", b"null", b"\xff", b'{"state":"busy"}', b"[" * 3000, b'{"at":1e999}'])
@pytest.mark.parametrize("plane", ["state", "health", "device/dock"])
def test_what_cannot_be_read_is_said_once_and_left_out(desk: Desk, plane: str, payload: bytes) -> None:
    for _ in range(3):
        send(desk, f"S1/{plane}", payload)
    assert states(desk) == {}
    assert devices(desk) == []
    assert len(desk.said) == 1
    assert desk.said[0].startswith(f"S1: a {plane.partition('/')[0]} that is none")


def test_what_a_store_calls_itself_is_cut_and_can_be_shown(desk: Desk) -> None:
    send(desk, "S1/state", {**STATE, "version": "\x1b[2J\u0000" + "x" * 5000})
    ((version,),) = desk.store.database.rows("SELECT version FROM store_state")
    assert version == "?[2J?" + "x" * 195


def test_planes_and_events_of_a_round_are_stored_together_or_not_at_all(desk: Desk) -> None:
    log = Log().open().receive_many(2)
    desk.service._fence = lambda _db, stores: refuse(stores)

    def refuse(stores: Any) -> None:
        assert set(stores) == {"S1", "S2"}
        raise RuntimeError("no")

    kind, payload = log.batches()[0]
    with pytest.raises(RuntimeError, match="no"):
        desk.service.receive(
            [Message(f"{PREFIX}/S1/{kind}", payload), Message(f"{PREFIX}/S2/state", orjson.dumps(STATE))]
        )
    assert states(desk) == {}
    assert desk.position() is None
