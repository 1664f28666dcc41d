"""The fast check of an event and the close look at it are of one mind, whatever comes."""

from __future__ import annotations

import json
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract import chain
from contract.chain import GENESIS, MEMBERS, ChainError, Sealed, read_event, seal
from contract.ids import uuid7
from contract.stock import is_outside, line_deltas


def event(**changes: Any) -> Sealed:
    rest = {
        "store": "S1", "log": "L1", "seq": 1, "id": uuid7(1_700_000_000_000, bytes(10)),
        "occurred_at": "2026-09-07T12:50:36.194+09:00", "recorded_at": "2026-09-07T12:50:36.200+09:00",
        "clock": "synced", "source": {"device": "scanner-1"}, "prev": GENESIS, "data": {"kind": "looked_up"}, **changes,
    }  # fmt: skip
    return seal("journal", rest.pop("data"), rest)


def test_an_event_as_nearly_all_are_needs_no_close_look() -> None:
    assert chain._proven(orjson.loads(event().body)) == event().body


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4) | st.sampled_from([2**53, "1.5"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=5,
)
members = st.sampled_from([*sorted(MEMBERS), "data", "data", "source", "hashed", "a", "재고"])


@given(st.dictionaries(members, anything, max_size=2), st.sampled_from(["", "data", "source"]), st.booleans())
def test_the_fast_check_and_the_close_look_are_of_one_mind(changes: dict[str, Any], where: str, hashed: bool) -> None:
    found = json.loads(event().body)
    target = found[where] if where else found
    target.update(changes)
    if hashed:  # as somebody would who knows how, and writes floats or keys that have no canonical form
        bare = {key: value for key, value in found.items() if key != "hash"}
        text = json.dumps(bare, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        found["hash"] = sha256(text.encode("utf-8", "replace")).hexdigest()

    def outcome(look: Callable[[dict[str, Any]], bytes]) -> bytes | str:
        try:
            return look(found)
        except ChainError as error:
            return error.code

    try:
        found = orjson.loads(json.dumps(found))
    except orjson.JSONDecodeError:  # a lone surrogate, NaN: no parser hands it on
        return
    assert outcome(lambda one: read_event(one)[1]) == outcome(chain._read_closely)


@pytest.mark.parametrize("levels", [1, 100, 240, 248, 249, 250, 251, 252, 253])
def test_nesting_is_judged_alike(levels: int) -> None:
    nested = orjson.loads('{"a":' * levels + "1" + "}" * levels)
    found = json.loads(event().body) | {"data": nested}
    bare = {key: value for key, value in found.items() if key != "hash"}
    found["hash"] = sha256(json.dumps(bare, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
    if levels <= 250:  # the event itself is one more
        assert orjson.loads(read_event(found)[1]) == found
    else:
        with pytest.raises(ChainError, match="nested"):
            read_event(found)


def test_another_member_named_hash_does_not_mislead() -> None:
    for changes in ({"source": {"hash": "0" * 64}}, {"data": {"hash": "0" * 64, "id": "x"}}):
        sealed = event(**changes)
        assert read_event(orjson.loads(sealed.body)) == (orjson.loads(sealed.body), sealed.body)


places = st.sampled_from(
    ["floor", "supplier", "customer", "scrap", "unknown", "transit:S2", "transit:a/b", "transit:", ":"]
)


@given(places, places, st.integers(1, 5))
def test_a_line_moves_stock_of_the_places_that_are_inside(source: str, target: str, quantity: int) -> None:
    line = {"sku": "COLA", "quantity": quantity, "from": source, "to": target, "disposition": "sellable"}
    expected = [(source, -quantity)] * (not is_outside(source)) + [(target, quantity)] * (not is_outside(target))
    assert [(key.zone, delta) for key, delta in line_deltas(line)] == expected
