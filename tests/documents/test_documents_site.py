"""The site of the documents: whole, without a dead end, and what would not be is refused. Pictures: `make docs`."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest

from tests.documents import site
from tests.documents.pictures import linked


class Found(HTMLParser):
    """Links and ids of a page; anything that would be loaded from elsewhere or run."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.ids: set[str] = set()
        self.foreign: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "id" and value:
                self.ids.add(value)
            elif name in {"href", "src"} and value:
                (self.links if "://" not in value and not value.startswith("mailto:") else self.foreign).append(value)
                assert tag == "a" or value not in self.foreign, f"{tag} {value}: comes from elsewhere"
        assert tag not in {"script", "iframe"}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    picture = folder / "one.png"
    picture.write_bytes(b"picture")
    site.build(folder / "site", dict.fromkeys(linked(), picture))
    return folder / "site"


def test_every_page_is_there_and_every_link_of_it_leads_somewhere(built: Path) -> None:
    found = {path: Found(path.read_text("utf-8")) for path in built.rglob("*.html")}
    assert len(found) == len(site.pages()) + 3  # the front door; lists of decisions and schemas
    dead: list[str] = []
    for path, one in found.items():
        for link in map(unquote, one.links):
            name, _, anchor = link.partition("#")
            other = (path.parent / name).resolve() if name else path
            if not other.is_file() or (anchor and anchor not in found[other].ids):
                dead.append(f"{path.relative_to(built)}: {link}")
    assert dead == []


def test_it_begins_at_the_start_and_has_every_part(built: Path) -> None:
    front = (built / "README.html").read_text("utf-8")
    guides = ("clerk/ko", "clerk/en", "install", "devices", "operations", "contract", "architecture")
    assert [name for name in guides if f'href="./docs/{name}.html"' not in front] == []
    assert 'href="./docs/decisions/index.html"' in front
    assert "README.html" in (built / "index.html").read_text("utf-8")
    assert '<html lang="ko">' in (built / "docs/clerk/ko.html").read_text("utf-8")
    assert len(list((built / "docs/clerk/pictures").iterdir())) == len(linked())


def test_what_is_wrong_is_said_and_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(site.Strict) as error:
        site.build(tmp_path / "site", {})
    said = str(error.value).splitlines()
    assert len(said) == len(linked())
    assert all(re.fullmatch(r"(ko|en)\.md: pictures/[\w-]+\.png", line) for line in said)
    assert not (tmp_path / "site").exists()


def test_a_document_that_no_menu_leads_to_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(site.MENU, "Operate", site.MENU["Operate"][1:])
    said = list(site.mistakes(linked()))
    assert "docs/operations.md: no menu leads to it" in said
    assert any("docs/operations.md" in line or "operations.md: no page" in line for line in said[1:])
