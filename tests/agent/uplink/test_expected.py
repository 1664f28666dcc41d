"""Documents from head office: written before they are used, the newest counts, what is none is refused and said."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from agent.uplink.link import Inbound
from tests.agent.uplink.test_traffic import Rig

ASN: dict[str, Any] = {
    "document": "ASN-1",
    "kind": "receipt",
    "revision": 2,
    "from": "supplier",
    "to": "backroom",
    "lines": [{"line": 1, "sku": "MILK", "quantity": 12}],
}


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    opened = Rig(tmp_path)
    yield opened
    opened.close()


def hear(rig: Rig, name: str, payload: bytes | dict[str, Any]) -> None:
    body = payload if isinstance(payload, bytes) else orjson.dumps(payload)
    rig.traffic.inbound([Inbound(f"stock/v1/S1/expected/{name}", body, True)], 0.0)


def held(rig: Rig) -> list[tuple[str, int, int]]:
    documents = rig.ledger.call(lambda tx: tx.documents())
    return [(one.document, one.revision, one.lines[0].quantity) for one in documents]


def changed(**members: Any) -> dict[str, Any]:
    return {**ASN, **members}


def test_a_document_is_kept_over_a_restart(rig: Rig) -> None:
    hear(rig, "ASN-1", ASN)
    assert held(rig) == [("ASN-1", 2, 12)]
    rig.close()
    rig.open()
    assert held(rig) == [("ASN-1", 2, 12)]


def test_the_newest_revision_counts_and_an_empty_payload_withdraws(rig: Rig) -> None:
    line = {"line": 1, "sku": "MILK", "quantity": 24}
    hear(rig, "ASN-1", changed(revision=3, lines=[line]))
    hear(rig, "ASN-1", ASN)
    assert held(rig) == [("ASN-1", 3, 24)]
    hear(rig, "ASN-1", b"")
    assert held(rig) == []
    hear(rig, "ASN-9", b"")
    assert rig.said == []


@pytest.mark.parametrize(
    "payload",
    [
        b"no json",
        b"[]",
        b"null",
        b"x" * 70_000,
        changed(document="ASN-2"),
        changed(kind="party"),
        changed(revision=0),
        changed(lines=[]),
        changed(lines=[{"line": 1, "sku": "MILK", "quantity": 0}]),
        changed(lines=[{"line": 1, "sku": "MILK", "quantity": 1}] * 2),
        changed(lines=[{"line": 1, "sku": "no/topic", "quantity": 1}]),
        changed(**{"from": "backroom"}),
        changed(to="customer"),
        changed(kind="transfer_in"),
        changed(kind="transfer_out"),
    ],
)
def test_what_is_no_document_is_refused_said_and_counted(rig: Rig, payload: bytes | dict[str, Any]) -> None:
    hear(rig, "ASN-1", payload)
    assert held(rig) == []
    assert rig.traffic.counts.documents_refused == 1
    assert "ASN-1" in rig.said[0][1]


def test_unknown_members_are_ignored(rig: Rig) -> None:
    hear(rig, "ASN-1", changed(carrier="CJ", lines=[{"line": 1, "sku": "MILK", "quantity": 12, "colour": "white"}]))
    assert held(rig) == [("ASN-1", 2, 12)]


def test_a_busy_ledger_is_said_and_the_retained_document_comes_again(rig: Rig) -> None:
    rig.busy = True
    hear(rig, "ASN-1", ASN)
    rig.busy = False
    assert held(rig) == []
    assert "could not be written" in rig.said[0][1]
    hear(rig, "ASN-1", ASN)
    assert held(rig) == [("ASN-1", 2, 12)]


def test_the_topic_is_asked_for(rig: Rig) -> None:
    assert "stock/v1/S1/expected/+" in rig.traffic.subscriptions
