"""What must hold for every input: nothing raises, links and codes come back, a link names what the code named."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from identity import DocumentTemplate, InStoreTemplate, Kind, identify, identify_epc
from identity.ai_table import table
from identity.check import csumalpha_pair, gs1_digit
from identity.describe import describe
from identity.elements import GS, ElementError, bracketed, parse, parse_bracketed, unparse
from identity.epc import PLUS_SCHEMES, SCHEMES, EpcError, codec, decode, encode, hot
from identity.epc.families import FAMILIES
from identity.epc.fixed import PREFIX_DIGITS, Scheme
from identity.epc.fixed import Kind as Field
from identity.gtin import expand_upc_e, suppress_upc_a
from identity.prefixes import with_epc_uri
from identity.values import INPUT_BYTES_MAX

settings.register_profile("identity", deadline=None, max_examples=200, print_blob=True)
settings.load_profile("identity")

CSET82 = "!\"%&'()*+,-./0123456789:;<=>?ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"
TEMPLATES = (
    InStoreTemplate("scale", ("28", "29"), "IIIIKPPPPPC"),
    InStoreTemplate("short", ("2",), "IIIIIIC"),
    DocumentTemplate("orders", "PO-"),
)
DIGITS = "0123456789"
digits = st.text("0123456789", min_size=1, max_size=30)
serials = st.text(CSET82, min_size=1, max_size=20)
aims = st.sampled_from(
    [None, "]E0", "]E3", "]E4", "]I1", "]C0", "]C1", "]e0", "]d1", "]d2", "]Q1", "]Q3", "]J1", "]", "]X"]
)


def keyed(payload: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return payload.map(lambda text: text + gs1_digit(text))


def some_digits(count: int) -> st.SearchStrategy[str]:
    return st.text(DIGITS, min_size=count, max_size=count)


gtins = keyed(st.from_regex(r"[0-9][38][0-9]{11}", fullmatch=True, alphabet=DIGITS))
# Values that the front end has to take apart: valid ones, and text that hugs the grammar.
pieces = st.one_of(
    st.sampled_from(sorted(table())),
    gtins.map("01".__add__),
    keyed(some_digits(17)).map("00".__add__),
    st.sampled_from(
        ["17270131", "10LOT", "21SER", GS, "]", "|]e0", "(", ")", "STK-", "https://a.b/", "/01/", "?", "%", "%4", "17="]
    ),
    digits,
    st.text(CSET82, max_size=12),
)
near = st.lists(pieces, max_size=12).map("".join)


@given(st.one_of(st.binary(max_size=200), near, st.text(max_size=60)), aims)
def test_nothing_raises(data: bytes | str, aim: str | None) -> None:
    for lookup in (None, lambda key: key if len(key) % 2 else None):
        found = identify(data, aim=aim, lookup=lookup, templates=TEMPLATES)
        assert isinstance(found.kind, Kind)
        assert (found.kind in {Kind.REFUSED, Kind.SUSPECT, Kind.AMBIGUOUS, Kind.RAW}) <= (found.reason is not None)
        assert describe(found)["kind"] == found.kind.value
    if found.gtin is not None:
        assert len(found.gtin) == 14
        assert gs1_digit(found.gtin[:-1]) == found.gtin[-1]


@given(st.integers(0, 255), st.integers(1, INPUT_BYTES_MAX + 10))
@settings(max_examples=40)
def test_no_length_raises(byte: int, size: int) -> None:
    for head in (b"", b"]C1", b"]C101088012345678931", b"]Q1https://a.b/01/", b"STK-", b"(01)"):
        found = identify((head + bytes([byte]) * size)[: INPUT_BYTES_MAX + 5])
        assert isinstance(found.kind, Kind)


@given(st.one_of(st.binary(max_size=70), st.text(max_size=80), st.integers(0, 255).flatmap(
    lambda header: st.binary(min_size=11, max_size=30).map(lambda rest: bytes([header]) + rest)
)), st.one_of(st.none(), st.integers(0, 0xFFFF)))  # fmt: skip
def test_no_tag_raises(epc: bytes | str, pc: int | None) -> None:
    found = identify_epc(epc, pc)
    assert found.kind in {
        Kind.RAW, Kind.REFUSED, Kind.TRADE_ITEM, Kind.LOGISTIC_UNIT, Kind.LOCATION, Kind.ASSET, Kind.DOCUMENT
    }  # fmt: skip


def _value(draw: st.DrawFn, ai: str) -> str:
    """A value that the linters of `ai` take, by trial."""
    forms = {
        "date": st.dates().map(lambda date: date.strftime("%y%m%d")),
        "text": serials,
        "number": st.integers(0, 99_999_999).map(str),
        "six": st.integers(0, 999_999).map("{:06}".format),
    }
    kinds = {"10": "text", "21": "text", "22": "text", "240": "text", "98": "text", "30": "number", "37": "number"}
    if ai in {"11", "13", "15", "16", "17"}:
        return draw(forms["date"])
    return draw(forms[kinds.get(ai, "six")])


@st.composite
def items(draw: st.DrawFn) -> tuple[tuple[str, str], ...]:
    """A trade item with some of its attributes, in any order."""
    ais = draw(st.lists(st.sampled_from(["10", "21", "22", "11", "15", "17", "240", "98", "30", "3103"]), unique=True))
    pairs = [("01", draw(gtins)), *((ai, _value(draw, ai)) for ai in ais)]
    return tuple(draw(st.permutations(pairs)))


@given(items())
def test_elements_come_back(pairs: tuple[tuple[str, str], ...]) -> None:
    assert parse(unparse(pairs)) == pairs
    assert parse(GS + unparse(pairs) + GS) == pairs
    assert parse_bracketed(bracketed(pairs)) == pairs


@given(items())
def test_identify_is_idempotent_on_its_own_link(pairs: tuple[tuple[str, str], ...]) -> None:
    found = identify("]C1" + GS + unparse(pairs))
    assert found.kind is Kind.TRADE_ITEM
    assert found.digital_link is not None
    again = identify(found.digital_link)
    assert sorted(again.ais) == sorted(found.ais)
    assert replace(again, input="", ais=(), symbology=None) == replace(found, input="", ais=(), symbology=None)
    assert identify("]Q1" + found.digital_link).digital_link == found.digital_link


@given(st.lists(st.sampled_from(sorted(table())), min_size=1, max_size=5), st.data())
def test_any_identifier_with_any_value_is_taken_or_told(ais: list[str], data: st.DataObject) -> None:
    text = GS.join(ai + data.draw(st.one_of(digits, serials)) for ai in ais)
    try:
        found = parse(text)
    except ElementError:
        assert identify("]C1" + text).reason is not None
        return
    assert parse(unparse(found)) == found
    assert with_epc_uri(identify("]C1" + text)).kind in Kind


@given(st.sampled_from("01"), st.text("0123456789", min_size=6, max_size=6))
def test_upc_e_comes_back(system: str, core: str) -> None:
    upc_a = expand_upc_e(system + core)
    assert upc_a is not None
    short = suppress_upc_a(upc_a)
    assert short is not None
    assert expand_upc_e(short) == upc_a


@given(st.text(CSET82, min_size=1, max_size=23), st.data())
def test_one_wrong_character_breaks_the_check_pair(payload: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(payload) - 1))
    other = data.draw(st.sampled_from(CSET82))
    changed = payload[:at] + other + payload[at + 1 :]
    assert (csumalpha_pair(changed) == csumalpha_pair(payload)) == (changed == payload)


def _reference(draw: st.DrawFn, scheme: Scheme, partition: int) -> str:
    most = scheme.reference_digits[partition]
    if scheme.reference is Field.DIGITS:
        return draw(st.text("0123456789", min_size=most, max_size=most))
    if scheme.reference is Field.NUMBER:
        bits = scheme.reference_bits[partition]
        return str(draw(st.integers(0, min(10**most, 1 << bits) - 1)))
    alphabet = CSET82 if scheme.reference is Field.ASCII else "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789#-/"
    return draw(st.text(alphabet, min_size=1, max_size=most))


def _field(draw: st.DrawFn, kind: Field, bits: int, most: int) -> str:
    if kind is Field.ASCII:
        return draw(st.text(CSET82, min_size=1, max_size=most))
    if kind is Field.DIGITS:
        return draw(st.text("0123456789", min_size=most, max_size=most))
    if kind is Field.PREFIXED:
        return draw(st.text("0123456789", min_size=1, max_size=most - 1))
    # AI 8011 has 12 digits at most, and 40 bits hold a little more.
    return str(draw(st.integers(0, min(1 << bits, 10**12 if bits == 40 else 1 << bits) - 1)))


@st.composite
def fixed_codes(draw: st.DrawFn) -> tuple[Scheme, tuple[str, ...], int]:
    scheme = draw(st.sampled_from(SCHEMES))
    partition = draw(st.integers(0, 6))
    prefix = draw(st.text("0123456789", min_size=PREFIX_DIGITS[partition], max_size=PREFIX_DIGITS[partition]))
    parts = [prefix, _reference(draw, scheme, partition)]
    parts += [_field(draw, *field) for field in scheme.fields if field[0] is not Field.ZERO]
    return scheme, tuple(parts), draw(st.integers(0, 7))


@given(
    st.sampled_from([0x30, 0x31, 0x32]),
    st.one_of(st.binary(min_size=11, max_size=11), st.binary(min_size=8, max_size=8).map(lambda some: some + bytes(3))),
)
@settings(max_examples=1000)
def test_the_short_cut_says_what_the_long_way_says(header: int, rest: bytes) -> None:
    data = bytes([header]) + rest
    found = hot.decode(data)
    try:
        epc = codec._decode(data)
    except EpcError:
        assert found is None
        return
    # The long way may know more; what the short cut says must be the same.
    if found is not None:
        assert codec.Epc(*found) == epc


@given(fixed_codes())
@settings(max_examples=300)
def test_every_scheme_with_a_partition_comes_back(code: tuple[Scheme, tuple[str, ...], int]) -> None:
    scheme, parts, filter_value = code
    elements = FAMILIES[scheme.urn].to_elements(parts)
    data = encode(scheme.tag, elements, company_prefix_digits=len(parts[0]), filter_value=filter_value)
    epc = decode(data)
    assert (epc.scheme, epc.filter, epc.elements, epc.company_prefix) == (scheme.tag, filter_value, elements, parts[0])
    # Every shorter reading is refused, and so is a bit behind the code.
    for cut in range(1, len(data) // 2):
        _refused_or_same(data[: 2 * cut], elements)
    try:
        decode(data + b"\x00\x01")
    except EpcError:
        pass
    else:
        raise AssertionError("bits behind the code were passed over")


def _refused_or_same(data: bytes, elements: Any) -> None:
    """A code cut short is refused, unless only padding was cut off."""
    try:
        found = decode(data)
    except EpcError:
        return
    assert found.elements == elements


@st.composite
def plus_codes(draw: st.DrawFn) -> tuple[str, dict[str, str], int, str | None]:
    scheme = draw(st.sampled_from(PLUS_SCHEMES))
    text = st.one_of(digits, st.text("0123456789ABCDEF", min_size=1), st.text("0123456789abcdef", min_size=1),
                     st.text("ABCxyz019-_", min_size=1), st.text("ABCXYZ-.:09", min_size=1), serials)  # fmt: skip
    key = {
        "sgtin+": {"01": gtins, "21": text},
        "dsgtin+": {"17": st.dates().map(lambda date: date.strftime("%y%m%d")), "01": gtins, "21": text},
        "sscc+": {"00": keyed(some_digits(17))},
        "sgln+": {"414": keyed(some_digits(12)), "254": text},
        "grai+": {"8003": st.tuples(keyed(some_digits(12)), text).map(lambda two: "0" + two[0] + two[1][:16])},
        "giai+": {
            "8004": st.tuples(st.text(DIGITS, min_size=4, max_size=12), text).map(lambda two: (two[0] + two[1])[:30])
        },
        "gdti+": {"253": st.tuples(keyed(some_digits(12)), text).map(lambda two: two[0] + two[1][:17])},
        "sgcn+": {"255": st.tuples(keyed(some_digits(12)), digits).map(lambda two: two[0] + two[1][:12])},
        "gsrn+": {"8018": keyed(some_digits(17))},
        "gsrnp+": {"8017": keyed(some_digits(17))},
        "cpi+": {
            "8010": st.from_regex(r"[0-9]{6}[A-Z0-9/#-]{1,20}", fullmatch=True),
            "8011": st.integers(0, 10**12 - 1).map(str),
        },
        "itip+": {"8006": gtins.map(lambda gtin: gtin + "0102"), "21": text},
    }[scheme.tag]
    values = {ai: draw(value)[: 20 if ai in {"21", "254"} else None] for ai, value in key.items()}
    hosts = ["id.example.com", "EXAMPLE.COM", "www.shop.co.kr", "a.tech", "qr.brand-x.eco", "x"]
    host = draw(st.one_of(st.none(), st.sampled_from(hosts)))
    return scheme.tag + ("+" if host else ""), values, draw(st.integers(0, 7)), host


@given(plus_codes())
@settings(max_examples=300)
def test_every_plus_scheme_comes_back(code: tuple[str, dict[str, str], int, str | None]) -> None:
    scheme, values, filter_value, host = code
    epc = decode(encode(scheme, values, filter_value=filter_value, hostname=host))
    assert (epc.scheme, epc.filter, dict(epc.elements), epc.hostname) == (scheme, filter_value, values, host)
