"""Reservations of head office over a real ledger: one answer each, and levels; documents that are asked for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from contract.events import EVENT
from tests.agent.uplink.test_expected import ASN, changed, held
from tests.agent.uplink.test_traffic import FAR, PAST, Rig

MILK: dict[str, Any] = {"reservation": "R1", "sku": "MILK", "quantity": 4, "order": "O1"}


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    opened = Rig(tmp_path)
    yield opened
    opened.close()


def made(rig: Rig) -> list[dict[str, Any]]:
    events = [EVENT.validate_json(body, strict=True).model_dump() for _, _, body in rig.reader.all_events()]
    return [one for one in events if one["data"]["kind"].startswith("reservation")]


def level(rig: Rig) -> dict[str, Any]:
    rig.traffic.touched.append("MILK")
    rig.work(3)
    return dict(json.loads(rig.line.of("level")[-1][1]))


def test_a_reservation_is_answered_and_the_level_says_so(rig: Rig) -> None:
    rig.stock("MILK", 10)
    rig.connect()
    answer = rig.request("reserve", "q1", **MILK)
    assert answer == {"id": "q1", "status": "done", "result": {"available": 6}}
    shown = level(rig)
    assert (shown["on_hand"], shown["reserved"], shown["available"]) == (10, 4, 6)
    assert rig.request("release", "q2", reservation="R1") == {"id": "q2", "status": "done", "result": {"available": 10}}
    assert level(rig)["reserved"] == 0


def test_a_repeated_request_gets_the_same_answer_over_a_restart(rig: Rig) -> None:
    rig.stock("MILK", 10)
    rig.connect()
    first = rig.request("reserve", "q1", **MILK)
    rig.stock("MILK", 50)
    rig.reopen()
    rig.connect()
    assert rig.request("reserve", "q1", **MILK) == first
    assert len(made(rig)) == 1


def test_what_is_not_there_is_refused_and_written_nowhere(rig: Rig) -> None:
    rig.connect()
    answer = rig.request("reserve", "q1", **MILK)
    assert answer is not None
    assert (answer["status"], answer["reason"]) == ("refused", "not_available")
    assert answer["hint"] == "0 of MILK are available"
    rig.stock("MILK", 10)
    assert rig.request("reserve", "q1", **MILK) == answer
    unknown = rig.request("release", "q2", reservation="R9")
    assert unknown is not None
    assert unknown["reason"] == "unknown_reservation"
    assert made(rig) == []


def test_a_late_request_reserves_nothing(rig: Rig) -> None:
    rig.stock("MILK", 10)
    rig.connect()
    answer = rig.request("reserve", "q1", expires=PAST, **MILK)
    assert answer is not None
    assert answer["status"] == "expired"
    assert made(rig) == []


@pytest.mark.parametrize(
    "wrong", [{"quantity": 0}, {"sku": "a/b"}, {"reservation": ""}, {"quantity": "x"}, {"more": 1}]
)
def test_a_request_that_is_none_is_refused(rig: Rig, wrong: dict[str, Any]) -> None:
    rig.stock("MILK", 10)
    rig.connect()
    answer = rig.request("reserve", "q1", **{**MILK, **wrong})
    assert answer is not None
    assert (answer["status"], answer["reason"]) == ("refused", "malformed")


# -- documents that are asked for --------------------------------------------------------------------------------------


def page(rig: Rig, documents: list[Any], **members: Any) -> None:
    ask = rig.asks("expected")[-1]
    whole = {"documents": documents, "page": ask["page"], "since": ask["since"], "more": False, "revision": 3}
    rig.hear(f"S1/answer/{ask['id']}", {**whole, **members})
    rig.settle()
    rig.work(1)


def test_documents_are_asked_for_in_pages_and_then_what_changed(rig: Rig) -> None:
    rig.connect()
    rig.work(1)
    page(rig, [ASN], more=True)
    page(rig, [changed(document="ASN-2"), {"document": "ASN-3"}], revision=7)
    assert [name for name, _, _ in held(rig)] == ["ASN-1", "ASN-2"]
    assert rig.traffic.counts.documents_refused == 1
    rig.traffic.disconnected()
    rig.connect()
    rig.work(1)
    assert [(ask["since"], ask["page"]) for ask in rig.asks("expected")] == [(0, 0), (0, 1), (7, 0)]
    page(rig, [], withdrawn=["ASN-1", "ASN-9"], revision=8)
    assert [name for name, _, _ in held(rig)] == ["ASN-2"]


def test_what_could_not_be_written_is_asked_for_again(rig: Rig) -> None:
    rig.connect()
    rig.work(1)
    rig.busy = True
    page(rig, [ASN], revision=7)
    rig.busy = False
    rig.traffic.disconnected()
    rig.connect()
    rig.work(1)
    assert rig.asks("expected")[-1]["since"] == 0
    page(rig, [ASN], revision=7)
    assert len(held(rig)) == 1


@pytest.mark.parametrize("members", [{"documents": None}, {"more": 1}, {"revision": -1}, {"page": 4}, {"withdrawn": 5}])
def test_an_answer_that_is_no_page_of_documents_moves_nothing(rig: Rig, members: dict[str, Any]) -> None:
    rig.connect()
    rig.work(1)
    page(rig, **{"documents": [ASN], **members})
    assert held(rig) == []
    assert rig.traffic.counts.inbound_ignored == 1


def test_a_code_that_was_assigned_is_asked_about_and_its_item_comes_in(rig: Rig) -> None:
    assert rig.catalogue is not None
    rig.connect()
    rig.traffic.ask_about({"text": "8801234567893", "gtin": "08801234567893", "aim": "]E0"}, "MILK")
    rig.work(1)
    [ask] = rig.asks("resolve")
    assert {name: ask[name] for name in ("text", "gtin", "sku")} == {
        "text": "8801234567893",
        "gtin": "08801234567893",
        "sku": "MILK",
    }
    item = {"sku": "MILK", "revision": 9, "name": {"ko": "우유"}, "gtins": [{"gtin": "08801234567893"}]}
    for payload in ({"items": [item, {"sku": "?"}]}, {"items": [{**item, "sku": "TEA"}]}):
        rig.hear(f"S1/answer/{ask['id']}", payload)
    hit = rig.catalogue.by_code("08801234567893")
    assert hit is not None
    assert hit.sku == "MILK"
    assert rig.catalogue.count() == 1


def test_what_is_meant_for_another_store_does_nothing_here(rig: Rig) -> None:
    """A store that came with our client id has left its subscriptions in our session."""
    rig.connect()
    rig.stock("MILK", 5)
    rig.hear("S2/ack/hq", {"log": "another", "seq": 3}, retained=True)
    rig.hear("S2/request/reserve", {"id": "r1", "expires_at": FAR, "reservation": "R1", "sku": "MILK", "quantity": 1})
    rig.hear("S2/expected/ASN-1", {"document": "ASN-1"}, retained=True)
    rig.settle()
    rig.work()
    assert (rig.traffic.counts.inbound_ignored, rig.traffic.counts.acks_refused) == (3, 0)
    assert not rig.said
    assert not rig.line.of("response")
