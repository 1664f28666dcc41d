"""What clerks read: every text that operations name is there in both languages, with the same facts."""

from __future__ import annotations

import re
import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import agent.capture.stations
import agent.operations
from agent.operations.values import Product
from agent.texts import TEXTS, product_name, render

FACTS = {
    "zone": "backroom",
    "zone_quantity": 3,
    "quantity": 2,
    "sku": "COLA",
    "on_hand": 5,
    "code": "x",
    "reason": "r",
    "done": 3,
    "expected": 4,
    "missing": 2,
    "lines": 2,
    "skus": "COLA, TEA",
    "document": "ASN-1",
    "sscc": "0" * 18,
    "over": 1,
    "short": 0,
    "damaged": 2,
    "lot": "L7",
    "expiry": "2026-12-01",
    "clerk_name": "Kim",
}
KNOWN = {"name", "product", *FACTS}
PRODUCT = Product("COLA", 1, 0, "each", "콜라", "Cola")


def fields(text: str) -> set[str]:
    return {name for _before, name, _form, _conversion in string.Formatter().parse(text) if name}


def test_both_languages_say_the_same_facts() -> None:
    for name, (korean, english) in TEXTS.items():
        assert fields(korean) == fields(english), name
        assert fields(korean) <= KNOWN, name
        assert korean != english, name
        assert re.search("[가-힣]", korean), name
        assert english.isascii(), name


def test_stop_and_look_are_said_first() -> None:
    for korean, english in TEXTS.values():
        assert korean.startswith("멈춤: ") == english.startswith("Stop: ")
        assert korean.startswith("확인: ") == english.startswith("Look: ")


def test_every_text_that_operations_name_is_there() -> None:
    """Words in the sources that look like texts: what a decision or an exception is given."""
    folder = Path(str(agent.operations.__path__[0]))
    source = "".join(path.read_text("utf-8") for path in sorted(folder.glob("*.py")))
    source += Path(agent.capture.stations.__file__).read_text("utf-8")
    named = set(re.findall(r'Decision\(\s*Answer\.[A-Z]+, "([a-z_]+)"', source))
    named |= set(re.findall(r'(?:\.stop\(|"not_done", )"([a-z_]+)"', source))
    named |= set(re.findall(r'(?:\.moved|_changed|duplicate)\(\s*(?:turn, )?"([a-z_]+)"', source))
    named |= set(re.findall(r'(?:turn\.exception\(|exception\(scan, source, )"(?!not_done|possible)([a-z_]+)"', source))
    named |= set(re.findall(r'(?:text=|low else )"([a-z_]+)"', source))
    assert {
        "session_closed",
        "nothing_to_undo",
        "no_weight",
        "unknown_code",
        "not_written",
        "set_to",
        "no_reason",
    } <= named
    assert named - TEXTS.keys() == set()


@pytest.mark.parametrize("language", ["ko", "en"])
@pytest.mark.parametrize("name", sorted(TEXTS))
def test_every_text_renders_with_all_facts_and_with_none(name: str, language: str) -> None:
    full = render(name, {**FACTS, "product": PRODUCT}, language)  # type: ignore[arg-type]
    assert full
    assert not re.search(r"[{}–]", full)
    assert "{" not in render(name, {}, language)  # type: ignore[arg-type]


def test_names_fall_back_to_the_other_language_and_to_the_sku() -> None:
    assert (product_name(PRODUCT, "ko"), product_name(PRODUCT, "en")) == ("콜라", "Cola")
    half = Product("TEA", 1, 0, "each", "", "Tea")
    assert (product_name(half, "ko"), product_name(Product("X", 1, 0, "each", "", ""), "en")) == ("Tea", "X")


@given(st.text(max_size=30))
def test_what_was_scanned_is_shown_as_it_is(code: str) -> None:
    assert render("unknown_code", {"code": code}, "en") == f"Stop: unknown code {code}"
