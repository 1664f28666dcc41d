"""Lines in pieces that fit an event. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

from contract.canonical import canonical
from contract.chain import EVENT_SIZE_BYTES_MAX

LINES_SIZE_BYTES_MAX = EVENT_SIZE_BYTES_MAX - 8 * 1024  # the rest is for what an event says beside its lines
T = TypeVar("T")


def cut(lines: Iterable[T], lines_max: int, size_bytes_max: int = LINES_SIZE_BYTES_MAX) -> Iterator[list[T]]:
    """At most `lines_max` in a piece, and no more than fit `size_bytes_max` in canonical form; a line that is larger is
    a piece of its own."""
    piece: list[T] = []
    held_bytes = 0
    for line in lines:
        size_bytes = len(canonical(line)) + 1
        if piece and (len(piece) == lines_max or held_bytes + size_bytes > size_bytes_max):
            yield piece
            piece, held_bytes = [], 0
        piece.append(line)
        held_bytes += size_bytes
    if piece:
        yield piece
