"""The screens' words: complete in both languages, and every one of them in use."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest

import drivers
from agent import capture, web
from agent.capture.supervisor import State
from agent.operations.values import Mode
from agent.web.texts import LANGUAGES, TEXTS, age, text
from contract import events, journal, papers
from contract.events import ExceptionData
from contract.stock import DISPOSITIONS
from drivers.reads import Answer, Fault

HANGUL = re.compile("[가-힣]")
# The same in both languages, or a pattern without words.
WORDLESS = {"other_language", "expected_shape", "from_to", "hint_400", "unit_gram", "sku"}
PREFIXES = {"MovementData": "moved", "ExceptionData": "kind"}  # of an event's kind; of all others `journal`
SILENT = {"advice_connecting", "advice_up"}


def placeholders(line: str) -> set[str]:
    return set(re.findall(r"{(\w+)}", line))


@pytest.mark.parametrize("key", TEXTS)
def test_every_text_stands_in_both_languages(key):
    korean, english = TEXTS[key]
    assert (korean == english == "") if key in SILENT else (korean and english)
    assert placeholders(korean) == placeholders(english)
    if key not in WORDLESS | SILENT:
        assert HANGUL.search(korean), korean
        assert not HANGUL.search(english), english


def test_every_text_is_used_and_every_used_text_exists():
    folder = Path(web.__path__[0])
    sources = [
        one for one in folder.rglob("*") if one.suffix in {".py", ".html", ".js"} and not one.name.startswith("texts")
    ]
    written = "\n".join(one.read_text() for one in sources)
    composed = ("state_", "advice_", "mode_", "kind_", "reason_", "error_", "hint_", "unit_", "age_")
    composed += (
        "guide_",
        "pick_",
        "sound_",
        "refused_",
        "document_",
        "near_",
        "notice_",
        "fix_",
        "fact_",
        "tally_",
        "print_",
        "train_",
        "denied_",
        "role_",
        "paper_",
        "moved_",
        "line_",
        "journal_",
        "count_",
        "place_",
    )
    named = set(re.findall(r"""["'](\w+)["']|\btexts\.(\w+)""", written))
    used = {one for pair in named for one in pair}
    unused = [key for key in TEXTS if key not in used and not key.startswith(composed)]
    assert set(unused) <= {"good", "look", *DISPOSITIONS}
    assert set(re.findall(r"\bt\('(\w+)'(?! ~)", written)) <= TEXTS.keys()


def test_everything_the_agent_can_say_has_its_word():
    kinds = get_args(ExceptionData.model_fields["kind"].annotation)
    expected = {
        *(f"state_{one.value}" for one in State),
        *(f"advice_{one.value}" for one in State),
        *(f"mode_{one}" for one in get_args(Mode)),
        *(f"kind_{one}" for one in kinds),
        *(f"reason_{one.value}" for one in Fault),
        *(one.value for one in Answer),
        *DISPOSITIONS,
    }
    assert expected <= TEXTS.keys()


def test_every_condition_of_a_device_has_its_word_and_what_to_do():
    """The codes as drivers and portals write them; what a new one means is asked here."""
    folders = [Path(one.__path__[0]) for one in (drivers, capture)]
    written = "\n".join(one.read_text() for folder in folders for one in folder.rglob("*.py"))
    told = re.compile(r"""(?:Condition|Reason|Inventory|_trouble|\.begin|Notice)\((?:[\w.]+,)?\s*"(\w+)",?""")
    codes = set(told.findall(written)) | {"hot", "high_return_loss", "clock_unsure", "out_of_reach"}
    assert len(codes) >= 11
    assert {f"notice_{one}" for one in codes} <= TEXTS.keys()
    assert {one.removeprefix("notice_") for one in TEXTS if one.startswith("notice_")} == {
        one.removeprefix("fix_") for one in TEXTS if one.startswith("fix_")
    }


@pytest.mark.parametrize(
    ("seconds", "korean", "english"),
    [
        (-5, "0초", "0 s"),
        (0, "0초", "0 s"),
        (59, "59초", "59 s"),
        (60, "1분", "1 min"),
        (250, "4분", "4 min"),
        (7200, "2시간", "2 h"),
        (200_000, "2일", "2 d"),
    ],
)
def test_an_age_is_told_in_its_largest_unit(seconds, korean, english):
    assert [age(seconds, one) for one in LANGUAGES] == [korean, english]


def test_the_fact_of_syncing_reads_as_the_design_has_it():
    assert text("to_send", "en", waiting=112, age=age(250, "en")) == "112 to send, oldest 4 min"


def test_every_kind_of_event_has_words_among_the_scans_around_an_entry():
    shapes = {name: shape for module in (journal, papers, events) for name, shape in vars(module).items()}
    kinds = {
        f"{PREFIXES.get(name, 'journal')}_{kind}"
        for name, shape in shapes.items()
        if name.endswith("Data") and "kind" in getattr(shape, "model_fields", {})
        for kind in get_args(shape.model_fields["kind"].annotation)
    }
    assert len(kinds) > 50
    assert kinds <= TEXTS.keys()
