"""The host's hand inside the guest: a JSON request a line on the virtio port `hand`, a JSON answer a line.

    {"id": 1, "sh": TEXT, "timeout_s": 60}           {"id": 1, "code": 0, "out": …, "err": …}
    {"id": 2, "put": PATH, "base64": …, "mode": 420}  {"id": 2, "code": 0}
    {"id": 3, "get": PATH}                           {"id": 3, "code": 0, "base64": …}

Each request has a thread, so that a long command holds up no other. Debian's own Python alone.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/srv",
    "LANG": "C.UTF-8",
    "DEBIAN_FRONTEND": "noninteractive",
    "TERM": "dumb",
}
_writing = threading.Lock()


def open_port(name: str) -> int:
    """Found in sysfs: udev may not have made its link yet."""
    while True:
        with contextlib.suppress(OSError):
            for port in Path("/sys/class/virtio-ports").iterdir():
                if (port / "name").read_text().strip() == name:
                    return os.open(f"/dev/{port.name}", os.O_RDWR)
        time.sleep(0.1)


def say(port: int, answer: dict[str, Any]) -> None:
    rest = memoryview(json.dumps(answer).encode() + b"\n")
    with _writing:
        while rest:
            rest = rest[os.write(port, rest) :]


def run(text: str, timeout_s: float) -> dict[str, Any]:
    process = subprocess.Popen(
        ["/bin/bash", "-c", text],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        cwd="/srv",
        env=ENVIRONMENT,
    )
    try:
        out, err = process.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        out, err = process.communicate()
    return {"code": process.returncode, "out": out.decode(errors="replace"), "err": err.decode(errors="replace")}


def serve(asked: dict[str, Any]) -> dict[str, Any]:
    if "sh" in asked:
        return run(asked["sh"], asked["timeout_s"])
    if "put" in asked:
        path = Path(asked["put"])
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(base64.b64decode(asked["base64"]))
        path.chmod(asked["mode"])
        return {"code": 0}
    return {"code": 0, "base64": base64.b64encode(Path(asked["get"]).read_bytes()).decode()}


def answer(port: int, line: bytes) -> None:
    asked: dict[str, Any] = {}
    try:
        asked = json.loads(line)
        found = serve(asked)
    except Exception as error:  # noqa: BLE001  whatever it was, the host must hear of it
        found = {"code": 1, "err": repr(error)}
    say(port, {"id": asked.get("id"), **found})


def main() -> None:
    port = open_port("hand")
    say(port, {"id": 0, "code": 0})
    rest = bytearray()  # a package is a line of 47 MB
    while True:
        data = os.read(port, 1 << 20)
        if not data:  # nobody is connected at the host's end
            time.sleep(0.05)
            continue
        *ends, begin = data.split(b"\n")
        for end in ends:
            line, rest = bytes(rest + end), bytearray()
            threading.Thread(target=answer, args=(port, line), daemon=True).start()
        rest += begin


main()
