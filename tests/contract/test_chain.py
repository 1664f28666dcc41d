"""The envelope, its hash, and what a changed, missing or moved event looks like."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from contract import opening
from contract.canonical import CanonicalError, canonical
from contract.chain import GENESIS, ChainError, Place, Sealed, Sealer, check_body, check_event, message, seal
from contract.events import EVENT
from contract.ids import is_store, uuid7
from contract.stock import KEY_CHARACTERS_MAX, StockError, StockKey, StockRow, event_deltas, line_deltas, stock_digest
from contract.topics import Topics, parse


def line(**changes: Any) -> dict[str, Any]:
    return {
        "sku": "COLA",
        "quantity": 2,
        "from": "supplier",
        "to": "backroom",
        "lot": None,
        "disposition": "sellable",
        **changes,
    }


def event(seq: int, prev: str, kind: str = "movement", data: dict[str, Any] | None = None) -> Sealed:
    return seal(
        kind,
        data or {"kind": "received", "lines": [line()], "follows": None},
        {
            "store": "S1", "log": "L1", "seq": seq, "id": uuid7(1_700_000_000_000 + seq, bytes(10)),
            "occurred_at": "2026-09-07T12:50:36.194+09:00", "recorded_at": "2026-09-07T12:50:36.200+09:00",
            "clock": "synced", "source": {"device": "scanner-1", "station": "dock"}, "prev": prev,
        },
    )  # fmt: skip


def test_the_body_is_canonical_and_the_hash_is_over_all_but_the_hash() -> None:
    sealed = event(1, GENESIS)
    parsed = json.loads(sealed.body)
    assert sealed.body == canonical(parsed)
    without = {key: value for key, value in parsed.items() if key != "hash"}
    text = json.dumps(without, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
    assert sha256(text).hexdigest() == parsed["hash"] == sealed.hash


def test_a_chain_checks_and_each_damage_is_named() -> None:
    first = event(1, GENESIS)
    second = event(2, first.hash)
    assert check_body(second.body, prev=first.hash, seq=2)["seq"] == 2
    for body, seq, prev, code in [
        (second.body.replace(b"COLA", b"BEER"), 2, first.hash, "hash"),
        (second.body, 3, first.hash, "sequence"),
        (second.body, 2, GENESIS, "prev"),
        (second.body.replace(b'"seq":2', b'"seq": 2'), 2, first.hash, "canonical"),
        (b"{", 2, first.hash, "shape"),
        (b"[]", 2, first.hash, "shape"),
        (b'{"seq":1}', 2, first.hash, "shape"),
    ]:
        with pytest.raises(ChainError) as caught:
            check_body(body, prev=prev, seq=seq)
        assert caught.value.code == code


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("seq", 0),
        ("seq", "1"),
        ("type", "sale"),
        ("clock", "wrong"),
        ("data", 1),
        ("store", "a/b"),
        ("log", ""),
        ("id", 5),
        ("type", []),
        ("clock", {}),
    ],
)
def test_members_out_of_shape_are_refused(member: str, value: object) -> None:
    bad = {**json.loads(event(1, GENESIS).body), member: value}
    with pytest.raises(ChainError):
        check_event(bad)


def test_a_missing_member_is_missed_among_unknown_ones() -> None:
    bad = {**json.loads(event(1, GENESIS).body), "unknown": 1}
    del bad["id"]
    with pytest.raises(ChainError, match="missing: id"):
        check_event(bad)


def test_a_batch_is_the_stored_bodies_joined() -> None:
    first = event(1, GENESIS)
    second = event(2, first.hash)
    payload = message("S1", "L1", [first.body, second.body])
    parsed = json.loads(payload)
    assert [check_event(one)["seq"] for one in parsed["events"]] == [1, 2]
    assert first.body + b"," + second.body in payload


def test_events_fit_their_published_shape_and_have_a_size_limit() -> None:
    assert EVENT.validate_json(event(1, GENESIS).body).data.kind == "received"
    with pytest.raises(CanonicalError, match="bytes"):
        event(1, GENESIS, data={"kind": "received", "lines": [line(sku="x" * 50_000)]})


def test_lines_move_between_zones_and_nowhere_else() -> None:
    assert line_deltas(line()) == [(StockKey("COLA", "backroom", "", "sellable"), 2)]
    moved = line(**{"from": "backroom", "to": "floor", "lot": "A1", "from_disposition": "quarantine"})
    assert line_deltas(moved) == [
        (StockKey("COLA", "backroom", "A1", "quarantine"), -2),
        (StockKey("COLA", "floor", "A1", "sellable"), 2),
    ]
    assert line_deltas(line(**{"from": "transit:S2", "to": "customer"})) == []
    for quantity in (0, -1, 1.5, True, "1", None):
        with pytest.raises(StockError):
            line_deltas(line(quantity=quantity))
    long = "x" * KEY_CHARACTERS_MAX
    for texts in (
        {"lot": "A\0"},
        {"sku": "\0"},
        {"to": "\0"},
        {"from_disposition": "\0"},
        {"lot": long},
        {"sku": long},
    ):
        with pytest.raises(StockError, match="zero bytes"):
            line_deltas(line(**texts))
    for bad in ([{"sku": "COLA"}], [5], None, [line(sku=5)], [line(lot=5)], [line(to=None)], [line(to=["a"])]):
        with pytest.raises(StockError):
            list(event_deltas({"type": "movement", "data": {"lines": bad}}))


def test_the_digest_ignores_order_and_empty_rows() -> None:
    rows = [
        StockRow("B", "z", "", "sellable", 1),
        StockRow("A", "z", "", "sellable", 5),
        StockRow("A", "z", "L", "damaged", 0),
    ]
    first = stock_digest(rows)
    assert first == stock_digest(reversed(rows[:2]))
    assert (first["rows"], first["quantity"]) == (2, 6)
    assert stock_digest(rows[:1])["hash"] != first["hash"]


def test_an_opening_is_signed_for_its_place() -> None:
    key = Ed25519PrivateKey.generate()
    public = key.public_key().public_bytes_raw().hex()
    parts = opening.opening_parts([["SKU", "z", None, "sellable", n] for n in range(600)], [], None)
    assert [part["part"] for part in parts] == [1, 2, 3]
    assert [row[4] for part in parts for row in part["state"]["stock"]] == list(range(600))
    data = opening.sign(key.sign, public, store="S1", log="L1", seq=1, prev=GENESIS, data=parts[0])
    sealed = json.loads(event(1, GENESIS, "journal", data).body)
    opening.check_opening(sealed, public)
    with pytest.raises(ChainError, match="not this store"):
        opening.check_opening(sealed, "00" * 32)
    for changed in (
        {**sealed, "seq": 2},
        {**sealed, "data": {**data, "parts": 1}},
        {**sealed, "data": {**data, "key": "zz"}},
    ):
        with pytest.raises(ChainError):
            opening.check_opening(changed)


def test_topics_refuse_what_could_be_a_wildcard_and_read_back() -> None:
    topics = Topics("S1")
    assert parse(topics.level("COLA")) is not None
    assert parse("stock/v1/S1/device/a") is not None
    assert parse("stock/v1/S1") is None
    assert parse("other/v1/S1/state") is None
    for bad in ("+", "#", "a/b", "", "x" * 65, "재고"):
        with pytest.raises(ValueError, match="cannot stand"):
            topics.level(bad)
    for bad in ("catalog", "+", "a/b"):
        with pytest.raises(ValueError, match="no store id"):
            Topics(bad)
    assert is_store("S1")


def test_uuid7_sorts_by_time_and_carries_version_and_variant() -> None:
    early, late = uuid7(1, b"\xff" * 10), uuid7(2, bytes(10))
    assert early < late
    assert early[14] == "7"
    assert early[19] in "89ab"
    assert uuid7(0x017F22E279B0, bytes.fromhex("0cc318c4dc0c0c07398f")).startswith("017f22e2-79b0-7")


@given(
    st.dictionaries(st.text(st.characters(max_codepoint=127), max_size=6), st.text(max_size=6) | st.integers(-9, 9)),
    st.integers(1, 2**53 - 1),
)
def test_the_fast_sealer_gives_the_bytes_of_the_plain_one(data: dict[str, Any], seq: int) -> None:
    source = {"device": 'a"b', "station": "dock"}
    place = Place(
        seq, GENESIS, uuid7(seq, bytes(10)), "2026-09-07T12:50:36.194+09:00", "2026-09-07T12:50:36.200+09:00", "suspect"
    )
    rest = {**place._asdict(), "store": "S1", "log": "L1", "source": source}
    assert Sealer("S1", "L1").seal("journal", data, source, place) == seal("journal", data, rest)
