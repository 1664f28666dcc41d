"""The shipped udev rule keeps ModemManager away from scanners on ttyACM."""

from __future__ import annotations

import re
from pathlib import Path

RULES = Path(__file__).parents[2] / "systemd" / "60-jaego-scanners.rules"


def test_scanners_are_no_modems() -> None:
    lines = [line for line in RULES.read_text().splitlines() if line and not line.startswith("#")]
    for subsystem in ("usb", "tty"):
        of_it = [line for line in lines if line.startswith(f'SUBSYSTEM=="{subsystem}"')]
        (line,) = [line for line in of_it if 'ENV{ID_MM_DEVICE_IGNORE}="1"' in line]
        for vendor in ("05e0", "0c2e", "0536", "05f9"):
            assert vendor in line


def test_every_line_is_a_list_of_keys() -> None:
    key = r'[A-Z]+(\{[\w/]+\})?(==|!=|=|\+=|:=)"[^"]*"'
    for line in RULES.read_text().splitlines():
        assert not line or line.startswith("#") or re.fullmatch(rf"{key}(, {key})*", line), line
