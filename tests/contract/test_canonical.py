"""Canonical form against a second implementation and hand-checked vectors."""

from __future__ import annotations

import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.canonical import INTEGER_MAX, CanonicalError, canonical, checked

VECTORS = Path(__file__).parents[2] / "contract" / "vectors" / "canonical.json"

text = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)
keys = st.text(st.characters(max_codepoint=127), max_size=8)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-INTEGER_MAX, INTEGER_MAX) | text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=20,
)


def second_implementation(value: object) -> bytes:
    """RFC 8785 by the standard library: its escapes are those of 3.2.2.2 but for \\u007f, which it leaves alone too."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


@given(values)
def test_two_implementations_agree(value: object) -> None:
    assert canonical(value) == second_implementation(value)


@given(values)
def test_reading_and_writing_again_changes_nothing(value: object) -> None:
    assert canonical(json.loads(canonical(value))) == canonical(value)


@pytest.mark.parametrize("vector", json.loads(VECTORS.read_text()), ids=lambda vector: vector["says"])
def test_vectors(vector: dict[str, object]) -> None:
    assert canonical(vector["value"]) == str(vector["canonical"]).encode()
    assert sha256(canonical(vector["value"])).hexdigest() == vector["sha256"]


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ({"data": {"lines": [{"quantity": 1.5}]}}, "data.lines[0].quantity"),
        ({"a": 2**53}, "a"),
        ({"재고": 1}, ""),
        ({"a": {1, 2}}, "a"),
        ({"a": [b"x"]}, "a[0]"),
        ({"a": float("nan")}, "a"),
    ],
)
def test_what_has_no_canonical_form_is_named(value: object, path: str) -> None:
    for encoder in (canonical, checked):
        with pytest.raises(CanonicalError) as caught:
            encoder(value)
        assert caught.value.path == path


@given(
    st.recursive(
        st.integers() | text | st.floats() | st.sampled_from([b"x", {1}, 1e16, 1e-7, "1.5", "a:1e5", ",2.5", 2**60]),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=4),
        max_leaves=12,
    )
)
def test_the_fast_encoder_gives_what_the_slow_one_gives(value: object) -> None:
    def outcome(encoder: Callable[[object], bytes]) -> bytes | None:
        try:
            return encoder({"v": value})
        except CanonicalError:
            return None

    assert outcome(checked) == outcome(canonical)


def test_lone_surrogates_and_deep_nesting_are_refused() -> None:
    deep: list[object] = []
    for _ in range(300):
        deep = [deep]
    with pytest.raises(CanonicalError):
        canonical({"a": "\ud800"})
    with pytest.raises(CanonicalError, match="deeper"):
        canonical(deep)
