"""docs/contract.md says what the code does: its tables, its examples, its verification."""

from __future__ import annotations

import inspect
import json
from hashlib import sha256

from pydantic import BaseModel

from contract import answers, documents, events, journal, messages, papers, shapes
from contract.chain import GENESIS, check_event
from contract.opening import check_opening
from tests.contract_document import DOCUMENT, renewed, sample_log

TEXT = DOCUMENT.read_text("utf-8")
INTERNAL = {
    shapes.Shape,
    journal.Encoding,
    messages.Request,
    answers.Page,
    events.MovementEvent,
    events.ExceptionEvent,
    events.JournalEvent,
    events.DocumentEvent,
    events.CountEvent,
}


def test_tables_and_examples_are_of_the_code() -> None:
    assert renewed(TEXT) == TEXT, "run: python -m tests.contract_document"


def test_every_model_of_the_contract_has_its_table() -> None:
    for room in (events, papers, journal, shapes, messages, documents, answers):
        for name, model in vars(room).items():
            if inspect.isclass(model) and issubclass(model, BaseModel) and model.__module__ == room.__name__:
                assert model in INTERNAL or f"<!-- made: {name} -->" in TEXT, name


def test_the_examples_are_a_log_that_holds() -> None:
    prev = GENESIS
    for seq, event in enumerate(sample_log(), start=1):
        prev = check_event(event, prev=prev, seq=seq)["hash"]
    check_opening(sample_log()[0])


def test_the_recipe_for_the_hash_is_right() -> None:
    for event in sample_log():
        name = event.pop("hash")
        body = json.dumps(event, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
        assert sha256(body).hexdigest() == name
    vectors = json.loads((DOCUMENT.parent.parent / "contract" / "vectors" / "canonical.json").read_text("utf-8"))
    for one in vectors:
        body = json.dumps(one["value"], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        assert body == one["canonical"], one["says"]
