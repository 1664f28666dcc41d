"""A desk as a process of its own over the chain of thirty stores, for its pages; and every page there is."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Self

from headoffice.clock import SystemClock
from headoffice.web import tokens
from tests.brokers import free_port
from tests.browser.hq_data import KST, World, world

BIN = Path(sys.executable).parent
START_S_MAX = 40.0
# Of the chain; the names in braces are filled by `Desk.pages`.
PAGES = {
    "overview": "/",
    "stock": "/stock",
    "stock-below": "/stock?standing=below_min&store=jeju-01",
    "stock-none": "/stock?q=nothing+of+the+kind",
    "item": "/stock/{sku}",
    "stores": "/stores",
    "store": "/stores/seoul-01",
    "store-offline": "/stores/seoul-04",
    "movements": "/movements",
    "movements-filtered": "/movements?kind=transferred",
    "documents": "/documents",
    "document": "/documents/{document}",
    "counts": "/counts",
    "count": "/counts/{count}",
    "exceptions": "/exceptions",
    "alerts": "/alerts",
    "rules": "/alerts/rules",
    "checks": "/checks",
    "check": "/checks/{check}",
    "report": "/report?week={week}",
    "commands": "/commands",
    "expected": "/commands/expected",
    "devices": "/devices",
    "workers": "/workers",
    "login": "/login",
    "error-404": "/nothing",
    "error-422": "/stock?store=x+y",
}
REFUSED = {"error-404", "error-422"}


class Desk:
    """`with Desk(folder) as desk`: `base` is its address, `world` goes on writing; who is on this machine may act."""

    def __init__(self, folder: Path, days: int = 3, *options: str) -> None:
        self.folder = folder
        self.database = folder / "hq.db"
        self.world: World = world(self.database, days=days)
        self.base = f"http://127.0.0.1:{free_port()}"
        self._options = options or ("--open",)
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def token(self, name: str, role: tokens.Role) -> str:
        return tokens.add(self.world.storage.database, name, role, SystemClock())

    def start(self) -> None:
        command = [str(BIN / "jaego-hq"), "desk", "--db", str(self.database), "--no-parts", *self._options]
        with (self.folder / "desk.log").open("ab") as log:
            self._process = subprocess.Popen(
                [*command, "--http", self.base.removeprefix("http://")], stdout=log, stderr=log,
                env={**os.environ, "TZ": "Asia/Seoul"},
            )  # fmt: skip
        end_s = time.monotonic() + START_S_MAX
        while time.monotonic() < end_s:
            with suppress(OSError), urllib.request.urlopen(f"{self.base}/api/v1/health", timeout=2):
                return
            time.sleep(0.1)
        raise TimeoutError((self.folder / "desk.log").read_text()[-2000:])

    def pages(self) -> dict[str, str]:
        """Every page by its name, once there is something on it."""
        one = self.world.storage.database.rows
        sku = one("SELECT sku FROM reservation GROUP BY sku ORDER BY COUNT(*) DESC, sku")[0][0]
        document = "/".join(one("SELECT store, document FROM document WHERE short > 0 ORDER BY 1, 2")[0])
        count = "/".join(one("SELECT store, log, count_id FROM counted WHERE units_off > 0 ORDER BY 1, 2, 3")[0])
        check = one("SELECT MAX(id) FROM data_check WHERE rows_off > 0")[0][0]
        week = datetime.now(KST).strftime("%G-W%V")
        facts = {"sku": sku, "document": document, "count": count, "check": check, "week": week}
        return {name: path.format_map(facts) for name, path in PAGES.items()}

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(20)
            self._process = None

    def close(self) -> None:
        self.stop()
        self.world.storage.close()
