"""Prints the score of every vector file behind the tests."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from gs1_vectors import SCORES


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not SCORES:
        return
    terminalreporter.write_sep("-", "GS1 and EPC vectors")
    for name in sorted(SCORES):
        for line in SCORES[name].lines():
            terminalreporter.write_line(line)
