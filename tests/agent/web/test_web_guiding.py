"""What a station's page offers: every mode, zone and reason with its code, documents that wait, what is to be done."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest

from agent.operations.rules import Reason, Rules
from agent.operations.values import Mode
from agent.web import guiding, shown, stream, work
from agent.web.texts import LANGUAGES
from contract.documents import parse_document
from identity.control import VERBS, Control, parse
from tests.agent.web.branch import Branch
from tests.agent.web.store import Store
from tests.agent.web.test_web_pages import ask

DOCK = Store().stations[0]
RECEIPT = {
    "document": "ASN-1001",
    "kind": "receipt",
    "revision": 1,
    "from": "supplier",
    "to": "dock",
    "lines": [{"line": 1, "sku": "MILK-1L", "quantity": 40}],
}
REQUEST = {"document": "CNT-7", "kind": "count_request", "revision": 1, "zones": ["dock"]}


def test_every_verb_of_the_sheet_is_on_the_screen():
    """X and SET are typed with their number, badges are scanned."""
    codes = [*guiding.KEYS.values(), *(one.code for one in guiding.modes("en"))]
    codes += [one.code for one in [*guiding.zones(DOCK), *guiding.documents(["A-1"]), *guiding.reasons(Rules(), "en")]]
    assert {parse(code).verb for code in codes} == VERBS - {"LOGIN", "X", "SET"}


def test_every_mode_can_be_chosen_and_has_its_advice():
    assert set(guiding.MODES) == set(get_args(Mode))
    for mode in guiding.MODES:
        for language in LANGUAGES:
            assert shown.doing(shown.begun(None, DOCK)._replace(mode=mode), language)["advice"]


def test_what_no_code_can_hold_is_not_offered():
    place = replace(DOCK, zones=frozenset({"dock", "x" * 64}))
    assert [(one.label, parse(one.code)) for one in guiding.zones(place)] == [("dock", Control("ZONE", "DOCK"))]


def test_a_reason_is_said_in_both_languages():
    rules = Rules(reasons=(Reason("LOST", "out", "분실", "Lost"),))
    [korean], [english] = (guiding.reasons(rules, language) for language in LANGUAGES)
    assert (korean.label, english.label) == ("분실", "Lost")
    assert (english.ko, english.en) == ("분실", "Lost")


def test_every_word_of_the_page_is_told_anew_in_another_language():
    marked = set(re.findall('data-word="([a-z_]+)"', ask(Store(), "/station/dock-1").text))
    told = stream.words("en")["texts"]
    assert marked <= told.keys()
    assert all(told.values())


@pytest.fixture
def branch(tmp_path: Path):
    with Branch(tmp_path) as one:
        for document in (RECEIPT, REQUEST):
            one.ledger.call(lambda tx, held=document: tx.places.expect(parse_document(held), json.dumps(held).encode()))
        yield one


def test_a_picker_shows_the_documents_of_its_mode(branch):
    listed = branch.run(lambda client: client.get("/station/dock-1/documents")).json()
    assert listed == [{"label": "ASN-1001", "note": "입고 예정 · 0 / 40", "code": "STK-DOC-ASN-1001-C"}]
    everything = branch.run(lambda client: client.get("/station/counter/documents")).json()
    assert [one["label"] for one in everything] == ["ASN-1001", "CNT-7"]  # none is of its mode
    assert branch.run(lambda client: client.get("/station/none/documents")).status_code == 404


def test_the_start_page_says_what_waits(branch):
    zones, now_us = ["dock", "salesfloor"], branch.clock.wall_us
    found = branch.moments.look(lambda state: work.waiting(state, zones, now_us, Rules()))
    assert (found.documents, found.counts, found.reviews, found.orders) == (1, 0, 0, 0)
    assert found.zones == ("dock", "salesfloor")  # asked for, then never counted
    card = work.card(found, "en")
    assert (card["state"], card["documents"]) == ("near", "1 documents open")
    assert work.card(found._replace(reviews=1), "en")["state"] == "some"
