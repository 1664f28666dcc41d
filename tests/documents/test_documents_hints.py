"""What the programs themselves tell people to type, in hints and texts, can be typed."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.documents.commands import inner, options, programs

ROOT = Path(__file__).parent.parent.parent
ROOMS = ("agent", "headoffice", "simulators", "drivers", "contract")
_COMMAND = re.compile(
    r"(?<![\w/.-])(jaego(?:-hq|-sim)?) ((?:[a-z][a-z-]*|--[a-z-]+)(?: (?:[a-z][a-z-]*|--[a-z-]+|[A-Z]+))*)"
)
PROSE = {"runs"}  # words behind `jaego` in a sentence


def said(path: Path) -> Iterator[tuple[int, str]]:
    """Lines and texts of a module, without its docstrings."""
    tree = ast.parse(path.read_text("utf-8"))
    bodies = [getattr(node, "body", None) for node in ast.walk(tree)]
    told = {id(body[0].value) for body in bodies if isinstance(body, list) and body and isinstance(body[0], ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in told:
            yield node.lineno, node.value.replace("-u jaego ", "")


def wrong(text: str) -> Iterator[str]:
    for program, rest in _COMMAND.findall(text):
        at, words = programs()[program], rest.split()
        if words[0] in PROSE:
            continue
        while words and words[0] in inner(at):
            at = inner(at)[words.pop(0)]
        if inner(at):
            yield f"{program} {rest}: no command"
        yield from (f"{program} {rest}: no {one}" for one in words if one.startswith("--") and one not in options(at))


@pytest.mark.parametrize("room", ROOMS)
def test_a_command_in_a_hint_is_there(room: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}: {why}"
        for path in sorted((ROOT / room).rglob("*.py"))
        for line, text in said(path)
        for why in wrong(text)
    ]
    assert found == []


def test_a_hint_that_lies_is_found(tmp_path: Path) -> None:
    path = tmp_path / "one.py"
    path.write_text(
        '"""jaego fly"""\nx = f"hint: jaego fly {1}, sudo -u jaego jaego doctor, jaego restore --from-moon FILE"\n'
    )
    assert [why for _, text in said(path) for why in wrong(text)] == [
        "jaego fly: no command",
        "jaego restore --from-moon FILE: no --from-moon",
    ]
