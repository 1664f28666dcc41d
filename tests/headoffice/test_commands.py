"""Commands to stores: sent until they are answered, one effect, nothing forgotten over a restart."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from contract.messages import Reserve
from headoffice import commands
from headoffice.commands import IN_FLIGHT, OPEN_MAX, CommandRefused, Commands, Order, enter
from headoffice.part import Message, Publish
from headoffice.view import orders
from tests.headoffice.logs import Log
from tests.headoffice.web.office import Office

PREFIX = "stock/v1"
S_US = 1_000_000


class Desk:
    """The part, restarted at will, and the store's side."""

    def __init__(self, office: Office) -> None:
        self.office = office
        self.said: list[str] = []
        self.restart()

    def restart(self) -> None:
        self.part = Commands(self.office.database, self.office.clock, prefix=PREFIX, say=self.said.append)

    def enter(self, verb: str = "ping", store: str = "S1", life_s: int = 60, **members: Any) -> str:
        order = Order(store, verb, members, life_s, "ann")
        self.office.clock.now_us += 1000  # one after the other
        return enter(self.office.database, self.office.clock, order)

    def after(self, seconds: float) -> list[Publish]:
        self.office.clock.now_us += round(seconds * S_US)
        return self.part.tick()

    def answer(self, command: str, status: str = "done", store: str = "S1", **more: Any) -> None:
        body = orjson.dumps({"id": command, "status": status, **more})
        assert self.part.receive(Message(f"{PREFIX}/{store}/response/{command}", body)) == []

    def status(self, command: str) -> str:
        found = orders.command(self.office.database, command)
        assert found is not None
        return found.status


@pytest.fixture(params=["sqlite", "postgres"])
def office(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Office]:
    found = Office(request.getfixturevalue("postgres") if request.param == "postgres" else str(tmp_path / "hq.db"))
    yield found
    found.close()


@pytest.fixture
def desk(office: Office) -> Desk:
    return Desk(office)


def ids(found: list[Publish]) -> list[str]:
    return [orjson.loads(one.payload)["id"] for one in found]


def test_a_command_is_sent_and_its_answer_kept(desk: Desk) -> None:
    command = desk.enter("reserve", reservation="R-1", sku="MILK", quantity=2, order=None)
    assert desk.status(command) == "waiting"
    [sent] = desk.after(0)
    assert (sent.topic, sent.retain) == (f"{PREFIX}/S1/request/reserve", False)
    asked = Reserve.model_validate_json(sent.payload)
    assert (asked.id, asked.reservation, asked.quantity, asked.order) == (command, "R-1", 2, None)
    assert asked.expires_at == "2026-09-21T14:14:20.001+00:00"
    assert desk.status(command) == "sent"
    assert desk.after(1) == []
    desk.answer(command, result={"available": 3})
    found = orders.command(desk.office.database, command)
    assert found is not None
    assert (found.status, found.asked_by, found.held) == ("done", "ann", None)
    assert found.response == {"id": command, "status": "done", "result": {"available": 3}}
    assert found.members == {"reservation": "R-1", "sku": "MILK", "quantity": 2}
    assert desk.after(100) == []


def test_it_is_sent_again_with_the_same_id_until_it_is_answered(desk: Desk) -> None:
    command = desk.enter(life_s=600)
    times = [second for second in range(240) if desk.after(1)]
    assert times == [0, 6, 14, 30, 62, 123, 184], "each time later, at most a minute apart"
    desk.restart()
    [again] = desk.after(60)
    assert ids([again]) == [command]
    desk.office.clock.now_us += 1
    desk.part.connected()
    assert ids(desk.after(1)) == [command], "what was under way may be lost"
    assert desk.after(1) == []


def test_a_clock_that_goes_back_holds_no_command_up(desk: Desk) -> None:
    """Found by `make explore`: it waited until the clock was where it had been, hours or a year later."""
    desk.office.clock.now_us += 7200 * S_US
    command = desk.enter(life_s=86_400)
    assert ids(desk.after(0)) == [command]
    desk.office.clock.now_us -= 7200 * S_US
    desk.restart()  # the test's clock has one time for both; a part that rests looks at the other
    assert ids(desk.after(1)) == [command]
    assert desk.after(1) == []


def test_what_is_too_late_is_told_apart(desk: Desk) -> None:
    desk.office.state("S2", "offline")
    sent, never = desk.enter(life_s=10), desk.enter(store="S2", life_s=10)
    assert ids(desk.after(0)) == [sent], "a store that is away is waited for"
    desk.after(15)
    assert [desk.status(one) for one in (sent, never)] == ["sent", "waiting"], "an answer may be under way"
    assert desk.after(6) == []
    assert [desk.status(one) for one in (sent, never)] == ["unanswered", "expired"]
    desk.answer(sent, "refused", reason="not_available")
    assert desk.status(sent) == "refused", "late is better than never"


def test_a_store_that_comes_back_gets_what_waits(desk: Desk) -> None:
    desk.office.state("S1", "stopped")
    command = desk.enter()
    assert desk.after(1) == []
    desk.office.database.write("UPDATE store_state SET state = 'online'")
    assert ids(desk.after(1)) == [command]


def test_answers_of_others_are_nobodys(desk: Desk) -> None:
    command = desk.enter()
    desk.after(0)
    desk.answer(command, store="S2")
    desk.part.receive(Message(f"{PREFIX}/S1/response/{command}", b'{"id":"other","status":"done"}'))
    desk.part.receive(Message(f"{PREFIX}/S1/response/{command}", b'{"status":"perhaps"}'))
    desk.part.receive(Message(f"{PREFIX}/S1/response", b"{}"))
    desk.answer("unknown")
    assert desk.status(command) == "sent"
    assert len(desk.said) == 2
    desk.answer(command)
    desk.answer(command, "refused")
    assert desk.status(command) == "done", "it is answered once"


def test_a_store_is_not_flooded_and_others_do_not_wait_for_it(desk: Desk) -> None:
    first = [desk.enter() for _ in range(IN_FLIGHT + 3)]
    other = desk.enter(store="S2")
    assert ids(desk.after(0)) == [*first[:IN_FLIGHT], other]
    assert desk.after(1) == []
    desk.answer(first[3])
    assert ids(desk.after(1)) == [first[IN_FLIGHT]]


def test_what_concerns_one_reservation_keeps_its_order(desk: Desk) -> None:
    made = desk.enter("reserve", reservation="R-1", sku="MILK", quantity=1)
    gone = desk.enter("release", reservation="R-1")
    free = desk.enter("release", reservation="R-2")
    assert ids(desk.after(0)) == [made, free]
    desk.answer(made)
    assert ids(desk.after(1)) == [gone]


def test_the_same_id_is_the_same_command(desk: Desk) -> None:
    office = desk.office
    order = Order("S1", "release", {"reservation": "R-1"}, 60, "ann", "mine-1")
    assert enter(office.database, office.clock, order) == "mine-1"
    office.clock.now_us += S_US
    assert enter(office.database, office.clock, order) == "mine-1"
    assert len(desk.after(0)) == 1
    for other in (order._replace(store="S2"), order._replace(members={"reservation": "R-2"})):
        with pytest.raises(CommandRefused, match="another command"):
            enter(office.database, office.clock, other)


@pytest.mark.parametrize(
    ("verb", "members", "field"),
    [
        ("dance", {}, "verb"),
        ("reserve", {"reservation": "R-1", "sku": "MILK"}, "members.quantity"),
        ("reserve", {"reservation": "R-1", "sku": "MILK", "quantity": 1, "colour": "red"}, "members.colour"),
        ("reserve", {"reservation": "R-1", "sku": "MILK", "quantity": 1, "hold_until": "soon"}, "members.hold_until"),
        ("ping", {"id": "x"}, "members.id"),
        ("restart-device", {"device": "a/b"}, "members.device"),
        ("replay", {"log": "L1", "seq": 0, "consumer": "headoffice"}, "members.seq"),
    ],
)
def test_what_is_no_command_is_refused_with_the_place(
    desk: Desk, verb: str, members: dict[str, Any], field: str
) -> None:
    with pytest.raises(CommandRefused) as caught:
        desk.enter(verb, **members)
    assert caught.value.field == field
    assert desk.after(0) == []


def test_there_are_limits(desk: Desk) -> None:
    for life_s in (0, commands.EXPIRES_S_MAX + 1):
        with pytest.raises(CommandRefused, match="seconds"):
            desk.enter(life_s=life_s)
    with pytest.raises(CommandRefused, match="no such store"):
        desk.enter(store="catalog")
    row = ["S1", "ping", "{}", 2**60, "waiting", "ann", 1]
    desk.office.database.write_many(
        "INSERT INTO command (id, store, verb, body, expires_us, status, asked_by, at_us) VALUES (?,?,?,?,?,?,?,?)",
        [[f"c-{number}", *row] for number in range(OPEN_MAX)],
    )
    with pytest.raises(CommandRefused, match="wait for their answers"):
        desk.enter()
    desk.enter(store="S2")


def test_old_ones_are_forgotten_open_ones_are_not(desk: Desk) -> None:
    old = desk.enter()
    desk.after(0)
    desk.answer(old)
    desk.after(91 * 86_400)
    assert orders.command(desk.office.database, old) is None


def test_what_a_reserve_holds_is_the_stores_own_word(desk: Desk) -> None:
    command = desk.enter("reserve", reservation="R-1", sku="MILK", quantity=2)
    log = Log(store="S1").open()
    data = {"kind": "reservation_made", "reservation": "R-1", "sku": "MILK", "quantity": 2}
    log.write("journal", data)
    desk.office.take(log)
    found = orders.command(desk.office.database, command)
    assert found is not None
    assert found.held == 2
