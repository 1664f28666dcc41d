"""No dead link and no dead anchor in any document."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.documents.links import anchors, dead, links
from tests.documents.pictures import linked

ROOT = Path(__file__).parent.parent.parent
DOCUMENTS = sorted(
    path
    for where in ("*.md", "docs/**/*.md", "drivers/**/*.md", "systemd/*.md", "packaging/**/*.md")
    for path in ROOT.glob(where)
)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_its_links_lead_somewhere(path: Path) -> None:
    assert dead(path, linked()) == []


def test_dead_links_and_anchors_are_found(tmp_path: Path) -> None:
    page, other = tmp_path / "a.md", tmp_path / "b.md"
    other.write_text("# 한국어\n## Who gets `in`?\n## Twice\n## Twice\n")
    page.write_text(
        "[1](b.md#한국어) [2](b.md#who-gets-in) [3](b.md#twice-1) [4](https://example.com/x#y) ![5](p.png)\n"
    )
    assert [*links(page.read_text())] == ["b.md#한국어", "b.md#who-gets-in", "b.md#twice-1", "p.png"]
    assert dead(page) == ["a.md: p.png"]
    assert dead(page, frozenset({"p.png"})) == []
    page.write_text("[1](b.md#gone) [2](#me) [3](c.md)\n```\n[no link](d.md)\n```\n")
    assert dead(page) == ["a.md: b.md#gone: no such heading", "a.md: #me: no such heading", "a.md: c.md"]
    assert anchors(other) == {"한국어", "who-gets-in", "twice", "twice-1"}
