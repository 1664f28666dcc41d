"""What was found wrong with the ledger while it was open, kept in the state folder until it is mended.

Each is a JSON object whose member `what` says it to people.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import orjson

from agent.ledger import files

DAMAGED = "ledger.damaged"  # what the check of the whole ledger found
BEHIND = "ledger.behind"  # which consumer has more of this log than the ledger


def put(folder: Path, name: str, found: dict[str, str | int]) -> None:
    """A disk that takes no mark is said elsewhere: whoever found it goes on saying it."""
    with suppress(OSError):
        files.keep(folder / name, orjson.dumps(found))


def read(folder: Path, name: str) -> dict[str, str | int] | None:
    with suppress(OSError, ValueError, TypeError):
        return dict(orjson.loads((folder / name).read_bytes()))
    return None


def told(folder: Path, name: str) -> str:
    """What it says to people; nothing where there is no such mark."""
    found = read(folder, name)
    return str(found.get("what", "")) if found is not None else ""


def forget(folder: Path, *names: str) -> None:
    for name in names:
        with suppress(OSError):
            (folder / name).unlink(missing_ok=True)
