"""GS1 Digital Link URIs, both ways (GS1 Digital Link Standard: URI Syntax, release 1.4 and later).

    https://example.com/some/stem/01/<GTIN>/22/<CPV>/10/<lot>/21/<serial>?17=<expiry>&…

Any host, either scheme in any case. The path ends in a primary key and its qualifiers in their order; what remains is
an attribute in the query. Compressed links are recognised and refused: their decoding is no store's business.
"""

from __future__ import annotations

import re

from identity.ai_table import Spec, table
from identity.elements import ELEMENTS_MAX, ElementError, Elements, check_value
from identity.escape import escape, unescape

CANONICAL_STEM = "https://id.gs1.org"

_URI = re.compile(r"[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]*\Z")
_HOST = re.compile(r"[A-Za-z0-9.-]+(?::[0-9]{1,5})?\Z")
# A compressed link is one segment of base64url behind the stem; a word of a web shop's path has no inner capitals.
_COMPRESSED = re.compile(r"(?=.*[A-Z])(?=.*[a-z])[A-Za-z0-9_-]{10,}\Z")

# Names that releases before 1.2 allowed instead of numbers.
_WORDS = {
    "gtin": "01", "itip": "8006", "gmn": "8013", "cpid": "8010", "gln": "414", "party": "417", "gsrnp": "8017",
    "gsrn": "8018", "gcn": "255", "sscc": "00", "gdti": "253", "ginc": "401", "gsin": "402", "grai": "8003",
    "giai": "8004", "payto": "415", "cpv": "22", "lot": "10", "ser": "21", "tpx": "235", "glnx": "254",
    "refno": "8020", "srin": "8019", "cpsn": "8011",
}  # fmt: skip


class NotDigitalLink(ElementError):
    """A URI that holds no primary key at all: some web address."""


def is_uri(text: str) -> bool:
    head = text[:8].lower()
    return head.startswith(("http://", "https://"))


def parse(uri: str, *, short_gtin: bool = False, words: bool = False) -> Elements:
    """The elements of a Digital Link, in the order key, qualifiers, attributes.

    `short_gtin` takes GTIN-8/12/13 where 14 digits should stand; `words` takes `/gtin/` and `/ser/`. Raises
    NotDigitalLink if there is no key, ElementError (reason `dl_…`, `ai_…`, `check_digit`) if the link is wrong.
    """
    if not is_uri(uri) or not _URI.match(uri):
        raise ElementError("dl_syntax", "no URI: a character that must not stand in one")
    rest = uri.partition("://")[2].partition("#")[0]
    rest, _, query = rest.partition("?")
    host, slash, path = rest.partition("/")
    if not _HOST.match(host) or not slash:
        raise NotDigitalLink("dl_no_key", "a web address without a GS1 key")
    elements = _path_elements(path.split("/"), short_gtin=short_gtin, words=words)
    _add_attributes(elements, query, short_gtin=short_gtin)
    specs = table()
    for ai, value in elements:
        check_value(specs[ai], value)
    return tuple(elements)


def _path_elements(segments: list[str], *, short_gtin: bool, words: bool) -> list[tuple[str, str]]:
    """Walks back from the end by pairs until a primary key is met."""
    specs = table()
    pairs: list[tuple[str, str]] = []
    for at in range(len(segments) - 2, -1, -2):
        ai = segments[at]
        if words:
            ai = _WORDS.get(ai.lower(), ai)
        spec = specs.get(ai)
        if spec is None:
            break
        value = unescape(segments[at + 1])
        if not value:
            raise ElementError("dl_empty", f"nothing behind /{ai}/", ai=ai)
        pairs.insert(0, (ai, _gtin14(value) if ai == "01" and short_gtin else value))
        if len(pairs) > ELEMENTS_MAX:
            raise ElementError("ai_too_many", f"more than {ELEMENTS_MAX} elements")
        if spec.qualifiers is not None:
            _check_order(spec, [ai for ai, _ in pairs[1:]])
            return pairs
    if _COMPRESSED.match(segments[-1]) and len(segments) <= 2:
        raise ElementError("dl_compressed", "looks like a compressed GS1 Digital Link, which is not read here")
    if any(segments[at] in specs and specs[segments[at]].qualifiers is not None for at in range(len(segments))):
        raise ElementError("dl_path", "a GS1 key in the path, but what follows it is no list of its qualifiers")
    raise NotDigitalLink("dl_no_key", "a web address without a GS1 key")


def _gtin14(value: str) -> str:
    return value.rjust(14, "0") if len(value) in {8, 12, 13} else value


def _is_subsequence(some: list[str], way: tuple[str, ...]) -> bool:
    following = iter(way)
    return all(ai in following for ai in some)


def _check_order(spec: Spec, qualifiers: list[str]) -> None:
    if not any(_is_subsequence(qualifiers, way) for way in spec.qualifiers or ()):
        found = "/".join(qualifiers)
        raise ElementError("dl_qualifiers", f"AI {spec.ai} cannot be followed by {found} in the path", ai=spec.ai)


def _add_attributes(elements: list[tuple[str, str]], query: str, *, short_gtin: bool) -> None:
    """Query parameters whose names are digits must be known attributes; others belong to the web."""
    specs = table()
    key = elements[0][0]
    path = [ai for ai, _ in elements[1:]]
    for parameter in query.split("&"):
        ai, equals, raw = parameter.partition("=")
        if not equals or not (ai.isascii() and ai.isdigit()):
            continue
        spec = specs.get(ai)
        if spec is None or not spec.attribute:
            raise ElementError("dl_attribute", f"{ai} is no attribute for the query", ai=ai)
        ways = specs[key].qualifiers or ()
        if any(ai in way and set(path) <= set(way) for way in ways) or any(ai == other for other, _ in elements):
            raise ElementError("dl_attribute", f"AI {ai} belongs into the path, or stands twice", ai=ai)
        if len(elements) == ELEMENTS_MAX:
            raise ElementError("ai_too_many", f"more than {ELEMENTS_MAX} elements")
        value = unescape(raw.replace("+", " "))
        elements.append((ai, _gtin14(value) if ai == "01" and short_gtin else value))


def generate(elements: Elements, stem: str = CANONICAL_STEM) -> str:
    """The Digital Link of `elements`: the first primary key that takes all the others as qualifiers or attributes.

    Raises ElementError (`dl_no_key`, `dl_attribute`) if none does.
    """
    specs = table()
    keys = [ai for ai, _ in elements if specs[ai].qualifiers is not None]
    if not keys:
        raise ElementError("dl_no_key", "no primary key among the elements")
    values = dict(elements)
    for key in keys:
        for way in _ways(specs[key], values):
            path = [key, *(ai for ai in way if ai in values)]
            query = [(ai, value) for ai, value in dict(elements).items() if ai not in path]
            if all(specs[ai].attribute for ai, _ in query):
                return _join(stem, [(ai, values[ai]) for ai in path], query)
    raise ElementError("dl_attribute", "an element that may stand neither in the path nor in the query")


def _ways(spec: Spec, values: dict[str, str]) -> list[tuple[str, ...]]:
    """The qualifier sequences, the one that takes most of the elements first."""
    return sorted(spec.qualifiers or (), key=lambda way: -sum(ai in values for ai in way))


def _join(stem: str, path: list[tuple[str, str]], query: list[tuple[str, str]]) -> str:
    uri = stem.rstrip("/") + "".join(f"/{ai}/{escape(value)}" for ai, value in path)
    if query:
        uri += "?" + "&".join(f"{ai}={escape(value, query=True)}" for ai, value in query)
    return uri
