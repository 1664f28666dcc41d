"""The support bundle: what helps somebody who cannot come, and nothing that must not leave the store.

No secret, key, badge, PIN or token, no name of a person, no clerk's id and no event's data. What goes in is chosen part
by part; then every text is searched once more for the secrets that this store's files hold.
"""

from __future__ import annotations

import gzip
import io
import json
import platform
import re
import sqlite3
import subprocess
import sys
import tarfile
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from importlib.metadata import distributions
from pathlib import Path
from typing import Any, cast

from agent import VERSION
from agent.clock import SystemClock
from agent.config import FILE_BYTES_MAX, Config, load, secret
from agent.control import request
from agent.doctor.look import secret_files
from agent.doctor.run import examine, told
from agent.errors import AgentError, ConfigError
from agent.ledger.files import read_errors
from agent.ledger.reader import Reader

LOG_LINES_MAX = 5000
LOG_S_MAX = 20.0
EVENTS_MAX = 500
ASK_S_MAX = 10.0
SECRET_CHARACTERS_MIN = 2  # a single letter would tear holes into everything
REMOVED = "(removed)"
UNIT = "jaego-agent"
ENVELOPE = ("seq", "log", "type", "occurred_at", "recorded_at", "clock", "hash")
_SECRET_KEY = re.compile(r"pass|pw|secret|token|pin$|key|credential|auth|user", re.IGNORECASE)
_PATTERNS = (
    re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL),
    re.compile(r"(?<=//)[^/\s@]+(?=@)"),  # user and password in an address
    re.compile(r"(?i)(?<=bearer )\S+"),
    re.compile(r"(?i)((?<=password=)|(?<=password: )|(?<=token=)|(?<=secret=)|(?<=pin=))[^\s,;&]+"),
)


def write(file: Path, config_file: Path) -> dict[str, int]:
    """Make the archive, readable by its owner only; gives its parts and their sizes. Raises OSError."""
    parts = collect(config_file)
    at_s = SystemClock().now().wall_us // 1_000_000
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, text in parts.items():
            data = text.encode(errors="replace")
            held = tarfile.TarInfo(f"jaego-bundle/{name}")
            held.size, held.mtime, held.mode = len(data), at_s, 0o600
            archive.addfile(held, io.BytesIO(data))
    part = file.with_name(f"{file.name}.part")
    try:
        part.touch(0o600)
        part.write_bytes(gzip.compress(packed.getvalue()))
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)
    return {name: len(text.encode(errors="replace")) for name, text in parts.items()}


def collect(config_file: Path) -> dict[str, str]:
    """The parts as they go out. What cannot be had says why."""
    config: Config | None = None
    with suppress(ConfigError):  # a finding says what is wrong with it
        config = load(config_file)
    makers: dict[str, Callable[[], Any]] = {
        "findings.json": lambda: told(examine(config_file)[0]),
        "configuration.json": lambda: redacted(written(config_file)),
        "versions.json": _versions,
        "log.txt": _log,
    }
    if config is not None:
        folder = config.store.state_dir
        makers |= {
            "devices.json": lambda: list(request(folder, "devices", wait_s=ASK_S_MAX)),
            "health.json": lambda: list(request(folder, "health", wait_s=ASK_S_MAX)),
            "files.json": lambda: _files(folder),
            "events.json": lambda: list(_events(folder)),
        }
    secrets = sorted(_secrets(config_file, config), key=len, reverse=True)
    return {name: _text(scrubbed(_said(make), secrets)) for name, make in makers.items()}


def _said(make: Callable[[], Any]) -> Any:
    try:
        return make()
    except (AgentError, OSError, ValueError, subprocess.SubprocessError) as error:
        return f"not to be had: {error}\n"


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=1) + "\n"


# -- what is taken out -------------------------------------------------------------------------------------------------


def written(path: Path) -> dict[str, Any]:
    """The settings as they stand in the file, right or wrong. Raises OSError, ValueError."""
    with path.open("rb") as file:
        return tomllib.loads(file.read(FILE_BYTES_MAX).decode("utf-8-sig"))


def redacted(value: Any, key: str = "") -> Any:
    """Without what may be a secret, by its name. Paths of secrets' files stay: where a secret lies is none."""
    if isinstance(value, Mapping):
        table = cast("Mapping[str, Any]", value)
        return {name: redacted(inner, name) for name, inner in table.items()}
    if isinstance(value, list):
        return [redacted(inner, key) for inner in cast("list[Any]", value)]
    if _is_secret(key):
        return REMOVED
    return value if isinstance(value, str | int | float | bool) else str(value)


def scrubbed(value: Any, secrets: Sequence[str]) -> Any:
    """The same without the secrets, the longest first, and without what looks like one."""
    if isinstance(value, Mapping):
        table = cast("Mapping[str, Any]", value)
        return {scrubbed(name, secrets): scrubbed(inner, secrets) for name, inner in table.items()}
    if isinstance(value, list):
        return [scrubbed(inner, secrets) for inner in cast("list[Any]", value)]
    if not isinstance(value, str):
        return value
    for one in secrets:
        value = value.replace(one, REMOVED)
    for pattern in _PATTERNS:
        value = pattern.sub(REMOVED, value)
    return value


def _secrets(config_file: Path, config: Config | None) -> set[str]:
    """Every text that must not go out: what stands in the configuration though it should not, the contents of secrets'
    files, people's names and ids."""
    found: set[str] = set()
    with suppress(OSError, ValueError):
        found.update(_inline(written(config_file)))
    if config is not None:
        for _name, path in secret_files(config):
            with suppress(ConfigError):
                found.update((secret(path) or "").splitlines())
            with suppress(OSError):
                found.add(path.read_bytes()[:FILE_BYTES_MAX].hex())
        database = config.store.state_dir / "people.db"
        with suppress(sqlite3.Error), closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
            for row in connection.execute("SELECT clerk, name FROM clerks"):
                found.update(map(str, row))
    return {one for one in found if len(one) >= SECRET_CHARACTERS_MIN}


def _inline(value: Any, key: str = "") -> Iterator[str]:
    if isinstance(value, Mapping):
        for name, inner in cast("Mapping[str, Any]", value).items():
            yield from _inline(inner, name)
    elif isinstance(value, list):
        for inner in cast("list[Any]", value):
            yield from _inline(inner, key)
    elif _is_secret(key) and "user" not in key.lower():
        yield str(value)


def _is_secret(key: str) -> bool:
    return _SECRET_KEY.search(key) is not None and not key.endswith("_file")


# -- what goes in ------------------------------------------------------------------------------------------------------


def _versions() -> dict[str, Any]:
    return {
        "jaego": VERSION,
        "python": sys.version,
        "sqlite": sqlite3.sqlite_version,
        "machine": {"system": platform.system(), "release": platform.release(), "processor": platform.machine()},
        "packages": {one.metadata["Name"]: one.version for one in distributions()},
    }


def _log() -> str:
    """The unit's newest lines, where there is a journal."""
    command = ["journalctl", "--unit", UNIT, "--lines", str(LOG_LINES_MAX), "--no-pager", "--output", "short-iso"]
    done = subprocess.run(command, capture_output=True, timeout=LOG_S_MAX, check=False)  # noqa: S603  our own words
    return done.stdout.decode(errors="replace") or f"no lines: {done.stderr.decode(errors='replace')}"


def _files(folder: Path) -> dict[str, Any]:
    """Names, sizes and permissions of the state folder; never a content."""
    found: dict[str, Any] = {}
    for path in sorted(folder.iterdir()):
        held = path.lstat()
        found[path.name] = {"size_bytes": held.st_size, "mode": f"{held.st_mode:o}", "owner": held.st_uid}
    return found


def _events(folder: Path) -> Iterator[dict[str, Any]]:
    """The newest events: when, what kind and where from, without what they say and without the clerk."""
    with closing(Reader(folder)) as reader, read_errors(folder):
        for event in reader.newest(EVENTS_MAX):
            source = {name: value for name, value in event["source"].items() if name in {"device", "station"}}
            yield {**{name: event[name] for name in ENVELOPE}, "kind": event["data"].get("kind"), "source": source}
