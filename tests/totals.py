"""What suites have counted, said at the end of a run: by each process that ran a part of it."""

from __future__ import annotations

from collections.abc import Callable

# By title; no lines: nothing was counted.
COUNTED: dict[str, Callable[[], list[str]]] = {}


def of_this_process() -> dict[str, list[str]]:
    return {title: lines for title, count in COUNTED.items() if (lines := count())}
