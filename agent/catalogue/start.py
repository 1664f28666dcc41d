"""The catalogue as an agent finds it at its start."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Protocol

from agent.catalogue import Catalogue, CatalogueCorrupt, CatalogueFileError, import_file
from agent.catalogue.store import set_aside
from agent.errors import LedgerUnusable

REFUSALS_SAID_MAX = 10


class Say(Protocol):
    def __call__(self, subject: str, text: str, *, hint: str = "", level: int = 5) -> None: ...


def open_at_start(folder: Path, source: Path | None, wall_us: int, say: Say) -> Catalogue:
    """The catalogue of a state folder; a damaged one is set aside, a newer `source` is imported.

    Raises LedgerUnusable where there is no folder, CatalogueError for what cannot be helped here.
    """
    if not folder.is_dir():
        raise LedgerUnusable(f"there is no folder {folder}", hint="create it, owned by the agent's user")
    path = folder / "catalogue.db"
    young = not path.exists()
    try:
        catalogue = Catalogue(path)
    except CatalogueCorrupt as error:
        aside = set_aside(path, f"damaged-{wall_us // 1_000_000}")
        say("catalogue", f"{error}; it is set aside as {aside.name}, items come anew", level=3)
        catalogue, young = Catalogue(path), True
    if source is None:
        return catalogue
    try:
        if young or not source.exists() or source.stat().st_mtime > path.stat().st_mtime:
            _import(catalogue, source, say)
            os.utime(path)
    except CatalogueFileError as error:  # the store opens all the same, with the items it has
        say("catalogue", str(error), hint=error.hint, level=3)
    return catalogue


def _import(catalogue: Catalogue, source: Path, say: Say) -> None:
    report = import_file(catalogue, source)
    say("catalogue", f"{source.name}: {report.read} items read, {report.refused} refused")
    for refusal in report.refusals[:REFUSALS_SAID_MAX]:
        say(f"catalogue line {refusal.line}", f"{refusal.column}: {refusal.text}", level=4)
