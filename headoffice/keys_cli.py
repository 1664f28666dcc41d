"""`jaego-hq key`: with which key each store signs its log, and which one the next log must be signed with."""

from __future__ import annotations

import json
from contextlib import closing
from typing import Annotated

import typer

from contract.ids import is_store
from headoffice.options_cli import DEFAULT, Database, Json, said

app = typer.Typer(no_args_is_help=True, help="Keys that the stores' logs are signed with.")


@app.command("list")
def key_list(
    db: Database = DEFAULT,
    store: Annotated[str | None, typer.Option(help="One store only.")] = None,
    as_json: Json = False,
) -> None:
    """Keys by store, the newest first."""
    with said():
        from headoffice import keys
        from headoffice.storages import open_storage

        with closing(open_storage(db, read_only=True)) as held:
            found = keys.known(held.database, store)
    for one in found:
        words = ", ".join(word for word, true in (("followed", one.followed), ("next", one.next)) if true)
        print(json.dumps(one._asdict()) if as_json else f"{one.store:12} {one.key} {words}".rstrip())


@app.command("enrol")
def key_enrol(
    store: Annotated[str, typer.Argument(help="The store.")],
    key: Annotated[str, typer.Argument(help="Its public key, as `jaego key show` prints it in the store.")],
    db: Database = DEFAULT,
) -> None:
    """From now on a new log of the store is taken in only if it is signed with this key."""
    with said():
        from headoffice import keys
        from headoffice.clock import SystemClock
        from headoffice.errors import ConfigError
        from headoffice.storages import open_storage

        if not is_store(store):
            raise ConfigError(f"{store!r} is no store", hint="name it as its topics do, such as S001")
        with closing(open_storage(db)) as held:
            keys.enrol(held.database, store, key, SystemClock().wall_us())
    print(f"{store}: its next log must be signed with {key}")
