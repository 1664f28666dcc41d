"""The commands of docs/start.md, out of the page itself."""

from __future__ import annotations

from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "start.md"
COMMANDS_MAX = 10
DESK_READY = "open on this machine"  # what a person waits for, as the page says


def commands() -> list[str]:
    """The first block of the page, in its order."""
    lines = PAGE.read_text().splitlines()
    begin = next(number for number, line in enumerate(lines) if line.startswith("    "))
    found: list[str] = []
    for line in lines[begin:]:
        if not line.startswith("    "):
            return found
        found.append(line.strip())
    return found
