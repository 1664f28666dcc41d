"""Lines of an import file: bounded, numbered, decoded; what cannot be decoded is a value with its reason.

A row is one physical line. Names hold no line breaks, so an opening quote without its end spoils one line and not
the rest of the file.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from agent.catalogue.errors import CatalogueFileError

LINE_BYTES_MAX = 64 * 1024
_SNIFF_BYTES = 64 * 1024
_BOM = b"\xef\xbb\xbf"
_KOREAN_HINT = "it looks like CP949 (EUC-KR): in Excel save it as 'CSV UTF-8', or run iconv -f CP949 -t UTF-8"


class Line(NamedTuple):
    """`text` without its end; `fault` says why it is not to be trusted (then undecodable bytes stand as U+FFFD)."""

    number: int
    text: str
    fault: str | None = None
    too_long: bool = False


def check_encoding(file: BinaryIO) -> None:
    """Refuse a file in another coding before anything of it is imported; leaves the file after a UTF-8 BOM.

    Raises `CatalogueFileError`.
    """
    start = file.read(_SNIFF_BYTES)
    file.seek(len(_BOM) if start.startswith(_BOM) else 0)
    if start.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in start:
        raise CatalogueFileError(
            "the file is no UTF-8: it looks like UTF-16 or no text at all", hint="in Excel save it as 'CSV UTF-8'"
        )
    if not _decodes(start, "utf-8") and _decodes(start, "cp949"):
        raise CatalogueFileError("the file is no UTF-8", hint=_KOREAN_HINT)


def _decodes(start: bytes, coding: str) -> bool:
    # The cut may go through a character: up to three bytes of it are missing.
    for cut in range(4 if len(start) == _SNIFF_BYTES else 1):
        try:
            start[: len(start) - cut].decode(coding)
        except UnicodeDecodeError:
            continue
        return True
    return False


def read_lines(file: BinaryIO) -> Iterator[Line]:
    number = 0
    while raw := file.readline(LINE_BYTES_MAX):
        number += 1
        if not raw.endswith(b"\n") and len(raw) == LINE_BYTES_MAX:
            _skip_line(file)
            text = raw[:200].decode("utf-8", "replace")
            yield Line(number, text, f"longer than {LINE_BYTES_MAX} bytes", too_long=True)
            continue
        yield _decoded(number, raw.removesuffix(b"\n").removesuffix(b"\r"))


def _skip_line(file: BinaryIO) -> None:
    while (rest := file.readline(LINE_BYTES_MAX)) and not rest.endswith(b"\n"):
        pass


def _decoded(number: int, raw: bytes) -> Line:
    try:
        return Line(number, raw.decode())
    except UnicodeDecodeError as error:
        fault = f"no UTF-8 at byte {error.start + 1} of the line"
        if _decodes(raw, "cp949"):
            fault += f": {_KOREAN_HINT}"
        return Line(number, raw.decode("utf-8", "replace"), fault)
