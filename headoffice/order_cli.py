"""`jaego-hq expect`, `reserve`, `release`: what head office tells and asks of one store."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from headoffice.options_cli import (
    DEFAULT,
    Address,
    Authorities,
    Certificate,
    CertificateKey,
    Database,
    PasswordFile,
    Prefix,
    Username,
    reached,
    said,
)

StoreName = Annotated[str, typer.Option("--store", help="The store.")]
Timeout = Annotated[float, typer.Option(min=1, max=600, help="Seconds until the store must have answered.")]
EXIT_REFUSED = 1


def expect(
    file: Annotated[Path, typer.Argument(help="Documents: JSON as on the wire, or CSV with a row for each line.")],
    store: StoreName,
    db: Database = DEFAULT,
    broker: Address = "127.0.0.1:1883",
    withdraw: Annotated[bool, typer.Option("--withdraw", help="Take these documents back.")] = False,
    prefix: Prefix = "stock/v1",
    username: Username = None,
    password_file: PasswordFile = None,
    ca: Authorities = None,
    cert: Certificate = None,
    key: CertificateKey = None,
) -> None:
    """Tell a store what to expect: notices of deliveries, transfers, picks, counts."""
    with said():
        from headoffice import asking
        from headoffice.documents import read_documents

        documents = read_documents(file)
        place = reached(broker, "expect", username, password_file, ca, cert, key)
        asking.expect(place, db, store, documents, withdraw=withdraw, prefix=prefix)
        for one in documents:
            print(f"{one.document}: {'withdrawn' if withdraw else f'{one.kind}, {len(one.lines)} lines'}")


def reserve(
    reservation: Annotated[str, typer.Argument(help="Name of the reservation.")],
    sku: Annotated[str, typer.Argument(help="The item.")],
    quantity: Annotated[int, typer.Argument(min=1, help="Base units.")],
    store: StoreName,
    order: Annotated[str | None, typer.Option(help="The customer's order.")] = None,
    hold_until: Annotated[str | None, typer.Option(help="RFC 3339; then it lapses.")] = None,
    broker: Address = "127.0.0.1:1883",
    timeout: Timeout = 10.0,
    prefix: Prefix = "stock/v1",
    username: Username = None,
    password_file: PasswordFile = None,
    ca: Authorities = None,
    cert: Certificate = None,
    key: CertificateKey = None,
) -> None:
    """Keep goods of a store for an order: exit 1 when it refuses."""
    members = {"reservation": reservation, "sku": sku, "quantity": quantity, "order": order, "hold_until": hold_until}
    with said():
        from headoffice import asking

        place = reached(broker, "reserve", username, password_file, ca, cert, key)
        _show(asking.request(place, store, "reserve", members, prefix=prefix, timeout_s=timeout))


def release(
    reservation: Annotated[str, typer.Argument(help="Name of the reservation.")],
    store: StoreName,
    broker: Address = "127.0.0.1:1883",
    timeout: Timeout = 10.0,
    prefix: Prefix = "stock/v1",
    username: Username = None,
    password_file: PasswordFile = None,
    ca: Authorities = None,
    cert: Certificate = None,
    key: CertificateKey = None,
) -> None:
    """Give what is left of a reservation free: exit 1 when the store refuses."""
    with said():
        from headoffice import asking

        place = reached(broker, "release", username, password_file, ca, cert, key)
        members = {"reservation": reservation}
        _show(asking.request(place, store, "release", members, prefix=prefix, timeout_s=timeout))


def register(app: typer.Typer) -> None:
    for command in (expect, reserve, release):
        app.command()(command)


def _show(answer: dict[str, Any]) -> None:
    print(json.dumps(answer, ensure_ascii=False))
    if answer["status"] != "done":
        raise typer.Exit(EXIT_REFUSED)
