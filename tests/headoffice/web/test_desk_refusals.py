"""What the API says when it refuses: in English, or in Korean to who reads it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from headoffice.web.language import COOKIE
from headoffice.web.texts_refused import REFUSED
from tests.headoffice.web.office import Office

ROOT = Path(__file__).parents[3] / "headoffice"
HANGUL = re.compile("[가-힣]")


def codes() -> set[str]:
    """Every word for machines that a refusal is raised with."""
    found: set[str] = set()
    for path in [*(ROOT / "web").glob("*.py"), ROOT / "commands.py"]:
        text = path.read_text("utf-8")
        found |= set(re.findall(r'\bRefused\(\s*\d+, "([a-z_]+)"', text))
        found |= set(re.findall(r'\bCommandRefused\(\s*"([a-z_]+)"', text))
    return found | {"invalid", "bad_cursor"}


def test_every_refusal_has_korean_words_and_no_words_are_left_over() -> None:
    assert codes() == REFUSED.keys()
    assert [code for code, text in REFUSED.items() if not HANGUL.search(text)] == []


@pytest.mark.parametrize(
    ("headers", "korean"),
    [
        ({}, False),
        ({"accept-language": "ko-KR,ko;q=0.9,en;q=0.8"}, True),
        ({"accept-language": "en,ko"}, False),
        ({"cookie": f"{COOKIE}=ko", "accept-language": "en"}, True),
    ],
)
@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("/api/v1/stock/NONE", "unknown_sku"),
        ("/api/v1/stores?limit=0", "invalid"),
        ("/api/v1/stores?cursor=x", "bad_cursor"),
        ("/api/v1/stores?categroy=x", "unknown_parameter"),
    ],
)
def test_a_hint_is_in_the_readers_language(
    small: Office, path: str, error: str, headers: dict[str, str], korean: bool
) -> None:
    told = small.client().get(path, headers=headers).json()
    assert told["error"] == error
    assert bool(HANGUL.search(told["hint"])) == korean


def test_what_was_wrong_stays_in_the_korean_hint(small: Office) -> None:
    told = small.client().get("/api/v1/stores?limit=0", headers={"accept-language": "ko"}).json()
    english = small.client().get("/api/v1/stores?limit=0").json()
    assert told["field"] == english["field"] == "limit"
    assert told["hint"] == f"값이 맞지 않습니다: {english['hint']}"
