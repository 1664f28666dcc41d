"""Links of documents: to files, and to headings by the anchors that GitHub and our site give them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING
from urllib.parse import unquote

from markdown_it import MarkdownIt

if TYPE_CHECKING:
    from pathlib import Path

    from markdown_it.token import Token

MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable("table")


def tokens(text: str) -> Iterator[Token]:
    """All of a document, inline ones after the block that holds them."""
    for token in MARKDOWN.parse(text):
        yield token
        yield from token.children or ()


def slug(heading: str) -> str:
    """`## Who gets in?` is `#who-gets-in`: letters of every script, digits, `-` and `_` stay."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def heading(inline: Token) -> str:
    """Its words without marks."""
    return "".join(one.content for one in inline.children or () if one.type in {"text", "code_inline"})


def names(parsed: list[Token]) -> list[str]:
    """The anchors of the headings, in order; one that comes again has a number."""
    found: list[str] = []
    for before, token in pairwise(parsed):
        if before.type == "heading_open":
            name = slug(heading(token))
            again = sum(one == name or re.fullmatch(rf"{re.escape(name)}-\d+", one) is not None for one in found)
            found.append(f"{name}-{again}" if again else name)
    return found


@cache
def anchors(path: Path) -> frozenset[str]:
    return frozenset(names(MARKDOWN.parse(path.read_text("utf-8"))))


def links(text: str) -> Iterator[str]:
    """Targets within the repository: without `https:` and `mailto:`. Pictures too."""
    for token in tokens(text):
        target = unquote(str(token.attrs.get("href") or token.attrs.get("src") or ""))
        if target and not re.match(r"[a-z]+:", target):
            yield target


def dead(path: Path, made: frozenset[str] = frozenset()) -> list[str]:
    """Links of `path` that lead nowhere. `made`: what comes into being when the site is built, as it is linked."""
    found: list[str] = []
    for target in links(path.read_text("utf-8")):
        name, _, anchor = target.partition("#")
        other = path.parent / name if name else path
        if target in made:
            continue
        if not other.exists():
            found.append(f"{path.name}: {target}")
        elif anchor and (other.suffix != ".md" or anchor not in anchors(other.resolve())):
            found.append(f"{path.name}: {target}: no such heading")
    return found
