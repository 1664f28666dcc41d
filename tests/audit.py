"""What is installed, against constraints.txt and the licences we take: `python -m tests.audit`, `make audit`.

From the metadata of the environment, without a network: nothing is installed that is not pinned, nothing is pinned that
nobody needs, every licence is one that we take, and what the program depends on is imported by it. Known
vulnerabilities: scripts/audit.
"""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator
from importlib.metadata import Distribution, distributions, packages_distributions
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
PACKAGES = ("identity", "contract", "drivers", "agent", "headoffice", "simulators")
INSTALLERS = {"pip", "setuptools", "wheel"}
# What a store or a head office runs. `postgres` is head office's, and its driver is used as it comes.
RUN = ("hid", "hid-source", "hq", "postgres", "print", "sim", "embedded-broker")
TAKEN = re.compile(
    r"MIT(-0|-CMU)?|BSD(-[23]-Clause)?|0BSD|Apache(-2\.0)?|ISC|PSF-2\.0|MPL-2\.0|EPL-2\.0|Zlib|CC0-1\.0"
    r"|Public Domain|DFSG"
)
# Library licences of one package each, and why.
ALONE = {
    "psycopg": ("LGPL-3.0-only", "a library that is imported unchanged, of an optional extra of head office"),
    "psycopg-binary": ("LGPL-3.0-only", "as psycopg, which it is a part of"),
}
# Not imported: what is used of it instead.
BY_FILES = {
    "plotly": "its script, found by headoffice/web/assets.py",
    "amqtt": "its command, started by simulators/demo.py",
}
# Words of free text and of classifiers for the names above.
WORDS = (
    (r"(Mozilla Public License 2\.0 \(MPL 2\.0\)|MPL[- ]2\.0)", "MPL-2.0"),
    (r"Apache( Software)? Licen[sc]e(, Version 2\.0)?|Apache[- ]2\.0", "Apache-2.0"),
    (r"BSD [Ll]icense|BSD [23]-Clause License|^BSD$|^BSD license.*", "BSD-3-Clause"),
    (r"MIT License", "MIT"),
    (r"ISC License( \(ISCL\))?", "ISC"),
    (r"any-OSI", "MIT"),
    (r"DFSG approved", "DFSG"),
)


def pins() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    return {canonicalize_name(name): held for name, held in (one.split("==") for one in lines if "==" in one)}


def installed() -> dict[str, Distribution]:
    return {canonicalize_name(one.metadata["Name"]): one for one in distributions()}


def licences(one: Distribution) -> list[str]:
    """By SPDX where it says so, else by its classifiers, else by its own words; as names, alternatives apart."""
    told = one.metadata["License-Expression"] or ""
    if not told:
        classes = one.metadata.get_all("Classifier") or []
        told = " AND ".join(line.rpartition(" :: ")[2] for line in classes if line.startswith("License :: "))
    told = told or (one.metadata["License"] or "").partition("\n")[0].partition(", dependency")[0]
    for words, name in WORDS:
        told = re.sub(words, name, told)
    told = told.replace(", ", " AND ")
    return [part.strip(" ()") for part in told.split(" AND ")] if told else []


def taken(name: str, told: list[str]) -> bool:
    """Of alternatives one is enough, of several all are needed."""
    if name in ALONE and told == [ALONE[name][0]]:
        return True
    return bool(told) and all(any(TAKEN.fullmatch(one.strip(" ()")) for one in part.split(" OR ")) for part in told)


def needed(found: dict[str, Distribution], extras: Iterable[str]) -> set[str]:
    """The names that jaego with its extras reaches, also those that are not installed here."""
    reached: set[tuple[str, str]] = set()
    waiting = [("jaego", extra) for extra in ("", *extras)]
    while waiting:
        name, extra = waiting.pop()
        if (name, extra) in reached:
            continue
        reached.add((name, extra))
        for line in (found[name].requires or []) if name in found else []:
            one = Requirement(line)
            if one.marker is None or one.marker.evaluate({"extra": extra}):
                other = canonicalize_name(one.name)
                waiting += [(other, more) for more in ("", *one.extras)]
    return {name for name, _ in reached}


def imported() -> set[str]:
    """Top modules that the program imports, anywhere in it."""
    found: set[str] = set()
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.Import):
                    found.update(one.name.partition(".")[0] for one in node.names)
                elif isinstance(node, ast.ImportFrom) and node.module:
                    found.add(node.module.partition(".")[0])
    return found


def unused(project: dict[str, Any]) -> Iterator[str]:
    """Dependencies of the program that it does not import."""
    modules = packages_distributions()
    used = {canonicalize_name(name) for module in imported() for name in modules.get(module, [])}
    wanted = [
        *project["dependencies"],
        *(line for one in RUN for line in project["optional-dependencies"].get(one, [])),
    ]
    for line in wanted:
        name = canonicalize_name(Requirement(line).name)
        if name in installed() and name not in used and name not in BY_FILES:
            yield name


def wrong(found: dict[str, Distribution], held: dict[str, str], project: dict[str, Any]) -> Iterator[str]:
    extras = project["optional-dependencies"]
    for name, one in sorted(found.items()):
        if name == "jaego" or name in INSTALLERS:
            continue
        if held.get(name) != one.version:
            yield f"{name} {one.version} is installed, constraints.txt has {held.get(name, 'none')}"
        told = licences(one)
        if not taken(name, told):
            yield f"{name}: licence {' AND '.join(told) or 'not told'}: take it here with a reason, or not at all"
    reached = needed(found, extras)
    for name in sorted(held):
        if name in found and name not in reached:
            yield f"{name} is pinned and nobody needs it"
    for name in sorted(needed(found, RUN) & found.keys()):
        if any("GPL" in one and name not in ALONE for one in licences(found[name])):
            yield f"{name} is under the GPL, and the program runs with it"
    for name in unused(project):
        yield f"{name} is a dependency of the program, which does not import it"


def main() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    found, held = installed(), pins()
    mistakes = list(wrong(found, held, project))
    for line in mistakes:
        sys.stderr.write(f"{line}\n")
    absent = sorted(held.keys() - found.keys())
    sys.stdout.write(f"{len(found)} packages installed, {len(held)} pinned; not here: {', '.join(absent) or 'none'}\n")
    sys.exit(bool(mistakes))


if __name__ == "__main__":
    main()
