"""Packages for the store's PC on a stick, as an installer without a network brings them; and what is there of them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

from agent.ledger import schema
from tests.machine import devices
from tests.machine.store import ROOT, StorePc

MEDIA = "/media/stick"
MKE2FS = shutil.which("mke2fs", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin") or "mke2fs"
ROOM_BYTES = 16_000_000
# The guest has no sudo, which the documents say.
SUDO = '#!/bin/sh\nshift\nuser=$1\nshift\nexec setpriv --reuid="$user" --regid="$user" --init-groups "$@"\n'
LEDGER = """
import sqlite3, sys
ledger = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True)
version, = ledger.execute("PRAGMA user_version").fetchone()
head, = ledger.execute("SELECT max(seq) FROM event").fetchone()
print(version, head)
"""


def stick(folder: Path, *files: Path) -> Path:
    """An image with these files, for `plug`."""
    content = folder / "content"
    content.mkdir()
    for file in files:
        shutil.copy(file, content)
    image = folder / "stick.img"
    size_kib = (sum(file.stat().st_size for file in files) * 11 // 10 + ROOM_BYTES) // 1024
    command = [MKE2FS, "-q", "-t", "ext4", "-O", "^has_journal", "-d", str(content), str(image), f"{size_kib}k"]
    subprocess.run(command, check=True, timeout=120)
    shutil.rmtree(content)
    return image


def plug(pc: StorePc, image: Path) -> None:
    devices.plug_disk(pc.vm, "stick", str(image))
    pc.vm.sh(f"mkdir -p {MEDIA} && mount -r /dev/disk/by-id/virtio-stick {MEDIA}", expected=0)


def version(pc: StorePc) -> str:
    """Status and version of the package, as dpkg has them."""
    return pc.vm.sh("dpkg-query --show --showformat '${Status} ${Version}' jaego").out


def schema_of(pc: StorePc, name: str = "ledger.db") -> tuple[int, int]:
    """Schema and newest event of that ledger in the state folder."""
    pc.vm.put("/srv/schema.py", LEDGER)
    command = "setpriv --reuid=jaego --regid=jaego --clear-groups python3 -I /srv/schema.py"
    found = pc.vm.sh(f"{command} /var/lib/jaego/{name}", expected=0).out.split()
    return int(found[0]), int(found[1])


def going_back() -> list[str]:
    """The commands of docs/install.md for a release with an older schema, in order, for this machine."""
    text = (ROOT / "docs" / "install.md").read_text("utf-8")
    section = text.split("\n## Going back\n")[1].split("\n## ")[0]
    commands = re.findall(r"(?m)^    (\S.*)$", section)
    return [one.replace("-schema-N", f"-schema-{schema.VERSION + 1}").replace("./", f"{MEDIA}/") for one in commands]
