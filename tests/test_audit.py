"""The tests' environment holds to constraints.txt and to the licences we take; and what would not is found."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from importlib.metadata import Distribution, PathDistribution
from pathlib import Path

import pytest

from tests.audit import ROOT, installed, licences, needed, pins, taken, wrong

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def made(folder: Path, name: str, version: str, *lines: str) -> Distribution:
    info = folder / f"{name}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("\n".join(("Metadata-Version: 2.4", f"Name: {name}", f"Version: {version}", *lines)))
    return PathDistribution(info)


def test_what_is_installed_is_pinned_needed_and_of_a_licence_that_we_take() -> None:
    """What else than pinned is in an environment of somebody's own is told by `make audit`, not here."""
    found = {name: one for name, one in installed().items() if name in pins()}
    found["jaego"] = installed()["jaego"]
    held = {name: found[name].version if name in found else version for name, version in pins().items()}
    assert list(wrong(found, held, PROJECT)) == []
    assert len(needed(found, ())) > 20


def test_what_is_not_pinned_not_needed_or_under_the_gpl_is_found(tmp_path: Path) -> None:
    jaego = made(tmp_path, "jaego", "0.1.0", "Requires-Dist: a", "Requires-Dist: b; extra == 'hq'")
    found = {
        "jaego": jaego,
        "a": made(tmp_path, "a", "2", "License-Expression: GPL-3.0-or-later"),
        "b": made(tmp_path, "b", "1", "Classifier: License :: OSI Approved :: BSD License"),
        "c": made(tmp_path, "c", "1"),
    }
    project = {"dependencies": [], "optional-dependencies": {"hq": []}}
    said = list(wrong(found, {"a": "1", "b": "1", "c": "1"}, project))
    assert [one.partition(":")[0].partition(" is ")[0] for one in said] == ["a 2", "a", "c", "c", "a"]
    assert "GPL" in said[-1]


@pytest.mark.parametrize(
    ("lines", "good"),
    [
        (["License-Expression: EPL-2.0 OR BSD-3-Clause"], True),
        (["License-Expression: MPL-2.0 AND (Apache-2.0 OR MIT)"], True),
        (["License-Expression: MIT AND AGPL-3.0-only"], False),
        (["License-Expression: LGPL-3.0-only"], False),
        (["License: Apache License, Version 2.0"], True),
        (["License: Proprietary"], False),
        (["Classifier: License :: OSI Approved :: GNU General Public License v3 (GPLv3)"], False),
        ([], False),
    ],
)
def test_licences_are_read(tmp_path: Path, lines: list[str], good: bool) -> None:
    one = made(tmp_path, "x", "1", *lines)
    assert taken("x", licences(one)) is good


def test_the_command_says_what_is_wrong_in_lines() -> None:
    done = subprocess.run([sys.executable, "-m", "tests.audit"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert " pinned; not here: " in done.stdout
    assert (done.returncode == 0) == (done.stderr == ""), done.stderr
