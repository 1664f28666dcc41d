"""`jaego-hq backup`: a copy of the database that can be put back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from headoffice.options_cli import DEFAULT, Database, Json, said


def backup(
    folder: Annotated[Path, typer.Argument(help="Folder of the copies.")],
    db: Database = DEFAULT,
    keep: Annotated[int, typer.Option(min=1, max=1000, help="How many copies stay.")] = 7,
    as_json: Json = False,
) -> None:
    """Copy the database, verify the copy and keep the newest; the worker may run. PostgreSQL: pg_dump."""
    with said():
        from headoffice.backups import back_up
        from headoffice.clock import SystemClock

        found = back_up(db, folder, keep=keep, wall_us=SystemClock().wall_us())
    if as_json:
        print(json.dumps({"file": str(found.file), "size_bytes": found.size_bytes, "stores": found.stores}))
    else:
        print(f"{found.file}: {found.size_bytes:,} bytes, whole, {found.stores} stores")


def register(app: typer.Typer) -> None:
    app.command()(backup)
