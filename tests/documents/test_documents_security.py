"""docs/security.md against the code: files, numbers and tests that it names are there, and no entrance is left out."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from drivers.registry import KINDS

ROOT = Path(__file__).parent.parent.parent
TEXT = (ROOT / "docs" / "security.md").read_text("utf-8")
TESTS = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", TEXT)))
FILES = sorted(set(re.findall(r"`((?:agent|headoffice|contract|drivers|config|systemd)/[\w./-]+\.\w+)`", TEXT)))
THREATS = (
    "A lost or stolen PC",
    "Hostile input from a scanner",
    "Hostile tags",
    "A hostile peer at the broker",
    "A hostile page in a browser tab",
    "An insider",
)
ENTRANCES = (
    *("screens and API", "desk of head office", "enrolment", "renewal", "requests to a store", "asks of stores"),
    *("events of stores", "control socket", "every device", "tags of all readers", "files"),
)


@cache
def functions(name: str) -> frozenset[str]:
    tree = ast.parse((ROOT / name).read_text("utf-8"))
    return frozenset(one.name for one in ast.walk(tree) if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef))


def section(title: str) -> str:
    found = re.search(rf"^## {re.escape(title)}$(.*?)(?=^## |\Z)", TEXT, re.MULTILINE | re.DOTALL)
    assert found, title
    return found[1]


@pytest.mark.parametrize(("name", "function"), TESTS)
def test_a_test_that_it_names_exists(name: str, function: str) -> None:
    assert function in functions(name)


def test_a_file_that_it_names_exists() -> None:
    assert [name for name in FILES if not (ROOT / name).is_file()] == []


@pytest.mark.parametrize("title", THREATS)
def test_a_threat_has_measures_with_tests_and_says_what_is_left(title: str) -> None:
    text = section(title)
    table = [line for line in text.splitlines() if line.startswith("| ")][1:]
    assert len(table) >= 6
    assert [line for line in table if "`tests/" not in line.rpartition(" | ")[2]] == []
    assert "\nLeft: " in text


def test_a_limit_stands_in_its_file_as_it_stands_here() -> None:
    """`agent/control.py` `CONNECTIONS_MAX = 16`: up to the next file, everything in code marks is that file's."""
    checked, wrong = 0, list[str]()
    for line in section("Every entrance has a limit").splitlines():
        for name, limits in re.findall(r"`([a-z]+/[\w/]+\.py)`((?: `[^`]*[=(][^`]*`)+)", line):
            for limit in re.findall(r"`([^`]+)`", limits):
                checked += 1
                if limit not in (ROOT / name).read_text("utf-8"):
                    wrong.append(f"{name}: {limit}")
    assert checked >= 30
    assert wrong == []


def test_every_entrance_is_told_with_a_limit_and_a_test() -> None:
    table = [line for line in section("Every entrance has a limit").splitlines() if line.startswith("| ")][1:]
    for name in (*ENTRANCES, *(f"`{kind}`" for kind in KINDS)):
        told = [line for line in table if line.startswith(f"| {name}")]
        assert len(told) == 1, name
        assert ".py`" in told[0].split(" | ")[1], name
        assert "`tests/" in told[0].split(" | ")[2], name
