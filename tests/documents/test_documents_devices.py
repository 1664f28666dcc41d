"""docs/devices.md against the drivers: its examples are configurations, and every kind has one."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from drivers.registry import KINDS, AnySettings

TEXT = (Path(__file__).parent.parent.parent / "docs" / "devices.md").read_text("utf-8")
DEVICES: list[dict[str, Any]] = [
    one for block in re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL) for one in tomllib.loads(block)["device"]
]


@pytest.mark.parametrize("device", DEVICES, ids=lambda one: one["name"])
def test_an_example_is_a_configuration(device: dict[str, Any]) -> None:
    assert device.keys() <= {"name", "station", "settings"}
    TypeAdapter(AnySettings).validate_python(device["settings"])


def test_every_kind_has_an_example_and_a_row() -> None:
    assert {device["settings"]["kind"] for device in DEVICES} == set(KINDS)
    table = "".join(line for line in TEXT.splitlines() if line.startswith("| ") and line.count("|") == 6)
    assert [kind for kind in KINDS if f"`{kind}`" not in table] == []
