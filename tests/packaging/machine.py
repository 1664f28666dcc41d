"""A Debian machine to install into: this one, seen through an overlay, so that nothing of it changes.

Every call has its own mounts, network and processes; what it wrote is there at the next. There is no network but the
loopback, and no running systemd: what the maintainer scripts do with one is the business of the virtual store PC.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

TOOLS = (
    "dpkg",
    "dpkg-deb",
    "unshare",
    "chroot",
    "systemd-sysusers",
    "systemd-tmpfiles",
    "deb-systemd-helper",
    "debconf",
)
MEMORY = Path(
    "/dev/shm"
)  # a layer must not lie within another, so not on the disk of `/`; and nothing waits for a disk
ROOM_BYTES = 2_000_000_000
DEBIANS_PYTHON = Path("/usr/bin/python3.11")

_ENTER = """set -e
mount -t overlay overlay -o "lowerdir=$3,upperdir=$1/upper,workdir=$1/work" "$1/root"
mount -t proc proc "$1/root/proc"
mount --rbind /dev "$1/root/dev"
mkdir -p "$1/root/run/jaego-test"
! command -v ip >/dev/null || ip link set lo up
exec chroot "$1/root" /bin/bash -euc "cd /; $2"
"""


class Machine:
    """With `base`: as that one was left, without changing it."""

    def __init__(self, folder: Path, base: Machine | None = None) -> None:
        self.folder = folder
        for name in ("upper", "work", "root"):
            (folder / name).mkdir(parents=True)
        self._layers: list[Path] = [] if base is None else [base.folder / "upper", *base._layers]

    def sh(self, script: str, *, expected: int = 0, answers: str | None = None) -> str:
        """What the script said, on both; its exit code must be as expected. With `answers`: at a terminal, typed."""
        inner = script if answers is None else f"script --quiet --return --command {_quoted(script)} /dev/null"
        layers = ":".join(map(str, [*self._layers, "/"]))
        own = ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child"]
        command = [*own, "sh", "-c", _ENTER, "enter", str(self.folder), inner, layers]
        frontend = "noninteractive" if answers is None else "readline"
        paths = "/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"
        done = subprocess.run(
            command,
            input=answers or "",
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
            check=False,
            env={"PATH": paths, "DEBIAN_FRONTEND": frontend, "LC_ALL": "C.UTF-8", "HOME": "/", "TERM": "dumb"},
        )
        assert done.returncode == expected, done.stdout
        return done.stdout

    def put(self, path: str, text: str) -> None:
        place = self.folder / "upper" / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, "utf-8")

    def take(self, file: Path) -> str:
        """Put a file into the machine: its path there."""
        place = self.folder / "upper" / "srv" / file.name
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, place)
        return f"/srv/{file.name}"


def _quoted(script: str) -> str:
    return "'" + script.replace("'", "'\\''") + "'"


@contextmanager
def room() -> Generator[Path]:
    """A folder for machines, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="jaego-", dir=MEMORY) as folder:
        yield Path(folder)


def lacking() -> str | None:
    """Why no machine can be had here, or None."""
    if os.geteuid() != 0:
        return "needs root, to mount"
    found = {tool for tool in TOOLS if shutil.which(tool, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")}
    if set(TOOLS) - found:
        return f"needs {', '.join(sorted(set(TOOLS) - found))}"
    if not MEMORY.is_dir() or shutil.disk_usage(MEMORY).free < ROOM_BYTES:
        return f"needs {ROOM_BYTES // 1_000_000} MB of memory in {MEMORY}"
    try:
        with room() as folder:
            Machine(folder / "machine", Machine(folder / "base")).sh(
                "dpkg-query --show python3 udev tzdata init-system-helpers debconf"
            )
    except AssertionError as error:
        return f"no overlay of this machine, or a package is missing: {str(error).strip()[:200]}"
    return None
