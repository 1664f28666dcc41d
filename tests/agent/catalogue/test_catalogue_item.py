"""The item master: codes, consistency, and what people are told about mistakes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from contract.catalog import GtinError, Item, ItemRefused, gtin14, parse_item, path_text, shown
from identity.check import gs1_digit

MILK = {"sku": "MILK", "name": {"ko": "우유"}, "gtins": [{"gtin": "8809999000013"}]}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("4006381333931", "04006381333931"),  # GTIN-13
        ("036000291452", "00036000291452"),  # GTIN-12, the example of Wikipedia's "Check digit"
        ("73513537", "00000073513537"),  # GTIN-8
        ("10614141000415", "10614141000415"),  # GTIN-14 of the GS1 EPC examples
    ],
)
def test_gtins_are_kept_with_fourteen_digits(text: str, expected: str) -> None:
    assert gtin14(text) == expected
    assert gtin14(expected) == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("4006381333932", "the check digit is 2, expected 1"),
        ("", "expected a GTIN of 8, 12, 13 or 14 digits"),
        ("400638133393", "the check digit is 3"),
        ("40063813339", "leading zero"),
        ("4.00638E+12", "spreadsheet"),
        ("4006381333931 ", "expected a GTIN"),
        ("４００６３８１３３３９３１", "expected a GTIN"),
        ("٤٠٠٦٣٨١٣", "expected a GTIN"),
        ("2012345000009", "the check digit"),
        ("0" * 14, "in-store"),
    ],
)
def test_what_is_no_gtin_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(GtinError, match=reason.replace("+", r"\+")):
        gtin14(text)


@pytest.mark.parametrize(
    "payload", ["200123456789", "291234500000", "021234567890", "0212345", "2123456", "1200123456789"]
)
def test_in_store_codes_are_no_gtins(payload: str) -> None:
    # GS1 General Specifications 1.4.5 and 2.1.11: prefixes 02 and 20 to 29, RCN-8; an indicator changes nothing.
    with pytest.raises(GtinError, match="item_numbers"):
        gtin14(payload + gs1_digit(payload))


@pytest.mark.parametrize(
    ("change", "place", "reason"),
    [
        ({"sku": "a b"}, "sku", "1 to 64"),
        ({"sku": "A\n"}, "sku", "1 to 64"),
        ({"sku": "상품"}, "sku", "1 to 64"),
        ({"name": {}}, "", "a name is missing"),
        ({"name": {"ko": " "}}, "name.ko", "1 to 200"),
        ({"name": {"ko": "a\x00b"}}, "name.ko", "U+0000"),
        ({"name": {"ko": "우\ufffd"}}, "name.ko", "U+FFFD"),
        ({"name": {"ko": "\ud800"}}, "name.ko", "half of a character"),
        ({"name": {"ko": "우" * 201}}, "name.ko", "1 to 200"),
        ({"revision": -1}, "revision", "0 or more"),
        ({"revision": 2**53}, "revision", "0 or more"),
        ({"revision": True}, "revision", "0 or more"),
        ({"revision": 1.0}, "revision", "0 or more"),
        ({"base_unit": "kg"}, "base_unit", "each or gram"),
        ({"gtins": [{"gtin": 8809999000013}]}, "gtins[0].gtin", "as text"),
        ({"gtins": [{"gtin": "8809999000013", "units": 0}]}, "gtins[0].units", "1 to"),
        ({"gtins": [{"gtin": "8809999000013", "units": "12"}]}, "gtins[0].units", "1 to"),
        ({"gtins": [{"gtin": "8809999000013"}, {"gtin": "08809999000013"}]}, "", "given twice"),
        ({"gtins": [{"gtin": "8809999000013", "unit": 1}]}, "gtins[0].unit", "no such member"),
        ({"gtins": None}, "gtins", "a list"),
        ({"item_numbers": ["1", "1"]}, "", "given twice"),
        ({"item_numbers": ["1-1"]}, "item_numbers[0]", "letters and digits"),
        ({"price": {"amount_minor": 100}}, "price.currency", "ISO 4217"),
        ({"price": {"amount_minor": 1, "currency": "krw"}}, "price.currency", "ISO 4217"),
        ({"base_unit": "gram", "price": {"amount_minor": 1, "currency": "KRW"}}, "", "per 100 or 1000"),
        ({"base_unit": "gram", "tracking": "serial"}, "", "no serial numbers"),
        ({"thresholds": {"min": 5, "max": 4}}, "thresholds", "min 5 is above max 4"),
        ({"thresholds": {}}, "thresholds", "neither"),
        ({"colour": "red"}, "colour", "no such member"),
    ],
)
def test_mistakes_are_named_with_their_place(change: dict[str, object], place: str, reason: str) -> None:
    with pytest.raises(ItemRefused) as refused:
        parse_item({**MILK, **change})
    assert [path_text(fault.loc) for fault in refused.value.faults] == [place]
    assert reason in refused.value.faults[0].reason


def test_every_mistake_is_named_not_only_the_first() -> None:
    with pytest.raises(ItemRefused) as refused:
        parse_item({"sku": "?", "name": {"ko": ""}, "gtins": [{"gtin": "1"}]})
    assert len(refused.value.faults) == 3


def test_the_wire_may_have_members_that_this_version_does_not_know() -> None:
    item = parse_item({**MILK, "colour": "red", "gtins": [{"gtin": "8809999000013", "ply": 3}]}, unknown="ignore")
    assert item.sku == "MILK"
    assert item.gtins[0].gtin == "08809999000013"


def test_items_are_frozen_and_names_composed() -> None:
    item = parse_item({"sku": "A", "name": {"ko": "\u1112\u1161\u11ab"}})  # 한, decomposed as macOS writes it
    assert item.name.ko == "한"
    with pytest.raises(ValidationError):
        item.sku = "B"  # type: ignore[misc]


def test_a_deleted_item_needs_no_name() -> None:
    assert parse_item({"sku": "A", "deleted": True, "revision": 4}).deleted


def test_an_item_survives_json() -> None:
    item = parse_item({**MILK, "price": {"amount_minor": 1, "currency": "KRW"}, "thresholds": {"min": 1}})
    assert Item.model_validate_json(item.model_dump_json()) == item


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None)),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
MEMBERS = st.sampled_from(sorted(Item.model_fields))


@given(JSON | st.dictionaries(MEMBERS, JSON))
def test_any_json_gives_an_item_or_reasons(value: object) -> None:
    faults = None
    try:
        parse_item(value)
    except ItemRefused as refused:
        faults = refused.faults
    assert faults is None or all(fault.reason and len(fault.found) <= 80 for fault in faults)
    assert faults != ()


@given(st.text(st.characters(codec=None), max_size=200))
def test_what_is_shown_can_be_printed(text: str) -> None:
    assert shown(text).encode("utf-8").decode() == shown(text)
    assert len(shown(text)) <= 80
    assert shown(text).isprintable()
