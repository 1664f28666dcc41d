"""drivers/llrp/table.py against the published definitions: the same file when made anew, and every field by itself."""

from __future__ import annotations

import pytest

from drivers.llrp.definitions import CHOICES, DEFINITIONS, ENUMERATIONS, ENUMERATORS, Kind
from tests.drivers import make_llrp_table

VERSIONS = ("llrp-1.0.1.xml", "llrp-1.1.xml", "impinj.xml")


def test_the_table_is_made_of_the_definitions() -> None:
    assert make_llrp_table.MODULE.read_text("utf-8") == make_llrp_table.render()


def test_stripping_leaves_what_is_kept() -> None:
    kept = (make_llrp_table.DEFINITIONS / "llrp-1.1.xml").read_text("utf-8")
    assert make_llrp_table.strip(kept) == kept


@pytest.mark.parametrize("version", VERSIONS)
def test_every_field_is_as_defined(version: str) -> None:
    """1.1 gives names to bits that 1.0.1 reserves, and adds; what 1.0.1 names stays where it is."""
    seen = 0
    for (kind, name), node in make_llrp_table.definitions(version).items():
        if kind not in "MP":
            continue
        one = DEFINITIONS[name]
        if "typeNum" in node.attrib:
            assert one.number == int(node.attrib["typeNum"])
            assert (one.kind is Kind.TV) == (kind == "P" and one.number < 128)
        else:
            assert (one.vendor, one.subtype) == (int(node.attrib["vendor"]), int(node.attrib["subtype"]))
        assert one.response == node.get("responseType", "")
        at = 0
        places = {}
        for field in one.fields:
            places[field.name] = (at, field)
            at += field.bits
        at = 0
        for each in node:
            what = make_llrp_table.local(each)
            if what == "reserved":
                at += int(each.attrib["bitCount"])
            elif what == "field":
                place, field = places[each.attrib["name"]]
                assert (place, field.type, field.enumeration) == (at, each.attrib["type"], each.get("enumeration", ""))
                at += field.bits
                seen += 1
    assert seen >= {"llrp-1.0.1.xml": 240, "llrp-1.1.xml": 270, "impinj.xml": 20}[version]


@pytest.mark.parametrize("version", VERSIONS)
def test_every_part_and_enumerator_is_as_defined(version: str) -> None:
    for (kind, name), node in make_llrp_table.definitions(version).items():
        parts = [each.attrib["type"] for each in node if make_llrp_table.local(each) in {"parameter", "choice"}]
        if kind == "C":
            assert set(parts) <= set(CHOICES[name])
        elif kind == "E":
            for entry in node:
                number = int(entry.attrib["value"])
                assert ENUMERATORS[name][entry.attrib["name"]] == number
                assert number in ENUMERATIONS[name]
        else:
            assert set(parts) <= {part.name for part in DEFINITIONS[name].parts}


def test_what_is_new_in_1_1_is_marked() -> None:
    later = {name for name, one in DEFINITIONS.items() if one.later}
    assert {"GET_SUPPORTED_VERSION", "SET_PROTOCOL_VERSION", "LoopSpec", "C1G2_XPCW1"} <= later
    assert "ROSpec" not in later


def test_no_field_has_the_name_of_a_parameter_beside_it() -> None:
    """So that `jaego decode` can show both side by side."""
    for one in DEFINITIONS.values():
        assert not {field.name for field in one.fields} & one.allowed, one.name
