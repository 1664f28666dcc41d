"""Keeps databases of old releases: each is written by the code that knew no newer schema.

    python -m tests.kept.make NAME…          such as: ledger-4 headoffice-5

Fetches that code from the repository's history, runs `write.py` in it, and packs what it wrote into
`tests/fixtures/ledgers/NAME.tar.gz`. Run once for each schema, when the next one comes: a file that is kept is never
written anew. What was kept is opened by `test_kept.py`.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
KEPT = ROOT / "tests" / "fixtures" / "ledgers"
# The last commit before the next schema. Head office's 3 and 4 came together.
COMMITS = {
    "ledger-1": "c5ea712~1",
    "ledger-2": "4d85083~1",
    "ledger-3": "7ef2226~1",
    "ledger-4": "6b6bbd5~1",
    "headoffice-1": "6dc5acd~1",
    "headoffice-2": "a343915~1",
    "headoffice-4": "8af5b67~1",
    "headoffice-5": "a94307c",
    "headoffice-6": "761074d~1",
    "headoffice-7": "1eecebd",
}


def make(name: str) -> Path:
    with tempfile.TemporaryDirectory() as work:
        tree, out = Path(work) / "tree", Path(work) / "out"
        archive = subprocess.run(["git", "archive", COMMITS[name]], cwd=ROOT, capture_output=True, check=True).stdout
        tree.mkdir()
        subprocess.run(["tar", "-x", "-C", str(tree)], input=archive, check=True)
        environment = os.environ | {"PYTHONPATH": str(tree), "PYTHONHASHSEED": "0"}
        more = ["headoffice"] if name.startswith("headoffice") else []
        command = [sys.executable, str(Path(__file__).with_name("write.py")), str(out), *more]
        subprocess.run(command, cwd=tree, env=environment, check=True)
        return pack(out, KEPT / f"{name}.tar.gz")


def pack(folder: Path, file: Path) -> Path:
    with tarfile.open(file, "w:gz") as tar:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and path.suffix != ".lock":
                member = tarfile.TarInfo(path.relative_to(folder).as_posix())
                member.size = path.stat().st_size
                tar.addfile(member, io.BytesIO(path.read_bytes()))
    return file


if __name__ == "__main__":
    for name in sys.argv[1:]:
        sys.stdout.write(f"{make(name)}\n")
