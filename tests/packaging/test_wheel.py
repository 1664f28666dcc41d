"""The wheel: everything of ours is in it, and it works in an environment that has never seen the sources."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
PACKAGES = ("identity", "contract", "drivers", "agent", "headoffice", "simulators")
LEFT_OUT = {".pyc"}

pytestmark = pytest.mark.timeout(300)

EVERY_MODULE = """
import importlib, pkgutil, sys
for package in sys.argv[1:]:
    for one in pkgutil.walk_packages(importlib.import_module(package).__path__, package + "."):
        importlib.import_module(one.name)
        print(one.name)
"""

SCHEMAS_AND_PAGES = """
import sqlite3
from pathlib import Path
import agent.web, headoffice.web
from agent.ledger import files
from headoffice.store import Store
from jinja2 import Environment, FileSystemLoader
Path("state").mkdir()
files.open_writer(Path("state")).close()
Store(Path("headoffice.db")).database.close()
for room in (agent.web, headoffice.web):
    environment = Environment(loader=FileSystemLoader(Path(room.__file__).parent / "templates"), autoescape=True)
    for name in environment.list_templates():
        environment.get_template(name)
        print(name)
"""


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if importlib.util.find_spec("pip") is None:
        pytest.skip("needs pip")
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    (made,) = folder.glob("*.whl")
    return made


@pytest.fixture(scope="session")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With the wheel, and what it depends on from the environment of the tests, which has ours as sources: a `.pth`
    file makes the packages of a folder known and follows none of the `.pth` files in it."""
    folder = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True, timeout=120)
    (site,) = folder.glob("lib/python*/site-packages")
    command = [sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python"), "install", "--quiet"]
    subprocess.run([*command, "--no-deps", "--no-compile", str(wheel)], check=True, timeout=120)
    (site / "others.pth").write_text(sysconfig.get_path("purelib") + "\n", "utf-8")
    return folder


def run(environment: Path, folder: Path, program: str, *arguments: str) -> str:
    command = [str(environment / "bin" / program), *arguments]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, cwd=folder, env=clean)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_every_file_of_ours_is_in_it(wheel: Path) -> None:
    """Also what is no Python: schemas, pages, styles, sounds, tables."""
    wanted = {
        path.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and path.suffix not in LEFT_OUT
    }
    names = set(zipfile.ZipFile(wheel).namelist())
    assert not wanted - names
    assert not {
        name
        for name in names
        if name.split("/")[0] not in PACKAGES and ".dist-info/" not in name and ".data/" not in name
    }


def test_what_an_installation_by_hand_needs_comes_with_it(environment: Path) -> None:
    place = environment / "share" / "jaego"
    assert (place / "agent.example.toml").read_bytes() == (ROOT / "config" / "agent.example.toml").read_bytes()
    assert {path.name for path in (place / "systemd").iterdir()} == {path.name for path in (ROOT / "systemd").iterdir()}


@pytest.mark.parametrize("program", ["jaego", "jaego-hq", "jaego-sim"])
def test_its_programs_run(environment: Path, tmp_path: Path, program: str) -> None:
    assert "Usage" in run(environment, tmp_path, program, "--help")


def test_every_module_can_be_imported_from_it(environment: Path, tmp_path: Path) -> None:
    told = run(environment, tmp_path, "python", "-W", "error", "-c", EVERY_MODULE, *PACKAGES)
    assert len(told.splitlines()) > 300
    where = run(environment, tmp_path, "python", "-c", "import agent; print(agent.__file__)")
    assert where.startswith(str(environment))


def test_its_schemas_and_pages_are_whole(environment: Path, tmp_path: Path) -> None:
    pages = run(environment, tmp_path, "python", "-c", SCHEMAS_AND_PAGES).splitlines()
    assert len(pages) > 20


def test_its_example_is_a_configuration(environment: Path, tmp_path: Path) -> None:
    example = environment / "share" / "jaego" / "agent.example.toml"
    assert "good. Store S001" in run(environment, tmp_path, "jaego", "check-config", str(example))
