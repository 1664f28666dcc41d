"""The house rules that a test can hold (CONTRIBUTING.md): sizes, words, rooms, drivers, topics, texts, documents."""

from __future__ import annotations

import ast
import inspect
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from string import Formatter

import pytest

import agent.setup.texts
import agent.texts
import agent.web.texts
import headoffice.web.texts
from contract.topics import EventType, Topics
from drivers.registry import KINDS

ROOT = Path(__file__).parent.parent
PACKAGES = ("identity", "contract", "drivers", "agent", "headoffice", "simulators")
FOLDERS = (*PACKAGES, "tests", "bench", "config", "docs", "scripts", "systemd", "packaging", ".ci")
FUNCTION_LINES_MAX = 40
MODULE_LINES_MAX = 400
TEST_LINES_MAX = 800
# Tables that a script makes from a standard; nobody reads them line by line. Name and reason.
TABLES: dict[str, str] = {}


@cache
def tree() -> tuple[Path, ...]:
    """Every file of ours, without caches and what the machine made."""
    files = [path for path in ROOT.iterdir() if path.is_file() and not path.name.startswith(".coverage")]
    for folder in FOLDERS:
        files += [path for path in (ROOT / folder).rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    return tuple(sorted(files))


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@cache
def read(path: Path) -> str:
    """Empty for what is no text: an image, a font."""
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError:
        return ""


def python_files(*folders: str) -> list[Path]:
    return [path for path in tree() if path.suffix == ".py" and (not folders or named(path).split("/")[0] in folders)]


def functions(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(read(path))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            yield node.name, node.end_lineno - node.lineno + 1


def test_functions_fit_a_screen() -> None:
    long = [
        f"{named(path)}: {name} has {size} lines"
        for path in python_files()
        for name, size in functions(path)
        if size > FUNCTION_LINES_MAX
    ]
    assert not long


def test_modules_fit_a_head() -> None:
    long = []
    for path in python_files():
        name, size = named(path), len(read(path).splitlines())
        if name not in TABLES and size > (TEST_LINES_MAX if name.startswith("tests/") else MODULE_LINES_MAX):
            long.append(f"{name}: {size} lines")
    assert not long


def test_exempt_tables_exist() -> None:
    assert all((ROOT / name).exists() and reason for name, reason in TABLES.items())


@pytest.mark.parametrize(
    "word", ["TO" + "DO", "FIX" + "ME", "X" + "XX", "Not" + "ImplementedError", "assert " + "True"]
)
def test_nothing_is_left_for_later(word: str) -> None:
    pattern = re.compile(rf"\b{word}\b")
    assert not [
        f"{named(path)}:{number}"
        for path in tree()
        if "fixtures" not in path.parts
        for number, line in enumerate(read(path).splitlines(), start=1)
        if pattern.search(line)
    ]


_HOSTS = "|".join(
    re.escape(host) for host in ("pypi" + ".org", "python" + "hosted.org", "npm" + "js.", "proxy.golang" + ".org")
)
_PLACES = "|".join(("/wo" + "rk/", "/ro" + "ot/", "/tm" + "p/", "/ho" + r"me/\w"))


@pytest.mark.parametrize("pattern", [_HOSTS, rf"(?<![\w.])({_PLACES})"], ids=["registry host", "machine path"])
def test_no_file_knows_a_machine(pattern: str) -> None:
    found = re.compile(pattern)
    assert not [named(path) for path in tree() if "fixtures" not in path.parts and found.search(read(path))]


def packages() -> list[Path]:
    return [path.parent for path in python_files(*PACKAGES) if path.name == "__init__.py"]


def test_every_package_says_what_it_is() -> None:
    """By its docstring or a README, its own or that of the room above."""
    silent = []
    for package in packages():
        told = ast.get_docstring(ast.parse(read(package / "__init__.py")))
        room = ROOT / named(package).split("/")[0]
        if (
            not told
            and not (package / "README.md").exists()
            and not (package != room and (room / "README.md").exists())
        ):
            silent.append(named(package))
    assert not silent


@pytest.mark.parametrize("kind", KINDS)
def test_a_driver_is_whole(kind: str) -> None:
    """Codec, session, shell, settings; tests of codec and session; a simulator; a place in the suite; a section."""
    folder = KINDS[kind].__module__.split(".")[1]
    for part in ("frames", "session", "driver", "settings"):
        assert (ROOT / "drivers" / folder / f"{part}.py").exists(), f"drivers/{folder}/{part}.py"
    tests = "".join(read(path) for path in (ROOT / "tests" / "drivers").glob("test_*.py"))
    for part in ("frames", "session"):
        assert f"from drivers.{folder}.{part} import" in tests, f"no test of drivers/{folder}/{part}.py"
    simulators = "".join(map(read, python_files("simulators")))
    assert f"from drivers.{folder}.frames import" in simulators, f"no simulator of {kind}"
    suites = "".join(read(path) for path in (ROOT / "tests" / "drivers").glob("test_contract*.py"))
    assert f'"kind": "{kind}"' in suites, f"{kind} is not in the suite"
    assert f"\n## {kind}: " in read(ROOT / "drivers" / "README.md"), f"drivers/README.md has no section of {kind}"


def test_no_driver_is_an_orphan() -> None:
    folders = {path.parent.name for path in python_files("drivers") if path.name == "session.py"} - {"drivers"}
    assert folders == {model.__module__.split(".")[1] for model in KINDS.values()}


# Codecs that no driver uses yet. Room and reason; a row goes when the session comes.
CODECS_ALONE: dict[str, str] = {}


def test_a_codec_without_a_driver_is_named() -> None:
    driven = {model.__module__.split(".")[1] for model in KINDS.values()}
    assert {path.parent.name for path in python_files("drivers") if path.name == "frames.py"} == driven | {
        *CODECS_ALONE
    }
    assert not driven & CODECS_ALONE.keys(), "it has a driver now"
    tests = "".join(read(path) for path in (ROOT / "tests" / "drivers").glob("test_*.py"))
    for folder, reason in CODECS_ALONE.items():
        assert reason
        assert f"from drivers.{folder}.frames import" in tests, f"no test of drivers/{folder}/frames.py"
        assert f"\n## {folder}: " in read(ROOT / "drivers" / "README.md"), (
            f"drivers/README.md has no section of {folder}"
        )


def topics() -> list[str]:
    """Every topic of the contract as the document writes it: `level/{sku}`."""
    found = [f"`{kind.value}`" for kind in EventType]
    for name, method in inspect.getmembers(Topics, inspect.isfunction):
        parameters = list(inspect.signature(method).parameters)[1:]
        if name.startswith("_") or name == "events":
            continue
        topic = method(Topics("S"), *("x" for _ in parameters)).split("/", 2)[2]
        topic = topic.removeprefix("S/")
        word = f"{{{parameters[0].rpartition('_')[2]}}}" if parameters else ""
        found.append(f"`{topic.removesuffix('x')}{word}`" if parameters else f"`{topic}`")
    return found


@pytest.mark.parametrize("topic", topics())
def test_every_topic_is_documented(topic: str) -> None:
    assert topic in read(ROOT / "docs" / "contract.md")


TEXTS = {
    **{f"scan.{name}": both for name, both in agent.texts.TEXTS.items()},
    **{f"setup.{name}": both for name, both in agent.setup.texts.TEXTS.items()},
    **agent.web.texts.TEXTS,
    **{f"desk.{name}": both for name, both in headoffice.web.texts.TEXTS.items()},
}


@pytest.mark.parametrize("name", TEXTS)
def test_every_text_is_there_in_both_languages(name: str) -> None:
    korean, english = TEXTS[name]
    assert bool(korean.strip()) == bool(english.strip())
    fields = [sorted(field for _, field, _, _ in Formatter().parse(text) if field) for text in (korean, english)]
    assert fields[0] == fields[1], "the two languages tell different facts"


def configuration() -> dict[str, dict[str, object]]:
    return tomllib.loads(read(ROOT / "pyproject.toml"))["tool"]


def test_time_and_chance_are_known_in_clock_files_alone() -> None:
    """ruff refuses them elsewhere; nobody may widen that quietly."""
    ignores = configuration()["ruff"]["lint"]["per-file-ignores"]  # type: ignore[index]
    assert {where for where, rules in ignores.items() if "TID251" in rules} == {"**/clock.py", "tests/**", "bench/**"}
    assert len(ignores) <= 6, "rules are for all: give a reason at the line instead"
    assert not [named(path) for path in python_files(*PACKAGES) if re.search(r"noqa:.*TID251", read(path))]
    assert [named(path) for path in python_files(*PACKAGES) if path.name == "clock.py"] == [
        "agent/clock.py",
        "headoffice/clock.py",
        "simulators/clock.py",
    ]


def test_types_and_imports_are_checked_strictly() -> None:
    tools = configuration()
    assert tools["mypy"]["strict"] is True
    assert tools["pyright"]["typeCheckingMode"] == "strict"
    assert set(tools["mypy"]["packages"]) == set(tools["pyright"]["include"]) == set(PACKAGES)  # type: ignore[call-overload]
    assert len(tools["importlinter"]["contracts"]) >= 5  # type: ignore[arg-type]
    lint = read(ROOT / "Makefile").partition("\nlint:")[2].partition("\n\n")[0]
    for command in ("ruff check", "ruff format --check", "mypy", "pyright", "lint-imports"):
        assert f"/{command}" in lint


def test_every_dependency_is_pinned() -> None:
    pins = dict(line.split("==") for line in read(ROOT / "constraints.txt").splitlines() if not line.startswith("#"))
    known = {name.lower().replace("_", "-") for name in pins}
    project = tomllib.loads(read(ROOT / "pyproject.toml"))["project"]
    wanted = [*project["dependencies"], *(one for extra in project["optional-dependencies"].values() for one in extra)]
    names = {re.split(r"[\[<>=!~ ]", one)[0].lower() for one in wanted}
    assert names <= known


_LINK = re.compile(r"\]\((?!https?:|#|mailto:|pictures/)([^)#\s]+)(?:#[^)]*)?\)")
_MENTION = re.compile(rf"(?<![\w./-])(?:{'|'.join(FOLDERS[:-1])})/[\w/-]+\.(?:md|py|toml|csv|json|rules|service)\b")


def test_documents_that_are_named_exist() -> None:
    gone = []
    for path in tree():
        if "fixtures" in path.parts or path.suffix not in {".md", ".py", ".toml", ".sql"}:
            continue
        text = read(path)
        gone += [f"{named(path)}: {name}" for name in _MENTION.findall(text) if not (ROOT / name).exists()]
        if path.suffix == ".md":
            gone += [f"{named(path)}: {name}" for name in _LINK.findall(text) if not (path.parent / name).exists()]
    assert not gone


def test_decisions_are_numbered_and_have_their_parts() -> None:
    found = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    assert [int(path.name[:4]) for path in found] == list(range(1, len(found) + 1))
    for path in found:
        assert read(path).startswith(f"# {path.name[:4]} "), named(path)
        for part in ("\n## Why\n", "\n## What\n", "\n## What follows\n"):
            assert part in read(path), f"{named(path)} lacks{part.strip('#')}"


def test_fixtures_say_where_they_are_from() -> None:
    areas = [path for path in (ROOT / "tests" / "fixtures").iterdir() if path.is_dir()]
    assert areas
    assert not [named(area) for area in areas if not (area / "ORIGIN.md").exists()]
