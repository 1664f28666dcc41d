"""The release after this one, made of this one's package: a version more, and a ledger with a table more."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

from agent.ledger import schema

NEWER = "9.0.0"
NEWER_SCHEMA = schema.VERSION + 1
NEWER_STEP = f"{NEWER_SCHEMA:03d}_newer"
LEDGER = "opt/jaego/lib/python3.11/site-packages/agent/ledger"


def unpack(deb: Path, folder: Path) -> None:
    subprocess.run(["dpkg-deb", "--raw-extract", str(deb), str(folder)], check=True, timeout=300)


def make_newer(unpacked: Path, out: Path, compression: str = "none") -> Path:
    """In the folder `out`; `unpacked` stays as it is."""
    folder = out / "root"
    shutil.copytree(unpacked, folder, symlinks=True)
    control = folder / "DEBIAN" / "control"
    control.write_text(re.sub(r"(?m)^Version: .*$", f"Version: {NEWER}", control.read_text("utf-8")), "utf-8")
    ledger = folder / LEDGER
    steps = (ledger / "schema.py").read_text("utf-8")
    (ledger / "schema.py").write_text(
        steps.replace(f'"{schema.STEPS[-1]}"', f'"{schema.STEPS[-1]}", "{NEWER_STEP}"'), "utf-8"
    )
    statement = "CREATE TABLE newer (id INTEGER PRIMARY KEY) STRICT;\n"
    (ledger / "schema" / f"{NEWER_STEP}.sql").write_text(statement, "utf-8")
    (folder / "opt/jaego/release").write_text("newer\n", "utf-8")
    for stale in (ledger / "__pycache__").glob("schema.*.pyc"):
        stale.unlink()
    made = out / f"jaego_{NEWER}.deb"
    command = ["dpkg-deb", "--root-owner-group", f"-Z{compression}", "--build", str(folder), str(made)]
    subprocess.run(command, check=True, timeout=300, stdout=subprocess.DEVNULL)
    shutil.rmtree(folder)
    return made
