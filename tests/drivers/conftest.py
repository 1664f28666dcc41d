"""Prints what of the captured LLRP was compared."""

from __future__ import annotations

import pytest

from tests.drivers.llrp_vectors import SCORES


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not SCORES:
        return
    terminalreporter.write_sep("-", "LLRP captures")
    for origin, score in sorted(SCORES.items()):
        terminalreporter.write_line(f"{origin:14} " + ", ".join(f"{count:,} {what}" for what, count in score.items()))
