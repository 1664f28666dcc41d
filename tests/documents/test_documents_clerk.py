"""docs/clerk/*.md against the code: control codes work, every answer that needs a word has one, and screens are called
what they call themselves, in each language.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from agent.operations.controls import LANGUAGES
from agent.texts import TEXTS
from agent.web.texts import LANGUAGES as SCREENS
from agent.web.texts import Language, text
from identity.control import VERBS, parse
from tests.browser.addresses import AGENT, STORE
from tests.documents.links import links

FOLDER = Path(__file__).parent.parent.parent / "docs" / "clerk"
HANDBOOKS = {language: (FOLDER / f"{language}.md").read_text("utf-8") for language in SCREENS}
NEEDS_A_PERSON = {name: both for name, both in TEXTS.items() if both[1].startswith(("Look:", "Stop:", "Nothing"))}
# Screens that show what another shows, or an error.
ALIKE = {
    *("station-empty", "stock-none", "find", "find-none", "find-unknown", "device", "print-zones", "training-station"),
    *("error-404", "error-400", "settings"),
}
MENU = ("overview", "stock", "documents", "counts", "orders", "exceptions", "find", "training", "print", "settings")
WORDS = (
    *(f"nav_{name}" for name in MENU),
    *("sync", "work", "stations", "devices", "all_sent", "see_all"),
    *(f"state_{name}" for name in ("up", "look", "down", "refused", "failed")),
    *("close_document", "close_short", "withdraw", "expected", "done", "over", "short"),
    *("open_count", "submit_count", "recount", "confirm_zero", "count_another", "pick", "reject"),
    *("book_title", "assign_title", "dismiss_title", "history", "dismiss", "sound_blocked", "approve"),
    *("key_times", "key_set", "count_new", "count_other", "count_waiting"),
)


@pytest.mark.parametrize("language", SCREENS)
def test_its_control_codes_are_orders_that_the_agent_obeys(language: Language) -> None:
    verbs = {parse(code).verb for code in re.findall(r"`(STK-[A-Z0-9-]+)`", HANDBOOKS[language])}
    assert verbs >= {*LANGUAGES, "UNDO", "ZONE", "CLOSE", "LOGOUT"}
    assert verbs <= VERBS


@pytest.mark.parametrize("name", NEEDS_A_PERSON)
def test_an_answer_that_needs_a_person_is_explained_in_both_languages(name: str) -> None:
    for language, line in zip(SCREENS, NEEDS_A_PERSON[name], strict=True):
        assert f"| {line} | " in HANDBOOKS[language]


@pytest.mark.parametrize("language", SCREENS)
def test_it_calls_things_what_the_screens_call_them(language: Language) -> None:
    told = HANDBOOKS[language].lower()
    assert [word for key in WORDS if (word := text(key, language)).lower() not in told] == []


@pytest.mark.parametrize("language", SCREENS)
def test_every_screen_has_its_picture(language: Language) -> None:
    shown = {
        target.removeprefix("pictures/") for target in links(HANDBOOKS[language]) if target.startswith("pictures/")
    }
    assert {f"{name}-{language}.png" for name in (STORE.keys() | AGENT.keys()) - ALIKE} <= shown
    assert {one for one in shown if not one.endswith(f"-{language}.png")} == set()


def test_both_languages_tell_the_same() -> None:
    """As many sections, pictures, tables' rows and steps."""
    shapes = [
        [re.sub(r"[^#|!\d.-].*", "", line)[:3] for line in book.splitlines() if re.match(r"#|!\[|\| ?STK|\d\. ", line)]
        for book in HANDBOOKS.values()
    ]
    assert shapes[0] == shapes[1]
