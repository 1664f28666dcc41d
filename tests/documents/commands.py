"""The commands that documents name, and the command lines as they are: what a text promises must be typable.

A command stands in a code block's line, or in a code span, and begins with one of the three programs. What follows is
read as a shell would, up to a comment (two spaces, or `#`), a pipe or `>`; `list | pin ID | role ID ROLE` is several
commands of a group.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import typer.main

import agent.cli
import headoffice.cli
import simulators.cli

if TYPE_CHECKING:
    from pathlib import Path

_PROGRAM = r"(?:\.venv/bin/|/opt/jaego/bin/|bin/)?(?P<program>jaego|jaego-hq|jaego-sim)"
_BEFORE = r"(?:\$ |(?:sudo|nice|env)(?: -u \S+| -n \d+)* |\w+=\S+ )*"
_COMMAND = re.compile(rf"^\s*{_BEFORE}{_PROGRAM} (?P<rest>\S.*)$")
_SPAN = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
_END = re.compile(r"(?:\s{2,}|\s#\s|\s>>?\s|\s2?>|\s&&?(?:\s|$)|\s;\s|;$).*$")


class Named(NamedTuple):
    """`words` follow the program; `alternatives` are other commands of the same group."""

    place: str
    program: str
    words: tuple[str, ...]


def named(path: Path) -> Iterator[Named]:
    fenced = False
    for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1):
        place = f"{path.name}:{number}"
        if line.lstrip().startswith("```"):
            fenced = not fenced
        elif fenced or line.startswith("    "):
            yield from _read(place, line)
        if not fenced:
            for span in _SPAN.findall(line):
                yield from _read(place, span)


def _read(place: str, line: str) -> Iterator[Named]:
    found = _COMMAND.match(line)
    if found is None:
        return
    program, parts = found["program"], _END.sub("", found["rest"]).split(" | ")
    first = _words(parts[0])
    choices = next((one for one in first if re.fullmatch(r"[a-z0-9]+(\|[a-z0-9]+)+", one)), "")
    for choice in choices.split("|"):
        yield Named(place, program, tuple(choice if one == choices else one for one in first))
    for part in parts[1:]:
        other = _words(part)
        for depth in range(len(first)):
            if other and other[0] in inner(command(program, first[:depth])):
                yield Named(place, program, (*first[:depth], *other))


def _words(text: str) -> tuple[str, ...]:
    return tuple(shlex.split(text.replace("[", "").replace("]", "")))


@cache
def programs() -> dict[str, Any]:
    apps = {"jaego": agent.cli.app, "jaego-hq": headoffice.cli.whole(), "jaego-sim": simulators.cli.app}
    return {name: typer.main.get_command(app) for name, app in apps.items()}


def inner(at: Any) -> dict[str, Any]:
    """A group's commands by name: typer brings a click of its own, so classes tell nothing."""
    return getattr(at, "commands", {})


def command(program: str, words: tuple[str, ...]) -> Any:
    """What `words` lead to; None where they lead nowhere."""
    at = programs()[program]
    for word in words:
        at = inner(at).get(word)
    return at


def wrong(one: Named) -> str:
    """Why it could not be typed so; empty where it could. A group alone names its commands."""
    at, words = programs()[one.program], list(one.words)
    said = ""
    while inner(at) and words and words[0] != "…" and not said:
        word = words.pop(0)
        at = inner(at).get(word)
        said = "" if at else f"there is no {word}"
    said = said or ("" if inner(at) else _options(at, words))
    return said and f"{one.place}: {one.program} {' '.join(one.words)}: {said}"


def options(at: Any) -> dict[str, Any]:
    """A command's options by every name they have."""
    found: dict[str, Any] = {"--help": None, "--version": None}
    for one in at.params:
        if one.param_type_name == "option":
            found |= dict.fromkeys((*one.opts, *one.secondary_opts), one)
    return found


def _options(at: Any, words: list[str]) -> str:
    places, known = 0.0, options(at)
    for one in at.params:
        if one.param_type_name == "argument":
            places += float("inf") if one.nargs == -1 else one.nargs
    while words:
        name, _, value = words.pop(0).partition("=")
        if not name.startswith("-") or name == "-":
            places -= name != "…"
        elif name not in known:
            return f"there is no option {name}"
        elif known[name] is not None and not known[name].is_flag and not value:
            del words[:1]
    return "too many words" if places < 0 else ""
