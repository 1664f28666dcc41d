"""Prints how many EPCIS events were held against the official schema."""

from __future__ import annotations

import pytest

from tests.contract import epcis_scores


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not epcis_scores.EVENTS and not epcis_scores.INVALID:
        return
    terminalreporter.write_sep("-", "EPCIS 2.0")
    for line in epcis_scores.lines():
        terminalreporter.write_line(line)
