"""Items from JSON: an array of items, or one item after the other (JSON Lines too), read piece by piece.

In JSON Lines (`read_jsonl`) a broken line spoils itself only. In an array (`read_json`) a mistake of syntax ends the
reading, since where the next item begins would be a guess; what came before it stays.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from typing import Any, BinaryIO, cast

from agent.catalogue.lines import Line
from agent.catalogue.load import Entry, Refused
from agent.catalogue.report import Reason, Refusal
from contract.catalog import ItemRefused, Loc, parse_item, path_text, shown

ITEM_CHARACTERS_MAX = 64 * 1024
_CHUNK_BYTES = 64 * 1024
_TOKEN_CHARACTERS_MAX = 16  # longest of JSON's words and escapes, with room
_SPACE = re.compile(r"[ \t\r\n]*")
_SKU = re.compile(r"[A-Za-z0-9._-]{1,64}")


class Cut(Exception):
    """The file cannot be read on from here."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(str(refusal))
        self.refusal = refusal


class FileLine:
    """The `Origin` of an item in JSON: the line where it begins, the path in it."""

    def __init__(self, line: int) -> None:
        self.line = line

    def place(self, loc: Loc) -> tuple[int | None, str]:
        return self.line, path_text(loc)


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the member {shown(twice)!r} stands there twice")
    return members


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


_DECODER = json.JSONDecoder(object_pairs_hook=_members, parse_constant=_no_constant)


def read_jsonl(lines: Iterator[Line]) -> Iterator[Entry | Refused]:
    """One item a line; blank lines are passed over."""
    for line in lines:
        if line.fault is not None:
            reason = Reason.LIMIT if line.too_long else Reason.ENCODING
            yield Refused((Refusal(line.number, "", shown(line.text), reason, line.fault),))
        elif line.text.strip():
            try:
                value = _DECODER.decode(line.text)
            except (ValueError, RecursionError) as error:
                yield Refused((Refusal(line.number, "", shown(line.text), Reason.SYNTAX, _why(error)),))
            else:
                yield item_entry(value, line.number)


def item_entry(value: object, line: int) -> Entry | Refused:
    origin = FileLine(line)
    try:
        return Entry(parse_item(value), origin)
    except ItemRefused as error:
        sku = cast("dict[str, Any]", value).get("sku") if isinstance(value, dict) else None
        known = sku if isinstance(sku, str) and _SKU.fullmatch(sku) else None
        return Refused(
            tuple(
                Refusal(*origin.place(fault.loc), fault.found, Reason.VALUE, fault.reason, known)
                for fault in error.faults
            )
        )


def _why(error: ValueError | RecursionError) -> str:
    if isinstance(error, RecursionError):
        return "nested too deep"
    if isinstance(error, json.JSONDecodeError):
        return f"no JSON at character {error.colno}: {error.msg}"
    return str(error)


def read_json(file: BinaryIO) -> Iterator[Entry | Refused]:
    """Items of an array, or of values that follow each other. Raises `Cut` where it cannot go on."""
    text = _Text(file)
    in_array = text.take("[")
    while not text.at_end():
        if in_array and text.take("]"):
            break
        line = text.line
        try:
            value = text.value()
        except OverflowError:
            raise Cut(text.refusal(Reason.LIMIT, f"an item has more than {ITEM_CHARACTERS_MAX} characters")) from None
        except json.JSONDecodeError as error:
            raise Cut(text.refusal(Reason.SYNTAX, f"no JSON: {error.msg}", ahead=error.pos)) from error
        except (ValueError, RecursionError) as error:
            raise Cut(text.refusal(Reason.SYNTAX, _why(error))) from error
        yield item_entry(value, line)
        if in_array and not text.take(","):
            if text.take("]"):
                break
            raise Cut(text.refusal(Reason.SYNTAX, "expected a comma or the end of the array"))
    else:
        if in_array:
            raise Cut(text.refusal(Reason.SYNTAX, "the array has no end: the file was cut off"))
    if not text.at_end():
        raise Cut(text.refusal(Reason.SYNTAX, "something follows the end of the array"))


class _Text:
    """A window on the file's text, with the line where it begins."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._decode = codecs.getincrementaldecoder("utf-8")()
        self._text = ""
        self._ended = False
        self._fault: str | None = None
        self.line = 1

    def refusal(self, reason: Reason, text: str, ahead: int = 0) -> Refusal:
        line = self.line + self._text.count("\n", 0, ahead)
        return Refusal(line, "", shown(self._text[ahead : ahead + 100]), reason, text)

    def at_end(self) -> bool:
        self._skip_space()
        return not self._text

    def take(self, character: str) -> bool:
        self._skip_space()
        if not self._text.startswith(character):
            return False
        self._drop(1)
        return True

    def value(self) -> object:
        """The next value. Raises ValueError (no JSON), RecursionError, or OverflowError if it is too long."""
        self._skip_space()
        while True:
            try:
                value, end = _DECODER.raw_decode(self._text)
            except json.JSONDecodeError as error:
                # A window that ends within a value fails at its end, or at the beginning of a string without end.
                cut_off = error.pos > len(self._text) - _TOKEN_CHARACTERS_MAX or "Unterminated" in error.msg
                if cut_off and len(self._text) > ITEM_CHARACTERS_MAX:
                    raise OverflowError from None
                if not cut_off or not self._more():
                    raise
                continue
            # A number at the end of the window may have more digits to come.
            if end == len(self._text) and self._more():
                continue
            if end > ITEM_CHARACTERS_MAX:
                raise OverflowError
            self._drop(end)
            return value

    def _skip_space(self) -> None:
        while True:
            found = _SPACE.match(self._text)
            assert found is not None
            self._drop(found.end())
            if self._text or not self._more():
                return

    def _drop(self, count: int) -> None:
        self.line += self._text.count("\n", 0, count)
        self._text = self._text[count:]

    def _more(self) -> bool:
        if self._fault is not None:
            raise Cut(self.refusal(Reason.ENCODING, self._fault, ahead=len(self._text)))
        if self._ended:
            return False
        raw = self._file.read(_CHUNK_BYTES)
        self._ended = not raw
        try:
            self._text += self._decode.decode(raw, final=self._ended)
        except UnicodeDecodeError as error:
            # What stands before the bad byte is still good for an item or more.
            self._text += error.object[: error.start].decode()
            self._fault = f"no UTF-8: {error.reason}"
        return True
