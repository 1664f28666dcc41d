"""Head office's log lines."""

from __future__ import annotations

import pytest

from headoffice.compose import say


def test_what_a_store_says_makes_no_line_of_ours_and_moves_no_cursor(capsys: pytest.CaptureFixture[str]) -> None:
    say("S1: refused: 재고\x1b[2J\nS2: all is well\r")
    assert capsys.readouterr().err == "S1: refused: 재고\\x1b[2J\n  S2: all is well\\x0d\n"
