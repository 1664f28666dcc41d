"""GS1 Digital Link, both ways, against GS1's and biip's vectors."""

from __future__ import annotations

from typing import Any

from gs1_vectors import Tally, load

from identity import Kind, digital_link, elements, identify
from identity.elements import ElementError
from identity.escape import escape, unescape


def test_digital_link_parse() -> None:
    tally = Tally("digital_link_parse")
    for vector in load("digital_link_parse"):
        options = vector.get("options", {})
        try:
            found = digital_link.parse(
                vector["uri"],
                short_gtin=options.get("permitZeroSuppressedGTIN", False),
                words=options.get("permitConvenienceAlphas", False),
            )
        except ElementError as error:
            if vector["valid"]:
                tally.fail(vector, str(error))
            else:
                tally.expect_refused(error.reason, vector)
            continue
        if vector["valid"]:
            tally.expect("^" + elements.unparse(found, "^"), vector["fnc1_form"], vector)
        else:
            tally.expect_refused(None, vector)
    tally.finish()


def test_digital_link_generate() -> None:
    tally = Tally("digital_link_generate")
    for vector in load("digital_link_generate"):
        if vector["valid"] and vector.get("options", {}).get("disabled_validations"):
            tally.leave_out("writes an unknown AI into a link with the engine's validation switched off")
            continue
        try:
            found = digital_link.generate(elements.parse_bracketed(vector["ai_data"]), vector["stem"])
        except ElementError as error:
            if vector["valid"]:
                tally.fail(vector, str(error))
            else:
                tally.expect_refused(error.reason, vector)
            continue
        tally.expect(found, vector["uri"] if vector["valid"] else None, vector)
    tally.finish()


def test_uri_escape() -> None:
    tally = Tally("uri_escape")
    for vector in load("uri_escape"):
        found = escape(vector["input"]), escape(vector["input"], query=True)
        tally.expect(found, (vector["path"], vector["query"]), vector)
    tally.finish()


def test_uri_unescape() -> None:
    tally = Tally("uri_unescape")
    for vector in load("uri_unescape"):
        found = unescape(vector["input"]), unescape(vector["input"].replace("+", " "))
        tally.expect(found, (vector["path"], vector["query"]), vector)
    tally.finish()


def _pairs(value: dict[str, Any]) -> elements.Elements:
    """biip's element strings as pairs."""
    strings = value.get("element_strings", value)["args"][0]
    return tuple((string["ai"]["args"][0], string["value"]) for string in strings)


def test_biip_digital_link() -> None:
    tally = Tally("biip_digital_link")
    for vector in load("biip_digital_link"):
        test, value = vector["test"], vector["value"]
        if test.endswith("by_data_title"):
            tally.leave_out("biip's search by data title; ours are pairs of AI and value")
        elif test.endswith("by_ai"):
            values = [pair[1] for pair in digital_link.parse(value, short_gtin=True) if pair[0] == vector["ai"]]
            expected = vector["expected"]
            wanted = expected if isinstance(expected, list) else [expected] if expected else []
            tally.expect(values, wanted, vector)
        elif test == "test_from_element_strings":
            tally.expect(digital_link.generate(_pairs(value)), vector["expected"]["value"], vector)
        elif test == "test_parse_error":
            identity = identify(value)
            taken = identity.kind not in {Kind.REFUSED, Kind.RAW}
            tally.expect_refused(None if taken else identity.reason, vector)
        elif test == "test_parse_with_invalid_element_values":
            # biip was told to take month 00; nobody can act on such a date.
            tally.expect_refused(identify(value).reason, vector)
        else:
            tally.expect(*_link(vector), vector)
    tally.finish()


def _link(vector: dict[str, Any]) -> tuple[Any, Any]:
    test, value, expected = vector["test"], vector["value"], vector["expected"]
    found = digital_link.parse(value, short_gtin=True)
    if test == "test_parse":
        return found, _pairs(expected)
    if test == "test_as_uri":
        stem = "https://" + "/".join(part for part in (vector["domain"], vector["prefix"]) if part)
        return digital_link.generate(found, stem), expected
    if test == "test_as_canonical_uri":
        # biip sorts the attributes, GS1's engine (and we) keep their order; both name the same thing.
        return _sorted_query(digital_link.generate(found)), _sorted_query(expected)
    assert test == "test_as_gs1_message"
    return elements.bracketed(found), expected


def _sorted_query(uri: str) -> tuple[str, list[str]]:
    path, _, query = uri.partition("?")
    return path, sorted(query.split("&"))
