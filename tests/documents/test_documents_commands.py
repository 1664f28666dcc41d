"""Documents name commands that are there, with the options they have."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.documents.commands import Named, command, inner, named, programs, wrong

ROOT = Path(__file__).parent.parent.parent
# Without decisions: they tell what was decided on their day.
DOCUMENTS = sorted(
    path
    for where in ("*.md", "docs/*.md", "docs/clerk/*.md", "drivers/**/*.md", "config/*.toml", "systemd/*.md")
    for path in ROOT.glob(where)
)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_its_commands_can_be_typed(path: Path) -> None:
    assert [said for one in named(path) if (said := wrong(one))] == []


def test_commands_are_found_in_blocks_and_in_spans() -> None:
    found = {one for path in DOCUMENTS for one in ((n.program, n.words[0]) for n in named(path))}
    assert {("jaego", "run"), ("jaego", "restore"), ("jaego-hq", "desk"), ("jaego-sim", "load")} <= found


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("jaego restore --from-moon", "no option"),
        ("jaego fly", "there is no fly"),
        ("sudo -u jaego jaego clerk list | fire ID", ""),
        ("jaego clerk list | pin ID ID ID", "too many words"),
        ("jaego doctor -c FILE    what is wrong", ""),
        ("jaego log prove 4711 > proof.json", ""),
    ],
)
def test_what_cannot_be_typed_is_found(tmp_path: Path, line: str, why: str) -> None:
    path = tmp_path / "a.md"
    path.write_text(f"    {line}\n\nand `{line}`\n")
    said = [wrong(one) for one in named(path)]
    assert len(said) >= 2
    assert [one for one in said if one] == [one for one in said if why and why in one]
    assert bool(why) == any(said)


def test_every_command_is_told_somewhere() -> None:
    """In a document, not only by --help."""
    told = {(one.program, one.words[:depth]) for path in DOCUMENTS for one in named(path) for depth in range(1, 4)}
    silent = [
        f"{program} {' '.join(words)}"
        for program in programs()
        for words in _leaves(program, ())
        if (program, words) not in told
    ]
    assert silent == []


def _leaves(program: str, words: tuple[str, ...]) -> list[tuple[str, ...]]:
    names = inner(command(program, words))
    return [leaf for name in names for leaf in _leaves(program, (*words, name))] if names else [words]


def test_a_command_knows_where_it_stands(tmp_path: Path) -> None:
    path = tmp_path / "b.md"
    path.write_text("x\n\n    .venv/bin/jaego-hq desk --open   # all\n")
    assert [*named(path)] == [Named("b.md:3", "jaego-hq", ("desk", "--open"))]
