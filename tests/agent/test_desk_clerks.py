"""Clerks at the desk: badges, locks of idle stations, identities of codes with a serial number, and a day of documents
over the real ledger whose projections are made again."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.capture.sgtin import sgtin
from agent.capture.stations import Entry
from agent.ledger import files, rebuild
from agent.ledger.reader import verify
from contract.documents import parse_document
from contract.events import EVENT
from drivers.reads import Answer
from identity.control import encode
from identity.tags import identify_epc
from tests.agent.ledger.stated import same_again
from tests.agent.test_stations import CASE, COLA, Shop, shop

__all__ = ["shop"]
LOGIN = encode("LOGIN", "B1")
SERIAL = f"01{COLA}21AB-7"


def fire(shop: Shop, after_s: float) -> None:
    """Time passes, and the newest timer ends."""
    shop.clock.advance(after_s)
    shop.locks.pop()[1]()


def test_a_station_that_is_idle_locks_and_its_screen_says_so(shop: Shop) -> None:
    assert shop.scan(LOGIN).text == "Kim 님, 안녕하세요"
    assert [seconds for seconds, _ in shop.locks] == [900.0]
    shop.clock.advance(600)
    shop.scan(COLA)
    fire(shop, 300)
    assert [seconds for seconds, _ in shop.locks] == [600.0]  # somebody scanned in between
    fire(shop, 600)
    shop.turn()
    entry = shop.entries[-1]
    assert (entry.station, entry.said, entry.session and entry.session.locked) == ("dock", "idle_locked", True)
    assert (shop.scan(COLA).said, shop.scan(LOGIN).said, shop.scan(COLA).said) == ("locked", "logged_in", "received")
    out = [one["data"] for one in shop.reader.newest(100) if one["data"]["kind"] == "clerk_logged_out"]
    assert [(one["clerk"], one["by"]) for one in out] == [("c-1", "idle")]


def test_nobody_at_work_is_not_locked(shop: Shop) -> None:
    shop.scan(COLA)
    shop.scan(LOGIN, "shop-scanner")  # a station without a limit
    assert shop.locks == []
    shop.scan(LOGIN)
    shop.scan(encode("LOGOUT"))
    fire(shop, 900)
    shop.ledger.call(lambda _tx: None)
    assert shop.loop.empty()


def test_a_session_that_was_open_before_a_restart_locks_too(shop: Shop) -> None:
    shop.scan(LOGIN)
    shop.locks.clear()
    session = shop.reader.sessions()["dock"]
    shop.desk._idle._waiting.clear()
    shop.desk.resume({"dock": session})
    assert [seconds for seconds, _ in shop.locks] == [900.0]


def test_a_code_with_a_serial_number_is_one_identity(shop: Shop) -> None:
    item = shop.catalogue.item("COLA")
    assert item is not None
    assert shop.scan(SERIAL).said == "received"
    entry = shop.scan(SERIAL)
    assert (entry.answer, entry.said) == (Answer.LOOK, "already_here")
    assert shop.reader.stock()[0].quantity == 1


@pytest.mark.parametrize("serial", ["7", "274877906943", "007", "274877906944", "AB-7"])
def test_the_epc_of_a_code_is_what_its_tag_says(serial: str) -> None:
    epc = sgtin(COLA, serial, 7, 1)
    assert epc is not None
    found = identify_epc(epc)
    assert (found.gtin, found.serial, found.filter) == (COLA, serial, 1)


@pytest.mark.parametrize(("serial", "digits"), [("x" * 21, 7), ("7", None), ("7", 13)])
def test_what_no_tag_can_say_has_no_epc(serial: str, digits: int | None) -> None:
    assert sgtin(COLA, serial, digits, 1) is None


def test_a_day_of_documents_is_the_same_after_a_rebuild(shop: Shop, tmp_path: Path) -> None:
    body = {"document": "ASN-1", "kind": "receipt", "revision": 1, "from": "supplier", "to": "backroom"}
    document = parse_document({**body, "lines": [{"line": 1, "sku": "COLA", "quantity": 60, "lot": "L1"}]})
    raw = document.model_dump_json(by_alias=True, exclude_none=True).encode()
    shop.ledger.call(lambda tx: tx.places.expect(document, raw))
    codes = [LOGIN, encode("DOC", "ASN-1"), CASE, SERIAL, encode("X", 12), COLA, encode("SET", 10), encode("UNDO")]
    codes += [encode("DAMAGED"), COLA, encode("X", 99), COLA, encode("CLOSE"), encode("CLOSE-SHORT")]
    said = [shop.scan(text).said for text in codes]
    assert said[4:9] == ["multiplied", "received_of", "set_to", "reversed", "damaged_next"]
    assert said[9:] == ["received_of", "multiplied", "over_delivery", "close_document", "document_closed_short"]
    more = [encode("DOC", "ASN-1"), COLA, encode("CLOSE"), encode("OK"), encode("UNDO"), encode("MODE-ADJUST")]
    more += [encode("REASON", "SCRAP"), f"01{COLA}17271231" + "10L1", encode("LOGOUT")]
    assert shop.scan(more[0]).said == "document_opened"
    entry = shop.scan(more[1])
    assert (entry.done, entry.expected, entry.sku) == (27, 60, "COLA")
    assert [shop.scan(text).said for text in more[2:]] == [
        *("close_document", "document_closed", "closed_already", "adjust_mode", "reason_chosen", "adjusted"),
        "session_closed",
    ]
    for event in shop.reader.newest(1000):
        EVENT.validate_python(event)
    verify(shop.reader)
    before = shop.reader.projections()
    assert sum(row.quantity for row in shop.reader.stock()) == 26
    shop.ledger.close()
    connection = files.open_writer(tmp_path)
    connection.execute("DELETE FROM book")
    assert rebuild.rebuild(connection) == before == shop.reader.projections()
    connection.close()


def test_what_is_closed_is_expected_no_more_by_anybody(shop: Shop) -> None:
    body = {"document": "ASN-1", "kind": "receipt", "revision": 1, "from": "supplier", "to": "backroom"}
    document = parse_document({**body, "lines": [{"line": 1, "sku": "COLA", "quantity": 60}]})
    raw = document.model_dump_json(by_alias=True, exclude_none=True).encode()
    shop.ledger.call(lambda tx: tx.places.expect(document, raw))
    assert shop.ledger.call(lambda tx: [one.document for one in tx.documents()]) == ["ASN-1"]
    for text in (encode("DOC", "ASN-1"), encode("CLOSE"), encode("OK")):
        shop.scan(text)
    assert shop.ledger.call(lambda tx: (tx.documents(), tx.document("ASN-1"))) == ([], None)
    shop.ledger.call(lambda tx: tx.withdraw("ASN-1"))
    assert shop.reader.newest(1)[0]["data"]["kind"] == "withdrawn"
    assert [key for key, _ in shop.reader.book("document_closed")] == []


def test_a_press_happens_once_over_a_restart(shop: Shop) -> None:
    """The agent died between the event and its answer: its page sends the press again."""

    def press(name: str, *, resent: bool) -> Entry:
        heard: list[Entry] = []
        shop.desk.scan("dock", COLA.encode(), heard.append, device="screen", resent=resent, press=name)
        while not heard:
            shop.turn()
        return heard[0]

    assert press("press-0001", resent=False).said == "received"
    assert press("press-0002", resent=True).said == "received"  # its first copy never came
    for _ in range(3):
        again = press("press-0001", resent=True)
        assert (again.answer, again.said) == (Answer.LOOK, "pressed_before")
    assert shop.reader.stock()[0].quantity == 2
    same_again(shop.reader)
