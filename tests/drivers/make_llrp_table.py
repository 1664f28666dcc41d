"""Writes drivers/llrp/table.py from the definitions kept under tests/fixtures/llrp/definitions.

    python tests/drivers/make_llrp_table.py
    python tests/drivers/make_llrp_table.py strip PUBLISHED.xml > tests/fixtures/llrp/definitions/NAME.xml

`strip` makes a kept definition from a published one: numbers, names and types alone, without annotations and comments.
tests/drivers/test_llrp_table.py fails when the module and the definitions differ.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import TextWrapper
from xml.etree import ElementTree as ET
from xml.etree.ElementTree import Element

ROOT = Path(__file__).resolve().parents[2]
DEFINITIONS = ROOT / "tests/fixtures/llrp/definitions"
MODULE = ROOT / "drivers/llrp/table.py"

HEAD = '''"""Every message, parameter and enumeration of LLRP 1.0.1 and 1.1, and Impinj's extensions, one a row.

Made by tests/drivers/make_llrp_table.py from the LLRP Toolkit's definitions (tests/fixtures/llrp/ORIGIN.md); do not
edit. A row goes on in indented lines.

    M number|NAME|fields|parameters|RESPONSE      a message; P: a TLV parameter, T: a TV parameter
    M vendor/subtype|…                            within CUSTOM_MESSAGE; P vendor/subtype: within Custom
    C |name|parameters                            a choice: the parameters that may stand in its place
    E |name|number=NAME …                         an enumeration; after a slash, what 1.1 calls it

A number with + is new in 1.1. A field is name:type, then =enumeration, then /format; _6 are reserved bits. A parameter
is there once, or ? at most once, * any number, + at least once.
"""

from __future__ import annotations

ROWS = """\\
'''
KINDS = {
    "messageDefinition": "M",
    "customMessageDefinition": "M",
    "parameterDefinition": "P",
    "customParameterDefinition": "P",
    "choiceDefinition": "C",
    "enumerationDefinition": "E",
    "customEnumerationDefinition": "E",
}
REPEATS = {"1": "", "0-1": "?", "0-N": "*", "1-N": "+", None: ""}
TV_NUMBER_MAX = 127  # a TV parameter's type has seven bits
CUSTOM_NUMBER = "1023"


def local(node: Element) -> str:
    return node.tag.rpartition("}")[2]


def definitions(name: str) -> dict[tuple[str, str], Element]:
    """By kind and name, in the order of the file."""
    found = ET.parse(DEFINITIONS / name).getroot()
    return {(KINDS[local(node)], node.attrib["name"]): node for node in found if local(node) in KINDS}


def field(node: Element) -> str:
    if local(node) == "reserved":
        return "_" + node.attrib["bitCount"]
    enumeration, form = node.get("enumeration"), node.get("format")
    return (
        f"{node.attrib['name']}:{node.attrib['type']}"
        + (f"={enumeration}" if enumeration else "")
        + (f"/{form}" if form else "")
    )


def enumeration(node: Element, later: Element) -> str:
    """The numbers of both versions; what 1.1 renamed has both names."""
    old = {one.attrib["value"]: one.attrib["name"] for one in node}
    new = {one.attrib["value"]: one.attrib["name"] for one in later}
    both = {number: old.get(number, name) for number, name in (old | new).items()}
    return " ".join(
        f"{number}={name}" + (f"/{new[number]}" if new.get(number, name) != name else "")
        for number, name in both.items()
    )


def row(kind: str, node: Element, first: Element | None) -> str:
    """Of the newer definition; `first` is what 1.0.1 says of it, None if nothing."""
    name = node.attrib["name"]
    if kind == "E":
        return f"E |{name}|{enumeration(node if first is None else first, node)}"
    parameters = " ".join(
        one.attrib["type"] + REPEATS[one.get("repeat")] for one in node if local(one) in {"parameter", "choice"}
    )
    if kind == "C":
        return f"C |{name}|{parameters}"
    fields = " ".join(field(one) for one in node if local(one) in {"field", "reserved"})
    number = node.get("typeNum") or f"{node.attrib['vendor']}/{node.attrib['subtype']}"
    if kind == "P" and number.isdigit() and int(number) <= TV_NUMBER_MAX:
        kind = "T"
    since = "" if first is not None or "/" in number else "+"
    return f"{kind} {number}{since}|{name}|{fields}|{parameters}|{node.get('responseType', '')}".rstrip("|")


def rows() -> Iterator[str]:
    first, second = definitions("llrp-1.0.1.xml"), definitions("llrp-1.1.xml")
    if missing := first.keys() - second.keys():
        raise ValueError(f"1.1 lacks {missing}")
    for (kind, name), node in second.items():
        yield row(kind, node, first.get((kind, name)))
    for (kind, _), node in definitions("impinj.xml").items():
        yield row(kind, node, None)


def render() -> str:
    wrapper = TextWrapper(120, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)
    return HEAD + "\n".join(wrapper.fill(one) for one in rows()) + '\n"""\n'


def strip(published: str) -> str:
    """Raises ValueError for an element that is neither kept nor known to be prose."""
    out = ["<llrpdef>"]
    for node in ET.fromstring(published):
        if local(node) == "namespaceDefinition":
            continue
        if local(node) not in KINDS:
            raise ValueError(local(node))
        inner = [f"  {written(one)}/>" for one in node if local(one) not in {"annotation", "description"}]
        out += [f"{written(node)}>", *inner, f"</{local(node)}>"] if inner else [f"{written(node)}/>"]
    return "\n".join([*out, "</llrpdef>", ""])


def written(node: Element) -> str:
    return f"<{local(node)}" + "".join(f' {name}="{value}"' for name, value in node.attrib.items())


if __name__ == "__main__":
    if sys.argv[1:2] == ["strip"]:
        sys.stdout.write(strip(Path(sys.argv[2]).read_text("utf-8")))
    else:
        MODULE.write_text(render(), "utf-8")
