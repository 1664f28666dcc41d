"""An agent as a process of its own, for benchmarks that look at it from outside."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from simulators.scanner_line import LineScanner, LineSetup

CONFIG = """
[store]
id = "S001"
state_dir = "store"
zones = ["backroom"]
clock_trusted = true
{catalogue}
[uplink]
enabled = false
[web]
port = 0
[[station]]
name = "dock"
zone = "backroom"
[[device]]
name = "dock-line"
station = "dock"
[device.settings]
kind = "serial_line"
path = "dev/dock-line"
host_ack = "honeywell"
settle_ms = 0
"""
# A thread that does nothing but hold the interpreter, as a bad neighbour in the same process would.
BUSY = """
import threading
def spin():
    while True:
        sum(range(1000))
threading.Thread(target=spin, daemon=True).start()
"""
RUN = "from agent.run_cli import main; main()"


class Agent:
    def __init__(self, folder: Path, *, catalogue: Path | None = None) -> None:
        self.folder = folder
        for name in ("store", "dev"):
            (folder / name).mkdir(exist_ok=True, parents=True)
        section = f'[catalogue]\nfile = "{catalogue}"' if catalogue else ""
        self.config = folder / "agent.toml"
        self.config.write_text(CONFIG.format(catalogue=section))
        self.scanner = LineScanner(folder / "dev" / "dock-line", LineSetup(host_ack=True, host_ack_timeout_s=0.25))
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *, busy: bool = False) -> None:
        code = (BUSY if busy else "") + RUN
        command = [sys.executable, "-c", code, "run", str(self.config)]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stderr=log, stdout=log)

    def first_answer_s(self, timeout_s: float = 60) -> float:
        """From here on until a scan is answered."""
        begin = time.perf_counter()
        while time.perf_counter() - begin < timeout_s:
            if self.scanner.scan(b"4006381333931").acknowledged:
                return time.perf_counter() - begin
        raise TimeoutError((self.folder / "log").read_text()[-2000:])

    def resident_mib(self) -> float:
        assert self._process is not None
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmRSS"))

    def stop(self) -> None:
        assert self._process is not None
        self._process.terminate()
        self._process.wait(30)
