"""`jaego-hq workers`: who shares the stores of one PostgreSQL."""

from __future__ import annotations

import json
from dataclasses import asdict

import typer

from headoffice.options_cli import Database, Json, said


def workers(db: Database, as_json: Json = False) -> None:
    """Every worker: when it was seen, its stores, what it takes in. The last line are the stores of nobody."""
    with said():
        from headoffice.database import open_database
        from headoffice.worker_leases import free_stores, living

        held = open_database(db, read_only=True)
        try:
            found, free = living(held), free_stores(held)
        finally:
            held.close()
    for one in found:
        if as_json:
            print(json.dumps(asdict(one), ensure_ascii=False))
            continue
        seen = f"{'up' if one.up else 'GONE'}, seen {one.seen_s:.1f} s ago"
        print(
            f"{one.worker:16} {seen:26} {one.stores:>6,} stores in {one.buckets:>4} buckets "
            f"{one.events:>13,} events, {one.rate:>7,} a second  {one.host} {one.version}"
        )
    if not as_json:
        print(f"{free:,} stores are nobody's" if free else "every store is somebody's")


def register(app: typer.Typer) -> None:
    app.command()(workers)
