"""docs/operations.md against the code: its control codes work, and every answer that needs a word has one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from agent.operations.controls import LANGUAGES
from agent.texts import TEXTS
from identity.control import VERBS, parse

TEXT = (Path(__file__).parent.parent / "docs" / "operations.md").read_text("utf-8")
NEEDS_A_PERSON = {name: both for name, both in TEXTS.items() if both[1].startswith(("Look:", "Stop:", "Nothing"))}


def test_its_control_codes_are_orders_that_the_agent_obeys() -> None:
    verbs = {parse(code).verb for code in re.findall(r"`(STK-[A-Z0-9-]+)`", TEXT)}
    assert verbs >= {*LANGUAGES, "UNDO", "ZONE", "CLOSE", "LOGOUT"}
    assert verbs <= VERBS


@pytest.mark.parametrize("name", NEEDS_A_PERSON)
def test_an_answer_that_needs_a_person_is_explained_in_both_languages(name: str) -> None:
    for line in NEEDS_A_PERSON[name]:
        assert f"| {line} | " in TEXT
