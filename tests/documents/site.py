"""The documents as pages to browse: `make docs`, or `python -m tests.documents.site build/site`.

A folder of HTML that mirrors the repository, so that links between documents stay what they are but for `.md`. No
script, one style sheet, no server needed. Strict: a document that no menu leads to, a link or anchor that leads
nowhere, or a picture that was not taken ends it. The clerk's pictures are taken from the real screens (pictures.py);
without Chromium they are left out, and it says so.
"""

from __future__ import annotations

import html
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import unquote

from tests.documents import pictures
from tests.documents.links import MARKDOWN, dead, links, names

ROOT = Path(__file__).parent.parent.parent
MENU: dict[str, tuple[str, ...]] = {
    "Begin": ("README.md", "docs/start.md", "CHANGELOG.md"),
    "매장 · In the store": ("docs/clerk/ko.md", "docs/clerk/en.md"),
    "Install": ("docs/install.md", "docs/setup.md", "docs/devices.md", "drivers/README.md", "docs/portal.md",
                "docs/brokers.md", "docs/catalogue.md", "docs/sales.md"),
    "Operate": ("docs/operations.md", "docs/doctor.md", "docs/restore.md", "docs/retention.md", "docs/proof.md",
                "docs/security.md", "docs/security-web.md", "docs/security-desk.md"),
    "Head office": ("docs/headoffice.md", "docs/alerts.md", "docs/checks.md", "docs/commands.md", "docs/asn.md",
                    "docs/database.md", "docs/workers.md", "docs/scaling.md"),
    "Contract": ("docs/contract.md", "docs/consume.md", "docs/epcis.md", "docs/api.md", "docs/api-headoffice.md"),
    "How it is made": ("docs/architecture.md", "docs/testing.md", "docs/decisions/", "CONTRIBUTING.md"),
}  # fmt: skip
BESIDE = ("tests/fixtures/ledgers/ORIGIN.md",)  # linked, and in no menu
DECISIONS = "docs/decisions"
STYLE = "docs/site/style.css"


class Strict(Exception):
    """The lines say what is wrong."""


def decisions() -> list[str]:
    return sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / DECISIONS).glob("*.md"))


def pages() -> list[str]:
    return [name for listed in MENU.values() for name in listed if not name.endswith("/")] + decisions() + [*BESIDE]


def mistakes(made: frozenset[str]) -> Iterator[str]:
    """`made`: pictures that there will be, as the handbook links them."""
    listed = pages()
    there = {path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").rglob("*.md")}
    yield from (f"{name}: no menu leads to it" for name in sorted(there - set(listed)))
    yield from (f"{name}: it is in the menu and not there" for name in listed if not (ROOT / name).is_file())
    for name in listed:
        path = ROOT / name
        if not path.is_file():
            continue
        yield from dead(path, made)
        for target in links(path.read_text("utf-8")):
            other = (path.parent / target.partition("#")[0]).resolve()
            if other.suffix == ".md" and other.is_file() and other.relative_to(ROOT).as_posix() not in listed:
                yield f"{name}: {target}: no page of the site"


def title(name: str) -> str:
    if name.endswith("/"):
        return "Decisions"
    first = next(line for line in (ROOT / name).read_text("utf-8").splitlines() if line.startswith("# "))
    return first[2:].replace("`", "").strip()


def page(name: str) -> str:
    """The whole HTML of a document."""
    return framed(name, title(name), body((ROOT / name).read_text("utf-8"), (ROOT / name).parent))


def framed(name: str, told: str, text: str) -> str:
    up = os.path.relpath(".", Path(name).parent)
    parts = [
        "<!doctype html>",
        f'<html lang="{"ko" if name.endswith("/ko.md") else "en"}"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f'<title>{html.escape(told)} · Jaego</title><link rel="stylesheet" href="{up}/{STYLE}"></head><body>',
        f'<nav aria-label="Jaego">{"".join(_menu(name, up))}</nav>',
        f"<main>{text}</main></body></html>\n",
    ]
    return "\n".join(parts)


def _menu(name: str, up: str) -> Iterator[str]:
    for group, listed in MENU.items():
        yield f"<h2>{html.escape(group)}</h2><ul>"
        for one in listed:
            here = ' aria-current="page"' if one == name else ""
            yield f'<li><a href="{up}/{address(one)}"{here}>{html.escape(title(one))}</a></li>'
        yield "</ul>"


def body(text: str, folder: Path) -> str:
    """The HTML of a document in `folder`, its links as they are on the site."""
    parsed = MARKDOWN.parse(text)
    found = iter(names(parsed))
    for token in parsed:
        if token.type == "heading_open":
            token.attrSet("id", next(found))
        for one in token.children or ():
            target = one.attrs.get("href")
            if isinstance(target, str) and "://" not in target:
                one.attrSet("href", address(target, folder))
    made = MARKDOWN.renderer.render(parsed, MARKDOWN.options, {})
    return made.replace("<table>", '<div class="table"><table>').replace("</table>", "</table></div>")


def address(target: str, folder: Path = ROOT) -> str:
    """`x.md#y` is `x.html#y`; a folder is its list."""
    name, mark, anchor = target.partition("#")
    if name and (folder / unquote(name)).is_dir():
        return f"{name.rstrip('/')}/index.html"
    if name.endswith(".md"):
        name = f"{name[:-3]}.html"
    return f"{name}{mark}{anchor}"


def build(folder: Path, shown: Mapping[str, Path]) -> int:
    """Write it, with pictures by how the handbook links them; gives the number of pages. Raises `Strict`."""
    said = list(mistakes(frozenset(shown)))
    if said:
        raise Strict("\n".join(said))
    shutil.rmtree(folder, ignore_errors=True)
    for name in pages():
        _put(folder / address(name), page(name))
        for target in links((ROOT / name).read_text("utf-8")):
            other = ((ROOT / name).parent / target.partition("#")[0]).resolve()
            if target.startswith("#"):  # a place on the same page
                continue
            if other.is_dir():
                _list(other, folder)
            elif other.suffix != ".md" and other.is_file():
                _copy(other, folder)
    _list(ROOT / DECISIONS, folder)
    _copy(ROOT / STYLE, folder)
    _put(folder / "index.html", '<!doctype html><meta http-equiv="refresh" content="0; url=README.html">\n')
    for name, path in shown.items():
        place = folder / "docs" / "clerk" / name
        place.parent.mkdir(parents=True, exist_ok=True)
        if path.is_file():
            shutil.copy(path, place)
    return len(pages())


def _list(inner: Path, folder: Path) -> None:
    """A page of what a folder of documents or files has, with the files."""
    name, lines = inner.relative_to(ROOT).as_posix(), ""
    for path in sorted(inner.iterdir()):
        if path.suffix != ".md":
            _copy(path, folder)
        shown = title(path.relative_to(ROOT).as_posix()) if path.suffix == ".md" else path.name
        lines += f"- [{shown}]({path.name})\n"
    text = body(f"# {inner.name.capitalize()}\n\n{lines}", inner)
    _put(folder / name / "index.html", framed(f"{name}/index.html", inner.name, text))


def _put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")


def _copy(path: Path, folder: Path) -> None:
    place = folder / path.relative_to(ROOT)
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(path, place)


def main() -> None:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "build/site")
    lacks = pictures.lacking()
    with tempfile.TemporaryDirectory() as taken:
        shown = pictures.take(Path(taken)) if not lacks else {name: Path(taken) / name for name in pictures.linked()}
        try:
            count = build(folder, shown)
        except Strict as error:
            sys.exit(str(error))
    if lacks:
        sys.stderr.write(f"the clerk's handbook has no pictures: {lacks} is missing\n")
    sys.stdout.write(f"{count} pages: {folder / 'index.html'}\n")


if __name__ == "__main__":
    main()
